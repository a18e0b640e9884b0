"""JSON `/status-pages`: pages for customers, their components, and what is told on them."""

from functools import partial
from typing import Annotated

from litestar import Router, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import UNSET

from openalert.domain.access import Actor
from openalert.domain.instant import from_datetime
from openalert.storage.database import Database
from openalert.usecases import status_automation
from openalert.usecases import status_components as parts
from openalert.usecases import status_incidents as told
from openalert.usecases import status_pages as pages
from openalert.usecases.deliveries import Outside
from openalert.usecases.status_incidents import Told
from openalert.web.api.status_shapes import (
    ComponentGroupIn,
    ComponentGroupOut,
    ComponentGroupPatch,
    ComponentIn,
    ComponentOrderIn,
    ComponentOut,
    ComponentPatch,
    DraftApproval,
    OverallOut,
    ProposalIn,
    StatusIncidentIn,
    StatusIncidentOut,
    StatusIncidentPatch,
    StatusPageIn,
    StatusPageOut,
    StatusPagePatch,
    StatusResolution,
    StatusUpdateIn,
    StatusUpdateOut,
    StatusUpdatePatch,
    about,
    instant_or_none,
    show_component,
    show_group,
    show_overall,
    show_page,
    show_told,
    show_update,
)
from openalert.web.api.wire import READS, SHOWN_ONCE, WRITES, TeamFilter
from openalert.web.paging import DEFAULT, Cursor, Limit, Page, paged

Resolved = Annotated[
    bool, QueryParameter(name="includeResolved", description="Whether what is over is listed, too.")
]


@get("/", responses=READS)
async def list_status_pages(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    outside: NamedDependency[Outside],
    team_id: TeamFilter = None,
    limit: Limit = DEFAULT,
    cursor: Cursor = None,
) -> Page[StatusPageOut]:
    """The status pages of the teams that the caller may see."""
    async with db.read() as reader:
        read = partial(pages.page, reader, actor, team_id=team_id)
        return await paged(read, partial(show_page, outside), limit, cursor)


@get("/team/{team_id:str}", responses=READS)
async def list_status_pages_of_team(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    outside: NamedDependency[Outside],
    team_id: FromPath[str],
    limit: Limit = DEFAULT,
    cursor: Cursor = None,
) -> Page[StatusPageOut]:
    """The status pages of one team."""
    async with db.read() as reader:
        read = partial(pages.of_team, reader, actor, team_id)
        return await paged(read, partial(show_page, outside), limit, cursor)


@post("/", responses=WRITES)
async def create_status_page(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    outside: NamedDependency[Outside],
    data: JSONBody[StatusPageIn],
) -> StatusPageOut:
    """Make a status page."""
    async with db.transaction(actor) as tx:
        return show_page(outside, await pages.create(tx, **data.members()))


@get("/{page_id:str}", responses=READS)
async def get_status_page(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    outside: NamedDependency[Outside],
    page_id: FromPath[str],
) -> StatusPageOut:
    """One status page."""
    async with db.read() as reader:
        return show_page(outside, await pages.get(reader, actor, page_id))


@patch("/{page_id:str}", responses=WRITES)
async def update_status_page(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    outside: NamedDependency[Outside],
    page_id: FromPath[str],
    data: JSONBody[StatusPagePatch],
) -> StatusPageOut:
    """Change a status page."""
    async with db.transaction(actor) as tx:
        return show_page(outside, await pages.update(tx, page_id, **data.members()))


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
    outside: NamedDependency[Outside],
    page_id: FromPath[str],
) -> StatusPageOut:
    """Make a secret link that opens a page that is not public; the one before stops working."""
    async with db.transaction(actor) as tx:
        return show_page(outside, *await pages.make_link(tx, page_id))


@get("/{page_id:str}/status", responses=READS)
async def get_overall_status(
    db: NamedDependency[Database], actor: NamedDependency[Actor], page_id: FromPath[str]
) -> OverallOut:
    """How a page stands as a whole."""
    async with db.read() as reader:
        return show_overall(await pages.standing(reader, actor, page_id))


@get("/{page_id:str}/components", responses=READS)
async def list_components(
    db: NamedDependency[Database], actor: NamedDependency[Actor], page_id: FromPath[str]
) -> Page[ComponentOut]:
    """The components of a page in their order."""
    async with db.read() as reader:
        found = await pages.components(reader, actor, page_id)
    return Page(items=[show_component(each) for each in found], next_cursor=None)


@post("/{page_id:str}/components", responses=WRITES)
async def create_component(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    page_id: FromPath[str],
    data: JSONBody[ComponentIn],
) -> ComponentOut:
    """Add a component."""
    async with db.transaction(actor) as tx:
        return show_component(await parts.add_component(tx, page_id, **data.members()))


@post("/{page_id:str}/components/reorder", responses=WRITES, status_code=200)
async def reorder_components(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    page_id: FromPath[str],
    data: JSONBody[ComponentOrderIn],
) -> Page[ComponentOut]:
    """Put the components in an order."""
    async with db.transaction(actor) as tx:
        found = await parts.reorder(tx, page_id, data.component_ids)
    return Page(items=[show_component(each) for each in found], next_cursor=None)


@get("/components/{component_id:str}", responses=READS)
async def get_component(
    db: NamedDependency[Database], actor: NamedDependency[Actor], component_id: FromPath[str]
) -> ComponentOut:
    """One component."""
    async with db.read() as reader:
        return show_component(await parts.component(reader, actor, component_id))


@patch("/components/{component_id:str}", responses=WRITES)
async def update_component(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    component_id: FromPath[str],
    data: JSONBody[ComponentPatch],
) -> ComponentOut:
    """Change a component; a status that is set is the last word."""
    async with db.transaction(actor) as tx:
        return show_component(await parts.change_component(tx, component_id, **data.members()))


@delete("/components/{component_id:str}", responses=WRITES)
async def delete_component(
    db: NamedDependency[Database], actor: NamedDependency[Actor], component_id: FromPath[str]
) -> None:
    """Delete a component; what was told about it stays."""
    async with db.transaction(actor) as tx:
        await parts.delete_component(tx, component_id)


@get("/{page_id:str}/groups", responses=READS)
async def list_component_groups(
    db: NamedDependency[Database], actor: NamedDependency[Actor], page_id: FromPath[str]
) -> Page[ComponentGroupOut]:
    """The groups of a page in their order."""
    async with db.read() as reader:
        found = await parts.groups(reader, actor, page_id)
    return Page(items=[show_group(each) for each in found], next_cursor=None)


@post("/{page_id:str}/groups", responses=WRITES)
async def create_component_group(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    page_id: FromPath[str],
    data: JSONBody[ComponentGroupIn],
) -> ComponentGroupOut:
    """Add a group of components."""
    async with db.transaction(actor) as tx:
        return show_group(await parts.add_group(tx, page_id, **data.members()))


@get("/groups/{group_id:str}", responses=READS)
async def get_component_group(
    db: NamedDependency[Database], actor: NamedDependency[Actor], group_id: FromPath[str]
) -> ComponentGroupOut:
    """One group of components."""
    async with db.read() as reader:
        return show_group(await parts.group(reader, actor, group_id))


@patch("/groups/{group_id:str}", responses=WRITES)
async def update_component_group(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    group_id: FromPath[str],
    data: JSONBody[ComponentGroupPatch],
) -> ComponentGroupOut:
    """Change a group of components."""
    async with db.transaction(actor) as tx:
        return show_group(await parts.change_group(tx, group_id, **data.members()))


@delete("/groups/{group_id:str}", responses=WRITES)
async def delete_component_group(
    db: NamedDependency[Database], actor: NamedDependency[Actor], group_id: FromPath[str]
) -> None:
    """Delete a group; its components stay."""
    async with db.transaction(actor) as tx:
        await parts.delete_group(tx, group_id)


@get("/{page_id:str}/incidents", responses=READS)
async def list_status_incidents(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    page_id: FromPath[str],
    include_resolved: Resolved = True,
    limit: Limit = DEFAULT,
    cursor: Cursor = None,
) -> Page[StatusIncidentOut]:
    """What a page tells or has as drafts, the newest first."""
    async with db.read() as reader:

        async def read(after: str, limit: int) -> list[Told]:
            return await told.of_page(
                reader, actor, page_id, resolved=include_resolved, before=after, limit=limit
            )

        return await paged(read, show_told, limit, cursor, key=lambda each: each.incident.id)


@post("/{page_id:str}/incidents", responses=WRITES)
async def create_status_incident(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    page_id: FromPath[str],
    data: JSONBody[StatusIncidentIn],
) -> StatusIncidentOut:
    """Tell of an incident or a maintenance."""
    async with db.transaction(actor) as tx:
        return show_told(
            await told.create(
                tx,
                page_id,
                title=data.title,
                message=data.message,
                status=data.status,
                impact=data.impact,
                components=about(data.component_ids, data.components),
                internal_incident_id=data.internal_incident_id,
                scheduled_for=instant_or_none(data.scheduled_for),
                scheduled_until=instant_or_none(data.scheduled_until),
                is_automatic=data.is_automatic,
                started_at=instant_or_none(data.started_at),
                is_draft=data.is_draft,
                tells=data.notify,
            )
        )


@post("/{page_id:str}/proposals", responses=WRITES)
async def propose_status_incident(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    page_id: FromPath[str],
    data: JSONBody[ProposalIn],
) -> StatusIncidentOut:
    """Draft what customers may be told of an incident here; nothing is public before it is published."""
    async with db.transaction(actor) as tx:
        return show_told(await status_automation.propose(tx, page_id, data.incident_id))


@get("/incidents/{status_incident_id:str}", responses=READS)
async def get_status_incident(
    db: NamedDependency[Database], actor: NamedDependency[Actor], status_incident_id: FromPath[str]
) -> StatusIncidentOut:
    """One of them, with everything that was said."""
    async with db.read() as reader:
        return show_told(await told.get(reader, actor, status_incident_id))


@patch("/incidents/{status_incident_id:str}", responses=WRITES)
async def update_status_incident(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    status_incident_id: FromPath[str],
    data: JSONBody[StatusIncidentPatch],
) -> StatusIncidentOut:
    """Change what it is; what was said of it stays."""
    members = data.members()
    for name in ("scheduled_for", "scheduled_until"):
        if members[name] is not UNSET:
            members[name] = from_datetime(members[name])
    async with db.transaction(actor) as tx:
        return show_told(await told.change(tx, status_incident_id, **members))


@delete("/incidents/{status_incident_id:str}", responses=WRITES)
async def delete_status_incident(
    db: NamedDependency[Database], actor: NamedDependency[Actor], status_incident_id: FromPath[str]
) -> None:
    """Take it off the page with everything that was said."""
    async with db.transaction(actor) as tx:
        await told.delete(tx, status_incident_id)


@post("/incidents/{status_incident_id:str}/updates", responses=WRITES)
async def post_status_update(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    status_incident_id: FromPath[str],
    data: JSONBody[StatusUpdateIn],
) -> StatusIncidentOut:
    """Say something more; the first thing said makes a draft public."""
    async with db.transaction(actor) as tx:
        return show_told(
            await told.post(
                tx,
                status_incident_id,
                status=data.status,
                message=data.message,
                components=data.components,
                tells=data.notify,
                is_draft=data.is_draft,
            )
        )


@post("/incidents/{status_incident_id:str}/resolve", responses=WRITES, status_code=200)
async def resolve_status_incident(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    status_incident_id: FromPath[str],
    data: JSONBody[StatusResolution],
) -> StatusIncidentOut:
    """It is over."""
    async with db.transaction(actor) as tx:
        return show_told(await told.resolve(tx, status_incident_id, message=data.message))


@get("/updates/{update_id:str}", responses=READS)
async def get_status_update(
    db: NamedDependency[Database], actor: NamedDependency[Actor], update_id: FromPath[str]
) -> StatusUpdateOut:
    """One update, or a draft of one."""
    async with db.read() as reader:
        return show_update(await told.one_update(reader, actor, update_id))


@patch("/updates/{update_id:str}", responses=WRITES)
async def edit_status_update(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    update_id: FromPath[str],
    data: JSONBody[StatusUpdatePatch],
) -> StatusUpdateOut:
    """Say it in other words; readers see that it was edited."""
    async with db.transaction(actor) as tx:
        await told.edit_update(tx, update_id, message=data.message)
        return show_update(await told.one_update(tx, tx.actor, update_id))


@post("/updates/{update_id:str}/publish", responses=WRITES, status_code=200)
async def publish_status_update(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    update_id: FromPath[str],
    data: JSONBody[DraftApproval],
) -> StatusIncidentOut:
    """Approve a draft."""
    async with db.transaction(actor) as tx:
        return show_told(await told.publish_draft(tx, update_id, message=data.message, status=data.status))


@delete("/updates/{update_id:str}", responses=WRITES)
async def drop_status_update(
    db: NamedDependency[Database], actor: NamedDependency[Actor], update_id: FromPath[str]
) -> None:
    """Throw a draft away."""
    async with db.transaction(actor) as tx:
        await told.drop_draft(tx, update_id)


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
        get_overall_status,
        list_components,
        create_component,
        reorder_components,
        get_component,
        update_component,
        delete_component,
        list_component_groups,
        create_component_group,
        get_component_group,
        update_component_group,
        delete_component_group,
        list_status_incidents,
        create_status_incident,
        propose_status_incident,
        get_status_incident,
        update_status_incident,
        delete_status_incident,
        post_status_update,
        resolve_status_incident,
        get_status_update,
        edit_status_update,
        publish_status_update,
        drop_status_update,
    ],
)
