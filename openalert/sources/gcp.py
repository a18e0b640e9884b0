"""Google Cloud Monitoring's webhooks (versions 1.0 to 1.2), and Stackdriver's before them.

https://cloud.google.com/monitoring/support/notification-options#webhooks. Pub/Sub's push wraps the same in base64.
"""

import base64
import binascii
import json
from typing import Any

from openalert.domain.alert import Signal, SignalStatus
from openalert.domain.severity import Severity
from openalert.sources import identity, normal, text, words
from openalert.sources.fields import at, first, listed, within
from openalert.sources.source import Inbound, Nothing, source_of

NAME = "gcp"

_SEVERITIES = {
    "critical": Severity.CRITICAL,
    "error": Severity.HIGH,
    "warning": Severity.MEDIUM,
    "no_severity": None,
}
_BYTES = 1024 * 1024


def _looks_like(body: dict[str, Any], _inbound: Inbound) -> bool:
    if _pushed(body) is not None:
        return True
    incident = body.get("incident")
    return (
        type(incident) is dict
        and "incident_id" in incident
        and any(
            name in incident
            for name in ("policy_name", "condition_name", "scoping_project_id", "resource_id")
        )
    )


def _read(body: dict[str, Any], inbound: Inbound) -> Signal | Nothing:
    incident = within(_pushed(body) or body, "incident")
    status = words.status(incident.get("state")) or SignalStatus.FIRING
    policy, condition = (
        incident.get("policy_name"),
        first(at(incident, "condition", "displayName"), incident.get("condition_name")),
    )
    document = within(incident, "documentation")
    links = (
        (text.line(at(each, "displayName"), 80) or "Link", at(each, "url"))
        for each in listed(document.get("links"))[:10]
    )
    return normal.signal(
        NAME,
        inbound.received_at,
        status=status,
        severity=None if status is SignalStatus.RESOLVED else _severity(incident),
        title=(document.get("subject"), incident.get("summary"), condition, policy),
        key=identity.of(
            NAME, (incident.get("incident_id"),), (policy, condition or "", incident.get("resource_id") or "")
        ),
        group=f"{NAME}/{text.scalar(policy)}" if policy else "",
        description=(incident.get("summary"), document.get("content")),
        labels=text.texts(at(incident, "resource", "labels"))
        | text.texts(at(incident, "metric", "labels"))
        | text.texts(at(incident, "metadata", "user_labels"))
        | text.texts(incident.get("policy_user_labels"))
        | {
            "policy": policy,
            "condition": condition,
            "project": incident.get("scoping_project_id"),
            "resource": first(
                incident.get("resource_display_name"),
                incident.get("resource_name"),
                incident.get("resource_id"),
            ),
            "resource_type": first(
                incident.get("resource_type_display_name"), at(incident, "resource", "type")
            ),
        },
        annotations={
            "documentation": document.get("content"),
            "value": incident.get("observed_value"),
            "threshold": incident.get("threshold_value"),
            "metric": first(at(incident, "metric", "displayName"), at(incident, "metric", "type")),
        },
        links=(("Source", incident.get("url")), *links),
        starts=incident.get("started_at"),
        ends=incident.get("ended_at"),
    )


def _severity(incident: dict[str, Any]) -> Severity | None:
    said = (
        incident.get("severity"),
        at(incident, "policy_user_labels", "severity"),
        at(incident, "metadata", "user_labels", "severity"),
        at(incident, "metadata", "system_labels", "severity"),
    )
    for word in said:
        if found := words.level(_SEVERITIES, word) or words.severity(word):
            return found
    return None


def _pushed(body: dict[str, Any]) -> dict[str, Any] | None:
    """The notification inside a push of Pub/Sub; None when the body is none."""
    data = at(body, "message", "data")
    if not isinstance(data, str) or "subscription" not in body or len(data) > _BYTES:
        return None
    try:
        inner = json.loads(base64.b64decode(data, validate=True))
    except (binascii.Error, ValueError, RecursionError):
        return None
    return inner if type(at(inner, "incident")) is dict else None


SOURCE = source_of(NAME, _looks_like, _read)
