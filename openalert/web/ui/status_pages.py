"""Pages of status pages: which there are and how they stand, a new one, and one as a whole."""

from collections.abc import Mapping, Sequence
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery

from openalert.domain.access import Actor
from openalert.domain.status_page import PublicKind, PublicStatus, StatusPage
from openalert.storage.database import Database
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import (
    status_arrangement,
    status_incidents,
    status_pages,
    status_setup,
    status_standing,
    status_view,
)
from openalert.usecases.status_incidents import Told
from openalert.web.status import html
from openalert.web.ui import choices
from openalert.web.ui.forms import Errors, attempt, values_of
from openalert.web.ui.frame import Values, Web, address, answer, go, sent, sent_all, shell
from openalert.web.ui.status_frame import PATH, framed, public_address, public_base, with_preview

LISTED = 50
_TOLD = 50
_TEAMS_OFFERED = 20
"""Teams whose services are offered in the form of a new page."""
_FIELDS = {
    "name": ("name", "The name"),
    "teamId": ("team_id", "Team"),
    "slug": ("slug", "The address"),
    "serviceId": ("services", "A service"),
}


@get(PATH, include_in_schema=False)
async def index(
    request: Web,
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    cursor: FromQuery[str] = "",
) -> Response[Any]:
    """Every status page in view, with how it stands."""
    async with db.read() as reader:
        rows = await status_pages.page(reader, actor, after=cursor[:64], limit=LISTED + 1)
        shown = rows[:LISTED]
        context = await shell(
            request,
            reader,
            actor,
            PATH,
            pages=await _listed(request, reader, actor, shown),
            can_create=bool(await choices.teams_to_configure(reader, actor)),
            older=address(PATH, cursor=shown[-1].id) if len(rows) > LISTED else None,
            newest=PATH if cursor else None,
        )
    return answer(request, "status_pages/list.html", context)


async def _listed(request: Web, reader: Reader, actor: Actor, shown: Sequence[StatusPage]) -> list[Values]:
    standings = await status_standing.of_pages(reader, [each.id for each in shown])
    team_names = await choices.names_of_teams(reader, actor)
    return [
        {
            "id": each.id,
            "href": f"{PATH}/{each.id}",
            "name": each.name,
            "team": team_names.get(each.team_id, ""),
            "is_public": each.is_public,
            "has_link": each.link_hash is not None,
            "domain": each.custom_domain or "",
            "address": public_address(request, each),
            "open_href": f"/status/{each.slug}",
            "standing": standings[each.id],
        }
        for each in shown
    ]


@get(f"{PATH}/new", include_in_schema=False)
async def new(request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]) -> Response[Any]:
    """The form of a new page."""
    return await _form(request, db, actor, {}, [], {})


@post(PATH, include_in_schema=False)
async def create(request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]) -> Response[Any]:
    """Make the page, with components for the services that were chosen."""
    typed, chosen = await sent(request), await sent_all(request, "service")

    async def body(tx: Transaction) -> StatusPage:
        return await status_setup.set_up(
            tx,
            team_id=typed.get("team_id", ""),
            name=typed.get("name", ""),
            slug=typed.get("slug") or None,
            is_public=typed.get("is_public") == "yes",
            services={each: typed.get(f"name-{each}", "") for each in chosen},
        )

    made, errors = await attempt(db, actor, body, _FIELDS)
    if made is None:
        return await _form(request, db, actor, typed, chosen, errors)
    seen = "Everybody who knows its address sees it." if made.is_public else "Only your team sees it so far."
    return go(f"{PATH}/{made.id}", f"{made.name} is there. {seen}")


async def _form(
    request: Web,
    db: Database,
    actor: Actor,
    typed: Mapping[str, str],
    chosen: Sequence[str],
    errors: Errors,
) -> Response[Any]:
    async with db.read() as reader:
        teams = await choices.teams_to_configure(reader, actor)
        context = await shell(
            request,
            reader,
            actor,
            PATH,
            teams=teams,
            offers=[
                {
                    "team_id": team_id,
                    "team": name,
                    "services": [
                        {"id": each, "name": typed.get(f"name-{each}", words), "is_chosen": each in chosen}
                        for each, words in (await choices.of_team(reader, actor, team_id))["services"]
                    ],
                }
                for team_id, name in teams[:_TEAMS_OFFERED]
            ],
            base=public_base(request),
            errors=errors,
            values=values_of(typed, ("name", "team_id", "slug", "is_public")),
        )
    return answer(request, "status_pages/new.html", context, 422 if errors else 200)


@get(f"{PATH}/{{page_id:str}}", include_in_schema=False)
async def show(
    request: Web,
    page_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[Any]:
    """One status page: how it stands, and what customers see."""
    async with db.read() as reader:
        page = await status_pages.get(reader, actor, page_id)
        known = await status_incidents.of_page(reader, actor, page.id, resolved=False, limit=_TOLD)
        context = await framed(
            request,
            reader,
            actor,
            page,
            "",
            told=[_told(each) for each in known if each.incident.published_at is not None],
            drafts=[draft for each in known for draft in _drafts(each)],
            sections=await status_arrangement.of_page(reader, actor, page.id),
        )
    return with_preview(answer(request, "status_pages/show.html", context))


def _told(each: Told) -> Values:
    incident = each.incident
    return {
        "title": incident.title,
        "status": incident.status,
        "is_maintenance": incident.kind is PublicKind.MAINTENANCE,
        "at": incident.scheduled_for or incident.started_at,
        "is_ahead": incident.status is PublicStatus.SCHEDULED,
        "href": f"{PATH}/told/{incident.id}",
    }


def _drafts(each: Told) -> list[Values]:
    """What waits for somebody to publish it: the incident as a whole, or updates of one that is told."""
    href = f"{PATH}/told/{each.incident.id}"
    if each.incident.published_at is None:
        return [{"title": each.incident.title, "of": "", "at": each.incident.created_at, "href": href}]
    return [
        {"title": update.status.words, "of": each.incident.title, "at": update.created_at, "href": href}
        for update in each.updates
        if update.published_at is None
    ]


@get(f"{PATH}/{{page_id:str}}/preview", include_in_schema=False)
async def preview(
    request: Web,
    page_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[bytes]:
    """The page as customers see it, to be looked at inside of ours."""
    async with db.read() as reader:
        page = await status_pages.get(reader, actor, page_id)
        return await drawn(request, reader, page)


async def drawn(request: Web, reader: Reader, page: StatusPage) -> Response[bytes]:
    """The public page with these settings, saved or not."""
    picture = await status_view.of_page(reader, page, public_base(request))
    headers, body = html.preview(picture, f"/status/{page.slug}", reader.now)
    return Response(body, headers=headers, media_type="text/html")


ROUTES: Sequence[HTTPRouteHandler] = [index, new, create, show, preview]
