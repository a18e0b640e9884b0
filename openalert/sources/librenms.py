"""LibreNMS's API transport, with the members of an alert template.

https://docs.librenms.org/Alerting/Templates/ and …/Alerting/Transports/; numbers come as text.
"""

from typing import Any

from openalert.domain.alert import Signal, SignalStatus
from openalert.domain.severity import Severity
from openalert.sources import identity, normal, text, words
from openalert.sources.fields import Fields, first
from openalert.sources.source import Inbound, source_of

NAME = "librenms"

_STATES = {
    "0": SignalStatus.RESOLVED,
    "1": SignalStatus.FIRING,
    "2": SignalStatus.ACKNOWLEDGED,
    "3": SignalStatus.FIRING,
    "4": SignalStatus.FIRING,
    "5": SignalStatus.FIRING,
}
"""Recovered, alert, acknowledged, got worse, got better, changed."""
_SEVERITIES = {"critical": Severity.CRITICAL, "warning": Severity.HIGH}


def _looks_like(body: dict[str, Any], _inbound: Inbound) -> bool:
    return (
        "rule_id" in body
        and ("device_id" in body or "sysName" in body)
        and ("state" in body or "uid" in body)
    )


def _read(body: dict[str, Any], inbound: Inbound) -> Signal:
    fields = Fields(body)
    word = text.line(fields.get("severity"))
    status = words.look_up(_STATES, fields.get("state")) or words.status(fields.get("state"))
    status = status or (SignalStatus.RESOLVED if words.over(word) else SignalStatus.FIRING)
    host = first(fields.get("hostname"), fields.get("display"), fields.get("sysname"), fields.get("ip"))
    rule, moment = first(fields.get("name"), fields.get("rulename")), fields.get("timestamp")
    return normal.signal(
        NAME,
        inbound.received_at,
        status=status,
        severity=None
        if status is SignalStatus.RESOLVED
        else words.level(_SEVERITIES, word) or words.severity(word),
        title=(fields.get("title"), rule and (f"{rule} on {host}" if host else rule), fields.get("msg")),
        key=identity.of(
            NAME,
            (fields.get("ruleid"), first(fields.get("deviceid"), host) or "", host or ""),
            (rule, host or ""),
            (fields.get("alertid"),),
        ),
        description=(fields.get("msg"), fields.get("alertnotes"), fields.get("notes")),
        labels={
            "host": host,
            "rule": rule,
            "os": fields.get("os"),
            "location": fields.get("location"),
            "type": fields.get("type"),
        },
        annotations={
            "faults": fields.get("faults"),
            "elapsed": fields.get("elapsed"),
            "hardware": fields.get("hardware"),
            "uptime": fields.get("uptimelong"),
        },
        links=(("Runbook", fields.get("proc")), ("Source", fields.get("url"))),
        starts=None if status is SignalStatus.RESOLVED else moment,
        ends=moment,
    )


SOURCE = source_of(NAME, _looks_like, _read, templated=True)
