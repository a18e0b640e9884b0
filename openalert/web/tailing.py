"""Tailing: everything that happens to one reader on this machine, in the order of the event log, each event once.

What is told is read in the log, and the bus only says that there is more: so a reader may be as slow as it likes, and
may come back to a server that was started anew and go on after the last event it has.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from openalert.bus import Bus
from openalert.domain.canary import HOME
from openalert.domain.errors import OpenAlertError
from openalert.domain.event import Event
from openalert.storage import events
from openalert.storage.database import Database
from openalert.storage.transaction import Reader
from openalert.web.broadcast import message, ready, resync

log = structlog.get_logger(__name__)

PAGE = 500
BREATH_SECONDS = 0.02
"""Between two looks into the log where every commit says that there is more."""
AGAIN_SECONDS = 1.0
"""Until the log is read again, where it could not be."""
Write = Callable[[bytes], Awaitable[None]]


class Tailing:
    """One reader, and where it is."""

    def __init__(self, database: Database, bus: Bus, write: Write, after: int | None) -> None:
        """`write` takes one message in JSON; the first says after which event it begins.

        `after`: the number of the last event that the reader has; None: it wants what happens from now on.
        """
        self._database = database
        self._bus = bus
        self._write = write
        self._last = after
        self._has_missed = False
        """Whether numbers may stand for other events than those that were told."""
        self._news = asyncio.Event()

    async def run(self) -> None:
        """Tell, until cancelled."""
        end = self._bus.follow(lambda _: self._news.set(), self._miss)
        try:
            if self._last is not None:
                await self._write(ready(self._last))
            while True:
                self._news.clear()
                try:
                    more = await self._tell()
                except OpenAlertError as error:
                    log.info("event log not read", error=error.message)
                    await asyncio.sleep(AGAIN_SECONDS)
                    continue
                if not more:
                    await self._news.wait()
                    await asyncio.sleep(BREATH_SECONDS)
        finally:
            end()

    def _miss(self) -> None:
        self._has_missed = True
        self._news.set()

    async def _tell(self) -> bool:
        """Tell what the log has; whether there may be more."""
        has_missed, self._has_missed = self._has_missed, False
        last = self._last

        async def look(reader: Reader) -> tuple[int | None, int, list[Event]]:
            page = await events.after(reader, last, PAGE) if last is not None else []
            return await events.oldest(reader), await events.last(reader), page

        try:
            oldest, newest, page = await self._database.look(look)
        except OpenAlertError:
            self._has_missed |= has_missed
            raise
        if last is None:
            await self._write(ready(newest))
        elif has_missed or not (oldest or newest + 1) - 1 <= last <= newest:
            await self._write(resync(newest))
        else:
            for event in page:
                if event.organization_id != HOME:
                    await self._write(message(event))
                self._last = event.seq
            return len(page) == PAGE
        self._last = newest
        return True
