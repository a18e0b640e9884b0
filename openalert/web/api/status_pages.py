"""JSON `/status-pages`: pages for customers; components and what is told have files of their own."""

from functools import partial
from typing import Any

from litestar import Request, Router, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from openalert.domain.access import Actor
from openalert.domain.links_back import LinksBack
from openalert.storage.database import Database
from openalert.usecases import status_pages as pages
from openalert.web.api import status_components, status_incidents, status_subscribers, status_templates
from openalert.web.api.status_shapes import (
    OverallOut,
    StatusPageIn,
    StatusPageOut,
    StatusPagePatch,
    show_overall,
    show_page,
)
from openalert.web.api.wire import READS, SHOWN_ONCE, WRITES, TeamFilter
from openalert.web.hosts import own_names
from openalert.web.paging import DEFAULT, Cursor, Limit, Page, paged


@get("/", responses=READS)
async def list_status_pages(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    links_back: NamedDependency[LinksBack],
    team_id: TeamFilter = None,
    limit: Limit = DEFAULT,
    cursor: Cursor = None,
) -> Page[StatusPageOut]:
    """The status pages of the teams that the caller may see."""
    async with db.read() as reader:
        read = partial(pages.page, reader, actor, team_id=team_id)
        return await paged(read, partial(show_page, links_back), limit, cursor)


@get("/team/{team_id:str}", responses=READS)
async def list_status_pages_of_team(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    links_back: NamedDependency[LinksBack],
    team_id: FromPath[str],
    limit: Limit = DEFAULT,
    cursor: Cursor = None,
) -> Page[StatusPageOut]:
    """The status pages of one team."""
    async with db.read() as reader:
        read = partial(pages.of_team, reader, actor, team_id)
        return await paged(read, partial(show_page, links_back), limit, cursor)


@post("/", responses=WRITES)
async def create_status_page(
    request: Request[Any, Any, Any],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    links_back: NamedDependency[LinksBack],
    data: JSONBody[StatusPageIn],
) -> StatusPageOut:
    """Make a status page."""
    names = own_names(request.app.state.config)
    async with db.transaction(actor) as tx:
        return show_page(links_back, await pages.create(tx, own_names=names, **data.members()))


@get("/{page_id:str}", responses=READS)
async def get_status_page(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    links_back: NamedDependency[LinksBack],
    page_id: FromPath[str],
) -> StatusPageOut:
    """One status page."""
    async with db.read() as reader:
        return show_page(links_back, await pages.get(reader, actor, page_id))


@patch("/{page_id:str}", responses=WRITES)
async def update_status_page(
    request: Request[Any, Any, Any],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    links_back: NamedDependency[LinksBack],
    page_id: FromPath[str],
    data: JSONBody[StatusPagePatch],
) -> StatusPageOut:
    """Change a status page."""
    names = own_names(request.app.state.config)
    async with db.transaction(actor) as tx:
        return show_page(links_back, await pages.update(tx, page_id, own_names=names, **data.members()))


@delete("/{page_id:str}", responses=WRITES)
async def delete_status_page(
    db: NamedDependency[Database], actor: NamedDependency[Actor], page_id: FromPath[str]
) -> None:
    """Delete a status page; its address answers like one that never was."""
    async with db.transaction(actor) as tx:
        await pages.delete(tx, page_id)


@post("/{page_id:str}/link", status_code=200, responses=WRITES, opt=SHOWN_ONCE)
async def make_status_page_link(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    links_back: NamedDependency[LinksBack],
    page_id: FromPath[str],
) -> StatusPageOut:
    """Make a secret link that opens a page that is not public; the one before stops working."""
    async with db.transaction(actor) as tx:
        return show_page(links_back, *await pages.make_link(tx, page_id))


@post("/{page_id:str}/link/revoke", status_code=200, responses=WRITES)
async def revoke_status_page_link(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    links_back: NamedDependency[LinksBack],
    page_id: FromPath[str],
) -> StatusPageOut:
    """Let the secret link of a page open it no more."""
    async with db.transaction(actor) as tx:
        return show_page(links_back, await pages.revoke_link(tx, page_id))


@get("/{page_id:str}/status", responses=READS)
async def get_overall_status(
    db: NamedDependency[Database], actor: NamedDependency[Actor], page_id: FromPath[str]
) -> OverallOut:
    """How a page stands as a whole."""
    async with db.read() as reader:
        return show_overall(await pages.standing(reader, actor, page_id))


routes = Router(
    path="/status-pages",
    tags=["status pages"],
    route_handlers=[
        list_status_pages,
        list_status_pages_of_team,
        create_status_page,
        get_status_page,
        update_status_page,
        delete_status_page,
        make_status_page_link,
        revoke_status_page_link,
        get_overall_status,
        *status_components.handlers,
        *status_incidents.handlers,
        *status_subscribers.handlers,
        *status_templates.handlers,
    ],
)
