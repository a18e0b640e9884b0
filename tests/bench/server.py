"""The server under test: a real `openalert serve` in a process and a folder of its own, with a world in it."""

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from openalert.config import Config, Server
from openalert.domain.access import Role
from openalert.domain.team import Channel
from openalert.domain.user import User
from openalert.notifiers.webhook import new_secret
from openalert.storage import keyring, open_database
from openalert.usecases import api_keys, signin
from tests import make
from tests.bench import cores

KEY = "bench"
HOUR = 60.0
OUTGOING = {"OPENALERT_OUTGOING_ALLOWED_NETWORKS": "127.0.0.1/32"}
"""The environment of a server that may send to loopback."""


class World(msgspec.Struct, kw_only=True):
    """A data folder with one service, one policy, one integration, and ways to sign in."""

    folder: Path
    database_url: str
    api_key: str
    session: str


class Running(msgspec.Struct, kw_only=True):
    """A server process that answers."""

    pid: int
    port: int
    started_in: float
    """Seconds from the start of the process to the first 200 of /ready."""

    @property
    def memory(self) -> float:
        """Proportional set size of the process, in MB."""
        for line in Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
        return 0.0


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used so far, its own and the kernel's for it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def world(first_delay: float = HOUR, sink: int = 0, database_url: str = "") -> Iterator[World]:
    """A fresh data folder whose policy pages its first level after `first_delay` minutes.

    The data is in an SQLite file, or in the empty database at `database_url`. The level is a webhook to the port
    `sink` if there is one, else a person, for whom no mail server is configured.
    """
    with tempfile.TemporaryDirectory(prefix="openalert-bench-") as name:
        folder = Path(name, "data")
        folder.mkdir(mode=0o700)
        yield asyncio.run(
            _seed(folder, database_url or f"sqlite:///{folder / 'openalert.db'}", first_delay, sink)
        )


async def _seed(folder: Path, url: str, first_delay: float, sink: int) -> World:
    keys = keyring.of(Config(server=Server(data_dir=str(folder))))
    database = await open_database(url, keys=keys)
    try:
        cast = await make.cast(database)
        target: User | Channel = cast.alice
        if sink:
            receiver = f"http://127.0.0.1:{sink}/"
            target = await make.channel(database, cast.team, "webhook", url=receiver, secret=new_secret())
        policy = await make.policy(database, cast.team, make.level(1, target, minutes=first_delay))
        service = await make.service(database, cast.team, policy)
        await make.integration(database, service, KEY)
        async with database.transaction(make.actor(cast.alice, cast.team)) as tx:
            _, api_key = await api_keys.create(tx, name="bench", role=Role.ADMIN)
            session = await signin.open_session(tx, cast.alice.id, address="127.0.0.1", user_agent="bench")
    finally:
        await database.close()
    return World(folder=folder, database_url=url, api_key=api_key, session=session)


def free_port() -> int:
    """A port of loopback that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def openalert(where: World, **environment: str) -> Iterator[Running]:
    """`openalert serve` on that folder until the end of the block."""
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "openalert",
        "serve",
        "--port",
        str(port),
        "--data-dir",
        str(where.folder),
    ]
    environment = {"OPENALERT_DATABASE_URL": where.database_url} | environment
    with process(command, f"http://127.0.0.1:{port}/ready", where.folder / f"log.{port}", environment) as (
        pid,
        seconds,
    ):
        yield Running(pid=pid, port=port, started_in=seconds)


@contextmanager
def mount() -> Iterator[int]:
    """The bare mount; its port."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="openalert-bench-") as name:
        command = [sys.executable, "-m", "tests.bench.mount", str(port)]
        with process(command, f"http://127.0.0.1:{port}/", Path(name, "log"), {}):
            yield port


@contextmanager
def process(
    command: list[str], url: str, log: Path, environment: dict[str, str]
) -> Iterator[tuple[int, float]]:
    """A server process that has answered at `url`; its id, and how many seconds that took. Ended at the end."""
    begun = time.perf_counter()
    with (
        log.open("wb") as lines,
        subprocess.Popen(command, stderr=lines, env=os.environ | environment) as child,
    ):
        cores.keep_server(child.pid)
        try:
            while not _answers(url):
                if child.poll() is not None or time.perf_counter() - begun > 30:
                    raise RuntimeError(f"the server did not start: {log.read_text()[-2000:]}")
                time.sleep(0.01)
            yield child.pid, time.perf_counter() - begun
        finally:
            child.terminate()
            with suppress(subprocess.TimeoutExpired):
                child.wait(20)
            child.kill()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError as error:
        return error.code == 404
    except OSError:
        return False
