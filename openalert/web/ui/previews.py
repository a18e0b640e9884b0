"""The page between typing and saving: what an edit would change in the next eight weeks, and for whom."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from litestar import Response

from openalert.domain.access import Actor
from openalert.domain.difference import PersonDifference, Span
from openalert.domain.instant import DAY, HOUR, Instant
from openalert.domain.oncall import FinalSchedule
from openalert.storage import users
from openalert.storage.transaction import Reader
from openalert.usecases.previews import Preview
from openalert.web import render
from openalert.web.ui.drawings import row
from openalert.web.ui.frame import Values, Web, answer
from openalert.web.ui.rotas import GONE, Range, Ruler, bars_of, days_from

_STRIP_DAYS = 28
_STRIPS = 2
_MOST_TIMES = 6
_CHOICES = ("act", "apply", "apply_at")
"""Fields of the page itself; all others are carried along unseen."""


async def page(
    request: Web,
    reader: Reader,
    actor: Actor,
    context: Values,
    made: Preview,
    *,
    title: str,
    action: str,
    verb: str,
    applies: Values | None = None,
) -> Response[Any]:
    """The preview with what was typed in hidden fields; `applies`: from when an edit may count, and what is chosen."""
    ids = {person.user_id for person in made.difference.people}
    for final in (made.before, made.after):
        ids |= {person.user_id for shift in final.items for person in shift.people}
    found = await users.named(reader, actor, ids)
    names = {user_id: user.name for user_id, user in found.items()}
    form = await request.form()
    typed = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
    context |= {
        "title": title,
        "action": action,
        "verb": verb,
        "back": {"words": made.schedule.name, "href": f"/schedules/{made.schedule.id}"},
        "typed": [(name, value) for name, value in typed if name not in _CHOICES],
        "applies": applies,
        **drawn(made, names, context["zone"], context["now"]),
    }
    return answer(request, "schedules/preview.html", context)


def drawn(made: Preview, names: Mapping[str, str], zone: ZoneInfo, now: Instant) -> Values:
    """The differences in words and as strips: `people`, `gaps_opened`, `gaps_closed`, `strips`."""
    shown = days_from(zone, now, _STRIP_DAYS * _STRIPS)
    ruler = Ruler(shown)
    return {
        "people": [_person(person, names, ruler) for person in made.difference.people],
        "gaps_opened": _times(made.difference.gaps_opened, ruler),
        "gaps_closed": _times(made.difference.gaps_closed, ruler),
        "strips": [_strip(made, names, zone, now, part) for part in range(_STRIPS)],
    }


def _strip(made: Preview, names: Mapping[str, str], zone: ZoneInfo, now: Instant, part: int) -> Values:
    """Four weeks as they are and as they would be, with what differs in a frame."""
    first = days_from(zone, now, 1).first
    shown = Range(zone=zone, first=first + timedelta(days=part * _STRIP_DAYS), days=_STRIP_DAYS, now=now)
    ruler = Ruler(shown)
    frames = [
        {"x": ruler.place(start), "width": round(ruler.place(end) - ruler.place(start), 3)}
        for start, end in made.difference.changed
        if end > ruler.start and start < ruler.end
    ]

    def line(name: str, final: FinalSchedule) -> Values:
        return {**row(name, "", bars_of(shown, final, names)), "changed": frames}

    return {
        "days": shown.columns(),
        "now": ruler.line(now),
        "at": None,
        "length": "month",
        "start": ruler.start,
        "end": ruler.end,
        "zone": str(zone),
        "groups": [
            {
                "name": "",
                "rows": [line("As it is", made.before), line("As it would be", made.after)],
            }
        ],
    }


def _person(person: PersonDifference, names: Mapping[str, str], ruler: Ruler) -> Values:
    return {
        "name": names.get(person.user_id, GONE),
        "balance": _more(person.balance),
        "shifts": f"{len(person.before)} to {len(person.after)} shifts"
        if len(person.before) != len(person.after)
        else render.amount(len(person.after), "shift"),
        "gained": _times(person.gained, ruler),
        "lost": _times(person.lost, ruler),
    }


def _more(balance: Instant) -> str:
    """`7 days more`, `16 h fewer`, `as much time as before`."""
    if not balance:
        return "as much time as before"
    size = abs(balance)
    said = f"{size / DAY:.3g} days" if size >= 2 * DAY else f"{size / HOUR:.3g} h"
    return f"{said} {'more' if balance > 0 else 'fewer'}"


def _times(spans: list[Span], ruler: Ruler) -> Values:
    """The first few in words, and how many more there are."""
    return {
        "shown": [ruler.said(start, end) for start, end in spans[:_MOST_TIMES]],
        "more": max(len(spans) - _MOST_TIMES, 0),
    }
