"""Misfortune: what goes wrong with the server, its machine and its providers, each noted with its beginning and end."""

import asyncio
import os
import signal
import subprocess
from pathlib import Path

from tests.fakes.valkey import Valkey
from tests.processes.clock import Clock
from tests.processes.postgres_cluster import Cluster
from tests.processes.server import until
from tests.world.crew import Crew
from tests.world.ledger import Away, Ledger, Stepped, Trouble
from tests.world.providers import Providers

ROOM = 24 << 20
CUT = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
)
POSTGRES = ("restart", "crash", "away", "cut")
"""How Postgres is hurt."""
POSTGRES_AWAY = 6.0
"""Seconds, more than a message waits for its answer."""
MOMENT = 300
"""Milliseconds in which a dead server is noticed."""


class Nemesis:
    """What goes wrong with a server and all around it; what becomes of one of several nodes is in `Crew`."""

    def __init__(
        self,
        crew: Crew,
        ledger: Ledger,
        providers: Providers,
        clock: Clock | None = None,
        cluster: Cluster | None = None,
        valkey: Valkey | None = None,
    ) -> None:
        self.crew = crew
        self.server = crew.nodes[0]
        self.valkey = valkey
        self.ledger = ledger
        self.providers = providers
        self.clock = clock
        self.cluster = cluster
        self._modes: dict[str, tuple[str, int]] = {}
        self._full_since: int | None = None

    async def kill(self) -> None:
        """kill -9, and a start."""
        since = self.ledger.now
        await self.server.kill()
        await self.revive(since)

    async def restart(self) -> None:
        """SIGTERM, and a start."""
        since = self.ledger.now
        await self.server.stop()
        await self.revive(since, "restart")

    async def revive(self, since: int | None = None, why: str = "kill") -> None:
        """A start of a server that died, a moment ago or then."""
        since = self.ledger.now - MOMENT if since is None else since
        self.crew.is_disturbed = True
        await self.server.start()
        self.ledger.note(Away(since=since, until=self.ledger.now, why=why))

    async def pause(self, seconds: float) -> None:
        """SIGSTOP, and SIGCONT after a while."""
        since = self.ledger.now
        os.kill(self.server.pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            os.kill(self.server.pid, signal.SIGCONT)
            self.ledger.note(Away(since=since, until=self.ledger.now, why="pause"))

    async def hurt_postgres(self, how: str) -> None:
        """`restart`, `crash`, `away` (for some seconds), or `cut`: every session ends, and Postgres runs on."""
        assert self.cluster is not None
        since = self.ledger.now
        if how == "cut":
            await asyncio.to_thread(self.cluster.sql, CUT)
        else:
            await asyncio.to_thread(self.cluster.stop, "fast" if how == "restart" else "immediate")
            await asyncio.sleep(POSTGRES_AWAY if how == "away" else 0)
            await asyncio.to_thread(self.cluster.start)
        await until(self.crew.all_ready)
        self.ledger.note(Away(since=since, until=self.ledger.now, why=f"postgres: {how}"))

    async def hurt_valkey(self) -> None:
        """It is killed, or comes back, without anything: nobody may notice, so the ledger has nothing of it."""
        assert self.valkey is not None
        if self.valkey.is_running:
            self.valkey.send(signal.SIGKILL)
        else:
            await self.valkey.start()

    async def behave(self, way: str, mode: str) -> None:
        """A provider changes; what it was before is over."""
        before, since = self._modes.get(way, ("ok", 0))
        await self.providers.behave(way, mode)
        if before != "ok":
            self.ledger.note(Trouble(since=since, until=self.ledger.now, way=way, mode=before))
        self._modes[way] = (mode, self.ledger.now)

    def step(self, seconds: int) -> None:
        """Somebody sets the clock."""
        assert self.clock is not None
        self.ledger.note(Stepped(at=self.ledger.now, by=seconds * 1000))
        self.clock.set(self.clock.offset + seconds)

    @property
    def is_full(self) -> bool:
        """Whether there is no room on the disk now."""
        return self._full_since is not None

    def fill(self) -> None:
        """Somebody else takes all the room on the disk of the data."""
        if self._full_since is not None:
            return
        self._full_since = self.ledger.now
        with (self.server.data / "ballast").open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"\0" * 4096)
            except OSError:
                return

    async def free(self) -> None:
        """There is room again."""
        if self._full_since is None:
            return
        (self.server.data / "ballast").unlink()
        await until(self.server.is_ready)
        self.ledger.note(Away(since=self._full_since, until=self.ledger.now, why="full disk"))
        self._full_since = None

    async def relent(self) -> None:
        """Everything is as it should be, but that nodes which are dead stay so."""
        await self.free()
        await self.crew.thawed()
        self.crew.bury()
        for way in ("hook", "mail"):
            await self.behave(way, "ok")


class SmallDisk:
    """A file system in memory of its own for a folder; `why_not` says what keeps it from being one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        mount = [
            "mount",
            "-t",
            "tmpfs",
            "-o",
            f"size={ROOM},mode=700",
            f"openalert-world-{os.getpid()}",
            str(folder),
        ]
        self.is_mounted = (
            os.getuid() == 0 and subprocess.run(mount, check=False, capture_output=True).returncode == 0
        )

    def close(self) -> None:
        """It is gone, with what was on it."""
        if self.is_mounted:
            subprocess.run(["umount", "-l", str(self._folder)], check=True)
