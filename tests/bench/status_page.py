"""How fast a status page is answered, against a static body of the same size on the same server.

`python -m tests.bench.status_page` starts both and asks each in turn by 16 connections, closed loop.
"""

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec
import uvicorn
import uvloop

from openalert.config import Config, Server
from openalert.storage import keyring, open_database
from openalert.usecases import status_components as components
from openalert.usecases import status_pages as pages
from tests.bench.report import Figure, main
from tests.bench.server import World, free_port, openalert, process, world

CONNECTIONS = 16
SECONDS = 4.0
ROUNDS = 3
COMPONENTS = 12


class Rate(msgspec.Struct):
    """What one run measured."""

    a_second: float
    p50: float
    """Milliseconds."""
    p99: float
    size: int
    """Bytes of one answer, with its headers."""


class _Reader(asyncio.Protocol):
    """One connection that asks again as soon as it is answered."""

    def __init__(self, request: bytes, until: float, times: list[float]) -> None:
        self._request, self._until, self._times = request, until, times
        self._buffer = b""
        self._since = 0.0
        self.size = 0
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        self._transport = transport
        self._ask()

    def _ask(self) -> None:
        self._since = time.perf_counter()
        self._transport.write(self._request)  # type: ignore[attr-defined]  # a transport that writes

    def data_received(self, data: bytes) -> None:
        """Note an answer that is complete, and ask again."""
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        at = self._buffer.find(b"content-length: ", 0, end)
        if end < 0:
            return
        whole = end + 4 + int(self._buffer[at + 16 : self._buffer.find(b"\r", at)])
        if len(self._buffer) < whole:
            return
        if not self._buffer.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(self._buffer[:200])
        now = time.perf_counter()
        self._times.append(now - self._since)
        self.size, self._buffer = whole, b""
        if now < self._until:
            self._ask()
        else:
            self.over.set_result(None)


async def _read(port: int, path: str) -> Rate:
    request = f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\naccept-encoding: gzip\r\n\r\n".encode()
    times: list[float] = []
    begun = time.perf_counter()
    loop = asyncio.get_running_loop()
    made = [
        await loop.create_connection(lambda: _Reader(request, begun + SECONDS, times), "127.0.0.1", port)
        for _ in range(CONNECTIONS)
    ]
    readers = [reader for _, reader in made]
    await asyncio.gather(*(reader.over for reader in readers))
    lasted = time.perf_counter() - begun
    times.sort()
    return Rate(
        a_second=len(times) / lasted,
        p50=times[len(times) // 2] * 1000,
        p99=times[int(len(times) * 0.99)] * 1000,
        size=readers[0].size,
    )


def _run(port: int, path: str) -> Rate:
    """One run, in a process of its own."""
    command = [sys.executable, "-m", "tests.bench.status_page", "read", str(port), path]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    return msgspec.json.decode(done.stdout, type=Rate)


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


def measure() -> list[Figure]:
    """Both in turn, and the medians of it."""
    with world() as where, tempfile.TemporaryDirectory(prefix="openalert-bench-") as folder:
        asyncio.run(_seed(where))
        with openalert(where) as server:
            size = _run(server.port, "/status/acme").size
            port = free_port()
            command = [sys.executable, "-m", "tests.bench.status_page", "serve", str(port), str(size)]
            with process(command, f"http://127.0.0.1:{port}/", Path(folder, "log"), {}):
                runs = [(_run(server.port, "/status/acme"), _run(port, "/")) for _ in range(ROUNDS)]
    floor = statistics.median(each.a_second for _, each in runs)
    return [
        Figure(
            what=f"status page, {size} bytes as sent",
            value=statistics.median(each.a_second for each, _ in runs),
            unit="/s",
            floor=floor,
            floor_name="static body",
            aim=0.7,
        ),
        Figure(
            what="status page, p99 with 16 connections that never pause",
            value=statistics.median(each.p99 for each, _ in runs),
            unit="ms",
            is_time=True,
        ),
    ]


if __name__ == "__main__":
    if sys.argv[1:2] == ["read"]:
        print(msgspec.json.encode(uvloop.run(_read(int(sys.argv[2]), sys.argv[3]))).decode())
    elif sys.argv[1:2] == ["serve"]:
        serve_static(int(sys.argv[2]), int(sys.argv[3]))
    else:
        main(measure)
