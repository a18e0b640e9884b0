"""The body of PagerDuty's Events API, versions 1 and 2, as every tool that can page through PagerDuty sends it.

https://developer.pagerduty.com/docs/events-api-v2/trigger-events/ and …/events-api-v1/. An acknowledgement and an end
carry nothing but the `dedup_key`.
"""

from typing import Any

from openalert.domain.alert import Signal, SignalStatus
from openalert.domain.severity import Severity
from openalert.sources import identity, normal, text, words
from openalert.sources.fields import first, listed, within
from openalert.sources.source import Inbound, Nothing, source_of

NAME = "pagerduty_events"

_ACTIONS = {
    "trigger": SignalStatus.FIRING,
    "acknowledge": SignalStatus.ACKNOWLEDGED,
    "resolve": SignalStatus.RESOLVED,
}
_SEVERITIES = {
    "critical": Severity.CRITICAL,
    "error": Severity.HIGH,
    "warning": Severity.MEDIUM,
    "info": Severity.INFO,
}
_SHOWN = 10


def _looks_like(body: dict[str, Any], _inbound: Inbound) -> bool:
    if "event_action" in body:
        return "routing_key" in body or "dedup_key" in body or type(body.get("payload")) is dict
    if "service_key" in body and "event_type" in body:
        return True
    return "routing_key" in body and type(body.get("payload")) is dict


def _read(body: dict[str, Any], inbound: Inbound) -> Signal | Nothing:
    payload = within(body, "payload")
    action = first(body.get("event_action"), body.get("event_type"))
    status = words.look_up(_ACTIONS, action)
    if status is None:
        if "event_action" not in body and "event_type" not in body and payload:
            return Nothing(_change(text.line(payload.get("summary"))))
        status = words.status(action) or SignalStatus.FIRING
    own = text.scalar(first(body.get("dedup_key"), body.get("incident_key"), ""))
    summary = first(payload.get("summary"), body.get("description"))
    key = identity.key(own) or identity.digest(NAME, text.line(summary), text.scalar(payload.get("source")))
    details = payload.get("custom_details") or body.get("details")
    facts = text.texts(details)
    return normal.signal(
        NAME,
        inbound.received_at,
        status=status,
        severity=None
        if status is SignalStatus.RESOLVED
        else words.level(_SEVERITIES, payload.get("severity")) or words.severity(payload.get("severity")),
        title=(summary, payload.get("source"), own and f"PagerDuty event {own}"),
        key=key,
        group=text.line(first(payload.get("group"), payload.get("class"))),
        description=(details if isinstance(details, str) else "", body.get("description")),
        labels={
            "source": payload.get("source"),
            "component": payload.get("component"),
            "group": payload.get("group"),
            "class": payload.get("class"),
            "client": body.get("client"),
        },
        annotations=facts,
        links=(
            (text.line(body.get("client"), 80) or "Source", body.get("client_url")),
            *((text.line(each.get("text"), 80) or "Link", each.get("href")) for each in _linked(body)),
        ),
        starts=payload.get("timestamp") if status is SignalStatus.FIRING else None,
    )


def _change(summary: str) -> str:
    return (
        f"A change, which pages nobody: {summary}" if summary else "It is a change event, which pages nobody."
    )


def faults(event: dict[str, Any]) -> list[str]:
    """Why PagerDuty would refuse an event of version 2, in its words; empty when it takes it.

    Only what makes an event useless counts: a severity in other words than PagerDuty's is read as far as it can be.
    """
    found = _action_faults(event, "event_action")
    if found:
        return found
    if not _is_trigger(event.get("event_action")):
        return _missing(event, ("dedup_key",))
    payload = event.get("payload")
    if type(payload) is not dict:
        return _missing(event, ("payload",)) or ["'payload' is not an object"]
    return _missing(payload, ("summary", "source", "severity"), "payload.")


def faults_of_change(event: dict[str, Any]) -> list[str]:
    """Why PagerDuty would refuse a change event, in its words."""
    payload = event.get("payload")
    if type(payload) is not dict:
        return _missing(event, ("payload",)) or ["'payload' is not an object"]
    return _missing(payload, ("summary",), "payload.")


def faults_of_version_1(event: dict[str, Any]) -> list[str]:
    """Why PagerDuty would refuse an event of version 1, in its words."""
    found = _action_faults(event, "event_type")
    if found:
        return found
    return _missing(event, ("description" if _is_trigger(event.get("event_type")) else "incident_key",))


def _action_faults(event: dict[str, Any], name: str) -> list[str]:
    if missing := _missing(event, (name,)):
        return missing
    if words.look_up(_ACTIONS, event[name]) is None:
        return [f"'{name}' is invalid (must be one of the following: 'trigger', 'acknowledge' or 'resolve')"]
    return []


def _is_trigger(action: Any) -> bool:
    return words.look_up(_ACTIONS, action) is SignalStatus.FIRING


def _missing(values: dict[str, Any], names: tuple[str, ...], prefix: str = "") -> list[str]:
    return [f"'{prefix}{name}' is missing or blank" for name in names if not _says(values.get(name))]


def _says(value: Any) -> bool:
    """Whether the value is text that is not blank, or a number: nothing else can be meant."""
    return bool(value.strip()) if isinstance(value, str) else isinstance(value, int | float)


def _linked(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Links of version 2, and contexts of version 1; pictures are linked, too."""
    found = listed(body.get("links")) + listed(body.get("contexts")) + listed(body.get("images"))
    some = [each for each in found[:_SHOWN] if type(each) is dict]
    return [
        {"text": first(each.get("text"), each.get("alt")), "href": first(each.get("href"), each.get("src"))}
        for each in some
    ]


SOURCE = source_of(NAME, _looks_like, _read)
