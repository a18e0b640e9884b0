"""Every address below a status page and what is answered there; None where there is nothing."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from openalert.domain import instatus_api as instatus
from openalert.domain import statuspage_api
from openalert.domain.instant import Instant
from openalert.domain.public_page import PublicIncident, PublicPage
from openalert.web.status import asked, embeds, feeds, html, script, shapes, subscribe_html
from openalert.web.status.answers import JSON, Answer, answer
from openalert.web.status.view import View

API = "api:"
"""Begins the name of an answer below `/public/status/`, the rest being its path there."""
USUAL_INCIDENTS = 50
Rendering = Callable[[PublicPage, str, Instant], Answer | None]
_encode = msgspec.json.Encoder(order="deterministic").encode


def render(page: PublicPage, name: str, base: str, now: Instant) -> Answer | None:
    """The answer of this name (see `API`); `base` begins the links to the page's own addresses."""
    known = _FIXED.get(name) or _ASKED.get(name)
    if known is not None:
        return known(page, base, now)
    folder, _, rest = name.partition("/")
    if folder == "badge":
        return asked.component(page, name, {})
    if folder in ("incidents", "i"):
        told = _incident(page, rest)
        return html.incident(page, base, now, told) if told else None
    if folder == "subscribe":
        return _form(page, rest, base, now)
    if folder == "history":
        return _month(page, rest, base, now)
    if folder == f"{API}incidents":
        told = _incident(page, rest)
        return as_json(page, shapes.show_incident(page, told)) if told else None
    return None


def names(page: PublicPage) -> list[str]:
    """Every address below the page at which something is shown, each once; without `API` and the line for frames."""
    months = [f"history/{month.key}" for month in View(page, page.as_of).months()]
    told = [f"incidents/{each.public_id}" for each in page.incidents]
    badges = [f"badge/component/{each.public_id}.svg" for each in page.components]
    fixed = [name for name in _FIXED if not name.startswith(API) and name != "embed"]
    return [*fixed, *months, *told, *badges]


def _form(page: PublicPage, rest: str, base: str, now: Instant) -> Answer | None:
    """By which somebody asks to be told of the page, or of one incident that is not over. No copy has it."""
    told = _incident(page, rest)
    if rest and (told is None or told.status.is_over):
        return None
    return subscribe_html.form(page, base, now, told)


def as_json(page: PublicPage, value: Any) -> Answer:
    """A JSON answer of the page."""
    return answer(page, _encode(value), JSON)


def _incident(page: PublicPage, wanted: str) -> PublicIncident | None:
    """By either of its ids: the public one of links, or that of the management API."""
    return next((each for each in page.incidents if wanted in (each.public_id, each.id)), None)


def _month(page: PublicPage, key: str, base: str, now: Instant) -> Answer | None:
    every = View(page, now).months()
    shown = next((month for month in every if month.key == key), None)
    return html.month(page, base, now, shown) if shown else None


def _newest_month(page: PublicPage, base: str, now: Instant) -> Answer:
    every = View(page, now).months()
    return html.month(page, base, now, every[0])


def _as_json(shape: Callable[[PublicPage], Any]) -> Rendering:
    return lambda page, _base, _now: as_json(page, shape(page))


def _bytes(make: Callable[[PublicPage], bytes], content_type: str) -> Rendering:
    return lambda page, _base, _now: answer(page, make(page), content_type)


_ATOM = _bytes(feeds.atom, feeds.ATOM)
_RSS = _bytes(feeds.rss, feeds.RSS)
_CALENDAR = _bytes(feeds.maintenances, "text/calendar; charset=utf-8")
_FIXED: Mapping[str, Rendering] = {
    "": html.home,
    "history": _newest_month,
    "live.js": lambda page, _base, _now: script.live(page),
    "feed.atom": _ATOM,
    "history.atom": _ATOM,
    "feed.rss": _RSS,
    "history.rss": _RSS,
    "badge.svg": lambda page, _base, _now: embeds.badge(page, {}),
    "api/shields.json": lambda page, _base, _now: embeds.shields(page, {}),
    "embed": lambda page, _base, _now: embeds.line(page, {}),
    "embed.js": lambda page, _base, _now: embeds.note(page),
    "embed.json": lambda page, _base, _now: embeds.facts(page),
    "summary.json": _as_json(instatus.summary),
    "v2/components.json": _as_json(instatus.components),
    "calendar.ics": _CALENDAR,
    "history.ics": _CALENDAR,
    **{f"api/v2/{path}": _as_json(shape) for path, shape in statuspage_api.FILES.items()},
    API: _as_json(shapes.show),
    f"{API}components": _as_json(shapes.show_components),
    f"{API}incidents": _as_json(lambda page: shapes.show_incidents(page, limit=USUAL_INCIDENTS)),
}
_ASKED: Mapping[str, Rendering] = {
    **{
        f"{name}{feeds.BY_UPDATE}": _bytes(feeds.atom_of_updates, feeds.ATOM)
        for name in ("feed.atom", "history.atom")
    },
    **{
        f"{name}{feeds.BY_UPDATE}": _bytes(feeds.rss_of_updates, feeds.RSS)
        for name in ("feed.rss", "history.rss")
    },
}
"""By name and the one query that they heed."""
