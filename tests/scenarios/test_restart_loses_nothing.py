"""The server goes away and comes back: steps are late, never lost, never doubled."""

import pytest

from openalert.domain.instant import MINUTE
from openalert.domain.notification import NotificationKind
from openalert.engine import escalate
from openalert.engine.engine import Engine
from openalert.notifiers.notifier import Message, Receipt
from openalert.storage import deliveries as sending
from openalert.storage import timers
from openalert.usecases import deliveries, escalation, incidents
from tests.cast import LINKS_BACK, World, level

pytestmark = pytest.mark.anyio


@pytest.mark.proves("ES-4")
async def test_after_an_outage_one_step_runs_and_later_ones_keep_their_distance(world: World) -> None:
    """52 minutes away: level 2 runs once, says that it is late, and level 3 comes five minutes after it."""
    await world.policy(
        level(1, world.alice), level(2, world.bob, minutes=5), level(3, world.alice, minutes=5), repeats=0
    )
    await world.fires("DiskFull")
    world.mailbox(world.alice).got("DiskFull")
    world.clock.advance(57 * MINUTE)
    successor = Engine(world.db, {"email": world.email}, LINKS_BACK)
    await successor.begin()
    world.engine = successor
    await world.engine.run_until_idle()
    world.mailbox(world.bob).got("DiskFull")
    world.mailbox(world.alice).got("OpenAlert was not running for 57 min", NotificationKind.NOTICE)
    world.is_quiet()
    why = "not running 09:00:00 to 09:57:00 UTC: it had been killed or had crashed"
    assert f"Level 2: Bob to be paged (52 min late: the server was {why})" in await world.story()
    await world.advance(minutes=4, seconds=59)
    world.is_quiet()
    await world.advance(seconds=1)
    world.mailbox(world.alice).got("DiskFull")


@pytest.mark.proves("NO-2")
async def test_a_page_whose_sender_died_is_sent_once_more_and_marked(world: World) -> None:
    """Claimed by a run that is gone: nobody knows whether it left, so it goes out again as a possible repeat."""
    await world.policy(level(1, world.alice))
    await world.post_all([(world.group(world.alert("DiskFull")), "A")])
    await escalate.run_due(world.db)
    async with world.db.transaction() as tx:
        due = await sending.due(tx, tx.now, lambda *_: 10)
        claimed = await deliveries.claim(tx, [row.id for row in due], "the run that dies")
    assert len(claimed) == 1
    await world.engine.deliver.recover()
    await world.engine.run_until_idle()
    assert world.mailbox(world.alice).got("DiskFull").possible_repeat
    await world.advance(minutes=4)
    world.is_quiet()


@pytest.mark.proves("NO-2")
async def test_a_page_survives_senders_that_die_one_after_the_other(world: World) -> None:
    """Three runs die with it in their hands and may have sent nothing: it still arrives; a sixth time it is left."""
    await world.policy(level(1, world.alice))
    await world.post_all([(world.group(world.alert("DiskFull")), "A")])
    await escalate.run_due(world.db)
    for run in range(3):
        await _claim_and_die(world, f"run {run}")
    await world.engine.run_until_idle()
    assert world.mailbox(world.alice).got("DiskFull").possible_repeat

    await world.post_all([(world.group(world.alert("Poison")), "A")])
    await escalate.run_due(world.db)
    for run in range(5):
        await _claim_and_die(world, f"poisoned {run}")
    await world.engine.run_until_idle()
    world.is_quiet()


async def _claim_and_die(world: World, run: str) -> None:
    """A process takes what is due, dies, and the next one finds it."""
    async with world.db.transaction() as tx:
        due = await sending.due(tx, tx.now, lambda *_: 10)
        assert len(await deliveries.claim(tx, [row.id for row in due], run)) == 1
    await world.engine.deliver.recover()


@pytest.mark.proves("ES-2")
async def test_running_a_step_twice_changes_nothing(world: World) -> None:
    """The same level acted on again inserts no second page (promise ES-2)."""
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=5))
    await world.post_all([(world.group(world.alert("DiskFull")), "A")])
    async with world.db.read() as reader:
        before = (await timers.due(reader, world.clock(), 10))[0]
    await escalate.run_due(world.db)
    async with world.db.transaction() as tx:
        await timers.put(tx, [before])
    await escalate.run_due(world.db)
    assert await world.value("SELECT count(*) FROM notifications") == 1


@pytest.mark.proves("ES-3")
async def test_an_acknowledgement_between_planning_and_claiming_wins(world: World) -> None:
    """The page is planned, Alice acknowledges, then the sender looks: nothing is sent."""
    await world.policy(level(1, world.bob))
    await world.post_all([(world.group(world.alert("DiskFull")), "A")])
    await escalate.run_due(world.db)
    async with world.db.transaction(world.as_(world.alice)) as tx:
        await incidents.acknowledge(tx, (await world.incident()).id)
    await world.advance(minutes=60)
    world.is_quiet()
    assert await world.value("SELECT status FROM notifications WHERE kind = 'page'") == "cancelled"


@pytest.mark.proves("ES-3")
async def test_pages_that_are_with_the_provider_are_named_in_the_answer(world: World) -> None:
    """Acknowledging while a page is on its way says which one may still arrive (promise ES-3)."""
    await world.policy(level(1, world.bob))
    await world.post_all([(world.group(world.alert("DiskFull")), "A")])
    await escalate.run_due(world.db)
    named: list[str] = []

    def behave(message: Message) -> Receipt:
        named.append(message.notification_id)
        return Receipt(provider_id="x")

    async with world.db.transaction() as tx:
        due = await sending.due(tx, tx.now, lambda *_: 10)
        await deliveries.claim(tx, [row.id for row in due], world.engine.node.run_id)
    async with world.db.transaction(world.as_(world.alice)) as tx:
        answered = await incidents.acknowledge(tx, (await world.incident()).id)
    assert [row.id for row in answered.in_flight] == [row.id for row in due]


@pytest.mark.proves("ES-9")
async def test_an_incident_that_lost_its_timer_gets_it_back(world: World) -> None:
    """The auditor finds an open incident without a reason to wait, repairs it and says so (promise ES-9)."""
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=5))
    await world.fires("DiskFull")
    world.mailbox(world.alice).got("DiskFull")
    async with world.db.transaction() as tx:
        await tx.execute("DELETE FROM timers")
    assert await escalate.audit(world.db) == 1
    assert await escalate.audit(world.db) == 0
    await world.engine.run_until_idle()
    world.mailbox(world.bob).got("DiskFull")
    assert "The escalation had lost its timer; it goes on now" in await world.story()


@pytest.mark.proves("ES-1")
async def test_a_step_that_breaks_does_not_stop_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One poisoned incident is pushed forward; the other one is paged in the same run."""
    await world.policy(level(1, world.alice))
    await world.post_all([(world.group(world.alert("Poison")), "A"), (world.group(world.alert("Good")), "A")])
    poisoned = (await world.incident(1)).id
    original = escalation.steps

    async def breaking(tx, due, *, outage):  # type: ignore[no-untyped-def]  # stands in for the steps
        if any(timer.incident_id == poisoned for timer in due):
            raise RuntimeError("poison")
        await original(tx, due, outage=outage)

    monkeypatch.setattr(escalation, "steps", breaking)
    await world.engine.run_until_idle()
    world.mailbox(world.alice).got("Good")
    world.is_quiet()
    monkeypatch.setattr(escalation, "steps", original)
    await world.advance(seconds=2)
    world.mailbox(world.alice).got("Poison")
