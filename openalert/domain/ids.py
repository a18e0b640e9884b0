"""Identifiers: UUID version 7 as text, so that rows sort by the time they were made.

Layout: RFC 9562 section 5.7 (48 bits of Unix milliseconds, version, 12 bits that count up within a
millisecond, 62 random bits), so that of two made by one process the later one sorts later.
"""

import os

from openalert.domain.instant import Instant

_RESERVE = 512
_MOST_OF_A_MOMENT = 0xFFF
_VARIANT = bytes(byte & 0x3F | 0x80 for byte in range(256))
_last: tuple[Instant, Instant, str, int] = (0, 0, "", 0)
_endings: list[str] = []
os.register_at_fork(after_in_child=_endings.clear)


def new_id(now: Instant) -> str:
    """A fresh identifier for something that comes into being at `now`.

    Of one moment there are 4096; the next one is of the moment after it (RFC 9562 section 6.2), so that what one
    transaction makes stays in order however much it is.
    """
    global _last  # noqa: PLW0603 - the count within a millisecond is the process's own
    asked, moment, beginning, count = _last
    if asked <= now <= moment:
        count += 1
        if count > _MOST_OF_A_MOMENT:
            moment, count = moment + 1, 0
            beginning = _beginning(moment)
    else:
        moment, beginning, count = now, _beginning(now), 0
    _last = (now, moment, beginning, count)
    return f"{beginning}{count:03x}-{_ending()}"


def _beginning(moment: Instant) -> str:
    text = f"{moment & 0xFFFF_FFFF_FFFF:012x}"
    return f"{text[:8]}-{text[8:]}-7"


def _ending() -> str:
    """Variant and 62 random bits, drawn and written in hundreds: each draw gives the interpreter to another thread.

    Threads may ask at the same time: `pop` gives each ending to one of them.
    """
    try:
        return _endings.pop()
    except IndexError:
        drawn = bytearray(os.urandom(8 * _RESERVE))
        drawn[::8] = drawn[::8].translate(_VARIANT)
        text = drawn.hex()
        first, *rest = [f"{text[at : at + 4]}-{text[at + 4 : at + 16]}" for at in range(0, len(text), 16)]
        _endings.extend(rest)
        return first


def first_id(at: Instant) -> str:
    """What sorts before every identifier made from `at` on, and after those made before."""
    text = f"{at & 0xFFFF_FFFF_FFFF:012x}"
    return f"{text[:8]}-{text[8:]}-7000-0000-000000000000"
