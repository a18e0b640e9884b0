"""Black box: what a run knows of the time before it, and of times in which it stood still itself.

It also keeps an eye on the clock: one that was set moves what is pending, and one that is behind the last sign of life
(a machine without a battery, before its network is up) is waited for, then put forward.
"""

import asyncio
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import structlog

from openalert import telemetry
from openalert.domain.errors import Unavailable
from openalert.domain.ids import new_id
from openalert.domain.instant import SECOND, Instant
from openalert.domain.outage import NOTABLE, Ending, Outage
from openalert.engine.patience import patiently
from openalert.storage import clock_doubt, clock_steps
from openalert.storage.database import Database
from openalert.storage.transaction import Transaction
from openalert.supervisor import Watched
from openalert.usecases import outages

log = structlog.get_logger(__name__)

PULSE_SECONDS = 1.0
PATIENCE_SECONDS = 60.0
"""So long steps wait for a clock that is behind to be put right; then they go on by the last one that was right."""
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class BlackBox:
    """The recorder of one run."""

    def __init__(self, database: Database, leads: Callable[[], bool] = lambda: True) -> None:
        """`leads`: whether this is the one of several nodes by whose clock delays move."""
        self._database = database
        self._leads = leads
        self._run_id = new_id(database.clock())
        self._pulse = database.clocks.elapsed()
        self._waits_until = 0.0
        self._pauses: list[Outage] = []
        """Those that the database did not take yet."""
        self.outage: Outage | None = None
        """When nobody was there last; steps that are late because of it say so."""
        self.up_since: Instant | None = None
        """Since when silence of others means anything; None: there was no outage, and the clock was not set."""

    async def begin(self) -> None:
        """The first sign of life; learn and tell what was before."""
        database = self._database
        alone = database.dialect == "sqlite"
        found = await patiently(
            database,
            lambda: database.act(
                lambda tx: outages.begin(
                    tx, self._run_id, boot_id(), database.clocks.elapsed(), is_alone=alone
                )
            ),
        )
        self._pulse = database.clocks.elapsed()
        database.clocks.doubt = await patiently(database, lambda: database.look(clock_doubt.get))
        if doubted := database.clocks.doubt.at(database.clock()):
            log.warning(
                "the clock leapt ahead: nothing is deleted by it for a day", by_seconds=doubted / SECOND
            )
        if found is None:
            return
        log.info("was not running", seconds=found.length // SECOND, ending=found.ending.value)
        if found.clock_step:
            telemetry.CLOCK_STEPS.inc()
            log.warning("the clock was set while nobody was there", by_seconds=found.clock_step / SECOND)
        if found.clock_behind:
            log.warning("the clock is behind: steps wait for it", by_seconds=found.clock_behind / SECOND)
            database.clocks.put_forward(found.clock_behind)
            telemetry.CLOCK_BEHIND.set(found.clock_behind / SECOND)
            self._waits_until = time.monotonic() + PATIENCE_SECONDS
        self._learn(found)

    def _learn(self, outage: Outage) -> None:
        outages.measure(outage)
        if outage.is_notable:
            self.outage, self.up_since = outage, self._database.clock()

    async def seen(self) -> None:
        """A sign of life."""
        elapsed = self._database.clocks.elapsed()
        await self._database.act(lambda tx: outages.seen(tx, self._run_id, elapsed))

    async def end(self) -> None:
        """The last one: it stops because it was told to."""
        elapsed = self._database.clocks.elapsed()
        await self._database.act(lambda tx: outages.end(tx, self._run_id, elapsed))

    @property
    def waits(self) -> bool:
        """Whether steps are to wait for the clock to be put right."""
        if not self._waits_until:
            return False
        is_right = not self._database.clocks.ahead
        if not is_right and time.monotonic() < self._waits_until:
            return True
        self._waits_until = 0.0
        if is_right:
            telemetry.CLOCK_BEHIND.set(0)
            log.warning("the clock was put right")
        else:
            log.error("the clock is still behind: going on from the last sign of life")
        return False

    async def beat(self, watched: Watched) -> None:
        """Once a second, for ever: nothing but a process that stands still keeps it from that."""
        waits = False
        while True:
            await asyncio.sleep(PULSE_SECONDS)
            with watched.step():
                try:
                    await self.look()
                    waits = False
                except Unavailable as error:
                    if not waits:
                        log.warning("what the clock says waits for the database", reason=error.message)
                    waits = True

    async def look(self) -> None:
        """Notice that this process stood still, and a clock that was set while nobody wrote.

        Unavailable: the database takes nothing now; a pause is noted by a later look.
        """
        clocks = self._database.clocks
        elapsed = clocks.elapsed()
        still, self._pulse = elapsed - self._pulse, elapsed
        if still > NOTABLE:
            now = self._database.clock()
            pause = Outage(since=now - still, until=now, ending=Ending.PAUSED)
            log.warning("stood still", seconds=still // SECOND)
            self._learn(pause)
            self._pauses.append(pause)
        try:
            if clocks.step:
                await self._database.act(_nothing)
            await self._note_pauses()
        finally:
            self._pulse = clocks.elapsed()  # to wait for the database is no standing still

    async def _note_pauses(self) -> None:
        pauses, self._pauses = self._pauses, []

        async def note(tx: Transaction) -> None:
            for pause in pauses:
                await outages.note(tx, self._run_id, pause)

        if pauses:
            try:
                await self._database.act(note)
            except BaseException:
                self._pauses = [*pauses, *self._pauses]
                raise

    async def when_set(self, tx: Transaction, by: int) -> None:
        """The clock was set: delays move along. Fits `Database.when_set`."""
        self._database.clocks.doubt = await clock_doubt.leap(tx, by)
        if self._waits_until:
            return  # It was put right: what was due while nobody was there is due now.
        if self._leads():
            await clock_steps.shift(tx, by)
        if by > 0:
            self.up_since = tx.now


async def _nothing(_: Transaction) -> None:
    """A turn of the writer, before which it follows the clock."""


def boot_id() -> str:
    """Which start of the machine this is; empty where nobody says. systemd hides the kernel's word and has its own."""
    with suppress(OSError):
        return BOOT_ID.read_text().strip().replace("-", "")
    return os.environ.get("BOOT_ID", "").replace("-", "")
