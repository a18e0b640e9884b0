"""New Relic, Sentry, Rollbar, Honeybadger, Dynatrace, Elastic, Graylog and others, beyond what the corpus holds."""

from typing import Any

import pytest

from openalert.domain.severity import Severity
from tests.sources.vendors import one, reading, sample

WORKFLOW = {
    "id": "208c5e92",
    "issueUrl": "https://radar-api.service.newrelic.com/accounts/1/issues/0ea2",
    "title": "query result is > 2.0 on 'High CPU'",
    "priority": "CRITICAL",
    "impactedEntities": ["web-1"],
    "state": "CREATED",
    "createdAt": 1713767789495,
    "alertPolicyNames": ["Golden Signals"],
    "alertConditionNames": ["High CPU"],
    "workflowName": "DBA",
}


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("CREATED", "firing"),
        ("ACTIVATED", "firing"),
        ("acknowledged", "acknowledged"),
        ("CLOSED", "resolved"),
        (None, "firing"),
        ("unheard of", "firing"),
    ],
)
def test_newrelic_states(state: Any, status: str) -> None:
    """The template that New Relic proposes; a state that nobody knows fires."""
    signal = one("newrelic", WORKFLOW | {"state": state})
    assert (signal.status, signal.fingerprint) == (status, "newrelic/208c5e92")


def test_newrelic_counts_zero_as_an_id() -> None:
    """Incident 0 is one, apart from others by its condition."""
    signal = one("newrelic", sample("newrelic/legacy_test_severity_info", condition_id=8))
    assert signal.fingerprint == "newrelic/0/8"


@pytest.mark.parametrize(
    ("action", "status"),
    [("created", "firing"), ("unresolved", "firing"), ("resolved", "resolved"), ("archived", "resolved")],
)
def test_sentry_issues(action: str, status: str) -> None:
    """An issue that is open again fires later than before, so that it pages again."""
    body = sample("sentry/issue_created", action=action)
    body["data"]["issue"]["lastSeen"] = "2026-09-20T10:00:00Z"
    signal = one("sentry", body)
    assert signal.status == status
    assert (signal.starts_at is None) is (status == "resolved")


@pytest.mark.parametrize("action", ["assigned", "viewed"])
def test_sentry_news(action: str) -> None:
    """Being assigned is no alert."""
    assert not reading("sentry", sample("sentry/issue_created", action=action)).signals


def test_sentry_metric_alerts() -> None:
    """A metric alert rises, and ends."""
    metric = {"id": "5", "alert_rule": {"id": "9", "name": "p95"}, "date_started": "2026-09-20T10:00:00Z"}
    body = {"action": "critical", "data": {"metric_alert": metric, "description_title": "Critical: p95"}}
    body["installation"] = {"uuid": "u"}
    states = [one("sentry", body | {"action": action}) for action in ("warning", "critical", "resolved")]
    assert [state.severity for state in states] == [Severity.HIGH, Severity.CRITICAL, None]
    assert len({state.fingerprint for state in states}) == 1
    assert states[2].status == "resolved"


def test_rollbar_events() -> None:
    """An item ends and comes back; a deploy is no alert."""
    assert one("rollbar", sample("rollbar/new_item", event_name="resolved_item")).status == "resolved"
    assert one("rollbar", sample("rollbar/new_item", event_name="reactivated_item")).status == "firing"
    deploy = {"event_name": "deploy", "data": {"deploy": {"environment": "production"}}}
    assert not reading("rollbar", deploy).signals


def test_honeybadger_sites() -> None:
    """A site that is down and up again is one alert; a comment is none."""
    site = {"project": {"id": 1, "name": "p"}, "site": {"id": "s", "name": "Web"}, "message": "m"}
    down, up = (one("honeybadger", site | {"event": event}) for event in ("down", "up"))
    assert (down.severity, up.status) == (Severity.CRITICAL, "resolved")
    assert down.fingerprint == up.fingerprint
    assert not reading("honeybadger", site | {"event": "commented"}).signals


@pytest.mark.parametrize(
    ("state", "word", "status", "level"),
    [
        ("OPEN", "AVAILABILITY", "firing", Severity.CRITICAL),
        ("OPEN", "RESOURCE_CONTENTION", "firing", Severity.MEDIUM),
        ("MERGED", "ERROR", "resolved", None),
        ("RESOLVED", "ERROR", "resolved", None),
    ],
)
def test_dynatrace_problems(state: str, word: str, status: str, level: Severity | None) -> None:
    """A problem that was merged is told of under another id."""
    signal = one("dynatrace", sample("dynatrace/test_open", State=state, ProblemSeverity=word))
    assert (signal.status, signal.severity) == (status, level)


@pytest.mark.parametrize(
    ("priority", "level"), [(1, Severity.LOW), ("3", Severity.HIGH), (4, Severity.CRITICAL)]
)
def test_graylog_counts_up(priority: Any, level: Severity) -> None:
    """Its 1 is the least."""
    body = sample("graylog/event_aggregation_v1")
    body["event"]["priority"] = priority
    assert one("graylog", body).severity is level
    assert not reading("graylog", body | {"event_definition_id": "NotificationTestId"}).signals


def test_kapacitor_ends() -> None:
    """The level OK."""
    ended = one("kapacitor", sample("kapacitor/critical", level="OK", previousLevel="CRITICAL"))
    assert (ended.status, ended.fingerprint) == ("resolved", "kapacitor/id")


def test_elastic_watches_and_risks() -> None:
    """A watch by its id; a risk score where nothing else says how bad it is."""
    watch = one("elastic", {"watch_id": "errors", "payload": {}, "message": "12 errors"})
    assert (watch.fingerprint, watch.title) == ("elastic/errors", "errors")
    risk = sample("elastic/flat_template", risk_score=80)
    assert one("elastic", risk).severity is Severity.CRITICAL


def test_splunk_without_a_name() -> None:
    """An ad-hoc search: the app and the host identify, the text is the title."""
    signal = one("splunk", sample("splunk/one_result", search_name=None))
    assert signal.fingerprint == "splunk/search/myserver"
    assert "sudo" in signal.title


@pytest.mark.parametrize(
    ("state", "status"), [("anomalous", "firing"), ("ok", "resolved"), ("Manually resolved", "resolved")]
)
def test_signalfx_states(state: str, status: str) -> None:
    """The state, whatever the text says."""
    assert one("signalfx", sample("signalfx/critical_nested", statusExtended=state)).status == status


def test_thousandeyes_clears() -> None:
    """The end of an alert, in a list as in an object."""
    clear = sample("thousandeyes/agent_offline_trigger", eventType="ALERT_NOTIFICATION_CLEAR")
    assert one("thousandeyes", clear).status == "resolved"
    assert reading("thousandeyes", [clear, clear]).signals[1].status == "resolved"


def test_axiom_and_dash0() -> None:
    """A monitor's groups are alerts of their own; a test is none."""
    body = sample("axiom/open", action="Closed")
    body["event"] |= {"groupKeys": ["host"], "groupValues": ["a"]}
    closed = one("axiom", body)
    assert (closed.status, closed.labels["host"]) == ("resolved", "a")
    assert not reading("dash0", {"type": "test", "data": {}}).signals


def test_alibaba_states() -> None:
    """CloudMonitor 1.0's callback is read as well."""
    callback = {"alertState": "OK", "ruleId": "r", "metricName": "CPU", "alertName": "cpu", "curValue": "9"}
    assert one("alibaba_cms", callback).status == "resolved"
    assert one("alibaba_cms", callback | {"alertState": "ALERT"}).status == "firing"
