"""Grafana, Datadog, Azure Monitor, CloudWatch and Google Cloud, beyond what the corpus holds."""

import base64
import json
from typing import Any

import pytest

from openalert.domain.severity import Severity
from openalert.sources import DETECT
from tests.sources.vendors import one, reading, sample

COMMON: dict[str, Any] = {
    "schemaId": "azureMonitorCommonAlertSchema",
    "data": {
        "essentials": {"alertId": "/Subscriptions/A/1", "alertRule": "CPU", "monitorCondition": "Fired"}
    },
}


def test_grafana_names_each_alert() -> None:
    """A group's title, state and key say nothing of an alert; a mixed group holds a firing and a resolved one."""
    body = sample("grafana/v8_multi_no_severity", status="resolved", state="ok")
    body["alerts"][1]["status"] = "resolved"
    first, second = reading("grafana", body).signals
    assert (first.status, second.status) == ("firing", "resolved")
    assert first.title == "This alert was triggered for zone us-1"


def test_grafana_on_other_addresses() -> None:
    """Grafana's body is Grafana's wherever it is posted, and Alertmanager's on Grafana's address is alike."""
    body = sample("grafana/v11_values")
    assert [reading(path, body).source for path in ("prometheus", "generic", DETECT)] == ["grafana"] * 3
    alertmanager = sample("prometheus/v4_two_instances")
    assert reading("grafana", alertmanager).source == "grafana"
    assert reading("prometheus", alertmanager).source == "prometheus"


def test_a_grafana_test_groups_without_the_time_of_day() -> None:
    """Two presses of the button are one incident."""
    body = sample("grafana/v8_test_resolved")
    earlier = reading("grafana", body).signals[0].group
    body["groupKey"] = body["groupKey"].replace("05:54:04", "06:12:00")
    assert reading("grafana", body).signals[0].group == earlier


@pytest.mark.parametrize(
    ("state", "status", "level"),
    [
        ("alerting", "firing", Severity.CRITICAL),
        ("no_data", "firing", Severity.HIGH),
        ("ok", "resolved", Severity.INFO),
    ],
)
def test_grafana_legacy_states(state: str, status: str, level: Severity) -> None:
    """The state a rule went to; `tags.severity` counts more."""
    signal = one("grafana", sample("grafana_legacy/zeta_alerting", state=state))
    assert (signal.status, signal.severity) == (status, level)
    tagged = one("grafana", sample("grafana_legacy/zeta_alerting", tags={"severity": "low"}))
    assert tagged.severity is Severity.LOW
    assert not reading("grafana", sample("grafana_legacy/zeta_alerting", state="paused")).signals


@pytest.mark.parametrize(
    ("title", "status", "level"),
    [
        ("[P2] [Triggered on {host:a,role:b}] CPU", "firing", Severity.CRITICAL),
        ("[Re-Triggered on {role:b,host:a}] CPU", "firing", Severity.CRITICAL),
        ("[P2] [Warn on {host:a,role:b}] CPU", "firing", Severity.HIGH),
        ("[No Data on {host:a,role:b}] CPU", "firing", Severity.HIGH),
        ("[Recovered on {host:a,role:b}] CPU", "resolved", None),
    ],
)
def test_datadog_titles(title: str, status: str, level: Severity | None) -> None:
    """With nothing but its own title a monitor is still the same alert, whatever the order of its tags."""
    org = {"id": "1", "name": "x"}
    signal = one("datadog", {"title": title, "org": org, "event_type": "metric_alert", "last_updated": "1"})
    assert (signal.status, signal.severity, signal.title) == (status, level, "CPU")
    assert signal.fingerprint == "datadog/CPU/host:a,role:b"


def test_datadog_reads_what_people_write() -> None:
    """Numbers as text, tags as a list, a variable that Datadog did not know; P1 where no type is sent."""
    body = {
        "alert_transition": "Triggered",
        "alert_id": 7,
        "title": "CPU",
        "priority": "p1",
        "org": "$ORG_ID",
    }
    signal = reading("datadog", body | {"tags": ["env:prod", "url:https://a:1"]}).signals[0]
    assert (signal.source, signal.severity, signal.fingerprint) == ("datadog", Severity.CRITICAL, "datadog/7")
    assert signal.labels["url"] == "https://a:1"
    info = {"alert_type": "info", "alert_transition": "Triggered", "alert_id": "7", "title": "x"}
    assert one("datadog", info).status == "firing"
    assert one("datadog", info | {"alert_type": "success", "alert_transition": ""}).status == "resolved"


@pytest.mark.parametrize(
    "name", ["uptimerobot/down", "checkly/alert_recovery", "newrelic/legacy_test_severity_info"]
)
def test_what_is_not_datadog(name: str) -> None:
    """`alert_type` or `event_type` alone is of many."""
    assert reading(DETECT, sample(name)).source != "datadog"


def test_azure_ids_have_no_case() -> None:
    """Azure writes one id in several cases."""
    fired = one("azure", COMMON)
    lower = json.loads(json.dumps(COMMON).replace("/Subscriptions/A", "/subscriptions/a"))
    lower["data"]["essentials"]["monitorCondition"] = "Resolved"
    ended = one("azure", lower)
    assert (ended.fingerprint, ended.status) == (fired.fingerprint, "resolved")


def test_azure_missing_members() -> None:
    """null where a list or a text should be; a service health update keeps its tracking id's identity."""
    empty = {"alertTargetIDs": None, "configurationItems": None, "severity": None, "signalType": None}
    body = json.loads(json.dumps(COMMON))
    body["data"]["essentials"] |= empty
    assert one("azure", body).severity is None
    body["data"]["alertContext"] = {"eventSource": 5, "properties": {"trackingId": "0NIH", "title": "Outage"}}
    assert one("azure", body).fingerprint == "azure/servicehealth 0nih"


def test_azure_budgets_and_health() -> None:
    """A budget has no end; a resource is available again."""
    budget = {"schemaId": "AIP Budget Notification", "data": {"BudgetName": "prod", "SpendingAmount": "90"}}
    assert "prod" in one("azure", budget).title
    log = {
        "eventSource": "ResourceHealth",
        "resourceId": "/a/B",
        "properties": {"currentHealthStatus": "Available"},
    }
    body = {
        "schemaId": "Microsoft.Insights/activityLogs",
        "data": {"status": "Activated", "context": {"activityLog": log}},
    }
    over = one("azure", body)
    log["properties"] = {"currentHealthStatus": "Unavailable"}
    assert (over.status, one("azure", body).status) == ("resolved", "firing")
    assert one("azure", body).fingerprint == over.fingerprint


def test_cloudwatch_without_enough_data() -> None:
    """Neither fires nor ends."""
    found = reading(
        "cloudwatch", sample("cloudwatch/raw_message_delivery", NewStateValue="INSUFFICIENT_DATA")
    )
    assert (found.signals, bool(found.note)) == ([], True)


def envelope(message: Any, **more: Any) -> dict[str, Any]:
    """A notification of SNS around a message."""
    return {
        "Type": "Notification",
        "MessageId": "1",
        "TopicArn": "arn:aws:sns:eu-west-1:1:t",
        "Message": message,
    } | more


def test_sns_carries_anything() -> None:
    """Plain text, JSON of a program, an event of EventBridge, and an object where the text should be."""
    text = one("cloudwatch", envelope("The backup failed\non db-1", Subject="Backup"))
    assert (text.title, text.status) == ("Backup", "firing")
    script = one("cloudwatch", envelope('{"title": "x", "alias": "a", "status": "resolved"}'))
    assert (script.fingerprint, script.status, script.source) == ("a", "resolved", "cloudwatch")
    detail = {"id": "f1", "severity": 8.1, "title": "Crypto mining", "description": "d"}
    event = {"detail-type": "GuardDuty Finding", "source": "aws.guardduty", "detail": detail}
    finding = one("cloudwatch", envelope(json.dumps(event)))
    assert (finding.severity, finding.title) == (Severity.HIGH, "Crypto mining")
    assert one("cloudwatch", event).fingerprint == finding.fingerprint
    assert one("cloudwatch", envelope(event)).fingerprint == finding.fingerprint


def test_sns_asks_first() -> None:
    """The question is passed on, creates nothing, and is recognised on the address for anything, too."""
    body = sample("cloudwatch/sns_subscription_confirmation")
    for path in ("cloudwatch", "generic", DETECT):
        found = reading(path, body)
        assert found.confirm == body
        assert not found.signals
    assert reading("cloudwatch", body | {"Type": "UnsubscribeConfirmation"}).confirm is None


def test_gcp_severity_and_push() -> None:
    """The policy's severity, the user label, and the notification inside Pub/Sub's push."""
    body = sample("gcp/v12_open_upper")
    body["incident"]["severity"] = "Error"
    assert one("gcp", body).severity is Severity.HIGH
    body["incident"] |= {"severity": "No severity", "policy_user_labels": {"severity": "low"}}
    assert one("gcp", body).severity is Severity.LOW
    data = base64.b64encode(json.dumps(body).encode()).decode()
    push = {"message": {"data": data, "messageId": "1"}, "subscription": "projects/p/subscriptions/s"}
    assert one("gcp", push).fingerprint == one("gcp", body).fingerprint
