"""Service level objectives of the server itself: was what was due done in time, day by day over a month."""

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from openalert.domain.instant import DAY, SECOND, Instant

WINDOW_DAYS = 30
AIM = 0.999
"""The share that is to be in time."""
DAYS_KEPT = 400
MISSES_KEPT_FOR = 90 * DAY
MOST_MISSES_A_DAY = 200
"""So many of a day are kept one by one; all are counted."""
LEAST_FOR_A_BUDGET = 1_000
"""With fewer, a single miss spends the whole error budget, and a number for it says nothing."""


class Objective(StrEnum):
    """What is to be in time."""

    STEPS = "steps"
    """A step of an escalation, or the end of a snooze: done so long after it was due (promise ES-1)."""
    PAGES = "pages"
    """A page: accepted by its provider so long after it was due (promise NO-3)."""


BOUND = {Objective.STEPS: 5 * SECOND, Objective.PAGES: 15 * SECOND}


class SloDay(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `slo_days`."""

    objective: Objective
    day: int
    """Days since 1970, in UTC."""
    kept: int = 0
    missed: int = 0

    @property
    def total(self) -> int:
        """How much was due."""
        return self.kept + self.missed

    @property
    def begins_at(self) -> Instant:
        """Its midnight."""
        return self.day * DAY


class Miss(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was not in time; a row of `slo_misses`."""

    id: str
    objective: Objective
    organization_id: str
    incident_id: str | None
    due_at: Instant
    done_at: Instant | None
    """None: never."""
    what: str
    """`Level 2`, `Page by SMS`."""
    reason: str
    """As far as the server knows; partly in the words of a provider."""

    @property
    def late(self) -> Instant | None:
        """By how much it was too late to be on time, counted from when it was due; None: it was never done."""
        return None if self.done_at is None else max(0, self.done_at - self.due_at)


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """An objective over the last thirty days, today among them."""

    objective: Objective
    days: tuple[SloDay, ...]
    """The oldest first, without a gap."""

    @property
    def kept(self) -> int:
        """How much was in time."""
        return sum(each.kept for each in self.days)

    @property
    def missed(self) -> int:
        """How much was not."""
        return sum(each.missed for each in self.days)

    @property
    def total(self) -> int:
        """How much was due."""
        return self.kept + self.missed

    @property
    def ratio(self) -> float | None:
        """The share that was in time, 0 to 1; None: nothing was due."""
        return self.kept / self.total if self.total else None

    @property
    def is_met(self) -> bool:
        """Whether the aim is reached; also where nothing was due."""
        return self.ratio is None or self.ratio >= AIM

    @property
    def budget_left(self) -> float | None:
        """Which share of the misses that the aim allows is left, 0 to 1; None where there is too little to say."""
        if self.total < LEAST_FOR_A_BUDGET:
            return None
        return max(0.0, 1 - self.missed / (self.total * (1 - AIM)))


def line(objective: Objective, known: Iterable[SloDay], now: Instant) -> Line:
    """The objective's line as of now; days of which nothing is known had nothing that was due."""
    by_day = {each.day: each for each in known if each.objective is objective}
    today = now // DAY
    return Line(
        objective=objective,
        days=tuple(
            by_day.get(day) or SloDay(objective=objective, day=day)
            for day in range(today - WINDOW_DAYS + 1, today + 1)
        ),
    )


def percent(ratio: float) -> str:
    """`100 %`, `99.98 %`, `97.3 %`: never rounded up to 100 where anything was missed."""
    if ratio >= 1:
        return "100 %"
    shown = f"{min(ratio * 100, 99.99):.2f}".rstrip("0").rstrip(".")
    return f"{shown} %"
