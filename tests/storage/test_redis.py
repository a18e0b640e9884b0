"""What nodes share in Valkey: one limit for all, word of commits, and nothing that is missed when it is gone."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from openalert import telemetry
from openalert.domain.errors import RateLimited
from openalert.domain.event import Event
from openalert.domain.instant import MINUTE
from openalert.storage import redis
from openalert.storage.redis import BUDGET_SECONDS, PROBE_PATIENCE, Redis, RedisCarrier
from openalert.supervisor import Supervisor
from openalert.web.ratelimit import RateLimit
from tests.fakes.certificates import make_certificate
from tests.fakes.valkey import Front, Liar, Valkey
from tests.processes.server import until

pytestmark = [pytest.mark.anyio, pytest.mark.proves("F-38")]
SECRET = b"the secret that nodes share"


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine may take longer than a request waits, and then each node rightly decides alone."""
    monkeypatch.setattr(redis, "BUDGET_SECONDS", 30.0)
    monkeypatch.setattr(redis, "PROBE_PATIENCE", 30.0)


def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on a request waits as long as it does in the program."""
    monkeypatch.setattr(redis, "BUDGET_SECONDS", BUDGET_SECONDS)
    monkeypatch.setattr(redis, "PROBE_PATIENCE", PROBE_PATIENCE)


async def _decides_quickly(node: "Node", who: str = "cleo") -> None:
    """Each second in which it is tried again costs one budget. A busy machine may add to each of them, and so it is
    asked again: to wait for every one of the hundred would take longer whenever it is.
    """
    for number in range(10):
        begun = time.monotonic()
        allowed = await node.changes(100, f"{who} {number}")
        if time.monotonic() - begun < 1.0:
            assert allowed == 10
            return
    raise AssertionError("a hundred decisions took a second, ten times in a row")


@pytest.fixture
async def supervisor(anyio_backend: str) -> Supervisor:
    """Owns the tasks of a test."""
    return Supervisor()


class Node:
    """What a node has of it: the connection, and a limit of ten changes a minute."""

    def __init__(self, url: str, supervisor: Supervisor, secret: bytes = SECRET) -> None:
        self.redis = Redis(url, secret, supervisor)
        self.limit = RateLimit(10, MINUTE, name="writes", shared=self.redis)
        self.waits: list[int] = []
        """The seconds that it told those whom it refused."""

    async def changes(self, times: int, who: str = "ana") -> int:
        """How many of so many changes were let through."""
        allowed = 0
        for _ in range(times):
            try:
                await self.limit.spend_shared(who, time.time_ns() // 1_000_000)
                allowed += 1
            except RateLimited as refused:
                self.waits.append(refused.details["retry_after"])
        return allowed

    async def is_up(self, wanted: bool = True) -> None:
        """Wait until it knows that the server is up, or down."""

        async def question() -> bool:
            return self.redis.is_up is wanted

        await until(question)


@pytest.fixture
async def nodes(valkey: Valkey, supervisor: Supervisor) -> AsyncIterator[list[Node]]:
    """Two nodes that share it."""
    made = [Node(valkey.url, supervisor) for _ in range(2)]
    for node in made:
        await node.redis.start()
        assert node.redis.is_up, node.redis.trouble
    yield made
    for node in made:
        await node.redis.stop()


async def test_a_limit_holds_over_all_nodes(nodes: list[Node], valkey: Valkey) -> None:
    """Twelve changes by one person at two nodes: ten are let through, whichever they ask; others have their own."""
    assert sum(await asyncio.gather(*(node.changes(6) for node in nodes))) == 10
    assert await nodes[0].changes(1) == await nodes[1].changes(1) == 0
    assert all(1 <= wait <= 6 for node in nodes for wait in node.waits)
    assert await nodes[1].changes(3, "bea") == 3
    standing = nodes[1].limit.standing("bea", time.time_ns() // 1_000_000)
    assert standing is not None
    assert standing.remaining == 7
    names = b" ".join(await valkey.run("KEYS", "*"))
    assert b"ana" not in names
    assert b"writes" not in names
    for name in await valkey.run("KEYS", "*"):
        assert 0 < await valkey.run("PTTL", name.decode()) <= MINUTE + 1


async def test_another_installation_counts_for_itself(
    nodes: list[Node], valkey: Valkey, supervisor: Supervisor
) -> None:
    """Two installations on one server: what one has used up the other still has."""
    other = Node(valkey.url, supervisor, b"another secret")
    await other.redis.start()
    assert await nodes[0].changes(10) == await other.changes(10) == 10
    assert other.redis.channel != nodes[0].redis.channel
    await other.redis.stop()


async def test_a_kill_and_a_restart_cost_nothing_but_the_count(nodes: list[Node], valkey: Valkey) -> None:
    """kill -9: each node decides alone, going on from what it knew; a server that comes back is used within seconds."""
    node = nodes[0]
    assert await node.changes(6) == 6
    valkey.send(signal.SIGKILL)
    before = telemetry.registry.get_sample_value("openalert_redis_fallbacks_total") or 0.0
    assert await node.changes(6) == 4
    assert (telemetry.registry.get_sample_value("openalert_redis_fallbacks_total") or 0.0) > before
    await node.is_up(False)
    assert telemetry.registry.get_sample_value("openalert_redis_up") in (0.0, 1.0)
    await valkey.start()
    for each in nodes:
        await each.is_up()
    assert await nodes[1].changes(12, "bea") == 10
    assert await nodes[0].changes(1, "bea") == 0


async def _frozen(valkey: Valkey) -> None:
    valkey.send(signal.SIGSTOP)


async def _paused(valkey: Valkey) -> None:
    await valkey.run("CLIENT", "PAUSE", "4000", "ALL")


async def _full(valkey: Valkey) -> None:
    await valkey.run("CONFIG", "SET", "maxmemory-policy", "noeviction")
    await valkey.run("CONFIG", "SET", "maxmemory", "1mb")


@pytest.mark.parametrize("fault", [_frozen, _paused, _full], ids=["frozen", "paused", "full"])
async def test_nobody_waits_for_it(
    fault: Callable[[Valkey], Any], nodes: list[Node], valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stands still, is paused by an administrator, or is full: a decision takes milliseconds, and is made alone."""
    node = nodes[0]
    await fault(valkey)
    _hurried(monkeypatch)
    await _decides_quickly(node)
    await node.is_up(False)
    assert node.redis.trouble
    if fault is _frozen:
        valkey.send(signal.SIGCONT)
    if fault is _full:
        await valkey.run("CONFIG", "SET", "maxmemory", "0")
    await node.is_up()


NONSENSE: dict[str, Callable[[bytes], bytes | None]] = {
    "silence": lambda _: None,
    "another protocol": lambda _: b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "always OK": lambda _: b"+OK\r\n" * 8,
    "numbers": lambda _: b":7\r\n" * 8,
    "a verdict of nonsense": lambda _: b"*2\r\n:5\r\n$2\r\n-9\r\n" * 4,
    "a giant": lambda _: b"$999999999999\r\nx",
    "errors": lambda _: b"-ERR no\r\n" * 8,
    "half an answer": lambda _: b"*2\r\n:1\r\n$1",
}


@pytest.mark.parametrize("answer", NONSENSE.values(), ids=NONSENSE.keys())
async def test_nonsense_is_not_believed(
    answer: Callable[[bytes], bytes | None], supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever stands in its place and says: the limit is held alone, and the node says that it is without."""
    _hurried(monkeypatch)
    async with Liar(answer) as liar:
        node = Node(liar.url, supervisor)
        await node.redis.start()
        assert not node.redis.is_up
        assert node.redis.trouble
        assert await node.changes(20) == 10
        node.redis.is_up = True  # the moment between a good probe and the lie
        assert await node.changes(5, "bea") == 5
        await node.redis.stop()


async def test_neither_password_nor_address_shows(supervisor: Supervisor, valkey: Valkey) -> None:
    """A refused password, and a server that is away: the words say why, and nothing that opens it."""
    for url in (valkey.url.replace("correct", "wrong"), "redis://:correct%20horse@127.0.0.1:1/0"):
        node = Node(url, supervisor)
        await node.redis.start()
        assert not node.redis.is_up
        assert "horse" not in node.redis.trouble
        assert "horse" not in telemetry.redact(f"asked {url} in vain")
        await node.redis.stop()


async def test_over_tls_the_certificate_is_looked_at(valkey: Valkey, tmp_path: Path) -> None:
    """rediss:// to a certificate that nobody we trust has signed is no connection; with its name it is one."""
    made = make_certificate("127.0.0.1")
    certificate = tmp_path / "certificate.pem"
    certificate.write_bytes(made.pem)
    async with Front(valkey, tls=made.server) as front:
        assert "CERTIFICATE" in (await redis.trouble(front.url)).upper()
        assert await redis.trouble(f"{front.url}?ssl_ca_certs={certificate}") == ""


async def test_a_slow_or_half_open_way_holds_nobody_up(
    valkey: Valkey, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers after 60 ms are not waited for; a connection on which nothing comes any more is not either."""
    async with Front(valkey) as front:
        node = Node(front.url, supervisor)
        await node.redis.start()
        assert await node.changes(4) == 4
        _hurried(monkeypatch)
        front.delay = 0.06
        assert await node.changes(100) == 6
        await _decides_quickly(node)
        front.delay, front.swallows = 0.0, True
        await node.is_up(False)
        await _decides_quickly(node, "dora")
        front.swallows = False
        await node.is_up()
        await node.redis.stop()


class Listener:
    """A node's end of the carrier, and how often it was told to look."""

    def __init__(self, valkey: Valkey, supervisor: Supervisor) -> None:
        self.carrier = RedisCarrier(valkey.url, "openalert:tests", supervisor)
        self.looks = 0

    def heard(self, events: Sequence[Event]) -> None:
        """Never with events: what is on the wire is not believed."""
        assert not events
        self.looks += 1

    async def is_up(self, wanted: bool = True) -> None:
        """Wait until it hears, or knows that it does not."""

        async def question() -> bool:
            return self.carrier.is_up is wanted

        await until(question)

    async def is_told_after(self, looks: int) -> None:
        """Wait until it was told to look once more."""

        async def question() -> bool:
            return self.looks > looks

        await until(question)


def _events(*numbers: int) -> list[Event]:
    return [
        Event(type="test", organization_id="o", team_id=None, incident_id=None, data={}, seq=number, at=0)
        for number in numbers
    ]


@pytest.fixture
async def listeners(valkey: Valkey, supervisor: Supervisor) -> AsyncIterator[list[Listener]]:
    """Two nodes that tell each other."""
    made = [Listener(valkey, supervisor) for _ in range(2)]
    for each in made:
        await each.carrier.start(each.heard)
    for each in made:
        await each.is_up()
    yield made
    for each in made:
        await each.carrier.stop()


async def test_others_hear_of_a_commit_and_nobody_of_their_own(
    listeners: list[Listener], valkey: Valkey
) -> None:
    """The other node is told to look; nothing but a number travels."""
    one, other = listeners
    assert one.looks == other.looks == 1, "each looks once when its connection is made"
    one.carrier.tell(_events(1, 2))
    await other.is_told_after(1)
    other.carrier.tell(_events(3))
    await one.is_told_after(1)
    assert (one.looks, other.looks) == (2, 2)
    await valkey.run("PUBLISH", "openalert:tests", "what somebody else says")
    await one.is_told_after(2)


async def test_a_lost_server_is_noticed_and_found_again(listeners: list[Listener], valkey: Valkey) -> None:
    """Killed and started anew: meanwhile `is_up` says that the log must be read, afterwards everybody looks once."""
    one, other = listeners
    valkey.send(signal.SIGKILL)
    await other.is_up(False)
    one.carrier.tell(_events(1))
    looks = other.looks
    await valkey.start()
    await other.is_up()
    await other.is_told_after(looks)
    looks = other.looks
    await one.is_up()
    one.carrier.tell(_events(2))
    await other.is_told_after(looks)


async def test_a_connection_that_has_gone_silent_is_noticed(
    listeners: list[Listener], valkey: Valkey
) -> None:
    """A server that stands still answers no PING, which is the only way to see it: nothing is closed."""
    valkey.send(signal.SIGSTOP)
    for each in listeners:
        await each.is_up(False)
    valkey.send(signal.SIGCONT)
    for each in listeners:
        await each.is_up()


def test_the_budget_is_milliseconds() -> None:
    """What a request may wait is written in docs/scaling.md."""
    words = (Path(__file__).parents[2] / "docs" / "scaling.md").read_text()
    assert f"{BUDGET_SECONDS * 1000:.0f} ms" in words
