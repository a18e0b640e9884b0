"""A server that hangs: systemd is told nothing, the log says where, and the process ends so that it can begin again."""

import asyncio
import fcntl
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.processes.server import Server, hurting, settle_in, until
from tests.processes.server import hurt as do

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


class Systemd:
    """The socket that systemd listens on, and what came to it when."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)
        self.told: list[tuple[float, str]] = []

    def read(self) -> list[str]:
        """Everything that was told so far."""
        while True:
            try:
                self.told.append((time.monotonic(), self._socket.recv(4096).decode()))
            except BlockingIOError:
                return [words for _, words in self.told]

    async def fed(self) -> None:
        """Returns once it is told again that the engine ticks."""
        count = self.read().count("WATCHDOG=1")

        async def again() -> bool:
            return self.read().count("WATCHDOG=1") > count

        await until(again)

    def close(self) -> None:
        """Listen no more."""
        self._socket.close()


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    """As `Systemd`."""
    found = Systemd(tmp_path / "notify")
    yield found
    found.close()


@pytest.fixture
async def hurt(tmp_path: Path, systemd: Systemd) -> AsyncIterator[Server]:
    """A server, not started, whose loop is called blocked after a second, and hopeless after twelve."""
    limits = {"HURT_TOLD_AFTER": "1", "HURT_ENDED_AFTER": "12", "HURT_LONGEST_TICK": "3"}
    server = hurting(Server(tmp_path), limits)
    server.environment |= {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "2000000"}
    yield server
    await server.close()


async def restarts(server: Server, task: str) -> float:
    """How often the task was begun again."""
    text = (await server.client.get("/metrics")).text
    found = re.search(rf'^openalert_task_restarts_total{{task="{task}"}} (\S+)', text, re.MULTILINE)
    return float(found[1]) if found else 0.0


@pytest.mark.proves("F-26", "LC-1", "ES-1", "SM-1")
async def test_what_hangs_is_seen_told_and_ended(hurt: Server, systemd: Systemd) -> None:
    """Tasks that die or hang come back; a blocked loop feeds no watchdog, says where it stands, and leaves with 70."""
    await hurt.start()
    await systemd.fed()
    assert systemd.read()[0] == "READY=1"

    for task in ("escalate", "deliver", "database writer", "intake"):
        do(hurt, f"cancel {task}")
        await until(lambda task=task: restarts(hurt, task))
    assert await hurt.is_ready()
    await systemd.fed()

    do(hurt, "hang escalate")
    await until(lambda: _says(hurt, "a step hangs"))
    await systemd.fed()
    # Once for the one that was cancelled, and once for each that hung, which on a busy machine may be one more.
    begun_again = await restarts(hurt, "escalate")

    async def all_are_told() -> bool:
        return hurt.log.read_text().count("a step hangs") >= begun_again - 1

    await until(all_are_told)

    systemd.read()
    said = len(hurt.log.read_text())
    do(hurt, "block 4")
    await until(lambda: _says(hurt, "the event loop turns again", said))
    assert await _says(hurt, "the event loop is held up", said)
    assert await _says(hurt, "in hurt\\n    time.sleep(float(what))", said), "the stack names what blocks"
    await systemd.fed()
    assert await hurt.is_ready()

    # A pause of the whole process is no hang, however long it was.
    assert hurt.process is not None
    hurt.process.send_signal(signal.SIGSTOP)
    await asyncio.sleep(8)
    hurt.process.send_signal(signal.SIGCONT)
    await until(hurt.is_ready)
    assert hurt.process.poll() is None

    do(hurt, "block 200")
    assert await asyncio.to_thread(hurt.process.wait, 120) == 70
    assert "ending: the event loop does not turn" in hurt.log.read_text()


async def _says(server: Server, words: str, after: int = 0) -> bool:
    return words in server.log.read_text()[after:]


@pytest.mark.proves("F-26")
def test_code_in_c_that_lets_nobody_else_run_is_ended_by_the_kernel(tmp_path: Path) -> None:
    """Where not even the guard's thread gets a turn, the count of used processor time ends the process."""
    program = (
        "import asyncio\n"
        "from openalert.cli import loop_guard\n"
        "loop_guard.ENDED_AFTER = 2\n"
        "async def main():\n"
        "    loop_guard.LoopGuard().start()\n"
        "    await asyncio.sleep(1)\n"
        "    sum(range(10**12))\n"
        "asyncio.run(main())\n"
    )
    begun = time.monotonic()
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=200, check=False)
    assert ended.returncode == -signal.SIGPROF
    assert time.monotonic() - begun > 2


@pytest.mark.proves("F-26")
def test_a_guard_that_is_switched_off_watches_nothing() -> None:
    """For debuggers: no thread, no timer, however long the loop stands."""
    program = (
        "import asyncio, threading, time\n"
        "from openalert.cli import loop_guard\n"
        "loop_guard.TOLD_AFTER = loop_guard.ENDED_AFTER = 0.5\n"
        "async def main():\n"
        "    loop_guard.LoopGuard(watches=False).start()\n"
        "    time.sleep(2)\n"
        "    print(threading.active_count())\n"
        "asyncio.run(main())\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=200, check=False
    )
    assert (ended.returncode, ended.stdout.strip()) == (0, "1")


@pytest.mark.proves("F-46", "LC-2")
async def test_a_log_that_nobody_reads_stops_nothing(tmp_path: Path) -> None:
    """Standard error is a full pipe: alerts are taken, people are paged; who reads at last is told what is missing."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    server = Server(tmp_path, log_level="debug", log_format="json")
    server.program = [sys.executable, "-m", "tests.processes.hurt"]
    server.environment |= {"HURT_MOST_LINES": "100", "PYTHONPATH": ":".join(sys.path)}
    server.output = writing
    try:
        house = await settle_in(server)
        answers = [await house.post(f"alert {number}") for number in range(300)]
        assert {answer.status_code for answer in answers} == {202}

        async def escalated() -> bool:
            return all(each["escalation"]["level"] for each in await server.items("/incidents"))

        await until(escalated)
        assert await server.is_ready()
        text = b""
        os.set_blocking(reading, False)
        while b"log lines were dropped" not in text:
            await server.is_ready()
            with suppress(BlockingIOError):
                text += os.read(reading, 65536)
        assert await server.stop() == 0
    finally:
        await server.close()
        os.close(reading)
        os.close(writing)
