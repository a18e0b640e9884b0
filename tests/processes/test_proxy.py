"""Three nodes behind the nginx that we ship: one is killed, each is restarted in turn, and no sender notices."""

import asyncio
import re
import subprocess
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from tests.house.test_compose import DEPLOY, NGINX
from tests.ports import free_port
from tests.processes.server import Server, settle_in, until

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.slow,
    pytest.mark.campaign,
    pytest.mark.skipif(NGINX is None, reason="NO NGINX TEST: install nginx to run it"),
]
SENDERS = 4


@pytest.fixture
async def nodes(tmp_path: Path, postgres_url: str) -> AsyncIterator[list[Server]]:
    """Three nodes on one Postgres; not started."""
    made = []
    for number in range(3):
        folder = tmp_path / f"node{number}"
        folder.mkdir()
        made.append(
            Server(
                folder, database_url=postgres_url, server_secret_key="s" * 32, server_encryption_key="e" * 32,
                server_trusted_proxies="127.0.0.1/32", server_drain_seconds="2",
            )
        )  # fmt: skip
    yield made
    for node in made:
        await node.close()


@pytest.fixture
async def proxy(nodes: list[Server], tmp_path: Path) -> AsyncIterator[str]:
    """The configuration as it is shipped, but for names and ports; its address."""
    port = free_port()
    text = (
        (DEPLOY / "nginx.conf")
        .read_text()
        .replace("/tmp/", f"{tmp_path}/")
        .replace("listen 8080", f"listen {port}")
    )
    for number, node in enumerate(nodes, start=1):
        text = text.replace(f"server node{number}:8080", f"server 127.0.0.1:{node.port}")
    assert not re.search(r"node\d:", text)
    file = tmp_path / "nginx.conf"
    file.write_text(text)
    process = subprocess.Popen([str(NGINX), "-c", str(file), "-p", str(tmp_path), "-g", "daemon off;"])
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait()


class Senders:
    """Monitoring systems that post without end, by the proxy, and never repeat what was refused."""

    def __init__(self, url: str, key: str) -> None:
        self._url, self._key = url, key
        self.answers: Counter[int | str] = Counter()
        self.sent = 0

    async def send(self, over: asyncio.Event) -> None:
        """One after the other until it is over."""
        async with httpx2.AsyncClient(base_url=self._url, timeout=30) as client:
            while not over.is_set():
                self.sent += 1
                title = f"alert {self.sent}"
                body = {"title": title, "dedup_key": title}
                try:
                    answer = await client.post(f"/webhooks/generic/{self._key}", json=body)
                    self.answers[answer.status_code] += 1
                except httpx2.TransportError as error:
                    self.answers[type(error).__name__] += 1
                await asyncio.sleep(0.02)


@pytest.mark.proves("HA-1", "F-39")
async def test_no_sender_notices_that_nodes_come_and_go(nodes: list[Server], proxy: str) -> None:
    """kill -9 of one and a restart of each in turn under load: every message is answered 202 and is there once."""
    house = await settle_in(nodes[0])
    for node in nodes[1:]:
        await node.start()
    senders, over = Senders(proxy, house.key), asyncio.Event()
    sending = [asyncio.create_task(senders.send(over)) for _ in range(SENDERS)]
    try:
        await _more(senders, 50)
        await nodes[1].kill()
        await _more(senders, 100)
        await nodes[1].start()
        for node in nodes:
            await _more(senders, 30)
            assert await node.stop() == 0
            await node.start()
        await _more(senders, 100)
    finally:
        over.set()
        await asyncio.gather(*sending)
    assert senders.answers == {202: senders.sent}
    titles = Counter(each["title"] for each in await nodes[0].items("/incidents"))
    assert titles == {f"alert {number}": 1 for number in range(1, senders.sent + 1)}
    for node in nodes:
        await node.kill()
    async with httpx2.AsyncClient(base_url=proxy) as client:
        answer = await client.post(f"/webhooks/generic/{house.key}", json={"title": "nobody"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.json()["code"] == "UNAVAILABLE"


async def _more(senders: Senders, count: int) -> None:
    wanted = senders.sent + count

    async def question() -> bool:
        return senders.sent >= wanted

    await until(question)
