"""Alertmanager's messages and Prometheus' own alerts, beyond what the payload corpus holds."""

import json
from typing import Any

import pytest

from openalert.domain.alert import Signal, SignalStatus
from openalert.domain.errors import Invalid, TooLarge
from openalert.domain.severity import Severity
from openalert.sources import DETECT, Reading, read
from tests.sources.payloads import NOW, inbound

STARTS = "2026-09-20T10:00:00Z"
STARTED = 1_789_898_400_000


def message(*alerts: Any, **members: Any) -> Reading:
    """What a notification with these alerts says."""
    return read("prometheus", json.dumps({"receiver": "web", "alerts": alerts} | members).encode(), inbound())


def one(alert: dict[str, Any], **members: Any) -> Signal:
    """The only alert of a notification."""
    (signal,) = message({"labels": {"alertname": "Down"}} | alert, **members).signals
    return signal


def direct(*alerts: Any) -> Reading:
    """What a list of alerts says that Prometheus posts itself."""
    return read("prometheus", json.dumps(alerts).encode(), inbound())


def group(key: Any, **members: Any) -> str:
    """The group of a notification with this `groupKey`."""
    return one({}, groupKey=key, **members).group


def test_the_alerts_own_status_wins() -> None:
    """A group fires while one of its alerts is over."""
    reading = message(
        {"labels": {"a": "1"}, "status": "resolved"},
        {"labels": {"a": "2"}},
        {"labels": {"a": "3"}, "status": "banana"},
        {"labels": {"a": "4"}, "status": 5},
        status="firing",
    )
    assert [signal.status for signal in reading.signals] == ["resolved", "firing", "firing", "firing"]
    assert one({}, status="resolved").status == "resolved"
    assert one({}).status == "firing"


def test_a_firing_alert_may_name_its_end() -> None:
    """`endsAt` of a firing alert is a projection: it neither resolves nor is kept."""
    signal = one({"status": "firing", "startsAt": STARTS, "endsAt": "2026-09-20T10:05:00Z"})
    assert (signal.status, signal.starts_at, signal.ends_at) == ("firing", STARTED, None)


@pytest.mark.parametrize(
    ("ends", "ends_at"),
    [
        ("2026-09-20T10:05:00Z", STARTED + 300_000),
        ("0001-01-01T00:00:00Z", None),
        ("2026-09-20T09:59:59Z", None),
        ("2027-09-20T09:59:59Z", None),
        (None, None),
    ],
)
def test_the_end_of_a_resolved_alert(ends: str | None, ends_at: int | None) -> None:
    """Its end is what the source says, unless that is unset, before its start or far ahead."""
    signal = one({"status": "resolved", "startsAt": STARTS, "endsAt": ends})
    assert (signal.starts_at, signal.ends_at) == (STARTED, ends_at)


def test_alerts_without_status_end_when_their_time_has_passed() -> None:
    """Prometheus posts no status: `endsAt` not in the future means resolved, unset or later means firing."""
    past, future = "2026-09-20T10:05:00Z", "2026-09-21T23:00:00Z"
    ends = [past, future, "0001-01-01T00:00:00Z", None, 5, NOW, str(NOW + 1)]
    reading = direct(
        *({"labels": {"a": str(n)}, "startsAt": STARTS, "endsAt": end} for n, end in enumerate(ends))
    )
    over = [signal.status is SignalStatus.RESOLVED for signal in reading.signals]
    assert over == [True, False, False, False, False, True, False]


def test_lists_and_single_alerts_agree_with_notifications() -> None:
    """The same labels are the same alert, however they arrive."""
    alert = {"labels": {"alertname": "Down", "instance": "a:1"}, "annotations": {}, "startsAt": STARTS}
    single = read("prometheus", json.dumps(alert).encode(), inbound()).signals[0]
    assert direct(alert).signals[0].fingerprint == single.fingerprint == one(alert).fingerprint
    assert single.source == "prometheus"
    assert read(DETECT, json.dumps([alert]).encode(), inbound()).source == "prometheus"


def test_alertmanagers_own_list_is_read() -> None:
    """Its API v2 answers with states; what it has silenced must not page."""
    reading = direct(
        {"labels": {"a": "1"}, "startsAt": STARTS, "status": {"state": "active", "silencedBy": []}},
        {"labels": {"a": "2"}, "startsAt": STARTS, "status": {"state": "suppressed", "silencedBy": ["x"]}},
    )
    assert [signal.labels for signal in reading.signals] == [{"a": "1"}]
    assert [item.index for item in reading.skipped] == [1]


def test_severity_stays_in_the_identity_but_not_in_the_group() -> None:
    """Two thresholds of one rule are two alerts of one incident."""
    signals = [
        one(
            {"labels": {"alertname": "Disk", "severity": level}},
            groupKey=f'{{}}/{{severity="{level}"}}:{{alertname="Disk", severity="{level}"}}',
        )
        for level in ("warning", "critical")
    ]
    assert signals[0].fingerprint != signals[1].fingerprint
    assert signals[0].group == signals[1].group
    posted = direct(
        *({"labels": {"alertname": "Disk", "severity": level}} for level in ("warning", "critical"))
    )
    assert len({signal.group for signal in posted.signals}) == 1
    assert len({signal.fingerprint for signal in posted.signals}) == 2


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ('{}:{alertname="Down"}', '{}:{alertname="Down"}'),
        ('{}:{severity="critical"}', "{}:{}"),
        ('{}:{severity="x", alertname="Down"}', '{}:{alertname="Down"}'),
        ('{}:{alertname="Down", severity="a, \\"b}"}', '{}:{alertname="Down"}'),
        ('{}/{severity=~"a|b",team="x"}/{}:{}', '{}/{team="x"}/{}:{}'),
        ("{}:{alertname=Down, severity=critical}", "{}:{alertname=Down}"),
        ('{}:{my_severity="x"}', '{}:{my_severity="x"}'),
        ('{}:{"severity"="x"}', "{}:{}"),
    ],
)
def test_the_group_is_the_group_key_without_severity(key: str, expected: str) -> None:
    """Only the matcher of exactly that label goes; the rest of Alertmanager's key stays readable."""
    assert group(key) == expected


def test_groups_without_a_group_key() -> None:
    """Version 3 has a number made of the labels; imitators leave it out."""
    labels = {"alertname": "Down", "severity": "critical"}
    assert group(43434343434343434343, groupLabels=labels) == group(None, groupLabels={"alertname": "Down"})
    assert group(43434343434343434343) == "43434343434343434343"
    assert group("", groupLabels={}) == group(None) == group(["x"]) == group(True) == "Down"
    assert one({"labels": {"alertname": "Down", "service": "db"}}).group == "Down/db"
    assert len(group("{}:{" + 'a="b", ' * 500 + "}")) == 64


@pytest.mark.parametrize(
    ("fingerprint", "kept"),
    [("8df98227bdd81384", "8df98227bdd81384"), (" x ", "x"), (7, "7"), (0, "0")],
)
def test_the_sources_fingerprint_is_the_identity(fingerprint: Any, kept: str) -> None:
    """Labels do not matter when the source names the alert itself."""
    assert one({"fingerprint": fingerprint}).fingerprint == kept
    assert one({"fingerprint": fingerprint, "labels": {"other": "x"}}).fingerprint == kept


@pytest.mark.parametrize("fingerprint", ["", " ", None, [], {}, True, 1.5])
def test_without_a_fingerprint_all_labels_identify(fingerprint: Any) -> None:
    """An unusable fingerprint counts as none."""
    derived = one({"fingerprint": fingerprint}).fingerprint
    if not isinstance(fingerprint, bool):
        assert derived == one({}).fingerprint
    assert len(one({"fingerprint": "x" * 5_000}).fingerprint) == 64


def test_labels_beyond_the_limits_still_identify() -> None:
    """Columns keep 64 labels of 1024 characters; the identity is made of everything that was sent."""
    first, second = (
        one({"labels": {f"l{n}": "x" * 3_000 for n in range(100)} | {"z": last}}) for last in ("1", "2")
    )
    assert len(first.labels) == 64
    assert first.labels == second.labels
    assert first.fingerprint != second.fingerprint


def test_wrong_types_of_members_are_made_to_fit() -> None:
    """Numbers, booleans and nulls where text belongs lose neither the alert nor its neighbours."""
    odd = {
        "labels": {"alertname": "Odd", "code": 500, "ok": False, "gone": None, "nested": {"a": 1}},
        "annotations": [{"key": "summary", "value": "Odd one"}],
        "startsAt": STARTED / 1_000,
        "endsAt": {},
        "generatorURL": 5,
        "status": "resolved",
        "fingerprint": None,
    }
    signal = message({"labels": {"a": "b"}}, odd).signals[1]
    assert signal.labels == {"alertname": "Odd", "code": "500", "ok": "false", "nested": '{"a":1}'}
    assert (signal.title, signal.starts_at, signal.status) == ("Odd one", STARTED, "resolved")


def test_bad_items_are_reported_beside_good_ones() -> None:
    """One unreadable item does not cost its neighbours."""
    reading = message(5, {"labels": {"a": "b"}}, None, {}, {"labels": {}, "annotations": None})
    assert len(reading.signals) == 1
    assert [item.index for item in reading.skipped] == [0, 2, 3, 4]
    assert all(item.reason.endswith(".") for item in reading.skipped)


@pytest.mark.parametrize("alerts", [[5], [{}, None], {}, "x", None, 0])
def test_a_message_without_a_readable_alert_is_invalid(alerts: Any) -> None:
    """Nothing in it can ever be used."""
    with pytest.raises(Invalid):
        read("prometheus", json.dumps({"receiver": "web", "alerts": alerts}).encode(), inbound())


def test_an_empty_message_and_truncated_groups_are_noted() -> None:
    """Nothing to do is no error; what Alertmanager left out is said."""
    empty = message()
    assert (empty.signals, empty.skipped) == ([], [])
    assert empty.note
    assert "7 alerts" in (message({"labels": {"a": "b"}}, truncatedAlerts=7).note or "")


def test_more_alerts_than_one_message_may_hold() -> None:
    """Ten thousand is far beyond any group."""
    with pytest.raises(TooLarge):
        message(*([{}] * 10_001))


@pytest.mark.parametrize(
    ("labels", "annotations", "title"),
    [
        ({"alertname": "Down"}, {"summary": "S", "title": "T", "message": "M"}, "S"),
        ({"alertname": "Down"}, {"summary": "<no value>", "title": "T"}, "T"),
        ({"alertname": "Down"}, {"message": "M\nsecond"}, "M second"),
        ({"alertname": "Down", "instance": "a:1"}, {"description": "D"}, "Down (a:1)"),
        ({"alertname": "Down"}, {"summary": "  "}, "Down"),
        ({"job": "x"}, {"description": "D"}, "D"),
        ({"job": "x", "a": "b"}, {}, "job=x, a=b"),
        ({"alertname": "null"}, {"summary": "None"}, "alertname=null"),
    ],
)
def test_titles(labels: dict[str, str], annotations: dict[str, str], title: str) -> None:
    """The first thing that says something, and never a placeholder."""
    assert one({"labels": labels, "annotations": annotations}).title == title


def test_the_groups_name_is_a_title() -> None:
    """Alerts without texts of their own are called what their group is called."""
    assert one({"labels": {"job": "x"}}, groupLabels={"alertname": "Down"}).title == "Down"
    assert one({"labels": {"job": "x"}}, title="From the message").title == "From the message"


def test_a_text_is_not_said_twice() -> None:
    """The message that became the title is not the description too."""
    assert one({"annotations": {"message": "M"}}).description == ""
    assert one({"annotations": {"summary": "S", "message": "M"}}).description == "M"
    assert one({"annotations": {"summary": "S", "description": "D\nE", "message": "M"}}).description == "D\nE"


@pytest.mark.parametrize(
    ("labels", "annotations", "level"),
    [
        ({"severity": "critical"}, {"severity": "info"}, Severity.CRITICAL),
        ({"severity": "banana", "priority": "P2"}, {}, Severity.HIGH),
        ({"level": "Warning"}, {}, Severity.HIGH),
        ({}, {"severity": "info"}, Severity.INFO),
        ({"severity": "none"}, {}, Severity.INFO),
        ({"severity": ""}, {}, None),
        ({"severity": "1"}, {}, None),
    ],
)
def test_severity(labels: dict[str, str], annotations: dict[str, str], level: Severity | None) -> None:
    """A label before an annotation, the first known word, and no guess."""
    assert one({"labels": {"alertname": "x"} | labels, "annotations": annotations}).severity is level


def test_links() -> None:
    """Everything that helps at night, the runbook first; nothing but http and https."""
    signal = one(
        {
            "generatorURL": "http://prometheus:9090/graph",
            "annotations": {"runbook_url": "https://wiki/run", "dashboard": "javascript:alert(1)"},
        },
        externalURL="http://alertmanager:9093",
    )
    assert [(link["label"], link["href"]) for link in signal.links] == [
        ("Runbook", "https://wiki/run"),
        ("Source", "http://prometheus:9090/graph"),
        ("Alertmanager", "http://alertmanager:9093"),
    ]
