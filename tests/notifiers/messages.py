"""Messages as the engine would compose them, for the tests of this room."""

from typing import Any

from openalert.domain.incident import IncidentStatus
from openalert.domain.instant import MINUTE
from openalert.domain.notification import NotificationKind
from openalert.domain.severity import Severity
from openalert.notifiers.notifier import Action, IncidentFacts, Link, Message

NOW = 1_792_112_640_000
"""2026-10-16T01:04:00Z: 03:04 in Berlin, in summer time."""
BASE_URL = "https://alerts.example.com"


def incident(**changes: Any) -> IncidentFacts:
    """An incident with a full disk, changed as told."""
    facts: dict[str, Any] = {
        "id": "0199e000-0000-7000-8000-00000000002a",
        "number": 42,
        "title": "Disk almost full on db-1",
        "severity": Severity.CRITICAL,
        "status": IncidentStatus.TRIGGERED,
        "service_name": "Checkout database",
        "description": "/var/lib/postgresql is 97 % full and grows by 1 GiB an hour.\nWrites stop in about 2 h.",
        "labels": {"instance": "db-1.example.com:9100", "job": "node", "mountpoint": "/var/lib/postgresql"},
        "links": [
            Link(label="Graph in Prometheus", href="https://prometheus.example.com/graph?g0.expr=x"),
            Link(label="Runbook", href="https://wiki.example.com/disk"),
        ],
        "alert_count": 3,
        "started_at": NOW - 4 * MINUTE,
    }
    return IncidentFacts(**(facts | changes))


def page(**changes: Any) -> Message:
    """A page for that incident, changed as told."""
    facts: dict[str, Any] = {
        "notification_id": "0199e000-0000-7000-8000-000000000001",
        "kind": NotificationKind.PAGE,
        "to": "bea@example.com",
        "recipient_name": "Bea Núñez",
        "organization": "Example Org",
        "incident": incident(),
        "reason": "You are on call for Core until 08:00 (schedule Core weekly, level 1 of policy Core).",
        "escalation_note": "Ana is paged at 03:09 unless someone acknowledges.",
        "incident_url": f"{BASE_URL}/incidents/42",
        "actions": [
            Action(verb="acknowledge", label="Acknowledge", url=f"{BASE_URL}/a/tok3n-ack"),
            Action(verb="resolve", label="Resolve", url=f"{BASE_URL}/a/tok3n-resolve"),
        ],
        "thread_key": "0199e000-0000-7000-8000-00000000002a",
        "at": NOW,
        "timezone": "Europe/Berlin",
    }
    return Message(**(facts | changes))


def resolved(**changes: Any) -> Message:
    """The news that the incident is over."""
    facts: dict[str, Any] = {
        "notification_id": "0199e000-0000-7000-8000-000000000002",
        "kind": NotificationKind.UPDATE,
        "headline": "Resolved by Bea Núñez",
        "incident": incident(status=IncidentStatus.RESOLVED),
        "reason": "You were paged for this incident at 03:04.",
        "escalation_note": "",
        "actions": [],
        "at": NOW + 17 * MINUTE,
    }
    return page(**(facts | changes))


def proof(**changes: Any) -> Message:
    """A test that somebody asked for."""
    facts: dict[str, Any] = {
        "notification_id": "0199e000-0000-7000-8000-000000000003",
        "kind": NotificationKind.TEST,
        "headline": "Test page from OpenAlert",
        "body": "If you can read this, pages reach you here. Nothing is broken, and nobody else was told.",
        "reason": "Ana asked for a test of your e-mail address.",
        "incident": None,
        "escalation_note": "",
        "incident_url": "",
        "actions": [Action(verb="confirm", label="It reached me", url=f"{BASE_URL}/a/tok3n-proof")],
        "thread_key": "",
    }
    return page(**(facts | changes))
