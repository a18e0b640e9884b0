"""The rows of timers: what is put off, done or moved is the row that was meant and no other."""

import pytest

from openalert.domain.instant import MINUTE, SECOND
from openalert.storage import timers
from openalert.usecases import incidents
from tests import make
from tests.cast import World, level

pytestmark = pytest.mark.anyio


async def _timer(world: World, kind: str = "escalate") -> timers.Timer | None:
    async with world.db.read() as reader:
        return await timers.get(reader, (await world.incident()).id, kind)


async def test_a_failed_step_is_put_off_and_counted(world: World) -> None:
    """The timer that was acted on comes again at the new time, with one failure more."""
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=5))
    await world.fires("DiskFull")
    found = await _timer(world)
    assert found is not None
    async with world.db.transaction() as tx:
        await timers.postpone(tx, found, found.due_at + MINUTE)
    later = await _timer(world)
    assert later is not None
    assert (later.due_at - found.due_at, later.failures) == (MINUTE, 1)


async def test_putting_off_a_step_never_replaces_or_revives_one(world: World) -> None:
    """While a step failed, somebody reopened the incident, then resolved it: its new timer stays, none comes back."""
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=5))
    await world.fires("DiskFull")
    incident_id = (await world.incident()).id
    failed = await _timer(world)
    assert failed is not None
    await world.does(incidents.acknowledge, incident_id)
    await world.does(incidents.reopen, incident_id)
    renewed = await _timer(world)
    async with world.db.transaction() as tx:
        await timers.postpone(tx, failed, failed.due_at + MINUTE)
    assert await _timer(world) == renewed
    await world.does(incidents.resolve, incident_id)
    async with world.db.transaction() as tx:
        await timers.postpone(tx, failed, failed.due_at + MINUTE)
    assert await _timer(world) is None


@pytest.mark.proves("IN-6", "F-31")
async def test_a_storm_of_one_team_does_not_keep_another_waiting(world: World) -> None:
    """Thirty incidents of one team are due before one of another: it is among the first ten all the same."""
    await world.policy(level(1, world.alice))
    await world.post_all([(world.group(world.alert(f"Storm {number}")), "A") for number in range(30)])
    other = await make.team(world.db, world.cast.organization, "Quiet")
    policy = await make.policy(world.db, other, level(1, world.bob), name="Quiet policy")
    quiet = await make.service(world.db, other, policy, name="Quiet database")
    await make.integration(world.db, quiet, "Q")
    world.clock.advance(SECOND)
    await world.post_all([(world.group(world.alert("Calm")), "Q")])
    async with world.db.read() as reader:
        every = await timers.due(reader, reader.now, 100)
        some = await timers.due(reader, reader.now, 10)
        calm = await reader.value("SELECT id FROM incidents WHERE team_id = :team", team=other.id)
    assert [timer.incident_id for timer in every].index(calm) == 30
    assert calm in [timer.incident_id for timer in some[:2]]
    assert [timer for timer in some if timer.incident_id != calm] == every[:9]
