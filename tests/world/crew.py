"""The nodes of one OpenAlert in a world: which of them work, and what becomes of one while the others go on.

At least one of them works at any moment: that none can is a misfortune of one server, or of Postgres (see `Nemesis`).
"""

import asyncio
import itertools
import os
import signal
from collections.abc import Sequence

from tests.processes.server import Server, until
from tests.world.ledger import Away, Ledger, Moment
from tests.world.model import TAKEN_OVER

NAMES = ("one", "two", "three")
KEYS = {"server_secret_key": "s" * 32, "server_encryption_key": "e" * 32}
"""What all nodes must have alike."""


class Crew:
    """One node or several, all on the same database."""

    def __init__(self, nodes: Sequence[Server], ledger: Ledger) -> None:
        self.nodes = list(nodes)
        self._ledger = ledger
        self._turn = itertools.count()
        self._dead_since: dict[Server, Moment] = {}
        self._frozen: Server | None = None
        self._thawing: asyncio.Task[None] | None = None
        self.is_disturbed = False
        """Whether a process ended, or stood still for so long that it missed an answer: what they count is not all."""

    @property
    def working(self) -> list[Server]:
        """Those that are neither dead nor frozen."""
        return [node for node in self.nodes if node not in self._dead_since and node is not self._frozen]

    def next_one(self) -> Server:
        """Who is asked next, as by a proxy that knows who works."""
        working = self.working
        return working[next(self._turn) % len(working)]

    async def start(self) -> None:
        """All of them work."""
        await asyncio.gather(*(node.start() for node in self.nodes))

    async def all_ready(self) -> bool:
        """Whether each that works would take an alert in."""
        return all(await asyncio.gather(*(node.is_ready() for node in self.working)))

    async def kill(self, which: int) -> None:
        """kill -9; it stays dead until `back`. Where it is the last that works, the others come back first."""
        await self._leave_one()
        working = self.working
        node = working[which % len(working)]
        self._dead_since[node] = self._ledger.now
        self.is_disturbed = True
        await node.kill()

    async def back(self) -> None:
        """Whoever is dead is started again."""
        for node, since in list(self._dead_since.items()):
            await node.start()
            del self._dead_since[node]
            self._note(node, since, "kill")

    async def freeze(self, which: int, seconds: float) -> None:
        """SIGSTOP, and SIGCONT after a while; the others go on, and so does whoever calls this."""
        await self._leave_one()
        working = self.working
        self._frozen = node = working[which % len(working)]
        since = self._ledger.now
        self.is_disturbed = True
        os.kill(node.pid, signal.SIGSTOP)
        self._thawing = asyncio.create_task(self._thaw(node, since, seconds))

    async def _thaw(self, node: Server, since: Moment, seconds: float) -> None:
        try:
            await asyncio.sleep(seconds)
        finally:
            os.kill(node.pid, signal.SIGCONT)
            self._note(node, since, "pause")
        await until(node.is_ready)
        self._frozen = None

    async def thawed(self) -> None:
        """Nobody stands still any more."""
        if self._thawing is not None:
            await self._thawing
            self._thawing = None

    async def _leave_one(self) -> None:
        """One more may be lost."""
        await self.thawed()
        if len(self.working) == 1:
            await self.back()

    async def roll(self) -> None:
        """Everyone is told to end and started again, one after the other."""
        await self.thawed()
        await self.back()
        self.is_disturbed = True
        for node in self.nodes:
            since = self._ledger.now
            self._dead_since[node] = since
            await node.stop()
            await node.start()
            del self._dead_since[node]
            self._note(node, since, "restart")

    def bury(self) -> None:
        """Whoever is dead stays so; what they had in their hands is the others'."""
        for node, since in self._dead_since.items():
            self._note(node, since, "kill", since + TAKEN_OVER)

    def _note(self, node: Server, since: Moment, why: str, until: Moment | None = None) -> None:
        name = NAMES[self.nodes.index(node)]
        self._ledger.note(
            Away(since=since, until=self._ledger.now if until is None else until, why=why, node=name)
        )

    @property
    def log(self) -> str:
        """What all of them wrote."""
        return "\n".join(node.log.read_text() for node in self.nodes if node.log.exists())

    async def close(self) -> None:
        """Nothing of them runs any more."""
        if self._thawing is not None:
            self._thawing.cancel()
            await asyncio.gather(self._thawing, return_exceptions=True)
        for node in self.nodes:
            await node.close()
