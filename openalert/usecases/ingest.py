"""Signals become alerts, alerts become incidents: many messages at once, with a constant number of statements.

One call takes in a batch of messages in one transaction. Everything it needs to know is read first (routes, the
newest occurrence of each identity, the incidents concerned), then every signal is judged in memory in the order
in which it came, then rows of each kind are written together. The order of the messages is kept, and so is the
order inside each; an incident is resolved at the end of a message, never in its middle.
"""

from collections.abc import Sequence

from openalert.domain.alert import Signal
from openalert.domain.errors import NotFound
from openalert.sources import Reading
from openalert.storage import routes
from openalert.storage.routes import Route
from openalert.storage.transaction import Transaction
from openalert.usecases import inbound, occurrences, watchdogs
from openalert.usecases.batch import Batch
from openalert.usecases.inbound import Delivery, Message, Outcome
from openalert.usecases.opening import conclude


async def take_in(tx: Transaction, deliveries: Sequence[Delivery]) -> list[Outcome]:
    """Take in messages in order; the outcome of each, with an error for one that no integration takes."""
    known = await routes.by_key_hash(tx, list({delivery.key_hash for delivery in deliveries}))
    batch = Batch(tx)
    messages: list[Message | Outcome] = []
    for delivery in deliveries:
        route = known.get(delivery.key_hash)
        if route is None or not route.is_active:
            messages.append(Outcome(error=NotFound("integration")))
        elif delivery.as_of is not None and delivery.as_of != route.as_of:
            messages.append(Outcome(is_stale=True))
        else:
            messages.append(Message(delivery, route, tx.now))
    accepted = [message for message in messages if isinstance(message, Message)]
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
        await _take_one(batch, Message(delivery, route, tx.now))
    await batch.write()


async def _redirect(tx: Transaction, messages: Sequence[Message]) -> None:
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


async def _take_one(batch: Batch, message: Message) -> Outcome:
    reading = message.delivery.reading
    if reading is None:
        await inbound.quarantine(batch.tx, message)
        return message.outcome
    for signal in reading.signals:
        await occurrences.take(batch, message, signal)
    await conclude(batch, message)
    message.outcome.processed = len(reading.signals)
    message.outcome.incidents = [(each.id, each.number) for each in message.touched.values()]
    message.outcome.incidents += message.going_on.items()
    worth_it = message.keep or reading.skipped or message.delivery.replay_of or not reading.signals
    if worth_it and not message.delivery.is_own:
        batch.payloads.append(inbound.payload(message, reading, batch.tx.now))
        message.outcome.payload_id = message.payload_id
    return message.outcome
