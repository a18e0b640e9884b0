"""Answers of providers that come late, or not: what counts of them once others have gone on."""

import asyncio

import pytest

from openalert.domain.instant import HOUR, MINUTE
from openalert.engine import deliver, escalate
from openalert.notifiers.notifier import LostAnswer, NotifierError, Reason, Receipt
from openalert.usecases import deliveries
from tests.cast import World, level
from tests.engine.test_deliver import Slow, _page_in_flight, slow
from tests.processes.server import until

__all__ = ["slow"]
pytestmark = pytest.mark.anyio


async def test_what_may_have_arrived_stays_marked_whatever_the_next_try_says(
    world: World, slow: Slow
) -> None:
    """The answer was lost, the try after it was refused: the third one is a possible repeat all the same."""
    verdict = await _page_in_flight(world, slow)
    for error in (LostAnswer("gone"), NotifierError(Reason.UNREACHABLE, "not now")):
        verdict.set_exception(error)
        await world.engine.deliver.finish(120)
        world.clock.advance(MINUTE)
        assert await world.engine.deliver.run_due() == 1
        message, verdict = await slow.next()
        assert message.possible_repeat
    verdict.set_result(Receipt(provider_id="x"))
    await world.engine.deliver.finish(120)


@pytest.mark.proves("NO-2")
async def test_an_answer_that_can_never_be_recorded_lets_the_page_go_out_once_more(
    world: World, slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of ours keeps it from being written: after a minute the page is taken back and sent again, marked."""
    monkeypatch.setattr(deliver, "LONGEST_PAUSE", 0.001)

    async def broken(*_: object) -> None:
        raise RuntimeError("a fault of ours")

    with monkeypatch.context() as patch:
        patch.setattr(deliveries, "settle_all", broken)
        (await _page_in_flight(world, slow)).set_result(Receipt(provider_id="x"))
        await world.engine.deliver.finish(120)
    assert await world.value("SELECT status FROM notifications") == "sending"
    assert await world.engine.deliver.recover() == 0
    world.clock.advance(deliver.CLAIM_LOST_AFTER + 1)
    assert await world.engine.deliver.recover() == 1
    assert await world.engine.deliver.run_due() == 1
    message, verdict = await slow.next()
    assert message.possible_repeat
    verdict.set_result(Receipt(provider_id="x"))
    await world.engine.deliver.finish(120)
    assert await world.value("SELECT status FROM notifications") == "sent"


@pytest.mark.proves("NO-6")
async def test_a_page_of_an_earlier_level_that_fails_late_hurries_nobody(world: World, slow: Slow) -> None:
    """Bob of level 2 was paged meanwhile: that Alice's page failed after all takes nothing from his time to answer."""
    await world.policy(
        level(1, world.alice), level(2, world.bob, minutes=1), level(3, world.charlie, minutes=30)
    )
    await world.post_all([(world.group(world.alert("DiskFull")), "A")])
    await escalate.run_due(world.db)
    await world.engine.deliver.run_due()
    message, verdict = await slow.next()
    assert message.to == world.alice.email
    world.clock.advance(MINUTE)
    await escalate.run_due(world.db)
    await world.engine.deliver.run_due()
    (await slow.next())[1].set_result(Receipt(provider_id="x"))
    verdict.set_exception(NotifierError(Reason.REJECTED_RECIPIENT, "no such person", permanent=True))
    await world.engine.deliver.finish(120)
    assert await world.value("SELECT status FROM notifications WHERE level = 1") == "failed"
    assert await world.value("SELECT due_at FROM timers") == world.clock.now + 30 * MINUTE


@pytest.mark.proves("NO-6")
async def test_a_page_that_fails_beside_one_on_its_way_hurries_nobody(world: World, slow: Slow) -> None:
    """Two people of a level: that one cannot be reached is no reason to page the next level, while the other may be."""
    await world.policy(level(1, world.alice, world.bob), level(2, world.charlie, minutes=30))
    await world.post_all([(world.group(world.alert("DiskFull")), "A")])
    await escalate.run_due(world.db)
    assert await world.engine.deliver.run_due() == 2
    first, second = (await slow.next())[1], (await slow.next())[1]
    refused = NotifierError(Reason.REJECTED_RECIPIENT, "no such person", permanent=True)
    first.set_exception(refused)

    async def has_failed() -> bool:
        return await world.value("SELECT count(*) FROM notifications WHERE status = 'failed'") == 1

    await until(has_failed)
    assert await world.value("SELECT due_at FROM timers") == world.clock.now + 30 * MINUTE
    second.set_exception(refused)
    await world.engine.deliver.finish(120)
    assert await world.value("SELECT due_at FROM timers") == world.clock.now


@pytest.mark.proves("NO-1", "NO-2")
async def test_an_answer_to_an_earlier_try_says_nothing_about_the_one_on_its_way(
    world: World, slow: Slow
) -> None:
    """After a minute without an answer the page went out once more; then the first try turns out to be refused."""
    first = await _page_in_flight(world, slow)
    world.clock.advance(deliver.CLAIM_LOST_AFTER + 1)
    assert await world.engine.deliver.recover() == 1
    assert await world.engine.deliver.run_due() == 1
    second = (await slow.next())[1]
    first.set_exception(NotifierError(Reason.REJECTED_RECIPIENT, "no such person", permanent=True))

    async def is_noted() -> bool:
        found = await world.value("SELECT outcome FROM notification_attempts WHERE attempt = 1")
        return bool(found == "failed")

    await until(is_noted)
    assert await world.value("SELECT status FROM notifications") == "sending"
    second.set_result(Receipt(provider_id="x"))
    await world.engine.deliver.finish(120)
    assert await world.value("SELECT status FROM notifications") == "sent"


async def _lost(world: World, verdicts: list[asyncio.Future[Receipt]], slow: Slow) -> bool:
    """A minute goes by without an answer: the page is taken back; whether it goes out once more."""
    world.clock.advance(deliver.CLAIM_LOST_AFTER + 1)
    assert await world.engine.deliver.recover() == 1
    if await world.engine.deliver.run_due() == 0:
        return False
    message, verdict = await slow.next()
    assert message.possible_repeat
    verdicts.append(verdict)
    return True


@pytest.mark.proves("NO-2", "F-04")
@pytest.mark.parametrize(("hours", "repeats"), [(0, 2), (2, 1)], ids=["at once", "long after"])
async def test_a_page_whose_senders_all_vanish_goes_out_again_until_its_time_is_over_and_once_at_least(
    world: World, slow: Slow, hours: int, repeats: int
) -> None:
    """Again and again while it is to page somebody; also, once, where its time was over before anybody was missed."""
    verdicts = [await _page_in_flight(world, slow)]
    world.clock.advance(hours * HOUR)
    for _ in range(repeats):
        assert await _lost(world, verdicts, slow)
    world.clock.advance(3 * MINUTE)
    assert not await _lost(world, verdicts, slow)
    assert await world.value("SELECT status FROM notifications WHERE level = 1") == "unknown"
    for verdict in verdicts:
        verdict.set_result(Receipt(provider_id="x"))
    await world.engine.deliver.finish(120)
