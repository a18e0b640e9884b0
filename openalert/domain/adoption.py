"""Adoption: for a while keys that nobody knows are kept with what came by them, until an admin says where they belong.

Keys of Opsgenie cannot be exported. When a host name changes hands, its senders show theirs by using them. What is
kept is bounded in every direction, because anybody can send.
"""

import re

import msgspec

from openalert.domain.instant import DAY, HOUR, MINUTE, Instant

USUAL_LENGTH = HOUR
SHORTEST_LENGTH = MINUTE
LONGEST_LENGTH = 7 * DAY
MOST_KEYS = 50
MOST_KEYS_OF_A_PLACE = 10
MOST_MESSAGES = 200
"""Of one key; the first ones, because later ones mostly repeat them. Further ones are counted."""
MOST_BYTES = 2 * 1024 * 1024
"""Of the bodies of one key."""
KEPT_FOR = 14 * DAY
"""After its last message a key that nobody decided about is forgotten."""

_SHAPES = {
    "opsgenie": re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
    "oncall": re.compile(r"[A-Za-z0-9]{20,40}"),
}


class AdoptionWindow(msgspec.Struct, kw_only=True):
    """A row of `adoption_windows`."""

    id: str
    organization_id: str
    opened_at: Instant
    closes_at: Instant


class StrangeKey(msgspec.Struct, kw_only=True):
    """A key that came in a window; a row of `strange_keys`. The key itself is not kept, only its SHA-256."""

    id: str
    organization_id: str
    key_hash: str
    key_hint: str
    dialect: str
    """`opsgenie` or `oncall`."""
    address: str
    """Where it came from first."""
    first_at: Instant
    last_at: Instant
    message_count: int = 0
    kept_count: int = 0
    kept_bytes: int = 0
    dismissed_at: Instant | None = None

    def has_room(self, size: int) -> bool:
        """Whether one more message of so many bytes is kept."""
        return self.kept_count < MOST_MESSAGES and self.kept_bytes + size <= MOST_BYTES


class StrangeMessage(msgspec.Struct, kw_only=True):
    """What came by such a key, to be taken in later; a row of `strange_messages`."""

    id: str
    key_id: str
    received_at: Instant
    act: str
    """`create`, `message`, `acknowledge` or `close`."""
    source: str
    identifier: str = ""
    identifier_type: str = ""
    content_type: str
    body: str
    body_encoding: str
    """`utf-8`, or `base64` for what is not text."""
    title: str
    """What it says, in a line; hostile text."""


def could_be_a_key(dialect: str, key: str) -> bool:
    """Whether the other pager makes keys of this shape."""
    return _SHAPES[dialect].fullmatch(key) is not None


def place_of(address: str) -> str:
    """What one sender has of addresses: an IPv4 address, or the first half of an IPv6 address."""
    return ":".join(address.split(":")[:4]) if ":" in address else address
