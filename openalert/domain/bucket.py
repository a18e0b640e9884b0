"""Bucket: how many messages a provider is given at once, and how many each second after that (a token bucket)."""

from openalert.domain.instant import SECOND, Instant


class Bucket:
    """Tokens of one provider: a message takes one, and they come back at an even pace."""

    def __init__(self, per_second: float, burst: int) -> None:
        """`per_second` tokens come back, up to `burst`; 0: without a limit."""
        self._per_second = per_second
        self._burst = max(1, burst)
        self._tokens = float(self._burst)
        self._at: Instant | None = None
        self._paused_until: Instant | None = None

    def available(self, now: Instant, keep: float = 0.0) -> bool:
        """Whether a message may go out that leaves this share (0 to 1) of the burst to more urgent ones."""
        self._refill(now)
        if self._paused_until is not None:
            return False
        return not self._per_second or self._tokens >= 1 + keep * (self._burst - 1)

    def left(self, now: Instant, most: int) -> int:
        """How many messages may go out at this moment, at most so many."""
        self._refill(now)
        if self._paused_until is not None:
            return 0
        return min(most, int(self._tokens)) if self._per_second else most

    def take(self, now: Instant) -> None:
        """A message goes out."""
        self._refill(now)
        if self._per_second:
            self._tokens -= 1

    def give_back(self) -> None:
        """It did not go out after all."""
        self._tokens = min(float(self._burst), self._tokens + 1)

    def pause(self, now: Instant, seconds: float) -> None:
        """The provider asked to be left alone for so long."""
        until = now + int(seconds * SECOND)
        self._paused_until = max(self._paused_until or until, until)

    def wait(self, now: Instant) -> float:
        """Seconds until a message may go out; 0: now."""
        self._refill(now)
        paused = 0.0 if self._paused_until is None else (self._paused_until - now) / SECOND
        short = 1 - self._tokens if self._per_second else 0.0
        return max(paused, short / self._per_second if short > 0 else 0.0)

    def _refill(self, now: Instant) -> None:
        if self._at is not None and now < self._at:
            # The clock was set back: what was owed until then is forgotten.
            self._paused_until = None
        elif self._at is not None:
            self._tokens = min(
                float(self._burst), self._tokens + (now - self._at) / SECOND * self._per_second
            )
        self._at = now
        if self._paused_until is not None and now >= self._paused_until:
            self._paused_until = None
