"""Windows: at which wall times the restrictions of a rotation are open, and on which days it is at work.

Holidays belong to dates, so a week has two patterns of open times: one for ordinary dates, one for holidays.
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from openalert.domain.holiday import Day, is_holiday, next_holiday
from openalert.domain.instant import DAY, LATEST
from openalert.domain.schedule import HolidayRule, Restriction, RotationVersion
from openalert.domain.walltime import WEEK, Wall, parse_time, since_sunday, weekday_of

NEVER: Wall = 2 * LATEST
"""A wall time that no clock will show."""


@dataclass(frozen=True, slots=True)
class WorkedDays:
    """Which dates count as worked: by the day of the week (0 = Sunday), for ordinary dates and for holidays."""

    ordinary: tuple[bool, ...]
    holiday: tuple[bool, ...]
    calendar: str | None
    """None: holidays make no difference."""

    def worked(self, day: Day) -> bool:
        """Whether the date counts."""
        off = self.calendar is not None and is_holiday(self.calendar, day)
        return (self.holiday if off else self.ordinary)[weekday_of(day * DAY)]


class Windows:
    """The restrictions of a version, ready to be asked."""

    __slots__ = ("_calendar", "_holiday", "_ordinary")

    def __init__(self, version: RotationVersion) -> None:
        """Read the restrictions of a version, of which there must be some."""
        self._ordinary = _Pattern(_of(version, HolidayRule.EXCEPT))
        self._holiday = _Pattern(_of(version, HolidayRule.ONLY))
        self._calendar = None if self._ordinary.spans == self._holiday.spans else version.holiday_calendar

    def at(self, wall: Wall) -> tuple[bool, Wall]:
        """Whether some window is open at the wall time, and a later one before which that surely holds."""
        if self._calendar is None:
            return self._ordinary.at(wall)
        day = wall // DAY
        if not is_holiday(self._calendar, day):
            open_, toggle = self._ordinary.at(wall)
            change = next_holiday(self._calendar, day)
            return open_, toggle if change is None else min(toggle, change * DAY)
        open_, toggle = self._holiday.at(wall)
        day += 1
        while is_holiday(self._calendar, day):
            day += 1
        return open_, min(toggle, day * DAY)


def worked_days(version: RotationVersion) -> WorkedDays | None:
    """The dates that count when only worked days do; None: every date.

    A date is worked when a window begins on it, or is open at some time of it from the handoff on. So the
    morning after the last night of a week is no day of its own, wherever the handoff lies.
    """
    if not version.worked_days_only or not version.restrictions:
        return None
    ordinary = _worked(version, HolidayRule.EXCEPT)
    holiday = _worked(version, HolidayRule.ONLY)
    if all(ordinary + holiday):
        return None
    return WorkedDays(ordinary, holiday, None if ordinary == holiday else version.holiday_calendar)


class _Pattern:
    """The points of a week at which windows open and close."""

    __slots__ = ("_before", "_toggles", "spans")

    def __init__(self, restrictions: Iterable[Restriction]) -> None:
        self.spans: list[tuple[int, int]] = []
        """Open stretches in milliseconds since Sunday 00:00, ascending, with closed time between them."""
        for start, end in sorted(span for item in restrictions for span in _spans(item)):
            if self.spans and start <= self.spans[-1][1]:
                first, last = self.spans.pop()
                self.spans.append((first, max(last, end)))
            else:
                self.spans.append((start, end))
        self._before = bool(self.spans) and self.spans[-1][1] == WEEK
        """Whether the week's last moment is inside."""
        wraps = self._before and self.spans[0][0] == 0
        toggles = [point for span in self.spans for point in span]
        self._toggles = sorted(point % WEEK for point in (toggles[1:-1] if wraps else toggles))

    def at(self, wall: Wall) -> tuple[bool, Wall]:
        """Whether some window is open at the wall time, and when that next changes."""
        if not self._toggles:
            return self._before, NEVER
        place = since_sunday(wall)
        passed = bisect_right(self._toggles, place)
        later = self._toggles[passed] if passed < len(self._toggles) else self._toggles[0] + WEEK
        return bool(passed % 2) != self._before, wall - place + later

    def opens_between(self, start: int, end: int) -> bool:
        """Whether some window is open at some time of a stretch of the week."""
        return any(first < end and last > start for first, last in self.spans)


def _of(version: RotationVersion, rule: HolidayRule) -> list[Restriction]:
    """The windows that count on ordinary dates (`except`) or on holidays (`only`)."""
    return [window for window in version.restrictions if window.holidays in {HolidayRule.ANY, rule}]


def _worked(version: RotationVersion, rule: HolidayRule) -> tuple[bool, ...]:
    windows = _of(version, rule)
    pattern = _Pattern(windows)
    handoff = parse_time(version.handoff_time)
    return tuple(
        any(window.from_day in {None, day} for window in windows)
        or pattern.opens_between(day * DAY + handoff, (day + 1) * DAY)
        for day in range(7)
    )


def _spans(restriction: Restriction) -> list[tuple[int, int]]:
    """The stretches of the week, in milliseconds since Sunday 00:00, that a restriction leaves open."""
    start, end = parse_time(restriction.from_time), parse_time(restriction.to_time)
    if restriction.from_day is None:
        length = (end - start - 1) % DAY + 1
        starts = [day * DAY + start for day in range(7)]
    else:
        to_day = restriction.to_day
        if to_day is None:
            to_day = restriction.from_day + (end <= start)
        starts = [restriction.from_day * DAY + start]
        length = (to_day * DAY + end - starts[0] - 1) % WEEK + 1
    spans = []
    for first in starts:
        last = first + length
        spans.append((first, min(last, WEEK)))
        if last > WEEK:
            spans.append((0, last - WEEK))
    return spans
