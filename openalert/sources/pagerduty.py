"""PagerDuty's outgoing webhooks: version 3, and the retired 1 and 2 that copies still send.

https://developer.pagerduty.com/docs/webhooks/v3-overview/ lists the events; only those that open, end or take an
incident count here.
"""

from typing import Any

from openalert.domain.alert import Signal, SignalStatus
from openalert.domain.errors import Invalid
from openalert.domain.severity import Severity
from openalert.sources import identity, normal, text, words
from openalert.sources.fields import at, first, within
from openalert.sources.source import Inbound, Nothing, Reading, Source, read_each, source_of

NAME = "pagerduty"

_EVENTS = {
    "triggered": SignalStatus.FIRING,
    "trigger": SignalStatus.FIRING,
    "reopened": SignalStatus.FIRING,
    "unacknowledged": SignalStatus.FIRING,
    "unacknowledge": SignalStatus.FIRING,
    "escalated": SignalStatus.FIRING,
    "escalate": SignalStatus.FIRING,
    "priority_updated": SignalStatus.FIRING,
    "acknowledged": SignalStatus.ACKNOWLEDGED,
    "acknowledge": SignalStatus.ACKNOWLEDGED,
    "resolved": SignalStatus.RESOLVED,
    "resolve": SignalStatus.RESOLVED,
}
_ROOMS = ("incident.", "service.", "pagey.")
_URGENCIES = {"high": Severity.HIGH, "low": Severity.LOW}


def _is_event(body: dict[str, Any], _inbound: Inbound) -> bool:
    kind = at(body, "event", "event_type")
    return isinstance(kind, str) and type(at(body, "event", "data")) is dict and kind.startswith(_ROOMS)


def _is_message(body: dict[str, Any]) -> bool:
    """One message of version 1 (`type`) or 2 (`event`)."""
    kind = body.get("event") if isinstance(body.get("event"), str) else body.get("type")
    return isinstance(kind, str) and kind.startswith("incident.") and ("incident" in body or "data" in body)


def _read(body: dict[str, Any], inbound: Inbound) -> Signal | Nothing:
    event = within(body, "event")
    kind = text.line(first(event.get("event_type"), body.get("event"), body.get("type")))
    room, _, act = kind.partition(".")
    incident = within(event, "data") or within(body, "incident") or within(body, "data", "incident")
    status = _EVENTS.get(act.lower())
    if room != "incident" or status is None:
        return Nothing(f'PagerDuty\'s "{kind}" changes nothing here.')
    over = status is SignalStatus.RESOLVED
    told = incident.get("trigger_summary_data")
    return normal.signal(
        NAME,
        inbound.received_at,
        status=status,
        severity=None if over else _severity(incident),
        title=(
            incident.get("title"),
            incident.get("summary"),
            at(told, "subject"),
            at(told, "description"),
            f"PagerDuty incident {text.scalar(first(incident.get('incident_number'), incident.get('number'), ''))}",
        ),
        key=identity.of(NAME, (incident.get("id"),), (incident.get("incident_key"),)),
        description=(incident.get("description"), at(incident, "body", "details")),
        labels={
            "service": first(at(incident, "service", "summary"), at(incident, "service", "name")),
            "urgency": incident.get("urgency"),
            "policy": first(
                at(incident, "escalation_policy", "summary"), at(incident, "escalation_policy", "name")
            ),
        },
        annotations={
            "number": first(incident.get("number"), incident.get("incident_number")),
            "incident_key": incident.get("incident_key"),
            "by": at(event, "agent", "summary"),
        },
        links=(("Source", first(incident.get("html_url"), incident.get("self"))),),
        starts=None
        if over
        else first(event.get("occurred_at"), body.get("created_on"), incident.get("created_at")),
    )


def _severity(incident: dict[str, Any]) -> Severity | None:
    """Its priority when it has one of ours by name, else its urgency."""
    named = words.severity(first(at(incident, "priority", "summary"), at(incident, "priority", "name")))
    return named or words.level(_URGENCIES, incident.get("urgency"))


_SINGLE = source_of(NAME, _is_event, _read)


def _looks_like(body: Any, inbound: Inbound) -> bool:
    messages = at(body, "messages")
    if type(messages) is not list:
        return _SINGLE.looks_like(body, inbound)
    return any(type(message) is dict and _is_message(message) for message in messages[:1])


def _parse(body: Any, inbound: Inbound) -> Reading:
    """Versions 1 and 2 collect their messages."""
    messages = at(body, "messages")
    if type(messages) is not list:
        return _SINGLE.parse(body, inbound)
    if not messages:
        raise Invalid("`messages` is empty, so the body holds no alert.")
    return read_each(NAME, messages, lambda item: _read(item, inbound))


SOURCE = Source(name=NAME, looks_like=_looks_like, parse=_parse)
