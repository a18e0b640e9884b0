"""Several nodes on one Postgres: every page is claimed once, and who was away too long sends nothing of what it had."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from openalert.domain.instant import SECOND
from openalert.engine import escalate
from openalert.engine.engine import Engine
from openalert.engine.node import NOWHERE, Node
from openalert.notifiers.notifier import Message, Receipt
from openalert.storage import Database, open_database, runs
from openalert.storage.keyring import KeyRing
from openalert.usecases import nodes as keys_of_nodes
from tests.cast import LINKS_BACK, Post, World, level
from tests.conftest import KEY, StoppedClock

pytestmark = [pytest.mark.anyio, pytest.mark.proves("HA-1", "F-39")]


class _Slow(Post):
    """A provider that lets a test decide when it answers; what it has taken is in its ledger at once."""

    def __init__(self, ledger: list[tuple[str, bool]], name: str) -> None:
        super().__init__("email")
        self.name, self.ledger = name, ledger
        self.took, self.answers = asyncio.Event(), asyncio.Event()
        self.answers.set()

    async def send(self, message: Message, now: int) -> Receipt:
        """Take it, and answer when it is let."""
        self.ledger.append((self.name, message.possible_repeat))
        self.took.set()
        await self.answers.wait()
        return Receipt(provider_id=f"{self.name}-{len(self.ledger)}")


class _Member:
    """One node of the pair: its database connection, its engine, and a clock of its own for what has elapsed."""

    def __init__(self, name: str, database: Database, ledger: list[tuple[str, bool]], place: str) -> None:
        self.db = database
        self.seconds = 0.0
        self.post = _Slow(ledger, name)
        where = msgspec.structs.replace(NOWHERE, node=name, place=place)
        self.node = Node(database, where, 15.0, lambda: self.seconds)
        self.engine = Engine(database, {"email": self.post}, LINKS_BACK, node=self.node)

    async def work(self) -> None:
        """Send what is due, and wait until it is settled."""
        await self.engine.deliver.run_due()
        await self.engine.deliver.finish(120)


class _Pair:
    """Alice is paged by two nodes, and what their provider took is in one ledger, in order: by whom, marked or not."""

    def __init__(self, world: World, databases: list[Database]) -> None:
        self.world = world
        self.ledger: list[tuple[str, bool]] = []
        self.one, self.two = (
            _Member(name, database, self.ledger, place=name)
            for name, database in zip(("one", "two"), databases, strict=True)
        )

    def pass_by(self, seconds: float, *, for_one: bool = True) -> None:
        """Time goes on, for the world and for both; or "one" stands still and will find out later."""
        self.world.clock.advance(int(seconds * SECOND))
        for member in (self.one, self.two) if for_one else (self.two,):
            member.seconds += seconds

    async def fires(self, title: str = "DiskFull") -> None:
        """An alert comes in, and its page is due."""
        await self.world.post_all([(self.world.group(self.world.alert(title)), "A")])
        await escalate.run_due(self.world.db)

    async def statuses(self) -> list[str]:
        """Of all messages, by when they were made."""
        async with self.world.db.read() as reader:
            return [row[0] for row in await reader.rows("SELECT status FROM notifications ORDER BY id")]


@pytest.fixture
async def pair(postgres_url: str, clock: StoppedClock, anyio_backend: str) -> AsyncIterator[_Pair]:
    """Both have begun, "one" first; a level that pages Alice."""
    databases = [
        await open_database(postgres_url, clock, migrated=False, keys=KeyRing([KEY])) for _ in range(2)
    ]
    world = await World.build(databases[0], clock)
    await world.engine.node.end()
    await world.policy(level(1, world.alice))
    pair = _Pair(world, databases)
    for member in (pair.one, pair.two):
        clock.advance(1)
        await member.engine.begin()
    yield pair
    for database in databases:
        await database.close()


async def _in_hand(pair: _Pair) -> asyncio.Task[Any]:
    """Node "one" has claimed the page and the provider has it, but has not answered."""
    pair.one.post.answers.clear()
    await pair.fires()
    sending = asyncio.create_task(pair.one.work())
    await pair.one.post.took.wait()
    return sending


async def test_what_a_living_node_is_sending_is_left_to_it(pair: _Pair) -> None:
    """The provider takes its time, both renew their leases: the other node neither takes over nor repeats."""
    sending = await _in_hand(pair)
    for _ in range(4):
        pair.pass_by(5)
        for member in (pair.two, pair.one):
            await member.node.renew()
            await member.node.fence_others()
            assert await member.engine.deliver.recover() == 0
    # Longer than a sender of its own would be trusted: the other cannot know, and is there.
    for _ in range(12):
        pair.pass_by(5)
        await pair.one.node.renew()
        await pair.two.node.renew()
        assert await pair.two.engine.deliver.recover() == 0
    await pair.two.work()
    pair.one.post.answers.set()
    await sending
    assert pair.ledger == [("one", False)]
    assert await pair.statuses() == ["sent"]


async def test_a_node_that_is_gone_is_taken_over_and_what_it_held_is_marked(pair: _Pair) -> None:
    """No sign of life for the lease: its page goes out once more, marked, and its late answer is nothing."""
    sending = await _in_hand(pair)
    pair.pass_by(14, for_one=False)
    await pair.two.node.renew()
    await pair.two.node.fence_others()
    assert await pair.two.engine.deliver.recover() == 0
    pair.pass_by(2, for_one=False)
    await pair.two.node.renew()
    await pair.two.node.fence_others()
    assert await pair.two.engine.deliver.recover() == 1
    await pair.two.work()
    pair.one.seconds += 16
    pair.one.post.answers.set()
    await sending
    assert pair.ledger == [("one", False), ("two", True)]
    assert await pair.statuses() == ["sent"]
    async with pair.world.db.read() as reader:
        assert await reader.value("SELECT provider_id FROM notifications") == "two-2"


async def test_a_late_answer_counts_where_nobody_has_sent_again(pair: _Pair) -> None:
    """Taken back, not yet repeated, then the answer comes after all: the page is sent, and no repeat goes out."""
    sending = await _in_hand(pair)
    pair.pass_by(16, for_one=False)
    await pair.two.node.renew()
    await pair.two.node.fence_others()
    assert await pair.two.engine.deliver.recover() == 1
    assert await pair.statuses() == ["unknown"]
    pair.one.post.answers.set()
    await sending
    assert await pair.statuses() == ["sent"]
    await pair.two.work()
    assert pair.ledger == [("one", False)]


async def test_a_node_that_was_paused_between_claim_and_send_sends_nothing(
    pair: _Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It wakes up with the page in its hands, after another one has sent it: the page has gone out once."""
    composed, goes_on = asyncio.Event(), asyncio.Event()
    look = pair.one.db.look

    async def slowly(body: Any) -> Any:
        result = await look(body)
        if type(result).__name__ == "Message":
            composed.set()
            await goes_on.wait()
        return result

    monkeypatch.setattr(pair.one.db, "look", slowly)
    await pair.fires()
    sending = asyncio.create_task(pair.one.work())
    await composed.wait()
    pair.pass_by(16, for_one=False)
    await pair.two.node.renew()
    await pair.two.node.fence_others()
    assert await pair.two.engine.deliver.recover() == 1
    await pair.two.work()
    pair.one.seconds += 16
    goes_on.set()
    await sending
    # As the claim was lost nobody could know that nothing had left: what the other sent says so.
    assert pair.ledger == [("two", True)]
    assert await pair.statuses() == ["sent"]


async def test_what_was_not_sent_is_claimed_anew_when_nobody_took_it(
    pair: _Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paused beyond its lease and found by nobody: it gives the page back as if untouched, then sends it unmarked."""
    look = pair.one.db.look

    async def slowly(body: Any) -> Any:
        result = await look(body)
        if type(result).__name__ == "Message" and pair.one.seconds == 0:
            pair.pass_by(60)
        return result

    monkeypatch.setattr(pair.one.db, "look", slowly)
    await pair.fires()
    await pair.one.work()
    assert pair.ledger == []
    assert await pair.statuses() == ["pending"]
    await pair.one.work()
    assert pair.ledger == [("one", False)]
    async with pair.world.db.read() as reader:
        assert await reader.rows("SELECT attempt, outcome FROM notification_attempts") == [(1, "sent")]


async def test_a_fenced_node_claims_nothing_until_it_is_another_run(pair: _Pair) -> None:
    """Its claim fails by the row of its run, whatever it believes of its lease; then it begins anew and works."""
    before = pair.one.node.run_id
    pair.pass_by(16, for_one=False)
    await pair.two.node.renew()
    await pair.two.node.fence_others()
    assert pair.one.node.is_sure, "it does not know yet that it was away"
    await pair.fires()
    await pair.one.work()
    assert pair.ledger == []
    assert pair.one.node.run_id != before
    await pair.one.work()
    assert pair.ledger == [("one", False)]


async def test_the_oldest_node_leads_and_never_two(pair: _Pair) -> None:
    """The leader stands still: by its own clock it leads no more, then the other does; back, it is the youngest."""
    for member in (pair.one, pair.two):
        await member.node.renew()
    assert (pair.one.node.leads, pair.two.node.leads) == (True, False)
    pair.one.seconds += 15
    pair.pass_by(16, for_one=False)
    assert not pair.one.node.leads
    await pair.two.node.renew()
    await pair.two.node.fence_others()
    await pair.two.node.renew()
    assert (pair.one.node.leads, pair.two.node.leads) == (False, True)
    assert not await pair.one.node.renew()
    assert (pair.one.node.leads, pair.two.node.leads) == (False, True)


async def test_a_node_that_starts_again_at_its_place_takes_over_at_once(pair: _Pair) -> None:
    """Killed and started by its supervisor: only one process has a port, so nobody waits for the lease."""
    sending = await _in_hand(pair)
    again = _Member("one", pair.one.db, pair.ledger, place="one")
    await again.engine.begin()
    await again.work()
    assert pair.ledger == [("one", False), ("one", True)]
    async with pair.world.db.read() as reader:
        assert len(await runs.living(reader)) == 2
    pair.one.post.answers.set()
    await sending


async def test_two_nodes_that_work_at_once_send_each_page_once(pair: _Pair) -> None:
    """Forty incidents, both nodes look for what is due at the same time: each page is sent once, none marked."""
    for number in range(40):
        await pair.fires(f"Alert {number}")
    for turn in range(30):
        await asyncio.gather(*(member.work() for member in (pair.one, pair.two)[:: 1 if turn % 2 else -1]))
        pair.pass_by(5)
        await asyncio.gather(pair.one.node.renew(), pair.two.node.renew())
    assert await pair.statuses() == ["sent"] * 40
    assert not [name for name, is_marked in pair.ledger if is_marked]
    async with pair.world.db.read() as reader:
        assert await reader.value("SELECT max(attempt) FROM notification_attempts") == 1


async def test_a_node_alone_is_told_that_others_heard_meanwhile(pair: _Pair) -> None:
    """It stood still for a minute, but the other heard every heartbeat: there is nothing to excuse."""
    pair.pass_by(60)
    await pair.two.node.renew()
    now = pair.world.clock()
    assert await pair.one.node.unheard_since(now - 60 * SECOND) == now


@pytest.mark.parametrize(
    ("mine", "refused"),
    [
        (([KEY], b"signs"), ""),
        (([KEY], b"another"), "signs links with another key"),
        ((["another key that is long enough 12"], b"signs"), "seals secrets with another key"),
        ((["another key that is long enough 12", KEY], b"signs"), "seals secrets with another key"),
        (([KEY, "another key that is long enough 12"], b"signs"), ""),
    ],
)
async def test_a_node_with_other_keys_is_refused_while_others_work(
    pair: _Pair, clock: StoppedClock, mine: Any, refused: str
) -> None:
    """The same keys, or the same one that seals: it may serve. Otherwise it is told which key to give all nodes."""
    theirs = keys_of_nodes.in_words(keys_of_nodes.keys_of(pair.world.db, b"signs"))
    where = msgspec.structs.replace(NOWHERE, node="three", place="three", keys=theirs)
    clock.advance(1)
    await Node(pair.world.db, where).begin()
    pair.two.db.keys = KeyRing(mine[0])
    keys = keys_of_nodes.keys_of(pair.two.db, mine[1])
    if not refused:
        await keys_of_nodes.check_keys(pair.two.db, keys, "two")
        return
    with pytest.raises(keys_of_nodes.WrongKeys, match=refused):
        await keys_of_nodes.check_keys(pair.two.db, keys, "two")
    await keys_of_nodes.check_keys(pair.two.db, keys, "three")
    clock.advance(20 * SECOND)
    await keys_of_nodes.check_keys(pair.two.db, keys, "two")
