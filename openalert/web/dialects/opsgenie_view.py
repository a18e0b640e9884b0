"""An alert as Opsgenie's Alert API writes it: https://docs.opsgenie.com/docs/alert-api#get-alert."""

from typing import Any

from openalert.domain.alert import AlertStatus
from openalert.domain.incident import IncidentStatus
from openalert.domain.instant import Instant, rfc3339
from openalert.domain.notification import Notification
from openalert.domain.opsgenie import OpsgenieRequest
from openalert.domain.timeline import TimelineEntry, sentence
from openalert.domain.user import User
from openalert.sources.text import cut
from openalert.storage.routes import Route
from openalert.usecases.opsgenie import Shown

LONGEST_MESSAGE = 130
"""What Opsgenie's clients count on; the alert itself keeps more."""


def brief(shown: Shown, route: Route, now: Instant) -> dict[str, Any]:
    """What a list shows of it."""
    alert, own, incident = shown.alert, shown.own, shown.incident
    is_over = alert.status is AlertStatus.RESOLVED
    taken = incident is not None and incident.status is IncidentStatus.ACKNOWLEDGED
    acknowledged = not is_over and (taken or alert.status is AlertStatus.ACKNOWLEDGED)
    snoozed_until = alert.snoozed_until or (incident.snoozed_until if incident else None)
    is_snoozed = not is_over and snoozed_until is not None and snoozed_until > now
    assignee_id = alert.assignee_id or (incident.assignee_id if incident else None)
    return {
        "id": alert.id,
        "tinyId": str(own.tiny_id),
        "alias": own.alias,
        "message": cut(alert.title, LONGEST_MESSAGE),
        "status": "closed" if is_over else "open",
        "acknowledged": acknowledged,
        "isSeen": acknowledged,
        "tags": alert.tags,
        "snoozed": is_snoozed,
        **({"snoozedUntil": rfc3339(snoozed_until)} if is_snoozed and snoozed_until else {}),
        "count": alert.count,
        "lastOccurredAt": rfc3339(alert.last_seen_at),
        "createdAt": rfc3339(alert.fired_at),
        "updatedAt": rfc3339(alert.updated_at),
        "source": own.source,
        "owner": _name(shown, assignee_id),
        "priority": alert.severity.priority,
        "ownerTeamId": alert.team_id,
        "responders": [_responder(each) for each in own.responders or [{"id": alert.team_id}]],
        "integration": {"id": route.integration_id, "name": route.integration_name, "type": "API"},
        "report": _report(shown),
    }


def whole(shown: Shown, route: Route, now: Instant) -> dict[str, Any]:
    """All of it."""
    own = shown.own
    return brief(shown, route, now) | {
        "actions": own.actions,
        "entity": own.entity,
        "description": shown.alert.description,
        "details": own.details,
    }


def _responder(named: dict[str, str]) -> dict[str, str]:
    """Clients expect an id, which whoever was named otherwise does not have."""
    known_as = named.get("id") or named.get("username") or named.get("name") or ""
    return {"type": named.get("type", "team"), "id": known_as} | named


def _report(shown: Shown) -> dict[str, Any]:
    """How long it took, in milliseconds, and who did it."""
    alert, incident = shown.alert, shown.incident
    report: dict[str, Any] = {}
    taken_at = (incident.acknowledged_at if incident else None) or alert.acknowledged_at
    if taken_at is not None:
        report["ackTime"] = max(0, taken_at - alert.fired_at)
        report["acknowledgedBy"] = _name(shown, incident.acknowledged_by_id if incident else None)
    if alert.resolved_at is not None:
        report["closeTime"] = max(0, alert.resolved_at - alert.fired_at)
        report["closedBy"] = _name(shown, alert.resolved_by_id)
    return report


def _name(shown: Shown, user_id: str | None) -> str:
    person = shown.people.get(user_id or "")
    return person.name if person else ""


def request(found: OpsgenieRequest) -> dict[str, Any]:
    """What became of a request."""
    return {
        "success": found.is_success,
        "action": found.action,
        "processedAt": rfc3339(found.processed_at),
        "integrationId": found.integration_id,
        "isSuccess": found.is_success,
        "status": found.status,
        "alertId": found.alert_id or "",
        "alias": found.alias or "",
    }


def note(entry: TimelineEntry) -> dict[str, Any]:
    """A note of the incident."""
    return {"note": str(entry.data.get("body", "")), **_origin(entry)}


def log(entry: TimelineEntry) -> dict[str, Any]:
    """A line of the incident's timeline."""
    kind = "alertRecipient" if entry.actor_kind == "user" else "system"
    return {"log": sentence(entry), "type": kind, **_origin(entry)}


def _origin(entry: TimelineEntry) -> dict[str, Any]:
    return {"owner": entry.actor_name, "createdAt": rfc3339(entry.at), "offset": f"{entry.at}_{entry.seq}"}


def recipient(person: User, sent: Notification) -> dict[str, Any]:
    """Somebody who was paged, and how far the last message to them came."""
    return {
        "user": {"id": person.id, "username": person.name},
        "state": str(sent.status),
        "method": sent.channel,
        "createdAt": rfc3339(sent.created_at),
        "updatedAt": rfc3339(sent.sent_at or sent.created_at),
    }
