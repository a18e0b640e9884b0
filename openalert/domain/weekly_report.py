"""Weekly report: what an owner should mend, on Mondays at 09:00 of their own clocks."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

from openalert.domain.instant import HOUR, Instant, to_datetime
from openalert.domain.walltime import date_of, first_instant, midnight, reached

_AT = 9 * HOUR
_WEEK = timedelta(days=7)


def due_at(zone: ZoneInfo, monday: str) -> Instant:
    """09:00 on that Monday (`2026-01-05`) in the zone."""
    return first_instant(zone, midnight(date.fromisoformat(monday)) + _AT)


def next_monday(zone: ZoneInfo, now: Instant, last: str | None = None) -> str:
    """The first Monday later than `last` whose 09:00 in the zone is still to come."""
    today = date_of(reached(zone, now))
    monday = today - timedelta(days=today.weekday())
    while due_at(zone, monday.isoformat()) <= now or (last is not None and monday.isoformat() <= last):
        monday += _WEEK
    return monday.isoformat()


def is_another_month(zone: ZoneInfo, before: Instant | None, now: Instant) -> bool:
    """Whether the zone's calendar shows another month than it did then; also when there was no then."""
    if before is None:
        return True
    one, other = to_datetime(before).astimezone(zone), to_datetime(now).astimezone(zone)
    return (one.year, one.month) != (other.year, other.month)
