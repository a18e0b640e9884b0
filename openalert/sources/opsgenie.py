"""Opsgenie's outgoing webhook: what happened to one of its alerts.

https://support.atlassian.com/opsgenie/docs/opsgenie-edge-connector-alert-action-data/
"""

from typing import Any

from openalert.domain.alert import Signal, SignalStatus
from openalert.domain.severity import Severity
from openalert.sources import identity, normal, text, words
from openalert.sources.fields import at, first, texts_of, within
from openalert.sources.source import Inbound, Nothing, source_of

NAME = "opsgenie"

_PRIORITIES = {
    "1": Severity.CRITICAL,
    "2": Severity.HIGH,
    "3": Severity.MEDIUM,
    "4": Severity.LOW,
    "5": Severity.INFO,
}
_ACTIONS = {
    "create": SignalStatus.FIRING,
    "close": SignalStatus.RESOLVED,
    "delete": SignalStatus.RESOLVED,
    "acknowledge": SignalStatus.ACKNOWLEDGED,
    "updatepriority": SignalStatus.FIRING,
    "updatemessage": SignalStatus.FIRING,
    "updatedescription": SignalStatus.FIRING,
}


def _looks_like(body: dict[str, Any], _inbound: Inbound) -> bool:
    alert = body.get("alert")
    return type(alert) is dict and "alertId" in alert and "action" in body


def _read(body: dict[str, Any], inbound: Inbound) -> Signal | Nothing:
    alert, action = within(body, "alert"), text.line(body.get("action"))
    status = words.look_up(_ACTIONS, action)
    if status is None:
        return Nothing(f'Opsgenie\'s "{action}" changes nothing here.')
    over = status is SignalStatus.RESOLVED
    return normal.signal(
        NAME,
        inbound.received_at,
        status=status,
        severity=None if over else priority(first(alert.get("priority"), alert.get("newPriority"))),
        title=(alert.get("message"), alert.get("alias"), alert.get("description")),
        key=identity.of(NAME, (alert.get("alias"),), (alert.get("alertId"),), (alert.get("tinyId"),)),
        description=(alert.get("description"), alert.get("note")),
        labels=dict.fromkeys(texts_of(alert.get("tags"))[: text.LABELS], "true")
        | {"entity": alert.get("entity"), "source": alert.get("source")},
        annotations=text.texts(alert.get("details"))
        | {
            "alert_id": alert.get("alertId"),
            "tiny_id": alert.get("tinyId"),
            "integration": body.get("integrationName"),
            "by": at(alert, "username"),
        },
        links=(("Source", _page(alert.get("alertId"))),),
        starts=alert.get("createdAt"),
        ends=alert.get("updatedAt"),
    )


def priority(value: Any) -> Severity | None:
    """P1 to P5, or the number alone."""
    return words.level(_PRIORITIES, value) or words.severity(value)


def _page(alert_id: Any) -> str | None:
    return f"https://app.opsgenie.com/alert/detail/{alert_id}/details" if isinstance(alert_id, str) else None


SOURCE = source_of(NAME, _looks_like, _read)
