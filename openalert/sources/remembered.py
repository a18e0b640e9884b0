"""What bodies said that come again byte for byte: repeats of Alertmanager, and whatever senders try once more.

To read a body costs ten times as much as to look it up. What a body says may depend on the time at which it is read
(whether an alert is over, whether a time lies in the future), so a body is remembered only if it says the same at any
later time, which is tried out: it is read once more as if it came a hundred years later.
"""

import hashlib
from collections import OrderedDict
from copy import copy
from typing import Any

import msgspec

from openalert.domain.instant import DAY, Instant
from openalert.sources import SEEN_HEADERS, Habits, Inbound, Reading, body, present_habits, read

MOST_BYTES = 16 * 1024 * 1024
"""What all that is remembered takes, about: eight to twelve thousand alerts."""
LARGEST_SHARE = 16
"""No body takes more than this part of it, so that a few large ones do not drive out all others."""
_OF_A_SIGNAL = 1_000
"""Bytes that an alert takes beside its texts, about."""
_MET = 16_384
"""Bodies that came once are known by their hash alone, at least so many of the last."""
_LATER = 100 * 365 * DAY

_Key = tuple[Any, ...]


class _Remembered(msgspec.Struct, frozen=True):
    """What a body said."""

    habits: Habits
    """Those it was read by; held so that no others have their identity."""
    since: Instant
    reading: Reading
    size: int


class Readings:
    """Reads bodies as `sources.read` does, and those that came before without looking into them."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        """`most_bytes`: what it may hold."""
        self._most = most_bytes
        self._known: OrderedDict[_Key, _Remembered] = OrderedDict()
        self._met: set[int] = set()
        self._met_before: set[int] = set()
        self.size = 0
        """Bytes that are held, about."""

    def read(self, name: str, content: bytes, inbound: Inbound, *, limit: int = body.LIMIT) -> Reading:
        """As `sources.read`; whoever gets it may change the signals."""
        habits = present_habits()
        query = tuple(inbound.query.items()) if inbound.query else ()
        digest = hashlib.sha256(content).digest()
        key = (digest, name, id(habits), query, *map(inbound.headers.get, SEEN_HEADERS))
        known = self._known.get(key)
        if known is not None and known.since <= inbound.received_at:
            self._known.move_to_end(key)
            return _copy(known.reading)
        reading = read(name, content, inbound, limit=limit)
        if known is None and self._was_met(hash(key)):
            later = msgspec.structs.replace(inbound, received_at=inbound.received_at + _LATER)
            if (again := read(name, content, later, limit=limit)) == reading:
                # The first goes to whoever asked, and may be changed; this one is ours.
                size = _size(key, content, len(reading.signals))
                self._remember(key, _Remembered(habits, inbound.received_at, again, size))
        return reading

    def forget(self) -> None:
        """Hold nothing any more; what comes again is learned anew."""
        self._known.clear()
        self.size = 0

    def _was_met(self, mark: int) -> bool:
        """Whether such a body has come before; one that comes once takes no more than its hash."""
        if mark in self._met or mark in self._met_before:
            return True
        if len(self._met) >= _MET:
            self._met_before, self._met = self._met, set()
        self._met.add(mark)
        return False

    def _remember(self, key: _Key, found: _Remembered) -> None:
        if found.size > self._most // LARGEST_SHARE:
            return
        self._known[key] = found
        self.size += found.size
        while self.size > self._most:
            _, gone = self._known.popitem(last=False)
            self.size -= gone.size


def _size(key: _Key, content: bytes, signals: int) -> int:
    """Bytes that a reading takes, about: characters beyond ASCII make those beside them wide too."""
    is_narrow = content.isascii() and b"\\u" not in content
    return len(content) * (1 if is_narrow else 4) + len(repr(key)) + _OF_A_SIGNAL * (signals + 1)


def _copy(reading: Reading) -> Reading:
    signals = list(map(copy, reading.signals))
    return Reading(reading.source, signals, reading.skipped, reading.note, reading.confirm)
