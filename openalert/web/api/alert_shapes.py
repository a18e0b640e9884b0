"""The shape of an alert in the JSON API."""

from datetime import datetime
from typing import Any

import msgspec

from openalert.domain.alert import Alert, AlertStatus
from openalert.domain.instant import to_datetime
from openalert.domain.severity import Severity
from openalert.web.api.wire import moment_or_none


class AlertOut(msgspec.Struct, rename="camel", kw_only=True):
    """An alert as the API shows it."""

    id: str
    fingerprint: str
    integration_id: str
    incident_id: str | None
    service_id: str
    team_id: str
    status: AlertStatus
    severity: Severity
    title: str
    description: str
    source: str
    labels: dict[str, str]
    annotations: dict[str, str]
    links: list[dict[str, str]]
    count: int
    starts_at: datetime | None
    fired_at: datetime
    last_seen_at: datetime
    acknowledged_at: datetime | None
    resolved_at: datetime | None
    snoozed_until: datetime | None
    assignee_id: str | None
    tags: list[str]


class AlertWithPayload(AlertOut, kw_only=True):
    """One alert, with the message that it was read from."""

    raw_payload: Any


def facts_of(alert: Alert) -> dict[str, Any]:
    """Its members by their Python names."""
    return {
        "id": alert.id,
        "fingerprint": alert.fingerprint,
        "integration_id": alert.integration_id,
        "incident_id": alert.incident_id,
        "service_id": alert.service_id,
        "team_id": alert.team_id,
        "status": alert.status,
        "severity": alert.severity,
        "title": alert.title,
        "description": alert.description,
        "source": alert.source,
        "labels": alert.labels,
        "annotations": alert.annotations,
        "links": alert.links,
        "count": alert.count,
        "starts_at": moment_or_none(alert.starts_at),
        "fired_at": to_datetime(alert.fired_at),
        "last_seen_at": to_datetime(alert.last_seen_at),
        "acknowledged_at": moment_or_none(alert.acknowledged_at),
        "resolved_at": moment_or_none(alert.resolved_at),
        "snoozed_until": moment_or_none(alert.snoozed_until),
        "assignee_id": alert.assignee_id,
        "tags": alert.tags,
    }


def alert_out(alert: Alert) -> AlertOut:
    """The alert's public shape."""
    return AlertOut(**facts_of(alert))
