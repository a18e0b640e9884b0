"""Turns of one rotation: which number a turn has, when it begins, and whose it is.

Everything is arithmetic in wall time, so a rotation that began years ago costs what a new one costs.
A turn that falls into the gap of a clock change lasts no time; one that holds the repeated hour lasts longer.
"""

from bisect import bisect_right
from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from openalert.domain.instant import DAY, HOUR, LATEST, SECOND, Instant
from openalert.domain.schedule import Restriction, Rotation, RotationType, RotationVersion
from openalert.domain.walltime import (
    WEEK,
    Wall,
    date_of,
    first_instant,
    midnight,
    parse_time,
    reached,
    since_sunday,
    weekday_of,
    zone_named,
)

_NEVER: Wall = 2 * LATEST


@dataclass(frozen=True, slots=True)
class Grid:
    """The row of wall times at which turns may begin."""

    zone: ZoneInfo
    rotation_type: RotationType
    shift_length: int
    time: Wall
    """Time of day, milliseconds since midnight."""
    day: int | None
    """Day of the week (0 = Sunday) or of the month, where there is one."""

    @property
    def step(self) -> int:
        """Milliseconds of wall time from one possible handoff to the next; for months about so."""
        if self.rotation_type is RotationType.HOURLY:
            return min(self.shift_length, 24) * HOUR
        if self.rotation_type is RotationType.MONTHLY:
            return 30 * DAY
        return DAY if self.day is None else WEEK

    def first_handoff(self, low: Wall) -> Wall:
        """The first possible handoff at `low` or later."""
        if self.rotation_type is RotationType.MONTHLY:
            month = month_of(low)
            return next(wall for wall in map(self.in_month, (month, month + 1)) if wall >= low)
        base = low - low % DAY + self.time
        if self.day is not None:
            base += (self.day - weekday_of(low)) * DAY
        return base - (base - low) // self.step * self.step

    def nearest_handoff(self, wall: Wall) -> Wall:
        """The possible handoff that is closest to `wall`."""
        return self.first_handoff(wall - self.step // 2)

    def in_month(self, month: int) -> Wall:
        """The handoff of a month, counted from year 0: on `day`, or on the month's last."""
        year, index = divmod(month, 12)
        if year > 9999:
            return _NEVER
        last = monthrange(year, index + 1)[1]
        return midnight(date(year, index + 1, min(self.day or 1, last))) + self.time


class Turns:
    """The turns of one version, ready to be asked; made once per version and kept by `turns_of`."""

    __slots__ = ("_changes", "_first_month", "_members", "_period", "_windows", "anchor", "grid", "version")

    def __init__(self, version: RotationVersion) -> None:
        """Read a version that `check_version` accepts."""
        self.version = version
        self.grid = _grid(version)
        self.anchor = _anchor(version, self.grid)
        """Wall time at which turn 0 begins."""
        self._period = version.shift_length * (
            HOUR if self.grid.rotation_type is RotationType.HOURLY else DAY
        )
        if self.grid.rotation_type is RotationType.WEEKLY:
            self._period *= 7
        self._first_month = month_of(self.anchor)
        self._members = version.member_ids
        self._changes = len(set(version.member_ids)) > 1
        self._windows = _Windows(version.restrictions) if version.restrictions else None

    def covers(self, instant: Instant) -> bool:
        """Whether the instant lies between `effective_from` and `effective_until`."""
        until = self.version.effective_until
        return self.version.effective_from <= instant and (until is None or instant < until)

    def turn_at(self, instant: Instant) -> int:
        """The number of the turn running at the instant; the time before the first handoff is turn 0."""
        return max(0, self._turn(reached(self.grid.zone, instant)))

    def position(self, turn: int) -> int:
        """The position in `member_ids` of whoever has the turn; there must be members."""
        return (turn + self.version.first_turn) % len(self._members)

    def start(self, turn: int) -> Wall:
        """The wall time at which the turn begins."""
        if self.grid.rotation_type is RotationType.MONTHLY:
            return self.grid.in_month(self._first_month + turn * self.version.shift_length)
        return self.anchor + turn * self._period

    def holder(self, instant: Instant) -> str | None:
        """Whose turn it is, restrictions apart; empty: a turn of nobody; None: no turn is running."""
        if not self._members or not self.covers(instant):
            return None
        return self._members[self.position(self.turn_at(instant))]

    def handoff_after(self, instant: Instant) -> Instant | None:
        """When the shift running at the instant ends, or the first one begins; None: never."""
        version = self.version
        if instant < version.effective_from:
            return version.effective_from
        if not self.covers(instant):
            return None
        turn = self._turn(reached(self.grid.zone, instant))
        return self._until(self.start(max(turn, -1) + 1))

    def on_duty(self, instant: Instant) -> tuple[str, Instant | None]:
        """Who is on (empty: nobody), and a later instant before which that surely holds (None: for ever)."""
        version = self.version
        if instant < version.effective_from:
            return "", version.effective_from
        if not self._members or not self.covers(instant):
            return "", None
        wall = reached(self.grid.zone, instant)
        turn = max(0, self._turn(wall))
        user = self._members[self.position(turn)]
        edge = self._end_of_run(turn, user) if self._changes else _NEVER
        if self._windows is not None and (user or self._changes):
            open_, toggle = self._windows.at(wall)
            user, edge = (user, min(edge, toggle)) if open_ else ("", toggle)
        return user, self._until(edge)

    def _turn(self, wall: Wall) -> int:
        """The number of the turn at a wall time; negative before the first handoff."""
        if self.grid.rotation_type is not RotationType.MONTHLY:
            return (wall - self.anchor) // self._period
        month = month_of(wall)
        if wall < self.grid.in_month(month):
            month -= 1
        return (month - self._first_month) // self.version.shift_length

    def _end_of_run(self, turn: int, user: str) -> Wall:
        """When the next turn that is somebody else's begins; there must be such a one."""
        turn += 1
        while self._members[self.position(turn)] == user:
            turn += 1
        return self.start(turn)

    def _until(self, edge: Wall) -> Instant | None:
        end = self.version.effective_until
        if edge < _NEVER:
            instant = first_instant(self.grid.zone, edge)
            if instant <= LATEST and (end is None or instant < end):
                return instant
        return end


@lru_cache(maxsize=4096)
def turns_of(version: RotationVersion) -> Turns:
    """The turns of a version."""
    return Turns(version)


def version_at(rotation: Rotation, instant: Instant) -> tuple[RotationVersion | None, Instant | None]:
    """The version that decides at the instant (None: not yet any), and when the next one takes over."""
    versions = rotation.versions
    place = bisect_right(versions, instant, key=lambda version: version.valid_from)
    following = versions[place].valid_from if place < len(versions) else None
    return (versions[place - 1] if place else None), following


def wall_text(wall: Wall) -> str:
    """A wall time as `YYYY-MM-DDTHH:MM`, the form of `RotationVersion.anchor`."""
    minutes = wall % DAY // (60 * SECOND)
    return f"{date_of(wall).isoformat()}T{minutes // 60:02d}:{minutes % 60:02d}"


def month_of(wall: Wall) -> int:
    """The month of a wall time, counted from year 0."""
    day = date_of(wall)
    return day.year * 12 + day.month - 1


class _Windows:
    """Restrictions as the points of the week at which they open and close."""

    __slots__ = ("_before", "_toggles")

    def __init__(self, restrictions: Iterable[Restriction]) -> None:
        merged: list[list[int]] = []
        for start, end in sorted(span for item in restrictions for span in _spans(item)):
            if merged and start <= merged[-1][1]:
                merged[-1][1] = max(merged[-1][1], end)
            else:
                merged.append([start, end])
        self._before = merged[-1][1] == WEEK
        """Whether the week's last moment is inside."""
        wraps = self._before and merged[0][0] == 0
        toggles = [point for span in merged for point in span]
        self._toggles = sorted(point % WEEK for point in (toggles[1:-1] if wraps else toggles))

    def at(self, wall: Wall) -> tuple[bool, Wall]:
        """Whether some window is open at the wall time, and when that next changes."""
        if not self._toggles:
            return True, _NEVER
        place = since_sunday(wall)
        passed = bisect_right(self._toggles, place)
        week = wall - place
        later = self._toggles[passed] if passed < len(self._toggles) else self._toggles[0] + WEEK
        return bool(passed % 2) != self._before, week + later


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


def _grid(version: RotationVersion) -> Grid:
    zone = zone_named(version.timezone)
    began = reached(zone, version.effective_from)
    day = None
    if version.rotation_type is RotationType.MONTHLY:
        day = date_of(began).day
    elif version.rotation_type is RotationType.WEEKLY and version.handoff_day is None:
        day = weekday_of(began)
    elif version.rotation_type in {RotationType.WEEKLY, RotationType.CUSTOM}:
        day = version.handoff_day
    return Grid(zone, version.rotation_type, version.shift_length, parse_time(version.handoff_time), day)


def _anchor(version: RotationVersion, grid: Grid) -> Wall:
    if version.anchor is None:
        # A handoff is at `effective_from` or later exactly when it was not yet reached a moment before.
        return grid.first_handoff(reached(grid.zone, version.effective_from - 1) + 1)
    written = datetime.fromisoformat(version.anchor)
    return midnight(written.date()) + parse_time(version.anchor[-5:])
