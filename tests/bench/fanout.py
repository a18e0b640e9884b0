"""How soon another node tells its listeners: an alert goes to one node of two, a WebSocket of the other hears of it."""

import asyncio
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import httpx2
import msgspec
from websockets.asyncio.client import connect

from tests.bench import server
from tests.bench.report import Figure, main
from tests.bench.stores import KEYS, postgres
from tests.fakes.valkey import Valkey

ALERTS = 300
PAUSE = 0.02
"""Seconds between two alerts, so that each is a commit of its own."""


def measure() -> Sequence[Figure]:
    """By Postgres' NOTIFY, and by Valkey."""
    figures = []
    with tempfile.TemporaryDirectory(prefix="openalert-bench-") as name:
        valkey = Valkey(Path(name))
        asyncio.run(valkey.start())
        try:
            for carrier, settings in (("NOTIFY", {}), ("Valkey", {"OPENALERT_REDIS_URL": valkey.url})):
                p50, p99 = _latencies(settings)
                for words, value in (("p50", p50), ("p99", p99)):
                    figures.append(
                        Figure(
                            what=f"from the answer to a WebSocket of the other node by {carrier}, {words}",
                            value=value,
                            unit="ms",
                        )
                    )
        finally:
            valkey.close()
    return figures


def _latencies(settings: dict[str, str]) -> tuple[float, float]:
    with postgres() as (url, _), server.world(database_url=url) as world, ExitStack() as stack:
        nodes = [stack.enter_context(server.openalert(world, **KEYS, **settings)) for _ in range(2)]
        found = sorted(asyncio.run(_listen(world, *nodes)))
    return found[len(found) // 2] * 1000, found[int(len(found) * 0.99)] * 1000


async def _listen(world: server.World, one: server.Running, two: server.Running) -> list[float]:
    """The seconds from the answer of one node to the word of the other, for each alert."""
    authorization = {"Authorization": f"Bearer {world.api_key}"}
    answered: dict[str, float] = {}
    heard: dict[str, float] = {}
    async with (
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{one.port}") as sender,
        connect(
            f"ws://127.0.0.1:{two.port}/api/v1/ws", additional_headers=authorization, proxy=None
        ) as socket,
    ):
        await socket.send(msgspec.json.encode({"type": "subscribe", "topics": ["incidents"]}).decode())

        async def hear() -> None:
            async for frame in socket:
                now = time.perf_counter()
                title = str(frame).partition("Fan-out ")[2][:5]
                if title:
                    heard.setdefault(title, now)

        hearing = asyncio.create_task(hear())
        await asyncio.sleep(1)
        for number in range(ALERTS):
            title = f"{number:05d}"
            body = {"title": f"Fan-out {title}", "dedup_key": title}
            answer = await sender.post(f"/webhooks/generic/{server.KEY}", json=body)
            assert answer.status_code == 202, answer.text
            answered[title] = time.perf_counter()
            await asyncio.sleep(PAUSE)
        await asyncio.sleep(6)
        hearing.cancel()
    missing = answered.keys() - heard.keys()
    assert not missing, f"{len(missing)} were not told"
    return [max(0.0, heard[title] - answered[title]) for title in answered]


if __name__ == "__main__":
    main(measure)
