"""The log of how components were: each entry names the incident that made it so, and times cannot contradict it."""

import pytest

from openalert.domain.errors import Invalid
from openalert.domain.instant import HOUR, MINUTE
from openalert.domain.status_page import Component, ComponentStatus, PublicStatus, StatusPage
from openalert.storage import status_pages as stored
from openalert.usecases import status_components as components
from openalert.usecases import status_incidents as told
from openalert.usecases import status_pages as pages
from tests.cast import World

pytestmark = pytest.mark.anyio

UP, PARTIAL, MAJOR = (
    ComponentStatus.OPERATIONAL,
    ComponentStatus.PARTIAL_OUTAGE,
    ComponentStatus.MAJOR_OUTAGE,
)


async def _page(world: World) -> tuple[StatusPage, Component]:
    page = await world.does(pages.create, team_id=world.core.id, name="Acme")
    return page, await world.does(components.add_component, page.id, name="API")


async def _tells(world: World, page: StatusPage, api: Component, status: ComponentStatus) -> str:
    await world.advance(minutes=1)
    made = await world.does(told.create, page.id, title=str(status), components={api.id: status})
    return str(made.incident.id)


async def _log(world: World, api: Component) -> list[tuple[ComponentStatus, str | None]]:
    async with world.db.read() as reader:
        found = await stored.history(reader, [api.id], 0)
    return [(entry.status, entry.incident_id) for entry in found[api.id]]


async def test_what_remains_of_two_incidents_is_named_after_the_one_that_goes_on(world: World) -> None:
    """The worse one ends: the rest of the day is told of the milder one, whose doing it is."""
    page, api = await _page(world)
    mild = await _tells(world, page, api, PARTIAL)
    bad = await _tells(world, page, api, MAJOR)
    await world.advance(minutes=1)
    await world.does(told.resolve, bad, message="")
    await world.advance(minutes=1)
    await world.does(told.resolve, mild, message="")
    assert await _log(world, api) == [(UP, None), (PARTIAL, mild), (MAJOR, bad), (PARTIAL, mild), (UP, None)]


async def test_of_two_that_say_the_same_the_one_that_goes_on_is_named(world: World) -> None:
    """The status does not change at the end of the first, but whose doing it is does."""
    page, api = await _page(world)
    first = await _tells(world, page, api, MAJOR)
    second = await _tells(world, page, api, MAJOR)
    await world.advance(minutes=1)
    await world.does(told.delete, first)
    assert await _log(world, api) == [(UP, None), (MAJOR, first), (MAJOR, second)]


async def test_what_a_person_sets_is_no_incident_s_doing(world: World) -> None:
    """Set by hand while something is open: the log names no incident for it."""
    page, api = await _page(world)
    incident = await _tells(world, page, api, MAJOR)
    await world.advance(minutes=1)
    await world.does(components.change_component, api.id, status=PARTIAL)
    assert await _log(world, api) == [(UP, None), (MAJOR, incident), (PARTIAL, None)]


async def test_a_maintenance_that_begins_early_began_then(world: World) -> None:
    """Begun by hand before its time it has not begun in the future, nor ended before it began."""
    page, _ = await _page(world)
    now = world.clock()
    for ends in ((PublicStatus.IN_PROGRESS, PublicStatus.COMPLETED), (PublicStatus.COMPLETED,)):
        over = await world.does(
            told.create, page.id, title="X", scheduled_for=now + 9 * HOUR, scheduled_until=now + 10 * HOUR
        )
        begun = world.clock()
        for status in ends:
            over = await world.does(told.post, over.incident.id, status=status, message="")
            await world.advance(minutes=5)
        assert over.incident.started_at == begun
        assert over.incident.resolved_at == begun + (len(ends) - 1) * 5 * MINUTE
        assert over.incident.scheduled_for == now + 9 * HOUR


async def test_times_that_are_past_cannot_be_moved(world: World) -> None:
    """What has begun keeps its beginning, what is over its end; the same times again are no change."""
    page, _ = await _page(world)
    now = world.clock()
    times = {"scheduled_for": now + HOUR, "scheduled_until": now + 2 * HOUR}
    made = await world.does(told.create, page.id, title="X", **times)
    await world.advance(minutes=60)
    with pytest.raises(Invalid, match="It has begun") as refused:
        await world.does(told.change, made.incident.id, scheduled_for=now + 3 * HOUR // 2)
    assert refused.value.details["field"] == "scheduledFor"
    longer = await world.does(
        told.change, made.incident.id, scheduled_for=now + HOUR, scheduled_until=now + 3 * HOUR
    )
    assert (longer.incident.started_at, longer.incident.due_at) == (now + HOUR, now + 3 * HOUR)
    await world.advance(minutes=120)
    with pytest.raises(Invalid, match="It is over") as refused:
        await world.does(told.change, made.incident.id, scheduled_until=now + 9 * HOUR)
    assert refused.value.details["field"] == "scheduledUntil"
    await world.does(told.change, made.incident.id, title="Y", scheduled_until=now + 3 * HOUR)
