"""Identifiers: UUID version 7 as text, so that rows sort by the time they were made.

Layout: RFC 9562 section 5.7 (48 bits of Unix milliseconds, version, 12 bits that count up within a
millisecond, 62 random bits), so that of two made by one process the later one sorts later.
"""

import os

from openalert.domain.instant import Instant

_last: tuple[Instant, int] = (0, 0)


def new_id(now: Instant) -> str:
    """A fresh identifier for something that comes into being at `now`."""
    global _last  # noqa: PLW0603 - the count within a millisecond is the process's own
    moment, count = _last
    count = (count + 1) & 0xFFF if now == moment else 0
    _last = (now, count)
    value = (now & 0xFFFF_FFFF_FFFF) << 80 | (0x7000 | count) << 64
    value |= 0x8000 << 48 | int.from_bytes(os.urandom(8)) >> 2
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def first_id(at: Instant) -> str:
    """What sorts before every identifier made from `at` on, and after those made before."""
    text = f"{at & 0xFFFF_FFFF_FFFF:012x}"
    return f"{text[:8]}-{text[8:]}-7000-0000-000000000000"
