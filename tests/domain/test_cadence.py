"""What is a regular source, and when it has gone silent."""

import pytest

from openalert.domain.cadence import FEWEST_GAPS, KEPT_GAPS, Cadence, note, silence
from openalert.domain.instant import DAY, HOUR, MINUTE


def told(gaps: list[float], firing: bool = True) -> Cadence:
    """A source with these minutes between its messages, all of them while something fired, or nothing did."""
    cadence = Cadence(integration_id="i", last_at=0, was_firing=firing)
    for gap in gaps:
        note(cadence, cadence.last_at + int(gap * MINUTE), firing)
    return cadence


def is_silent(cadence: Cadence, minutes: float, since: int = 0) -> bool:
    """Whether it has gone silent so many minutes after its last message."""
    return silence(cadence, since, cadence.last_at + int(minutes * MINUTE)) is not None


@pytest.mark.parametrize("firing", [True, False])
def test_what_came_like_clockwork_is_missed_after_three_times_as_long(firing: bool) -> None:
    """Never before an hour."""
    hourly = told([60] * FEWEST_GAPS, firing)
    assert not is_silent(hourly, 180)
    assert is_silent(hourly, 181)
    quick = told([5] * FEWEST_GAPS, firing)
    assert not is_silent(quick, 60)
    assert is_silent(quick, 61)


@pytest.mark.parametrize(
    "gaps",
    [
        [60] * (FEWEST_GAPS - 1),
        [1, 5000, 3, 40, 900, 2, 7000, 12, 1, 300, 4, 2500, 60, 1],
        [5] * 10 + [240] * 4,
        [1] * 20 + [1000, 1000],
    ],
)
def test_where_nothing_is_clearly_regular_nothing_is_concluded(gaps: list[float]) -> None:
    """Too few messages, incidents as they come, a burst and then calm, two rhythms at once."""
    assert not is_silent(told(gaps), 60 * 24 * 365)


def test_one_outage_is_forgiven_and_teaches_nothing() -> None:
    """The longest but one counts."""
    assert is_silent(told([60] * 12 + [5000] + [60] * 3), 181)


def test_what_repeats_while_it_fires_is_rightly_silent_when_all_is_well() -> None:
    """Times between messages are kept apart by what fired when they began."""
    cadence = told([60] * 20, firing=True)
    note(cadence, cadence.last_at + HOUR, is_firing=False)
    assert not is_silent(cadence, 60 * 24 * 30)
    note(cadence, cadence.last_at + 30 * DAY, is_firing=True)
    assert is_silent(cadence, 181)


def test_resolved_here_without_a_message_changes_the_measure() -> None:
    """Somebody resolved it by hand: what fired is over, and so is what was expected."""
    cadence = told([60] * 20, firing=True)
    assert note(cadence, cadence.last_at, is_firing=False)
    assert not note(cadence, cadence.last_at, is_firing=False)
    assert not is_silent(cadence, 60 * 24)


def test_the_time_in_which_nobody_listened_does_not_count() -> None:
    """It is measured from when the server was back."""
    cadence = told([60] * 20)
    back = cadence.last_at + 10 * HOUR
    assert silence(cadence, back, back + 3 * HOUR) is None
    assert silence(cadence, back, back + 3 * HOUR + 1) is not None


def test_it_is_bounded_and_messages_of_half_a_minute_are_one_visit() -> None:
    """Whatever a storm brings."""
    cadence = told([10] * 100)
    assert len(cadence.firing_gaps) == KEPT_GAPS
    before = list(cadence.firing_gaps)
    for _ in range(50):
        note(cadence, cadence.last_at + MINUTE // 2 - 1, is_firing=True)
    assert cadence.firing_gaps == before
