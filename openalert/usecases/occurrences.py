"""What the alerts of a message do, one after the other: a new occurrence, a repeat, an end, or nothing."""

import msgspec

from openalert.domain.alert import (
    Alert,
    AlertStatus,
    Ended,
    Occurrence,
    Signal,
    SignalStatus,
    Verdict,
    content_sum,
    judge,
    later,
)
from openalert.domain.handling import Draft
from openalert.domain.ids import new_id
from openalert.domain.incident import Incident
from openalert.domain.instant import Instant
from openalert.domain.noise import remembered
from openalert.domain.service import ReadAs
from openalert.domain.trace import shortened
from openalert.domain.watchdog import is_watchdog
from openalert.storage import alerts
from openalert.storage.routes import Route
from openalert.usecases import transitions
from openalert.usecases.batch import Batch
from openalert.usecases.holding import rows_for
from openalert.usecases.inbound import Message
from openalert.usecases.opening import came_by_merge, open_or_join, rise_if_worse

READ_AS_TOLD = 10
"""Of how many alerts of a message it is kept what they were read as."""


async def take(batch: Batch, message: Message, signal: Signal) -> None:
    """Do what one alert of a message says, by what is known of it; nothing is written before the batch is."""
    if is_watchdog(signal):
        await _hear_watchdog(batch, message, signal)
    else:
        await _judge(batch, message, signal)


async def _hear_watchdog(batch: Batch, message: Message, signal: Signal) -> None:
    """A watchdog's alert is a beat. If it was stored as an alert, before it was known as a watchdog, that is over."""
    if message.delivery.replay_of is None:
        batch.watchdogs.append((message.route, signal))
    known = batch.known.get(alerts.latest_key(message.route.integration_id, signal.fingerprint))
    if known is not None and known.status is not AlertStatus.RESOLVED:
        over = msgspec.structs.replace(signal, status=SignalStatus.RESOLVED, starts_at=None)
        await _judge(batch, message, over)


async def _judge(batch: Batch, message: Message, signal: Signal) -> None:
    key = alerts.latest_key(message.route.integration_id, signal.fingerprint)
    known = batch.known.get(key)
    verdict = judge(signal, known)
    await _follow(batch, message, signal, key, verdict)
    if len(message.read_as) < READ_AS_TOLD:
        message.read_as.append(_read_as(signal, verdict, batch.known.get(key)))


def _read_as(signal: Signal, verdict: Verdict, known: Occurrence | None) -> ReadAs:
    return ReadAs(
        title=signal.title,
        status=signal.status.value,
        severity=signal.severity,
        became=verdict.value,
        alert_id=known.id if known else None,
        incident_id=known.incident_id if known else None,
    )


async def _follow(batch: Batch, message: Message, signal: Signal, key: str, verdict: Verdict) -> None:
    """Do what a verdict says."""
    known = batch.known.get(key)
    draft = batch.drafts.get(id(signal)) if batch.drafts else None
    if draft is not None and draft.dropped and verdict in (Verdict.OPEN, Verdict.STORE_RESOLVED):
        message.dropped.append(draft.dropped)
        message.keep = True
    elif verdict is Verdict.OPEN:
        await _open(batch, message, signal, key, draft)
    elif verdict is Verdict.STORE_RESOLVED:
        _store(batch, message, signal, key, AlertStatus.RESOLVED, message.route, None, draft)
    elif known is None or verdict is Verdict.STALE:
        message.outcome.deduplicated += 1
    elif verdict is Verdict.REPEAT:
        await _repeat(batch, message, signal, known, draft)
    elif verdict is Verdict.RESOLVE:
        _resolve(batch, message, signal, known)
    else:  # its source says that somebody has acknowledged it there
        incident = batch.by_id.get(known.incident_id or "")
        if (
            incident is not None
            and incident.is_open
            and await transitions.acknowledge(batch.work, incident, actor=message.actor)
        ):
            message.touched[incident.id] = incident


async def _open(batch: Batch, message: Message, signal: Signal, key: str, draft: Draft | None) -> None:
    if draft is None:
        route, group, severity = (
            message.route,
            signal.group,
            signal.severity or message.route.default_severity,
        )
    else:
        route = await batch.target(message.route, draft.service_id)
        group, severity = draft.group, draft.severity
        if draft.holds:
            _hold(batch, message, signal, key, route, draft)
            return
    incident = await open_or_join(
        batch, message, route, group=group, title=signal.title, severity=severity, hops=message.hops
    )
    alert = _store(batch, message, signal, key, AlertStatus.FIRING, route, incident, draft)
    if batch.merges:
        came_by_merge(batch, route, group, alert.id)


def _hold(batch: Batch, message: Message, signal: Signal, key: str, route: Route, draft: Draft) -> None:
    """Keep a firing alert without an incident: it pages nobody until its last hold ends (see `holding`)."""
    alert = _store(batch, message, signal, key, AlertStatus.SUPPRESSED, route, None, draft)
    alert.group_key = draft.group
    batch.holds += rows_for(draft, alert.id)


_TOLD = {
    AlertStatus.FIRING: "created",
    AlertStatus.RESOLVED: "resolved",
    AlertStatus.SUPPRESSED: "suppressed",
}


def _store(
    batch: Batch,
    message: Message,
    signal: Signal,
    key: str,
    status: AlertStatus,
    route: Route,
    incident: Incident | None,
    draft: Draft | None,
) -> Alert:
    """A new occurrence, of the service that `route` leads to; one that is resolved is over already."""
    now, over = batch.tx.now, status is AlertStatus.RESOLVED
    before = batch.known.get(key)
    alert = Alert(
        id=new_id(now),
        organization_id=route.organization_id,
        team_id=incident.team_id if incident else route.team_id,
        service_id=route.service_id,
        integration_id=message.route.integration_id,
        incident_id=incident.id if incident else None,
        fingerprint=signal.fingerprint,
        status=status,
        severity=draft.severity if draft else signal.severity or route.default_severity,
        title=signal.title,
        description=signal.description,
        source=signal.source,
        labels=signal.labels,
        annotations=signal.annotations,
        links=signal.links,
        payload_id=message.payload_id or None,
        content_sum=content_sum(signal),
        count=1,
        starts_at=signal.starts_at,
        fired_at=now,
        last_seen_at=now,
        resolved_at=_end(signal, now) if over else None,
        updated_at=now,
        tags=draft.tags if draft else [],
        began=remembered(before.began, before.fired_at) if before else [],
        trace=shortened(draft.steps) if draft else [],
        hops=message.hops,
    )
    if before is not None:
        batch.superseded.append(before.id)
    batch.new_alerts.append(alert)
    batch.known[key] = Occurrence(
        id=alert.id,
        incident_id=alert.incident_id,
        status=alert.status,
        severity=alert.severity,
        content_sum=alert.content_sum,
        starts_at=alert.starts_at,
        resolved_by_id=None,
        fired_at=now,
        began=alert.began,
    )
    batch.work.say_alert(_TOLD[status], alert)
    message.keep = True
    return alert


async def _repeat(
    batch: Batch, message: Message, signal: Signal, known: Occurrence, draft: Draft | None
) -> None:
    message.outcome.deduplicated += 1
    batch.repeats[known.id] = batch.repeats.get(known.id, 0) + 1
    was = known.severity
    severity = draft.severity if draft is not None else signal.severity or was
    begun = later(signal.starts_at, known.starts_at)
    if signal.words_stay:
        severity = max(severity, was, key=lambda each: each.rank)
        if severity is not was:
            batch.risen[known.id] = known.severity = severity
            message.keep = True
    elif (
        severity is not known.severity or content_sum(signal) != known.content_sum or begun != known.starts_at
    ):
        signal.severity, signal.starts_at = severity, begun
        batch.refreshed[known.id] = (signal, message.payload_id or None)
        known.content_sum, known.severity, known.starts_at = content_sum(signal), severity, begun
        message.keep = True
    incident = batch.by_id.get(known.incident_id or "")
    if incident is not None and incident.is_open:
        message.touched[incident.id] = incident
        # People may have found it less bad than its alert: that holds while the alert says nothing new.
        if severity is not was and severity.rank > max(was.rank, incident.severity.rank):
            await rise_if_worse(batch, message, message.route, incident, severity)
    elif number := batch.going_on.get(known.incident_id or ""):
        message.going_on[known.incident_id or ""] = number
    elif known.status is AlertStatus.SUPPRESSED and severity.rank > was.rank:
        batch.reconsidered.append(known.id)


def _resolve(batch: Batch, message: Message, signal: Signal, known: Occurrence) -> None:
    if known.status is AlertStatus.SUPPRESSED:
        batch.unheld.append(known.id)
    known.status = AlertStatus.RESOLVED
    # What silence alone has closed begins anew when its sender is heard again, whatever that says of its beginning.
    is_silence = message.delivery.outcome == "closed"
    known.starts_at = None if is_silence else later(signal.starts_at, known.starts_at)
    batch.resolved[known.id] = (_end(signal, batch.tx.now), known.starts_at)
    message.keep = True
    batch.work.say_alert_ended(
        message.route, known.incident_id, Ended(known.id, known.severity, signal.title)
    )
    incident = batch.by_id.get(known.incident_id or "")
    if incident is not None and incident.is_open:
        incident.firing_count -= 1
        message.ended.setdefault(incident.id, []).append(signal.title)
        message.touched[incident.id] = incident
        batch.work.touch(incident)


def _end(signal: Signal, now: Instant) -> Instant:
    """When it ended: by the source's clock if that is not in the future, else now."""
    return signal.ends_at if signal.ends_at is not None and signal.ends_at <= now else now
