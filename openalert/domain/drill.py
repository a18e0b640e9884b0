"""Fire drill: a gentle test page that comes by itself, in somebody's working hours, once a week or month."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

import msgspec

from openalert.domain.instant import DAY, HOUR, MINUTE, Instant
from openalert.domain.notification_plan import Way
from openalert.domain.walltime import date_of, first_instant, midnight, reached, weekday_of

WORK_BEGINS, WORK_ENDS = 9 * HOUR, 17 * HOUR
"""Since midnight of the person's own zone, Monday to Friday."""
_FIRST_SLOT, _SLOTS = 10 * HOUR, 240
"""They begin between 10:00 and 14:00, so that a reminder falls into the same working day."""
REMINDS_AFTER = 2 * HOUR
ENDS_AFTER = DAY
"""After the reminder."""
PUT_OFF = 15 * MINUTE


class Rhythm(StrEnum):
    """How often everybody in a team gets a fire drill."""

    OFF = "off"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


class DrillState(StrEnum):
    """Where a drill is."""

    PLANNED = "planned"
    SENT = "sent"
    REMINDED = "reminded"
    ANSWERED = "answered"
    UNANSWERED = "unanswered"
    SKIPPED = "skipped"
    """Nothing was sent; `reason` says why."""


class Drill(msgspec.Struct, kw_only=True):
    """A row of `drills`."""

    id: str
    organization_id: str
    team_id: str
    user_id: str
    period: str
    """The first day of the week or month that it is for: `2026-01-05`."""
    state: DrillState = DrillState.PLANNED
    contact_method_id: str | None = None
    channel: str | None = None
    """By what kind of way it went."""
    reason: str = ""
    due_at: Instant | None
    """When the next thing has to happen; None: it is over."""
    give_up_at: Instant
    """What could not be sent until then is not sent."""
    sent_at: Instant | None = None
    reminded_at: Instant | None = None
    answered_at: Instant | None = None
    created_at: Instant
    updated_at: Instant


def next_slot(
    rhythm: Rhythm, zone: ZoneInfo, seed: str, now: Instant, last: str | None
) -> tuple[str, Instant, Instant]:
    """The next drill after `now` in a period later than `last`: its period, its moment, and the period's end.

    The moment follows from the seed, so that colleagues are not all asked at once, and every node finds the same.
    """
    first = _period(rhythm, date_of(reached(zone, now)))
    while True:
        at = first_instant(zone, _slot(rhythm, first, seed))
        following = _period(rhythm, first + timedelta(days=7 if rhythm is Rhythm.WEEKLY else 31))
        if at > now and (last is None or first.isoformat() > last):
            return first.isoformat(), at, first_instant(zone, midnight(following))
        first = following


def _period(rhythm: Rhythm, day: date) -> date:
    return day - timedelta(days=day.weekday()) if rhythm is Rhythm.WEEKLY else day.replace(day=1)


def _slot(rhythm: Rhythm, first: date, seed: str) -> int:
    number = int.from_bytes(hashlib.sha256(f"{seed}:{first}".encode()).digest()[:8])
    days = [first + timedelta(days=day) for day in range(7 if rhythm is Rhythm.WEEKLY else 28)]
    workdays = [day for day in days if day.weekday() < 5]
    day = workdays[number % len(workdays)]
    return midnight(day) + _FIRST_SLOT + (number // len(workdays)) % _SLOTS * MINUTE


def working(zone: ZoneInfo, at: Instant) -> Instant:
    """The first moment from `at` on that lies in working hours of the zone."""
    wall = reached(zone, at)
    day = wall // DAY * DAY
    if _is_workday(day) and WORK_BEGINS <= wall - day < WORK_ENDS:
        return at
    if wall - day >= WORK_BEGINS:
        day += DAY
    while not _is_workday(day):
        day += DAY
    return first_instant(zone, day + WORK_BEGINS)


def _is_workday(wall: int) -> bool:
    return weekday_of(wall) in range(1, 6)


def next_way(ways: Sequence[Way], drilled: Mapping[str, Instant]) -> Way:
    """The way whose turn it is: the one that no drill took for longest; no call where anything else is there."""
    return min(ways, key=lambda way: (way.type == "voice", drilled.get(way.id, 0), way.id))
