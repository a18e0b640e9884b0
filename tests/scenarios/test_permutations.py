"""Messages that come twice, late or in another order, generated from the corpus of real ones (promises IN-4, IN-5)."""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import pytest

from openalert.domain.alert import Signal, SignalStatus
from openalert.domain.escalation import EscalationPolicy
from openalert.domain.instant import DAY, MINUTE
from openalert.sources import Reading, read
from openalert.usecases import ingest
from openalert.usecases.inbound import Delivery
from openalert.usecases.integrations import key_hash
from tests import make
from tests.cast import World, level
from tests.invariants import broken
from tests.sources import payloads

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]
Pair = tuple[Signal, Signal]


def pairs() -> dict[str, Pair]:
    """The beginning and the end of one occurrence, of every source whose messages both say when it began."""
    found: dict[tuple[str, str], dict[SignalStatus, Signal]] = defaultdict(dict)
    for name in payloads.names():
        source = payloads.source_of(name)
        for signal in read(source, payloads.content(name), payloads.inbound(name)).signals:
            if signal.starts_at is not None:
                found[source, signal.fingerprint].setdefault(signal.status, signal)
    return {
        source: (ways[SignalStatus.FIRING], ways[SignalStatus.RESOLVED])
        for (source, _), ways in found.items()
        if {SignalStatus.FIRING, SignalStatus.RESOLVED} <= ways.keys()
    }


PAIRS = pairs()
assert {"prometheus", "grafana", "azure", "gcp"} <= PAIRS.keys(), "the corpus says too little"
SAMPLES = [name for name in payloads.names() if payloads.expectation(name)["alerts"]]


def a_day_later(signal: Signal) -> Signal:
    """The same alert, begun anew on the next day."""
    ends = signal.ends_at + DAY if signal.ends_at is not None else None
    return msgspec.structs.replace(signal, starts_at=(signal.starts_at or 0) + DAY, ends_at=ends)


class Ground:
    """A service of its own for each way through the same messages."""

    def __init__(self, world: World, policy: EscalationPolicy | None = None) -> None:
        """With a policy somebody is paged."""
        self.world = world
        self._policy = policy
        self._numbers = itertools.count(1)

    async def take(self, *messages: Iterable[Sequence[Signal]]) -> str:
        """Take in batches of messages of signals, one after the other, by a new integration; its key."""
        key = f"key {next(self._numbers)}"
        service = await make.service(self.world.db, self.world.core, self._policy, key)
        await make.integration(self.world.db, service, key)
        for batch in messages:
            await self.again(key, batch)
        return key

    async def again(self, key: str, batch: Iterable[Sequence[Signal]]) -> None:
        """One more batch by the same integration."""
        deliveries = [
            Delivery(
                key_hash=key_hash(key),
                content=b"{}",
                content_type="application/json",
                source="v1",
                reading=Reading("v1", [msgspec.structs.replace(signal) for signal in signals]),
                trace_id="trace",
            )
            for signals in batch
        ]
        async with self.world.db.transaction() as tx:
            await ingest.take_in(tx, deliveries)

    async def state(self, key: str) -> dict[str, Any]:
        """What a person would see of the integration's service."""
        where = "WHERE integration_id = (SELECT id FROM integrations WHERE key_hash = :key)"
        service = "(SELECT service_id FROM integrations WHERE key_hash = :key)"
        async with self.world.db.read() as reader:
            newest = await reader.rows(
                f"SELECT fingerprint, status FROM alerts {where} AND latest_key IS NOT NULL ORDER BY 1",
                key=key_hash(key),
            )
            incidents = await reader.rows(
                f"SELECT status, count(*) FROM incidents WHERE service_id = {service} "
                "AND status <> 'resolved' GROUP BY 1",
                key=key_hash(key),
            )
        return {
            "alerts": [tuple(row) for row in newest],
            "open incidents": [tuple(row) for row in incidents],
        }

    async def rows(self) -> list[int]:
        """How much there is of everything that a repeat must not add to."""
        tables = ("alerts", "incidents", "timeline", "notifications", "timers", "payloads")
        return [await self.world.value(f"SELECT count(*) FROM {table}") for table in tables]


@pytest.fixture
def ground(world: World) -> Ground:
    """Room for many services."""
    return Ground(world)


@pytest.mark.proves("IN-5", "F-34")
@pytest.mark.parametrize("source", PAIRS)
@pytest.mark.parametrize(("events", "status"), [("aAbBaB", "resolved"), ("aAbab", "firing")])
async def test_every_order_ends_alike(ground: Ground, source: str, events: str, status: str) -> None:
    """Two occurrences, some messages twice: in whatever order they come, the newest occurrence decides how it is."""
    begins, ends = PAIRS[source]
    meant = {"a": begins, "A": ends, "b": a_day_later(begins), "B": a_day_later(ends)}
    for order in sorted(set(itertools.permutations(events))):
        key = await ground.take(*([[meant[letter]]] for letter in order))
        state = await ground.state(key)
        assert state["alerts"] == [(begins.fingerprint, status)], order
        assert state["open incidents"] == ([("triggered", 1)] if status == "firing" else []), order
    assert not await broken(ground.world.db)


@pytest.mark.proves("IN-5", "F-34")
@pytest.mark.parametrize("source", PAIRS)
async def test_an_end_before_its_beginning_pages_nobody(ground: Ground, source: str) -> None:
    """What was over when its beginning arrived opens nothing, at once or days later, in one batch or in several."""
    begins, ends = PAIRS[source]
    for batches in ([[[ends]], [[begins]]], [[[ends], [begins]]], [[[ends, begins]]]):
        key = await ground.take(*batches)
        ground.world.clock.advance(3 * DAY)
        await ground.again(key, [[begins], [ends], [begins]])
        assert await ground.state(key) == {"alerts": [(begins.fingerprint, "resolved")], "open incidents": []}
    assert await ground.world.value("SELECT count(*) FROM incidents") == 0


@pytest.mark.proves("IN-4", "F-34")
@pytest.mark.parametrize("source", sorted({payloads.source_of(name) for name in SAMPLES}))
async def test_a_message_that_comes_again_changes_nothing(world: World, source: str) -> None:
    """Three times more, alone, at once and a day later: no row but the counter and the time it was last seen."""
    ground = Ground(world, await make.policy(world.db, world.core, level(1, world.alice)))
    for name in SAMPLES:
        if payloads.source_of(name) != source:
            continue
        signals = read(source, payloads.content(name), payloads.inbound(name)).signals
        key = await ground.take([signals])
        await world.engine.run_until_idle()
        before, state = await ground.rows(), await ground.state(key)
        await ground.again(key, [signals])
        await ground.again(key, [signals, signals])
        world.clock.advance(MINUTE)
        await ground.again(key, [signals])
        assert await ground.state(key) == state, name
        assert await ground.rows() == before, name
    assert not await broken(world.db)
