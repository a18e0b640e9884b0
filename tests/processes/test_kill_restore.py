"""`openalert restore` killed at any write, link or rename: what was there is whole, or the backup is, and works.

What was there lies partly in its log, as after a kill. A part of the sweep restores over a file that SQLite cannot open
any more, of which nothing may be lost, as somebody may still get it back; another part on a file system without links.
"""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from openalert.storage import backup
from openalert.storage.backup import BrokenBackup
from tests.fakes.smtp import FakeSmtp
from tests.processes.conftest import mailing
from tests.processes.server import SECONDS, Server, settle_in

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.proves("DB-4", "DB-5", "F-01", "F-41")]

CALLS = ("pwrite64", "fdatasync", "fsync", "ftruncate", "unlink", "link", "rename")
"""How anything of a restore gets to a disk."""
FAR = 40
"""Most writes are those of the copy, one page after the other: from here on every seventh is tried."""
THEN, NOW = {"then"}, {"then", "now"}
"""The incidents of the backup, and those of the database that it replaces."""


class Past:
    """A data folder as a kill left it, and a backup of some time before."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.backup = server.folder / "then.db"
        self.port, self.token = server.port, str(server.client.headers["Authorization"])

    async def killed_at(self, folder: Path, call: str, number: int, way: str) -> bool:
        """One restore that dies at its n-th such call, what a server says then, and one that comes to its end after it.

        False: it came to its end.
        """
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.server.data, folder / "data", ignore=shutil.ignore_patterns("*.sock"))
        here = Here(folder, self)
        if way == "broken":
            here.breaks()
        before = here.files()
        rule = f"inject={call}:signal=KILL:when={number}"
        traced = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace=link,{call}", "-e", rule]
        if way == "no links":
            traced += ["-e", "inject=link:error=EPERM"]
        ended = await here.restored(traced)
        if ended.returncode == 0:
            assert await here.incidents() == THEN
            return False
        assert ended.returncode in (-9, 137), ended.stderr
        if way == "broken":
            await here.is_untouched_or_replaced(before)
        else:
            found = await here.incidents()
            assert found in (NOW, THEN), found
            assert len(here.kept()) == (found == THEN), "what was there is beside the backup, once"
        again = await here.restored([])
        assert again.returncode == 0, again.stderr
        assert await here.incidents() == THEN
        assert not list((folder / "data").glob("*.restoring*"))
        return True


class Here:
    """A copy of it."""

    def __init__(self, folder: Path, past: Past) -> None:
        self.folder, self.past = folder, past
        self.database = folder / "data" / "openalert.db"

    def breaks(self) -> None:
        """Its first page is gone, and its log."""
        for suffix in ("-wal", "-shm"):
            self.database.with_name(self.database.name + suffix).unlink()
        with self.database.open("r+b") as file:
            file.write(b"\0" * 4096)

    def files(self, name: str = "openalert.db") -> dict[str, bytes]:
        """The file of that name, and its log."""
        found = {suffix: self.database.with_name(name + suffix) for suffix in ("", "-wal")}
        return {suffix: path.read_bytes() for suffix, path in found.items() if path.exists()}

    def kept(self) -> list[dict[str, bytes]]:
        """Every one that was set aside."""
        names = {
            path.name.removesuffix("-wal").removesuffix("-shm")
            for path in self.database.parent.glob("openalert.db.before-restore-*")
        }
        return [self.files(name) for name in sorted(names)]

    async def restored(self, tracer: list[str]) -> subprocess.CompletedProcess[str]:
        """What became of the command."""
        command = [*tracer, sys.executable, "-m", "openalert", "restore", str(self.past.backup)]
        clean = {name: value for name, value in os.environ.items() if not name.startswith("OPENALERT_")}
        clean["PYTHONDONTWRITEBYTECODE"] = "1"  # which would be among the writes and renames
        return await asyncio.to_thread(
            subprocess.run, [*command, "--data-dir", str(self.database.parent)], env=clean, cwd=self.folder,
            capture_output=True, text=True, timeout=SECONDS * 2, check=False,
        )  # fmt: skip

    async def incidents(self) -> set[str]:
        """What a server that is started on it knows; it ends as it should."""
        server = Server(self.folder)
        server.client.headers["Authorization"] = self.past.token
        try:
            await server.start()
            found = {each["title"] for each in await server.items("/incidents")}
            assert await server.stop() == 0
            return found
        finally:
            await server.close()

    async def is_untouched_or_replaced(self, before: dict[str, bytes]) -> None:
        """A server does not begin anew: it says what is wrong with the file, or has the backup; all of it is there."""
        if self.is_replaced():
            assert await self.incidents() == THEN
            assert self.kept() == [before], "something of what was there is lost"
        else:
            with pytest.raises(AssertionError, match=r"damaged|not a database"):
                await self.incidents()
            assert (self.files(), self.kept()) == (before, [])

    def is_replaced(self) -> bool:
        """Whether the backup is in its place."""
        try:
            return backup.check(self.database)["incidents"] == len(THEN)
        except BrokenBackup:
            return False


@pytest.fixture(scope="module")
async def past(tmp_path_factory: pytest.TempPathFactory, anyio_backend: str) -> AsyncIterator[Past]:
    """One for all."""
    if shutil.which("strace") is None:
        pytest.skip("NO KILL SWEEP OF RESTORES: strace is not installed")
    folder = tmp_path_factory.mktemp("past")
    async with FakeSmtp() as smtp:
        server = mailing(folder, smtp, backup_enabled="false")
        try:
            house = await settle_in(server)
            assert (await house.post("then")).status_code == 202
            done = await asyncio.to_thread(server.run, "backup", str(folder / "then.db"))
            assert done.returncode == 0, done.stderr
            assert (await house.post("now")).status_code == 202
            await server.kill()
            yield Past(server)
        finally:
            await server.close()


@pytest.mark.parametrize(
    ("call", "number", "way"),
    [("rename", 1, "whole"), ("rename", 1, "broken"), ("rename", 2, "no links")],
)
async def test_a_restore_that_is_killed_leaves_one_whole_database(
    past: Past, tmp_path: Path, call: str, number: int, way: str
) -> None:
    """As the new one is about to take its place: the worst moment of each way to get there."""
    assert await past.killed_at(tmp_path / "here", call, number, way)


@pytest.mark.campaign
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("way", ["whole", "broken", "no links"])
@pytest.mark.parametrize("call", CALLS)
async def test_a_restore_that_is_killed_at_every_call_leaves_one_whole_database(
    past: Past, tmp_path: Path, call: str, way: str, measured: Callable[..., None]
) -> None:
    """Every call of a kind, until one run comes to its end."""
    number, kills = 1, 0
    while await past.killed_at(tmp_path / "here", call, number, way):
        number, kills = number + (7 if number > FAR else 1), kills + 1
    measured(kills=kills, calls=number - 1, lost=0)
