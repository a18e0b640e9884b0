"""What people do to a single alert."""

from openalert.domain.access import Actor, Permission
from openalert.domain.alert import Alert, AlertStatus
from openalert.domain.errors import Conflict, NotFound
from openalert.storage import alerts, holds, incidents
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import access, audit
from openalert.usecases.incidents import resolve_with_its_alerts, take
from openalert.usecases.work import Work


async def see(reader: Reader, actor: Actor, alert_id: str) -> Alert:
    """The alert, or NotFound for what does not exist or belongs to a team the actor is not in."""
    alert = await alerts.get(reader, alert_id)
    if alert is None or not access.sees(actor, alert.organization_id, alert.team_id):
        raise NotFound("alert")
    return alert


async def acknowledge(tx: Transaction, alert_id: str) -> Alert:
    """The actor has it, and with it the incident that it belongs to."""
    alert = await see(tx, tx.actor, alert_id)
    access.require(tx.actor, Permission.RESPOND, alert.team_id)
    if alert.status is AlertStatus.RESOLVED:
        raise Conflict("The alert is resolved already.", code="INVALID_STATUS_TRANSITION", allowed=[])
    await alerts.acknowledge(tx, alert_id)
    _record(tx, "acknowledged", alert)
    work = Work(tx)
    incident = await incidents.get(tx, alert.incident_id) if alert.incident_id else None
    if incident is not None and incident.is_open:
        await take(work, incident)
    await work.flush()
    return await _told(work, alert_id, "acknowledged")


async def resolve(tx: Transaction, alert_id: str) -> Alert:
    """It is over; the last one to be over resolves the incident."""
    alert = await see(tx, tx.actor, alert_id)
    access.require(tx.actor, Permission.RESPOND, alert.team_id)
    if alert.status is AlertStatus.RESOLVED:
        return alert
    ended = {"id": alert_id, "starts_at": alert.starts_at, "resolved_at": tx.now, "at": tx.now}
    # What its own source closes is over; what a person closes opens again while its source goes on.
    by_id = None if tx.actor.kind == "integration" else tx.actor.id or "system"
    await alerts.resolve(tx, [ended | {"resolved_by_id": by_id}])
    await holds.close(tx, [alert_id])
    _record(tx, "resolved", alert)
    work = Work(tx)
    incident = await incidents.get(tx, alert.incident_id) if alert.incident_id else None
    if incident is not None and incident.is_open:
        incident.firing_count -= 1
        work.tell(incident, "alerts_resolved", count=1, titles=[alert.title], firing=incident.firing_count)
        work.say(incident, "updated")
        if incident.firing_count <= 0:
            await resolve_with_its_alerts(work, [incident])
    await work.flush()
    return await _told(work, alert_id, "resolved")


def _record(tx: Transaction, act: str, alert: Alert) -> None:
    audit.record(
        tx,
        f"alert.{act}",
        kind="alert",
        id=alert.id,
        name=alert.title,
        team_id=alert.team_id,
        after={"incident_id": alert.incident_id},
        organization_id=alert.organization_id,
    )


async def _told(work: Work, alert_id: str, event: str) -> Alert:
    alert = await alerts.get(work.tx, alert_id)
    if alert is None:
        raise NotFound("alert")
    work.say_alert(event, alert)
    return alert
