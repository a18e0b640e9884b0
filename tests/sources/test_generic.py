"""Any JSON object as an alert, beyond what the payload corpus holds."""

import json
from typing import Any

import pytest

from openalert.domain.alert import Signal
from openalert.domain.errors import Invalid
from openalert.domain.severity import Severity
from openalert.sources import Reading, read
from tests.sources.payloads import inbound


def reading(body: Any, **query: str) -> Reading:
    """What a body says."""
    return read("generic", json.dumps(body).encode(), inbound(**query))


def one(body: dict[str, Any], **query: str) -> Signal:
    """The only alert of a body."""
    (signal,) = reading(body, **query).signals
    assert signal.source == "generic"
    return signal


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, "firing"),
        ({"status": "resolved"}, "resolved"),
        ({"STATUS": "OK"}, "resolved"),
        ({"state": "alerting"}, "firing"),
        ({"alertState": "Closed"}, "resolved"),
        ({"current_state": "closed"}, "resolved"),
        ({"action": "Acknowledge"}, "acknowledged"),
        ({"event": "incident.resolved"}, "resolved"),
        ({"notification_type": "RECOVERY", "title": "x DOWN -> UP"}, "resolved"),
        ({"status": "banana"}, "firing"),
        ({"status": 0}, "firing"),
        ({"status": {"state": "resolved"}}, "resolved"),
        ({"status": None, "state": "ok"}, "resolved"),
        ({"status": "firing", "title": "[RESOLVED] x"}, "firing"),
        ({"title": "[RESOLVED] x"}, "resolved"),
        ({"title": "Resolved: x"}, "resolved"),
        ({"title": "The issue was resolved wrongly"}, "firing"),
        ({"title": "[FIRING:2] x"}, "firing"),
        ({"resolved": True}, "resolved"),
        ({"resolved": False, "severity": "ok"}, "firing"),
        ({"firing": False}, "resolved"),
        ({"severity": "clear"}, "resolved"),
        ({"severity": "normal"}, "firing"),
        ({"resolved_at": "2026-09-20T10:00:00Z"}, "resolved"),
        ({"resolved_at": None}, "firing"),
        ({"message": "all is up and OK, resolved"}, "firing"),
    ],
)
def test_status(body: dict[str, Any], status: str) -> None:
    """A status member decides, then flags, then the title's mark; texts never; and firing is the default."""
    assert one({"title": "x"} | body).status == status


@pytest.mark.parametrize(
    ("body", "level"),
    [
        ({"severity": "critical"}, Severity.CRITICAL),
        ({"Severity": {"name": "High"}}, Severity.HIGH),
        ({"priority": "P4"}, Severity.LOW),
        ({"severity": "", "priority": "P1"}, Severity.CRITICAL),
        ({"level": "error"}, Severity.HIGH),
        ({"labels": {"severity": "info"}}, Severity.INFO),
        ({"status": "CRITICAL"}, Severity.CRITICAL),
        ({"status": "alerting"}, None),
        ({"severity": 1}, None),
        ({"severity": "1"}, None),
        ({"severity": None}, None),
        ({"severity": ["critical"]}, None),
        ({"severity": "banana"}, None),
        ({"status": "resolved", "severity": "ok"}, None),
        ({"status": "resolved", "severity": "high"}, Severity.HIGH),
    ],
)
def test_severity(body: dict[str, Any], level: Severity | None) -> None:
    """Words are understood, numbers are not guessed, and the end of an alert does not lower it."""
    assert one({"title": "x"} | body).severity is level


@pytest.mark.parametrize(
    ("body", "title"),
    [
        ({"title": "T", "message": "M", "name": "N"}, "T"),
        ({"title": None, "summary": "S"}, "S"),
        ({"annotations": {"summary": "S"}, "labels": {"alertname": "A"}}, "S"),
        ({"labels": {"alertname": "A"}, "message": "M"}, "A"),
        ({"name": "N", "message": "M"}, "N"),
        ({"message": "\nfirst line\nsecond line"}, "first line"),
        ({"alert": {"title": "Inner"}, "action": "open"}, "Inner"),
        ({"attachments": [{"title": "Slack", "text": "x"}]}, "Slack"),
        ({"title": "undefined", "foo": "bar", "count": 3}, "foo: bar"),
        ({"count": 3}, "count: 3"),
        ({"a": None}, "Alert without a title"),
        ({"a": [[]]}, "Alert without a title"),
    ],
)
def test_title(body: dict[str, Any], title: str) -> None:
    """The member that people would read first; something is always there."""
    assert one(body).title == title


@pytest.mark.parametrize(
    "name",
    [
        "dedup_key",
        "dedupKey",
        "DEDUP-KEY",
        "alert_uid",
        "alias",
        "fingerprint",
        "incident_key",
        "event_key",
        "unique_key",
    ],
)
def test_the_senders_own_key_is_the_identity(name: str) -> None:
    """Whatever else changes, the key names the alert, in any spelling; 0 is a key."""
    assert one({"title": "x", name: "k-1"}).fingerprint == "k-1"
    assert one({"title": "y", "severity": "high", name: "k-1"}).fingerprint == "k-1"
    assert one({"title": "x", name: 0}).fingerprint == "0"
    assert one({"title": "x", name: None}).fingerprint == one({"title": "x"}).fingerprint
    assert len(one({"title": "x", name: "k" * 1_000}).fingerprint) == 64


def test_without_a_key_name_and_target_identify() -> None:
    """A repeat, a rise and the end are the same alert; another host, title or label is another one."""
    alert = {"title": "Disk full", "host": "web-1", "labels": {"disk": "sda"}}
    base = one(alert).fingerprint
    for same in (
        {"severity": "critical"},
        {"status": "resolved", "timestamp": 1_790_000_000},
        {"message": "now 98%", "value": 98},
        {"url": "http://x"},
        {"title": "[RESOLVED] Disk full"},
    ):
        assert one(alert | same).fingerprint == base, same
    for other in ({"host": "web-2"}, {"title": "Disk slow"}, {"labels": {"disk": "sdb"}}):
        assert one(alert | other).fingerprint != base, other
    rule = {"rule_name": "disk", "host": "web-1"}
    assert one(rule | {"title": "Disk 91%"}).fingerprint == one(rule | {"title": "Disk 95%"}).fingerprint


def test_group() -> None:
    """Each alert is its own group unless the sender says otherwise."""
    assert one({"title": "x", "alias": "a"}).group == "a"
    assert one({"title": "x", "alias": "a", "group_key": "g"}).group == "g"


def test_labels_and_annotations() -> None:
    """Labels as sent, with what the alert is about; the other members are kept as annotations."""
    signal = one(
        {"title": "x", "labels": {"team": "db"}, "host": "web-1", "value": 93.5, "note": None, "list": []}
    )
    assert signal.labels == {"team": "db", "host": "web-1"}
    assert signal.annotations == {"value": "93.5"}
    assert one({"title": "x", "tags": "env:prod,urgent"}).labels == {"env": "prod", "urgent": "true"}


def test_times() -> None:
    """A bare timestamp is the start of what fires and the end of what is over."""
    moment, instant = "2026-09-20T10:00:00Z", 1_789_898_400_000
    assert one({"title": "x", "timestamp": moment}).starts_at == instant
    over = one({"title": "x", "status": "ok", "timestamp": moment, "started_at": "2026-09-20T09:00:00Z"})
    assert (over.starts_at, over.ends_at) == (instant - 3_600_000, instant)
    assert one({"title": "x", "timestamp": "soon"}).starts_at is None
    assert one({"title": "x", "timestamp": "2036-09-20T10:00:00Z"}).starts_at is None


def test_links() -> None:
    """Addresses under their usual names, and PagerDuty's list of links."""
    signal = one(
        {
            "title": "x",
            "url": "https://a",
            "runbook": "https://b",
            "links": [{"href": "https://c", "text": "C"}, 5, "ftp://d"],
        }
    )
    assert [(link["label"], link["href"]) for link in signal.links] == [
        ("Runbook", "https://b"),
        ("Source", "https://a"),
        ("C", "https://c"),
    ]


def test_lists() -> None:
    """Every object of a list is an alert, in order; what is none is reported."""
    read_list = reading([{"title": "a"}, 5, {"title": "b"}, {}])
    assert [signal.title for signal in read_list.signals] == ["a", "b"]
    assert [item.index for item in read_list.skipped] == [1, 3]
    assert [signal.title for signal in reading({"alerts": [{"title": "a"}]}).signals] == ["a"]


def test_a_muted_alert_is_nothing_to_do() -> None:
    """A paused rule says so with every evaluation."""
    muted = reading({"title": "x", "state": "paused"})
    assert muted.signals == []
    assert muted.note


@pytest.mark.parametrize("body", [None, True, 5, 1.5, "text", "", [], {}, [[]], [5, None], [{}]])
def test_what_holds_no_alert(body: Any) -> None:
    """Scalars and empty containers say nothing."""
    with pytest.raises(Invalid):
        reading(body)
