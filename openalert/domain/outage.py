"""Outage: a time in which nobody was there to page anybody, and how the one before had ended."""

from enum import StrEnum

import msgspec

from openalert.domain.instant import SECOND, Instant, to_datetime

STEP_OF_CLOCK = 2 * SECOND
"""A clock that is further off than this was set; less is drift."""
NOTABLE = 10 * SECOND
"""A shorter outage is a restart that nobody minds."""


class Ending(StrEnum):
    """How the time before an outage ended."""

    STOPPED = "stopped"
    """It was told to stop."""
    DIED = "died"
    """Killed, or crashed; the machine went on."""
    MACHINE = "machine"
    """The machine was restarted, lost power, or is another one."""
    PAUSED = "paused"
    """The same process went on after it had stood still: paused, suspended, or out of reach of its disk."""
    RESTORED = "restored"
    """A backup took the place of the database: it knows nothing of what was before."""


WORDS = {
    Ending.STOPPED: "it had been stopped",
    Ending.DIED: "it had been killed or had crashed",
    Ending.MACHINE: "the machine had been restarted or lost power",
    Ending.PAUSED: "it had been paused, or its machine suspended",
    Ending.RESTORED: "a backup was put in place",
}


class Life(msgspec.Struct, frozen=True, kw_only=True):
    """The last sign of life of a run."""

    run_id: str
    number: int
    """Which run it was, counted from 1: clocks that were set say nothing about the order of runs."""
    boot_id: str
    """Of the kernel that it ran on; empty where that cannot be read."""
    seen_at: Instant
    elapsed: int
    """Milliseconds since that kernel began, those in which it was suspended among them."""
    ending: str = ""
    """`stopped` or `restored`; empty: nothing was said."""


class Outage(msgspec.Struct, frozen=True, kw_only=True):
    """From the last sign of life to the next; by the clock as it stands after it."""

    since: Instant
    until: Instant
    ending: Ending
    clock_step: int = 0
    """By how many milliseconds the clock was set meanwhile; 0: it was not, or nobody can tell."""
    clock_behind: int = 0
    """By how many milliseconds at least the clock was behind at its end: it showed less than at its beginning."""

    @property
    def length(self) -> int:
        """In milliseconds."""
        return max(0, self.until - self.since)

    @property
    def is_notable(self) -> bool:
        """Whether it is more than a quick restart."""
        return self.length > NOTABLE

    @property
    def words(self) -> str:
        """`not running 03:10:05 to 04:02:11 UTC: it had been killed or had crashed`."""
        return f"not running {span_of(self.since, self.until)}: {WORDS[self.ending]}"


def span_of(since: Instant, until: Instant) -> str:
    """Two moments of one story, in UTC, with the day where it is not the same one."""
    start, end = to_datetime(since), to_datetime(until)
    day = "%H:%M:%S" if start.date() == end.date() else "%Y-%m-%d %H:%M:%S"
    return f"{start.strftime(day)} to {end.strftime(day)} UTC"


def judge(before: Life | None, now: Instant, boot_id: str, elapsed: int) -> Outage | None:
    """What lies between the last sign of life and now; None where there was none, or a backup hides it.

    On the same kernel the time that has passed is exact, and so is what the clock was set by. On another one, a
    clock that shows less than the last sign of life is behind by that much at least.
    """
    if before is None or before.ending == Ending.RESTORED:
        return None
    stopped = before.ending == Ending.STOPPED
    if boot_id and boot_id == before.boot_id and elapsed >= before.elapsed:
        passed = elapsed - before.elapsed
        step = now - before.seen_at - passed
        return Outage(
            since=now - passed,
            until=now,
            ending=Ending.STOPPED if stopped else Ending.DIED,
            clock_step=step if abs(step) > STEP_OF_CLOCK else 0,
        )
    is_unknown = not boot_id or not before.boot_id
    died = Ending.DIED if is_unknown and elapsed >= before.elapsed else Ending.MACHINE
    behind = before.seen_at - now
    return Outage(
        since=min(before.seen_at, now),
        until=now,
        ending=Ending.STOPPED if stopped else died,
        clock_behind=behind if behind > STEP_OF_CLOCK else 0,
    )
