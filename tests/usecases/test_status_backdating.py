"""What is told after the fact is in the log of the components, so that bars and percentages are honest."""

from typing import Any

import pytest

from openalert.domain.errors import Invalid
from openalert.domain.instant import HOUR, MINUTE, Instant
from openalert.domain.status_page import Component, ComponentStatus, PublicStatus, StatusPage
from openalert.storage import status_pages
from openalert.usecases import status_components as components
from openalert.usecases import status_incidents as told
from openalert.usecases import status_pages as pages
from openalert.usecases import status_updates as updates
from openalert.usecases import status_view
from tests.cast import World

pytestmark = pytest.mark.anyio

UP, PARTIAL, MAJOR = (
    ComponentStatus.OPERATIONAL,
    ComponentStatus.PARTIAL_OUTAGE,
    ComponentStatus.MAJOR_OUTAGE,
)


@pytest.fixture
async def page(world: World) -> StatusPage:
    """A page."""
    made: StatusPage = await world.does(pages.create, team_id=world.core.id, name="Acme")
    return made


@pytest.fixture
async def api(world: World, page: StatusPage) -> Component:
    """A component whose history is known for ten hours."""
    made: Component = await world.does(components.add_component, page.id, name="API")
    world.clock.now += 10 * HOUR
    return made


async def _log(world: World, component: Component) -> list[tuple[Instant, ComponentStatus]]:
    async with world.db.read() as reader:
        found = await status_pages.history(reader, [component.id], 0)
    return [(entry.at, entry.status) for entry in found[component.id]]


async def _told(world: World, page: StatusPage, component: Component, **members: Any) -> told.Told:
    made: told.Told = await world.does(
        told.create,
        page.id,
        title="It was down",
        message="It was down and is up again.",
        components={component.id: MAJOR},
        **members,
    )
    return made


async def test_what_is_over_when_it_is_told_counts_for_its_span(
    world: World, page: StatusPage, api: Component
) -> None:
    """One step tells of an outage of an hour that ended an hour ago: log, percentage, status and updates agree."""
    began, now = api.began_at, world.clock.now
    made = await _told(world, page, api, started_at=now - 2 * HOUR, resolved_at=now - HOUR)
    assert made.incident.status is PublicStatus.RESOLVED
    assert made.incident.is_backdated
    assert [(each.status, each.shown_at, each.tells) for each in made.updates] == [
        (PublicStatus.RESOLVED, now - HOUR, False)
    ]
    assert await _log(world, api) == [(began, UP), (now - 2 * HOUR, MAJOR), (now - HOUR, UP)]
    async with world.db.read() as reader:
        seen = await status_view.of_page(reader, page, "https://oncall.example.org")
    assert seen.components[0].percent == pytest.approx(90)
    assert seen.components[0].status is UP
    assert {each for day in seen.components[0].days for each in day.incident_ids} == {made.incident.id}


async def test_subscribers_hear_of_the_past_only_where_somebody_says_so(
    world: World, page: StatusPage, api: Component
) -> None:
    """What is over is told quietly, unless it is asked for; what goes on is told."""
    now = world.clock.now
    asked = await _told(world, page, api, started_at=now - 2, resolved_at=now - 1, tells=True)
    assert asked.updates[0].tells
    going_on = await _told(world, page, api, started_at=now - HOUR)
    assert going_on.updates[0].tells


async def test_what_began_earlier_and_goes_on_counts_from_its_beginning(
    world: World, page: StatusPage, api: Component
) -> None:
    """Told an hour late, it is in the log from its beginning until it is resolved."""
    began, now = api.began_at, world.clock.now
    made = await _told(world, page, api, started_at=now - HOUR)
    world.clock.now += 30 * MINUTE
    await world.does(told.resolve, made.incident.id, message="Over.")
    assert await _log(world, api) == [
        (began, UP),
        (now - HOUR, MAJOR),
        (now, MAJOR),
        (now + 30 * MINUTE, UP),
    ]


async def test_what_was_noted_at_the_time_stays_below(world: World, page: StatusPage, api: Component) -> None:
    """A worse outage told later lies over one that was told live; taking it back brings the live one back."""
    began, now = api.began_at, world.clock.now
    live = await world.does(told.create, page.id, title="Slow", components={api.id: PARTIAL})
    world.clock.now += HOUR
    await world.does(told.resolve, live.incident.id, message="")
    world.clock.now += HOUR
    noted = [(began, UP), (now, PARTIAL), (now + HOUR, UP)]
    assert await _log(world, api) == noted
    late = await _told(world, page, api, started_at=now - 30 * MINUTE, resolved_at=now + 30 * MINUTE)
    assert await _log(world, api) == [
        (began, UP),
        (now - 30 * MINUTE, MAJOR),
        (now, MAJOR),
        (now + 30 * MINUTE, PARTIAL),
        (now + HOUR, UP),
    ]
    await world.does(told.delete, late.incident.id)
    assert await _log(world, api) == noted


async def test_a_correction_of_its_components_is_in_the_log(
    world: World, page: StatusPage, api: Component
) -> None:
    """It was partial, not major, and the other component: the log follows, and forgets the first word."""
    other = await world.does(components.add_component, page.id, name="Web")
    world.clock.now += 3 * HOUR
    now = world.clock.now
    made = await _told(world, page, api, started_at=now - 2 * HOUR, resolved_at=now - HOUR)
    await world.does(told.change, made.incident.id, component_ids=[], components={other.id: PARTIAL})
    assert [status for _, status in await _log(world, api)] == [UP]
    assert [status for _, status in await _log(world, other)] == [UP, PARTIAL, UP]


async def test_a_draft_of_the_past_says_nothing_before_it_is_published(
    world: World, page: StatusPage, api: Component
) -> None:
    """Kept as a draft it is in no log and waits among what is open; published, it counts for its own span."""
    began, now = api.began_at, world.clock.now
    draft = await _told(world, page, api, started_at=now - 2 * HOUR, resolved_at=now - HOUR, is_draft=True)
    assert await _log(world, api) == [(began, UP)]
    async with world.db.read() as reader:
        waiting = await told.of_page(reader, world.as_(world.alice), page.id, resolved=False, limit=5)
    assert [each.incident.id for each in waiting] == [draft.incident.id]
    world.clock.now += 5 * HOUR
    done = await world.does(updates.publish, draft.updates[0].id)
    assert done.incident.resolved_at == now - HOUR
    assert await _log(world, api) == [(began, UP), (now - 2 * HOUR, MAJOR), (now - HOUR, UP)]


async def test_time_before_a_component_was_known_stays_unknown(
    world: World, page: StatusPage, api: Component
) -> None:
    """An outage from before a component was added is told, and its log begins where it did."""
    began = api.began_at
    await _told(world, page, api, started_at=began - 2 * HOUR, resolved_at=began - HOUR)
    assert await _log(world, api) == [(began, UP)]
    await _told(world, page, api, started_at=began - HOUR, resolved_at=began + HOUR)
    assert await _log(world, api) == [(began, MAJOR), (began + HOUR, UP)]


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"resolved_at": -1}, "startedAt"),
        ({"started_at": -2, "resolved_at": 1}, "resolvedAt"),
        ({"started_at": -2, "resolved_at": -2}, "resolvedAt"),
        ({"started_at": -2, "resolved_at": -1, "status": PublicStatus.MONITORING}, "status"),
        ({"scheduled_for": -2, "scheduled_until": -1, "started_at": -2, "resolved_at": -1}, "resolvedAt"),
    ],
)
async def test_an_end_that_cannot_be_is_refused(
    world: World, page: StatusPage, api: Component, members: dict[str, Any], field: str
) -> None:
    """Without a beginning, in the future, before its beginning, not over, or of a maintenance."""
    at = {
        name: world.clock.now + value * HOUR if isinstance(value, int) else value
        for name, value in members.items()
    }
    with pytest.raises(Invalid) as refused:
        await _told(world, page, api, **at)
    assert refused.value.details["field"] == field
