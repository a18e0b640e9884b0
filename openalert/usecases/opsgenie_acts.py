"""What a call of Opsgenie's Alert API does to an alert, in the name of the integration whose key it has."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from openalert.domain.alert import Alert, AlertStatus
from openalert.domain.errors import Conflict, Invalid
from openalert.domain.escalation import Target, TargetType
from openalert.domain.instant import Instant
from openalert.domain.opsgenie import OpsgenieAlert
from openalert.domain.severity import Severity
from openalert.domain.user import User, email_key
from openalert.sources import text
from openalert.storage import alerts as stored
from openalert.storage import incidents as open_incidents
from openalert.storage import opsgenie, users
from openalert.storage.rows import to_json
from openalert.storage.transaction import Transaction
from openalert.usecases import alerts, audit, incidents, responders, transitions
from openalert.usecases.work import Work

MOST_TAGS = 64
LONGEST_TAG = 50
MOST_RESPONDERS = 50
CLOSED = "Alert is closed"


async def acknowledge(tx: Transaction, alert: Alert) -> None:
    """Somebody has it; nobody else is paged."""
    _must_be_open(alert)
    await alerts.acknowledge(tx, alert.id)


async def unacknowledge(tx: Transaction, alert: Alert) -> None:
    """Nobody has it after all: its incident is triggered, and pages, again."""
    _must_be_open(alert)
    await stored.unacknowledge(tx, alert.id)
    incident = await open_incidents.get(tx, alert.incident_id) if alert.incident_id else None
    if incident is not None and incident.is_open:
        await incidents.reopen(tx, incident.id, reason="unacknowledged by its sender")
    _record(tx, "unacknowledged", alert)


async def close(tx: Transaction, alert: Alert) -> None:
    """It is over."""
    if alert.status is AlertStatus.RESOLVED:
        raise Conflict(CLOSED)
    await alerts.resolve(tx, alert.id)


async def note(tx: Transaction, alert: Alert, body: str) -> None:
    """Something for the next reader of its incident."""
    await incidents.note(tx, _incident_of(alert), body=body)


async def snooze(tx: Transaction, alert: Alert, until: Instant) -> None:
    """Silent until then; what is open by then pages again."""
    _must_be_open(alert)
    await incidents.snooze(tx, _incident_of(alert), until=until)


async def assign(tx: Transaction, alert: Alert, *, user_id: str = "", username: str = "") -> None:
    """Somebody is to work on it; named by id or by address."""
    _must_be_open(alert)
    person = await _person(tx, user_id, username)
    await incidents.reassign(tx, _incident_of(alert), user_id=person.id)


async def escalate(tx: Transaction, alert: Alert) -> None:
    """The next level of the service's policy now."""
    _must_be_open(alert)
    await incidents.escalate(tx, _incident_of(alert))


async def add_responder(tx: Transaction, alert: Alert, responder: Mapping[str, str], message: str) -> None:
    """Ask a person to help; a team, schedule or escalation is written down as one that the sender named."""
    _must_be_open(alert)
    if responder.get("type", "user") == "user":
        person = await _person(tx, responder.get("id", ""), responder.get("username", ""))
        target = Target(type=TargetType.USER, id=person.id)
        await responders.ask(tx, _incident_of(alert), targets=[target], message=text.line(message, 200))
    own = await _own(tx, alert)
    if own is not None and responder not in own.responders:
        own.responders = [*own.responders, dict(responder)][:MOST_RESPONDERS]
        await opsgenie.change(tx, own)
    _record(tx, "responder_named", alert, after={"responder": to_json(dict(responder))})


async def add_tags(tx: Transaction, alert: Alert, tags: Sequence[str]) -> None:
    """These beside those that it has."""
    await _tag(tx, alert, [*alert.tags, *tags])


async def remove_tags(tx: Transaction, alert: Alert, tags: Collection[str]) -> None:
    """Without these."""
    await _tag(tx, alert, [tag for tag in alert.tags if tag not in tags])


async def _tag(tx: Transaction, alert: Alert, tags: Sequence[str]) -> None:
    kept = tags_of(tags)
    await opsgenie.set_tags(tx, alert.id, kept)
    _record(tx, "tagged", alert, {"tags": alert.tags}, {"tags": kept})


def tags_of(values: Sequence[Any]) -> list[str]:
    """Tags as they are kept: one clean line each, no empty ones, each once, bounded in number and length."""
    lines = (text.line(text.scalar(value), LONGEST_TAG) for value in values)
    return list(dict.fromkeys(line for line in lines if line))[:MOST_TAGS]


async def add_details(tx: Transaction, alert: Alert, details: Mapping[str, str]) -> None:
    """These properties beside or instead of those that it has."""
    own = await _own(tx, alert)
    if own is not None:
        await _detail(tx, alert, own, own.details | dict(details), alert.annotations | dict(details))


async def remove_details(tx: Transaction, alert: Alert, keys: Collection[str]) -> None:
    """Without these properties."""
    own = await _own(tx, alert)
    if own is not None:
        left = {key: value for key, value in own.details.items() if key not in keys}
        seen = {key: value for key, value in alert.annotations.items() if key not in keys}
        await _detail(tx, alert, own, left, seen)


async def _detail(
    tx: Transaction, alert: Alert, own: OpsgenieAlert, details: dict[str, str], annotations: dict[str, str]
) -> None:
    before = own.details
    own.details = text.kept(details, text.ANNOTATION)
    await opsgenie.change(tx, own)
    alert.annotations = text.kept(annotations, text.ANNOTATION)
    await _amend(tx, alert)
    _record(tx, "updated", alert, {"details": before}, {"details": own.details})


async def set_message(tx: Transaction, alert: Alert, message: str) -> None:
    """Another title of the alert; its incident keeps its own."""
    before, alert.title = alert.title, text.line(message)
    await _amend(tx, alert)
    _record(tx, "updated", alert, {"title": before}, {"title": alert.title})


async def set_description(tx: Transaction, alert: Alert, description: str) -> None:
    """Another description of the alert."""
    before, alert.description = alert.description, text.paragraphs(description)
    await _amend(tx, alert)
    _record(tx, "updated", alert, {"description": before}, {"description": alert.description})


async def set_severity(tx: Transaction, alert: Alert, severity: Severity) -> None:
    """How bad it is; a rise of an open one raises its incident, which pages again."""
    before, alert.severity = alert.severity, severity
    await _amend(tx, alert)
    _record(tx, "updated", alert, {"severity": before}, {"severity": severity})
    incident = await open_incidents.get(tx, alert.incident_id) if alert.incident_id else None
    if incident is not None and incident.is_open and alert.status is not AlertStatus.RESOLVED:
        work = Work(tx)
        await transitions.rise(work, incident, severity)
        await work.flush()


async def custom_action(_: Transaction, alert: Alert, name: str) -> None:
    """Opsgenie's custom actions run a script of its customer; nothing here does."""
    raise Conflict(f"Custom actions such as {text.line(name, 50)} are not run here.", alertId=alert.id)


async def _amend(tx: Transaction, alert: Alert) -> None:
    """Write the texts and the severity as they are now; the source's own sum stays, so its repeats change nothing."""
    await stored.refresh(
        tx,
        [
            {
                "id": alert.id,
                "severity": alert.severity,
                "title": alert.title,
                "description": alert.description,
                "annotations": to_json(alert.annotations),
                "links": to_json(alert.links),
                "content_sum": alert.content_sum,
                "starts_at": alert.starts_at,
                "payload_id": alert.payload_id,
                "at": tx.now,
            }
        ],
    )


async def _own(tx: Transaction, alert: Alert) -> OpsgenieAlert | None:
    return (await opsgenie.of_alerts(tx, [alert.id])).get(alert.id)


async def _person(tx: Transaction, user_id: str, username: str) -> User:
    found = await users.get(tx, tx.actor, user_id) if user_id else None
    if found is None and username:
        found = await users.by_email_key(tx, email_key(username))
    if found is None or found.organization_id != tx.actor.organization_id or not found.is_active:
        raise Invalid("User does not exist", field="owner")
    return found


def _incident_of(alert: Alert) -> str:
    if alert.incident_id is None:
        raise Conflict("The alert is held back and has no incident yet.")
    return alert.incident_id


def _must_be_open(alert: Alert) -> None:
    if alert.status is AlertStatus.RESOLVED:
        raise Conflict(CLOSED)


def _record(tx: Transaction, act: str, alert: Alert, before: Any = None, after: Any = None) -> None:
    audit.record(
        tx,
        f"alert.{act}",
        kind="alert",
        id=alert.id,
        name=alert.title,
        team_id=alert.team_id,
        before=before,
        after=after if after is not None or before is not None else {"incident_id": alert.incident_id},
        organization_id=alert.organization_id,
    )
