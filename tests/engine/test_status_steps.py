"""Maintenances on status pages begin and end by the engine: once, whatever fails, restarts or runs beside it."""

import asyncio
from typing import Any

import pytest

from openalert.domain.errors import Invalid
from openalert.domain.instant import HOUR
from openalert.engine import status_steps
from openalert.storage.transaction import Transaction
from openalert.usecases import status_incidents, status_pages
from tests.cast import World

pytestmark = pytest.mark.anyio


async def _planned(world: World, count: int = 1) -> list[str]:
    """Maintenances that begin in an hour and end in two; their ids."""
    page = await world.does(status_pages.create, team_id=world.core.id, name="Acme")
    now = world.clock()
    made = [
        await world.does(
            status_incidents.create,
            page.id,
            title=f"Moving {number}",
            scheduled_for=now + HOUR,
            scheduled_until=now + 2 * HOUR,
        )
        for number in range(count)
    ]
    return [each.incident.id for each in made]


async def _said(world: World, incident_id: str) -> list[str]:
    async with world.db.read() as reader:
        told = await status_incidents.get(reader, world.as_(world.alice), incident_id)
    return [each.status for each in reversed(told.updates)]


async def test_nothing_happens_before_its_time(world: World) -> None:
    """Due means due: not a millisecond earlier."""
    (planned,) = await _planned(world)
    world.clock.now += HOUR - 1
    assert await status_steps.run_due(world.db) == 0
    world.clock.now += 1
    assert await status_steps.run_due(world.db) == 1
    assert await _said(world, planned) == ["scheduled", "in_progress"]


async def test_two_at_once_do_it_once(world: World) -> None:
    """Whoever is second finds nothing due."""
    planned = await _planned(world, 3)
    world.clock.now += HOUR
    assert sum(await asyncio.gather(*(status_steps.run_due(world.db) for _ in range(4)))) == 3
    for each in planned:
        assert await _said(world, each) == ["scheduled", "in_progress"]


async def test_one_that_fails_stops_no_other_and_is_tried_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What broke off before its commit left nothing behind, and is done by the next run."""
    first, second = await _planned(world, 2)
    world.clock.now += HOUR
    advance = status_incidents.advance

    async def breaks_off(tx: Transaction, incident_id: str) -> bool:
        done = await advance(tx, incident_id)
        if incident_id == first:
            raise Invalid("The power went.")
        return done

    with monkeypatch.context() as broken:
        broken.setattr(status_incidents, "advance", breaks_off)
        assert await status_steps.run_due(world.db) == 1
    assert (await _said(world, first), await _said(world, second)) == (
        ["scheduled"],
        ["scheduled", "in_progress"],
    )
    assert await status_steps.run_due(world.db) == 1
    assert await _said(world, first) == ["scheduled", "in_progress"]


async def test_one_that_was_slept_through_begins_and_ends_once(world: World) -> None:
    """A server that was away for a day catches up, and says each step once."""
    (planned,) = await _planned(world)
    world.clock.now += 24 * HOUR
    assert await status_steps.run_due(world.db) == 1
    assert await status_steps.run_due(world.db) == 1
    assert await status_steps.run_due(world.db) == 0
    assert await _said(world, planned) == ["scheduled", "in_progress", "completed"]


@pytest.mark.parametrize(
    "act",
    [
        lambda world, each: world.does(status_incidents.change, each, is_automatic=False),
        lambda world, each: world.does(status_incidents.resolve, each, message="Called off."),
        lambda world, each: world.does(status_incidents.delete, each),
    ],
    ids=["by hand", "called off", "deleted"],
)
async def test_what_is_not_left_to_time_is_not_done_by_it(world: World, act: Any) -> None:
    """Taken into one's own hands, called off, or deleted."""
    (planned,) = await _planned(world)
    await act(world, planned)
    world.clock.now += 24 * HOUR
    assert await status_steps.run_due(world.db) == 0
