"""The power goes: what a disk really holds at a moment is copied, and every alert that was answered must be in it.

The data lies on an ext4 of its own in a file. While the server stands still the file is copied: what the kernel has not
yet written is not in it, as after a loss of power. The same with `synchronous=NORMAL` must lose something, or the test
would see nothing.
"""

import os
import shutil
import signal
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes.smtp import FakeSmtp
from tests.processes.conftest import mailing
from tests.processes.disks import device as device_of
from tests.processes.disks import formatted, mounted
from tests.processes.server import Server, settle_in

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

NORMAL = "import openalert.storage.sqlite as own\nown._WRITER['synchronous'] = 1\n"
"""What the control runs with: put into the process from outside."""


@pytest.fixture
async def server(tmp_path: Path, smtp: FakeSmtp) -> AsyncIterator[Server]:
    """A server, not started, whose data is on an ext4 of 64 MiB in the file `disk`."""
    with mounted(formatted(tmp_path / "disk"), tmp_path / "data"):
        running = mailing(tmp_path, smtp, database_reserve_mib="4")
        yield running
        await running.close()


def _cut(server: Server, device: str, to: Path) -> None:
    """What the disk holds now. Taken again where the kernel wrote meanwhile: it would be of no one moment."""
    written = Path(f"/sys/block/{device}/stat")
    os.kill(server.pid, signal.SIGSTOP)
    try:
        for _ in range(20):
            before = written.read_text()
            shutil.copyfile(server.folder / "disk", to)
            if written.read_text() == before:
                return
    finally:
        os.kill(server.pid, signal.SIGCONT)
    pytest.skip("NO POWER-LOSS TEST: the disk does not come to rest")


def _titles(data: Path) -> set[str]:
    """The alerts of a database that SQLite finds whole."""
    raw = sqlite3.connect(data / "openalert.db")
    try:
        assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return {row[0] for row in raw.execute("SELECT title FROM alerts")}
    finally:
        raw.close()


async def _lost(server: Server, cuts: int) -> int:
    """How many alerts that were answered are missing after so many losses of power at different moments."""
    house = await settle_in(server)
    device = device_of(server.data)
    answered: set[str] = set()
    lost = 0
    image = server.folder / "cut"
    for number in range(cuts):
        for again in range(3 + number % 5):
            title = f"alert {number} {again}"
            if (await house.post(title)).status_code == 202:
                answered.add(title)
        _cut(server, device, image)
        with mounted(image, server.folder / "after"):
            lost += len(answered - _titles(server.folder / "after"))
    assert len(answered) >= 3 * cuts
    return lost


async def _keeps_everything(server: Server, cuts: int) -> None:
    assert await _lost(server, cuts) == 0
    await server.kill()
    with mounted(server.folder / "cut", server.folder / "after"):
        again = Server(server.folder, data=server.folder / "after")
        again.client.headers = server.client.headers
        await again.start()
        titles = {alert["title"] for alert in await again.items("/alerts")}
        assert f"alert {cuts - 1} 0" in titles
        await again.close()


def _careless(server: Server) -> None:
    """Let the server not flush its commits."""
    (server.folder / "sitecustomize.py").write_text(NORMAL)
    path = server.environment.get("PYTHONPATH", "")
    server.environment["PYTHONPATH"] = f"{server.folder}:{path}"


@pytest.mark.proves("DB-1", "IN-1", "F-05")
async def test_loss_of_power_costs_nothing_that_was_answered(server: Server) -> None:
    """At three moments; a server then starts on what is left."""
    await _keeps_everything(server, 3)


@pytest.mark.proves("F-05", "F-06")
async def test_without_a_flush_it_would_cost_something(server: Server) -> None:
    """The control: with synchronous=NORMAL, as on a disk that lies, alerts are gone, and the rest is whole."""
    _careless(server)
    assert await _lost(server, 3) > 0


@pytest.mark.campaign
@pytest.mark.timeout(1800)
@pytest.mark.proves("DB-1", "IN-1", "F-05")
async def test_fifty_losses_of_power(server: Server) -> None:
    """The same at fifty moments."""
    await _keeps_everything(server, 50)
