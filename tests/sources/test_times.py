"""Instants as other systems write them."""

from typing import Any

import pytest

from openalert.domain.instant import DAY
from openalert.sources import times

MOMENT = 1_541_367_838_283
"""2018-11-04T21:43:58.283Z"""


@pytest.mark.parametrize(
    "value",
    [
        "2018-11-04T21:43:58.283Z",
        "2018-11-04t21:43:58.283z",
        "2018-11-04T22:43:58.283995108+01:00",
        "2018-11-04T21:43:58.2839951Z",
        "2018-11-04T21:43:58.2839951081Z",
        "2018-11-04T21:43:58.283+0000",
        "2018-11-04T16:13:58,283-05:30",
        "2018-11-04T23:43:58.283+02",
        "2018-11-04 21:43:58.283",
        "2018-11-04 21:43:58.283 UTC",
        "2018-11-04 21:43:58.283995108 +0000 UTC",
        "2018-11-04 22:43:58.283995108 +0100 CET m=+0.000012",
        " 2018-11-04T21:43:58.283Z ",
        1_541_367_838.283,
        1_541_367_838_283,
        1_541_367_838_283_995,
        1_541_367_838_283_995_108,
        "1541367838.283",
        "1541367838283",
        "1541367838283995108",
    ],
)
def test_one_moment_in_many_dialects(value: Any) -> None:
    """Every way of writing it gives the same milliseconds; numbers are told apart by their size."""
    found = times.instant(value)
    assert found is not None
    assert abs(found - MOMENT) <= 1


@pytest.mark.parametrize(
    "value",
    [
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "0000-00-00T00:00:00Z",
        "1970-01-01T00:00:00Z",
        "9999-12-31T23:59:59-14:00",
        "10000-01-01T00:00:00Z",
        "2018-13-04T21:43:58Z",
        "2018-11-04T24:43:58Z",
        "2018-11-04T21:43:61Z",
        "2018-11-04T21:43:58+99:99",
        "2018-11-04T22:43:58+01.00",
        "٢٠١٨-11-04T21:43:58Z",
        "2018-11-04",
        "yesterday",
        "",
        "0",
        "12345",
        "9" * 60,
        "9" * 100_000,
        0,
        -1,
        5,
        1e300,
        10**400,
        True,
        None,
        [],
        {},
    ],
)
def test_what_is_unset_or_no_moment(value: Any) -> None:
    """Placeholders for "no time", impossible dates and everything else are None, never an exception."""
    assert times.instant(value) is None


@pytest.mark.proves("F-23")
def test_a_leap_second_is_the_end_of_its_minute() -> None:
    """Second 60 exists; our instants have none."""
    assert times.instant("2016-12-31T23:59:60Z") == 1_483_228_799_999


def test_a_time_far_ahead_is_not_believed() -> None:
    """A sender whose clock is days ahead must not order alerts; some hours are a time zone left out."""
    assert times.not_future(MOMENT + DAY, MOMENT) == MOMENT + DAY
    assert times.not_future(MOMENT + DAY + 1, MOMENT) is None
    assert times.not_future(None, MOMENT) is None
