"""Thousands of requests that are begun and never ended: others are answered meanwhile, and none is held for long."""

import asyncio
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tests.processes.server import House, Server, settle_in, until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

HALVES = 2_000
ATTACKER = "127.0.0.9"
HEAD_SECONDS = 8.0
PLACES = 1_500
"""Handles of the server: fewer than the attacker would like to have."""
BEGIN = (
    f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, ({PLACES}, {PLACES})); "
    f"from openalert.cli import connection, main; connection.HEAD_SECONDS = {HEAD_SECONDS}; main()"
)
"""The deadline of ten seconds is made shorter from outside."""
HALF_HEAD = b"POST /webhooks/generic/key HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Half: "
HALF_BODY = (
    b"POST /webhooks/generic/key HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    b"Content-Length: 1000\r\n\r\n{"
)


class Half(asyncio.Protocol):
    """One of them: a byte every second, and what it is told."""

    def __init__(self, begun: bytes) -> None:
        self._begun = begun
        self.told = b""
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, and dribble on."""
        self.transport = transport
        transport.write(self._begun)
        asyncio.get_running_loop().call_later(1, self._dribble)

    def _dribble(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(b"x")
            asyncio.get_running_loop().call_later(1, self._dribble)

    def data_received(self, data: bytes) -> None:
        """What the server says to it."""
        self.told += data

    def connection_lost(self, exc: Exception | None) -> None:
        """Sent away."""
        del exc
        if not self.ended.done():
            self.ended.set_result(time.monotonic())


async def _open(port: int, begun: bytes) -> Half | None:
    with suppress(OSError):
        _, half = await asyncio.get_running_loop().create_connection(
            lambda: Half(begun), "127.0.0.1", port, local_addr=(ATTACKER, 0)
        )
        return half
    return None


async def _memory(server: Server) -> float:
    """MB that the process has to itself."""
    lines = Path(f"/proc/{server.pid}/smaps_rollup").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("Pss:")).split()[1]) / 1024


async def _answers(house: House, number: int) -> float:
    """Seconds until an honest alert, and the question how it is, were answered."""
    begun = time.monotonic()
    assert (await house.post(f"honest {number}")).status_code == 202
    assert (await house.server.client.get("/health")).status_code == 200
    return time.monotonic() - begun


@pytest.mark.proves("F-30", "LC-2", "IN-1")
async def test_thousands_of_half_requests_keep_nobody_else_out(
    tmp_path: Path, anyio_backend: str, measured: Callable[..., None]
) -> None:
    """One address gets half of the places at most, who comes from elsewhere is answered, and all halves are over."""
    del anyio_backend
    server = Server(tmp_path)
    server.program = [sys.executable, "-c", BEGIN]
    try:
        house = await settle_in(server)
        await _answers(house, 0)
        before = await _memory(server)
        opened = await asyncio.gather(
            *(_open(server.port, HALF_BODY if number % 4 == 0 else HALF_HEAD) for number in range(HALVES))
        )
        halves = [half for half in opened if half is not None]
        waited = [await _answers(house, number) for number in range(1, 11)]
        grown = await _memory(server) - before
        turned_away = sum(half.told.startswith(b"HTTP/1.1 503 ") for half in halves)

        async def all_are_over() -> bool:
            return all(half.ended.done() for half in halves)

        await until(all_are_over)
        waited += [await _answers(house, number) for number in range(11, 16)]
        assert turned_away > 0
        statuses = {half.told[:12] for half in halves}
        assert statuses <= {b"", b"HTTP/1.1 503", b"HTTP/1.1 408", b"HTTP/1.1 404", b"HTTP/1.1 401"}
        assert b"HTTP/1.1 408" in statuses
        measured(
            halves=len(halves),
            turned_away=turned_away,
            slowest_ms=round(max(waited) * 1000),
            grown_mb=round(grown),
        )
        assert grown < 60
        assert "Traceback" not in server.log.read_text()
    finally:
        await server.close()
