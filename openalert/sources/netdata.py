"""Netdata: the webhooks of Netdata Cloud, for alerts and for nodes that cannot be reached, and of an agent.

https://learn.netdata.cloud/docs/alerts-&-notifications/notifications/centralized-cloud-notifications/webhook
"""

from typing import Any

from openalert.domain.alert import Signal, SignalStatus
from openalert.domain.severity import Severity
from openalert.sources import identity, normal, text, words
from openalert.sources.fields import at, first, within
from openalert.sources.source import Inbound, Nothing, source_of

NAME = "netdata"

_SEVERITIES = {"warning": Severity.HIGH, "critical": Severity.CRITICAL}
_OVER = {"clear", "ok", "normal", "resolved"}
_UNKNOWN = {"undefined", "uninitialized", "removed", "unknown"}


def _looks_like(body: dict[str, Any], _inbound: Inbound) -> bool:
    if "chart" in body and isinstance(body.get("alert"), str) and "severity" in body:
        return True
    if type(at(body, "status")) is dict and "reachable" in body["status"]:
        return True
    return "chart" in body and "alarm" in body and "status" in body


def _read(body: dict[str, Any], inbound: Inbound) -> Signal | Nothing:
    if type(body.get("status")) is dict:
        return _reachability(body, inbound)
    word = text.line(first(body.get("severity"), body.get("status"))).lower()
    if word in _UNKNOWN:
        return Nothing("Netdata does not know the state of this alert: nothing to do.")
    status = SignalStatus.RESOLVED if word in _OVER else SignalStatus.FIRING
    alert = first(body.get("alert"), body.get("alarm"), body.get("name"))
    node, chart = _node(body), body.get("chart")
    moment = first(body.get("date"), body.get("when"))
    return normal.signal(
        NAME,
        inbound.received_at,
        status=status,
        severity=None
        if status is SignalStatus.RESOLVED
        else words.level(_SEVERITIES, word) or words.severity(word),
        title=(body.get("message"), alert and (f"{alert} on {node}" if node else alert), body.get("info")),
        key=identity.of(NAME, (alert, chart or "", node or "", body.get("space") or ""), (chart, node or "")),
        group=f"{NAME}/{text.scalar(node)}" if node else "",
        description=(body.get("info"), body.get("details")),
        labels={
            "node": node,
            "chart": chart,
            "context": body.get("context"),
            "space": body.get("space"),
            "room": at(body, "Rooms", "name"),
            "family": body.get("family"),
            "class": body.get("class"),
        },
        annotations={
            "value": first(body.get("value"), body.get("value_string")),
            "duration": body.get("duration"),
            "previous": first(body.get("old_status"), body.get("previous_severity")),
        },
        links=(("Source", first(body.get("alert_url"), body.get("url"), body.get("goto_url"))),),
        starts=None if status is SignalStatus.RESOLVED else moment,
        ends=moment,
    )


def _reachability(body: dict[str, Any], inbound: Inbound) -> Signal:
    state, host = within(body, "status"), first(body.get("host"), body.get("node"))
    is_up = state.get("reachable") is True or words.status(state.get("text")) is SignalStatus.RESOLVED
    return normal.signal(
        NAME,
        inbound.received_at,
        status=SignalStatus.RESOLVED if is_up else SignalStatus.FIRING,
        severity=None
        if is_up
        else words.level(_SEVERITIES, body.get("severity"))
        or words.severity(body.get("severity"))
        or Severity.CRITICAL,
        title=(
            body.get("message"),
            host and f"{text.scalar(host)} is {text.scalar(state.get('text')) or 'unreachable'}",
        ),
        key=identity.of(NAME, (host, "reachable")),
        labels={"node": host, "space": body.get("space")},
        links=(("Source", first(body.get("url"), body.get("node_url"))),),
    )


def _node(body: dict[str, Any]) -> str:
    """The agent names the host; the cloud begins its message with it."""
    if named := first(body.get("host"), body.get("node"), body.get("hostname")):
        return text.scalar(named)
    message = text.line(body.get("message"))
    return message.partition(" ")[0]


SOURCE = source_of(NAME, _looks_like, _read)
