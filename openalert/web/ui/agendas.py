"""A timeline as a list of days: what narrow screens and paper show, with whole names."""

from bisect import bisect_right
from datetime import date

from openalert.domain.instant import to_datetime
from openalert.domain.plan import OnCallSource
from openalert.web.ui.drawings import Drawing, Piece
from openalert.web.ui.frame import Values
from openalert.web.ui.grids import by, holidays_of
from openalert.web.ui.rotas import because, clocks_say, named

_MOST_ON_PHONES = 60
"""Shifts to come that a phone lists; days after that are a link away."""


def agenda(drawing: Drawing) -> list[Values]:
    """Every day of the range: {words, weekday: 1 = Monday, note, today, past, far, href, still, shifts}.

    `still`: who has been on since before the day began, {names, all_day}, or None; `far`: too much for a phone.
    """
    shown, zone = drawing.shown, drawing.timeline.zone
    begun: dict[int, list[Piece]] = {}
    for piece in drawing.drawn():
        begun.setdefault(max(bisect_right(drawing.midnights, piece.start) - 1, 0), []).append(piece)
    holidays = holidays_of(drawing)
    today = to_datetime(drawing.timeline.now).astimezone(zone).date()
    days: list[Values] = []
    coming = 0
    last: Piece | None = None
    for number, (day, start, end) in enumerate(shown.each_day()):
        pieces = begun.get(number, [])
        far = coming > _MOST_ON_PHONES
        coming += sum(piece.end > drawing.timeline.now for piece in pieces)
        lasting = last if last is not None and not (pieces and pieces[0].start == start) else None
        notes = [holidays.get(day, ""), clocks_say(end - start)]
        days.append(
            {
                "words": f"{day:%A} {day.day} {day:%B}",
                "weekday": day.isoweekday(),
                "note": ", ".join(note for note in notes if note),
                "today": day == today,
                "past": all(
                    instant <= drawing.timeline.now for instant in (end, *(piece.end for piece in pieces))
                ),
                "far": far,
                "href": drawing.href_of_day(start),
                "still": {"names": named(lasting.people, drawing.names), "all_day": not pieces}
                if lasting
                else None,
                "shifts": [_shift(drawing, piece, day) for piece in pieces],
            }
        )
        last = pieces[-1] if pieces else last
    return days


def _shift(drawing: Drawing, piece: Piece, day: date) -> Values:
    """{names, at, when, why, overridden, href, past, now, is_gap, away}: one line of a day."""
    now = drawing.timeline.now
    return {
        "names": named(piece.people, drawing.names),
        "at": _clock(drawing, max(piece.start, drawing.ruler.start)),
        "when": _briefly(drawing, piece, day),
        "why": _why(drawing, piece),
        "overridden": any(person.source is OnCallSource.OVERRIDE for person in piece.people),
        "href": drawing.href(piece.start, piece.end),
        "past": piece.end <= now,
        "now": piece.start <= now < piece.end,
        "is_gap": not piece.people,
        "away": any(drawing.is_away(person.user_id, piece.start, piece.end) for person in piece.people),
    }


def _why(drawing: Drawing, piece: Piece) -> str:
    """`Rotations A and B. Override: Dentist. Instead of Bea.`"""
    by_rotation = [person for person in piece.people if person.source is OnCallSource.ROTATION]
    said = because(by_rotation)
    others = dict.fromkeys(by(drawing, each, piece) for each in piece.people if each not in by_rotation)
    return " ".join([f"{said[:1].upper()}{said[1:]}.", *others] if said else others)


def _clock(drawing: Drawing, instant: int) -> str:
    return f"{to_datetime(instant).astimezone(drawing.timeline.zone):%H:%M}"


def _briefly(drawing: Drawing, piece: Piece, day: date) -> str:
    """`09:00 to 17:00` below the day's own heading; other days are named."""

    def clock(instant: int) -> str:
        local = to_datetime(instant).astimezone(drawing.timeline.zone)
        return f"{local:%H:%M}" if local.date() == day else drawing.ruler.clock(instant)

    return f"{clock(piece.start)} to {clock(piece.end)}"
