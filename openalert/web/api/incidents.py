"""JSON /api/v1/incidents."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Router, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from openalert.domain.access import Actor
from openalert.domain.errors import Invalid
from openalert.domain.incident import Incident, IncidentStatus
from openalert.domain.instant import MINUTE, from_datetime
from openalert.domain.severity import Severity
from openalert.domain.timeline import TimelineEntry
from openalert.storage import alerts, incidents, notifications, timeline
from openalert.storage.database import Database
from openalert.storage.incidents import IncidentFilter
from openalert.usecases import incidents as acts
from openalert.web.api import merging, postmortems, responders
from openalert.web.api.alert_shapes import AlertOut, alert_out
from openalert.web.api.incident_shapes import (
    AnsweredOut,
    Change,
    IncidentOut,
    NewIncident,
    Note,
    Reason,
    Reassign,
    Resolution,
    Snooze,
    TimelineOut,
    answered_out,
    entry_out,
    incident_out,
)
from openalert.web.api.notifications import NotificationOut, notification_out
from openalert.web.api.wire import READS, WRITES, Words, words
from openalert.web.paging import Cursor, Limit, Page, paged

VIA = "API"
"""What the timeline says of the way that an answer came."""

OneId = Annotated[str | None, QueryParameter()]
FromTime = Annotated[datetime | None, QueryParameter(name="from", description="Triggered at or after.")]
ToTime = Annotated[datetime | None, QueryParameter(name="to", description="Triggered before.")]


@get("/", responses=READS)
async def list_incidents(
    actor: NamedDependency[Actor],
    db: NamedDependency[Database],
    limit: Limit = 50,
    cursor: Cursor = None,
    status: Words = None,
    severity: Words = None,
    serviceId: OneId = None,  # noqa: N803 - the parameter's public name
    teamId: OneId = None,  # noqa: N803 - the parameter's public name
    assigneeId: OneId = None,  # noqa: N803 - the parameter's public name
    q: OneId = None,
    since: FromTime = None,
    until: ToTime = None,
) -> Page[IncidentOut]:
    """Incidents, newest first."""
    wanted = IncidentFilter(
        statuses=words(status, list(IncidentStatus), "status"),
        severities=words(severity, list(Severity), "severity"),
        service_id=serviceId,
        team_id=teamId,
        assignee_id=assigneeId,
        text=q or None,
        triggered_from=from_datetime(_aware(since)) if since else None,
        triggered_until=from_datetime(_aware(until)) if until else None,
    )
    async with db.read() as reader:

        async def read(after: str, limit: int) -> list[Incident]:
            return await incidents.search(reader, actor, wanted, limit=limit, before=after or None)

        return await paged(read, incident_out, limit, cursor)


def _aware(moment_: datetime) -> datetime:
    if moment_.tzinfo is None:
        raise Invalid("A time needs its zone: 2026-01-31T09:00:00Z.", field="from")
    return moment_


@post("/", responses=WRITES)
async def create_incident(
    actor: NamedDependency[Actor], db: NamedDependency[Database], data: JSONBody[NewIncident]
) -> IncidentOut:
    """Open an incident by hand; it escalates like any other."""
    async with db.transaction(actor) as tx:
        incident = await acts.open_by_hand(
            tx,
            service_id=data.service_id,
            title=data.title,
            severity=data.severity,
            description=data.description,
        )
    return incident_out(incident)


@get("/{incident_id:str}", responses=READS)
async def get_incident(
    actor: NamedDependency[Actor], db: NamedDependency[Database], incident_id: FromPath[str]
) -> IncidentOut:
    """One incident."""
    async with db.read() as reader:
        return incident_out(await acts.see(reader, actor, incident_id))


@patch("/{incident_id:str}", responses=WRITES)
async def change_incident(
    actor: NamedDependency[Actor],
    db: NamedDependency[Database],
    incident_id: FromPath[str],
    data: JSONBody[Change],
) -> IncidentOut:
    """Change what is given; a status goes through the same rules as its verb."""
    async with db.transaction(actor) as tx:
        title = None if data.title is msgspec.UNSET else data.title
        phase = None if data.phase is msgspec.UNSET else data.phase
        severity = data.judged()
        if title is not None or phase is not None or severity is not None:
            await acts.edit(tx, incident_id, title=title, phase=phase, severity=severity)
        if data.assignee_id is not msgspec.UNSET:
            await acts.reassign(tx, incident_id, user_id=data.assignee_id)
        if data.status is not msgspec.UNSET:
            resolution = None if data.resolution is msgspec.UNSET else data.resolution
            await acts.become(tx, incident_id, data.status, resolution=resolution)
        incident = await acts.see(tx, actor, incident_id)
    return incident_out(incident)


@post("/{incident_id:str}/acknowledge", status_code=200, responses=WRITES)
async def acknowledge(
    actor: NamedDependency[Actor], db: NamedDependency[Database], incident_id: FromPath[str]
) -> AnsweredOut:
    """You have it: nobody else is paged."""
    async with db.transaction(actor) as tx:
        answered = await acts.acknowledge(tx, incident_id, via=VIA)
    return answered_out(answered)


@post("/{incident_id:str}/resolve", status_code=200, responses=WRITES)
async def resolve(
    actor: NamedDependency[Actor],
    db: NamedDependency[Database],
    incident_id: FromPath[str],
    data: JSONBody[Resolution | None] = None,
) -> AnsweredOut:
    """It is over."""
    async with db.transaction(actor) as tx:
        answered = await acts.resolve(tx, incident_id, resolution=data.resolution if data else None, via=VIA)
    return answered_out(answered)


@post("/{incident_id:str}/reopen", status_code=200, responses=WRITES)
async def reopen(
    actor: NamedDependency[Actor],
    db: NamedDependency[Database],
    incident_id: FromPath[str],
    data: JSONBody[Reason | None] = None,
) -> IncidentOut:
    """It was not over: the escalation starts again."""
    async with db.transaction(actor) as tx:
        incident = await acts.reopen(tx, incident_id, reason=data.reason if data else "")
    return incident_out(incident)


@post("/{incident_id:str}/snooze", status_code=200, responses=WRITES)
async def snooze(
    actor: NamedDependency[Actor],
    db: NamedDependency[Database],
    incident_id: FromPath[str],
    data: JSONBody[Snooze],
) -> AnsweredOut:
    """Silent until then; after that it pages again if it is still open."""
    async with db.transaction(actor) as tx:
        if data.until is not None:
            until = from_datetime(_aware(data.until))
        elif data.duration_minutes is not None:
            until = tx.now + int(data.duration_minutes * MINUTE)
        else:
            raise Invalid("Give until or durationMinutes.", field="until")
        answered = await acts.snooze(tx, incident_id, until=until, via=VIA)
    return answered_out(answered)


@post("/{incident_id:str}/escalate", status_code=200, responses=WRITES)
async def escalate(
    actor: NamedDependency[Actor], db: NamedDependency[Database], incident_id: FromPath[str]
) -> IncidentOut:
    """Page the next level now."""
    async with db.transaction(actor) as tx:
        incident = await acts.escalate(tx, incident_id, via=VIA)
    return incident_out(incident)


@post("/{incident_id:str}/hand-on", status_code=200, responses=WRITES)
async def hand_on(
    actor: NamedDependency[Actor], db: NamedDependency[Database], incident_id: FromPath[str]
) -> IncidentOut:
    """You cannot take it: the next level now, and nothing more of what was planned for you."""
    async with db.transaction(actor) as tx:
        incident = await acts.hand_on(tx, incident_id, via=VIA)
    return incident_out(incident)


@post("/{incident_id:str}/reassign", status_code=200, responses=WRITES)
async def reassign(
    actor: NamedDependency[Actor],
    db: NamedDependency[Database],
    incident_id: FromPath[str],
    data: JSONBody[Reassign],
) -> IncidentOut:
    """Somebody else is to work on it."""
    async with db.transaction(actor) as tx:
        incident = await acts.reassign(tx, incident_id, user_id=data.user_id)
    return incident_out(incident)


@post("/{incident_id:str}/notes", responses=WRITES)
async def add_note(
    actor: NamedDependency[Actor],
    db: NamedDependency[Database],
    incident_id: FromPath[str],
    data: JSONBody[Note],
) -> TimelineOut:
    """Something the next reader should know."""
    async with db.transaction(actor) as tx:
        await acts.note(tx, incident_id, body=data.body)
        entry = (await timeline.of_incident(tx, incident_id, limit=1))[0]
    return entry_out(entry)


@get("/{incident_id:str}/timeline", responses=READS)
async def list_timeline(
    actor: NamedDependency[Actor],
    db: NamedDependency[Database],
    incident_id: FromPath[str],
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[TimelineOut]:
    """What happened, newest first; `seq` has no gap."""
    if cursor is not None and not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
        raise Invalid("cursor must be a nextCursor of this list.", field="cursor")
    async with db.read() as reader:
        await acts.see(reader, actor, incident_id)

        async def read(after: str, limit: int) -> list[TimelineEntry]:
            return await timeline.of_incident(
                reader, incident_id, limit=limit, before=int(after) if after else None
            )

        return await paged(read, entry_out, limit, cursor, key=lambda entry: str(entry.seq))


@get("/{incident_id:str}/alerts", responses=READS)
async def list_alerts_of_incident(
    actor: NamedDependency[Actor],
    db: NamedDependency[Database],
    incident_id: FromPath[str],
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[AlertOut]:
    """Its alerts, newest first."""
    async with db.read() as reader:
        await acts.see(reader, actor, incident_id)

        async def read(after: str, limit: int) -> list[Any]:
            return await alerts.of_incident(reader, incident_id, limit=limit, before=after or None)

        return await paged(read, alert_out, limit, cursor)


@get("/{incident_id:str}/notifications", responses=READS)
async def list_notifications_of_incident(
    actor: NamedDependency[Actor],
    db: NamedDependency[Database],
    incident_id: FromPath[str],
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[NotificationOut]:
    """Every message about it, newest first."""
    async with db.read() as reader:
        await acts.see(reader, actor, incident_id)

        async def read(after: str, limit: int) -> list[Any]:
            return await notifications.search(
                reader, actor, {"incident_id": incident_id}, limit=limit, before=after or None
            )

        return await paged(read, notification_out, limit, cursor)


routes = Router(
    path="/incidents",
    route_handlers=[
        list_incidents,
        create_incident,
        get_incident,
        change_incident,
        acknowledge,
        resolve,
        reopen,
        snooze,
        escalate,
        hand_on,
        reassign,
        add_note,
        list_timeline,
        list_alerts_of_incident,
        list_notifications_of_incident,
        *responders.handlers,
        *merging.handlers,
        *postmortems.handlers,
    ],
    tags=["incidents"],
)
