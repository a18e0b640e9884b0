"""`/find`: one field that leads to incidents by number, people, services and every page, and acts from there.

`Ctrl+K` shows the same field and the same hits over any page; without JavaScript it is a page to search from.
"""

import re
from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromQuery

from openalert.domain.access import Actor
from openalert.domain.errors import NotFound
from openalert.domain.incident import Incident, IncidentStatus
from openalert.storage import finder
from openalert.storage import incidents as stored
from openalert.storage.database import Database
from openalert.storage.incidents import IncidentFilter
from openalert.storage.transaction import Reader
from openalert.usecases import incidents
from openalert.web.ui.frame import OPEN, Web, answer, shell

PATH = "/find"
EACH = 5
"""At most so many hits of a kind: more are no choice."""
_ASKED = re.compile(r"(?:(?P<verb>a|ack|acknowledge|r|resolve)\s+)?#?(?P<number>\d{1,9})", re.IGNORECASE)
VERBS = {"acknowledge": "Acknowledge", "resolve": "Resolve"}
PLACES = {
    "/incidents": ("siren", "Incidents"),
    "/alerts": ("bell", "Alerts"),
    "/schedules": ("calendar-clock", "On call"),
    "/services": ("activity", "Services"),
    "/status-pages": ("megaphone", "Status pages"),
    "/maintenance": ("calendar-x", "Maintenance"),
    "/silences": ("ban", "Silences"),
    "/escalation-policies": ("chevrons-up", "Escalation policies"),
    "/routing-rules": ("layers", "Routing rules"),
    "/teams": ("users", "Teams"),
    "/users": ("user-round", "People"),
    "/deliveries": ("send", "Messages"),
    "/warnings": ("triangle-alert", "Warnings"),
    "/settings": ("settings", "Settings"),
    "/me": ("user-round", "My shifts and contact methods"),
    "/me/rules": ("bell", "My notification rules and quiet hours"),
    "/me/security": ("shield", "My password and second factor"),
    "/me/calendars": ("calendar-clock", "My calendars"),
}
"""Pages that everybody may open."""
KINDS = {
    "person": ("user-round", "/users/"),
    "service": ("activity", "/services/"),
    "schedule": ("calendar-clock", "/schedules/"),
    "escalation policy": ("chevrons-up", "/escalation-policies/"),
    "team": ("users", "/teams/"),
}


class Hit(msgspec.Struct, frozen=True):
    """One line: a page that is opened, or an act that is posted."""

    icon: str
    words: str
    detail: str = ""
    href: str = ""
    act: str = ""


@get(PATH, include_in_schema=False)
async def find(
    request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor], q: FromQuery[str] = ""
) -> Response[Any]:
    """What matches; while nothing is asked, the pages."""
    text = " ".join(q.split())[:100]
    meant = _ASKED.fullmatch(text)
    async with db.read() as reader:
        context = await shell(request, reader, actor, PATH)
        context["hits"] = await (_acts(reader, actor, meant) if meant else _named(reader, actor, text))
    context["frame"]["query"] = ""
    context |= {"asked": text, "number": int(meant["number"]) if meant else None}
    return answer(request, "find.html", context)


async def _named(reader: Reader, actor: Actor, text: str) -> list[Hit]:
    """What has these words in its name, what begins with them first; without words, the pages."""
    hits = [
        Hit(icon, words, href=path) for path, (icon, words) in PLACES.items() if text.lower() in words.lower()
    ]
    if text:
        hits = [*await _things(reader, actor, text), *hits]
    return sorted(hits, key=lambda hit: not hit.words.lower().startswith(text.lower()))


async def _things(reader: Reader, actor: Actor, text: str) -> list[Hit]:
    wanted = IncidentFilter(statuses=OPEN, text=text)
    hits = [_page(incident) for incident in await stored.search(reader, actor, wanted, limit=EACH)]
    for found in await finder.named(reader, actor, text, each=EACH):
        icon, base = KINDS[found.kind]
        detail = " · ".join(filter(None, (found.kind.capitalize(), found.detail)))
        hits.append(Hit(icon, found.name, detail, base + found.id))
    return hits


async def _acts(reader: Reader, actor: Actor, meant: re.Match[str]) -> list[Hit]:
    """The incident of this number, and what may be done to it; the act that was asked for stands first."""
    incident = await _by_number(reader, actor, int(meant["number"]))
    if incident is None:
        return []
    page = _page(incident)
    if incident.status == IncidentStatus.RESOLVED or not await incidents.may_answer(reader, actor, incident):
        return [page]
    acts = {
        name: Hit("check", f"{words} #{incident.number}", act=f"{page.href}/{name}")
        for name, words in VERBS.items()
        if name == "resolve" or incident.status == IncidentStatus.TRIGGERED
    }
    asked = "acknowledge" if (meant["verb"] or "").lower().startswith("a") else "resolve"
    first = acts.pop(asked, None) if meant["verb"] else None
    return [*([first] if first else []), page, *acts.values()]


def _page(incident: Incident) -> Hit:
    words = f"#{incident.number} {incident.title}"
    return Hit("siren", words, incident.status.value, f"/incidents/{incident.id}")


async def _by_number(reader: Reader, actor: Actor, number: int) -> Incident | None:
    incident = await stored.get_by_number(reader, actor.organization_id or "", number)
    try:
        return await incidents.see(reader, actor, incident.id) if incident else None
    except NotFound:
        return None


ROUTES: Sequence[HTTPRouteHandler] = [find]
