"""What makes an alert the same alert the next time: short, printable, never from times, values or texts."""

from hashlib import sha256
from typing import Any

import msgspec

LONGEST = 128


def key(value: str) -> str:
    """The sender's own identity as it is, or its digest when it is long or unprintable; "" for ""."""
    value = value.strip()
    if len(value) <= LONGEST and value.isprintable():
        return value
    return digest(value)


def digest(*parts: Any) -> str:
    """SHA-256 of values as hexadecimal digits; equal for equal values, whatever the order of members."""
    return sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()
