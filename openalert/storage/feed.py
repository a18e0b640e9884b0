"""Feed: every committed event to the listeners of this node, in the order of their numbers, whoever committed it.

The event log is the truth, a `Carrier` only says early that there is something in it: what a carrier loses is read from
the log a few seconds later. So a carrier may lose, repeat and reorder as it likes.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import structlog

from openalert.domain.errors import OpenAlertError
from openalert.domain.event import Event
from openalert.supervisor import Supervisor, Watched

log = structlog.get_logger(__name__)

PAGE = 500
LOOK_SECONDS = 5.0
"""Between two looks into the log while the carrier is up: for what it may have lost."""
ALONE_SECONDS = 0.5
"""The same while it is down."""
BREATH_SECONDS = 0.02
"""Between two looks where every commit says that there is more."""
STORM = 50
"""Events that a look found from which on that is a storm: a look costs as much as sixty events."""
STORM_SECONDS = 0.1
"""Between two looks in a storm."""
Heard = Callable[[Sequence[Event]], None]


class Carrier(Protocol):
    """What tells the nodes of one database of each other's commits; it need not be reliable, only quick."""

    @property
    def is_up(self) -> bool:
        """Whether what others commit is told here at this moment."""

    async def start(self, heard: Heard) -> None:
        """Begin to listen, and come back by itself after every loss; must not fail when nobody answers yet.

        `heard` is called on the event loop with what another node committed, or with nothing to say "look into the
        log": at least once after each time that the connection was made.
        """

    async def stop(self) -> None:
        """Listen no more."""

    def tell(self, events: Sequence[Event]) -> None:
        """This node has committed these; called on the event loop after the commit: never waits, never raises."""


class Log(Protocol):
    """How the feed reads the event log; raises OpenAlertError while that cannot be read."""

    def newest(self) -> Awaitable[int]:
        """The largest number given out."""

    def after(self, seq: int, limit: int) -> Awaitable[Sequence[Event]]:
        """What is kept of the events with a larger number, in order."""


class Feed:
    """Reads on in the log whenever anybody says that there is more."""

    def __init__(
        self,
        log: Log,
        carrier: Carrier,
        told: Callable[[list[Event]], None],
        missed: Callable[[], None],
        supervisor: Supervisor,
    ) -> None:
        """`told` hears events in order, each once. `missed`: some are not kept any more, so that all must look anew."""
        self._log = log
        self.carrier = carrier
        self._told = told
        self._missed = missed
        self._position = 0
        """The number of the last event that was told."""
        self._is_doubtful = False
        """Whether the log may be another one, in which numbers that were told stand for other events, or for none."""
        self._news = asyncio.Event()
        self._supervisor = supervisor
        self._task: Watched | None = None

    async def start(self) -> None:
        """Tell everything that is committed from now on."""
        self._position = await self._log.newest()
        await self.carrier.start(self.heard)
        self._task = self._supervisor.start("event feed", lambda _: self._follow())

    async def stop(self) -> None:
        """Tell nothing more."""
        if self._task is not None:
            await self._supervisor.stop(self._task)
        await self.carrier.stop()

    def committed(self, events: list[Event]) -> None:
        """This node has committed these: they are told at once, unless others have to be told before them."""
        self.heard(events)
        self.carrier.tell(events)

    def doubt(self) -> None:
        """The log may have lost its end: begin at what it has now, and let everybody look anew."""
        self._is_doubtful = True
        self._news.set()

    def heard(self, events: Sequence[Event]) -> None:
        """Somebody has committed these, or with nothing: whoever knows what. Fits `Carrier.start`."""
        if not self._follows(events):
            self._news.set()

    def _follows(self, events: Sequence[Event]) -> bool:
        """Tell them if they are the next ones, without a gap; True if there is nothing to look for in the log."""
        if not events:
            return False
        fresh = [event for event in events if event.seq > self._position]
        expected = range(self._position + 1, self._position + 1 + len(fresh))
        if [event.seq for event in fresh] != list(expected):
            return False
        if fresh:
            self._position = fresh[-1].seq
            self._told(fresh)
        return True

    async def _follow(self) -> None:
        while True:
            try:
                async with asyncio.timeout(LOOK_SECONDS if self.carrier.is_up else ALONE_SECONDS):
                    await self._news.wait()
            except TimeoutError:
                pass
            self._news.clear()
            try:
                found = await self.catch_up()
                await asyncio.sleep(STORM_SECONDS if found >= STORM else BREATH_SECONDS)
            except OpenAlertError as error:
                log.info("event log not read", error=error.message)
                await asyncio.sleep(ALONE_SECONDS)

    async def catch_up(self) -> int:
        """Tell what the log has beyond the last event that was told; how many that are."""
        if self._is_doubtful:
            newest = await self._log.newest()
            log.warning("the event log was taken over", told=self._position, newest=newest)
            self._position, self._is_doubtful = newest, False
            self._missed()
        found = 0
        while page := await self._log.after(self._position, PAGE):
            found += len(page)
            if not self._follows(page):
                # A gap in the log itself: what was in it is older than what is kept.
                log.warning("events were missed", after=self._position, until=page[0].seq)
                self._position = page[0].seq - 1
                self._missed()
            elif len(page) < PAGE:
                break  # who commits more says so
        return found
