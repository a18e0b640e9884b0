"""Identifiers: UUID version 7 as text, so that rows sort by the time they were made.

Layout: RFC 9562 section 5.7 (48 bits of Unix milliseconds, version, 12 bits that count up within a
millisecond, 62 random bits), so that of two made by one process the later one sorts later.
"""

import os
import struct

from openalert.domain.instant import Instant

_RESERVE = 512
_last: tuple[Instant, int] = (0, 0)
_random: list[int] = []
os.register_at_fork(after_in_child=_random.clear)


def new_id(now: Instant) -> str:
    """A fresh identifier for something that comes into being at `now`."""
    global _last  # noqa: PLW0603 - the count within a millisecond is the process's own
    moment, count = _last
    count = (count + 1) & 0xFFF if now == moment else 0
    _last = (now, count)
    value = (now & 0xFFFF_FFFF_FFFF) << 80 | (0x7000 | count) << 64
    value |= 0x8000 << 48 | _random_bits() >> 2
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _random_bits() -> int:
    """64 bits from the operating system, drawn in hundreds: each draw gives the interpreter to another thread.

    Threads may ask at the same time: `pop` gives each number to one of them.
    """
    try:
        return _random.pop()
    except IndexError:
        first, *rest = struct.unpack(f"{_RESERVE}Q", os.urandom(8 * _RESERVE))
        _random.extend(rest)
        return int(first)


def first_id(at: Instant) -> str:
    """What sorts before every identifier made from `at` on, and after those made before."""
    text = f"{at & 0xFFFF_FFFF_FFFF:012x}"
    return f"{text[:8]}-{text[8:]}-7000-0000-000000000000"
