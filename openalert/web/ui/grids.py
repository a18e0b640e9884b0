"""The timeline of one schedule: the final schedule above, and below it the overrides and rotations it is made of."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from itertools import groupby

from openalert.domain import holiday
from openalert.domain.instant import Instant
from openalert.domain.override import Override, OverrideKind
from openalert.domain.plan import OnCallPerson, OnCallSource
from openalert.domain.reason import Stand, reasons
from openalert.web.ui.drawings import Drawing, Piece, row
from openalert.web.ui.frame import Values
from openalert.web.ui.rotas import GONE, bar, crowd, listed_some, named
from openalert.web.ui.turn_rows import calendar_row, rotation_row

_EPOCH = date(1970, 1, 1)
MOST_LANES = 4
"""People beside each other in one row; who comes after them is named with the last."""
_MOST_GAPS = 3
_OPEN = " Open the day to see each."


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
        groups.append({"name": "From calendars", "rows": [calendar_row(drawing)]})
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


def _final_row(drawing: Drawing) -> Values:
    pieces = drawing.drawn()
    lanes = min(max((len(piece.people) for piece in pieces), default=1) or 1, MOST_LANES)
    bars: list[Values] = []
    for found in drawing.shown.crowds(pieces, lambda piece: piece.start):
        bars += final_bars(drawing, found[0], lanes) if len(found) == 1 else [_crowd(drawing, found, lanes)]
    return row("On call", "who is called", bars, strong=True)


def _crowd(drawing: Drawing, pieces: Sequence[Piece], lanes: int) -> Values:
    """The one bar of a day with many shifts; the times of nobody in it are named."""
    now = drawing.timeline.now
    names = dict.fromkeys(name for piece in pieces for name in named(piece.people, drawing.names))
    gaps = [piece for piece in pieces if not piece.people and piece.end > now]
    said = [drawing.ruler.said(gap.start, gap.end) for gap in gaps]
    words = f"{listed_some(names)}." + (f" Nobody {listed_some(said, _MOST_GAPS)}." if gaps else "")
    words += _OPEN
    start, end = pieces[0].start, pieces[-1].end
    drawn = crowd(
        drawing.ruler, start, end, len(pieces), words, "crowd gap" if gaps else "crowd",
        href=drawing.href_of_day(start),
    )  # fmt: skip
    return {**drawn, "lanes": lanes, "tall": True}


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
            words += f" With {listed_some(rest)}."
        kind = "override" if person.source is OnCallSource.OVERRIDE else "rotation"
        if drawing.is_away(person.user_id, piece.start, piece.end):
            kind += " away"
            words += " Away then, by their own calendar."
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
    override = drawing.overrides.get(person.override_id or "")
    kind = override.kind if override else OverrideKind.REPLACE
    if kind is OverrideKind.ADD:
        return f"Override{why}. Beside the others."
    if person.instead_of_id:
        return f"Override{why}. Instead of {drawing.name(person.instead_of_id)}."
    on = {each.user_id for each in piece.people}
    beaten = dict.fromkeys(
        drawing.name(each.user_id)
        for each in reasons(
            drawing.plan.rotations, max(piece.start, drawing.ruler.start), drawing.plan.imported
        )
        if each.stand is Stand.DECIDES and each.user_id not in on
    )
    instead = f" Instead of {listed_some(beaten)}." if beaten else ""
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


def has_bars(plan: Values, kind: str) -> bool:
    """Whether any bar on the grid is of a kind, for which the legend then has a word."""
    return any(
        kind in each["kind"].split()
        for group in plan["groups"]
        for line in group["rows"]
        for each in line["bars"]
    )
