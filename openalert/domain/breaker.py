"""Breaker: a provider that fails again and again is left alone, but for one try now and then (promise NO-4)."""

from enum import StrEnum

from openalert.domain.instant import SECOND, Instant

OPENS_AFTER = 5
"""Failures in a row of the provider's own making."""
PROBE_EVERY = 15 * SECOND


class BreakerState(StrEnum):
    """Whether messages go out."""

    CLOSED = "closed"
    """They do."""
    OPEN = "open"
    """They wait, and use up none of their tries."""
    HALF_OPEN = "half_open"
    """One of them may try, and decides for the others."""


class Breaker:
    """The breaker of one provider. A clock that is set back never keeps it open for longer than its wait."""

    def __init__(self) -> None:
        self.failures = 0
        """In a row."""
        self._opened_at: Instant | None = None
        self._probe_since: Instant | None = None

    def state(self, now: Instant) -> BreakerState:
        """Where it stands at this moment."""
        if self._opened_at is None:
            return BreakerState.CLOSED
        waits = 0 <= now - self._opened_at < PROBE_EVERY
        return BreakerState.OPEN if waits else BreakerState.HALF_OPEN

    def allows(self, now: Instant) -> bool:
        """Whether another message may go out: any while closed, one at a time while half open."""
        state = self.state(now)
        if state is BreakerState.HALF_OPEN:
            return self._probe_since is None or not 0 <= now - self._probe_since < 2 * PROBE_EVERY
        return state is BreakerState.CLOSED

    def opens_at(self, now: Instant) -> Instant:
        """When the next one may try; `now` if it may at once."""
        return now if self._opened_at is None else max(now, min(self._opened_at, now) + PROBE_EVERY)

    def began(self, now: Instant) -> None:
        """A message goes out; while half open it is the probe."""
        if self.state(now) is BreakerState.HALF_OPEN:
            self._probe_since = now

    def withdrawn(self) -> None:
        """It did not go out after all, or its end says nothing about the provider."""
        self._probe_since = None

    def succeeded(self) -> None:
        """The provider is there, whatever it said about the message."""
        self.failures, self._opened_at, self._probe_since = 0, None, None

    def failed(self, now: Instant) -> None:
        """The provider was not there, or said itself that it is in trouble."""
        self.failures += 1
        self._probe_since = None
        if self.failures >= OPENS_AFTER:
            self._opened_at = now
