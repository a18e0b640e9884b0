"""Turns of one rotation: which number a turn has, when it begins, and whose it is.

Everything is arithmetic in wall time, so a rotation that began years ago costs what a new one costs: `handoffs`
numbers the turns, `windows` says when the restrictions are open.
A turn that falls into the gap of a clock change lasts no time; one that holds the repeated hour lasts longer.
"""

from bisect import bisect_right
from datetime import datetime
from functools import lru_cache

from openalert.domain.handoffs import Grid
from openalert.domain.instant import DAY, LATEST, SECOND, Instant
from openalert.domain.schedule import Rotation, RotationType, RotationVersion
from openalert.domain.walltime import (
    Wall,
    date_of,
    first_instant,
    midnight,
    parse_time,
    reached,
    weekday_of,
    zone_named,
)
from openalert.domain.windows import NEVER, Windows, worked_days


class Turns:
    """The turns of one version, ready to be asked; made once per version and kept by `turns_of`."""

    __slots__ = ("_changes", "_members", "_row", "_windows", "anchor", "grid", "version")

    def __init__(self, version: RotationVersion) -> None:
        """Read a version that `check_version` accepts."""
        self.version = version
        self.grid = _grid(version)
        self.anchor = _anchor(version, self.grid)
        """Wall time at which turn 0 begins."""
        self._row = self.grid.row(self.anchor)
        self._members = version.member_ids
        self._changes = len(set(version.member_ids)) > 1
        self._windows = Windows(version) if version.restrictions else None

    def covers(self, instant: Instant) -> bool:
        """Whether the instant lies between `effective_from` and `effective_until`."""
        until = self.version.effective_until
        return self.version.effective_from <= instant and (until is None or instant < until)

    def turn_at(self, instant: Instant) -> int:
        """The number of the turn running at the instant; the time before the first handoff is turn 0."""
        return max(0, self._row.turn(reached(self.grid.zone, instant)))

    def position(self, turn: int) -> int:
        """The position in `member_ids` of whoever has the turn; there must be members."""
        return (turn + self.version.first_turn) % len(self._members)

    def start(self, turn: int) -> Wall:
        """The wall time at which the turn begins."""
        return self._row.start(turn)

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
        # What begins has a shift of its own before its first handoff; what goes on is in its first turn already.
        first = -1 if version.anchor is None else 0
        turn = self._row.turn(reached(self.grid.zone, instant))
        return self._until(self._row.start(max(turn, first) + 1))

    def on_duty(self, instant: Instant) -> tuple[str, Instant | None]:
        """Who is on (empty: nobody), and a later instant before which that surely holds (None: for ever)."""
        version = self.version
        if instant < version.effective_from:
            return "", version.effective_from
        if not self._members or not self.covers(instant):
            return "", None
        wall = reached(self.grid.zone, instant)
        turn = max(0, self._row.turn(wall))
        user = self._members[self.position(turn)]
        edge = self._end_of_run(turn, user) if self._changes else NEVER
        if self._windows is not None and (user or self._changes):
            open_, toggle = self._windows.at(wall)
            user, edge = (user, min(edge, toggle)) if open_ else ("", toggle)
        return user, self._until(edge)

    def _end_of_run(self, turn: int, user: str) -> Wall:
        """When the next turn that is somebody else's begins; there must be such a one."""
        turn += 1
        while self._members[self.position(turn)] == user:
            turn += 1
        return self._row.start(turn)

    def _until(self, edge: Wall) -> Instant | None:
        end = self.version.effective_until
        if edge < NEVER:
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
    if len(versions) == 1:  # as most are: asked for each rotation at each boundary
        only = versions[0]
        return (only, None) if only.valid_from <= instant else (None, only.valid_from)
    place = bisect_right(versions, instant, key=lambda version: version.valid_from)
    following = versions[place].valid_from if place < len(versions) else None
    return (versions[place - 1] if place else None), following


def turns_at(rotation: Rotation, instant: Instant) -> tuple[Turns | None, Instant | None]:
    """The turns that decide at the instant, and when another version takes over."""
    removed = rotation.removed_at
    if removed is not None and instant >= removed:
        return None, None
    version, following = version_at(rotation, instant)
    return (turns_of(version) if version else None), sooner(following, removed)


def sooner(one: Instant | None, other: Instant | None) -> Instant | None:
    """The earlier of two bounds; None is no bound."""
    if one is None:
        return other
    return one if other is None or one <= other else other


def wall_text(wall: Wall) -> str:
    """A wall time as `YYYY-MM-DDTHH:MM`, the form of `RotationVersion.anchor`."""
    minutes = wall % DAY // (60 * SECOND)
    return f"{date_of(wall).isoformat()}T{minutes // 60:02d}:{minutes % 60:02d}"


def _grid(version: RotationVersion) -> Grid:
    zone = zone_named(version.timezone)
    began = reached(zone, version.effective_from)
    kind, days, worked = version.rotation_type, version.days, None
    if kind is RotationType.MONTHLY:
        days = (date_of(began).day,)
    elif kind in {RotationType.DAILY, RotationType.HOURLY}:
        days = ()
    elif kind is RotationType.WEEKLY:
        days = days or (weekday_of(began),)
    if kind in {RotationType.DAILY, RotationType.WEEKLY, RotationType.CUSTOM}:
        worked = worked_days(version)
    return Grid(zone, kind, version.shift_length, parse_time(version.handoff_time), days, worked)


def _anchor(version: RotationVersion, grid: Grid) -> Wall:
    if version.anchor is None:
        # A handoff is at `effective_from` or later exactly when it was not yet reached a moment before.
        return grid.first_handoff(reached(grid.zone, version.effective_from - 1) + 1)
    written = datetime.fromisoformat(version.anchor)
    return midnight(written.date()) + parse_time(version.anchor[-5:])
