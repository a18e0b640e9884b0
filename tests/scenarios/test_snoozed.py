"""Silence for a while: it ends when it should, once, and nothing else ends it or is ended by it."""

import pytest

from openalert.domain.instant import MINUTE
from openalert.storage import timers
from openalert.storage.timers import Timer
from openalert.usecases import incidents
from tests.cast import World, level
from tests.invariants import broken

pytestmark = pytest.mark.anyio


async def test_reopening_what_was_acknowledged_and_snoozed_ends_the_snooze(world: World) -> None:
    """The escalation that a reopen starts is not stopped at the instant at which the snooze would have ended."""
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=20))
    await world.fires("DiskFull")
    incident_id = (await world.incident()).id
    await world.does(incidents.acknowledge, incident_id)
    await world.does(incidents.snooze, incident_id, until=world.clock() + 10 * MINUTE)
    await world.does(incidents.reopen, incident_id)
    world.mailbox(world.alice).got("DiskFull")
    assert not await broken(world.db)
    await world.advance(minutes=20)
    world.mailbox(world.alice).got("DiskFull")
    world.mailbox(world.bob).got("DiskFull")
    world.is_quiet()


async def test_who_acknowledges_what_was_snoozed_has_it_for_good(world: World) -> None:
    """Nobody is paged at the instant at which the snooze would have ended, nor is it triggered again."""
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=20))
    await world.fires("DiskFull")
    incident_id = (await world.incident()).id
    world.mailbox(world.alice).got("DiskFull")
    await world.does(incidents.snooze, incident_id, until=world.clock() + 10 * MINUTE)
    await world.does(incidents.acknowledge, incident_id)
    assert (await world.incident()).snoozed_until is None
    assert not await broken(world.db)
    await world.advance(minutes=60)
    assert (await world.incident()).status == "acknowledged"
    world.is_quiet()


async def test_a_rise_in_the_second_in_which_a_snooze_ends_still_escalates(world: World) -> None:
    """A worse alert comes after the end of a snooze and before the engine saw it: level 2 is paged in its time."""
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=20))
    await world.posts({"title": "Queue", "dedup_key": "q", "severity": "low"})
    incident_id = (await world.incident()).id
    await world.does(incidents.acknowledge, incident_id)
    await world.does(incidents.snooze, incident_id, until=world.clock() + 10 * MINUTE)
    world.clock.advance(10 * MINUTE)
    await world.post_all([({"title": "Queue", "dedup_key": "q", "severity": "critical"}, "A")])
    assert not await broken(world.db)
    await world.advance(minutes=20)
    world.mailbox(world.bob).got("Queue")


async def test_a_left_over_step_does_not_end_a_snooze(world: World) -> None:
    """A timer that no longer counts goes away alone: the snooze still ends when it should."""
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull")
    incident_id = (await world.incident()).id
    await world.does(incidents.snooze, incident_id, until=world.clock() + 10 * MINUTE)
    async with world.db.transaction() as tx:
        await timers.put(
            tx, [Timer(incident_id=incident_id, kind="escalate", due_at=tx.now, episode=1, level=2)]
        )
    await world.advance(minutes=9)
    assert not await broken(world.db)
    world.mailbox(world.alice).got("DiskFull")
    world.is_quiet()
    await world.advance(minutes=1)
    world.mailbox(world.alice).got("DiskFull")
