"""How fast a status page is answered, against a static body of the same size, and beside a storm of webhooks.

`python -m tests.bench.status_page` starts both servers and asks each in turn by 16 connections that never pause; then
500 readers a second beside 500 new alerts a second.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import uvicorn

from openalert.config import Config, Server
from openalert.storage import keyring, open_database
from openalert.usecases import status_components as components
from openalert.usecases import status_pages as pages
from tests.bench import load, readers
from tests.bench.readers import Rate, Spec
from tests.bench.report import Figure, main
from tests.bench.server import World, cpu_seconds, free_port, openalert, process, world

PAGE = "/status/acme"
ROUNDS = 3
BESIDE = 8.0
"""Seconds."""
STORM = READERS = 500
"""A second."""
COMPONENTS = 12


def serve_static(port: int, size: int) -> None:
    """The floor: an application that sends one body, on the server and settings of `openalert serve`."""
    body = b"x" * size
    headers = [(b"content-type", b"text/html"), (b"content-length", str(size).encode())]

    async def app(scope: dict[str, object], receive: object, send: object) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": headers})  # type: ignore[operator]
            await send({"type": "http.response.body", "body": body})  # type: ignore[operator]

    uvicorn.run(
        app,  # type: ignore[arg-type]
        port=port,
        http="httptools",
        loop="uvloop",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=65,
        reset_contextvars=True,
    )


async def _seed(where: World) -> None:
    keys = keyring.of(Config(server=Server(data_dir=str(where.folder))))
    database = await open_database(f"sqlite:///{where.folder / 'openalert.db'}", keys=keys)
    try:
        async with database.transaction() as tx:
            team = await tx.value("SELECT id FROM teams LIMIT 1")
            page = await pages.create(tx, team_id=team, name="Acme", slug="acme")
            for number in range(COMPONENTS):
                await components.add_component(tx, page.id, name=f"Part {number}")
    finally:
        await database.close()


class Run(msgspec.Struct):
    """A server that was asked by readers."""

    rate: Rate
    cpu: float
    """Microseconds of the server's processor time for an answer."""


def _run(port: int, path: str, pid: int) -> Run:
    before = cpu_seconds(pid)
    rate = readers.run(Spec(port=port, path=path))
    return Run(rate, (cpu_seconds(pid) - before) / rate.answered * 1e6)


def _beside(port: int) -> tuple[Rate, load.Result]:
    """Readers while messages come in, and how those fared."""
    storm = load.Spec(port=port, salt="s", seconds=BESIDE + 2, rate=STORM, connections=64)
    with ThreadPoolExecutor(1) as beside:
        taken_in = beside.submit(load.run, storm)
        time.sleep(1)  # the storm has begun, and goes on for longer than the readers ask
        rate = readers.run(Spec(port=port, path=PAGE, seconds=BESIDE, rate=READERS, connections=64))
        return rate, taken_in.result()


def measure() -> list[Figure]:
    """Both servers in turn, and the medians of it; then the page beside a storm."""
    with world() as where, tempfile.TemporaryDirectory(prefix="openalert-bench-") as folder:
        asyncio.run(_seed(where))
        with openalert(where) as server:
            size = readers.run(Spec(port=server.port, path=PAGE)).size
            port = free_port()
            command = [sys.executable, "-m", "tests.bench.status_page", "serve", str(port), str(size)]
            with process(command, f"http://127.0.0.1:{port}/", Path(folder, "log"), {}) as (static, _):
                runs = [(_run(server.port, PAGE, server.pid), _run(port, "/", static)) for _ in range(ROUNDS)]
            beside, taken_in = _beside(server.port)
    return [
        Figure(
            what=f"status page, {size} bytes as sent",
            value=statistics.median(ours.rate.a_second for ours, _ in runs),
            unit="/s",
            floor=statistics.median(bare.rate.a_second for _, bare in runs),
            floor_name="static body",
            aim=0.7,
        ),
        Figure(
            what="status page, processor time of the server for an answer",
            value=statistics.median(ours.cpu for ours, _ in runs),
            unit="µs",
            floor=statistics.median(bare.cpu for _, bare in runs),
            floor_name="static body",
            is_time=True,
        ),
        Figure(
            what="status page, p99 with 16 connections that never pause",
            value=statistics.median(ours.rate.p99 for ours, _ in runs),
            unit="ms",
            is_time=True,
        ),
        Figure(
            what=f"status page, p50 of {READERS} readers a second beside {STORM} new alerts a second",
            value=beside.p50,
            unit="ms",
            is_time=True,
        ),
        Figure(what="… p99 of those readers", value=beside.p99, unit="ms", aim=5, is_time=True),
        Figure(what="… p99 of those alerts", value=taken_in.p99, unit="ms", is_time=True),
    ]


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve_static(int(sys.argv[2]), int(sys.argv[3]))
    else:
        main(measure)
