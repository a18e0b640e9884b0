"""Standstill: what keeps commits from being answered, in words for whoever waits; and for how long a request waits.

A plain state that everybody may read at any moment, as `Disk` is. Who asks by a request is told how it stands while
they still look; the engine waits for its commits as long as it takes.
"""

import asyncio
import time
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

from openalert import telemetry
from openalert.domain.errors import Unavailable

ANSWER_SECONDS = 9.0
"""Whoever acts by a request is told after so long that their act is not confirmed, though it may be done."""
AGAIN_SECONDS = 10
MAY_BE_DONE = "MAY_BE_DONE"
"""The code of a refusal that does not say whether the act was done."""

PATIENCE: ContextVar[float | None] = ContextVar("patience", default=None)
"""Seconds in which whoever writes here wants an answer; None: waits for it as long as it takes."""


@contextmanager
def within(seconds: float = ANSWER_SECONDS) -> Generator[None, None, None]:
    """What is written inside is waited for by somebody who wants an answer in that time."""
    before = PATIENCE.set(seconds)
    try:
        yield
    finally:
        PATIENCE.reset(before)


def patience() -> float | None:
    """Until when whoever asks now waits for a commit, by the clock of the event loop; None: as long as it takes."""
    seconds = PATIENCE.get()
    return None if seconds is None else asyncio.get_running_loop().time() + seconds


class Standstill:
    """What was last seen of it."""

    def __init__(self) -> None:
        self.cause = ""
        """A clause without a full stop; "" while commits are answered, or nobody knows why they are not."""
        self._since = 0.0
        self.changed = asyncio.Event()
        """Set when it begins and when it ends."""

    @property
    def seconds(self) -> float:
        """For how long it has been known; 0: it is not there."""
        return time.monotonic() - self._since if self.cause else 0.0

    def found(self, cause: str) -> None:
        """This is the cause; "": there is none."""
        if bool(cause) is not bool(self.cause):
            self._since = time.monotonic()
            self.changed.set()
            telemetry.DATABASE_STANDSTILL.set(bool(cause))
        self.cause = cause

    async def confirmed(self, durable: asyncio.Future[None], until: float | None) -> None:
        """Wait for a commit, as long as whoever asked wants to: it is made or not, whether anybody waits or not.

        `until`: see `patience`. Raises what the commit ended in, or `doubt`.
        """
        if until is None:
            await asyncio.shield(durable)
            return
        try:
            async with asyncio.timeout_at(until):
                await asyncio.shield(durable)
        except TimeoutError:
            if not durable.done():
                raise self.doubt() from None
            durable.result()

    def refusal(self, otherwise: str, retry_after: int = 5) -> Unavailable:
        """For whoever was not let in: nothing of theirs was done. `otherwise` is said while no cause is known."""
        if not self.cause:
            return Unavailable(otherwise, retry_after=retry_after)
        return Unavailable(
            f"Nothing can be stored now: {self.cause}. Try again in a few seconds.",
            retry_after=AGAIN_SECONDS,
        )

    def delay(self) -> Unavailable:
        """For a program whose message waits too long: if it is stored after all, what it sends again is a repeat."""
        cause = f": {self.cause}" if self.cause else ""
        return Unavailable(f"Storing takes too long now{cause}. Send it again.", retry_after=AGAIN_SECONDS)

    def doubt(self) -> Unavailable:
        """For whoever is in a commit that nobody has confirmed, nor denied."""
        cause = f": {self.cause}" if self.cause else " in time"
        return Unavailable(
            f"The database has not confirmed this{cause}. It may have been done all the same: look before you do it "
            "again.",
            code="MAY_BE_DONE",
            retry_after=AGAIN_SECONDS,
        )
