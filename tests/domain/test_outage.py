"""What lies between the last sign of life and the next start: how long, why, and what became of the clock."""

import pytest

from openalert.domain.instant import DAY, HOUR, MINUTE, SECOND
from openalert.domain.outage import Ending, Life, Outage, judge

T0 = 1_767_603_600_000
"""2026-01-05T09:00:00Z"""


def life(boot_id: str = "a", ending: str = "") -> Life:
    """A sign of life at T0, a day after the kernel began."""
    return Life(run_id="r", number=1, boot_id=boot_id, seen_at=T0, elapsed=DAY, ending=ending)


@pytest.mark.parametrize(
    ("before", "now", "boot_id", "elapsed", "expected"),
    [
        (None, T0, "a", DAY, None),
        (life(ending="restored"), T0 + DAY, "a", 2 * DAY, None),
        (life(), T0 + HOUR, "a", DAY + HOUR, Outage(since=T0, until=T0 + HOUR, ending=Ending.DIED)),
        (life(ending="stopped"), T0 + HOUR, "a", DAY + HOUR,
         Outage(since=T0, until=T0 + HOUR, ending=Ending.STOPPED)),
        (life(), T0 + HOUR, "b", MINUTE, Outage(since=T0, until=T0 + HOUR, ending=Ending.MACHINE)),
        (life(ending="stopped"), T0 + HOUR, "b", MINUTE,
         Outage(since=T0, until=T0 + HOUR, ending=Ending.STOPPED)),
        # The clock was set meanwhile: the kernel knows how much time has passed.
        (life(), T0 + HOUR + MINUTE, "a", DAY + MINUTE,
         Outage(since=T0 + HOUR, until=T0 + HOUR + MINUTE, ending=Ending.DIED, clock_step=HOUR)),
        (life(), T0 - HOUR, "a", DAY + MINUTE,
         Outage(since=T0 - HOUR - MINUTE, until=T0 - HOUR, ending=Ending.DIED, clock_step=-HOUR - MINUTE)),
        (life(), T0 + MINUTE + SECOND, "a", DAY + MINUTE,
         Outage(since=T0 + SECOND, until=T0 + MINUTE + SECOND, ending=Ending.DIED)),
        # Another kernel, and a clock that shows less than was seen already.
        (life(), 0, "b", MINUTE, Outage(since=0, until=0, ending=Ending.MACHINE, clock_behind=T0)),
        # A name of the start that does not fit: less time has passed since it than before.
        (life(), T0 + HOUR, "a", MINUTE, Outage(since=T0, until=T0 + HOUR, ending=Ending.MACHINE)),
        # Nobody said it before: as where nobody says it now.
        (life(""), T0 + HOUR, "b", DAY + HOUR, Outage(since=T0, until=T0 + HOUR, ending=Ending.DIED)),
        # Nobody says which start of the machine it is: less time since its start than then proves a restart.
        (life(""), T0 + HOUR, "", MINUTE, Outage(since=T0, until=T0 + HOUR, ending=Ending.MACHINE)),
        (life(""), T0 + HOUR, "", DAY + HOUR, Outage(since=T0, until=T0 + HOUR, ending=Ending.DIED)),
    ],
)  # fmt: skip
@pytest.mark.proves("ES-4", "F-21")
def test_judging(before: Life | None, now: int, boot_id: str, elapsed: int, expected: Outage | None) -> None:
    """Each way to end, each thing that a clock may have done, and what cannot be known."""
    assert judge(before, now, boot_id, elapsed) == expected


def test_the_words_name_the_days_only_where_they_differ() -> None:
    """Times in UTC, and the reason."""
    one = Outage(since=T0, until=T0 + HOUR, ending=Ending.MACHINE)
    assert one.words == ("not running 09:00:00 to 10:00:00 UTC: the machine had been restarted or lost power")
    assert Outage(since=T0, until=T0 + DAY, ending=Ending.STOPPED).words == (
        "not running 2026-01-05 09:00:00 to 2026-01-06 09:00:00 UTC: it had been stopped"
    )
