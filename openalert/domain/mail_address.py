"""The mail addresses that are ours: where answers to our mails go, and where alerts come by mail.

`reply+<token>@domain` is one for each message, `alert+<token>@domain` one for each key of an integration. A token is an
id and an HMAC over it, in base32, because mail servers may change the case of a local part. The one of an answer says
who was written to and about what, so that nobody gains anything by a forged sender.
"""

import base64
import hashlib
import hmac
import uuid

PREFIX = "reply+"
ALERT_PREFIX = "alert+"
_TAG_BYTES = 12
_LENGTH = 45
"""Letters of base32 for 16 bytes of id and the tag: with the prefix well below the 64 of a local part (RFC 5321)."""


def reply_address(secret: bytes, notification_id: str, domain: str) -> str:
    """Where an answer to this message goes."""
    return f"{PREFIX}{_token(secret, uuid.UUID(notification_id).bytes)}@{domain}"


def answered_message(secret: bytes, local_part: str) -> str | None:
    """The id of the message whose answer goes to this local part; None for what we did not make."""
    body = _body_of(PREFIX, local_part)
    if body is None:
        return None
    ours = hmac.compare_digest(_sent_token(PREFIX, local_part), _token(secret, body))
    return str(uuid.UUID(bytes=body)) if ours else None


def alert_address(secret: bytes, integration_id: str, key_hash: str, domain: str) -> str:
    """Where alerts for the integration come by mail, as long as it has this key."""
    body = uuid.UUID(integration_id).bytes
    return f"{ALERT_PREFIX}{_token(_of_key(secret, key_hash), body)}@{domain}"


def alerted_integration(local_part: str) -> str | None:
    """The id of the integration that the local part names; `is_alert_address` says whether we made it."""
    body = _body_of(ALERT_PREFIX, local_part)
    return str(uuid.UUID(bytes=body)) if body is not None else None


def is_alert_address(secret: bytes, integration_id: str, key_hash: str, local_part: str) -> bool:
    """Whether this is the address of the integration with this key."""
    ours = _token(_of_key(secret, key_hash), uuid.UUID(integration_id).bytes)
    return hmac.compare_digest(_sent_token(ALERT_PREFIX, local_part), ours)


def _sent_token(prefix: str, local_part: str) -> str:
    return local_part.lower().removeprefix(prefix)


def _body_of(prefix: str, local_part: str) -> bytes | None:
    """The id in a local part of the right form."""
    token = _sent_token(prefix, local_part)
    if not local_part.lower().startswith(prefix) or len(token) != _LENGTH or not token.isascii():
        return None
    try:
        return base64.b32decode(token.upper() + "=" * (-len(token) % 8))[:16]
    except ValueError:
        return None


def _token(secret: bytes, body: bytes) -> str:
    # The whole token is compared: its last letter has a bit that means nothing, so that two letters say the same.
    return base64.b32encode(body + _tag(secret, body)).decode().rstrip("=").lower()


def _tag(secret: bytes, body: bytes) -> bytes:
    return hmac.new(secret, b"openalert mail reply\0" + body, hashlib.sha256).digest()[:_TAG_BYTES]


def _of_key(secret: bytes, key_hash: str) -> bytes:
    """A new key of the integration makes a new address."""
    return hmac.new(secret, b"openalert alert mail\0" + key_hash.encode(), hashlib.sha256).digest()
