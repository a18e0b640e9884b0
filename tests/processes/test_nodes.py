"""Three real nodes on one Postgres: restarted one after the other, frozen and killed; the mail server is the judge."""

import asyncio
import itertools
import re
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from tests.fakes.smtp import FakeSmtp
from tests.processes.conftest import mailing
from tests.processes.server import House, Server, settle_in, until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

LEASE_SECONDS = 6
DRAIN_SECONDS = 2
PATIENCE_SECONDS = 60
"""So long a request waits for a node that is ready."""
KEYS = {
    "server_secret_key": "the same secret key on every node",
    "server_encryption_key": "the-same-encryption-key-on-every-node",
}


class Proxy:
    """Sends each request to a node whose /ready says so, in turn; to another one if it could not be delivered, or that
    node says that it takes nothing now, as docs/deploy/nginx.conf does.
    """

    def __init__(self, nodes: list[Server], key: str) -> None:
        self.nodes = nodes
        self._path = f"/webhooks/generic/{key}"
        self._ready: dict[int, bool] = {}
        self._turn = itertools.count()
        self.answers: dict[str, int] = {}
        """Title to the status that its sender was answered with; 0: the connection broke after it was delivered."""
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "Proxy":
        """Ask /ready of every node from now on, five times a second."""
        self._tasks = [asyncio.create_task(self._ask(node)) for node in self.nodes]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Ask no more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _ask(self, node: Server) -> None:
        while True:
            try:
                async with asyncio.timeout(1):
                    self._ready[node.port] = await node.is_ready()
            except TimeoutError:
                self._ready[node.port] = False
            await asyncio.sleep(0.2)

    async def without(self, node: Server) -> None:
        """Returns once nothing is sent to this node any more."""

        async def noticed() -> bool:
            return not self._ready[node.port]

        await until(noticed)

    async def post(self, title: str) -> int:
        """One alert, by a connection of its own."""
        status = 503
        patience = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < patience:
            ready = [node for node in self.nodes if self._ready.get(node.port)]
            if not ready:
                await asyncio.sleep(0.1)
                continue
            node = ready[next(self._turn) % len(ready)]
            try:
                async with httpx2.AsyncClient(base_url=node.url, timeout=PATIENCE_SECONDS) as client:
                    answer = await client.post(self._path, json={"title": title, "dedup_key": title})
            except httpx2.ConnectError:
                self._ready[node.port] = False
                continue
            except httpx2.TransportError:
                status = 0
                break
            status = answer.status_code
            if status != 503:
                break
            await asyncio.sleep(0.1)
        self.answers[title] = status
        return status


@pytest.fixture
async def nodes(tmp_path: Path, postgres_url: str, smtp: FakeSmtp) -> AsyncIterator[list[Server]]:
    """Three nodes, not started, each with a folder of its own, the same keys, and a short lease."""
    made = []
    for name in ("one", "two", "three"):
        folder = tmp_path / name
        folder.mkdir()
        made.append(
            mailing(
                folder,
                smtp,
                database_url=postgres_url,
                database_lease_seconds=str(LEASE_SECONDS),
                server_node_name=name,
                server_drain_seconds=str(DRAIN_SECONDS),
                **KEYS,
            )
        )
    yield made
    for node in made:
        if node.process is not None and node.process.poll() is None:
            node.process.send_signal(signal.SIGCONT)
        await node.close()


async def _metric(node: Server, name: str) -> float:
    found = re.search(rf"^openalert_{name} (\S+)$", (await node.client.get("/metrics")).text, re.MULTILINE)
    return float(found.group(1)) if found else 0.0


async def _leader(nodes: list[Server]) -> Server:
    async def one() -> Server | None:
        leading = [node for node in nodes if await _metric(node, "node_leads") == 1]
        return leading[0] if len(leading) == 1 else None

    found = await until(one)
    assert found is not None
    return found


def _told(smtp: FakeSmtp) -> tuple[Counter[str], Counter[str]]:
    """How often each alert was told as it is, and as a possible repeat."""
    plain: Counter[str] = Counter()
    marked: Counter[str] = Counter()
    for mail in smtp.mails:
        text = mail.content.decode("utf-8", "replace")
        names = set(re.findall(r"\bnight-[a-z]+-\d+\b", text))
        (marked if "possible repeat" in text else plain).update(names)
    return plain, marked


async def _all_paged(smtp: FakeSmtp, proxy: Proxy) -> None:
    async def all_told() -> bool:
        plain, marked = _told(smtp)
        return set(proxy.answers) <= set(plain) | set(marked)

    await until(all_told)


async def _begin(nodes: list[Server]) -> House:
    house = await settle_in(nodes[0])
    for node in nodes[1:]:
        node.client.headers["Authorization"] = nodes[0].client.headers["Authorization"]
        await node.start()
    return house


@pytest.mark.proves("HA-1", "ES-1", "ES-2", "F-39")
async def test_nodes_are_restarted_frozen_and_killed_and_every_page_comes_once(
    nodes: list[Server], smtp: FakeSmtp
) -> None:
    """No request is lost in a rolling restart; a frozen leader and a dead one are taken over; no page comes twice."""
    house = await _begin(nodes)
    async with Proxy(nodes, house.key) as proxy:
        # One after the other is told to end and started again, while alerts come in.
        going = True

        async def senders() -> None:
            number = 0
            while going:
                number += 1
                await proxy.post(f"night-rolling-{number}")
                await asyncio.sleep(0.2)

        sending = asyncio.create_task(senders())
        for node in nodes:
            assert await node.stop() == 0, node.log.read_text()[-2000:]
            await node.start()
        going = False
        await sending
        assert Counter(proxy.answers.values()) == {202: len(proxy.answers)}
        await _all_paged(smtp, proxy)

        # The one that leads stands still for three leases: another one leads, its own work goes on without it.
        leader = await _leader(nodes)
        others = [node for node in nodes if node is not leader]
        assert leader.process is not None
        leader.process.send_signal(signal.SIGSTOP)
        await proxy.without(leader)
        for number in range(3):
            assert await proxy.post(f"night-frozen-{number}") == 202
        next_leader = await _leader(others)
        await _all_paged(smtp, proxy)
        leader.process.send_signal(signal.SIGCONT)

        async def fenced() -> bool:
            return await _metric(leader, "node_fenced_total") >= 1

        await until(fenced)
        assert await _leader(nodes) is next_leader

        # The one that leads now is killed: what is due then is done by the others.
        await next_leader.kill()
        await proxy.without(next_leader)
        for number in range(3):
            assert await proxy.post(f"night-killed-{number}") == 202
        await _all_paged(smtp, proxy)
    plain, marked = _told(smtp)
    assert not {name: count for name, count in plain.items() if count > 1}
    assert not set(marked), "nothing was on its way when somebody was stopped"
    for node in nodes:
        if node is not next_leader:
            assert await node.stop() == 0
    checked = nodes[0].run("verify")
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.campaign
@pytest.mark.proves("HA-1")
async def test_a_node_with_keys_of_its_own_does_not_start(nodes: list[Server]) -> None:
    """It names the node that works and the key that differs; with the right one it starts."""
    one, two, _ = nodes
    await settle_in(one)
    two.environment["OPENALERT_SERVER_SECRET_KEY"] = "a key of this node alone"
    with pytest.raises(AssertionError, match="'one' signs links with another key"):
        await two.start()
    two.environment["OPENALERT_SERVER_SECRET_KEY"] = KEYS["server_secret_key"]
    await two.start()
