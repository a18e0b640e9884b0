"""Instants as other systems write them.

Go, Azure and CloudWatch write RFC 3339 in dialects (up to nine fraction digits, offsets without a colon, a
zone name after the offset); others send epoch seconds to nanoseconds. Year 1 and 1970 mean "no time".
"""

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Any

from openalert.domain.instant import DAY, LATEST, Instant, from_datetime

_TEXT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,12}))?)?"
    r"\s*(?:[Zz]|UTC|GMT|([+-])(\d\d):?(\d\d)?)?(?: [A-Z]{1,5}| [+-]\d{2,4})?(?: m=[+-][\d.]+)?",
    re.ASCII,
)
_NUMBER = re.compile(r"\d{9,20}(?:\.\d{1,12})?", re.ASCII)
_LONGEST = 64
_EARLIEST_NUMBER = 100_000_000
"""Smaller epoch seconds (before March 1973) are counters or durations, not times."""


def instant(value: Any) -> Instant | None:
    """The moment that `value` (text or number) means; None when it is unset or not a moment.

    Text without a zone is UTC. A leap second is the last millisecond before it.
    """
    if isinstance(value, str):
        return _text(value.strip()) if len(value) <= _LONGEST else None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _epoch(value)
    return None


def not_future(moment: Instant | None, now: Instant) -> Instant | None:
    """`moment`, or None when it lies more than a day ahead of `now`: then the sender's clock is wrong."""
    return None if moment is not None and moment > now + DAY else moment


@lru_cache(maxsize=4096)
def _text(text: str) -> Instant | None:
    if found := _TEXT.fullmatch(text):
        try:
            return _sensible(_moment(found))
        except (ValueError, OverflowError):
            return None
    return _epoch(float(text)) if _NUMBER.fullmatch(text) else None


def _moment(found: re.Match[str]) -> Instant:
    year, month, day, hour, minute = (int(found[group]) for group in range(1, 6))
    second, milliseconds = int(found[6] or 0), int((found[7] or "0").ljust(3, "0")[:3])
    if second == 60:
        second, milliseconds = 59, 999
    offset = timedelta(hours=int(found[9] or 0), minutes=int(found[10] or 0))
    zone = timezone(-offset if found[8] == "-" else offset) if offset else UTC
    return from_datetime(datetime(year, month, day, hour, minute, second, tzinfo=zone)) + milliseconds


def _epoch(number: float) -> Instant | None:
    """Seconds, milliseconds, microseconds or nanoseconds, told apart by their size."""
    if not _EARLIEST_NUMBER <= number < 1e20:
        return None
    if number < 1e11:
        return _sensible(int(number * 1_000))
    if number < 1e14:
        return int(number)
    return int(number // 1_000) if number < 1e17 else int(number // 1_000_000)


def _sensible(moment: Instant) -> Instant | None:
    """Nothing before 1971 is the time of an alert: it is how programs write "unset"."""
    return moment if 365 * DAY <= moment <= LATEST else None
