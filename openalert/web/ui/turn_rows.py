"""Rows of a timeline for what one rotation, or the calendars, would do; weak where something else decides."""

from collections.abc import Sequence

import msgspec

from openalert.domain.instant import Instant
from openalert.domain.oncall import rotation_shifts
from openalert.domain.plan import ImportedShift, OnCallPerson, OnCallSource, Shift
from openalert.domain.reason import reasons
from openalert.domain.schedule import Rotation
from openalert.domain.turns import version_at
from openalert.web.ui.drawings import MARGIN, Drawing, Piece, row
from openalert.web.ui.frame import Values
from openalert.web.ui.rotas import bar, crowd, listed_some, named


class _Part(msgspec.Struct):
    """A stretch of one turn in which it decides throughout, or not at all."""

    turn: Shift
    start: Instant
    end: Instant
    decides: bool
    winners: list[Sequence[OnCallPerson]]
    """Who is on call instead, each time; an empty one is nobody."""

    @property
    def user_id(self) -> str:
        return self.turn.people[0].user_id


def rotation_row(drawing: Drawing, rotation: Rotation) -> Values:
    """What one rotation alone does."""
    ruler = drawing.ruler
    turns = rotation_shifts(rotation, ruler.start - MARGIN, ruler.end + MARGIN)
    inside = [turn for turn in turns if turn.end > ruler.start and turn.start < ruler.end]
    parts = [
        part
        for turn in inside
        for part in _parts(drawing, rotation, turn)
        if part.start < ruler.end and part.end > ruler.start
    ]
    bars = [
        _bar(drawing, rotation, found[0]) if len(found) == 1 else _crowd(drawing, rotation, found)
        for found in drawing.shown.crowds(parts, lambda part: part.start)
    ]
    return row(rotation.name, "not paged" if rotation.current.is_shadow else "", bars)


def calendar_row(drawing: Drawing) -> Values:
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


def _parts(drawing: Drawing, rotation: Rotation, turn: Shift) -> list[_Part]:
    """A turn cut where it begins or ceases to decide; the turn of a shadow never does."""
    if _is_shadow(rotation, turn.start):
        return [_Part(turn, turn.start, turn.end, False, [])]
    parts: list[_Part] = []
    for piece in drawing.during(turn.start, turn.end):
        start, end = max(piece.start, turn.start), min(piece.end, turn.end)
        decides = _decides(rotation, turn, piece)
        if not parts or parts[-1].decides != decides:
            parts.append(_Part(turn, start, end, decides, []))
        parts[-1].end = end
        if not decides:
            parts[-1].winners.append(piece.people)
    return parts


def _decides(rotation: Rotation, turn: Shift, piece: Piece) -> bool:
    """Whether the turn is part of the final answer, alone or beside others of its layer."""
    user_id = turn.people[0].user_id
    return any(
        person.source is not OnCallSource.OVERRIDE
        and (person.rotation_id == rotation.id or person.user_id == user_id)
        for person in piece.people
    )


def _bar(drawing: Drawing, rotation: Rotation, part: _Part) -> Values:
    name, turn = drawing.name(part.user_id), part.turn
    when = drawing.ruler.said(turn.start, turn.end)
    version, _ = version_at(rotation, turn.start)
    layer = version.layer if version else rotation.layer
    words = f"{name}, {when}. Rotation {rotation.name}, layer {layer}{_place(rotation, turn)}."
    if _is_shadow(rotation, turn.start):
        words += " A shadow sees what goes on and is not paged."
    return bar(
        drawing.ruler,
        part.start,
        part.end,
        name,
        words + _instead(drawing, part.winners),
        "rotation" if part.decides else "beaten",
        href=drawing.href(turn.start, turn.end),
    )


def _crowd(drawing: Drawing, rotation: Rotation, parts: Sequence[_Part]) -> Values:
    names = dict.fromkeys(drawing.name(part.user_id) for part in parts)
    words = f"Rotation {rotation.name}: {listed_some(names)}. Open the day to see each."
    kind = "crowd" if any(part.decides for part in parts) else "crowd beaten"
    start, end = parts[0].start, parts[-1].end
    return crowd(drawing.ruler, start, end, len(parts), words, kind, href=drawing.href_of_day(start))


def _is_shadow(rotation: Rotation, at: Instant) -> bool:
    version, _ = version_at(rotation, at)
    return version is not None and version.is_shadow


def _place(rotation: Rotation, turn: Shift) -> str:
    """`, place 2 of 3 in the order`."""
    [found] = reasons([rotation], turn.start)
    return f", place {found.place} of {found.places} in the order" if found.places > 1 else ""


def _instead(drawing: Drawing, winners: Sequence[Sequence[OnCallPerson]]) -> str:
    """` Bea (override) is on call instead.`"""
    if not winners:
        return ""
    said = dict.fromkeys(
        f"{name} ({each.rotation_name or each.source})"
        for people in winners
        for each, name in zip(people, named(people, drawing.names), strict=True)
    )
    if not said:
        return " An override has nobody on call instead."
    return f" {listed_some(said)} {'is' if len(said) == 1 else 'are'} on call instead."
