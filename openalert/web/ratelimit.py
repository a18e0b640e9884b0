"""A limit that needs one number for each caller: the generic cell rate algorithm (GCRA)."""

import math
from collections import OrderedDict
from typing import Protocol

import msgspec

from openalert.domain.errors import RateLimited
from openalert.domain.instant import MINUTE, SECOND, Instant

MOST_KEYS = 10_000
"""Callers remembered; beyond it the one that was quiet for longest starts afresh."""


class Standing(msgspec.Struct, frozen=True):
    """How a caller stands: `remaining` acts may come at once, all `limit` again after `reset` seconds of quiet."""

    limit: int
    remaining: int
    reset: int


class Verdict(Protocol):
    """What all nodes together say of one more act."""

    @property
    def allowed(self) -> bool:
        """Whether it may be."""

    @property
    def owed(self) -> float:
        """Milliseconds of quiet after which the caller has all acts again."""


class Shared(Protocol):
    """Counts over all nodes; may be away at any time."""

    async def spend(self, key: str, limit: int, period: Instant) -> Verdict | None:
        """Count one act; None at once, or within milliseconds, when that cannot be said now."""


class RateLimit:
    """So many acts in a period, mostly a minute, for each key; a period's worth may come at once."""

    def __init__(
        self, limit: int, period: Instant = MINUTE, *, name: str = "", shared: Shared | None = None
    ) -> None:
        """`limit` 0: none. With `shared` it holds over all nodes, by this `name`, while that can be asked."""
        self._limit = limit
        self._period = period
        self._name = name
        self._shared = shared
        self._interval = period / limit if limit else 0.0
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def spend(self, key: str, now: Instant) -> None:
        """Count one act, or raise RateLimited with the seconds to wait; what is refused does not count."""
        if not self._interval:
            return
        full_at = self._known(key, now)
        wait = full_at + self._interval - now - self._period
        if wait > 0.001:
            self._full_at[key] = full_at
            raise _refused(wait)
        self._remember(key, full_at + self._interval)

    async def spend_shared(self, key: str, now: Instant) -> None:
        """As `spend`, counted over all nodes where they share something; alone while that does not answer."""
        shared = self._shared if self._interval else None
        verdict = await shared.spend(f"{self._name}:{key}", self._limit, self._period) if shared else None
        if verdict is None:
            self.spend(key, now)
            return
        # Kept here too: the headers of the answer tell it, and whoever falls back goes on from there.
        self._remember(key, now + verdict.owed)
        if not verdict.allowed:
            raise _refused(verdict.owed + self._interval - self._period)

    def _remember(self, key: str, full_at: float) -> None:
        self._full_at[key] = full_at
        self._full_at.move_to_end(key)
        if len(self._full_at) > MOST_KEYS:
            self._full_at.popitem(last=False)

    def standing(self, key: str, now: Instant) -> Standing | None:
        """How the caller stands now; None where there is no limit."""
        if not self._interval:
            return None
        owed = self._known(key, now) - now
        remaining = max(0, math.floor((self._period - owed) / self._interval + 0.001))
        return Standing(self._limit, remaining, math.ceil(owed / SECOND))

    def _known(self, key: str, now: Instant) -> float:
        """When the caller has all acts again: never past, and never over a period ahead if the clock was set back."""
        return min(max(self._full_at.get(key, 0.0), float(now)), float(now + self._period))


def _refused(wait: float) -> RateLimited:
    """What somebody hears who has to wait so many milliseconds."""
    seconds = max(1, math.ceil(wait / SECOND))
    return RateLimited(f"Too many changes in a minute. Try again in {seconds} s.", retry_after=seconds)
