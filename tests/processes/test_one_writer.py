"""One process writes to a database: a second one is kept out, and whoever lost its lock ends before it pages twice."""

import asyncio
import sqlite3
import subprocess
import sys

import httpx2
import pytest

from tests.ports import free_port
from tests.processes.server import Server, settle_in, until
from tests.processes.strace import database_files, injected

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


def _second(server: Server) -> subprocess.CompletedProcess[str]:
    """Another `openalert serve` on the same data."""
    return server.run("serve", "--port", "0")


@pytest.mark.proves("DB-3", "F-36")
async def test_a_second_server_is_kept_out_and_a_deleted_lock_ends_the_first(server: Server) -> None:
    """The second one leaves with 3 and names the holder, be that one stopped; without the lock file it begins, and the
    first one ends at its next write, with the second one's name.
    """
    house = await settle_in(server)
    refused = await asyncio.to_thread(_second, server)
    assert (refused.returncode, f"process {server.pid}" in refused.stderr) == (3, True), refused.stderr
    assert (await house.post("before")).status_code == 202

    first = server.process
    assert first is not None
    (server.data / "openalert.db.lock").unlink()
    port = server.port
    second = subprocess.Popen(
        [sys.executable, "-m", "openalert", "serve", "--port", str(free_port()), *server.where],
        stderr=subprocess.DEVNULL, env=server.environment, cwd=server.folder,
    )  # fmt: skip
    try:

        async def has_ended() -> bool:
            return first.poll() is not None

        await until(has_ended)
        assert first.returncode == 3
        assert f"taken over by process {second.pid}" in server.log.read_text()
        assert second.poll() is None
    finally:
        second.terminate()
        second.wait(120)
    assert server.port == port
    await server.start()
    assert "before" in {alert["title"] for alert in await server.items("/alerts")}


@pytest.mark.proves("DB-1", "F-11", "F-12")
async def test_faults_of_the_disk_in_turn(server: Server) -> None:
    """Writes that fail get 503 and the next ones work; the holder of a lock is named; a flush that fails ends the
    process with 4, and everything that was answered is there afterwards.
    """
    house = await settle_in(server)
    files = database_files(server.data)
    with injected(server.pid, "pwrite64:error=EIO", paths=files):
        assert (await house.post("lost to EIO")).status_code == 503
    assert (await house.post("after EIO")).status_code == 202
    with injected(server.pid, "pwrite64:error=EROFS", paths=files):
        assert (await house.post("lost to EROFS")).status_code == 503
        assert (await server.client.get("/api/v1/incidents")).status_code == 200
    assert (await house.post("after EROFS")).status_code == 202

    code = "import sqlite3,sys; c=sqlite3.connect(sys.argv[1], isolation_level=None); c.execute('BEGIN IMMEDIATE')\n"
    holder = subprocess.Popen(
        [sys.executable, "-c", code + "print(1, flush=True); sys.stdin.read()", str(files[0])],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert holder.stdout is not None
    assert holder.stdin is not None
    await asyncio.to_thread(holder.stdout.readline)
    refused = await house.post("locked out")
    assert refused.status_code == 503

    async def is_named() -> bool:
        return f'"holder":"{holder.pid} (' in server.log.read_text()

    await until(is_named)
    holder.stdin.close()
    holder.wait(30)
    holder.stdout.close()

    async def goes_on() -> bool:
        return (await house.post("after the lock")).status_code == 202

    await until(goes_on)

    assert server.process is not None
    with injected(server.pid, "fdatasync,fsync:error=EIO", paths=files):
        with pytest.raises(httpx2.TransportError):
            await house.post("unknown")
        assert await asyncio.to_thread(server.process.wait, 120) == 4
    assert "did not take what was written" in server.log.read_text()
    await server.start()
    stored = {alert["title"] for alert in await server.items("/alerts")}
    assert {"after EIO", "after EROFS", "after the lock"} <= stored
    assert not {"lost to EIO", "lost to EROFS"} & stored
    raw = sqlite3.connect(f"file:{files[0]}?mode=ro", uri=True)
    assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    raw.close()
