"""Shifts as a calendar that other programs read: iCalendar (RFC 5545), all times in UTC, every line folded.

A shift keeps its UID as long as it is of the same rotation, override or calendar and begins at the same time:
its end and its person may change under it, so that calendar programs move an entry and do not add a second one.
"""

import hashlib
from collections.abc import Iterable

import msgspec

from openalert.domain.instant import DAY, Instant, to_datetime
from openalert.domain.oncall import FinalSchedule
from openalert.domain.plan import OnCallPerson

CONTENT_TYPE = "text/calendar"
BEHIND, AHEAD = 90 * DAY, 180 * DAY
"""What a calendar tells at least, in whole months."""

_FOLD_AT = 75
"""Octets of a line without its break (RFC 5545 section 3.1)."""
_ESCAPED = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n"})


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """One person on call without a break by the same rotation, override or calendar."""

    start: Instant
    end: Instant
    person: OnCallPerson


class CalendarEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One entry; texts are plain, of one or several lines."""

    uid: str
    start: Instant
    end: Instant
    summary: str
    description: str
    url: str


class Revision(msgspec.Struct, frozen=True, kw_only=True):
    """How often a calendar has changed, and when it last did; both stay as they are while it does."""

    number: int
    changed_at: Instant


def months_around(now: Instant) -> tuple[Instant, Instant]:
    """The range of a calendar at `now`: whole UTC months, so that its edges stand still for a month at a time."""
    first, last = to_datetime(now - BEHIND), to_datetime(now + AHEAD)
    begin = first.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    months = last.year * 12 + last.month  # counted from January of year 0, and one on
    end = begin.replace(year=months // 12, month=months % 12 + 1)
    return int(begin.timestamp()) * 1000, int(end.timestamp()) * 1000


def turns_of(final: FinalSchedule) -> list[Turn]:
    """The turns in a final schedule, in the order of their beginning; company that comes or goes cuts none."""
    found: list[Turn] = []
    open_turns: dict[str, Turn] = {}
    for shift in final.items:
        running: dict[str, Turn] = {}
        for person in shift.people:
            key = _source(person)
            before = open_turns.get(key)
            if before and before.end == shift.start and before.person.user_id == person.user_id:
                running[key] = msgspec.structs.replace(before, end=shift.end)
            else:
                running[key] = Turn(start=shift.start, end=shift.end, person=person)
        found += [turn for key, turn in open_turns.items() if not _goes_on(turn, running.get(key))]
        open_turns = running
    found += open_turns.values()
    return sorted(found, key=lambda turn: (turn.start, turn.end, turn.person.user_id))


def uid_of(schedule_id: str, turn: Turn) -> str:
    """The UID of a turn: a hash of its schedule, of what gives it and of its beginning."""
    return _uid(schedule_id, _source(turn.person), turn.start)


def uid_of_gap(schedule_id: str, start: Instant) -> str:
    """The UID of a time of nobody, by its beginning."""
    return _uid(schedule_id, "gap", start)


def digest_of(name: str, events: Iterable[CalendarEvent]) -> str:
    """What changes when anything in a calendar does."""
    return hashlib.sha256(msgspec.json.encode([name, *events])).hexdigest()


def write(name: str, events: Iterable[CalendarEvent], revision: Revision) -> bytes:
    """The calendar; entries leave their reader free, as being on call is no appointment.

    SEQUENCE, DTSTAMP and LAST-MODIFIED are those of the revision, so that the same shifts are the same bytes.
    """
    stamp = _moment(revision.changed_at)
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//OpenAlert//On call//EN",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        f"NAME:{_text(name)}",
        f"X-WR-CALNAME:{_text(name)}",
        "X-WR-TIMEZONE:UTC",
        "REFRESH-INTERVAL;VALUE=DURATION:PT1H",
        "X-PUBLISHED-TTL:PT1H",
    ]
    for event in events:
        lines += [
            "BEGIN:VEVENT",
            f"UID:{event.uid}",
            f"DTSTAMP:{stamp}",
            f"LAST-MODIFIED:{stamp}",
            f"SEQUENCE:{revision.number}",
            f"DTSTART:{_moment(event.start)}",
            f"DTEND:{_moment(event.end)}",
            f"SUMMARY:{_text(event.summary)}",
            f"DESCRIPTION:{_text(event.description)}",
            f"URL:{event.url}",
            "STATUS:CONFIRMED",
            # Outlook paints a subscribed day as busy otherwise.
            "TRANSP:TRANSPARENT",
            "X-MICROSOFT-CDO-BUSYSTATUS:FREE",
            "END:VEVENT",
        ]
    lines.append("END:VCALENDAR")
    return b"".join(_folded(line) for line in lines)


def _goes_on(turn: Turn, later: Turn | None) -> bool:
    return later is not None and (later.start, later.person.user_id) == (turn.start, turn.person.user_id)


def _source(person: OnCallPerson) -> str:
    """What gives a turn: nothing else gives two at a time. A rotation, or what a decision or calendar says of one."""
    if person.override_id is None and person.rotation_id is not None:
        return person.rotation_id
    return f"{person.override_id or person.feed_id} {person.user_id}"


def _uid(schedule_id: str, source: str, start: Instant) -> str:
    digest = hashlib.sha256(f"{schedule_id}\n{source}\n{start}".encode()).hexdigest()
    return f"{digest[:32]}@openalert"


def _moment(instant: Instant) -> str:
    return f"{to_datetime(instant):%Y%m%dT%H%M%SZ}"


def _text(text: str) -> str:
    """A TEXT value (RFC 5545 section 3.3.11): nothing in it ends a line or begins a property."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace").decode()
    return "".join(each for each in plain if each == "\n" or each.isprintable()).translate(_ESCAPED)


def _folded(line: str) -> bytes:
    """The line with its break, no piece longer than 75 octets, no character cut in two."""
    pieces, piece, room = [], b"", _FOLD_AT
    for character in line:
        encoded = character.encode()
        if len(piece) + len(encoded) > room:
            pieces.append(piece)
            piece, room = b"", _FOLD_AT - 1  # the blank that continues a line counts
        piece += encoded
    return b"\r\n ".join([*pieces, piece]) + b"\r\n"
