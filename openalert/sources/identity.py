"""What makes an alert the same alert the next time: short, printable, never from times, values or texts."""

from hashlib import sha256
from typing import Any

import msgspec

from openalert.sources import text

LONGEST = 128


def key(value: str) -> str:
    """The sender's own identity as it is, or its digest when it is long or unprintable; "" for ""."""
    value = value.strip()
    if len(value) <= LONGEST and value.isprintable():
        return value
    return digest(value)


def of(source: str, *candidates: tuple[Any, ...]) -> str:
    """The first candidate whose first part says something, as `source/part/part`; "" when there is none.

    0 says something, null and "" do not; 7 and "7" are the same. Parts are the sender's ids and names.
    """
    for parts in candidates:
        texts = [part.strip() if isinstance(part, str) else text.scalar(part) for part in parts]
        if texts[0]:
            while not texts[-1]:
                texts.pop()
            return key("/".join((source, *texts)))
    return ""


def digest(*parts: Any) -> str:
    """SHA-256 of values as hexadecimal digits; equal for equal values, whatever the order of members."""
    return sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()
