"""Load: how long, and at which times, each person is on call in a range of time."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

import msgspec

from openalert.domain import holiday
from openalert.domain.difference import Span, shifts_of_people
from openalert.domain.instant import DAY, HOUR, Instant
from openalert.domain.oncall import FinalSchedule
from openalert.domain.plan import Plan
from openalert.domain.walltime import date_of, first_instant, midnight, reached, zone_named

NIGHT_ENDS, NIGHT_BEGINS = 6 * HOUR, 22 * HOUR
"""Wall time of the schedule."""


class Load(msgspec.Struct, kw_only=True):
    """One person's time on call, in milliseconds; a night of a weekend counts as both."""

    on_call: int = 0
    nights: int = 0
    """From 22:00 to 06:00 by the schedule's clock."""
    weekends: int = 0
    """Saturdays and Sundays by the schedule's clock."""
    holidays: int = 0
    """Public holidays of the calendars that the schedule's rotations name."""
    shifts: int = 0
    """Times on call without a break, whoever else is on."""

    def add(self, other: "Load") -> None:
        """Count what somebody does elsewhere too; being on twice at one time counts twice."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


def loads(plan: Plan, final: FinalSchedule, start: Instant, end: Instant) -> dict[str, Load]:
    """The load of everybody who is on call in the range that `final` tells."""
    return {user_id: summed(mine) for user_id, mine in shift_loads(plan, final, start, end).items()}


def shift_loads(plan: Plan, final: FinalSchedule, start: Instant, end: Instant) -> dict[str, list[Load]]:
    """What each shift of everybody who is on call in the range weighs."""
    times = _Times(plan, start, end)
    return {
        user_id: [times.load(span) for span in mine]
        for user_id, mine in shifts_of_people(final, start, end).items()
    }


def summed(some: Iterable[Load]) -> Load:
    """All of them together."""
    found = Load()
    for load in some:
        found.add(load)
    return found


class _Windows:
    """Spans that do not overlap, ready to be measured."""

    def __init__(self, spans: Sequence[Span]) -> None:
        self._starts = [start for start, _ in spans]
        self._spans = spans

    def within(self, span: Span) -> int:
        """How much of the span lies in them."""
        begin, stop = span
        total = 0
        for start, end in self._spans[max(0, bisect_right(self._starts, begin) - 1) :]:
            if start >= stop:
                break
            total += max(0, min(end, stop) - max(start, begin))
        return total


class _Times:
    """Nights, weekends and holidays of a schedule in a range."""

    def __init__(self, plan: Plan, start: Instant, end: Instant) -> None:
        zone = zone_named(plan.schedule.timezone)
        calendars = {
            version.holiday_calendar
            for rotation in plan.rotations
            for version in rotation.versions
            if version.holiday_calendar
        }
        nights: list[Span] = []
        weekends: list[Span] = []
        holidays: list[Span] = []
        day = date_of(reached(zone, start)) - timedelta(days=1)
        last = date_of(reached(zone, end))
        while day <= last:
            begins = midnight(day)
            whole = (first_instant(zone, begins), first_instant(zone, begins + DAY))
            nights.append(
                (
                    first_instant(zone, begins + NIGHT_BEGINS),
                    first_instant(zone, begins + DAY + NIGHT_ENDS),
                )
            )
            if day.weekday() >= 5:
                weekends.append(whole)
            if any(holiday.is_holiday(calendar, begins // DAY) for calendar in calendars):
                holidays.append(whole)
            day += timedelta(days=1)
        self._nights, self._weekends, self._holidays = (
            _Windows(nights),
            _Windows(weekends),
            _Windows(holidays),
        )

    def load(self, shift: Span) -> Load:
        """What one shift weighs."""
        return Load(
            on_call=shift[1] - shift[0],
            nights=self._nights.within(shift),
            weekends=self._weekends.within(shift),
            holidays=self._holidays.within(shift),
            shifts=1,
        )


def total(parts: Iterable[Mapping[str, Load]]) -> dict[str, Load]:
    """The loads of several schedules, person by person."""
    found: dict[str, Load] = {}
    for part in parts:
        for user_id, load in part.items():
            found.setdefault(user_id, Load()).add(load)
    return found
