"""Opsgenie's Alert API for the integration whose key a sender has: it sees and changes what came in by that key.

Opsgenie answers every change with the id of a request and does it later. Here it is done when it is answered; what
became of it is kept for a day for those who ask.
"""

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from openalert.domain.access import Actor, Role
from openalert.domain.alert import Alert
from openalert.domain.errors import Conflict, Forbidden, Invalid, NotFound
from openalert.domain.incident import Incident
from openalert.domain.opsgenie import IdentifierType, OpsgenieAlert, OpsgenieRequest
from openalert.domain.user import User
from openalert.sources import identity, text
from openalert.storage import alerts, incidents, opsgenie, users
from openalert.storage.database import Database
from openalert.storage.routes import Route
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases.inbound import Outcome

GONE = "Alert does not exist"
LONGEST_NAME = 100
_LARGEST_TINY_ID = 10**15
_REFUSALS = (Conflict, Forbidden, Invalid, NotFound)
"""What makes a request fail, after it was accepted."""

Act = Callable[[Transaction, Alert], Awaitable[None]]
"""What is done to an alert; one of `_REFUSALS` when it cannot be."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One call that changes an alert."""

    request_id: str
    action: str
    """As Opsgenie names it: `Acknowledge`."""
    done: str
    """What its status says when it was done: `Acknowledged alert`."""
    identifier: str
    identifier_type: IdentifierType
    user: str = ""
    """Who did it, by the sender's word; it gives no rights."""


class Shown(msgspec.Struct, frozen=True):
    """An alert with everything that the Alert API shows of it."""

    alert: Alert
    own: OpsgenieAlert
    incident: Incident | None
    people: dict[str, User]
    """Whoever is named by alert and incident, by id."""


def actor_of(route: Route, alert: Alert | None = None, user: str = "") -> Actor:
    """The integration as an actor: it responds to what came in by it, in whatever team that is by now."""
    teams = {route.team_id} | ({alert.team_id} if alert else set())
    said = text.line(user, LONGEST_NAME)
    return Actor(
        kind="integration",
        id=route.integration_id,
        name=f"{route.integration_name} ({said})" if said else route.integration_name,
        organization_id=route.organization_id,
        teams=dict.fromkeys(teams, Role.MEMBER),
    )


async def find(reader: Reader, route: Route, identifier: str, kind: IdentifierType) -> Alert | None:
    """The alert of the integration that this names; of an alias the newest; None when it has none."""
    found = await _candidate(reader, route, identifier, kind)
    return found if found is not None and found.integration_id == route.integration_id else None


async def _candidate(reader: Reader, route: Route, identifier: str, kind: IdentifierType) -> Alert | None:
    alert_id: str | None = identifier
    if kind is IdentifierType.TINY:
        tiny = int(identifier) if identifier.isascii() and identifier.isdigit() else 0
        known = 0 < tiny < _LARGEST_TINY_ID
        alert_id = await opsgenie.by_tiny_id(reader, route.organization_id, tiny) if known else None
    elif kind is IdentifierType.ALIAS:
        key = alerts.latest_key(route.integration_id, identity.key(identifier))
        latest = (await alerts.latest(reader, [key])).get(key)
        alert_id = latest.id if latest else identifier
    if alert_id is None:
        return None
    alert = await alerts.get(reader, alert_id)
    if alert is None and kind is IdentifierType.ID:
        created = await opsgenie.by_request(reader, identifier)
        alert = await alerts.get(reader, created) if created else None
    return alert


async def ask(database: Database, route: Route, asked: Asked, act: Act) -> None:
    """Do it, and keep what became of it under the request's id; an alert that is not there is told only there."""
    alert = await database.look(lambda reader: find(reader, route, asked.identifier, asked.identifier_type))
    if alert is None:
        await database.act(lambda tx: _settle(tx, route, asked, None, GONE))
        return

    async def perform(tx: Transaction) -> None:
        await act(tx, alert)
        await _settle(tx, route, asked, alert, "")

    try:
        await database.act(perform, actor_of(route, alert, asked.user))
    except _REFUSALS as error:
        reason = error.message
        await database.act(lambda tx: _settle(tx, route, asked, alert, reason))


async def _settle(tx: Transaction, route: Route, asked: Asked, alert: Alert | None, refused: str) -> None:
    """Write down what became of a request; `refused` is empty when it was done."""
    own = (await opsgenie.of_alerts(tx, [alert.id])).get(alert.id) if alert else None
    await opsgenie.record(
        tx,
        OpsgenieRequest(
            id=asked.request_id,
            integration_id=route.integration_id,
            action=asked.action,
            is_success=not refused,
            status=refused or asked.done,
            alert_id=alert.id if alert else None,
            alias=own.alias if own else alert.fingerprint if alert else None,
            processed_at=tx.now,
        ),
    )


async def created(
    tx: Transaction, route: Route, outcome: Outcome, *, fingerprint: str, own: OpsgenieAlert, tags: list[str]
) -> None:
    """What goes with a `Create` that was taken in: its short number and its request, in the same transaction.

    `own` lacks what is known only now. An alert that is open already keeps what it has; only its count rises.
    """
    if outcome.error is not None:
        return
    key = alerts.latest_key(route.integration_id, fingerprint)
    latest = (await alerts.latest(tx, [key])).get(key)
    status = "Dropped by a rule"
    alias = own.alias
    if latest is not None:
        known = (await opsgenie.of_alerts(tx, [latest.id])).get(latest.id)
        status = "Created alert" if known is None else "Raised the count of the open alert"
        if known is None:
            known = await _number(tx, route, latest.id, own)
            made = await alerts.get(tx, latest.id) if tags else None
            if made is not None:
                # Rules may have tagged it on its way in.
                await opsgenie.set_tags(tx, made.id, list(dict.fromkeys([*made.tags, *tags])))
        alias = known.alias
    await opsgenie.record(
        tx,
        OpsgenieRequest(
            id=own.request_id or "",
            integration_id=route.integration_id,
            action="Create",
            is_success=True,
            status=status,
            alert_id=latest.id if latest else None,
            alias=alias or None,
            processed_at=tx.now,
        ),
    )


async def _number(tx: Transaction, route: Route, alert_id: str, own: OpsgenieAlert) -> OpsgenieAlert:
    tiny = await opsgenie.next_tiny_id(tx, route.organization_id)
    numbered = msgspec.structs.replace(
        own,
        alert_id=alert_id,
        organization_id=route.organization_id,
        integration_id=route.integration_id,
        tiny_id=tiny,
        alias=own.alias or alert_id,
    )
    await opsgenie.insert(tx, numbered)
    return numbered


async def show(database: Database, route: Route, alert_ids: Sequence[str]) -> list[Shown]:
    """These alerts of the integration in their order, each with a short number from now on."""
    shown, without = await database.look(lambda reader: _shown(reader, route, alert_ids))
    if without:
        await database.act(lambda tx: number(tx, route, without))
        shown, _ = await database.look(lambda reader: _shown(reader, route, alert_ids))
    return shown


async def _shown(reader: Reader, route: Route, alert_ids: Sequence[str]) -> tuple[list[Shown], list[str]]:
    """The alerts, and the ids of those that have no number yet."""
    found = await alerts.get_many(reader, alert_ids)
    own = await opsgenie.of_alerts(reader, list(found))
    about = await incidents.get_many(
        reader, [each.incident_id for each in found.values() if each.incident_id]
    )
    named = {
        each for incident in about.values() for each in (incident.assignee_id, incident.acknowledged_by_id)
    }
    named |= {alert.resolved_by_id for alert in found.values()}
    people = await users.named(reader, actor_of(route), [each for each in named if each])
    listed = [found[each] for each in alert_ids if each in found]
    shown = [
        Shown(alert, own[alert.id], about.get(alert.incident_id or ""), people)
        for alert in listed
        if alert.id in own
    ]
    return shown, [alert.id for alert in listed if alert.id not in own]


async def number(tx: Transaction, route: Route, alert_ids: Sequence[str]) -> None:
    """Give alerts that came in by other ways what the Alert API shows of each; who has it keeps it."""
    known = await opsgenie.of_alerts(tx, alert_ids)
    found = await alerts.get_many(tx, [each for each in alert_ids if each not in known])
    for alert in sorted(found.values(), key=lambda each: each.id):
        own = OpsgenieAlert(
            alert_id=alert.id,
            organization_id=route.organization_id,
            integration_id=route.integration_id,
            tiny_id=0,
            alias=alert.fingerprint,
            source=alert.source,
            details=alert.labels,
        )
        await _number(tx, route, alert.id, own)
