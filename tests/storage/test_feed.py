"""The feed: what any node commits is heard on every node, in order and once, whatever becomes of the carrier."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from openalert.domain.event import Event
from openalert.storage import Database, events, open_database
from openalert.storage.feed import PAGE, Feed, Heard
from openalert.supervisor import Supervisor
from tests.conftest import StoppedClock
from tests.processes.server import until

pytestmark = pytest.mark.anyio


def _event(seq: int) -> Event:
    return Event(seq=seq, type="test", organization_id="o")


class _Carrier:
    """Carries what a test says, when it says so."""

    def __init__(self) -> None:
        self.is_up = True
        self.told: list[int] = []
        self.heard: Heard = lambda _: None

    async def start(self, heard: Heard) -> None:
        """Listen."""
        self.heard = heard

    async def stop(self) -> None:
        """Nothing to end."""

    def tell(self, events: Sequence[Event]) -> None:
        """Keep what this node told the others."""
        self.told += [event.seq for event in events]


class _Log:
    """An event log in memory, of which the oldest part may be gone."""

    def __init__(self, first: int = 1, last: int = 0) -> None:
        self.first, self.last = first, last
        self.reads = 0

    async def newest(self) -> int:
        """The largest number."""
        return self.last

    async def after(self, seq: int, limit: int) -> Sequence[Event]:
        """What is kept after it."""
        self.reads += 1
        await asyncio.sleep(0)
        return [_event(each) for each in range(max(seq + 1, self.first), self.last + 1)][:limit]


class _Node:
    """A feed and what its listeners heard."""

    def __init__(self, log: _Log) -> None:
        self.carrier = _Carrier()
        self.heard: list[int] = []
        self.missed = 0
        self.feed = Feed(
            log,
            self.carrier,
            lambda told: self.heard.extend(event.seq for event in told),
            self._miss,
            Supervisor(),
        )

    def _miss(self) -> None:
        self.missed += 1


@pytest.fixture
async def log(anyio_backend: str) -> _Log:
    """A log in which five events were written before anybody listened."""
    return _Log(last=5)


@pytest.fixture
async def node(log: _Log) -> AsyncIterator[_Node]:
    """A node that listens."""
    node = _Node(log)
    await node.feed.start()
    yield node
    await node.feed.stop()


async def _heard(node: _Node, numbers: Sequence[int]) -> None:
    async def so() -> bool:
        return node.heard == list(numbers)

    await until(so)


async def test_own_commits_are_heard_at_once_and_told_to_the_others(node: _Node, log: _Log) -> None:
    """Without a gap nobody asks the log: listeners hear of it before the commit's caller goes on."""
    log.last = 7
    node.feed.committed([_event(6), _event(7)])
    assert node.heard == node.carrier.told == [6, 7]
    assert log.reads == 0


async def test_what_another_node_committed_before_is_heard_before(node: _Node, log: _Log) -> None:
    """Our commit is number 8 and nobody told us of 6 and 7: they come first, from the log, and each comes once."""
    log.last = 8
    node.feed.committed([_event(8)])
    assert node.heard == []
    await _heard(node, [6, 7, 8])
    node.carrier.heard([_event(7), _event(8)])
    node.carrier.heard([])
    log.last = 9
    node.carrier.heard([])
    await _heard(node, [6, 7, 8, 9])


async def test_a_carrier_that_loses_or_repeats_or_reorders_changes_nothing(node: _Node, log: _Log) -> None:
    """Of twenty events of other nodes it brings some, twice, in a wild order: they are heard in order, once."""
    log.last = 25
    for seq in (9, 6, 9, 25, 7, 6, 12):
        node.carrier.heard([_event(seq)])
        await asyncio.sleep(0)
    await _heard(node, range(6, 26))


async def test_what_a_silent_carrier_loses_is_found_in_the_log(
    log: _Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is told at all, up or down: the next look finds it."""
    monkeypatch.setattr("openalert.storage.feed.LOOK_SECONDS", 0.01)
    monkeypatch.setattr("openalert.storage.feed.ALONE_SECONDS", 0.01)
    node = _Node(log)
    await node.feed.start()
    log.last = 6
    await _heard(node, [6])
    node.carrier.is_up = False
    log.last = 7
    await _heard(node, [6, 7])
    await node.feed.stop()


async def test_what_is_kept_no_more_makes_everybody_look_anew(node: _Node, log: _Log) -> None:
    """A node that was cut off for a day: the log begins after what it knows, and whoever listens is told so."""
    log.first, log.last = 100, 102
    node.carrier.heard([])
    await _heard(node, [100, 101, 102])
    assert node.missed == 1


@pytest.mark.proves("F-37")
async def test_a_log_that_lost_its_end_is_begun_at_what_it_has(node: _Node, log: _Log) -> None:
    """A standby that lagged behind was promoted: its numbers are given out again, for other events. All look anew,
    and what comes from then on is told; without the doubt those numbers would be taken for ones that were told.
    """
    log.last = 9
    node.carrier.heard([])
    await _heard(node, range(6, 10))
    log.last = 7
    node.feed.committed([_event(8)])
    assert node.heard == [6, 7, 8, 9]
    node.feed.doubt()

    async def looked() -> bool:
        return node.missed == 1

    await until(looked)
    log.last = 8
    node.feed.committed([_event(8)])
    assert node.heard == [6, 7, 8, 9, 8]


@pytest.fixture
async def nodes(postgres_url: str, clock: StoppedClock, anyio_backend: str) -> AsyncIterator[list[Database]]:
    """Two nodes on one Postgres, each with its listener."""
    both = [await open_database(postgres_url, clock, migrated=False) for _ in range(2)]
    yield both
    for each in both:
        await each.unfollow()
        await each.close()


async def _emit(database: Database, count: int = 1) -> None:
    async with database.transaction() as tx:
        for _ in range(count):
            tx.emit(Event(type="test", organization_id="o"))


@pytest.mark.proves("HA-1", "ST-1")
async def test_what_one_node_commits_is_heard_on_the_other_in_one_order(nodes: list[Database]) -> None:
    """Two nodes commit a hundred times at once: both hear all of it, in the order of the commits, each once."""
    heard: list[list[int]] = [[], []]
    nodes[0].listen(lambda told: heard[0].extend(event.seq for event in told))
    nodes[1].listen(lambda told: heard[1].extend(event.seq for event in told))
    for database in nodes:
        await database.follow()
    await asyncio.gather(*(_emit(nodes[number % 2], 1 + number % 3) for number in range(100)))
    last = await nodes[0].look(events.last)

    async def all_heard() -> bool:
        return all(len(numbers) >= last for numbers in heard)

    await until(all_heard)
    assert heard == [list(range(1, last + 1))] * 2


@pytest.mark.proves("HA-1", "F-37")
async def test_a_node_whose_listener_was_cut_off_hears_what_it_missed(
    nodes: list[Database], postgres_url: str
) -> None:
    """Postgres ends every connection: what the other node commits then is heard as soon as one is back."""
    import asyncpg

    heard: list[int] = []
    nodes[0].listen(lambda told: heard.extend(event.seq for event in told))
    await nodes[0].follow()
    await _emit(nodes[1])

    async def heard_so_far(count: int) -> bool:
        return heard == list(range(1, count + 1))

    await until(lambda: heard_so_far(1))
    killer = await asyncpg.connect(postgres_url)
    await killer.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND application_name = 'openalert events'"
    )
    await killer.close()
    await _emit(nodes[1], 3)
    await until(lambda: heard_so_far(4), 30)


async def test_a_look_that_found_less_than_a_page_is_the_last(log: _Log) -> None:
    """The log is not asked again for what whoever commits it will say; a full page is followed by another look."""
    node = _Node(log)
    log.last = 3
    assert await node.feed.catch_up() == 3
    assert (node.heard, log.reads) == ([1, 2, 3], 1)
    log.last, log.reads = 3 + PAGE + 1, 0
    assert await node.feed.catch_up() == PAGE + 1
    assert (len(node.heard), log.reads) == (3 + PAGE + 1, 2)
