"""Who carries how much: the pages of people who are on call."""

import pytest

from openalert.domain.instant import DAY
from openalert.domain.schedule import RotationChange
from openalert.usecases import incidents, load, schedules
from tests.cast import World, level

pytestmark = pytest.mark.anyio


async def test_pages_are_counted_by_incident_and_by_who_answered(world: World) -> None:
    """Two incidents page Bob, he acknowledges one; a repeat of a page counts no second time."""
    made = await world.does(schedules.create, team_id=world.core.id, name="Days", timezone="UTC")
    await world.does(schedules.add_rotation, made.id, "All", RotationChange(member_ids=(world.bob.id,)))
    await world.policy(level(1, world.bob), level(2, world.bob, minutes=5))
    await world.fires("One")
    await world.advance(minutes=6)
    await world.fires("Two")
    await world.advance(minutes=1)
    first = await world.incident(1)
    await world.does(incidents.acknowledge, first.id, by=world.bob)
    async with world.db.read() as reader:
        (bob,) = await load.of_everybody(
            reader, world.as_(world.alice), world.clock() - DAY, world.clock() + DAY
        )
        assert (bob.user_id, bob.pages.received, bob.pages.answered) == (world.bob.id, 2, 1)
        (later,) = await load.of_everybody(
            reader, world.as_(world.alice), world.clock() + 1, world.clock() + DAY
        )
        assert later.pages.received == 0
