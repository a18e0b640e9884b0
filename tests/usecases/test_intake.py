"""The queue in front of the writer: bounded, answered in time, and never ended by one bad message."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from openalert.domain.errors import Unavailable
from openalert.storage.transaction import Transaction
from openalert.usecases import ingest, intake
from openalert.usecases.inbound import Delivery, Outcome
from openalert.usecases.intake import Intake
from tests.cast import World, level

pytestmark = pytest.mark.anyio


@pytest.fixture
async def queue(world: World, anyio_backend: str) -> AsyncIterator[Intake]:
    """A queue at work."""
    await world.policy(level(1, world.alice))
    made = Intake(world.db, lambda delivery, outcome: None)
    made.start()
    yield made
    await made.stop()


def _message(world: World, name: str = "DiskFull") -> Delivery:
    return world.delivery(world.group(world.alert(name)), "A", "v1")


async def test_messages_of_one_moment_share_a_batch_and_keep_their_order(world: World, queue: Intake) -> None:
    """Fifty at once: fifty answers, numbers in the order of arrival, far fewer commits."""
    before = world.db.group_commit.commits
    outcomes = await asyncio.gather(*(queue.submit(_message(world, f"Alert {n}")) for n in range(50)))
    assert [each.incidents[0][1] for each in outcomes] == list(range(1, 51))
    assert world.db.group_commit.commits - before < 10


async def test_a_batch_waits_for_who_is_on_the_way(world: World, queue: Intake) -> None:
    """Messages that come two turns of the loop after each other, as their bytes are read, share one commit."""

    async def after(turns: int) -> Outcome:
        for _ in range(turns):
            await asyncio.sleep(0)
        return await queue.submit(_message(world, f"Alert {turns}"))

    before = world.db.group_commit.commits
    await asyncio.gather(*(after(2 * n) for n in range(20)))
    assert world.db.group_commit.commits - before == 1


async def test_a_full_batch_waits_for_nobody(
    world: World, queue: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many go on coming, a batch begins once it is full: by its messages, and by the alerts in them."""
    sizes: list[int] = []
    take_in = ingest.take_in

    async def counting(tx: Transaction, deliveries: list[Delivery]) -> list[Outcome]:
        sizes.append(len(deliveries))
        return await take_in(tx, deliveries)

    monkeypatch.setattr(ingest, "take_in", counting)
    monkeypatch.setattr(intake, "BATCH_MESSAGES", 10)
    await asyncio.gather(*(queue.submit(_message(world, f"Alert {n}")) for n in range(25)))
    assert sizes == [10, 10, 5]
    sizes.clear()
    monkeypatch.setattr(intake, "BATCH_SIGNALS", 6)
    pair = world.group(world.alert("One"), world.alert("Two"))
    await asyncio.gather(*(queue.submit(world.delivery(pair, "A", "v1")) for _ in range(7)))
    assert sizes == [3, 3, 1]


@pytest.mark.parametrize("bound", ["BATCH_MESSAGES", "BATCH_SIGNALS"])
async def test_a_batch_begins_although_others_keep_coming(
    world: World, queue: Intake, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    """With one message in every turn of the loop no turn is quiet: the batch begins when it is full."""
    monkeypatch.setattr(intake, bound, 10)
    come, begun = 0, []
    act = world.db.act

    async def noting(body: Any) -> Any:
        begun.append(come)
        return await act(body)

    monkeypatch.setattr(world.db, "act", noting)
    waiting = []
    for number in range(40):
        waiting.append(asyncio.create_task(queue.submit(_message(world, f"Alert {number}"))))
        come += 1
        await asyncio.sleep(0)
    await asyncio.gather(*waiting)
    assert 10 <= begun[0] <= 13


@pytest.mark.proves("IN-6", "F-31")
async def test_a_storm_of_one_sender_leaves_room_for_others(
    world: World, queue: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever fills half of the queue is told to come back; another sender is taken in, in the very next batch."""
    monkeypatch.setattr(intake, "MOST_WAITING", 200)
    monkeypatch.setattr(intake, "BATCH_MESSAGES", 10)
    batches: list[set[str]] = []
    take_in = ingest.take_in

    async def noting(tx: Transaction, deliveries: list[Delivery]) -> list[Outcome]:
        batches.append({each.key_hash for each in deliveries})
        return await take_in(tx, deliveries)

    monkeypatch.setattr(ingest, "take_in", noting)
    async with world.db.transaction() as tx:
        await tx.value("SELECT 1")
        storm = [asyncio.create_task(queue.submit(_message(world, f"Storm {n}"))) for n in range(300)]
        await asyncio.wait(storm[150:])
        calm = _message(world, "Calm")
        calm.key_hash = "another"
        other = asyncio.create_task(queue.submit(calm))
        await asyncio.sleep(0)
    ended = await asyncio.wait_for(asyncio.gather(*storm, return_exceptions=True), 30)
    refused = [each for each in ended if isinstance(each, Unavailable)]
    assert 150 <= len(refused) < 210
    assert (await other).error is not None  # nobody's key, but it was looked at
    assert "another" in batches[1], "it waited behind the storm"


async def test_whoever_waits_too_long_is_told_to_come_back(
    world: World, queue: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writer is busy for long: every sender hears Unavailable in time, and what waited is not taken in later."""
    monkeypatch.setattr(intake, "LONGEST_WAIT", 0.05)
    async with world.db.transaction() as tx:
        await tx.value("SELECT 1")
        waiting = [asyncio.create_task(queue.submit(_message(world, f"Alert {n}"))) for n in range(300)]
        ended = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 30)
    assert {type(each) for each in ended} == {Unavailable}
    monkeypatch.setattr(intake, "LONGEST_WAIT", 60.0)
    assert (await queue.submit(_message(world, "After"))).processed == 1
    taken_in = await world.value("SELECT count(*) FROM alerts")
    assert taken_in <= intake.BATCH_MESSAGES + 1


async def test_one_bad_message_is_refused_alone(
    world: World, queue: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message that breaks the batch is refused with "come again"; the others of the batch are stored."""
    take_in = ingest.take_in

    async def picky(tx: Transaction, deliveries: list[Delivery]) -> list[Outcome]:
        if any(delivery.trace_id == "bad" for delivery in deliveries):
            raise RuntimeError("a bug of ours")
        return await take_in(tx, deliveries)

    monkeypatch.setattr(ingest, "take_in", picky)
    messages = [_message(world, f"Alert {n}") for n in range(3)]
    messages[1].trace_id = "bad"
    ended = await asyncio.gather(*(queue.submit(each) for each in messages), return_exceptions=True)
    assert [isinstance(each, Outcome) for each in ended] == [True, False, True]
    assert isinstance(ended[1], Unavailable)


async def test_an_observer_that_breaks_does_not_end_the_queue(world: World) -> None:
    """Counting goes wrong: the message is answered all the same, and the next one is taken in."""
    await world.policy(level(1, world.alice))

    def breaks(delivery: Delivery, outcome: Outcome) -> None:
        raise RuntimeError("a bug of ours")

    queue = Intake(world.db, breaks)
    queue.start()
    for name in ("First", "Second"):
        assert (await asyncio.wait_for(queue.submit(_message(world, name)), 30)).processed == 1
    await queue.stop()


async def test_stopping_takes_in_what_waits_and_refuses_the_rest(world: World, queue: Intake) -> None:
    """Everything that was submitted is answered; what comes after is told to come back."""
    waiting = [asyncio.create_task(queue.submit(_message(world, f"Alert {n}"))) for n in range(200)]
    await asyncio.sleep(0)
    await queue.stop()
    assert len(await asyncio.gather(*waiting)) == 200
    with pytest.raises(Unavailable):
        await queue.submit(_message(world))
