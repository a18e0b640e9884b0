"""Zabbix, Checkmk, Icinga, Nagios, Sensu, LibreNMS and Netdata, beyond what the corpus holds."""

from typing import Any

import pytest

from openalert.domain.severity import Severity
from tests.sources.vendors import one, reading, sample

CHECKMK = {
    "NOTIFY_WHAT": "SERVICE",
    "NOTIFY_NOTIFICATIONTYPE": "PROBLEM",
    "NOTIFY_HOSTNAME": "ops01",
    "NOTIFY_SERVICEDESC": "Filesystem /",
    "NOTIFY_SERVICESTATE": "CRIT",
    "NOTIFY_SERVICEOUTPUT": "Disk full",
    "NOTIFY_SERVICEPROBLEMID": "7",
}


@pytest.mark.parametrize(
    ("changes", "status", "level"),
    [
        ({}, "firing", Severity.CRITICAL),
        ({"NOTIFY_SERVICESTATE": "WARN"}, "firing", Severity.HIGH),
        ({"NOTIFY_SERVICESTATE": "UNKNOWN"}, "firing", Severity.MEDIUM),
        ({"NOTIFY_SERVICESTATE": "OK", "NOTIFY_NOTIFICATIONTYPE": "RECOVERY"}, "resolved", None),
        ({"NOTIFY_SERVICESTATE": 2}, "firing", Severity.CRITICAL),
        ({"NOTIFY_NOTIFICATIONTYPE": "ACKNOWLEDGEMENT"}, "acknowledged", Severity.CRITICAL),
        ({"NOTIFY_NOTIFICATIONTYPE": "recovery"}, "resolved", None),
    ],
)
def test_checkmk_states(changes: dict[str, Any], status: str, level: Severity | None) -> None:
    """The variables of a notification script under their own names; the type of notification first."""
    signal = one("checkmk", CHECKMK | changes)
    assert (signal.status, signal.severity) == (status, level)
    assert signal.fingerprint == "checkmk/ops01/service/Filesystem /"


@pytest.mark.parametrize("kind", ["DOWNTIMESTART", "DOWNTIMEEND", "FLAPPINGSTOP", "CUSTOM"])
def test_notifications_that_are_no_alerts(kind: str) -> None:
    """Downtimes and flapping change nothing."""
    found = reading("checkmk", CHECKMK | {"NOTIFY_NOTIFICATIONTYPE": kind})
    assert not found.signals
    assert found.note


def test_a_host_has_no_service() -> None:
    """What is left over of a service does not make a host's notification the service's."""
    stale = {"NOTIFY_WHAT": "HOST", "NOTIFY_HOSTSTATE": "DOWN", "NOTIFY_SERVICESTATE": "OK"}
    signal = one("checkmk", CHECKMK | stale)
    assert (signal.fingerprint, signal.severity) == ("checkmk/ops01/host", Severity.CRITICAL)


def test_nagios_spellings() -> None:
    """Names in capitals, with a prefix, in lower case, or as the macros themselves: the same alert."""
    body = {"NOTIFICATIONTYPE": "PROBLEM", "HOSTNAME": "db", "SERVICEDESC": "disk", "SERVICESTATE": "WARNING"}
    plain = one("nagios", body)
    for spelled in (
        {f"NAGIOS_{name}": value for name, value in body.items()},
        {
            "notification_type": "PROBLEM",
            "host_name": "db",
            "service_description": "disk",
            "service_state": "WARNING",
        },
    ):
        assert one("nagios", spelled).fingerprint == plain.fingerprint
    macros = reading("nagios", {f"${name}$": value for name, value in body.items()}).signals[0]
    assert macros.fingerprint == plain.fingerprint
    assert plain.severity is Severity.HIGH


@pytest.mark.parametrize(
    ("changes", "status", "level"),
    [
        ({"event_value": "1", "event_nseverity": 5}, "firing", Severity.CRITICAL),
        ({"event_value": "1", "event_nseverity": "2"}, "firing", Severity.LOW),
        ({"event_value": 0, "event_nseverity": "4"}, "resolved", Severity.HIGH),
        ({"event_value": "1", "event_update_action": "acknowledged"}, "acknowledged", None),
        ({"event_value": "1", "event_update_action": "unacknowledged"}, "firing", None),
        ({"event_recovery_datetime": "2026-09-19T09:09:44Z"}, "resolved", None),
        ({"event_value": "1", "event_nseverity": "{EVENT.NSEVERITY}"}, "firing", None),
    ],
)
def test_zabbix_events(changes: dict[str, Any], status: str, level: Severity | None) -> None:
    """Zabbix's own numbers: 0 to 5 for the severity, 1 and 0 for the state."""
    body = {"event_id": 12345, "host_name": "web", "event_name": "CPU", "event_update_status": "0"}
    signal = one("zabbix", body | changes)
    assert (signal.status, signal.severity) == (status, level)
    assert signal.fingerprint == "zabbix/12345"


@pytest.mark.parametrize(
    "tags",
    ['[{"tag": "team", "value": "db"}]', [{"tag": "team", "value": "db"}], {"team": "db"}, "team:db"],
)
def test_zabbix_tags(tags: Any) -> None:
    """As JSON in a text, as the list, as an object, or as pairs."""
    assert one("zabbix", sample("zabbix/problem_average", event_tags=tags)).labels["team"] == "db"


def test_zabbix_template_without_a_trigger() -> None:
    """On its own address whatever people have written is read with Zabbix's words."""
    signal = reading("zabbix", {"name": "CPU", "severity": "Warning", "status": "PROBLEM"}).signals[0]
    assert (signal.source, signal.severity) == ("zabbix", Severity.LOW)


@pytest.mark.parametrize(
    ("status", "level"), [(1, Severity.HIGH), ("2", Severity.CRITICAL), (127, Severity.MEDIUM)]
)
def test_sensu_codes(status: Any, level: Severity) -> None:
    """1 and 2 are known, anything above is not."""
    body = sample("sensu/check_status_2")
    body["check"]["status"] = status
    assert one("sensu", body).severity is level
    body["check"]["is_silenced"] = True
    assert not reading("sensu", body).signals


def test_netdata_nodes() -> None:
    """A node that cannot be reached and comes back; an alert that clears."""
    down = {"message": "web01 is unreachable", "host": "web01", "severity": "critical"}
    gone = one("netdata", down | {"status": {"reachable": False, "text": "unreachable"}})
    back = one("netdata", down | {"severity": "info", "status": {"reachable": True, "text": "reachable"}})
    assert (gone.status, gone.severity, back.status) == ("firing", Severity.CRITICAL, "resolved")
    assert gone.fingerprint == back.fingerprint
    fires, clears = (
        one("netdata", sample("netdata/alert_warning", severity=s)) for s in ("warning", "CLEAR")
    )
    assert (clears.status, clears.fingerprint) == ("resolved", fires.fingerprint)


def test_librenms_states() -> None:
    """Numbers as text: 1 fires, 2 was acknowledged, 3 got worse, 0 is over."""
    states = [one("librenms", sample("librenms/recovered", state=state)).status for state in ("1", 2, "3", 0)]
    assert states == ["firing", "acknowledged", "firing", "resolved"]
