"""The addresses to which answers to our mails go: `reply+<token>@domain`, one for each message.

The token is the message's id and an HMAC over it, in base32, because mail servers may change the case of a local part.
It says who was written to and about what, so that nobody gains anything by a forged sender.
"""

import base64
import hashlib
import hmac
import uuid

PREFIX = "reply+"
_TAG_BYTES = 12
_LENGTH = 45
"""Letters of base32 for 16 bytes of id and the tag: with the prefix well below the 64 of a local part (RFC 5321)."""


def reply_address(secret: bytes, notification_id: str, domain: str) -> str:
    """Where an answer to this message goes."""
    return f"{PREFIX}{_token(secret, uuid.UUID(notification_id).bytes)}@{domain}"


def answered_message(secret: bytes, local_part: str) -> str | None:
    """The id of the message whose answer goes to this local part; None for what we did not make."""
    token = local_part.lower().removeprefix(PREFIX)
    if not local_part.lower().startswith(PREFIX) or len(token) != _LENGTH or not token.isascii():
        return None
    try:
        body = base64.b32decode(token.upper() + "=" * (-len(token) % 8))[:16]
    except ValueError:
        return None
    # The whole token is compared: the last letter has a bit that means nothing, so that two letters say the same.
    ours = hmac.compare_digest(token, _token(secret, body))
    return str(uuid.UUID(bytes=body)) if ours else None


def _token(secret: bytes, body: bytes) -> str:
    return base64.b32encode(body + _tag(secret, body)).decode().rstrip("=").lower()


def _tag(secret: bytes, body: bytes) -> bytes:
    return hmac.new(secret, b"openalert mail reply\0" + body, hashlib.sha256).digest()[:_TAG_BYTES]
