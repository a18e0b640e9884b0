"""Grafana: unified alerting's webhook (version 8 and later) and the legacy alerting's before it.

Unified alerting sends Alertmanager's message with members of its own; its `state`, `title` and `groupKey` are about
the group and say nothing of an alert. Legacy alerting sends one rule with the state it went to.
https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/
"""

import re
from typing import Any

from openalert.domain.alert import Signal, SignalStatus
from openalert.domain.severity import Severity
from openalert.sources import identity, normal, prometheus, text, words
from openalert.sources.fields import at, first, listed
from openalert.sources.source import Inbound, Nothing, Reading, Source, read_each

NAME = "grafana"

_STATES = {"alerting": Severity.CRITICAL, "pending": Severity.HIGH, "ok": Severity.INFO}
_ALERT_MEMBERS = frozenset(
    {
        "silenceURL",
        "dashboardURL",
        "panelURL",
        "valueString",
        "values",
        "ruleUID",
        "orgId",
        "enrichments",
    }
)
_CLOCK = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d.*$")


def looks_like(body: Any, inbound: Inbound) -> bool:
    """Alertmanager's message with anything in it that only Grafana writes, or a legacy rule with its state."""
    if type(body) is not dict:
        return False
    alerts = body.get("alerts")
    if type(alerts) is not list:
        return _is_legacy(body)
    some = next((item for item in alerts if type(item) is dict), None)
    if some is None:
        return "orgId" in body and ("state" in body or "groupKey" in body)
    if "orgId" in body or ("state" in body and "title" in body):
        return prometheus.is_message(body)
    if not _ALERT_MEMBERS.isdisjoint(some):
        return True
    if body.get("version") == "4":
        return False
    generator = some.get("generatorURL")
    if isinstance(generator, str) and "/alerting/" in generator:
        return True
    return inbound.headers.get("user-agent", "").startswith("Grafana")


def parse(body: Any, inbound: Inbound) -> Reading:
    """Every alert of a group, or the one of a legacy rule."""
    if type(body) is list:
        return read_each(NAME, body, lambda item: _legacy(item, inbound))
    if type(body.get("alerts")) is not list:
        said = _legacy(body, inbound)
        return Reading(NAME, note=said.reason) if isinstance(said, Nothing) else Reading(NAME, [said])
    frame = prometheus.frame_of(body, inbound.received_at)
    frame.source = NAME
    # The group's state is "alerting" as long as anything fires; of what fires without a label it says how bad it is.
    frame.severity = words.level(_STATES, body.get("state")) or Severity.CRITICAL
    if frame.group:
        # The key of a test carries the time of day.
        frame.group = _CLOCK.sub("", frame.group) or None
    frame.link = text.link("Grafana", body.get("externalURL"))
    reading = prometheus.read_group(body["alerts"], frame)
    for signal in reading.signals:
        if signal.status is SignalStatus.RESOLVED and not _has_severity(signal):
            signal.severity = None
    return reading


SOURCE = Source(name=NAME, looks_like=looks_like, parse=parse, batches=True)


def _has_severity(signal: Signal) -> bool:
    return any(name in signal.labels for name in ("severity", "priority", "level", "criticality"))


def _is_legacy(body: dict[str, Any]) -> bool:
    return "state" in body and ("ruleId" in body or "ruleName" in body) and "schemaId" not in body


def _legacy(body: dict[str, Any], inbound: Inbound) -> Signal | Nothing:
    """https://grafana.com/docs/grafana/v7.5/alerting/notifications/#webhook"""
    state = body.get("state")
    if words.muted(state):
        return Nothing("Grafana has paused this rule: nothing to do.")
    tags = text.texts(body.get("tags"))
    organization = first(body.get("orgId"))
    matched: dict[str, str] = {}
    for match in listed(body.get("evalMatches")):
        tags_of = text.texts(at(match, "tags"))
        matched = matched or {name: value for name, value in tags_of.items() if name != "__name__"}
    return normal.signal(
        NAME,
        inbound.received_at,
        status=words.status(state) or SignalStatus.FIRING,
        severity=words.severity(tags.get("severity")) or words.level(_STATES, state) or words.severity(state),
        title=(body.get("ruleName"), body.get("title"), body.get("message")),
        key=identity.of(
            NAME,
            (_rule(body), "" if organization is None else f"org {organization}"),
            (body.get("ruleName"),),
        ),
        group="" if body.get("dashboardId") is None else f"{NAME}/dashboard/{body['dashboardId']}",
        description=body.get("message"),
        labels=matched | tags,
        annotations={"matches": body.get("evalMatches") or None, "title": body.get("title")},
        links=(("Source", body.get("ruleUrl")), ("Image", body.get("imageUrl"))),
    )


def _rule(body: dict[str, Any]) -> str:
    rule = first(body.get("ruleId"))
    return "" if rule is None else f"rule {text.scalar(rule)}"
