"""Handoffs of one rotation in wall time: where they may lie, and which of them begin a turn.

A `Grid` is the set of wall times at which turns may begin; a `Row` numbers the turns from an anchor on it.
Numbering is arithmetic, so a rotation that began years ago costs what a new one costs.
"""

from bisect import bisect_left, bisect_right
from calendar import monthrange
from dataclasses import dataclass, replace
from datetime import date
from itertools import accumulate
from typing import NamedTuple, Protocol, TypeAlias
from zoneinfo import ZoneInfo

from openalert.domain.holiday import FIRST_YEAR, LAST_YEAR, Day, in_year, next_holiday, year_of
from openalert.domain.instant import DAY, HOUR
from openalert.domain.schedule import RotationType
from openalert.domain.walltime import WEEK, Wall, date_of, midnight, weekday_of
from openalert.domain.windows import NEVER, WorkedDays

_EPOCH_WEEKDAY = weekday_of(0)
_LONGEST_REST = 400 * DAY
"""How far back an earlier handoff is sought."""


class Row(Protocol):
    """Turns numbered from 0 at an anchor."""

    def turn(self, wall: Wall) -> int:
        """The number of the turn at a wall time; negative before the anchor."""

    def start(self, turn: int) -> Wall:
        """The wall time at which the turn begins; `NEVER` when no such one does."""


@dataclass(frozen=True, slots=True)
class Grid:
    """The wall times at which turns may begin."""

    zone: ZoneInfo
    rotation_type: RotationType
    shift_length: int
    time: Wall
    """Time of day, milliseconds since midnight."""
    days: tuple[int, ...]
    """Days of the week (0 = Sunday), ascending, or the day of the month; empty: every day."""
    worked: WorkedDays | None = None
    """Which days count, if not all do."""

    @property
    def step(self) -> int:
        """Milliseconds of wall time from one possible handoff to the next; for months about so."""
        if self.rotation_type is RotationType.HOURLY:
            return min(self.shift_length, 24) * HOUR
        if self.rotation_type is RotationType.MONTHLY:
            return 30 * DAY
        return WEEK if self.days else DAY

    def first_handoff(self, low: Wall) -> Wall:
        """The first possible handoff at `low` or later; `NEVER` when there is none."""
        if self.rotation_type is RotationType.MONTHLY:
            month = month_of(low)
            return next(wall for wall in map(self.in_month, (month, month + 1)) if wall >= low)
        first = min(self._even(low, day) for day in self.days or (None,))
        if self.worked is None:
            return first
        slots = self._slots
        found = slots.worked_from(slots.at(first - self.time), self.worked)
        return NEVER if found is None else slots.day(found) * DAY + self.time

    def nearest_handoff(self, wall: Wall) -> Wall:
        """The possible handoff that is closest to `wall`; from within days that do not count, the next."""
        if self.worked is None and len(self.days) < 2:
            return self.first_handoff(wall - self.step // 2)
        later = self.first_handoff(wall)
        if not self._slots.is_worked(self._slots.at(wall - self.time), self.worked):
            return later
        lows = range(wall, wall - _LONGEST_REST, -DAY)
        earlier = next((each for each in map(self.first_handoff, lows) if each <= wall), -NEVER)
        return earlier if wall - earlier <= later - wall else later

    def any_day(self) -> "Grid":
        """The same with handoffs on every day of the week."""
        return replace(self, days=())

    def in_month(self, month: int) -> Wall:
        """The handoff of a month, counted from year 0: on the grid's day, or on the month's last."""
        year, index = divmod(month, 12)
        if year > 9999:
            return NEVER
        last = monthrange(year, index + 1)[1]
        return midnight(date(year, index + 1, min(*self.days, last))) + self.time

    def row(self, anchor: Wall) -> Row:
        """The turns from the handoff at `anchor` on."""
        if self.rotation_type is RotationType.MONTHLY:
            return _Months(self, month_of(anchor))
        weekly = self.rotation_type is RotationType.WEEKLY
        if self.worked is not None or (weekly and len(self.days) > 1):
            return _Counted(self, self._slots, anchor)
        unit = HOUR if self.rotation_type is RotationType.HOURLY else WEEK if weekly else DAY
        return _Even(anchor, unit * self.shift_length)

    @property
    def _slots(self) -> "_Slots":
        """Only weeks are cut at their days; of a custom rotation these choose but the first handoff."""
        return _Slots(self.days if self.rotation_type is RotationType.WEEKLY else tuple(range(7)))

    def _even(self, low: Wall, day: int | None) -> Wall:
        base = low - low % DAY + self.time
        if day is not None:
            base += (day - weekday_of(low)) * DAY
        step = self.step
        return base - (base - low) // step * step


def month_of(wall: Wall) -> int:
    """The month of a wall time, counted from year 0."""
    day = date_of(wall)
    return day.year * 12 + day.month - 1


class _Even(NamedTuple):
    """Turns of equal length."""

    anchor: Wall
    period: int

    def turn(self, wall: Wall) -> int:
        return (wall - self.anchor) // self.period

    def start(self, turn: int) -> Wall:
        return self.anchor + turn * self.period


class _Months(NamedTuple):
    """Turns of months."""

    grid: Grid
    first: int

    def turn(self, wall: Wall) -> int:
        month = month_of(wall)
        if wall < self.grid.in_month(month):
            month -= 1
        return (month - self.first) // self.grid.shift_length

    def start(self, turn: int) -> Wall:
        return self.grid.in_month(self.first + turn * self.grid.shift_length)


Slot: TypeAlias = int
"""The number of a stretch of days from one possible handoff to the next, counted from the first week of 1970."""


class _Slots(NamedTuple):
    """Weeks cut into slots at some of their days, ascending."""

    starts: tuple[int, ...]

    def at(self, wall: Wall) -> Slot:
        """The slot in which a wall time lies, the slots beginning at midnight."""
        return self.of(wall // DAY)

    def of(self, day: Day) -> Slot:
        """The slot of a date."""
        week, weekday = divmod(day + _EPOCH_WEEKDAY, 7)
        return week * len(self.starts) + bisect_right(self.starts, weekday) - 1

    def day(self, slot: Slot) -> Day:
        """The date on which a slot begins."""
        week, place = divmod(slot, len(self.starts))
        return week * 7 - _EPOCH_WEEKDAY + self.starts[place]

    def ordinary(self, days: WorkedDays | None) -> tuple[bool, ...]:
        """Which slots of a week without holidays have work in them."""
        return tuple(
            days is None or any(days.ordinary[day % 7] for day in range(start, end))
            for start, end in zip(self.starts, (*self.starts[1:], self.starts[0] + 7), strict=True)
        )

    def is_worked(self, slot: Slot, days: WorkedDays | None) -> bool:
        """Whether any date of the slot counts."""
        return days is None or any(map(days.worked, range(self.day(slot), self.day(slot + 1))))

    def worked_from(self, slot: Slot, days: WorkedDays) -> Slot | None:
        """The slot, or the first one after it, that has work in it; None: none will."""
        resting = not any(self.ordinary(days))
        while not self.is_worked(slot, days):
            slot += 1
            if resting:
                holiday = None if days.calendar is None else next_holiday(days.calendar, self.day(slot) - 1)
                if holiday is None:
                    return None
                slot = self.of(holiday)
        return slot


class _Exceptions(NamedTuple):
    """Slots that holidays turn from worked to free or back, in order, up to the end of a year."""

    year: int
    slots: tuple[Slot, ...]
    sums: tuple[int, ...]
    """How many more slots are worked than without holidays, from the first up to each of them."""
    counts: tuple[int, ...]
    """How many slots are worked from the row's first up to each of them."""


class _Counted:
    """Turns of a number of slots each, of which only those with work in them count."""

    __slots__ = ("_exceptions", "_first", "_grid", "_ordinary", "_passed", "_slots", "_until")

    def __init__(self, grid: Grid, slots: _Slots, anchor: Wall) -> None:
        self._grid = grid
        self._slots = slots
        self._ordinary = slots.ordinary(grid.worked)
        self._passed = (0, *accumulate(map(int, self._ordinary)))
        """How many slots are worked before each place of an ordinary week."""
        self._first = slots.at(anchor - grid.time)
        year = max(year_of(slots.day(self._first)), FIRST_YEAR)
        self._exceptions = _Exceptions(year - 1, (), (), ())
        self._until = LAST_YEAR if grid.worked is not None and grid.worked.calendar else year - 1
        """The last year whose holidays matter."""

    def turn(self, wall: Wall) -> int:
        """The number of the turn; slots without work belong to the turn before them."""
        slot = self._slots.at(wall - self._grid.time)
        self._read(year_of(self._slots.day(slot + 1)))
        return (self._count(slot) - 1) // self._grid.shift_length

    def start(self, turn: int) -> Wall:
        """The wall time at which the slot begins that is the first of the turn."""
        slot = self._nth(turn * self._grid.shift_length + 1)
        return NEVER if slot is None else self._slots.day(slot) * DAY + self._grid.time

    def _nth(self, number: int) -> Slot | None:
        """The slot that is the `number`-th worked one from the first on, which is number 1."""
        while True:
            known = self._exceptions
            place = bisect_left(known.counts, number)
            ahead = known.slots[place] if place < len(known.slots) else None
            found = self._nth_ordinary(number - (known.sums[place - 1] if place else 0))
            if ahead is not None:
                return ahead if found is None else min(found, ahead)
            year = LAST_YEAR if found is None else year_of(self._slots.day(found + 1))
            if known.year >= min(year, self._until):
                return found
            self._read(known.year + 1)

    def _nth_ordinary(self, number: int) -> Slot | None:
        """The slot that would be the `number`-th if there were no holidays."""
        length, worked = len(self._ordinary), self._passed[-1]
        if not worked:
            return None
        week, place = divmod(self._before(self._first) + number - 1, worked)
        return week * length + bisect_right(self._passed, place) - 1

    def _before(self, slot: Slot) -> int:
        """How many ordinary slots with work there are before the slot, from slot 0 on."""
        week, place = divmod(slot, len(self._ordinary))
        return week * self._passed[-1] + self._passed[place]

    def _count(self, slot: Slot) -> int:
        """How many slots are worked from the first to this one; none or less before the first."""
        known = self._exceptions
        place = bisect_right(known.slots, slot)
        return self._before(slot + 1) - self._before(self._first) + (known.sums[place - 1] if place else 0)

    def _read(self, year: int) -> None:
        """Know the holidays up to the end of a year."""
        days = self._grid.worked
        while days is not None and days.calendar and self._exceptions.year < min(year, self._until):
            known = self._exceptions
            following = known.year + 1
            last = known.slots[-1] if known.slots else self._first - 1
            touched = sorted({self._slots.of(day) for day in in_year(days.calendar, following)})
            slots, sums, counts = list(known.slots), list(known.sums), list(known.counts)
            for slot in touched:
                expected = self._ordinary[slot % len(self._ordinary)]
                worked = self._slots.is_worked(slot, days)
                if slot > last and worked != expected:
                    slots.append(slot)
                    sums.append((sums[-1] if sums else 0) + worked - expected)
                    counts.append(self._before(slot + 1) - self._before(self._first) + sums[-1])
            self._exceptions = _Exceptions(following, tuple(slots), tuple(sums), tuple(counts))
