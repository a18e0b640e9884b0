"""Identifiers: UUID version 7 as text, so that rows sort by the time they were made.

Layout: RFC 9562 section 5.7 (48 bits of Unix milliseconds, version, 74 random bits).
"""

import os

from openalert.domain.instant import Instant


def new_id(now: Instant) -> str:
    """A fresh identifier for something that comes into being at `now`."""
    value = (now & 0xFFFF_FFFF_FFFF) << 80 | int.from_bytes(os.urandom(10))
    value = value & ~(0xF000 << 64) | 0x7000 << 64
    value = value & ~(0xC000 << 48) | 0x8000 << 48
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
