"""Node: this process among those that share its database: which run it is, how long that is sure, whether it leads.

A run is a tenure. Its lease is prolonged by the clock of the database, and its process counts from before it asked, by
a clock that goes on in sleep: so the process stops trusting itself before anybody else may fence it. One that wakes up
fenced begins another run. docs/decisions/0011-leases-and-receipts.md
"""

import os
import socket
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import structlog

from openalert import telemetry
from openalert.domain.ids import new_id
from openalert.domain.instant import SECOND, Instant
from openalert.storage import runs
from openalert.storage.database import Database
from openalert.storage.runs import Run
from openalert.storage.transaction import Transaction

log = structlog.get_logger(__name__)

LEASE_SECONDS = 15.0
RENEW_SECONDS = 5.0
NOWHERE = Run(id="", started_at=0, last_seen_at=0)


def elapsed() -> float:
    """Seconds since the machine was started, those in which it slept among them."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def here(port: int, name: str = "", keys: str = "") -> Run:
    """Where this process runs, as its runs are to say.

    A port of one machine, or of one container, is held by one process at a time: whoever has it now is alone there.
    """
    return Run(
        id="",
        started_at=0,
        last_seen_at=0,
        node=name or f"{socket.gethostname()}:{port}",
        place=f"{_machine()} {port}",
        keys=keys,
    )


def _machine() -> str:
    """This boot of this machine, and the network that this process sees; elsewhere than on Linux: nothing but this."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/net').readlink()}"
    except OSError:
        return f"process {os.getpid()} {time.time_ns()}"


class Node:
    """One process; of an SQLite file it is the only one, which is always sure and always leads."""

    def __init__(
        self,
        database: Database,
        where: Run = NOWHERE,
        lease_seconds: float = LEASE_SECONDS,
        elapsed: Callable[[], float] = elapsed,
    ) -> None:
        """`where`: name, place and keys of the node. `elapsed`: seconds on a clock that nobody sets."""
        self._elapsed = elapsed
        self._database = database
        self._where = where
        self._lease = lease_seconds
        self._alone = database.dialect == "sqlite"
        self._sure_until = 0.0
        self._leads = False
        self.run_id = new_id(database.clock())
        """Changes when the run was fenced: what was claimed before is not ours any more."""

    @property
    def renew_seconds(self) -> float:
        """So often the lease is prolonged: a third of it may pass without harm, twice."""
        return min(RENEW_SECONDS, self._lease / 3)

    @property
    def is_sure(self) -> bool:
        """Whether nobody can have fenced this run yet."""
        return self._alone or self._elapsed() < self._sure_until

    @property
    def leads(self) -> bool:
        """Whether what one node alone does is this one's."""
        return self._alone or (self._leads and self.is_sure)

    async def begin(
        self, after: Callable[[Transaction, Run], Coroutine[Any, Any, None]] | None = None
    ) -> Run | None:
        """Become a node; the run of which there was the last sign of life before, with which `after` is done too."""
        began, lease = self._elapsed(), int(self._lease * SECOND)

        async def body(tx: Transaction) -> tuple[Run | None, runs.Standing]:
            previous = await runs.begin(tx, self.run_id, like=self._where, lease=lease)
            if previous is not None and after is not None:
                await after(tx, previous)
            return previous, await runs.renew(tx, self.run_id, lease)

        previous, standing = await self._database.act(body)
        self._stand(began, standing)
        return previous

    async def renew(self) -> bool:
        """Prolong the lease; False when the run had been fenced, and another one has begun instead."""
        began = self._elapsed()
        run_id, lease = self.run_id, int(self._lease * SECOND)
        standing = await self._database.act(lambda tx: runs.renew(tx, run_id, lease))
        if standing.is_ours:
            self._stand(began, standing)
            return True
        if run_id == self.run_id:
            telemetry.NODE_FENCED.inc()
            log.error("another node took over what this one had claimed", run_id=run_id)
            self.run_id = new_id(self._database.clock())
            await self.begin()
        return False

    def _stand(self, began: float, standing: runs.Standing) -> None:
        self._sure_until = began + self._lease
        self._leads = standing.leads
        telemetry.NODE_LEADS.set(1 if standing.leads else 0)

    async def fence_others(self) -> None:
        """End the runs whose lease is over, so that what they had claimed may be taken over."""
        if await self._database.look(lambda reader: runs.over(reader, self.run_id)):
            for name in await self._database.act(runs.fence):
                log.error("a node has not been heard of: its work is taken over", node=name)

    async def unheard_since(self, since: Instant) -> Instant:
        """From when on no node can have heard anybody, given that this one could not since then."""
        return max(since, await self._database.look(lambda reader: runs.heard_by_others(reader, self.run_id)))

    async def end(self) -> None:
        """This run stops of its own accord."""
        await self._database.act(lambda tx: runs.end(tx, self.run_id))
