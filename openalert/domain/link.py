"""Links that let their reader in once: an invitation, or the way to a new password; and those that prove an address.

Such a link names a row and proves with an HMAC-SHA256 that we wrote it for this purpose, this person, this address and
this end. Nothing of it is stored, and it opens nothing once its row is gone: that is what makes it good for one use.
"""

import base64
import hashlib
import hmac
import re
from enum import StrEnum

import msgspec

from openalert.domain.instant import HOUR, MINUTE, Instant

_ID = re.compile(r"[0-9a-f-]{36}")


class Purpose(StrEnum):
    """What a link is for; also the first part of its path."""

    INVITATION = "invitation"
    RESET = "reset"
    PROOF = "proof"
    """Says that a test page arrived; it lets nobody in."""
    CONFIRMATION = "confirmation"
    """Confirms a subscription to a status page."""
    SUBSCRIPTION = "subscription"
    """Changes or ends such a subscription; it never ends itself."""

    @property
    def lasts(self) -> Instant:
        """How long such a link is good for: half an hour for a new password, three days for the others."""
        return 30 * MINUTE if self is Purpose.RESET else 72 * HOUR


class LinkClaims(msgspec.Struct, frozen=True, array_like=True):
    """What the HMAC is over; all of it is read from the database, only the row's id is in the link."""

    purpose: Purpose
    row_id: str
    user_id: str
    """Empty for an invitation: the person is not there yet."""
    email_key: str
    """The person's address as it is now: with another one the link is void."""
    expires_at: Instant


def sign(secret: bytes, claims: LinkClaims) -> str:
    """The token of a link."""
    return f"{claims.row_id}.{_tag(secret, claims)}"


def row_of(token: str) -> str:
    """The id of the row that a token names, empty for no id at all; whether it is ours is another question."""
    row_id = token.partition(".")[0]
    return row_id if _ID.fullmatch(row_id) else ""


def is_good(secret: bytes, token: str, claims: LinkClaims, now: Instant) -> bool:
    """Whether we signed this token for exactly these claims, and they are not over."""
    _, _, tag = token.partition(".")
    right = hmac.compare_digest(tag.encode(errors="replace"), _tag(secret, claims).encode())
    return right and now < claims.expires_at


def _tag(secret: bytes, claims: LinkClaims) -> str:
    digest = hmac.new(secret, b"openalert link\0" + msgspec.json.encode(claims), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
