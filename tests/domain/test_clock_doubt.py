"""A clock that leapt ahead is in doubt for a day, and no longer."""

import pytest

from openalert.domain.clock_doubt import BELIEVED_AFTER, LEAP, Doubt
from openalert.domain.instant import DAY, HOUR, MINUTE

NOW = 20_000 * DAY
YEARS = 3_650 * DAY


@pytest.mark.proves("F-20", "F-21")
def test_a_leap_is_doubted_for_a_day() -> None:
    """By all that it leapt; what it shows is believed once it has stood so long."""
    doubt = Doubt().after(YEARS, NOW)
    assert (doubt.at(NOW), doubt.at(NOW + BELIEVED_AFTER - 1), doubt.at(NOW + BELIEVED_AFTER)) == (
        YEARS,
        YEARS,
        0,
    )


@pytest.mark.parametrize("back", [YEARS, YEARS + HOUR, YEARS - MINUTE])
@pytest.mark.proves("F-20")
def test_a_clock_that_is_put_back_leaves_no_more_doubt_than_is_left(back: int) -> None:
    """Put right: nothing; not quite: the rest, for what is left of the day."""
    doubt = Doubt().after(YEARS, NOW).after(-back, NOW + HOUR - back)
    left = max(0, YEARS - back)
    assert doubt.at(NOW + HOUR - back) == left
    assert doubt.at(NOW + BELIEVED_AFTER - back) == 0


@pytest.mark.proves("F-20")
def test_leaps_add_up_and_corrections_do_not_count() -> None:
    """Two of a year in a day are two years; a minute ahead neither makes doubt nor prolongs it."""
    doubt = Doubt().after(YEARS, NOW).after(YEARS, NOW + YEARS + HOUR)
    assert doubt.at(NOW + YEARS + HOUR) == 2 * YEARS
    assert Doubt().after(MINUTE, NOW) == Doubt()
    once = Doubt().after(LEAP, NOW)
    assert once.after(MINUTE, NOW + 2 * MINUTE).at(NOW + MINUTE + BELIEVED_AFTER) == 0
    assert once.after(MINUTE, NOW + 2 * MINUTE).at(NOW + BELIEVED_AFTER) == LEAP
    assert Doubt().after(-YEARS, NOW) == Doubt()
