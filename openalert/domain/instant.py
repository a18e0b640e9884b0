"""Instants: whole milliseconds since 1970-01-01T00:00:00Z, everywhere inside the program.

See docs/decisions/0002-instants.md. Wall-clock time exists only in `oncall` (calendars) and where
people read it; everything between stores, compares and adds plain integers.
"""

from datetime import UTC, datetime, timedelta
from typing import TypeAlias

Instant: TypeAlias = int
"""Milliseconds since the Unix epoch, UTC."""

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATEST: Instant = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp()) * SECOND


def to_datetime(instant: Instant) -> datetime:
    """The same moment as an aware datetime in UTC; exact, also before 1970."""
    return _EPOCH + timedelta(milliseconds=instant)


def from_datetime(moment: datetime) -> Instant:
    """The moment in whole milliseconds, rounded down; `moment` must be aware."""
    if moment.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def rfc3339(instant: Instant) -> str:
    """`2026-01-01T00:00:00.000Z`: what the API, the logs and the timeline show."""
    return to_datetime(instant).strftime("%Y-%m-%dT%H:%M:%S.") + f"{instant % SECOND:03d}Z"
