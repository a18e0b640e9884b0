"""Wall-clock time of a zone: the only place where local time becomes an instant and back.

One rule holds everywhere: something set for a local time happens at the first moment when the wall clock
of the zone shows that time or a later one. A time skipped in spring means the first instant after the gap;
a time shown twice in autumn means its first showing.

The rule is kept by two functions that mirror each other. For every instant `t` and wall time `w`:

    reached(zone, t) >= w   exactly when   t >= first_instant(zone, w)

`reached` never falls, not even while the clock is set back, so calendars may be computed with plain
integers in wall time. The server's own time zone is never consulted.
"""

from bisect import bisect_left
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from openalert.domain.errors import Invalid
from openalert.domain.instant import DAY, HOUR, MINUTE, SECOND, Instant

Wall: TypeAlias = int
"""Milliseconds that a local wall clock shows since its own 1970-01-01T00:00, whatever its offset."""

WEEK = 7 * DAY

_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_LAST_ORDINAL = date.max.toordinal()
_EPOCH_WEEKDAY = 4  # 1970-01-01 was a Thursday; days count from 0 = Sunday
_FIRST, _LAST = datetime(1, 1, 3, tzinfo=UTC), datetime(9999, 12, 29, tzinfo=UTC)
# Names in the zone database that are no places: they follow the server, count leap seconds, or mean nothing.
_NO_PLACES = ("localtime", "posixrules", "Factory", "posix/", "right/")


def zone_named(name: str) -> ZoneInfo:
    """The zone of an IANA name such as `Europe/Berlin`; Invalid when there is none."""
    if not name.startswith(_NO_PLACES):
        with suppress(ZoneInfoNotFoundError, ValueError, OSError):
            return ZoneInfo(name)
    raise Invalid(
        f"timezone {name[:60]!r} is not known. Give an IANA name such as Europe/Berlin or UTC.",
        field="timezone",
    )


def reached(zone: ZoneInfo, instant: Instant) -> Wall:
    """The latest wall time that the zone's clocks have shown by `instant`.

    That is what they show now, except while an hour is shown for the second time: then it stays at the
    last millisecond before the clocks were set back.
    """
    local = _local(zone, instant)
    if not local.fold:
        return instant + _offset(local)
    after, before = _offset(local), _offset(local.replace(fold=0))
    set_back = _transition(zone, instant - (before - after), instant, before)
    return set_back + before - 1


@lru_cache(maxsize=8192)  # the same few handoffs are asked for again and again
def first_instant(zone: ZoneInfo, wall: Wall) -> Instant:
    """The first moment when the zone's clocks show `wall` or a later time."""
    try:
        shown = datetime(1970, 1, 1, tzinfo=zone) + timedelta(milliseconds=wall)
    except OverflowError:
        shown = _edge(wall).replace(tzinfo=zone)
    before = _offset(shown)
    instant = wall - before
    after = _offset(_local(zone, instant))
    if after <= before:
        return instant
    return _transition(zone, wall - after, instant, before)


def parse_time(text: str) -> Wall:
    """`HH:MM` as milliseconds since midnight; `24:00` is the day's end. ValueError when it is neither."""
    hours, colon, minutes = text.partition(":")
    digits = hours + minutes
    if len(hours) != 2 or not colon or len(minutes) != 2 or not (digits.isascii() and digits.isdigit()):
        raise ValueError(text)
    time = int(hours) * HOUR + int(minutes) * MINUTE
    if int(minutes) > 59 or time > DAY:
        raise ValueError(text)
    return time


def midnight(day: date) -> Wall:
    """The wall time at which the calendar day begins."""
    return (day.toordinal() - _EPOCH_ORDINAL) * DAY


def date_of(wall: Wall) -> date:
    """The calendar day of a wall time; from the year 10000 on, the last day that there is."""
    return date.fromordinal(min(wall // DAY + _EPOCH_ORDINAL, _LAST_ORDINAL))


def weekday_of(wall: Wall) -> int:
    """The day of the week of a wall time, 0 = Sunday."""
    return (wall // DAY + _EPOCH_WEEKDAY) % 7


def since_sunday(wall: Wall) -> int:
    """Milliseconds of wall time since Sunday 00:00 of the same week."""
    return (wall + _EPOCH_WEEKDAY * DAY) % WEEK


def _local(zone: ZoneInfo, instant: Instant) -> datetime:
    try:
        return datetime.fromtimestamp(instant // SECOND, zone)
    except (OverflowError, ValueError):
        return _edge(instant).astimezone(zone)


def _edge(milliseconds: int) -> datetime:
    """The moment nearest to one outside the years 1 to 9999 whose local date exists in every zone."""
    return _FIRST if milliseconds < 0 else _LAST


def _offset(local: datetime) -> int:
    """Milliseconds that the zone is ahead of UTC."""
    offset: timedelta = local.utcoffset()  # type: ignore[assignment]  # never None: the zone is a ZoneInfo
    return offset.days * DAY + offset.seconds * SECOND


def _transition(zone: ZoneInfo, low: Instant, high: Instant, before: int) -> Instant:
    """The instant after `low`, at most `high`, from which the zone's offset is no longer `before`."""
    seconds = range(low // SECOND, high // SECOND + 1)
    found = bisect_left(seconds, True, key=lambda second: _offset(_local(zone, second * SECOND)) != before)
    return seconds[found] * SECOND
