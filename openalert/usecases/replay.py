"""Send a message that came in through again: after a mapping was mended, or because it was kept in quarantine."""

import base64

from openalert.domain.access import Permission
from openalert.domain.errors import Conflict, Invalid, OpenAlertError
from openalert.domain.service import Payload
from openalert.sources import SOURCES, Inbound, Reading, read
from openalert.storage.transaction import Transaction
from openalert.usecases import audit, ingest, integrations
from openalert.usecases.ingest import Delivery, Outcome


async def replay(tx: Transaction, integration_id: str, payload_id: str, trace_id: str) -> Outcome:
    """Take the message in as if it came now. Conflict when it is not kept whole, Invalid when it still
    cannot be read. The kept message stays as it is; this one is kept beside it as `replayed`.

    Times of the source count as they did: what is over stays over and pages nobody.
    """
    integration, payload = await integrations.payload(
        tx, tx.actor, integration_id, payload_id, Permission.RESPOND
    )
    content = content_of(payload)
    if len(content) < payload.body_size:
        raise Conflict("Only the beginning of this message was kept; let its sender send it again.")
    source = payload.source if payload.source in SOURCES else integration.type
    reading = _read(source, content, payload, tx.now)
    delivery = Delivery(
        key_hash=integration.key_hash,
        content=content,
        content_type=payload.content_type,
        source=source,
        reading=reading,
        trace_id=trace_id,
        replay_of=payload.id,
    )
    outcome = (await ingest.take_in(tx, [delivery]))[0]
    if outcome.error is not None:
        raise outcome.error
    audit.record(
        tx,
        "payload.replayed",
        kind="payload",
        id=payload.id,
        name=f"A message of {integration.name}",
        after={"integration_id": integration.id},
    )
    return outcome


def content_of(payload: Payload) -> bytes:
    """The bytes as they came, as far as they were kept."""
    return base64.b64decode(payload.body) if payload.body_encoding == "base64" else payload.body.encode()


def _read(source: str, content: bytes, payload: Payload, now: int) -> Reading:
    inbound = Inbound(headers={"content-type": payload.content_type}, received_at=now)
    try:
        return read(source, content, inbound)
    except OpenAlertError as error:
        raise Invalid(f"It still cannot be read: {error.message}", field="body") from None
