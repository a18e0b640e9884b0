"""Two nodes of real processes on one Postgres that share a Valkey, which is killed, frozen and replaced under them."""

import asyncio
import signal
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from websockets.asyncio.client import ClientConnection, connect

from tests.fakes.valkey import Valkey
from tests.processes.server import SECONDS, Server, settle_in, until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
LIMIT = 12


class Ear:
    """A browser's live events from one node."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    async def hears(self, title: str) -> None:
        """Wait for the event of an incident with this title."""
        async with asyncio.timeout(SECONDS):
            async for frame in self._socket:
                if title in str(frame):
                    return
        raise AssertionError(f"the connection ended before {title!r} was told")


async def listen(node: Server) -> Ear:
    """Live events of everything."""
    socket = await connect(
        node.url.replace("http", "ws") + "/api/v1/ws",
        additional_headers={"Authorization": node.client.headers["Authorization"]},
        proxy=None,
        # What is not yet read here holds up the answers to its pings too, and on a busy machine for long.
        ping_interval=None,
        max_queue=None,
    )
    await socket.send(msgspec.json.encode({"type": "subscribe", "topics": ["incidents"]}).decode())
    return Ear(socket)


async def ready(node: Server) -> dict[str, Any]:
    """What it says of itself; it has to be ready."""
    answer = await node.client.get("/ready")
    assert answer.status_code == 200
    told: dict[str, Any] = answer.json()
    return told


@pytest.mark.proves("F-38", "HA-1")
async def test_a_lost_valkey_degrades_and_loses_nothing(
    tmp_path: Path, valkey: Valkey, postgres_url: str
) -> None:
    """With it limits hold over both nodes and each hears the other; without it both go on, are ready, and say so."""
    one, two = (
        Server(
            tmp_path, data=tmp_path / name, database_url=postgres_url, redis_url=valkey.url,
            server_secret_key="s" * 32, server_encryption_key="e" * 32,
        )
        for name in ("one", "two")
    )  # fmt: skip
    for node in (one, two):
        node.environment["OPENALERT_SERVER_API_WRITES_PER_MINUTE"] = str(LIMIT)
    two.log = tmp_path / "two.log"
    try:
        house = await settle_in(one)
        two.client.headers["Authorization"] = one.client.headers["Authorization"]
        await two.start()
        await until(lambda: _degraded(one, two, wanted=False))
        ear = await listen(two)
        assert (await house.post("with it")).status_code == 202
        await ear.hears("with it")

        begun = time.monotonic()
        answers = [
            (await node.client.post("/api/v1/teams", json={"name": f"Team {number}"})).status_code
            for number in range(LIMIT)
            for node in (one, two)
        ]
        allowed = answers.count(201)
        # Setting up took some, and the minute goes on: each node by itself would have let through twice as many.
        meanwhile = LIMIT * (time.monotonic() - begun) / 60
        assert allowed <= LIMIT + 2 + meanwhile
        assert 429 in answers

        valkey.send(signal.SIGKILL)
        await until(lambda: _degraded(one, two))
        assert (await house.post("without it")).status_code == 202
        await ear.hears("without it")
        metrics = (await one.client.get("/metrics")).text
        assert "openalert_redis_up 0.0" in metrics

        await valkey.start()
        await until(lambda: _degraded(one, two, wanted=False))
        valkey.send(signal.SIGSTOP)
        answers = [(await house.post(f"frozen {number}")).status_code for number in range(20)]
        assert answers == [202] * 20
        await ear.hears("frozen 19")
        await until(lambda: _degraded(one, two))
        valkey.send(signal.SIGCONT)
        await until(lambda: _degraded(one, two, wanted=False))
        titles = {each["title"] for each in await two.items("/incidents")}
        assert titles == {"with it", "without it", *(f"frozen {number}" for number in range(20))}
        for node in (one, two):
            log = node.log.read_text()
            assert "Traceback" not in log
            assert "horse" not in log
    finally:
        await one.close()
        await two.close()


async def _degraded(*nodes: Server, wanted: bool = True) -> bool:
    return all([("redis" in (await ready(node)).get("degraded", ())) is wanted for node in nodes])
