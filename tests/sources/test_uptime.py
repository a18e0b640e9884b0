"""Uptime Kuma, UptimeRobot, Pingdom, updown, Checkly, Site24x7 and Statuspage, beyond what the corpus holds."""

from typing import Any

import pytest

from openalert.domain.severity import Severity
from openalert.sources import DETECT, Inbound, read
from tests.sources.payloads import NOW
from tests.sources.vendors import one, reading, sample


def test_kuma_tests_and_notices() -> None:
    """The test creates nothing; a certificate that will expire is an alert, the same one with fewer days."""
    empty: dict[str, Any] = {"heartbeat": None, "monitor": None}
    assert not reading("uptimekuma", empty | {"msg": "My webhook Testing"}).signals
    first, later = (
        one(
            "uptimekuma", empty | {"msg": f"[web][https://x] server certificate x will expire in {days} days"}
        )
        for days in (14, 7)
    )
    assert first.fingerprint == later.fingerprint
    assert first.severity is Severity.HIGH


@pytest.mark.parametrize(
    ("state", "status"), [(0, "firing"), ("0", "firing"), (1, "resolved"), ("1", "resolved"), (2, "firing")]
)
def test_kuma_states(state: Any, status: str) -> None:
    """0 is down, and a value."""
    body = sample("uptimekuma/down")
    body["heartbeat"]["status"] = state
    assert one("uptimekuma", body).status == status


def test_kuma_maintenance_and_forms() -> None:
    """A monitor in maintenance says nothing; the body may come inside a form."""
    body = sample("uptimekuma/down")
    body["heartbeat"]["status"] = 3
    assert not reading("uptimekuma", body).signals
    beat = b'{"heartbeat":{"status":0},"monitor":{"id":5,"name":"a"},"msg":"b"}'
    content = b'--x\r\nContent-Disposition: form-data; name="data"\r\n\r\n' + beat + b"\r\n--x--\r\n"
    headers = {"content-type": "multipart/form-data; boundary=x"}
    (signal,) = read(DETECT, content, Inbound(headers=headers, received_at=NOW)).signals
    assert (signal.source, signal.fingerprint) == ("uptimekuma", "uptimekuma/5")


def test_uptimerobot_spellings() -> None:
    """The variables' own names, as a form; a certificate is another alert than being down."""
    body = {"monitorID": 7, "monitorFriendlyName": "Web", "monitorURL": "https://x", "alertType": 1}
    down = one("uptimerobot", body | {"alertTypeFriendlyName": "Down"})
    up = one("uptimerobot", body | {"alertType": "2", "alertTypeFriendlyName": "Up"})
    expiry = one("uptimerobot", body | {"alertType": 3, "alertTypeFriendlyName": "SSL expiry"})
    assert (down.status, up.status, expiry.status) == ("firing", "resolved", "firing")
    assert down.fingerprint == up.fingerprint != expiry.fingerprint
    form = b"monitorID=7&monitorFriendlyName=Web&monitorURL=https%3A%2F%2Fx&alertType=1&alertTypeFriendlyName=Down"
    headers = {"content-type": "application/x-www-form-urlencoded"}
    (signal,) = read("uptimerobot", form, Inbound(headers=headers, received_at=NOW)).signals
    assert signal.fingerprint == down.fingerprint


def test_pingdom_importance() -> None:
    """A check of low importance is not critical; a transaction succeeds instead of being up."""
    assert one("pingdom", sample("pingdom/alerta_down", importance_level="LOW")).severity is Severity.MEDIUM
    assert one("pingdom", sample("pingdom/alerta_down", current_state="SUCCESS")).status == "resolved"


def test_updown_lists() -> None:
    """Several events in one body, in order; the first "up" of a check pages nobody; a single object, too."""
    down, up = sample_of_updown("check.down"), sample_of_updown("check.up")
    assert [signal.status for signal in reading("updown", [down, up]).signals] == ["firing", "resolved"]
    assert one("updown", down).fingerprint == "updown/ngg8"
    expiring = one("updown", down | {"event": "check.ssl_expiration"})
    renewed = one("updown", down | {"event": "check.ssl_renewed"})
    assert (expiring.severity, renewed.status) == (Severity.MEDIUM, "resolved")
    assert expiring.fingerprint == renewed.fingerprint != "updown/ngg8"


def sample_of_updown(event: str) -> dict[str, Any]:
    """One event about one check."""
    return {"event": event, "check": {"token": "ngg8", "url": "https://x"}, "downtime": {"started_at": None}}


@pytest.mark.parametrize(
    ("kind", "status", "level"),
    [
        ("ALERT_FAILURE", "firing", Severity.CRITICAL),
        ("ALERT_DEGRADED", "firing", Severity.HIGH),
        ("ALERT_DEGRADED_RECOVERY", "resolved", None),
        ("ALERT_SSL", "firing", Severity.MEDIUM),
    ],
)
def test_checkly_types(kind: str, status: str, level: Severity | None) -> None:
    """The type of the alert says both."""
    signal = one("checkly", sample("checkly/alert_recovery", alert_type=kind))
    assert (signal.status, signal.severity) == (status, level)


@pytest.mark.parametrize(
    ("state", "status", "level"),
    [("Up", "resolved", None), ("TROUBLE", "firing", Severity.MEDIUM), ("CRITICAL", "firing", Severity.HIGH)],
)
def test_site24x7_states(state: str, status: str, level: Severity | None) -> None:
    """Its trouble is less than its critical, and its critical less than being down."""
    signal = one("site24x7", sample("site24x7/down", STATUS=state))
    assert (signal.status, signal.severity) == (status, level)


@pytest.mark.parametrize(
    ("state", "status", "level"),
    [
        ("major_outage", "firing", Severity.CRITICAL),
        ("degraded_performance", "firing", Severity.MEDIUM),
        ("operational", "resolved", None),
    ],
)
def test_statuspage_components(state: str, status: str, level: Severity | None) -> None:
    """A component of somebody else that goes down and comes back; its maintenance is nothing."""
    update = {"new_status": state, "component_id": "c1", "created_at": "2026-09-20T10:00:00Z"}
    body = {"page": {"id": "p"}, "component": {"id": "c1", "name": "API"}, "component_update": update}
    signal = one("statuspage", body)
    assert (signal.status, signal.severity, signal.fingerprint) == (status, level, "statuspage/c1/component")
    update["new_status"] = "under_maintenance"
    assert not reading("statuspage", body).signals


def test_statuspage_planned_maintenance() -> None:
    """What is planned pages nobody; an incident that opens again after its end does."""
    planned = sample("statuspage/incident_identified")
    planned["incident"] |= {"status": "scheduled", "scheduled_for": "2026-09-20T10:00:00Z"}
    assert not reading("statuspage", planned).signals
    planned["incident"] |= {"scheduled_for": None, "status": "in_progress"}
    assert not reading("statuspage", planned).signals
    before, after = sample("statuspage/incident_identified"), sample("statuspage/incident_identified")
    after["incident"]["updated_at"] = "2026-09-20T10:00:00Z"
    assert (one("statuspage", before).starts_at or 0) < (one("statuspage", after).starts_at or 0)
