"""The rows of timers: what is put off, done or moved is the row that was meant and no other."""

import pytest

from openalert.domain.instant import MINUTE
from openalert.storage import timers
from openalert.usecases import incidents
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
