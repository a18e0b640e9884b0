"""A schedule drawn: days, and bars in per cent of them, as `macros/rotas.html` takes them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import msgspec

from openalert.domain.instant import HOUR, Instant, to_datetime
from openalert.domain.oncall import FinalSchedule
from openalert.domain.plan import OnCallPerson, OnCallSource, Shift
from openalert.domain.walltime import first_instant, midnight
from openalert.web import render
from openalert.web.ui.frame import Values

NOBODY = "Nobody"
GONE = "somebody who is gone"
_PIXELS = 6.1
"""Of one per cent, on the narrowest screen that shows bars side by side."""
_ROOM_FOR_INITIALS = 2.9
"""Per cent: a day of a month."""
_LETTER = 6.9
"""Pixels of one letter on a bar."""


class Range(msgspec.Struct, frozen=True, kw_only=True):
    """Whole days of a zone, one after the other."""

    zone: ZoneInfo
    first: date
    days: int
    now: Instant

    @property
    def start(self) -> Instant:
        """Midnight of the first day."""
        return self.midnight(0)

    @property
    def end(self) -> Instant:
        """Midnight after the last day."""
        return self.midnight(self.days)

    def midnight(self, day: int) -> Instant:
        """When the day of this number begins, counted from the first."""
        return first_instant(self.zone, midnight(self.first + timedelta(days=day)))

    def columns(self, holidays: Mapping[date, str] | None = None) -> list[Values]:
        """The days with their words; what is special about one is its `note`."""
        ruler = Ruler(self)
        today = to_datetime(self.now).astimezone(self.zone).date()
        drawn = []
        for number in range(self.days):
            day = self.first + timedelta(days=number)
            start, end = self.midnight(number), self.midnight(number + 1)
            x = ruler.place(start)
            notes = [(holidays or {}).get(day, ""), clocks_say(end - start)]
            drawn.append(
                {
                    "weekday": f"{day:%a}",
                    "number": str(day.day),
                    "month": f"{day:%b}" if day.day == 1 or number == 0 else "",
                    "x": x,
                    "width": round(ruler.place(end) - x, 3),
                    "weekend": day.weekday() >= 5,
                    "holiday": bool(notes[0]),
                    "clocks": bool(notes[1]),
                    "today": day == today,
                    "note": ", ".join(note for note in notes if note),
                }
            )
        return drawn

    @property
    def now_line(self) -> float | None:
        """Where now is; None when it is not in the range."""
        return Ruler(self).line(self.now)


class Ruler:
    """Where instants lie in a range, in per cent."""

    __slots__ = ("_clocks", "end", "start", "zone")

    def __init__(self, shown: Range) -> None:
        """The edges are worked out once."""
        self.start, self.end, self.zone = shown.start, shown.end, shown.zone
        self._clocks: dict[Instant, str] = {}

    def place(self, instant: Instant) -> float:
        """Where it lies; the range's edges for what lies outside."""
        inside = min(max(instant, self.start), self.end)
        return round((inside - self.start) * 100 / (self.end - self.start), 3)

    def line(self, instant: Instant | None) -> float | None:
        """Where it lies; None for what lies outside."""
        if instant is None or not self.start <= instant < self.end:
            return None
        return self.place(instant)

    def said(self, start: Instant, end: Instant) -> str:
        """`Mon 23 Nov 09:00 to Mon 30 Nov 09:00`."""
        return f"{self.clock(start)} to {self.clock(end)}"

    def clock(self, instant: Instant) -> str:
        """`Mon 23 Nov 09:00`."""
        if instant not in self._clocks:  # neighbours begin where the one before ends
            local = to_datetime(instant).astimezone(self.zone)
            self._clocks[instant] = f"{local:%a} {local.day} {local:%b %H:%M}"
        return self._clocks[instant]


def days_from(zone: ZoneInfo, now: Instant, days: int, first: date | None = None) -> Range:
    """A range that begins today in the zone, or on `first`."""
    return Range(zone=zone, first=first or to_datetime(now).astimezone(zone).date(), days=days, now=now)


def clocks_say(length: Instant) -> str:
    """What is special about a day of this length: its clocks are set; empty: nothing."""
    change = round((24 * HOUR - length) / HOUR, 2)
    if not change:
        return ""
    return f"clocks go {'forward' if change > 0 else 'back'}: {(24 - change):g} hours"


def bar(
    ruler: Ruler,
    start: Instant,
    end: Instant,
    name: str,
    words: str,
    kind: str,
    *,
    href: str = "",
    lane: int = 0,
    lanes: int = 1,
    until: str = "",
) -> Values:
    """One bar; `name` empty: nobody. kind: rotation, override, gap or beaten; `until` stands where there is room."""
    x = ruler.place(start)
    width = round(ruler.place(end) - x, 3)
    return {
        "x": x,
        "width": width,
        "name": name,
        "label": label(name or NOBODY, width),
        "until": until if width * _PIXELS > 7 * max(len(until), len(name)) + 24 else "",
        "words": words,
        "kind": kind,
        "href": href,
        "lane": lane,
        "lanes": lanes,
        "tall": False,
        "tone_of": name,
        "override": "",
    }


def label(name: str, width: float) -> str:
    """What of a name there is room for: all, the first word, the initials, or nothing."""
    room = width * _PIXELS
    for text in (name, name.split(maxsplit=1)[0]):
        if len(text) * _LETTER + 12 <= room:
            return text
    return render.initials(name) if width >= _ROOM_FOR_INITIALS and name != NOBODY else ""


def bars_of(shown: Range, final: FinalSchedule, names: Mapping[str, str]) -> list[Values]:
    """Who is on, and where nobody is, in the order of time: one row for everybody."""
    ruler = Ruler(shown)
    drawn = [
        (shift.start, _together(ruler, shift, names))
        for shift in final.items
        if shift.end > ruler.start and shift.start < ruler.end
    ]
    drawn += [
        (start, bar(ruler, start, end, "", f"Nobody, {ruler.said(start, end)}", "gap"))
        for start, end in final.gaps
        if end > ruler.start and start < ruler.end
    ]
    return [each for _, each in sorted(drawn, key=lambda pair: pair[0])]


def _together(ruler: Ruler, shift: Shift, names: Mapping[str, str]) -> Values:
    everybody = ", ".join(named(shift.people, names))
    kind = "override" if is_override(shift.people) else "rotation"
    words = f"{everybody}, {ruler.said(shift.start, shift.end)}"
    return bar(ruler, shift.start, shift.end, everybody, words, kind)


def named(people: Iterable[OnCallPerson], names: Mapping[str, str]) -> list[str]:
    """The names of people on call."""
    return [names.get(person.user_id, GONE) for person in people]


def because(people: Iterable[OnCallPerson]) -> str:
    """By what they are on call."""
    said_once = dict.fromkeys(_reason(person) for person in people)
    return ", ".join(said_once)


def _reason(person: OnCallPerson) -> str:
    if person.source is OnCallSource.OVERRIDE:
        return f"override: {person.override_reason}" if person.override_reason else "override"
    if person.source is OnCallSource.CALENDAR:
        return "calendar"
    return f"rotation {person.rotation_name}"


def is_override(people: Sequence[OnCallPerson]) -> bool:
    """Whether all of them are on call by overrides."""
    return bool(people) and all(person.source is OnCallSource.OVERRIDE for person in people)
