"""The timeline of one schedule: the final schedule above, and below it the overrides and rotations it is made of.

Shifts that reach over the edges of what is drawn are told with their real beginning and end, as far as they
lie within `MARGIN`.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from itertools import groupby
from urllib.parse import quote

import msgspec

from openalert.domain import holiday
from openalert.domain.instant import DAY, Instant, to_datetime
from openalert.domain.oncall import FinalSchedule, rotation_shifts
from openalert.domain.override import Override, OverrideKind
from openalert.domain.plan import ImportedShift, OnCallPerson, OnCallSource, Plan, Shift
from openalert.domain.reason import Stand, reasons
from openalert.domain.schedule import Rotation
from openalert.web.ui.forms import local_text
from openalert.web.ui.frame import Values
from openalert.web.ui.rotas import GONE, Range, Ruler, bar, named
from openalert.web.ui.timelines import Timeline

MARGIN = 8 * DAY
_EPOCH = date(1970, 1, 1)
MOST_LANES = 4
"""People beside each other in one row; who comes after them is named with the last."""


class Piece(msgspec.Struct, frozen=True):
    """A time at which the same people are on call; none: nobody is."""

    start: Instant
    end: Instant
    people: Sequence[OnCallPerson]


def pieces_of(final: FinalSchedule) -> list[Piece]:
    """The final schedule without a break, in the order of time."""
    found = [Piece(shift.start, shift.end, shift.people) for shift in final.items]
    found += [Piece(start, end, ()) for start, end in final.gaps]
    return sorted(found, key=lambda piece: piece.start)


class Drawing:
    """Everything that a bar is made from."""

    def __init__(
        self, timeline: Timeline, plan: Plan, final: FinalSchedule, names: Mapping[str, str], may_take: bool
    ) -> None:
        """`final` tells the drawn range and `MARGIN` on both sides; `may_take`: the reader may override."""
        self.timeline, self.plan, self.names, self.may_take = timeline, plan, names, may_take
        self.shown: Range = timeline.range
        self.ruler = Ruler(self.shown)
        self.pieces = pieces_of(final)
        self.starts = [piece.start for piece in self.pieces]
        page = timeline.href(at=None)
        self._form = page + ("&" if "?" in page else "?")

    def during(self, start: Instant, end: Instant) -> list[Piece]:
        """The pieces that touch a time."""
        place = max(bisect_right(self.starts, start) - 1, 0)
        found = []
        for piece in self.pieces[place:]:
            if piece.start >= end:
                break
            if piece.end > start:
                found.append(piece)
        return found

    def drawn(self) -> list[Piece]:
        """The pieces of the range that is drawn."""
        return self.during(self.ruler.start, self.ruler.end)

    def name(self, user_id: str) -> str:
        """What somebody is called."""
        return self.names.get(user_id, GONE)

    def href(self, start: Instant, end: Instant) -> str:
        """Where a click on a shift leads: to the form that gives it away, or to the reason of a past one."""
        zone = self.timeline.zone
        if self.may_take and end > self.timeline.now:
            begin, finish = local_text(max(start, self.timeline.now), zone), local_text(end, zone)
            return f"{self._form}start={quote(begin)}&end={quote(finish)}#override"
        return self.timeline.href(at=local_text(max(start, self.ruler.start), zone)) + "#who"

    def href_of(self, override: Override) -> str:
        """Where a click on an override leads: to the form that lets it last otherwise, while it is not over."""
        if self.may_take and override.end_at > self.timeline.now:
            return self.timeline.href(override=override.id, at=None) + "#override"
        return self.href(override.start_at, override.end_at)


def grid(drawing: Drawing) -> Values:
    """Rows on the ground of their days, as `rota.grid` takes them."""
    layers = _layers(drawing)
    groups = [{"name": "", "rows": [_final_row(drawing)]}]
    if overrides := _override_row(drawing):
        groups.append({"name": "Overrides win over everything below", "rows": [overrides]})
    for layer, rows in layers:
        name = f"Layer {layer}" if len(layers) > 1 else "Rotations"
        groups.append({"name": name, "rows": rows})
    if drawing.plan.imported:
        groups.append({"name": "From calendars", "rows": [_calendar_row(drawing)]})
    return {
        "days": drawing.shown.columns(holidays_of(drawing)),
        "now": drawing.ruler.line(drawing.timeline.now),
        "at": drawing.ruler.line(drawing.timeline.at),
        "length": drawing.timeline.length,
        "start": drawing.ruler.start,
        "end": drawing.ruler.end,
        "zone": str(drawing.timeline.zone),
        "groups": groups,
    }


def row(name: str, note: str, bars: Sequence[Values], *, strong: bool = False) -> Values:
    """A line of the grid."""
    lanes = max((each["lanes"] for each in bars), default=1)
    return {"name": name, "note": note, "strong": strong, "bars": bars, "lanes": lanes, "changed": ()}


def _final_row(drawing: Drawing) -> Values:
    pieces = drawing.drawn()
    lanes = min(max((len(piece.people) for piece in pieces), default=1) or 1, MOST_LANES)
    bars = [each for piece in pieces for each in final_bars(drawing, piece, lanes)]
    return row("On call", "who is called", bars, strong=True)


def final_bars(drawing: Drawing, piece: Piece, lanes: int = 1) -> list[Values]:
    """A bar for each person of a piece, or the one that says that nobody is on call."""
    ruler, href = drawing.ruler, drawing.href(piece.start, piece.end)
    when = ruler.said(piece.start, piece.end)
    if not piece.people:
        words = f"Nobody is on call, {when}"
        kind = "gap" if piece.end > drawing.timeline.now else "gap past"
        nobody = bar(ruler, piece.start, piece.end, "", words, kind, href=href, lanes=lanes)
        return [{**nobody, "tall": True}]
    shown = list(piece.people[:lanes])
    rest = named(piece.people[lanes:], drawing.names)
    bars = []
    for lane, person in enumerate(shown):
        name = drawing.name(person.user_id)
        if rest and lane == lanes - 1:
            name += f" and {len(rest)} more"
        words = f"{name}, {when}. {by(drawing, person, piece)}"
        if rest and lane == lanes - 1:
            words += f" With {', '.join(rest)}."
        kind = "override" if person.source is OnCallSource.OVERRIDE else "rotation"
        drawn = bar(
            ruler, piece.start, piece.end, name, words, kind,
            href=href, lane=lane, lanes=lanes, until=f"until {ruler.clock(piece.end)}",
        )  # fmt: skip
        bars.append({**drawn, "tall": len(piece.people) == 1, "tone_of": drawing.name(person.user_id)})
    return bars


def by(drawing: Drawing, person: OnCallPerson, piece: Piece) -> str:
    """Why somebody is on call, as a sentence; of an override also instead of whom."""
    if person.source is OnCallSource.CALENDAR:
        return "From a calendar."
    if person.source is OnCallSource.ROTATION:
        return f"Rotation {person.rotation_name}."
    why = f": {person.override_reason}" if person.override_reason else ""
    beaten = [
        drawing.name(each.user_id)
        for each in reasons(
            drawing.plan.rotations, max(piece.start, drawing.ruler.start), drawing.plan.imported
        )
        if each.stand is Stand.DECIDES and each.user_id != person.user_id
    ]
    instead = f" Instead of {', '.join(dict.fromkeys(beaten))}." if beaten else ""
    return f"Override{why}.{instead}"


def _override_row(drawing: Drawing) -> Values | None:
    near = [
        each
        for each in drawing.plan.overrides
        if each.start_at < drawing.ruler.end and each.end_at > drawing.ruler.start
    ]
    if not near:
        return None
    placed = _in_lanes(near)
    lanes = max(lane for lane, _ in placed) + 1
    bars = [_override_bar(drawing, each, lane, lanes) for lane, each in placed]
    return row("Overrides", "the newest wins" if lanes > 1 else "", bars)


def _override_bar(drawing: Drawing, override: Override, lane: int, lanes: int) -> Values:
    ruler, name = drawing.ruler, of_override(override, drawing.names)
    reason = f": {override.reason}" if override.reason else ""
    words = f"{name}, {ruler.said(override.start_at, override.end_at)}. Override{reason}."
    drawn = bar(
        ruler, override.start_at, override.end_at, name, words, "override",
        href=drawing.href_of(override), lane=lane, lanes=lanes,
    )  # fmt: skip
    tone_of = drawing.name(override.user_id) if override.user_id else name
    return {**drawn, "tone_of": tone_of, "override": override.id, "of": override}


def of_override(override: Override, names: Mapping[str, str]) -> str:
    """What an override does, by the names of whom it is about."""
    name = names.get(override.user_id, GONE)
    match override.kind:
        case OverrideKind.COVER:
            return f"{name} for {names.get(override.instead_of_id, GONE)}"
        case OverrideKind.ADD:
            return f"{name} as well"
        case OverrideKind.REMOVE:
            return f"Without {name}"
        case OverrideKind.FIXED:
            return "Temporary schedule"
        case OverrideKind.REPLACE:
            return name


def _in_lanes(overrides: Iterable[Override]) -> list[tuple[int, Override]]:
    """Each in the first lane that is free by then, the earliest first."""
    free: list[Instant] = []
    placed = []
    for each in sorted(overrides, key=lambda override: (override.start_at, override.id)):
        lane = next((lane for lane, end in enumerate(free) if end <= each.start_at), len(free))
        free[lane : lane + 1] = [each.end_at]
        placed.append((lane, each))
    return placed


def _layers(drawing: Drawing) -> list[tuple[int, list[Values]]]:
    """The rows of each layer, the highest first."""
    ordered = sorted(drawing.plan.rotations, key=lambda each: (-each.layer, each.id))
    now = drawing.timeline.now
    found = []
    for layer, rotations in groupby(ordered, key=lambda each: each.layer):
        rows = [(each, rotation_row(drawing, each)) for each in rotations]
        drawn = [
            line for each, line in rows if line["bars"] or each.removed_at is None or each.removed_at > now
        ]
        if drawn:
            found.append((layer, drawn))
    return found


def holidays_of(drawing: Drawing) -> dict[date, str]:
    """The public holidays of the drawn days, by the calendars that the rotations follow."""
    calendars = sorted({each.current.holiday_calendar or "" for each in drawing.plan.rotations} - {""})
    found: dict[date, str] = {}
    for number in range(drawing.shown.days):
        day = drawing.shown.first + timedelta(days=number)
        names = [holiday.name_of(calendar, (day - _EPOCH).days) for calendar in calendars]
        if said := ", ".join(dict.fromkeys(name for name in names if name)):
            found[day] = said
    return found


def _calendar_row(drawing: Drawing) -> Values:
    """The turns that calendars brought, each in the first lane that is free."""
    ruler = drawing.ruler
    near = [each for each in drawing.plan.imported if each.end_at > ruler.start and each.start_at < ruler.end]
    free: list[Instant] = []
    placed: list[tuple[int, ImportedShift]] = []
    for each in sorted(near, key=lambda turn: (turn.start_at, turn.user_id)):
        lane = next((lane for lane, end in enumerate(free) if end <= each.start_at), len(free))
        free[lane : lane + 1] = [each.end_at]
        placed.append((lane, each))
    bars = []
    for lane, turn in placed:
        name = drawing.name(turn.user_id)
        pieces = drawing.during(turn.start_at, turn.end_at)
        on = any(person.user_id == turn.user_id for piece in pieces for person in piece.people)
        words = f"{name}, {ruler.said(turn.start_at, turn.end_at)}. From a calendar, layer {turn.layer}."
        bars.append(
            bar(
                ruler,
                turn.start_at,
                turn.end_at,
                name,
                words,
                "rotation" if on else "beaten",
                href=drawing.href(turn.start_at, turn.end_at),
                lane=lane,
                lanes=len(free),
            )
        )
    return row("Calendars", "", bars)


def rotation_row(drawing: Drawing, rotation: Rotation) -> Values:
    """What one rotation alone does; where something else decides, its bars are weak."""
    ruler = drawing.ruler
    turns = rotation_shifts(rotation, ruler.start - MARGIN, ruler.end + MARGIN)
    inside = [turn for turn in turns if turn.end > ruler.start and turn.start < ruler.end]
    note = "shadow, not paged" if rotation.current.is_shadow else ""
    return row(rotation.name, note, [each for turn in inside for each in _turn_bars(drawing, rotation, turn)])


def _turn_bars(drawing: Drawing, rotation: Rotation, turn: Shift) -> list[Values]:
    """One turn, cut where it begins or ceases to decide."""
    user_id = turn.people[0].user_id
    name, when = drawing.name(user_id), drawing.ruler.said(turn.start, turn.end)
    words = f"{name}, {when}. Rotation {rotation.name}, layer {rotation.layer}{_place(rotation, turn)}."
    bars = []
    for start, end, winners in _cut(drawing, rotation, turn):
        if start >= drawing.ruler.end or end <= drawing.ruler.start:
            continue
        instead = f" {_winners(drawing, winners)} instead." if winners else ""
        if rotation.current.is_shadow:
            instead = " A shadow sees what goes on and is not paged."
        bars.append(
            bar(
                drawing.ruler,
                start,
                end,
                name,
                words + instead,
                "beaten" if winners or rotation.current.is_shadow else "rotation",
                href=drawing.href(turn.start, turn.end),
            )
        )
    return bars


def _place(rotation: Rotation, turn: Shift) -> str:
    """`, place 2 of 3 in the order`."""
    [found] = reasons([rotation], turn.start)
    return f", place {found.place} of {found.places} in the order" if found.places > 1 else ""


def _cut(
    drawing: Drawing, rotation: Rotation, turn: Shift
) -> list[tuple[Instant, Instant, Sequence[OnCallPerson]]]:
    """The parts of a turn: where it decides, with nobody; elsewhere with those who are on instead."""
    parts: list[tuple[Instant, Instant, Sequence[OnCallPerson]]] = []
    for piece in drawing.during(turn.start, turn.end):
        start, end = max(piece.start, turn.start), min(piece.end, turn.end)
        winners = () if _decides(rotation, turn, piece) else piece.people
        if parts and bool(parts[-1][2]) == bool(winners) and _same(parts[-1][2], winners):
            parts[-1] = (parts[-1][0], end, winners)
        else:
            parts.append((start, end, winners))
    return parts


def _same(one: Sequence[OnCallPerson], other: Sequence[OnCallPerson]) -> bool:
    return [person.user_id for person in one] == [person.user_id for person in other]


def _decides(rotation: Rotation, turn: Shift, piece: Piece) -> bool:
    """Whether the turn is part of the final answer, alone or beside others of its layer."""
    user_id = turn.people[0].user_id
    return any(
        person.source is not OnCallSource.OVERRIDE
        and (person.rotation_id == rotation.id or person.user_id == user_id)
        for person in piece.people
    )


def _winners(drawing: Drawing, people: Sequence[OnCallPerson]) -> str:
    """`Bea (override) is on call`."""
    said = [f"{drawing.name(each.user_id)} ({each.rotation_name or 'override'})" for each in people]
    return f"{', '.join(said)} {'is' if len(said) == 1 else 'are'} on call"


def agenda(drawing: Drawing) -> list[Values]:
    """The range as a list for narrow screens: {words, today, past, shifts} for each day on which something begins."""
    days: dict[date, Values] = {}
    now, zone = drawing.timeline.now, drawing.timeline.zone
    today = to_datetime(now).astimezone(zone).date()
    for piece in drawing.drawn():
        day = to_datetime(max(piece.start, drawing.ruler.start)).astimezone(zone).date()
        if day not in days:
            words = f"{day:%A} {day.day} {day:%B}"
            days[day] = {"words": words, "today": day == today, "past": True, "shifts": []}
        days[day]["past"] &= piece.end <= now
        days[day]["shifts"].append(
            {
                "names": named(piece.people, drawing.names),
                "when": _briefly(drawing, piece, day),
                "why": " ".join(dict.fromkeys(by(drawing, person, piece) for person in piece.people)),
                "href": drawing.href(piece.start, piece.end),
                "past": piece.end <= now,
                "now": piece.start <= now < piece.end,
                "is_gap": not piece.people,
            }
        )
    return list(days.values())


def _briefly(drawing: Drawing, piece: Piece, day: date) -> str:
    """`09:00 to 17:00` below the day's own heading; other days are named."""

    def clock(instant: Instant) -> str:
        local = to_datetime(instant).astimezone(drawing.timeline.zone)
        return f"{local:%H:%M}" if local.date() == day else drawing.ruler.clock(instant)

    return f"{clock(piece.start)} to {clock(piece.end)}"


def people_drawn(drawing: Drawing, plan: Values) -> list[str]:
    """Everybody who has a bar on the grid, by name: what the colours mean where a bar has no room for letters."""
    found = {
        each["tone_of"]
        for group in plan["groups"]
        for line in group["rows"]
        for each in line["bars"]
        if each["name"]
    }
    return sorted(found & {drawing.name(user_id) for user_id in drawing.names}, key=str.casefold)
