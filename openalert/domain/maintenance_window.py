"""MaintenanceWindow: a planned time, once or again and again, in which alerts are kept and page nobody."""

from collections.abc import Iterator
from enum import StrEnum
from itertools import islice

import msgspec

from openalert.domain import recurrence as recurring
from openalert.domain.errors import Conflict, Invalid
from openalert.domain.instant import DAY, LATEST, Instant
from openalert.domain.matching import Matcher
from openalert.domain.muting import LONGEST
from openalert.domain.recurrence import Recurrence
from openalert.domain.walltime import first_instant, zone_named

LONGEST_NAME = 120
FURTHEST = 730 * DAY
"""How far ahead a window may begin first."""
MOST_CHANGES = 50
"""Times of one window that were moved, kept for its history."""
_LOOKED_AT = 60
"""So many times of a repeating window are looked at for a pause between each two."""


class WindowStatus(StrEnum):
    """Where a window is in its life."""

    SCHEDULED = "scheduled"
    RUNNING = "running"
    OVER = "over"


class Occurrence(msgspec.Struct, frozen=True):
    """One time at which a window mutes."""

    planned_at: Instant
    """When it was to begin by the rule: what names it among the others, wherever people moved it."""
    starts_at: Instant
    ends_at: Instant

    @property
    def is_left_out(self) -> bool:
        """Whether nothing of it remains: people called it off, or its local times do not exist that night."""
        return self.ends_at <= self.starts_at


class MaintenanceWindow(msgspec.Struct, frozen=True, kw_only=True):
    """Mutes alerts of a team while it runs; see `domain.muting` for which."""

    id: str
    organization_id: str
    team_id: str
    name: str
    service_ids: tuple[str, ...] = ()
    matchers: tuple[Matcher, ...] = ()
    starts_at: Instant
    """When it begins, or begins first."""
    ends_at: Instant
    """When it ends; of one that repeats, when its first time does: the others are as long on the clock."""
    recurrence: Recurrence | None = None
    changes: tuple[Occurrence, ...] = ()
    """The times that people began now, extended, ended early or left out."""
    created_at: Instant
    created_by_id: str | None = None
    updated_at: Instant


def check_window(window: MaintenanceWindow, now: Instant) -> None:
    """Refuse, as Invalid naming the field, a window of no time, too long, or that mutes without a break."""
    if not window.name or len(window.name) > LONGEST_NAME:
        raise Invalid(f"name must have 1 to {LONGEST_NAME} characters.", field="name")
    for field, instant in (("startsAt", window.starts_at), ("endsAt", window.ends_at)):
        if not 0 <= instant <= LATEST:
            raise Invalid(f"{field} must lie between the years 1970 and 9999.", field=field)
    if window.ends_at <= window.starts_at:
        raise Invalid("endsAt must be later than startsAt.", field="endsAt")
    if window.ends_at - window.starts_at > LONGEST:
        raise Invalid(f"endsAt must lie within {LONGEST // DAY} days of startsAt.", field="endsAt")
    if window.starts_at > now + FURTHEST:
        raise Invalid(f"startsAt must lie within the next {FURTHEST // DAY} days.", field="startsAt")
    if window.recurrence is not None:
        _check_pauses(window)
    if next(occurrences(window, now), None) is None:
        field = "endsAt" if window.recurrence is None else "recurrence.rule"
        raise Invalid(f"{field}: the window would be over already.", field=field)


def occurrences(window: MaintenanceWindow, after: Instant) -> Iterator[Occurrence]:
    """The times that end later than `after`, in the order in which they were planned, without those left out."""
    moved = {change.planned_at: change for change in window.changes}
    ahead = sorted(
        (each for each in moved.values() if each.ends_at > after), key=lambda each: each.planned_at
    )
    for planned in _planned(window, after):
        while ahead and ahead[0].planned_at <= planned.planned_at:
            if not (change := ahead.pop(0)).is_left_out:
                yield change
        if planned.planned_at not in moved and planned.ends_at > after and not planned.is_left_out:
            yield planned
    yield from (each for each in ahead if not each.is_left_out)


def running(window: MaintenanceWindow, now: Instant) -> Occurrence | None:
    """The time that runs now; of two, the one that ends later. None: it does not mute now."""
    # Moved times may lie in front of those planned before them, by no more than one of them.
    found = [
        each for each in islice(occurrences(window, now), 2 + len(window.changes)) if each.starts_at <= now
    ]
    return max(found, key=lambda each: each.ends_at, default=None)


def coming(window: MaintenanceWindow, now: Instant, most: int) -> list[Occurrence]:
    """The next times that have not begun, the earliest first."""
    ahead = (each for each in occurrences(window, now) if each.starts_at > now)
    return sorted(islice(ahead, most), key=lambda each: each.starts_at)


def between(window: MaintenanceWindow, start: Instant, end: Instant, most: int) -> list[Occurrence]:
    """The times that touch a range, the earliest first, at most so many."""
    found = []
    for each in occurrences(window, start):
        if each.planned_at >= end and each.starts_at >= end:
            break
        if each.starts_at < end:
            found.append(each)
        if len(found) == most:
            break
    return sorted(found, key=lambda each: each.starts_at)


def next_change(window: MaintenanceWindow, now: Instant) -> Instant | None:
    """When it next begins or ends; None: never again."""
    now_on = running(window, now)
    if now_on is not None:
        return now_on.ends_at
    ahead = coming(window, now, 1)
    return ahead[0].starts_at if ahead else None


def status_of(window: MaintenanceWindow, now: Instant) -> WindowStatus:
    """Where it is in its life."""
    if running(window, now) is not None:
        return WindowStatus.RUNNING
    return WindowStatus.SCHEDULED if coming(window, now, 1) else WindowStatus.OVER


def begun_now(window: MaintenanceWindow, now: Instant) -> MaintenanceWindow:
    """The window with its next time beginning now and ending as planned; Conflict when it runs or never comes."""
    if running(window, now) is not None:
        raise Conflict("The maintenance window runs already.", code="INVALID_STATUS_TRANSITION", allowed=[])
    ahead = coming(window, now, 1)
    if not ahead:
        raise Conflict("The maintenance window is over.", code="INVALID_STATUS_TRANSITION", allowed=[])
    return _moved(window, msgspec.structs.replace(ahead[0], starts_at=now))


def ending(window: MaintenanceWindow, ends_at: Instant, now: Instant) -> MaintenanceWindow:
    """The window whose present time ends at another instant, later or now; Conflict when it does not run."""
    present = running(window, now)
    if present is None:
        raise Conflict(
            "The maintenance window does not run now.", code="INVALID_STATUS_TRANSITION", allowed=[]
        )
    if ends_at - present.starts_at > LONGEST:
        raise Invalid(f"endsAt must lie within {LONGEST // DAY} days of the beginning.", field="endsAt")
    return _moved(window, msgspec.structs.replace(present, ends_at=max(ends_at, now)))


def without_next(window: MaintenanceWindow, now: Instant) -> MaintenanceWindow:
    """The window without its next time that has not begun."""
    if window.recurrence is None:
        raise Conflict("The window comes only once; delete it.", code="INVALID_STATUS_TRANSITION", allowed=[])
    ahead = coming(window, now, 1)
    if not ahead:
        raise Conflict("No time of the window lies ahead.", code="INVALID_STATUS_TRANSITION", allowed=[])
    return _moved(window, msgspec.structs.replace(ahead[0], ends_at=ahead[0].starts_at))


def _moved(window: MaintenanceWindow, change: Occurrence) -> MaintenanceWindow:
    """The window with one of its times moved; one that does not repeat simply has other times."""
    if window.recurrence is None:
        if change.starts_at >= change.ends_at:
            # An instant long, so that it was there: what it held is let go, and it is over.
            change = msgspec.structs.replace(change, starts_at=min(change.starts_at, change.ends_at - 1))
        return msgspec.structs.replace(window, starts_at=change.starts_at, ends_at=change.ends_at)
    others = [each for each in window.changes if each.planned_at != change.planned_at]
    return msgspec.structs.replace(window, changes=(*others[-MOST_CHANGES + 1 :], change))


def _planned(window: MaintenanceWindow, after: Instant) -> Iterator[Occurrence]:
    """The times by the rule alone, from about `after` on: the first may be over."""
    if window.recurrence is None:
        yield Occurrence(window.starts_at, window.starts_at, window.ends_at)
        return
    zone = zone_named(window.recurrence.timezone)
    length = _wall_length(window, window.recurrence)
    since = after - length - 2 * DAY
    for starts_at, wall in recurring.beginnings(window.recurrence, window.starts_at, since):
        is_first = starts_at == window.starts_at
        ends_at = window.ends_at if is_first else first_instant(zone, wall + length)
        yield Occurrence(starts_at, starts_at, ends_at)


def _wall_length(window: MaintenanceWindow, recurrence: Recurrence) -> int:
    """How long it is on the clock: 22:00 to 06:00 stays that, also in the night when clocks are changed."""
    start, end = (recurring.shown(recurrence.timezone, each) for each in (window.starts_at, window.ends_at))
    # Shorter than nothing where the first time lies across an hour that is shown twice.
    return end - start if end > start else window.ends_at - window.starts_at


def _check_pauses(window: MaintenanceWindow) -> None:
    before: Occurrence | None = None
    for each in islice(_planned(window, window.starts_at), _LOOKED_AT):
        if before is not None and each.starts_at <= before.ends_at:
            raise Invalid(
                "endsAt: each time would last until the next begins, so the window would never end.",
                field="endsAt",
            )
        before = each
