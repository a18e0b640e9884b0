"""A client of live events comes back just as the server stands still: it hears each event once, and in order."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import msgspec
import pytest
from websockets.asyncio.client import ClientConnection, connect

from openalert.web.listener import HOLD_SECONDS
from tests.processes.server import House, Server, hurt, hurting, settle_in

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
CLIENTS = 15
ALERTS = 4
STANDS_STILL = 1.1 * HOLD_SECONDS
ENOUGH = 8
"""Clients that resumed in time; on a machine so busy that they did not, more of them come."""


class Client:
    """One that has heard of nothing yet, and resumes from the beginning."""

    def __init__(self, socket: ClientConnection, began: float) -> None:
        self.socket = socket
        self.began = began
        self.is_in_time = False
        """Whether it resumed before the server may have told it what happens: then it hears all in order."""
        self.heard: list[int] = []
        self.resyncs = 0

    async def resume(self) -> None:
        """Ask for everything, and for an answer to know that it was heard."""
        await self.socket.send('{"type":"resume","after":0}')
        await self.socket.send('{"type":"ping"}')
        self.is_in_time = time.monotonic() - self.began < HOLD_SECONDS

    async def listen(self) -> None:
        """Until that answer."""
        while True:
            event: dict[str, Any] = msgspec.json.decode(await self.socket.recv())
            if event["type"] == "pong":
                return
            if event["type"] == "resync":
                self.resyncs += 1
            elif "seq" in event:
                self.heard.append(event["seq"])


@pytest.fixture(scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory, anyio_backend: str) -> AsyncIterator[House]:
    """Of a server that can be hurt."""
    server = hurting(Server(tmp_path_factory.mktemp("resumes")))
    try:
        yield await settle_in(server)
    finally:
        await server.close()


async def _come(house: House, name: str) -> list[Client]:
    """Clients come one after the other while alerts do, all within the time for which news wait for the first."""
    server = house.server
    made = await server.call("POST", "/api-keys", {"name": name, "role": "owner"})
    headers = {"Authorization": f"Bearer {made['key']}"}
    clients: list[Client] = []
    ends = time.monotonic() + 0.9 * HOLD_SECONDS
    for each in range(CLIENTS):
        began = time.monotonic()
        socket = await connect(
            server.url.replace("http", "ws") + "/api/v1/ws",
            additional_headers=headers, proxy=None, open_timeout=60, ping_interval=None,
        )  # fmt: skip
        clients.append(Client(socket, began))
        if each < ALERTS:
            assert (await house.post(f"{name}, alert {each}")).status_code == 202
        await asyncio.sleep(max(0.0, (ends - time.monotonic()) / (CLIENTS - each)))
    return clients


@asynccontextmanager
async def _stopped(server: Server) -> AsyncIterator[None]:
    """The process is stopped until news do not wait any longer."""
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
        await asyncio.sleep(STANDS_STILL)
    finally:
        os.kill(server.pid, signal.SIGCONT)


@asynccontextmanager
async def _choked(server: Server) -> AsyncIterator[None]:
    """It takes as long to read something else, and looks at the time before it reads on."""
    hurt(server, f"choke {STANDS_STILL}")
    await asyncio.sleep(0.05)
    yield


@pytest.mark.proves("WS-1", "F-24")
@pytest.mark.parametrize("way", [_stopped, _choked], ids=["stopped", "choked"])
async def test_who_resumes_while_the_server_stands_still_hears_each_event_once(
    house: House, way: Callable[[Server], AbstractAsyncContextManager[None]]
) -> None:
    """It does until news do not wait any longer for those who have just come; what they said lies there by then."""
    in_time = 0
    for number in range(20):
        clients = await _come(house, f"{way.__name__} {number}")
        async with way(house.server):
            for client in clients:
                await client.resume()
        async with asyncio.timeout(60):
            for client in clients:
                await client.listen()
            assert (await house.post(f"{way.__name__} {number}, the last")).status_code == 202
            for client in clients:
                await client.socket.send('{"type":"ping"}')
                await client.listen()
                await client.socket.close()
        for client in clients:
            assert client.resyncs == 0
            assert len(client.heard) == len(set(client.heard)), "each once"
            assert set(client.heard) == set(range(1, max(client.heard) + 1)), "all of them"
            assert not client.is_in_time or client.heard == sorted(client.heard), "in order"
        in_time += sum(client.is_in_time for client in clients)
        if in_time >= ENOUGH:
            return
    raise AssertionError(f"only {in_time} clients could resume in time")
