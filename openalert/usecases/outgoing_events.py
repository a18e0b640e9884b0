"""From committed events to deliveries of outgoing webhooks: what each is told, in the shapes of the API.

The row of an event is written in the transaction of its cause, so nothing is lost when the program dies between the
two; a cursor that moves in the transaction that writes the deliveries sees to it that each is written once.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import structlog

from openalert.domain import hops, matching
from openalert.domain.access import SYSTEM
from openalert.domain.alert import Alert
from openalert.domain.errors import Invalid
from openalert.domain.event import Event
from openalert.domain.ids import new_id
from openalert.domain.incident import Incident
from openalert.domain.instant import Instant, rfc3339
from openalert.domain.outgoing_webhook import (
    TEST_EVENT,
    DeliveryStatus,
    OutgoingDelivery,
    OutgoingWebhook,
    Subject,
    Wants,
    names_of,
    wants,
)
from openalert.domain.service import Service
from openalert.domain.team import Team
from openalert.domain.timeline import TimelineEntry
from openalert.storage import (
    alerts,
    incidents,
    outgoing_deliveries,
    outgoing_webhooks,
    services,
    teams,
    timeline,
)
from openalert.storage.transaction import Reader, Transaction

log = structlog.get_logger(__name__)

VERSION = 1
"""Of the body's form; a member that is added does not change it."""
BATCH = 100
"""Events that are looked at together."""
MOST_BODY = 262_144
"""Bytes; what is longer is told without the alert's texts, labels and annotations, and says so."""
NOTE_ADDED = "incident.note_added"
NOTE = "note"
"""The kind of the entry in the timeline that it is about."""
MOST_NOTES = 20
MOST_ALERTS = 50
"""So many alerts of an incident are held against matchers."""


class Shapes(msgspec.Struct, frozen=True):
    """How the API shows things; the API is above this room, so whoever builds the program hands them in."""

    incident: Callable[[Incident], Any]
    alert: Callable[[Alert], Any]
    base_url: str


class _Facts(msgspec.Struct, kw_only=True):
    """What is known about the things that some events are about."""

    incidents: Mapping[str, Incident]
    alerts: Mapping[str, Alert]
    services: Mapping[str, Service]
    teams: Mapping[str, Team]
    labels: dict[str, Sequence[Mapping[str, str]]]
    """Of each incident's alerts, where a matcher asks for them."""
    notes: Mapping[str, Sequence[TimelineEntry]]
    """The newest notes of incidents that got one."""


class Gathered(msgspec.Struct, frozen=True):
    """What webhooks are to be told of the next events."""

    before: int
    """Where the cursor was."""
    last: int
    """Where it is to be."""
    rows: Sequence[OutgoingDelivery]


async def gather(reader: Reader, shapes: Shapes) -> Gathered | None:
    """Compose what webhooks are told of the next events, without keeping anybody from writing; None: nothing new."""
    before = await outgoing_deliveries.cursor(reader)
    webhooks = await outgoing_webhooks.enabled(reader)
    if not webhooks:
        return None
    after = max(before, min(each.from_sequence for each in webhooks))
    found = await outgoing_deliveries.events_after(reader, after, BATCH)
    last = found[-1].seq if found else after
    if last == before:
        return None
    of = _by_organization(webhooks)
    named = {webhook.id: names_of(webhook.events) for webhook in webhooks}
    told = [
        event
        for event in found
        if any(named[each.id](event.type) for each, _ in of.get(event.organization_id, ()))
    ]
    facts = await _facts(reader, told, matched=any(webhook.matchers for webhook in webhooks))
    rows = [
        row for event in told for row in _rows(event, of[event.organization_id], facts, shapes, reader.now)
    ]
    return Gathered(before, last, rows)


async def keep(tx: Transaction, gathered: Gathered) -> bool:
    """Write it down and move the cursor, both or neither; False when somebody else was quicker."""
    if not await outgoing_deliveries.advance(tx, gathered.before, gathered.last):
        return False
    there = {webhook.id for webhook in await outgoing_webhooks.enabled(tx)}
    await outgoing_deliveries.insert(tx, [row for row in gathered.rows if row.webhook_id in there])
    return True


def _by_organization(
    webhooks: Sequence[OutgoingWebhook],
) -> dict[str, list[tuple[OutgoingWebhook, Wants]]]:
    """Each with its test; one whose filters cannot be read any more is told nothing, and stops no other."""
    of: dict[str, list[tuple[OutgoingWebhook, Wants]]] = {}
    for webhook in webhooks:
        try:
            of.setdefault(webhook.organization_id, []).append((webhook, wants(webhook)))
        except Invalid as error:
            log.warning("outgoing webhook not told", webhook_id=webhook.id, error=error.message)
    return of


def test_delivery(webhook: OutgoingWebhook, by: str, now: Instant) -> OutgoingDelivery:
    """A delivery about nothing, that shows that the receiver takes what we send."""
    document = _document(TEST_EVENT, now, 0, webhook.organization_id)
    document["data"] = {"message": f"{by} asked for a test of the webhook {webhook.name}. Nothing is wrong."}
    delivery_id = new_id(now)
    return _delivery(delivery_id, webhook, TEST_EVENT, 0, delivery_id, _encoded(document).decode(), now)


def _rows(
    event: Event,
    webhooks: Sequence[tuple[OutgoingWebhook, Wants]],
    facts: _Facts,
    shapes: Shapes,
    now: Instant,
) -> list[OutgoingDelivery]:
    thing = _thing(event, facts)
    if thing is None:
        return []
    subject = _subject(event, thing, facts)
    meant = [webhook for webhook, fits in webhooks if event.seq > webhook.from_sequence and fits(subject)]
    if not meant:
        return []
    body = _body(event, thing, facts, shapes)
    incident = facts.incidents.get(thing.incident_id or "") if isinstance(thing, Alert) else thing
    travelled = max(thing.hops, incident.hops if incident else 0)
    return [
        _delivery(new_id(now), webhook, event.type, event.seq, thing.id, body, now, travelled)
        for webhook in meant
    ]


def _delivery(
    delivery_id: str,
    webhook: OutgoingWebhook,
    kind: str,
    sequence: int,
    object_id: str,
    body: str,
    now: Instant,
    travelled: int = 0,
) -> OutgoingDelivery:
    is_loop = travelled >= hops.MOST
    return OutgoingDelivery(
        id=delivery_id,
        webhook_id=webhook.id,
        type=kind,
        sequence=sequence,
        object_id=object_id,
        body=body,
        status=DeliveryStatus.FAILED if is_loop else DeliveryStatus.PENDING,
        due_at=None if is_loop else now,
        failure_reason="loop" if is_loop else None,
        hops=travelled,
        created_at=now,
        updated_at=now,
    )


async def _facts(reader: Reader, events: Sequence[Event], *, matched: bool) -> _Facts:
    about_alerts = [str(event.data.get("id")) for event in events if event.type.startswith("alert.")]
    found = await alerts.get_many(reader, about_alerts) if about_alerts else {}
    wanted = {event.incident_id for event in events if event.incident_id is not None}
    wanted |= {alert.incident_id for alert in found.values() if alert.incident_id is not None}
    concerned = await incidents.get_many(reader, sorted(wanted)) if wanted else {}
    things: list[Alert | Incident] = [*found.values(), *concerned.values()]
    labels: dict[str, Sequence[Mapping[str, str]]] = {}
    if matched:
        for incident_id in {event.incident_id for event in events if event.type.startswith("incident.")}:
            if incident_id is not None:
                reported = await alerts.of_incident(reader, incident_id, limit=MOST_ALERTS)
                labels[incident_id] = [_labels(alert) for alert in reported]
    return _Facts(
        incidents=concerned,
        alerts=found,
        services=await services.named(reader, SYSTEM, {thing.service_id for thing in things}),
        teams=await teams.named(reader, SYSTEM, {thing.team_id for thing in things}),
        labels=labels,
        notes={
            incident_id: await timeline.newest_of_kind(reader, incident_id, NOTE, MOST_NOTES)
            for incident_id in {each.incident_id for each in events if each.type == NOTE_ADDED}
            if incident_id is not None
        },
    )


def _thing(event: Event, facts: _Facts) -> Alert | Incident | None:
    """What the event is about, as it is now; None when it is no more."""
    if event.type.startswith("alert."):
        return facts.alerts.get(str(event.data.get("id")))
    return facts.incidents.get(event.incident_id or "")


def _subject(event: Event, thing: Alert | Incident, facts: _Facts) -> Subject:
    if isinstance(thing, Alert):
        labels: Sequence[Mapping[str, str]] = [_labels(thing)]
    else:
        labels = facts.labels.get(thing.id) or [
            matching.facts(title=thing.title, severity=thing.severity, source="", fingerprint="")
        ]
    return Subject(
        type=event.type,
        team_id=thing.team_id,
        service_id=thing.service_id,
        severity=thing.severity,
        labels=labels,
    )


def _labels(alert: Alert) -> dict[str, str]:
    return alert.labels | matching.facts(
        title=alert.title, severity=alert.severity, source=alert.source, fingerprint=alert.fingerprint
    )


def _body(event: Event, thing: Alert | Incident, facts: _Facts, shapes: Shapes) -> str:
    alert = thing if isinstance(thing, Alert) else None
    incident = facts.incidents.get((alert.incident_id if alert else thing.id) or "")
    service, team = facts.services.get(thing.service_id), facts.teams.get(thing.team_id)
    document = _document(event.type, event.at, event.seq, event.organization_id)
    data: dict[str, Any] = {
        "incident": _shown(shapes.incident(incident), f"{shapes.base_url}/incidents/{incident.id}")
        if incident
        else None,
        "alert": _shown(shapes.alert(alert), f"{shapes.base_url}/alerts/{alert.id}") if alert else None,
        "service": {"id": service.id, "name": service.name, "slug": service.slug} if service else None,
        "team": {"id": team.id, "name": team.name, "slug": team.slug} if team else None,
    }
    if event.type == NOTE_ADDED:
        data["note"] = _note(event, facts)
    document["data"] = data
    encoded = _encoded(document)
    if len(encoded) > MOST_BODY and data["alert"] is not None:
        data["alert"] |= {"description": "", "labels": {}, "annotations": {}, "links": []}
        document["truncated"] = True
        encoded = _encoded(document)
    return encoded.decode()


def _note(event: Event, facts: _Facts) -> dict[str, str] | None:
    """What was written, and by whom; None where it is among too many others."""
    for entry in facts.notes.get(event.incident_id or "", ()):
        if entry.at == event.at:
            return {"body": str(entry.data.get("body", "")), "author": entry.actor_name}
    return None


def _document(kind: str, at: Instant, sequence: int, organization_id: str) -> dict[str, Any]:
    return {
        "version": VERSION,
        "type": kind,
        "timestamp": rfc3339(at),
        "sequence": sequence,
        "organizationId": organization_id,
        "truncated": False,
    }


def _shown(shape: Any, url: str) -> dict[str, Any]:
    """A thing as the API shows it, with the address of its page."""
    built: dict[str, Any] = msgspec.to_builtins(shape)
    return built | {"url": url}


def _encoded(document: dict[str, Any]) -> bytes:
    """JSON; half a surrogate pair, which JSON of a sender can hold, becomes a question mark."""
    try:
        return msgspec.json.encode(document)
    except UnicodeEncodeError:
        return msgspec.json.encode(_encodable(document))


def _encodable(value: Any) -> Any:
    match value:
        case str():
            return value.encode("utf-8", "replace").decode("utf-8")
        case list():
            return [_encodable(item) for item in value]
        case dict():
            return {_encodable(name): _encodable(item) for name, item in value.items()}
        case _:
            return value
