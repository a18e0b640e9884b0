"""JSON below `/status-pages`: what is told, from a draft to the last update."""

from typing import Annotated

from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import UNSET

from openalert.domain.access import Actor
from openalert.domain.instant import from_datetime
from openalert.storage.database import Database
from openalert.usecases import status_automation
from openalert.usecases import status_incidents as told
from openalert.usecases import status_postmortems as postmortems
from openalert.usecases import status_updates as updates
from openalert.usecases.status_incidents import Told
from openalert.web.api.status_shapes import (
    DraftApproval,
    PostmortemApproval,
    ProposalIn,
    StatusIncidentIn,
    StatusIncidentOut,
    StatusIncidentPatch,
    StatusResolution,
    StatusUpdateIn,
    StatusUpdateOut,
    StatusUpdatePatch,
    about,
    instant_or_none,
    show_told,
    show_update,
)
from openalert.web.api.wire import READS, WRITES
from openalert.web.paging import DEFAULT, Cursor, Limit, Page, paged

Resolved = Annotated[
    bool, QueryParameter(name="includeResolved", description="Whether what is over is listed, too.")
]


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
                components=about(data),
                internal_incident_id=data.internal_incident_id,
                scheduled_for=instant_or_none(data.scheduled_for),
                scheduled_until=instant_or_none(data.scheduled_until),
                is_automatic=data.is_automatic,
                started_at=instant_or_none(data.started_at),
                resolved_at=instant_or_none(data.resolved_at),
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
        return show_update(await updates.one(reader, actor, update_id))


@patch("/updates/{update_id:str}", responses=WRITES)
async def edit_status_update(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    update_id: FromPath[str],
    data: JSONBody[StatusUpdatePatch],
) -> StatusUpdateOut:
    """Say it in other words; readers see that it was edited. The rest may change while it is a draft."""
    members = data.members()
    members["tells"] = members.pop("notify")
    async with db.transaction(actor) as tx:
        await updates.change(tx, update_id, **members)
        return show_update(await updates.one(tx, tx.actor, update_id))


@post("/updates/{update_id:str}/publish", responses=WRITES, status_code=200)
async def publish_status_update(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    update_id: FromPath[str],
    data: JSONBody[DraftApproval],
) -> StatusIncidentOut:
    """Approve a draft."""
    async with db.transaction(actor) as tx:
        return show_told(
            await updates.publish(
                tx,
                update_id,
                message=data.message,
                status=data.status,
                components=data.components,
                tells=data.notify,
            )
        )


@delete("/updates/{update_id:str}", responses=WRITES)
async def drop_status_update(
    db: NamedDependency[Database], actor: NamedDependency[Actor], update_id: FromPath[str]
) -> None:
    """Throw a draft away."""
    async with db.transaction(actor) as tx:
        await updates.drop(tx, update_id)


@post("/incidents/{status_incident_id:str}/postmortem/publish", responses=WRITES, status_code=200)
async def publish_status_postmortem(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    status_incident_id: FromPath[str],
    data: JSONBody[PostmortemApproval],
) -> StatusIncidentOut:
    """Let customers read the postmortem."""
    async with db.transaction(actor) as tx:
        return show_told(await postmortems.publish(tx, status_incident_id, text=data.postmortem))


@post("/incidents/{status_incident_id:str}/postmortem/withdraw", responses=WRITES, status_code=200)
async def withdraw_status_postmortem(
    db: NamedDependency[Database], actor: NamedDependency[Actor], status_incident_id: FromPath[str]
) -> StatusIncidentOut:
    """Take the postmortem off the page; its words stay as a draft."""
    async with db.transaction(actor) as tx:
        return show_told(await postmortems.withdraw(tx, status_incident_id))


@post("/incidents/{status_incident_id:str}/postmortem/take-over", responses=WRITES, status_code=200)
async def take_over_status_postmortem(
    db: NamedDependency[Database], actor: NamedDependency[Actor], status_incident_id: FromPath[str]
) -> StatusIncidentOut:
    """Begin a draft with what the team wrote about its own incident; nothing of it is public by that."""
    async with db.transaction(actor) as tx:
        return show_told(await postmortems.take_over(tx, status_incident_id))


handlers = (
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
    publish_status_postmortem,
    withdraw_status_postmortem,
    take_over_status_postmortem,
)
