"""ThousandEyes's webhook notifications: an alert, and the agents or tests that raised it.

https://docs.thousandeyes.com/product-documentation/alerts/integrations-and-webhooks
"""

from typing import Any

from openalert.domain.alert import Signal, SignalStatus
from openalert.sources import identity, normal, text, words
from openalert.sources.fields import at, first, listed, within
from openalert.sources.source import Inbound, Nothing, source_of

NAME = "thousandeyes"


def _looks_like(body: dict[str, Any], _inbound: Inbound) -> bool:
    kind = body.get("eventType", body.get("type"))
    if isinstance(kind, str) and kind.startswith(("ALERT_NOTIFICATION_", "WEBHOOK_TEST")):
        return "alert" in body or "eventId" in body
    return type(body.get("alert")) is dict and "ruleExpression" in body["alert"] and "eventId" in body


def _read(body: dict[str, Any], inbound: Inbound) -> Signal | Nothing:
    kind = text.line(first(body.get("eventType"), body.get("type"))).upper()
    if "TEST" in kind.split("_"):
        return Nothing("ThousandEyes tests the connection: it works.")
    alert = within(body, "alert") or within(body, "agentAlert")
    over = kind.endswith(("_CLEAR", "_CLEARED")) or alert.get("active") == 0
    rule, target = (
        alert.get("ruleName"),
        first(alert.get("testName"), alert.get("agentName"), alert.get("hostname")),
    )
    agents = [text.line(at(each, "agentName")) for each in listed(alert.get("agents"))[:10]]
    return normal.signal(
        NAME,
        inbound.received_at,
        status=SignalStatus.RESOLVED if over else SignalStatus.FIRING,
        severity=None if over else words.severity(alert.get("severity")),
        title=(rule and (f"{rule}: {target}" if target is not None else rule), target, alert.get("type")),
        key=identity.of(NAME, (alert.get("alertId"),), (first(alert.get("ruleId"), rule), target or "")),
        group=identity.of(NAME, (first(alert.get("ruleId"), rule),)),
        description=(alert.get("ruleExpression"), at(alert, "testTargetsDescription")),
        labels={
            "rule": rule,
            "test": alert.get("testName"),
            "agent": first(alert.get("agentName"), ", ".join(filter(None, agents))),
            "host": alert.get("hostname"),
            "type": alert.get("type"),
        },
        annotations={"expression": alert.get("ruleExpression"), "violations": alert.get("violationCount")},
        links=(("Source", first(alert.get("permalink"), alert.get("appLinks"))),),
        starts=first(alert.get("dateStartZoned"), alert.get("dateStart")),
        ends=first(alert.get("dateEndZoned"), alert.get("dateEnd")),
    )


SOURCE = source_of(NAME, _looks_like, _read)
