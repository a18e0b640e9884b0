"""JSON /api/v1/incidents."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Router, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from openalert.domain.access import Actor
from openalert.domain.errors import Invalid
from openalert.domain.incident import EscalationState, Incident, IncidentStatus, Phase
from openalert.domain.instant import MINUTE, Instant, from_datetime, to_datetime
from openalert.domain.severity import Severity
from openalert.domain.timeline import TimelineEntry, sentence
from openalert.storage import alerts, incidents, notifications, timeline
from openalert.storage.database import Database
from openalert.storage.incidents import IncidentFilter
from openalert.usecases import incidents as acts
from openalert.usecases.incidents import Answered
from openalert.web.api.alerts import AlertOut, alert_out
from openalert.web.api.notifications import NotificationOut, notification_out
from openalert.web.paging import Cursor, Limit, Page, paged

Words = Annotated[str | None, QueryParameter(description="One value, or several separated by commas.")]
OneId = Annotated[str | None, QueryParameter()]
FromTime = Annotated[datetime | None, QueryParameter(name="from", description="Triggered at or after.")]
ToTime = Annotated[datetime | None, QueryParameter(name="to", description="Triggered before.")]


class EscalationOut(msgspec.Struct, rename="camel"):
    """Where the escalation of an incident is."""

    policy_id: str | None
    state: EscalationState
    level: int
    cycle: int
    next_at: datetime | None


class IncidentOut(msgspec.Struct, rename="camel", kw_only=True):
    """An incident as the API shows it."""

    id: str
    number: int
    title: str
    status: IncidentStatus
    phase: Phase
    severity: Severity
    priority: str
    service_id: str
    team_id: str
    assignee_id: str | None
    alert_count: int
    firing_count: int
    triggered_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by_id: str | None
    resolved_at: datetime | None
    resolved_by_id: str | None
    resolution: str | None
    snoozed_until: datetime | None
    escalation: EscalationOut


class AnsweredOut(IncidentOut, kw_only=True):
    """The incident after an act, and the pages that were with a provider and may still arrive."""

    changed: bool
    in_flight: list[str]


class TimelineOut(msgspec.Struct, rename="camel"):
    """One entry of the timeline."""

    seq: int
    at: datetime
    kind: str
    message: str
    actor: dict[str, str | None]
    data: dict[str, Any]


class NewIncident(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """What is needed to open an incident by hand."""

    service_id: str
    title: str
    severity: Severity = Severity.HIGH
    description: str = ""


class Resolution(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """How it was resolved, if anybody wants to say."""

    resolution: str | None = None


class Reason(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Why, if anybody wants to say."""

    reason: str = ""


class Snooze(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Until when, or for how many minutes."""

    until: datetime | None = None
    duration_minutes: float | None = None


class Reassign(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """To whom."""

    user_id: str


class Note(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """What the next reader should know."""

    body: str


class Change(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """What PATCH may change; only what is given changes."""

    title: str | msgspec.UnsetType = msgspec.UNSET
    phase: Phase | msgspec.UnsetType = msgspec.UNSET
    status: IncidentStatus | msgspec.UnsetType = msgspec.UNSET
    assignee_id: str | msgspec.UnsetType = msgspec.UNSET
    resolution: str | msgspec.UnsetType = msgspec.UNSET


def moment(instant: Instant | None) -> datetime | None:
    """An instant as the API writes it: RFC 3339 in UTC."""
    return None if instant is None else to_datetime(instant)


def _facts(incident: Incident) -> dict[str, Any]:
    return {
        "id": incident.id,
        "number": incident.number,
        "title": incident.title,
        "status": incident.status,
        "phase": incident.phase,
        "severity": incident.severity,
        "priority": incident.severity.priority,
        "service_id": incident.service_id,
        "team_id": incident.team_id,
        "assignee_id": incident.assignee_id,
        "alert_count": incident.alert_count,
        "firing_count": incident.firing_count,
        "triggered_at": to_datetime(incident.triggered_at),
        "acknowledged_at": moment(incident.acknowledged_at),
        "acknowledged_by_id": incident.acknowledged_by_id,
        "resolved_at": moment(incident.resolved_at),
        "resolved_by_id": incident.resolved_by_id,
        "resolution": incident.resolution,
        "snoozed_until": moment(incident.snoozed_until),
        "escalation": EscalationOut(
            policy_id=incident.policy_id,
            state=incident.escalation_state,
            level=incident.escalation_level,
            cycle=incident.escalation_cycle,
            next_at=moment(incident.escalation_next_at),
        ),
    }


def incident_out(incident: Incident) -> IncidentOut:
    """The incident's public shape."""
    return IncidentOut(**_facts(incident))


def _answered(answered: Answered) -> AnsweredOut:
    in_flight = [notification.id for notification in answered.in_flight]
    return AnsweredOut(**_facts(answered.incident), changed=answered.changed, in_flight=in_flight)


def _entry(entry: TimelineEntry) -> TimelineOut:
    return TimelineOut(
        seq=entry.seq,
        at=to_datetime(entry.at),
        kind=entry.kind,
        message=sentence(entry),
        actor={"kind": entry.actor_kind, "id": entry.actor_id, "name": entry.actor_name},
        data=entry.data,
    )


def words(
    text: str | None, allowed: type[IncidentStatus] | type[Severity], field: str
) -> tuple[str, ...] | None:
    """A comma-separated filter, or Invalid naming what is allowed."""
    if text is None:
        return None
    chosen = tuple(word.strip() for word in text.split(",") if word.strip())
    known = [member.value for member in allowed]
    for word in chosen:
        if word not in known:
            raise Invalid(f"{field} must be one of {', '.join(known)}.", field=field, allowed=known)
    return chosen or None


@get("/")
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
        statuses=words(status, IncidentStatus, "status"),
        severities=words(severity, Severity, "severity"),
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


@post("/")
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


@get("/{incident_id:str}")
async def get_incident(
    actor: NamedDependency[Actor], db: NamedDependency[Database], incident_id: FromPath[str]
) -> IncidentOut:
    """One incident."""
    async with db.read() as reader:
        return incident_out(await acts.see(reader, actor, incident_id))


@patch("/{incident_id:str}")
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
        if title is not None or phase is not None:
            await acts.edit(tx, incident_id, title=title, phase=phase)
        if data.assignee_id is not msgspec.UNSET:
            await acts.reassign(tx, incident_id, user_id=data.assignee_id)
        if data.status is not msgspec.UNSET:
            resolution = None if data.resolution is msgspec.UNSET else data.resolution
            await acts.become(tx, incident_id, data.status, resolution=resolution)
        incident = await acts.see(tx, actor, incident_id)
    return incident_out(incident)


@post("/{incident_id:str}/acknowledge", status_code=200)
async def acknowledge(
    actor: NamedDependency[Actor], db: NamedDependency[Database], incident_id: FromPath[str]
) -> AnsweredOut:
    """You have it: nobody else is paged."""
    async with db.transaction(actor) as tx:
        answered = await acts.acknowledge(tx, incident_id)
    return _answered(answered)


@post("/{incident_id:str}/resolve", status_code=200)
async def resolve(
    actor: NamedDependency[Actor],
    db: NamedDependency[Database],
    incident_id: FromPath[str],
    data: JSONBody[Resolution | None] = None,
) -> AnsweredOut:
    """It is over."""
    async with db.transaction(actor) as tx:
        answered = await acts.resolve(tx, incident_id, resolution=data.resolution if data else None)
    return _answered(answered)


@post("/{incident_id:str}/reopen", status_code=200)
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


@post("/{incident_id:str}/snooze", status_code=200)
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
        answered = await acts.snooze(tx, incident_id, until=until)
    return _answered(answered)


@post("/{incident_id:str}/escalate", status_code=200)
async def escalate(
    actor: NamedDependency[Actor], db: NamedDependency[Database], incident_id: FromPath[str]
) -> IncidentOut:
    """Page the next level now."""
    async with db.transaction(actor) as tx:
        incident = await acts.escalate(tx, incident_id)
    return incident_out(incident)


@post("/{incident_id:str}/reassign", status_code=200)
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


@post("/{incident_id:str}/notes")
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
    return _entry(entry)


@get("/{incident_id:str}/timeline")
async def list_timeline(
    actor: NamedDependency[Actor],
    db: NamedDependency[Database],
    incident_id: FromPath[str],
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[TimelineOut]:
    """What happened, newest first; `seq` has no gap."""
    if cursor is not None and not cursor.isdigit():
        raise Invalid("cursor must be a nextCursor of this list.", field="cursor")
    async with db.read() as reader:
        await acts.see(reader, actor, incident_id)

        async def read(after: str, limit: int) -> list[TimelineEntry]:
            return await timeline.of_incident(
                reader, incident_id, limit=limit, before=int(after) if after else None
            )

        return await paged(read, _entry, limit, cursor, key=lambda entry: str(entry.seq))


@get("/{incident_id:str}/alerts")
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


@get("/{incident_id:str}/notifications")
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
        reassign,
        add_note,
        list_timeline,
        list_alerts_of_incident,
        list_notifications_of_incident,
    ],
    tags=["incidents"],
)
