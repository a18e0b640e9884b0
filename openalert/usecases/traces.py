"""Traces: why an alert did or did not page: what came in, what was decided about it, where it went, how it ended."""

from openalert.domain.access import Actor
from openalert.domain.alert import Alert
from openalert.domain.incident import Incident
from openalert.domain.trace import Step
from openalert.storage import alerts, holds, incidents, integrations
from openalert.storage.holds import HoldRow
from openalert.storage.transaction import Reader
from openalert.usecases import alerts as acts
from openalert.usecases.manual_alerts import SOURCE


async def of_alert(reader: Reader, actor: Actor, alert_id: str) -> list[Step]:
    """Everything about the alert in the order in which it happened; NotFound for what the actor may not see."""
    alert = await acts.see(reader, actor, alert_id)
    integration = await integrations.get(reader, actor, alert.integration_id)
    incident = await incidents.get(reader, alert.incident_id) if alert.incident_id else None
    first = await alerts.first_of_incident(reader, incident.id) if incident else None
    steps = [
        Step(
            at=alert.fired_at,
            code="raised" if alert.source == SOURCE else "received",
            data={"name": integration.name if integration else "", "source": alert.source},
        ),
        *alert.trace,
        *_where(alert, incident, first),
        *_since(alert),
    ]
    return sorted(steps, key=lambda step: step.at)


async def holding(reader: Reader, actor: Actor, alert_id: str) -> list[HoldRow]:
    """What keeps the alert from paging now."""
    alert = await acts.see(reader, actor, alert_id)
    return (await holds.live(reader, [alert.id])).get(alert.id, [])


def _where(alert: Alert, incident: Incident | None, first: str | None) -> list[Step]:
    if incident is None:
        return []
    came = max([alert.fired_at, *(step.at for step in alert.trace if step.code == "let_go")])
    code = "opened" if first == alert.id else "joined"
    return [Step(at=came, code=code, data={"incident": incident.number, "id": incident.id})]


def _since(alert: Alert) -> list[Step]:
    found = []
    if alert.count > 1:
        found.append(Step(at=alert.last_seen_at, code="repeated", data={"count": alert.count}))
    if alert.acknowledged_at is not None:
        found.append(Step(at=alert.acknowledged_at, code="acknowledged"))
    if alert.resolved_at is not None:
        code = "resolved_by_hand" if alert.resolved_by_id else "resolved"
        found.append(Step(at=alert.resolved_at, code=code))
    return found
