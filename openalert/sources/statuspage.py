"""Statuspage's webhook: somebody else's status page says something about an incident or a component.

https://support.atlassian.com/statuspage/docs/enable-webhook-notifications/; instatus and others send the same.
"""

from typing import Any

from openalert.domain.alert import Signal, SignalStatus
from openalert.domain.severity import Severity
from openalert.sources import identity, normal, text, words
from openalert.sources.fields import at, first, listed, within
from openalert.sources.source import Inbound, Nothing, source_of

NAME = "statuspage"

_IMPACTS = {
    "critical": Severity.CRITICAL,
    "major": Severity.HIGH,
    "minor": Severity.MEDIUM,
    "none": Severity.INFO,
    "maintenance": Severity.INFO,
}
_COMPONENTS = {
    "major_outage": Severity.CRITICAL,
    "partial_outage": Severity.HIGH,
    "degraded_performance": Severity.MEDIUM,
    "under_maintenance": Severity.INFO,
}
_OVER = {"resolved", "postmortem", "completed", "operational"}
_PLANNED = {"scheduled", "in_progress", "verifying"}


def _looks_like(body: dict[str, Any], _inbound: Inbound) -> bool:
    if type(body.get("page")) is not dict:
        return False
    return any(type(body.get(name)) is dict for name in ("incident", "component", "maintenance"))


def _read(body: dict[str, Any], inbound: Inbound) -> Signal | Nothing:
    incident = within(body, "incident") or within(body, "maintenance")
    return _incident(incident, body, inbound) if incident else _component(body, inbound)


def _incident(incident: dict[str, Any], body: dict[str, Any], inbound: Inbound) -> Signal | Nothing:
    state = text.line(incident.get("status")).lower()
    if state in _PLANNED or (state not in _OVER and incident.get("scheduled_for")):
        return Nothing("It is planned maintenance of somebody else: nothing to do.")
    updates = [at(each, "body") for each in listed(incident.get("incident_updates"))]
    parts = [text.scalar(at(each, "name")) for each in listed(incident.get("components"))[:10]]
    return normal.signal(
        NAME,
        inbound.received_at,
        status=SignalStatus.RESOLVED if state in _OVER else SignalStatus.FIRING,
        severity=words.level(_IMPACTS, incident.get("impact")),
        title=(incident.get("name"), *updates[:1]),
        key=identity.of(NAME, (incident.get("id"),), (first(at(body, "page", "id")), incident.get("name"))),
        description=tuple(updates[:1]),
        labels=_page(body) | {"components": ", ".join(filter(None, parts)), "state": state},
        links=(("Source", first(incident.get("shortlink"), incident.get("url"))),),
        starts=None if state in _OVER else first(incident.get("updated_at"), incident.get("created_at")),
        ends=incident.get("resolved_at"),
    )


def _component(body: dict[str, Any], inbound: Inbound) -> Signal | Nothing:
    component, update = within(body, "component"), within(body, "component_update")
    state = text.line(first(update.get("new_status"), component.get("status"))).lower()
    if state == "under_maintenance":
        return Nothing("A component of somebody else is in maintenance: nothing to do.")
    name, words_ = normal.first_line(component.get("name")), state.replace("_", " ")
    moment = first(update.get("created_at"), component.get("updated_at"))
    over = state in _OVER
    return normal.signal(
        NAME,
        inbound.received_at,
        status=SignalStatus.RESOLVED if over else SignalStatus.FIRING,
        severity=words.level(_COMPONENTS, state),
        title=(f"{name}: {words_}" if name and words_ else name,),
        key=identity.of(NAME, (first(component.get("id"), update.get("component_id")), "component")),
        description=component.get("description"),
        labels=_page(body) | {"components": name, "state": state},
        starts=None if over else moment,
        ends=moment,
    )


def _page(body: dict[str, Any]) -> dict[str, Any]:
    page = within(body, "page")
    return {"page": first(page.get("name"), page.get("id")), "page_status": page.get("status_description")}


SOURCE = source_of(NAME, _looks_like, _read)
