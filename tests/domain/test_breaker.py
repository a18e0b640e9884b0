"""A provider that fails again and again is left alone, and tried now and then."""

import pytest

from openalert.domain.breaker import OPENS_AFTER, PROBE_EVERY, Breaker, BreakerState
from openalert.domain.instant import HOUR


@pytest.fixture
def broken() -> Breaker:
    """It has just opened, at 0."""
    breaker = Breaker()
    for _ in range(OPENS_AFTER):
        breaker.failed(0)
    return breaker


def test_it_opens_after_five_failures_in_a_row_and_not_before() -> None:
    """Four failures, a success and four more leave it closed; the fifth in a row opens it."""
    breaker = Breaker()
    for _ in range(OPENS_AFTER - 1):
        breaker.failed(0)
    assert breaker.allows(0)
    breaker.succeeded()
    for _ in range(OPENS_AFTER - 1):
        breaker.failed(0)
    assert breaker.state(0) is BreakerState.CLOSED
    breaker.failed(0)
    assert (breaker.state(0), breaker.allows(0)) == (BreakerState.OPEN, False)


def test_one_message_every_fifteen_seconds_probes_it(broken: Breaker) -> None:
    """Half open it lets one go; while that is on its way no other, and after its failure none for 15 s more."""
    assert not broken.allows(PROBE_EVERY - 1)
    assert broken.allows(PROBE_EVERY)
    broken.began(PROBE_EVERY)
    assert not broken.allows(PROBE_EVERY + 1)
    broken.failed(PROBE_EVERY + 1)
    assert not broken.allows(2 * PROBE_EVERY)
    assert broken.allows(2 * PROBE_EVERY + 1)


def test_a_probe_that_succeeds_closes_it(broken: Breaker) -> None:
    """Everybody may go again, and it takes five failures to open it once more."""
    broken.began(PROBE_EVERY)
    broken.succeeded()
    assert broken.state(PROBE_EVERY) is BreakerState.CLOSED
    broken.failed(PROBE_EVERY)
    assert broken.allows(PROBE_EVERY)


def test_a_probe_that_never_left_is_given_to_another(broken: Breaker) -> None:
    """The message was acknowledged away between being chosen and being claimed."""
    broken.began(PROBE_EVERY)
    broken.withdrawn()
    assert broken.allows(PROBE_EVERY)


def test_a_probe_whose_end_was_never_told_does_not_block_for_ever(broken: Breaker) -> None:
    """After twice the wait another one may try."""
    broken.began(PROBE_EVERY)
    assert not broken.allows(2 * PROBE_EVERY)
    assert broken.allows(3 * PROBE_EVERY)


def test_a_clock_that_is_set_back_does_not_keep_it_open() -> None:
    """Opened at three o'clock by a clock that is then set to one: it is probed at once, not two hours later."""
    breaker = Breaker()
    for _ in range(OPENS_AFTER):
        breaker.failed(3 * HOUR)
    assert breaker.allows(HOUR)
    assert breaker.opens_at(HOUR) <= HOUR + PROBE_EVERY
