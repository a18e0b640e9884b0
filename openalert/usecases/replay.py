"""Send a message that came in through again: after a mapping was mended, or because it was kept in quarantine."""

import base64

import msgspec

from openalert.domain.access import Permission
from openalert.domain.errors import Conflict, Invalid, OpenAlertError
from openalert.domain.service import Integration, Payload
from openalert.sources import DETECT, SOURCES, Inbound, Reading, read, using
from openalert.storage import payloads
from openalert.storage.transaction import Transaction
from openalert.usecases import audit, ingest, integrations
from openalert.usecases.inbound import Delivery, Outcome
from openalert.usecases.profiles import habits_of

MOST_AT_ONCE = 100
"""Messages that are sent through again by one act."""


class Replayed(msgspec.Struct):
    """What became of all that was sent through again."""

    read: int = 0
    still_unread: int = 0
    left: int = 0
    """How many were not tried, because they were too many for one act."""
    incidents: list[tuple[str, int]] = []
    """Id and number of those concerned."""


async def replay(tx: Transaction, integration_id: str, payload_id: str, trace_id: str) -> Outcome:
    """Take the message in as if it came now. Conflict when it is not kept whole, Invalid when it still
    cannot be read. The kept message stays as it is; this one is kept beside it as `replayed`.

    Times of the source count as they did: what is over stays over and pages nobody. What was refused because its
    sender did not prove itself is taken on the word of whoever sends it through.
    """
    integration, payload = await integrations.payload(
        tx, tx.actor, integration_id, payload_id, Permission.RESPOND
    )
    outcome = await _through(tx, integration, payload, trace_id)
    audit.record(
        tx,
        "payload.replayed",
        kind="payload",
        id=payload.id,
        name=f"A message of {integration.name}",
        after={"integration_id": integration.id},
    )
    return outcome


async def replay_all(tx: Transaction, integration_id: str, trace_id: str) -> Replayed:
    """Send everything through again that could not be read; what still cannot be stays as it is."""
    integration = await integrations.to_respond(tx, tx.actor, integration_id)
    waiting = await payloads.unsettled(tx, integration.id, limit=MOST_AT_ONCE + 1)
    done = Replayed(left=len(waiting) - len(waiting[:MOST_AT_ONCE]))
    concerned: dict[str, int] = {}
    for payload in waiting[:MOST_AT_ONCE]:
        try:
            outcome = await _through(tx, integration, payload, trace_id)
        except (Conflict, Invalid):
            done.still_unread += 1
        else:
            done.read += 1
            concerned |= dict(outcome.incidents)
    done.incidents = list(concerned.items())
    audit.record(
        tx,
        "integration.replayed",
        kind="integration",
        id=integration.id,
        name=integration.name,
        after={"read": done.read, "still_unread": done.still_unread},
    )
    return done


async def _through(tx: Transaction, integration: Integration, payload: Payload, trace_id: str) -> Outcome:
    reading = read_again(integration, payload, tx.now)
    delivery = Delivery(
        key_hash=integration.key_hash,
        content=content_of(payload),
        content_type=payload.content_type,
        source=payload.source,
        reading=reading,
        trace_id=trace_id,
        replay_of=payload.id,
        context=payload.context,
        service=payload.context.query.get("service", ""),
    )
    outcome = (await ingest.take_in(tx, [delivery]))[0]
    if outcome.error is not None:
        raise outcome.error
    await payloads.settle(tx, payload.id)
    return outcome


def read_again(integration: Integration, payload: Payload, now: int) -> Reading:
    """What a kept message says to the integration as it is now; Conflict when it is not kept whole."""
    source = payload.source if payload.source in SOURCES else DETECT
    try:
        with using(habits_of(integration.config)):
            return read(source, whole(payload), inbound_of(payload, now))
    except Conflict:
        raise
    except OpenAlertError as error:
        raise Invalid(f"It still cannot be read: {error.message}", field="body") from None


def whole(payload: Payload) -> bytes:
    """The bytes as they came; Conflict when not all of them were kept."""
    content = content_of(payload)
    if len(content) < payload.body_size:
        raise Conflict("Only the beginning of this message was kept; let its sender send it again.")
    return content


def inbound_of(payload: Payload, now: int) -> Inbound:
    """What is known of the delivery of a kept message."""
    headers = {**payload.context.headers, "content-type": payload.content_type}
    return Inbound(headers=headers, query=payload.context.query, received_at=now)


def content_of(payload: Payload) -> bytes:
    """The bytes as they came, as far as they were kept."""
    return base64.b64decode(payload.body) if payload.body_encoding == "base64" else payload.body.encode()
