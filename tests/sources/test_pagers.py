"""Opsgenie, PagerDuty, GitHub and GitLab, beyond what the corpus holds."""

from typing import Any

import pytest

from openalert.domain.severity import Severity
from tests.sources.vendors import one, reading, sample


@pytest.mark.parametrize(
    ("priority", "level"), [(1, Severity.CRITICAL), ("P2", Severity.HIGH), ("5", Severity.INFO), (None, None)]
)
def test_opsgenie_priorities(priority: Any, level: Severity | None) -> None:
    """P1 to P5, or the number alone."""
    body = sample("opsgenie/webhook_create_p3")
    body["alert"]["priority"] = priority
    assert one("opsgenie", body).severity is level


@pytest.mark.parametrize(
    ("action", "status"), [("Close", "resolved"), ("Delete", "resolved"), ("Acknowledge", "acknowledged")]
)
def test_opsgenie_actions(action: str, status: str) -> None:
    """What ends and takes an alert; notes and tags change nothing."""
    body = sample("opsgenie/webhook_create_p3", action=action)
    assert one("opsgenie", body).status == status
    assert not reading("opsgenie", body | {"action": "AddNote"}).signals


def test_opsgenie_api_bodies() -> None:
    """The alias is the identity as it is; responders that are no objects are left out; the header alone tells."""
    body = {"message": "disk", "alias": "a-1", "responders": ["x", None, {"name": "ops"}], "priority": "P1"}
    signal = one("opsgenie_api", body)
    assert (signal.fingerprint, signal.annotations["responders"]) == ("a-1", "ops")
    headers = {"authorization": "GenieKey abc"}
    bare = one("opsgenie_api", {"message": "disk"}, headers)
    assert bare.fingerprint == one("opsgenie_api", {"message": "disk", "note": "again"}, headers).fingerprint


def test_pagerduty_version_1_and_2() -> None:
    """Several messages in one body, each about an incident."""
    incident = {"id": "P1", "incident_number": 3, "trigger_summary_data": {"subject": "foo"}}
    old = {"type": "incident.trigger", "data": {"incident": incident}, "created_on": "2015-02-07T21:42:52Z"}
    newer = {"event": "incident.resolve", "incident": {"id": "P1", "title": "foo"}, "id": "m"}
    first, second = reading("pagerduty", {"messages": [old, newer]}).signals
    assert (first.title, first.status, second.status) == ("foo", "firing", "resolved")
    assert first.fingerprint == second.fingerprint == "pagerduty/P1"


@pytest.mark.parametrize(
    "kind", ["incident.annotated", "incident.responder.added", "service.created", "pagey.ping"]
)
def test_pagerduty_news(kind: str) -> None:
    """Notes, responders, services and pings are no alerts."""
    body = sample("pagerduty/webhook_v3_triggered")
    body["event"]["event_type"] = kind
    found = reading("pagerduty", body)
    assert (found.source, found.signals) == ("pagerduty", [])


def test_pagerduty_events_share_their_key() -> None:
    """Trigger, acknowledgement and end of both versions name one alert by the bare key."""
    key = {"routing_key": "r", "dedup_key": "k"}
    payload = {"summary": "s", "source": "h", "severity": "warning", "custom_details": "text"}
    trigger = one("pagerduty_events", key | {"event_action": "trigger", "payload": payload})
    ends = one("pagerduty_events", key | {"event_action": "RESOLVE"})
    older = one("pagerduty_events", {"service_key": "r", "incident_key": "k", "event_type": "acknowledge"})
    assert {trigger.fingerprint, ends.fingerprint, older.fingerprint} == {"k"}
    assert (trigger.severity, ends.status, older.status) == (Severity.MEDIUM, "resolved", "acknowledged")
    change = {"routing_key": "r", "payload": {"summary": "deploy", "timestamp": "2026-09-20T10:00:00Z"}}
    assert not reading("pagerduty_events", change).signals


def workflow(conclusion: Any, **more: Any) -> dict[str, Any]:
    """A run of a workflow of GitHub."""
    run = {"id": 1, "workflow_id": 77, "name": "CI", "head_branch": "main", "conclusion": conclusion} | more
    return {
        "action": "completed",
        "workflow_run": run,
        "repository": {"full_name": "o/r"},
        "sender": {"login": "a"},
    }


def test_github_runs() -> None:
    """A failed run fires, the next one that passes on the branch ends it; running and cancelled ones say nothing."""
    failed, passed = one("github", workflow("failure")), one("github", workflow("success", id=2))
    assert (failed.status, failed.severity, passed.status) == ("firing", Severity.HIGH, "resolved")
    assert failed.fingerprint == passed.fingerprint
    assert one("github", workflow("failure", head_branch="dev")).fingerprint != failed.fingerprint
    for conclusion in (None, "cancelled"):
        assert not reading("github", workflow(conclusion)).signals


@pytest.mark.parametrize("event", ["push", "issues", "star", "pull_request"])
def test_github_news(event: str) -> None:
    """Anything else that a repository tells is answered, and no alert."""
    body = {
        "repository": {"full_name": "o/r"},
        "sender": {"login": "a"},
        "action": "opened",
        "issue": {"title": "x"},
    }
    found = reading("github", body, {"x-github-event": event})
    assert (found.source, found.signals, bool(found.note)) == ("github", [], True)


@pytest.mark.parametrize(
    ("action", "status"),
    [("created", "firing"), ("fixed", "resolved"), ("dismissed", "resolved"), ("resolved", "resolved")],
)
def test_github_security_alerts(action: str, status: str) -> None:
    """Without the header, too: the members tell which kind it is."""
    signal = one("github", sample("github/dependabot_created", action=action))
    assert signal.status == status
    assert signal.fingerprint == one("github", sample("github/dependabot_created")).fingerprint


def test_gitlab_jobs() -> None:
    """A job that may fail says nothing; one that may not fires; a deployment names its environment."""
    job = {
        "object_kind": "build",
        "build_name": "unit",
        "build_status": "failed",
        "ref": "main",
        "project_id": 3,
    }
    assert one("gitlab", job).severity is Severity.HIGH
    assert not reading("gitlab", job | {"build_allow_failure": True}).signals
    assert not reading("gitlab", job | {"build_status": "running"}).signals
    assert one("gitlab", sample("gitlab/incident_opened")).fingerprint == "gitlab/shop/web/incident/23"
