"""`openalert` that hurts itself when it is told to: SIGUSR1 makes it do what stands in the file named by HURT.

`block 3` holds the event loop up for so many seconds, `choke 3` does as it reads, so that what comes meanwhile is read
after the timers that are due by then, `cancel NAME` cancels a task, `hang NAME` lets its next step wait
for ever, `stall 3` keeps the database's writer busy, `stutter 0.9` holds the event loop up again and again for so
long, until `stutter 0`. Limits are shorter here where the environment says so (HURT_TOLD_AFTER, HURT_ENDED_AFTER,
HURT_LONGEST_TICK, HURT_CANARY_BUDGET, in seconds; HURT_MOST_LINES; HURT_LONG_LOG, the bytes from which on SQLite's log
is long; HURT_BACKUP_LOOK, the seconds between two looks at whether a backup is due), and HURT_BOOT_ID names the file
that says which start of the machine this is.
"""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from openalert import cli
from openalert.app import OpenAlert
from openalert.cli import loop_guard
from openalert.engine import backups, black_box, canary, engine
from openalert.storage import disk, sqlite
from openalert.telemetry import LogWriter

_running = OpenAlert.running


@asynccontextmanager
async def running(self: OpenAlert) -> AsyncIterator[None]:
    """As in the program, and it listens for SIGUSR1."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, hurt, self)
    async with _running(self):
        yield


def hurt(server: OpenAlert) -> None:
    """Do what the file says."""
    deed, _, what = Path(os.environ["HURT"]).read_text().partition(" ")
    if deed == "block":
        time.sleep(float(what))
    elif deed == "choke":
        choke(float(what))
    elif deed == "stutter":
        server.stutters = float(what)  # type: ignore[attr-defined]
        if server.stutters:  # type: ignore[attr-defined]
            asyncio.get_running_loop().call_soon(stutter, server)
    elif deed == "stall":
        asyncio.get_running_loop().create_task(stall(server, float(what)))
    else:
        (watched,) = (each for each in server.supervisor._watched if each.name == what)
        if deed == "cancel":
            assert watched.task is not None
            watched.task.cancel()
        else:
            server.engine.hangs = watched.name  # type: ignore[attr-defined]


def stutter(server: OpenAlert) -> None:
    """One turn of the loop that takes long, and as long as it is wanted the next one soon after it."""
    if server.stutters:  # type: ignore[attr-defined]
        time.sleep(server.stutters)  # type: ignore[attr-defined]
        asyncio.get_running_loop().call_later(0.01, stutter, server)


def choke(seconds: float) -> None:
    """Take so long to read something."""
    loop = asyncio.get_running_loop()
    reads, writes = os.pipe()

    def read() -> None:
        loop.remove_reader(reads)
        os.close(reads)
        time.sleep(seconds)

    loop.add_reader(reads, read)
    os.close(writes)


async def stall(server: OpenAlert, seconds: float) -> None:
    """Hold the writer's turn."""
    async with server.database.transaction():
        await asyncio.sleep(seconds)


_loop = engine.Engine._loop


async def loop(self: engine.Engine, watched: Any, step: Any, *rest: Any) -> None:
    """As in the program, but the step of the loop that was named hangs, once."""

    async def hanging() -> int:
        if getattr(self, "hangs", "") == watched.name:
            self.hangs = ""  # type: ignore[attr-defined]
            await asyncio.Event().wait()
        result: int = await step()
        return result

    await _loop(self, watched, hanging, *rest)


if __name__ == "__main__":
    OpenAlert.running = running  # type: ignore[method-assign]
    engine.Engine._loop = loop  # type: ignore[method-assign]
    loop_guard.TOLD_AFTER = float(os.environ.get("HURT_TOLD_AFTER", loop_guard.TOLD_AFTER))
    loop_guard.ENDED_AFTER = float(os.environ.get("HURT_ENDED_AFTER", loop_guard.ENDED_AFTER))
    engine.LONGEST_TICK = float(os.environ.get("HURT_LONGEST_TICK", engine.LONGEST_TICK))
    canary.BUDGET = int(1000 * float(os.environ.get("HURT_CANARY_BUDGET", canary.BUDGET / 1000)))
    LogWriter.MOST_LINES = int(os.environ.get("HURT_MOST_LINES", LogWriter.MOST_LINES))
    if long_log := int(os.environ.get("HURT_LONG_LOG", "0")):
        disk.LONG_LOG = long_log
        sqlite._WRITER["journal_size_limit"] = long_log // 2
    backups.LOOK_SECONDS = float(os.environ.get("HURT_BACKUP_LOOK", backups.LOOK_SECONDS))
    black_box.BOOT_ID = Path(os.environ.get("HURT_BOOT_ID", black_box.BOOT_ID))
    cli.main()
