"""The clock of Postgres, as a node knows it: one clock for all nodes, whatever their own machines say."""

from collections.abc import Awaitable, Callable

from openalert.domain.instant import Instant
from openalert.storage.clock import uptime, wall_clock

LOOK_SECONDS = 5.0
MOST_DRIFT = 250
"""Milliseconds by which it may differ from what was measured before: less is the way there and back."""


class PostgresClock:
    """What elapsed since Postgres was asked last is counted by a clock that nobody sets and that goes on in sleep."""

    def __init__(self, elapsed: Callable[[], int] = uptime) -> None:
        """`elapsed`: milliseconds on that clock."""
        self._elapsed = elapsed
        self._offset: int | None = None

    def __call__(self) -> Instant:
        """Now; before Postgres was ever asked, by the clock of this machine."""
        if self._offset is None:
            return wall_clock()
        return self._elapsed() + self._offset

    async def look(self, ask: Callable[[], Awaitable[Instant]]) -> None:
        """Compare it with what Postgres says; a small difference is left, so that time does not jump all the while."""
        began = self._elapsed()
        theirs = await ask()
        ended = self._elapsed()
        offset = theirs - (began + ended) // 2
        if self._offset is None or abs(offset - self._offset) > max(MOST_DRIFT, ended - began):
            self._offset = offset
