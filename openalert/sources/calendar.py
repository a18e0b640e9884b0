"""Calendars that other programs wrote (iCalendar, RFC 5545): what happens when, every repetition counted out.

Read in a process of its own (`usecases/calendar_reading`): what people export is large, and what attackers write is
larger. What would take too long is refused by the name of the property; one broken event does not spoil the others.
"""

import re
import sys
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from openalert.domain.errors import Invalid
from openalert.domain.instant import DAY, Instant, from_datetime, to_datetime
from openalert.domain.walltime import first_instant, midnight, zone_named
from openalert.sources.calendar_text import thin

MOST_OCCURRENCES = 5_000
MOST_DATES = 5_000
"""In RDATE or EXDATE of one event."""
MOST_STEPS = 50_000
"""Repetitions between an event's beginning and the time that is asked about."""
MOST_A_DAY = 48
MOST_NOTED = 5
_STEP = {"HOURLY": 1 / 24, "DAILY": 1, "WEEKLY": 7, "MONTHLY": 28, "YEARLY": 365}
"""Days from one repetition to the next."""
_BROKEN = re.compile(r"Cannot access '\w+' on broken property '(?P<name>[A-Z-]+)'")
"""How icalendar says that the value of a property is malformed."""


class Occurrence(msgspec.Struct, frozen=True, kw_only=True):
    """Something in the calendar, once."""

    start: Instant
    end: Instant
    summary: str
    description: str = ""
    attendees: tuple[str, ...] = ()
    """Addresses, as they were written."""
    is_all_day: bool = False
    busy: str = ""
    """`FREE`, `TENTATIVE`, `BUSY`, `OOF`, `WORKINGELSEWHERE`, in Outlook's words; empty: not said."""


class CalendarReading(msgspec.Struct, kw_only=True):
    """What was read of a calendar."""

    name: str = ""
    events: int = 0
    """Events in the file, repetitions not counted."""
    occurrences: list[Occurrence] = []
    left_out: int = 0
    """Events that could not be read."""
    notes: list[str] = []
    """Why, for the first few."""


def read_calendar(content: bytes, zone_name: str, start: Instant, end: Instant) -> CalendarReading:
    """What is in the calendar between the instants, in the order of time.

    `zone_name` is where times without a zone are meant to be, unless the calendar says it itself. Invalid names the
    property that asks for too much, or says why this is no calendar.
    """
    import icalendar

    since = to_datetime(start - 2 * DAY)
    thinned = thin(content, f"{since:%Y%m%d}")
    try:
        parsed = icalendar.Calendar.from_ical(thinned.text)
        zone = _zone(str(parsed.get("X-WR-TIMEZONE", "")), zone_name)
    except (ValueError, KeyError, IndexError, AttributeError, TypeError) as error:
        raise Invalid(f"The calendar cannot be read: {str(error)[:200]}.") from error
    reading = CalendarReading(name=str(parsed.get("X-WR-CALNAME", ""))[:200], events=thinned.events)
    series: dict[str, list[Any]] = defaultdict(list)
    for number, event in enumerate(parsed.walk("VEVENT")):
        series[str(event.get("UID", f"without UID {number}"))].append(event)
    for events in series.values():
        _read_series(reading, parsed, events, _Range(zone, start, end))
    reading.occurrences.sort(key=lambda each: (each.start, each.end, each.summary))
    return reading


class _Range(msgspec.Struct, frozen=True):
    zone: ZoneInfo
    start: Instant
    end: Instant


def _read_series(reading: CalendarReading, parsed: Any, events: list[Any], within: _Range) -> None:
    """One event with all its repetitions, and those of them that were moved or cancelled."""
    try:
        for event in events:
            _check(event, within)
        found = [
            _occurrence(each, within.zone)
            for each in _expanded(parsed, events, within)
            if str(each.get("STATUS", "")).upper() != "CANCELLED"
        ]
    except (ValueError, KeyError, IndexError, AttributeError, TypeError, OverflowError) as error:
        reading.left_out += 1
        if len(reading.notes) < MOST_NOTED:
            reading.notes.append(f"“{_title(events[0])}” was left out: {_said(error)}.")
        return
    _note_unknown_zone(reading, events[0], within.zone)
    reading.occurrences += [each for each in found if each.end > within.start and each.start < within.end]
    if len(reading.occurrences) > MOST_OCCURRENCES:
        raise Invalid(
            f"The calendar has more than {MOST_OCCURRENCES:,} entries in the time that is read; the RRULE of "
            f"“{_title(events[0])}” is the last that was looked at."
        )


def _note_unknown_zone(reading: CalendarReading, event: Any, zone: ZoneInfo) -> None:
    begin = event["DTSTART"]
    named = str(begin.params.get("TZID", ""))
    if (
        named
        and isinstance(begin.dt, datetime)
        and begin.dt.tzinfo is None
        and len(reading.notes) < MOST_NOTED
    ):
        reading.notes.append(
            f"TZID “{named[:60]}” of “{_title(event)}” is not known; its times are taken for those of {zone.key}."
        )


def _expanded(parsed: Any, events: list[Any], within: _Range) -> Iterator[Any]:
    import icalendar
    import recurring_ical_events

    if len(events) == 1 and not any(name in events[0] for name in ("RRULE", "RDATE", "RECURRENCE-ID")):
        return iter(events)
    alone = icalendar.Calendar()
    if "X-WR-TIMEZONE" in parsed:
        # Google repeats in it what it writes in UTC.
        alone.add("X-WR-TIMEZONE", parsed["X-WR-TIMEZONE"])
    for component in (*events, *parsed.walk("VTIMEZONE")):
        alone.add_component(component)
    if all("RECURRENCE-ID" in event for event in events):
        return iter(events)  # moved from a series that is not in the file
    edges = (to_datetime(within.start - 2 * DAY), to_datetime(within.end + 2 * DAY))
    found: Iterator[Any] = iter(recurring_ical_events.of(alone).between(*edges))
    return found


def _occurrence(event: Any, zone: ZoneInfo) -> Occurrence:
    begin = event["DTSTART"].dt
    is_all_day = not isinstance(begin, datetime)
    start = _instant(begin, zone)
    if "DTEND" in event:
        end = _instant(event["DTEND"].dt, zone)
    elif "DURATION" in event:
        end = _instant(begin + event["DURATION"].dt, zone)
    else:
        end = _instant(begin + timedelta(days=1), zone) if is_all_day else start
    if end < start:
        raise ValueError("it ends before it begins")
    if not 0 <= start <= end:
        raise ValueError("it lies before 1970")
    attendees = event.get("ATTENDEE", [])
    return Occurrence(
        start=start,
        end=end,
        summary=str(event.get("SUMMARY", ""))[:500],
        description=str(event.get("DESCRIPTION", ""))[:500],
        attendees=tuple(
            str(each)[:300] for each in (attendees if isinstance(attendees, list) else [attendees])
        ),
        is_all_day=is_all_day,
        busy=_busy(event),
    )


def _busy(event: Any) -> str:
    told = str(event.get("X-MICROSOFT-CDO-BUSYSTATUS") or event.get("X-MICROSOFT-CDO-INTENDEDSTATUS") or "")
    if told:
        return told.upper()[:20]
    return "FREE" if str(event.get("TRANSP", "")).upper() == "TRANSPARENT" else ""


def _instant(shown: date | datetime, zone: ZoneInfo) -> Instant:
    """A date is its first moment in the zone, and so is a time without a zone; all others know where they are."""
    if not isinstance(shown, datetime):
        return first_instant(zone, midnight(shown))
    if shown.tzinfo is None:
        since_midnight = shown - datetime.combine(shown, datetime.min.time())
        return first_instant(zone, midnight(shown.date()) + since_midnight // timedelta(milliseconds=1))
    return from_datetime(shown.astimezone(UTC))


def _check(event: Any, within: _Range) -> None:
    """Invalid for what would be counted out for too long."""
    for name in ("RDATE", "EXDATE"):
        listed = event.get(name, [])
        dates = sum(
            len(getattr(each, "dts", ())) for each in (listed if isinstance(listed, list) else [listed])
        )
        if dates > MOST_DATES:
            raise Invalid(f"{name} of “{_title(event)}” lists more than {MOST_DATES:,} dates.")
    rules = event.get("RRULE", [])
    for rule in rules if isinstance(rules, list) else [rules]:
        _check_rule(rule, event, within)
    if isinstance(rules, list) and len(rules) > 5:
        raise Invalid(f"“{_title(event)}” has {len(rules)} RRULEs.")


def _check_rule(rule: Any, event: Any, within: _Range) -> None:
    title, frequency = _title(event), str((_listed(rule, "FREQ") or [""])[0]).upper()
    if frequency in ("SECONDLY", "MINUTELY"):
        raise Invalid(f"RRULE of “{title}” repeats {frequency.lower()}; hourly is the most that is read.")
    if not frequency and hasattr(rule, "get"):
        raise ValueError("its RRULE has no FREQ")
    if frequency not in _STEP:
        return  # what expands it says what is wrong
    a_day = 1
    for part in ("BYHOUR", "BYMINUTE", "BYSECOND"):
        a_day *= max(1, len(_listed(rule, part)))
    if a_day > MOST_A_DAY:
        raise Invalid(f"RRULE of “{title}” repeats {a_day} times a day; {MOST_A_DAY} are read.")
    begin = getattr(event.get("DTSTART"), "dt", None)
    interval = int((_listed(rule, "INTERVAL") or [1])[0])
    if interval < 1:
        # What expands it would look for the next day for ever.
        raise ValueError(f"its RRULE has INTERVAL={interval}")
    if isinstance(begin, date):
        days = to_datetime(within.end).toordinal() - begin.toordinal()
        if days / _STEP[frequency] / interval * a_day > MOST_STEPS:
            raise Invalid(f"RRULE of “{title}” began in {begin.year}: too many repetitions to count.")


def _listed(rule: Any, part: str) -> list[Any]:
    found = rule.get(part, []) if hasattr(rule, "get") else []
    return found if isinstance(found, list) else [found]


def _zone(said: str, usual: str) -> ZoneInfo:
    """Where times without a zone are: as the calendar says, if anybody knows that place."""
    if said:
        try:
            return zone_named(said)
        except Invalid:
            pass
    return zone_named(usual)


def _title(event: Any) -> str:
    shown = " ".join(str(event.get("SUMMARY", "") or event.get("UID", "an event")).split())
    return re.sub(r"[^\w\s.,:;@()\[\]/+-]", "", shown)[:60]


def _said(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"it has no {error.args[0]}"
    if broken := _BROKEN.match(str(error)):
        return f"its {broken['name']} cannot be read"
    return str(error).replace("\n", " ").rstrip(".")[:160] or "it cannot be read"


class Request(msgspec.Struct, array_like=True, frozen=True):
    """What the process of its own is given on its standard input."""

    content: bytes
    zone: str
    start: Instant
    end: Instant


class Reply(msgspec.Struct, frozen=True):
    """What it answers on its standard output."""

    reading: CalendarReading | None = None
    refused: str = ""


def main(bound: Callable[[], None]) -> None:
    """Read one request, answer it. `bound` sets the limits of this process, once all that is needed is loaded."""
    import icalendar  # noqa: F401 - loaded before the limits hold
    import recurring_ical_events  # noqa: F401 - loaded before the limits hold

    bound()
    warnings.simplefilter("ignore")
    asked = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Request)
    try:
        reply = Reply(reading=read_calendar(asked.content, asked.zone, asked.start, asked.end))
    except Invalid as error:
        reply = Reply(refused=error.message)
    sys.stdout.buffer.write(msgspec.msgpack.encode(reply))
