"""A provider is given messages at its pace."""

import pytest

from openalert.domain.bucket import Bucket
from openalert.domain.instant import HOUR, SECOND


def test_a_burst_goes_at_once_and_then_one_after_the_other() -> None:
    """Three at once, the fourth half a second later at two a second."""
    bucket = Bucket(2, 3)
    for _ in range(3):
        assert bucket.available(0)
        bucket.take(0)
    assert not bucket.available(0)
    assert bucket.wait(0) == pytest.approx(0.5)
    assert not bucket.available(499)
    assert bucket.available(500)


def test_more_urgent_messages_find_something_left() -> None:
    """What leaves half of the burst to others stops at half; what leaves nothing goes on."""
    bucket = Bucket(1, 10)
    taken = 0
    while bucket.available(0, keep=0.5):
        bucket.take(0)
        taken += 1
    assert taken == 5
    assert bucket.available(0)


def test_without_a_limit_nobody_waits() -> None:
    """A pace of 0 is none."""
    bucket = Bucket(0, 1)
    for _ in range(100):
        assert bucket.available(0, keep=0.9)
        bucket.take(0)
    assert bucket.wait(0) == 0


def test_a_provider_that_asks_for_a_pause_gets_it() -> None:
    """Also one without a limit of ours; the longest pause asked for counts."""
    bucket = Bucket(0, 1)
    bucket.pause(0, 7)
    bucket.pause(0, 3)
    assert bucket.wait(0) == 7
    assert not bucket.available(6_999)
    assert bucket.available(7 * SECOND)


def test_what_did_not_go_out_is_given_back() -> None:
    """Never above the burst."""
    bucket = Bucket(1, 1)
    bucket.take(0)
    bucket.give_back()
    bucket.give_back()
    bucket.take(0)
    assert not bucket.available(0)


def test_a_clock_that_is_set_back_stops_nobody() -> None:
    """A pause of seconds does not become one of hours, and no token is taken away."""
    bucket = Bucket(1, 2)
    bucket.pause(3 * HOUR, 5)
    bucket.take(3 * HOUR)
    assert bucket.available(HOUR)
