"""KeptAnswer: what a caller was told under an Idempotency-Key, kept so that a repeated request is told the same."""

import hashlib

import msgspec

from openalert.domain.errors import Invalid
from openalert.domain.instant import DAY, Instant

KEPT_FOR = DAY
"""A key can be used anew after this time."""
LONGEST = 255


class KeptAnswer(msgspec.Struct, kw_only=True):
    """One answer; nothing in it tells whose it is or under which key."""

    id: str
    request: str
    """A keyed hash of method, path and body: tells a repetition from another request."""
    status: int
    headers: dict[str, str]
    body: str
    """It may show a secret that is shown once, so it lies sealed in the database."""
    created_at: Instant


def answer_id(caller: str, key: str) -> str:
    """The id of what was answered to this caller under this key: keys of two callers are two keys."""
    return hashlib.sha256(f"{caller}\n{key}".encode()).hexdigest()


def check_key(text: str) -> str:
    """The key as it was sent; Invalid unless it is 1 to 255 printable ASCII characters."""
    if not (0 < len(text) <= LONGEST and text.isascii() and text.isprintable()):
        raise Invalid(
            f"Idempotency-Key must be 1 to {LONGEST} printable ASCII characters, like a random UUID.",
            field="Idempotency-Key",
        )
    return text
