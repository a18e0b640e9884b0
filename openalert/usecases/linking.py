"""Alerts that people move from one incident to another, or out of one: no page is lost by it.

Whatever nobody has answered for goes on asking for somebody where it comes to, docs/decisions/0007. An incident that
loses its last firing alert is over, unless a person opened it by hand.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from openalert.domain import incident as rules
from openalert.domain.access import SYSTEM, Actor, Permission
from openalert.domain.alert import Alert, AlertStatus
from openalert.domain.errors import Conflict, Invalid, NotFound
from openalert.domain.ids import new_id
from openalert.domain.incident import Incident, IncidentStatus
from openalert.domain.severity import Severity
from openalert.storage import alerts, incidents, recipients, routes
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import access, escalation, news, quieting, transitions
from openalert.usecases import incidents as acts
from openalert.usecases.work import Work

MOST_MOVED = 200
_TOLD = 3
_BY_HAND = "manual:"


class Severe(Protocol):
    """Whatever has a severity."""

    severity: Severity


class Unlinked(msgspec.Struct):
    """What became of an alert that was taken out of its incident."""

    incident: Incident
    """The one that it left."""
    own: Incident | None
    """The one that it is now by itself; None: it was over, and belongs to none."""


async def open_for(reader: Reader, actor: Actor, incident_id: str) -> Incident:
    """The incident that is to take something in: one that the actor answers for, open, and not a part of another."""
    incident = await acts.see(reader, actor, incident_id)
    access.require(actor, Permission.RESPOND, incident.team_id)
    await acts.refuse_merged(reader, incident)
    if not incident.is_open:
        raise Conflict(
            f"#{incident.number} is resolved; reopen it first.",
            code="INVALID_STATUS_TRANSITION",
            status=incident.status,
            allowed=["triggered"],
        )
    return incident


async def link(tx: Transaction, incident_id: str, alert_ids: Sequence[str]) -> Incident:
    """These alerts belong to the incident from now on, wherever they were. What is there already stays."""
    target = await open_for(tx, tx.actor, incident_id)
    moving = [each for each in await _named(tx, alert_ids) if each.incident_id != target.id]
    if not moving:
        return target
    work = Work(tx)
    left = await incidents.get_many(tx, list({each.incident_id for each in moving if each.incident_id}))
    firing = [each for each in moving if each.status is not AlertStatus.RESOLVED]
    # What is held asks for nobody; it does once it is let go, and then wakes an incident that is quiet.
    asking = [each for each in firing if each.status is not AlertStatus.SUPPRESSED]
    unanswered = any(is_unanswered(left.get(each.incident_id or ""), tx.now) for each in asking)
    await alerts.link(tx, [each.id for each in moving], target.id, target.team_id)
    target.alert_count += len(moving)
    target.firing_count += len(firing)
    numbers = sorted(incident.number for incident in left.values())
    work.tell(target, "alerts_linked", **_words(moving), sources=numbers)
    work.say(target, "alert_linked")
    transitions.record(
        tx, "alerts_linked", target, after={"alerts": [each.id for each in moving], "from": numbers}
    )
    for incident in left.values():
        gone = [each for each in moving if each.incident_id == incident.id]
        _take_out(work, incident, gone)
        work.tell(incident, "alerts_unlinked", **_words(gone), to=target.number)
        work.say(incident, "alert_unlinked")
    if firing:
        await receive(work, target, worst_of(firing), f"{_count(firing)} moved to it", unanswered=unanswered)
    await quieting.disturb(work, target)
    await settle(work, [each for each in left.values() if each.is_open])
    await work.flush()
    return target


async def unlink(tx: Transaction, incident_id: str, alert_id: str) -> Unlinked:
    """Take an alert out: what still fires is an incident of its own, what is over belongs to none.

    Whoever has the incident has the new one too; where nobody has, it escalates like any other, once nothing holds
    the alert.
    """
    incident = await acts.see(tx, tx.actor, incident_id)
    access.require(tx.actor, Permission.RESPOND, incident.team_id)
    alert = await alerts.get(tx, alert_id)
    if alert is None or alert.incident_id != incident.id:
        raise NotFound("alert")
    if incident.is_open and incident.alert_count == 1 and not incident.group_key.startswith(_BY_HAND):
        raise Conflict(f"It is the only alert of #{incident.number}.", code="ONLY_ALERT")
    work = Work(tx)
    own = None
    if alert.status is AlertStatus.RESOLVED:
        await alerts.link(tx, [alert.id], None, alert.team_id)
    else:
        own = await _on_its_own(work, incident, alert)
        await alerts.link(tx, [alert.id], own.id, own.team_id)
    _take_out(work, incident, [alert])
    work.tell(incident, "alerts_unlinked", **_words([alert]), to=own.number if own else None)
    work.say(incident, "alert_unlinked")
    transitions.record(
        tx, "alert_unlinked", incident, after={"alert": alert.id, "to": own.number if own else None}
    )
    if incident.is_open:
        await settle(work, [incident])
    if own is not None:
        await quieting.settle(work, [own])
    await work.flush()
    return Unlinked(incident, own)


def worst_of(things: Sequence[Severe]) -> Severity:
    """The worst severity among some alerts or incidents; there is at least one."""
    return max((each.severity for each in things), key=lambda severity: severity.rank)


def is_unanswered(incident: Incident | None, now: int) -> bool:
    """Whether somebody is still to be paged for it."""
    return incident is None or (incident.wants_pages(now) and incident.escalation_next_at is not None)


async def receive(work: Work, target: Incident, severity: Severity, what: str, *, unanswered: bool) -> None:
    """Something has come to the incident: it rises, and what nobody has answered for goes on asking for somebody.

    `what` says it in few words to whoever has the incident.
    """
    await transitions.rise(work, target, severity)
    silent = target.is_snoozed(work.now)
    ended = target.status is IncidentStatus.TRIGGERED and target.escalation_next_at is None
    if unanswered and (silent or ended):
        target.snoozed_until = None
        rules.reopen(target, work.now)
        work.tell(target, "paging_again", SYSTEM, why=f"{what}, and nobody has answered for that")
        await transitions.escalate_again(work, target)
    headline = f"{what[0].upper()}{what[1:]}"
    if target.status is IncidentStatus.ACKNOWLEDGED:
        await news.tell_the_paged(work, [(target, headline)])
    else:
        await news.change_messages(work, [(target, headline)])


async def settle(work: Work, left: Sequence[Incident]) -> None:
    """Incidents that lost alerts: those without a firing one are over, unless a person opened them by hand."""
    over = [each for each in left if each.firing_count <= 0 and not each.group_key.startswith(_BY_HAND)]
    if over:
        await transitions.resolve_with_its_alerts(work, over, moved=True)
    await quieting.settle(work, left)


async def _named(tx: Transaction, alert_ids: Sequence[str]) -> list[Alert]:
    """The alerts that a body names, as far as the actor may move them."""
    ids = list(dict.fromkeys(alert_ids))
    if not 1 <= len(ids) <= MOST_MOVED:
        raise Invalid(f"alertIds names 1 to {MOST_MOVED} alerts.", field="alertIds")
    known = await alerts.get_many(tx, ids)
    seen = {
        key: each for key, each in known.items() if access.sees(tx.actor, each.organization_id, each.team_id)
    }
    access.all_known(ids, seen, "alertIds", "alert")
    for alert in seen.values():
        access.require(tx.actor, Permission.RESPOND, alert.team_id)
    return [seen[each] for each in ids]


async def _on_its_own(work: Work, incident: Incident, alert: Alert) -> Incident:
    tx = work.tx
    route = await routes.of_service(tx, alert.service_id)
    if route is None:
        raise Conflict("The service of the alert is gone; move it to another incident.", code="SERVICE_GONE")
    access.require(tx.actor, Permission.RESPOND, route.team_id, "service")
    number = await incidents.take_numbers(tx, route.organization_id, 1)
    own_id = new_id(tx.now)
    # A group of its own: an incident that the alert was taken out into before may be open, with other alerts.
    group = f"alert:{alert.id}:{own_id}"
    own = transitions.begin(work, route, own_id, number, alert.title, alert.severity, group)
    own.alert_count = own.firing_count = 1
    holder = None
    if incident.status is IncidentStatus.ACKNOWLEDGED:
        rules.acknowledge(own, incident.acknowledged_by_id, tx.now)
        own.assignee_id = incident.assignee_id
        escalation.stop(work, own)
        names = await recipients.names(tx, [incident.acknowledged_by_id or ""])
        holder = names.get(incident.acknowledged_by_id or "", "whoever acknowledged")
    work.tell(own, "split", title=alert.title, holder=holder, source=incident.number)
    transitions.record(tx, "opened", own, after={"severity": own.severity, "from": incident.number})
    return own


def _take_out(work: Work, incident: Incident, gone: Sequence[Alert]) -> None:
    incident.alert_count -= len(gone)
    incident.firing_count -= sum(each.status is not AlertStatus.RESOLVED for each in gone)
    work.touch(incident)


def _words(moved: Sequence[Alert]) -> dict[str, Any]:
    return {"count": len(moved), "titles": [each.title for each in moved[:_TOLD]]}


def _count(moved: Sequence[Alert]) -> str:
    return "1 alert was" if len(moved) == 1 else f"{len(moved)} alerts were"
