"""Signals become alerts, alerts become incidents: many messages at once, with a constant number of statements.

One call takes in a batch of messages in one transaction. Everything it needs to know is read first (routes, the
newest occurrence of each identity, the incidents concerned), then every signal is judged in memory in the order
in which it came, then rows of each kind are written together. The order of the messages is kept, and so is the
order inside each; an incident is resolved at the end of a message, never in its middle.
"""

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from openalert.domain import hops
from openalert.domain.access import Actor
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
from openalert.domain.errors import NotFound, OpenAlertError, Unauthenticated
from openalert.domain.handling import Draft
from openalert.domain.ids import new_id
from openalert.domain.incident import Incident
from openalert.domain.instant import Instant
from openalert.domain.noise import remembered
from openalert.domain.service import Payload, PayloadContext, ReadAs
from openalert.domain.trace import shortened
from openalert.domain.watchdog import is_watchdog
from openalert.sources import Reading
from openalert.storage import alerts, routes
from openalert.storage.routes import AsOf, Route
from openalert.storage.transaction import Transaction
from openalert.usecases import keeping, transitions, watchdogs
from openalert.usecases.batch import Batch
from openalert.usecases.holding import rows_for
from openalert.usecases.opening import Concerned, came_by_merge, conclude, open_or_join, rise_if_worse

REASONS_KEPT = 20
READ_AS_TOLD = 10
"""Of how many alerts of a message it is kept what they were read as."""


class Delivery(msgspec.Struct, kw_only=True):
    """One message as it arrived, read as far as it could be."""

    key_hash: str
    content: bytes
    content_type: str
    source: str
    """The source that the path named."""
    reading: Reading | None
    failure: OpenAlertError | None = None
    """Why it could not be read; it goes to quarantine."""
    trace_id: str
    replay_of: str | None = None
    """The payload that an operator sends through again."""
    then: "Then | None" = None
    """What else becomes true with it, once it is taken in."""
    is_own: bool = False
    """Whether we found it out ourselves, so that there is no message to keep."""
    context: PayloadContext = PayloadContext()
    as_of: AsOf | None = None
    """What it was read and checked by; None: by what this very transaction knows."""
    service: str = ""
    """The service that its address names instead of the integration's: a slug or an id of the same team."""
    outcome: str | None = None
    """What its payload is kept as, where that is not told by its reading."""


class Outcome(msgspec.Struct, kw_only=True):
    """What became of one message."""

    error: OpenAlertError | None = None
    processed: int = 0
    deduplicated: int = 0
    incidents: list[tuple[str, int]] = []
    """Id and number of those it concerned, first those to which it did something."""
    payload_id: str | None = None
    """The message as it is kept; None when it is not."""
    is_stale: bool = False
    """It was read by what the integration was before; nothing was done, it is to be read again."""


Then = Callable[[Transaction, Route, Outcome], Awaitable[None]]
"""Writes in the transaction of a delivery what goes with it in its dialect."""


class _Message(Concerned):
    """One delivery while it is worked through: what it did to which incident."""

    def __init__(self, delivery: Delivery, route: Route, now: Instant) -> None:
        super().__init__(
            Actor(
                kind="integration",
                id=route.integration_id,
                name=route.integration_name,
                organization_id=route.organization_id,
            )
        )
        self.delivery = delivery
        self.route = route
        self.payload_id = "" if delivery.is_own else new_id(now)
        self.outcome = Outcome()
        self.going_on: dict[str, int] = {}
        """Incidents, with their numbers, of which it repeats alerts and does no more."""
        self.read_as: list[ReadAs] = []
        self.note = ""
        """What people should know of it, beyond what its reading says."""
        self.keep = False
        """Whether the message changed anything, so that its body is kept."""
        self.hops = hops.passed(delivery.context.headers)
        self.dropped: list[str] = []
        """Of each alert of it that a rule dropped: why."""

    def is_news(self, now: Instant) -> bool:
        """Whether to note that the sender was heard: at most once a second, and never for what we say in its place
        or for somebody who did not prove to be the sender.
        """
        is_from_sender = self.delivery.outcome is None and not isinstance(
            self.delivery.failure, Unauthenticated
        )
        return is_from_sender and self.route.heard_before(now)


async def take_in(tx: Transaction, deliveries: Sequence[Delivery]) -> list[Outcome]:
    """Take in messages in order; the outcome of each, with an error for one that no integration takes."""
    known = await routes.by_key_hash(tx, list({delivery.key_hash for delivery in deliveries}))
    batch = Batch(tx)
    messages: list[_Message | Outcome] = []
    for delivery in deliveries:
        route = known.get(delivery.key_hash)
        if route is None or not route.is_active:
            messages.append(Outcome(error=NotFound("integration")))
        elif delivery.as_of is not None and delivery.as_of != route.as_of:
            messages.append(Outcome(is_stale=True))
        else:
            messages.append(_Message(delivery, route, tx.now))
    accepted = [message for message in messages if isinstance(message, _Message)]
    await _redirect(tx, [message for message in accepted if message.delivery.service])
    await batch.prepare(
        [
            (message.route, signal)
            for message in accepted
            if message.delivery.reading
            for signal in message.delivery.reading.signals
        ]
    )
    outcomes = [
        message if isinstance(message, Outcome) else await _take_one(batch, message) for message in messages
    ]
    await batch.write()
    if batch.watchdogs:
        await take_in_own(tx, await watchdogs.hear(tx, batch.watchdogs))
    for delivery, outcome in zip(deliveries, outcomes, strict=True):
        route = known.get(delivery.key_hash)
        if delivery.then is not None and route is not None and not outcome.is_stale:
            await delivery.then(tx, route, outcome)
    silent = {message.route.integration_id for message in accepted if message.is_news(tx.now)}
    if silent:
        await routes.heard(tx, list(silent))
    return outcomes


async def take_in_own(tx: Transaction, found: Sequence[tuple[Route, Signal]]) -> None:
    """Take in what we found out ourselves, each by its route; no message is kept of it."""
    batch = Batch(tx)
    await batch.prepare(found)
    for route, signal in found:
        delivery = Delivery(
            key_hash="",
            content=b"",
            content_type="",
            source=signal.source,
            reading=Reading(signal.source, [signal]),
            trace_id="",
            is_own=True,
        )
        await _take_one(batch, _Message(delivery, route, tx.now))
    await batch.write()


async def _redirect(tx: Transaction, messages: Sequence[_Message]) -> None:
    """Let messages whose address names another service of the team begin their incidents there."""
    if not messages:
        return
    named = await routes.named(
        tx, {(message.route.team_id, message.delivery.service) for message in messages}
    )
    for message in messages:
        found = named.get((message.route.team_id, message.delivery.service))
        if found is None:
            message.note = (
                f'The team has no service "{message.delivery.service}", as the address says: '
                "it went to the service of the integration."
            )
        else:
            message.route = routes.towards(message.route, found)


async def _take_one(batch: Batch, message: _Message) -> Outcome:
    reading = message.delivery.reading
    if reading is None:
        await _quarantine(batch.tx, message)
        return message.outcome
    for signal in reading.signals:
        if is_watchdog(signal):
            await _hear_watchdog(batch, message, signal)
        else:
            await _take_signal(batch, message, signal)
    await conclude(batch, message)
    message.outcome.processed = len(reading.signals)
    message.outcome.incidents = [(each.id, each.number) for each in message.touched.values()]
    message.outcome.incidents += message.going_on.items()
    worth_it = message.keep or reading.skipped or message.delivery.replay_of or not reading.signals
    if worth_it and not message.delivery.is_own:
        batch.payloads.append(_payload(message, reading, batch.tx.now))
        message.outcome.payload_id = message.payload_id
    return message.outcome


async def _hear_watchdog(batch: Batch, message: _Message, signal: Signal) -> None:
    """A watchdog's alert is a beat. If it was stored as an alert, before it was known as a watchdog, that is over."""
    if message.delivery.replay_of is None:
        batch.watchdogs.append((message.route, signal))
    known = batch.known.get(alerts.latest_key(message.route.integration_id, signal.fingerprint))
    if known is not None and known.status is not AlertStatus.RESOLVED:
        over = msgspec.structs.replace(signal, status=SignalStatus.RESOLVED, starts_at=None)
        await _take_signal(batch, message, over)


async def _take_signal(batch: Batch, message: _Message, signal: Signal) -> None:
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


async def _follow(batch: Batch, message: _Message, signal: Signal, key: str, verdict: Verdict) -> None:
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


async def _open(batch: Batch, message: _Message, signal: Signal, key: str, draft: Draft | None) -> None:
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


def _hold(batch: Batch, message: _Message, signal: Signal, key: str, route: Route, draft: Draft) -> None:
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
    message: _Message,
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
    batch: Batch, message: _Message, signal: Signal, known: Occurrence, draft: Draft | None
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


def _resolve(batch: Batch, message: _Message, signal: Signal, known: Occurrence) -> None:
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


def _payload(message: _Message, reading: Reading, now: Instant) -> Payload:
    delivery = message.delivery
    body, encoding = keeping.as_text(delivery.content)
    reasons = [f"item {skipped.index}: {skipped.reason}" for skipped in reading.skipped[:REASONS_KEPT]]
    reasons += list(dict.fromkeys(message.dropped))[:REASONS_KEPT]
    return Payload(
        id=message.payload_id,
        integration_id=message.route.integration_id,
        received_at=now,
        source=reading.source,
        content_type=delivery.content_type,
        body=body,
        body_encoding=encoding,
        body_size=len(delivery.content),
        outcome=_became(message, reading),
        reason="; ".join(filter(None, (*reasons, "" if reasons else reading.note, message.note))),
        alert_count=len(reading.signals),
        trace_id=delivery.trace_id,
        context=delivery.context,
        read_as=message.read_as,
    )


def _became(message: _Message, reading: Reading) -> str:
    if message.delivery.outcome:
        return message.delivery.outcome
    if message.delivery.replay_of:
        return "replayed"
    if reading.skipped:
        return "partial"
    return "accepted" if len(reading.signals) > len(message.dropped) else "ignored"


async def _quarantine(tx: Transaction, message: _Message) -> None:
    """Keep what could not be read, or whose sender did not prove itself."""
    delivery, failure = message.delivery, message.delivery.failure
    message.outcome.error = failure
    await keeping.unread(
        tx,
        delivery.content,
        Payload(
            id=message.payload_id,
            integration_id=message.route.integration_id,
            received_at=tx.now,
            source=delivery.source,
            content_type=delivery.content_type,
            body="",
            body_encoding="",
            body_size=len(delivery.content),
            outcome="refused" if isinstance(failure, Unauthenticated) else "quarantined",
            reason=failure.message if failure else "It could not be read.",
            trace_id=delivery.trace_id,
            context=delivery.context,
        ),
    )
