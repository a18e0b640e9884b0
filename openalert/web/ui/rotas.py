"""A schedule drawn: days, and bars in per cent of them, as `macros/rotas.html` takes them."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import TypeVar
from zoneinfo import ZoneInfo

import msgspec

from openalert.domain.instant import HOUR, MINUTE, Instant, to_datetime
from openalert.domain.oncall import FinalSchedule
from openalert.domain.plan import OnCallPerson, OnCallSource, Shift
from openalert.domain.walltime import first_instant, midnight
from openalert.web import render
from openalert.web.ui.frame import Values

Drawn = TypeVar("Drawn")
NOBODY = "Nobody"
GONE = "somebody who is gone"
PIXELS = 6.1
"""Of one per cent, on the narrowest screen that shows a timeline."""
PIXELS_OF_STRIP = 3.1
"""Of one per cent, on a phone, which shows strips."""
_NARROWEST = 4.9
"""Pixels that a shift must have to be drawn by itself."""
_THIN = 8
"""Pixels: a bar below that has no room for a gap beside it."""
_MOST_NAMED = 5
_ROOM_FOR_INITIALS = 17.6
"""Pixels: a day of a month."""
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

    def crowds(
        self, spans: Iterable[Drawn], start_of: Callable[[Drawn], Instant], pixels: float = PIXELS
    ) -> Iterator[list[Drawn]]:
        """The spans, in the order of time, one by one; those that begin on a day without room for them together."""
        most = int(100 / self.days * pixels / _NARROWEST)
        midnights = [self.midnight(day) for day in range(self.days)]
        for day, found in groupby(spans, key=lambda span: bisect_right(midnights, start_of(span))):
            begun = list(found)
            if day and len(begun) > most:
                yield begun
            else:
                yield from ([span] for span in begun)

    def each_day(self) -> Iterator[tuple[date, Instant, Instant]]:
        """Every day with its midnight and the next."""
        for number in range(self.days):
            yield self.first + timedelta(days=number), self.midnight(number), self.midnight(number + 1)

    def columns(self, holidays: Mapping[date, str] | None = None) -> list[Values]:
        """The days with their words, of one day alone its hours; what is special about a day is its `note`."""
        if self.days == 1:
            return self._hours()
        ruler = Ruler(self)
        today = to_datetime(self.now).astimezone(self.zone).date()
        drawn = []
        for number, (day, start, end) in enumerate(self.each_day()):
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

    def _hours(self) -> list[Values]:
        """The hours that the clocks show, of which one may be missing, there twice, or cut in half."""
        ruler = Ruler(self)
        drawn = []
        start = self.start
        while start < self.end:
            local = to_datetime(start).astimezone(self.zone)
            end = min(start + HOUR - local.minute * MINUTE, self.end)
            x = ruler.place(start)
            drawn.append(
                {
                    "weekday": "",
                    "number": "" if local.minute else f"{local:%H}",
                    "month": "",
                    "x": x,
                    "width": round(ruler.place(end) - x, 3),
                    "weekend": False,
                    "holiday": False,
                    "clocks": False,
                    "today": start <= self.now < end,
                    "note": "",
                }
            )
            start = end
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
        # A day that a zone skipped when it crossed the date line has no length.
        return round((inside - self.start) * 100 / max(self.end - self.start, 1), 3)

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
    pixels: float = PIXELS,
) -> Values:
    """One bar; `name` empty: nobody. kind: rotation, override, gap or beaten; `until` stands where there is room."""
    x = ruler.place(start)
    width = round(ruler.place(end) - x, 3)
    return {
        "x": x,
        "width": width,
        "name": name,
        "label": label(name or NOBODY, width * pixels),
        "until": until if width * pixels > 7 * max(len(until), len(name)) + 24 else "",
        "words": words,
        "kind": f"{kind} thin" if width * pixels < _THIN else kind,
        "href": href,
        "lane": lane,
        "lanes": lanes,
        "tall": False,
        "tone_of": name,
        "override": "",
    }


def crowd(
    ruler: Ruler,
    start: Instant,
    end: Instant,
    number: int,
    words: str,
    kind: str,
    *,
    href: str = "",
    pixels: float = PIXELS,
) -> Values:
    """One bar for many shifts that have no room by themselves; `href` leads to where they have."""
    said = render.amount(number, "shift")
    words = f"{said}, {ruler.said(start, end)}. {words}"
    drawn = bar(ruler, start, end, "", words, kind, href=href, pixels=pixels)
    room = drawn["width"] * pixels
    fitting = (text for text in (said, str(number)) if len(text) * _LETTER + 10 <= room)
    return {**drawn, "label": next(fitting, "")}


def label(name: str, room: float) -> str:
    """What of a name fits into so many pixels: all, the first word, the initials, or nothing."""
    for text in (name, name.split(maxsplit=1)[0]):
        if len(text) * _LETTER + 12 <= room:
            return text
    return render.initials(name) if room >= _ROOM_FOR_INITIALS and name != NOBODY else ""


def label_of_several(names: Sequence[str], room: float) -> str:
    """What of several names fits into so many pixels; never the name of one as if nobody else were on call."""
    firsts = [name.split(maxsplit=1)[0] for name in names]
    more = f" +{len(names) - 1}"
    for text in (listed_some(names), ", ".join(firsts), firsts[0] + more, render.initials(names[0]) + more):
        if len(text) * _LETTER + 12 <= room:
            return text
    return ""


def bars_of(
    shown: Range, final: FinalSchedule, names: Mapping[str, str], pixels: float = PIXELS
) -> list[Values]:
    """Who is on, and where nobody is, in the order of time: one row for everybody."""
    ruler = Ruler(shown)
    spans = [*final.items, *(Shift(start=start, end=end, people=[]) for start, end in final.gaps)]
    inside = sorted(
        (shift for shift in spans if shift.end > ruler.start and shift.start < ruler.end),
        key=lambda shift: shift.start,
    )
    return [
        _together(ruler, each[0], names, pixels) if len(each) == 1 else _crowd(ruler, each, names, pixels)
        for each in shown.crowds(inside, lambda shift: shift.start, pixels)
    ]


def _together(ruler: Ruler, shift: Shift, names: Mapping[str, str], pixels: float) -> Values:
    when = ruler.said(shift.start, shift.end)
    if not shift.people:
        return bar(ruler, shift.start, shift.end, "", f"Nobody, {when}", "gap", pixels=pixels)
    people = named(shift.people, names)
    everybody = listed_some(people)
    kind = "override" if is_override(shift.people) else "rotation"
    drawn = bar(ruler, shift.start, shift.end, everybody, f"{everybody}, {when}", kind, pixels=pixels)
    if len(people) > 1:
        drawn["label"] = label_of_several(people, drawn["width"] * pixels)
    return drawn


def _crowd(ruler: Ruler, shifts: Sequence[Shift], names: Mapping[str, str], pixels: float) -> Values:
    everybody = dict.fromkeys(name for shift in shifts for name in named(shift.people, names))
    kind = "crowd" if all(shift.people for shift in shifts) else "crowd gap"
    start, end = shifts[0].start, shifts[-1].end
    return crowd(ruler, start, end, len(shifts), f"{listed_some(everybody)}.", kind, pixels=pixels)


def named(people: Iterable[OnCallPerson], names: Mapping[str, str]) -> list[str]:
    """The names of people on call."""
    return [names.get(person.user_id, GONE) for person in people]


def listed_some(words: Iterable[str], most: int = _MOST_NAMED) -> str:
    """`Ana, Bea and Jun`; of many the first few: `Ana, Bea and 7 more`."""
    every = list(words)
    if len(every) > most + 1:
        every = [*every[:most], f"{len(every) - most} more"]
    return render.listed(every)


def because(people: Iterable[OnCallPerson]) -> str:
    """By what they are on call: `rotation Weekly`, `rotations A and B, override: Dentist`."""
    rotations = dict.fromkeys(
        person.rotation_name or "" for person in people if person.source is OnCallSource.ROTATION
    )
    others = dict.fromkeys(_reason(person) for person in people if person.source is not OnCallSource.ROTATION)
    said = (
        [f"{'rotation' if len(rotations) == 1 else 'rotations'} {listed_some(rotations)}"]
        if rotations
        else []
    )
    return ", ".join([*said, *others])


def _reason(person: OnCallPerson) -> str:
    if person.source is OnCallSource.CALENDAR:
        return "calendar"
    return f"override: {person.override_reason}" if person.override_reason else "override"


def is_override(people: Sequence[OnCallPerson]) -> bool:
    """Whether all of them are on call by overrides."""
    return bool(people) and all(person.source is OnCallSource.OVERRIDE for person in people)
