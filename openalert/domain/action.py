"""Signed actions: a link in a message that lets one person do one thing to one incident, for a day.

The token is the claims and an HMAC-SHA256 over them, both base64url; nothing is stored. Following the link shows
what it would do, only a POST does it, so that a mail scanner changes nothing.
"""

import base64
import hashlib
import hmac
from enum import StrEnum

import msgspec

from openalert.domain.instant import DAY, SECOND, Instant

VALID_FOR = DAY
_TAG_BYTES = 16


class Verb(StrEnum):
    """What a link can do."""

    ACKNOWLEDGE = "acknowledge"
    RESOLVE = "resolve"
    ESCALATE = "escalate"
    SNOOZE = "snooze"
    HAND_ON = "hand_on"
    """I cannot take it, the next one at once: what is still planned for me is not sent."""
    JOIN = "join"
    """I was asked for help and am coming; the escalation goes on as it was."""
    DECLINE = "decline"
    """I was asked for help and cannot come."""


class ActionClaims(msgspec.Struct, frozen=True, array_like=True):
    """What a token says."""

    incident_id: str
    user_id: str
    verb: Verb
    expires: int
    """Seconds since 1970, UTC."""
    channel: str = ""
    """By which channel the link was sent; empty: it is not said."""
    message: str = ""
    """The notification, where it told of several incidents: its links mean all of them."""


def sign(
    secret: bytes,
    incident_id: str,
    user_id: str,
    verb: Verb,
    now: Instant,
    channel: str = "",
    message: str = "",
) -> str:
    """A token that lets this person do this to this incident, and all that `message` told, until a day from now."""
    expires = (now + VALID_FOR) // SECOND
    return _write(secret, ActionClaims(incident_id, user_id, verb, expires, channel, message))


def other(secret: bytes, claims: ActionClaims, verb: Verb) -> str:
    """A token for another act of the same person on the same incident, that ends when theirs does."""
    return _write(secret, msgspec.structs.replace(claims, verb=verb))


def _write(secret: bytes, claims: ActionClaims) -> str:
    body = msgspec.json.encode(claims)
    return f"{_text(body)}.{_text(_tag(secret, body))}"


def read(secret: bytes, token: str) -> ActionClaims | None:
    """The claims of a token that we signed, expired or not; None for anything else."""
    body, _, tag = token.partition(".")
    if len(token) > 512:
        return None
    try:
        claims, given = _bytes(body), _bytes(tag)
        if not hmac.compare_digest(given, _tag(secret, claims)):
            return None
        return msgspec.json.decode(claims, type=ActionClaims)
    except ValueError:
        return None


def has_expired(claims: ActionClaims, now: Instant) -> bool:
    """Whether the day is over."""
    return now // SECOND >= claims.expires


def proof(secret: bytes, notification_id: str) -> str:
    """What shows that we sent this message: whoever brings it back has read it."""
    tag = hmac.new(secret, b"openalert message\0" + notification_id.encode(), hashlib.sha256).digest()
    return _text(tag[:_TAG_BYTES])


def is_proven(secret: bytes, notification_id: str, given: str) -> bool:
    """Whether that is the proof of this message."""
    return hmac.compare_digest(proof(secret, notification_id).encode(), given.encode(errors="replace"))


def _tag(secret: bytes, claims: bytes) -> bytes:
    return hmac.new(secret, b"openalert action\0" + claims, hashlib.sha256).digest()[:_TAG_BYTES]


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    if not text.isascii():
        raise ValueError("not base64url")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
