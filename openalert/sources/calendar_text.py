"""The text of somebody else's calendar before anything interprets it: decoded, unfolded, thinned out and bounded.

Only what says when and for whom something is stays. Alarms, attachments and formatted descriptions, which can be most
of a file, go, and so does what was over long ago.
"""

import re
from collections.abc import Iterator

import msgspec

from openalert.domain.errors import Invalid

LARGEST = 5 * 1024 * 1024
MOST_EVENTS = 50_000
MOST_NEAR = 5_000
"""Events that repeat, or are not over."""
LONGEST_LINE = 20_000
DEEPEST = 8

_KEPT = frozenset(
    (
        "VERSION", "PRODID", "CALSCALE", "X-WR-CALNAME", "X-WR-TIMEZONE",
        "UID", "DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID", "SEQUENCE", "STATUS",
        "TRANSP",
        "SUMMARY", "DESCRIPTION", "ATTENDEE", "X-MICROSOFT-CDO-BUSYSTATUS", "X-MICROSOFT-CDO-INTENDEDSTATUS",
        "TZID", "TZOFFSETFROM", "TZOFFSETTO", "TZNAME",
    )
)  # fmt: skip
_COMPONENTS = frozenset(("VCALENDAR", "VEVENT", "VTIMEZONE", "STANDARD", "DAYLIGHT"))
_REPEATS = re.compile(r"^(?:RRULE|RDATE|RECURRENCE-ID|DURATION)[;:]", re.MULTILINE)
_DAYS = re.compile(r"^(?:DTSTART|DTEND)[^\n]*:(\d{8})", re.MULTILINE)
_EXCHANGE_UTC = re.compile(r";TZID=tzone://Microsoft/Utc:(\d{8}T\d{6})$")
_TEXTS = ("SUMMARY", "DESCRIPTION")
_LONGEST_TEXT = 1_000


class Thinned(msgspec.Struct, frozen=True):
    """A calendar with what matters of it."""

    text: str
    """With a line break of CR and LF after every unfolded line."""
    events: int
    """How many events the file has, near or not."""


def thin(content: bytes, since: str) -> Thinned:
    """The calendar without what is of no use, and without single events that were over before the day `since`.

    `since` as YYYYMMDD. Invalid, naming what is wrong, for what is no calendar or too much of one.
    """
    if len(content) > LARGEST:
        raise Invalid(f"The calendar has more than {LARGEST // 1024 // 1024} MB. Export a shorter time.")
    text = _decoded(content)
    head = text.lstrip()[:400].upper()
    if head.startswith(("<!DOCTYPE", "<HTML", "<?XML")):
        raise Invalid(
            "This is a web page and no calendar. Copy the address that ends in .ics, or is called iCal."
        )
    if "BEGIN:VCALENDAR" not in head:
        raise Invalid("This is no calendar: it does not begin with BEGIN:VCALENDAR.")
    return _assembled(_unfolded(text), since)


def _decoded(content: bytes) -> str:
    """UTF-8 as it should be, UTF-16 where its mark says so, else the Windows letters of Western Europe."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace").replace("\x00", "")
    try:
        return content.decode("utf-8-sig").replace("\x00", "")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace").replace("\x00", "")


def _unfolded(text: str) -> Iterator[str]:
    """Content lines; one that is too long is left out where it is none that matters, and refused where it is."""
    pieces: list[str] = []
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        if line.startswith((" ", "\t")) and pieces:
            pieces.append(line[1:])
            continue
        if pieces:
            yield "".join(pieces)
        pieces = [line] if line else []
    if pieces:
        yield "".join(pieces)


class _Assembly:
    """Components as they open and close; what is inside of one that does not matter is passed over."""

    def __init__(self, since: str) -> None:
        self.done: list[str] = []
        self.events = 0
        self.near = 0
        self._since = since
        self._open: list[str] = []
        self._event: list[str] | None = None

    def begin(self, component: str) -> None:
        self._open.append(component)
        if len(self._open) > DEEPEST:
            raise Invalid(f"BEGIN:{component[:40]} stands more than {DEEPEST} deep; no calendar does that.")
        if component == "VEVENT" and self._matters:
            self.events += 1
            if self.events > MOST_EVENTS:
                raise Invalid(f"The calendar has more than {MOST_EVENTS:,} events. Export a shorter time.")
            self._event = []
        elif self._matters:
            self.done.append(f"BEGIN:{component}")

    def end(self, component: str) -> None:
        if not self._open or self._open[-1] != component:
            raise Invalid(f"END:{component[:40]} does not close what was begun; the file is damaged.")
        mattered = self._matters
        self._open.pop()
        if component == "VEVENT" and self._event is not None and mattered:
            self._keep(self._event)
            self._event = None
        elif mattered:
            self.done.append(f"END:{component}")

    def add(self, line: str) -> None:
        if self._matters:
            (self.done if self._event is None else self._event).append(line)

    def finish(self) -> str:
        if self._open:
            raise Invalid(f"The calendar breaks off: BEGIN:{self._open[-1][:40]} is never ended.")
        return "\r\n".join([*self.done, ""])

    @property
    def _matters(self) -> bool:
        return all(each in _COMPONENTS for each in self._open)

    def _keep(self, lines: list[str]) -> None:
        joined = "\n".join(lines)
        days = _DAYS.findall(joined)
        if days and max(days) < self._since and not _REPEATS.search(joined):
            return
        self.near += 1
        if self.near > MOST_NEAR:
            raise Invalid(
                f"The calendar has more than {MOST_NEAR:,} events that repeat or are not over. Export a shorter time."
            )
        self.done += ["BEGIN:VEVENT", *lines, "END:VEVENT"]


def _assembled(lines: Iterator[str], since: str) -> Thinned:
    assembly = _Assembly(since)
    for line in lines:
        name = re.split("[;:]", line, maxsplit=1)[0].upper()
        if name == "BEGIN":
            assembly.begin(line[6:].strip().upper())
        elif name == "END":
            assembly.end(line[4:].strip().upper())
        elif name in _KEPT:
            assembly.add(_bounded(name, line))
    return Thinned(assembly.finish(), assembly.events)


def _bounded(name: str, line: str) -> str:
    if name in _TEXTS:
        # A cut inside an escape would leave half of it.
        return line[:_LONGEST_TEXT].rstrip("\\")
    if len(line) > LONGEST_LINE and name not in ("RDATE", "EXDATE"):
        raise Invalid(f"{name} has more than {LONGEST_LINE:,} characters in one line.")
    # Exchange writes its own name of UTC, with a colon that no parser expects.
    return _EXCHANGE_UTC.sub(r":\1Z", line)
