"""A limit that needs one number for each caller: the generic cell rate algorithm (GCRA)."""

from collections import OrderedDict

from openalert.domain.errors import RateLimited
from openalert.domain.instant import MINUTE, SECOND, Instant

MOST_KEYS = 10_000


class RateLimit:
    """So many acts a minute for each key; a minute's worth may come at once."""

    def __init__(self, per_minute: int) -> None:
        """`per_minute` 0: no limit."""
        self._interval = MINUTE / per_minute if per_minute else 0.0
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def spend(self, key: str, now: Instant) -> None:
        """Count one act, or raise RateLimited with the seconds to wait."""
        if not self._interval:
            return
        due = max(self._full_at.pop(key, 0.0), float(now)) + self._interval
        wait = due - now - MINUTE
        if wait > 0.001:
            self._full_at[key] = due - self._interval
            seconds = max(1, -int(-wait // SECOND))
            raise RateLimited(f"Too many changes in a minute. Try again in {seconds} s.", retry_after=seconds)
        self._full_at[key] = due
        if len(self._full_at) > MOST_KEYS:
            self._full_at.popitem(last=False)
