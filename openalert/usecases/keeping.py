"""What is kept of messages that could not be read, or whose sender did not prove itself: once, and within bounds."""

import base64
import hashlib

from openalert.domain.service import Payload
from openalert.storage import payloads
from openalert.storage.transaction import Transaction

QUARANTINED_BYTES = 64 * 1024
"""How much is kept of a body that could not be read."""
REFUSED_KEPT = 50
"""Messages of one integration that are kept although their sender did not prove itself."""


def as_text(content: bytes) -> tuple[str, str]:
    """A body as text for a column, and how it is encoded there."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return base64.b64encode(content).decode(), "base64"
    if "\0" in text:
        return base64.b64encode(content).decode(), "base64"
    return text, "utf-8"


async def unread(tx: Transaction, content: bytes, payload: Payload) -> None:
    """Keep the beginning of a body; the same body again is counted. `payload` comes without body and repeat key."""
    digest = hashlib.sha256(content).hexdigest()
    about = f"{payload.integration_id}:{digest}"
    payload.body, payload.body_encoding = as_text(content[:QUARANTINED_BYTES])
    payload.repeat_key = about if payload.outcome == "quarantined" else f"{payload.outcome}:{about}"
    await payloads.quarantine(tx, payload)
    if payload.outcome == "refused":
        await payloads.keep_newest_refused(tx, payload.integration_id, REFUSED_KEPT)
