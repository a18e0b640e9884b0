"""What people do to alerts: to one, or to many with a constant number of statements; what cannot be done is told."""

from collections.abc import Callable, Sequence

import msgspec

from openalert.domain.access import Actor, Permission, can
from openalert.domain.alert import Alert, AlertStatus
from openalert.domain.alert_deed import MOST_TAGS, PAST, AlertDeed, DeedKind
from openalert.domain.errors import Conflict, Invalid, NotFound
from openalert.domain.handling import HoldKind
from openalert.domain.ids import new_id
from openalert.domain.incident import Incident
from openalert.domain.trace import Step, shortened
from openalert.storage import alerts, holds, incidents, users
from openalert.storage.holds import HoldRow
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import access, audit, quieting, transitions
from openalert.usecases.work import Work

MOST_AT_ONCE = 200
"""Alerts of one transaction."""
BY_PEOPLE = (HoldKind.SNOOZE, HoldKind.SUPPRESSED)
_TITLES_TOLD = 3


class Done(msgspec.Struct, kw_only=True):
    """What became of a deed."""

    done: list[Alert] = []
    """As they are now."""
    refused: dict[str, str] = {}
    """Why not, by the ids of the others."""


async def see(reader: Reader, actor: Actor, alert_id: str) -> Alert:
    """The alert, or NotFound for what does not exist or belongs to a team the actor is not in."""
    alert = await alerts.get(reader, alert_id)
    if alert is None or not access.sees(actor, alert.organization_id, alert.team_id):
        raise NotFound("alert")
    return alert


async def acknowledge(tx: Transaction, alert_id: str) -> Alert:
    """The actor has it, and with it the incident that it belongs to."""
    return await one(tx, alert_id, AlertDeed(kind=DeedKind.ACKNOWLEDGE))


async def resolve(tx: Transaction, alert_id: str) -> Alert:
    """It is over; the last one to be over resolves the incident."""
    return await one(tx, alert_id, AlertDeed(kind=DeedKind.RESOLVE))


async def one(tx: Transaction, alert_id: str, deed: AlertDeed) -> Alert:
    """Do it to one alert; NotFound, Forbidden, Invalid or Conflict where that cannot be."""
    deed = deed.check(tx.now)
    alert = await see(tx, tx.actor, alert_id)
    access.require(tx.actor, Permission.RESPOND, alert.team_id)
    if alert.status is AlertStatus.RESOLVED and deed.kind is DeedKind.RESOLVE:
        return alert
    if reason := _refusal(alert, deed):
        raise Conflict(reason, code="INVALID_STATUS_TRANSITION", status=alert.status, allowed=[])
    return (await _do(tx, [alert], deed))[0]


async def many(tx: Transaction, alert_ids: Sequence[str], deed: AlertDeed) -> Done:
    """Do it to all of these to which it can be done, at most MOST_AT_ONCE; for each other one, why not."""
    deed = deed.check(tx.now)
    ids = list(dict.fromkeys(alert_ids))
    if len(ids) > MOST_AT_ONCE:
        raise Invalid(f"At most {MOST_AT_ONCE} alerts at once.", field="ids")
    known = await alerts.get_many(tx, ids)
    result = Done(done=[], refused={})
    for alert_id in ids:
        alert = known.get(alert_id)
        if alert is None or not access.sees(tx.actor, alert.organization_id, alert.team_id):
            result.refused[alert_id] = "There is no such alert."
        elif not can(tx.actor, Permission.RESPOND, alert.team_id):
            result.refused[alert_id] = "You may not respond in its team."
        elif reason := _refusal(alert, deed):
            result.refused[alert_id] = reason
        else:
            result.done.append(alert)
    if result.done:
        result.done = await _do(tx, result.done, deed)
    return result


def _refusal(alert: Alert, deed: AlertDeed) -> str:
    """Why it cannot be done to this one; empty: it can."""
    if alert.status is AlertStatus.RESOLVED and deed.kind not in (DeedKind.ASSIGN, DeedKind.TAG):
        return "The alert is resolved already."
    if deed.kind is DeedKind.RELEASE and alert.status is not AlertStatus.SUPPRESSED:
        return "Nothing holds the alert."
    if deed.kind is DeedKind.TAG and len(_tagged(alert, deed)) > MOST_TAGS:
        return f"An alert has at most {MOST_TAGS} tags."
    return ""


async def _do(tx: Transaction, chosen: list[Alert], deed: AlertDeed) -> list[Alert]:
    """The alerts as they are then."""
    work = Work(tx)
    ids = list({each.incident_id for each in chosen if each.incident_id})
    of = {key: each for key, each in (await incidents.get_many(tx, ids)).items() if each.is_open}
    if deed.kind is DeedKind.ACKNOWLEDGE:
        await _acknowledge(work, chosen, of)
    elif deed.kind is DeedKind.RESOLVE:
        await _resolve(work, chosen, of)
    elif deed.kind in (DeedKind.SNOOZE, DeedKind.SUPPRESS):
        await _hold(work, chosen, of, deed)
    elif deed.kind is DeedKind.RELEASE:
        await holds.end_of_alerts(tx, [each.id for each in chosen], BY_PEOPLE)
    elif deed.kind is DeedKind.ASSIGN:
        await _assign(tx, chosen, deed.user_id)
    else:
        for alert in chosen:
            alert.tags = _tagged(alert, deed)
        await alerts.decide(tx, chosen)
    for alert in chosen:
        _record(tx, alert, deed)
    await work.flush()
    known = await alerts.get_many(tx, [each.id for each in chosen])
    now = [known[each.id] for each in chosen]
    for alert in now:
        work.say_alert(_EVENTS.get(deed.kind, "updated"), alert)
    return now


_EVENTS = {
    DeedKind.ACKNOWLEDGE: "acknowledged",
    DeedKind.RESOLVE: "resolved",
    DeedKind.SNOOZE: "suppressed",
    DeedKind.SUPPRESS: "suppressed",
}


async def _acknowledge(work: Work, chosen: Sequence[Alert], of: dict[str, Incident]) -> None:
    await alerts.acknowledge(work.tx, [each.id for each in chosen])
    for incident in of.values():
        await transitions.acknowledge(work, incident)


async def _resolve(work: Work, chosen: Sequence[Alert], of: dict[str, Incident]) -> None:
    tx = work.tx
    ended = {"resolved_at": tx.now, "at": tx.now, "resolved_by_id": tx.actor.id or "system"}
    await alerts.resolve(tx, [ended | {"id": each.id, "starts_at": each.starts_at} for each in chosen])
    await holds.close(tx, [each.id for each in chosen])
    over = []
    for incident in of.values():
        titles = [each.title for each in chosen if each.incident_id == incident.id]
        incident.firing_count -= len(titles)
        work.tell(
            incident,
            "alerts_resolved",
            count=len(titles),
            titles=titles[:_TITLES_TOLD],
            firing=incident.firing_count,
        )
        work.say(incident, "updated")
        if incident.firing_count <= 0:
            over.append(incident)
    if over:
        await transitions.resolve_with_its_alerts(work, over)
    await quieting.settle(work, of.values())


async def _hold(work: Work, chosen: Sequence[Alert], of: dict[str, Incident], deed: AlertDeed) -> None:
    """They page nobody until then; in place of what people said about them before."""
    tx, is_snooze = work.tx, deed.kind is DeedKind.SNOOZE
    kind = HoldKind.SNOOZE if is_snooze else HoldKind.SUPPRESSED
    ref, name = tx.actor.id or "system", tx.actor.name
    for alert in chosen:
        alert.status = AlertStatus.SUPPRESSED
        alert.snoozed_until = deed.until if is_snooze else None
        data = {"kind": kind, "name": name, "ref": ref, "until": deed.until}
        alert.trace = shortened([*alert.trace, Step(at=tx.now, code="held", data=data)])
    await alerts.decide(tx, chosen)
    rows = [
        HoldRow(
            id=new_id(tx.now),
            alert_id=alert.id,
            kind=kind,
            ref_id=ref,
            name=name,
            since=tx.now,
            until=deed.until,
            once=True,
        )
        for alert in chosen
    ]
    await holds.replace(tx, BY_PEOPLE, rows)
    for incident in of.values():
        work.say(incident, "updated")
    await quieting.settle(work, of.values())


async def _assign(tx: Transaction, chosen: Sequence[Alert], user_id: str | None) -> None:
    if user_id is not None and await users.get(tx, tx.actor, user_id) is None:
        raise access.unknown("userId", "person", user_id)
    await alerts.assign(tx, [each.id for each in chosen], user_id)


def _tagged(alert: Alert, deed: AlertDeed) -> list[str]:
    kept = [tag for tag in alert.tags if tag not in deed.remove]
    return list(dict.fromkeys([*kept, *deed.add]))


_TOLD: dict[DeedKind, Callable[[AlertDeed], dict[str, object]]] = {
    DeedKind.SNOOZE: lambda deed: {"until": deed.until},
    DeedKind.SUPPRESS: lambda deed: {"until": deed.until},
    DeedKind.ASSIGN: lambda deed: {"user_id": deed.user_id},
    DeedKind.TAG: lambda deed: {"added": list(deed.add), "removed": list(deed.remove)},
}


def _record(tx: Transaction, alert: Alert, deed: AlertDeed) -> None:
    told = _TOLD[deed.kind](deed) if deed.kind in _TOLD else {}
    audit.record(
        tx,
        f"alert.{PAST[deed.kind]}",
        kind="alert",
        id=alert.id,
        name=alert.title,
        team_id=alert.team_id,
        after={"incident_id": alert.incident_id} | told,
        organization_id=alert.organization_id,
    )
