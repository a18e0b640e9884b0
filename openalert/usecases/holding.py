"""Holding: held alerts whose time has come are looked at again, and page, once, if nothing holds them any more.

What holds an alert is a row. Its end, by time or by an act, is taken in the same transaction in which the alert opens
or joins its incident, so that an interruption at any point lets it go neither twice nor never.
"""

from collections.abc import Sequence

from openalert.domain.access import SYSTEM
from openalert.domain.alert import Alert, AlertStatus
from openalert.domain.handling import ONCE, Draft, HoldKind, draft_again
from openalert.domain.ids import new_id
from openalert.domain.incident import open_key
from openalert.domain.instant import Instant
from openalert.domain.trace import Step, shortened
from openalert.storage import alerts, holds, incidents, payloads, routes
from openalert.storage.holds import HoldRow
from openalert.storage.routes import Route
from openalert.storage.transaction import Transaction
from openalert.usecases import quieting
from openalert.usecases.batch import Batch
from openalert.usecases.opening import Concerned, came_by_merge, conclude, open_or_join

PER_TRANSACTION = 200


def rows_for(draft: Draft, alert_id: str) -> list[HoldRow]:
    """What holds the alert from now on, as rows."""
    return [
        HoldRow(
            id=new_id(draft.now),
            alert_id=alert_id,
            kind=hold.kind,
            ref_id=hold.ref_id,
            name=hold.name,
            since=draft.now,
            until=hold.until,
            once=hold.kind in ONCE,
        )
        for hold in draft.holds
    ]


async def let_go_due(tx: Transaction) -> int:
    """Look again at alerts of which something holds them no more, the longest overdue first; how many holds ended."""
    over = await holds.take_due(tx, PER_TRANSACTION)
    if over:
        ended: dict[str, list[HoldRow]] = {}
        for row in over:
            ended.setdefault(row.alert_id, []).append(row)
        await _look_again(tx, ended)
    return len(over)


async def let_go(tx: Transaction, alert_ids: Sequence[str]) -> None:
    """Look again at these alerts, which are held although nothing holds them."""
    await _look_again(tx, {alert_id: [] for alert_id in alert_ids})


async def end_overdue(tx: Transaction, before: Instant) -> int:
    """End alerts that waited for a time before this one: it is too long ago to page for them; how many.

    What is still true is sent again. Those that count in an open incident stay in it, and are held no more.
    """
    over = await holds.overdue(tx, before, PER_TRANSACTION)
    batch = Batch(tx)
    known = [
        each for each in (await alerts.get_many(tx, over)).values() if each.status is AlertStatus.SUPPRESSED
    ]
    of = await incidents.get_many(tx, list({each.incident_id for each in known if each.incident_id}))
    for alert in known:
        if alert.incident_id in of and of[alert.incident_id].is_open:
            _fires_again(batch, alert)
        else:
            _end(batch, alert)
    await holds.close(tx, over)
    await batch.write()
    return len(over)


async def _look_again(tx: Transaction, ended: dict[str, list[HoldRow]]) -> None:
    ids = list(ended)
    known = await alerts.get_many(tx, ids)
    held = await holds.live(tx, ids)
    waited = await holds.waited(tx, ids)
    ways = await _ways(tx, list(known.values()))
    batch = Batch(tx)
    of = await incidents.get_many(tx, list({each.incident_id for each in known.values() if each.incident_id}))
    going: list[tuple[Alert, Route, Draft]] = []
    coming: list[Alert] = []
    for alert in sorted(known.values(), key=lambda each: each.id):
        if alert.status is not AlertStatus.SUPPRESSED:
            continue
        for row in ended[alert.id]:
            _note(alert, tx, "released", kind=row.kind, name=row.name, ref=row.ref_id)
            if row.kind is HoldKind.SNOOZE:
                alert.snoozed_until = None
        if held.get(alert.id):
            batch.changed_alerts.append(alert)
            continue
        if alert.incident_id in of and of[alert.incident_id].is_open:
            coming.append(alert)
            continue
        way = ways.get(alert.id)
        if way is None:
            _end(batch, alert)
            continue
        draft = draft_again(
            alert,
            team_id=way.team_id,
            service_id=way.service_id,
            waited=waited.get(alert.id, frozenset()),
            now=tx.now,
        )
        await batch.judge(way, draft)
        going.append((alert, way, draft))
    await batch.read_incidents(
        {open_key(draft.service_id, draft.group) for _, _, draft in going},
        [each.incident_id for each in coming if each.incident_id],
    )
    for alert in coming:
        await _come_back(batch, alert, max((row.until or 0 for row in ended[alert.id]), default=tx.now))
    concerned = Concerned(SYSTEM)
    for alert, way, draft in going:
        await _go(batch, concerned, alert, way, draft)
    await conclude(batch, concerned)
    await batch.write()


async def _ways(tx: Transaction, held: Sequence[Alert]) -> dict[str, Route]:
    """By alert: the way by which it came in, to the service that its message named; none where that is gone."""
    by_integration = await routes.by_integration(tx, list({alert.integration_id for alert in held}))
    wished = await payloads.services_named(tx, [alert.payload_id for alert in held if alert.payload_id])
    found: dict[str, Route] = {}
    wanted: dict[str, tuple[str, str]] = {}
    for alert in held:
        way = by_integration.get(alert.integration_id) or await routes.of_service(tx, alert.service_id)
        if way is not None:
            found[alert.id] = way
            if (name := wished.get(alert.payload_id or "")) and alert.integration_id in by_integration:
                wanted[alert.id] = (way.team_id, name)
    named = await routes.named(tx, set(wanted.values())) if wanted else {}
    return found | {
        alert_id: routes.towards(found[alert_id], named[pair])
        for alert_id, pair in wanted.items()
        if pair in named
    }


async def _go(batch: Batch, concerned: Concerned, alert: Alert, way: Route, draft: Draft) -> None:
    route = await batch.target(way, draft.service_id)
    alert.trace += draft.steps
    alert.severity, alert.tags = draft.severity, draft.tags
    alert.service_id, alert.team_id = route.service_id, route.team_id
    if draft.dropped:
        _end(batch, alert)
        return
    if draft.holds:
        alert.group_key = draft.group
        batch.holds += rows_for(draft, alert.id)
        batch.changed_alerts.append(alert)
        return
    incident = await open_or_join(
        batch,
        concerned,
        route,
        group=draft.group,
        title=alert.title,
        severity=alert.severity,
        hops=alert.hops,
    )
    came_by_merge(batch, route, draft.group, alert.id)
    alert.incident_id, alert.team_id = incident.id, incident.team_id
    _fires_again(batch, alert)


async def _come_back(batch: Batch, alert: Alert, since: Instant) -> None:
    """It has counted in its incident all the time; where nobody is asked for that any more, somebody is again."""
    await quieting.come_back(batch.work, batch.by_id[alert.incident_id or ""], since)
    _fires_again(batch, alert)


def _fires_again(batch: Batch, alert: Alert) -> None:
    alert.status, alert.group_key, alert.snoozed_until = AlertStatus.FIRING, None, None
    _note(alert, batch.tx, "let_go")
    batch.changed_alerts.append(alert)
    batch.work.say_alert("updated", alert)


def _end(batch: Batch, alert: Alert) -> None:
    """Nobody is to be told of it any more: its service is gone, or a rule drops what it is."""
    alert.status, alert.resolved_at, alert.group_key = AlertStatus.RESOLVED, batch.tx.now, None
    # Its sender has not said that it is over: what is heard of it later is looked at as if it began then.
    alert.starts_at = None
    _note(alert, batch.tx, "ended_unseen")
    batch.changed_alerts.append(alert)
    batch.work.say_alert("resolved", alert)


def _note(alert: Alert, tx: Transaction, code: str, **data: object) -> None:
    alert.trace = shortened([*alert.trace, Step(at=tx.now, code=code, data=data)])
