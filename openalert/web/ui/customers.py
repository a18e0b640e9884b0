"""From an incident's page to customers: what they are told of it, and the way to tell them in two clicks."""

from collections.abc import Sequence
from typing import Any

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from openalert.domain.access import Actor, Permission, can
from openalert.domain.incident import Incident
from openalert.domain.status_page import StatusPage
from openalert.storage import status_incidents, status_pages
from openalert.storage.database import Database
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import incidents, status_automation
from openalert.usecases import status_incidents as told
from openalert.usecases.status_incidents import Told
from openalert.web.ui.forms import attempt
from openalert.web.ui.frame import Values, Web, go, sent
from openalert.web.ui.status_frame import PATH

_MOST_PAGES = 50


async def shown(reader: Reader, actor: Actor, incident: Incident) -> list[Values]:
    """The status pages on which customers are told of the incident, or may be; its own team's first."""
    seen = await status_pages.listed(reader, actor, limit=_MOST_PAGES)
    pages = sorted(
        (each for each in seen if each.organization_id == incident.organization_id),
        key=lambda page: (page.team_id != incident.team_id, page.name.casefold()),
    )
    some = await status_incidents.of_internal(reader, incident.id) if pages else []
    by_page: dict[str, list[Told]] = {}
    for each in await told.with_words(reader, some):
        by_page.setdefault(each.incident.page_id, []).append(each)
    return [
        _page(actor, page, incident, by_page.get(page.id, []))
        for page in pages
        if by_page.get(page.id) or (page.team_id == incident.team_id and can_tell(actor, page))
    ]


def can_tell(actor: Actor, page: StatusPage) -> bool:
    """Whether the actor may say something on the page."""
    return can(actor, Permission.RESPOND, page.team_id)


def _page(actor: Actor, page: StatusPage, incident: Incident, some: Sequence[Told]) -> Values:
    return {
        "id": page.id,
        "name": page.name,
        "href": f"{PATH}/{page.id}",
        "can_tell": can_tell(actor, page) and incident.is_open,
        "told": [
            {
                "title": each.incident.title,
                "href": f"{PATH}/told/{each.incident.id}",
                "is_public": each.incident.published_at is not None,
                "status": each.incident.status,
                "at": max(
                    (one.shown_at for one in each.updates if one.published_at is not None), default=None
                ),
                "draft": draft_of(each),
            }
            for each in some
        ],
    }


def draft_of(each: Told) -> str:
    """Where the newest draft waits; empty where none does."""
    return next((f"{PATH}/drafts/{one.id}" for one in each.updates if one.published_at is None), "")


@post("/incidents/{incident_id:str}/customers", include_in_schema=False)
async def propose(
    request: Web, incident_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[Any]:
    """Draft what customers may be told, and go where it is looked at and published."""
    page_id = (await sent(request)).get("page_id", "")

    async def body(tx: Transaction) -> Told:
        incident = await incidents.see(tx, tx.actor, incident_id)
        return await status_automation.propose(tx, page_id, incident.id)

    made, errors = await attempt(db, actor, body)
    if made is None:
        return go(f"/incidents/{incident_id}", " ".join(errors.values()), "bad")
    return go(draft_of(made) or f"{PATH}/told/{made.incident.id}")


ROUTES: Sequence[HTTPRouteHandler] = [propose]
