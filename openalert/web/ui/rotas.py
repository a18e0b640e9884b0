"""A schedule drawn: bars in per cent of a range of days, as `macros/rotas.html` takes them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import msgspec

from openalert.domain.instant import Instant, to_datetime
from openalert.domain.oncall import FinalSchedule, rotation_shifts
from openalert.domain.override import Override
from openalert.domain.plan import OnCallPerson, OnCallSource, Shift
from openalert.domain.schedule import Rotation
from openalert.domain.walltime import first_instant, midnight
from openalert.web.ui.frame import Values


class Range(msgspec.Struct, frozen=True, kw_only=True):
    """Whole days of a zone, one after the other."""

    zone: ZoneInfo
    first: date
    days: int
    now: Instant

    @property
    def start(self) -> Instant:
        """Midnight of the first day."""
        return self._midnight(0)

    @property
    def end(self) -> Instant:
        """Midnight after the last day."""
        return self._midnight(self.days)

    def _midnight(self, day: int) -> Instant:
        return first_instant(self.zone, midnight(self.first + timedelta(days=day)))

    def place(self, instant: Instant) -> float:
        """Where it lies, in per cent of the range; its edges for what lies outside."""
        inside = min(max(instant, self.start), self.end)
        return round((inside - self.start) * 100 / (self.end - self.start), 3)

    def columns(self) -> list[Values]:
        """The days with their words."""
        today = to_datetime(self.now).astimezone(self.zone).date()
        drawn = []
        for number in range(self.days):
            day = self.first + timedelta(days=number)
            x = self.place(self._midnight(number))
            drawn.append(
                {
                    "words": f"{day:%a} {day.day}" if self.days <= 14 else str(day.day),
                    "x": x,
                    "width": round(self.place(self._midnight(number + 1)) - x, 3),
                    "weekend": day.weekday() >= 5,
                    "today": day == today,
                }
            )
        return drawn

    @property
    def now_line(self) -> float | None:
        """Where now is; None when it is not in the range."""
        return self.place(self.now) if self.start <= self.now < self.end else None


def days_from(zone: ZoneInfo, now: Instant, days: int, first: date | None = None) -> Range:
    """A range that begins today in the zone, or on `first`."""
    return Range(zone=zone, first=first or to_datetime(now).astimezone(zone).date(), days=days, now=now)


def said(shown: Range, start: Instant, end: Instant) -> str:
    """`Mon 23 Nov 09:00 to Mon 30 Nov 09:00`."""
    begin, finish = (to_datetime(each).astimezone(shown.zone) for each in (start, end))
    return f"{begin:%a} {begin.day} {begin:%b %H:%M} to {finish:%a} {finish.day} {finish:%b %H:%M}"


def bar(shown: Range, start: Instant, end: Instant, name: str, words: str, kind: str) -> Values:
    """One bar; `name` empty: nobody."""
    x = shown.place(start)
    return {
        "x": x,
        "width": round(shown.place(end) - x, 3),
        "name": name,
        "words": f"{words}, {said(shown, start, end)}",
        "kind": kind,
    }


def bars_of(shown: Range, final: FinalSchedule, names: Mapping[str, str]) -> list[Values]:
    """Who is on, and where nobody is, in the order of time."""
    drawn = [
        (shift.start, _shift_bar(shown, shift, names))
        for shift in final.items
        if shift.end > shown.start and shift.start < shown.end
    ]
    drawn += [
        (start, bar(shown, start, end, "", "Nobody", "gap"))
        for start, end in final.gaps
        if end > shown.start and start < shown.end
    ]
    return [each for _, each in sorted(drawn, key=lambda pair: pair[0])]


def _shift_bar(shown: Range, shift: Shift, names: Mapping[str, str]) -> Values:
    everybody = ", ".join(named(shift.people, names))
    kind = "override" if _is_override(shift.people) else "rotation"
    return bar(shown, shift.start, shift.end, everybody, everybody, kind)


def grid(
    shown: Range,
    final: FinalSchedule,
    rotations: Sequence[Rotation],
    overrides: Iterable[Override],
    names: Mapping[str, str],
) -> Values:
    """The final schedule in the first row, what it is made of below."""
    rows = [row("On call", "who is called", bars_of(shown, final, names), strong=True)]
    near = [each for each in overrides if each.start_at < shown.end and each.end_at > shown.start]
    if near:
        drawn = [
            bar(shown, each.start_at, each.end_at, names.get(each.user_id, "?"), "Override", "override")
            for each in near
        ]
        rows.append(row("Overrides", "win over everything", drawn))
    layered = len({rotation.layer for rotation in rotations}) > 1
    for rotation in sorted(rotations, key=lambda each: -each.layer):
        note = f"layer {rotation.layer}" if layered else ""
        rows.append(row(rotation.name, note, rotation_bars(shown, rotation, names)))
    return plan(shown, rows)


def plan(shown: Range, rows: list[Values]) -> Values:
    """Rows on the ground of their days."""
    return {"days": shown.columns(), "now": shown.now_line, "rows": rows}


def row(name: str, note: str, bars: list[Values], *, strong: bool = False) -> Values:
    """A line of the grid."""
    return {"name": name, "note": note, "strong": strong, "bars": bars}


def rotation_bars(shown: Range, rotation: Rotation, names: Mapping[str, str]) -> list[Values]:
    """What one rotation alone does in the range."""
    return [_shift_bar(shown, shift, names) for shift in rotation_shifts(rotation, shown.start, shown.end)]


def named(people: Iterable[OnCallPerson], names: Mapping[str, str]) -> list[str]:
    """The names of people on call."""
    return [names.get(person.user_id, "somebody who is gone") for person in people]


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


def _is_override(people: Sequence[OnCallPerson]) -> bool:
    return bool(people) and all(person.source is OnCallSource.OVERRIDE for person in people)
