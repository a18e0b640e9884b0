"""From incidents to status pages: what is proposed, what is set, and that nothing is told without somebody's choice."""

import pytest

from openalert.domain.errors import Forbidden, Invalid
from openalert.domain.incident import Phase
from openalert.domain.severity import Severity
from openalert.domain.status_page import Automation, Component, ComponentStatus, Impact, StatusPage
from openalert.usecases import incidents, status_automation, status_components, status_incidents, status_pages
from openalert.usecases import status_updates as updates
from openalert.usecases.status_incidents import Told
from tests import make
from tests.cast import World, level

pytestmark = pytest.mark.anyio

UP, MAJOR = ComponentStatus.OPERATIONAL, ComponentStatus.MAJOR_OUTAGE
PARTIAL = ComponentStatus.PARTIAL_OUTAGE


async def _followed(world: World, automation: Automation) -> tuple[StatusPage, Component]:
    """A page with a component that follows the service whose alerts come in."""
    await world.policy(level(1, world.alice))
    page = await world.does(status_pages.create, team_id=world.core.id, name="Acme")
    component = await world.does(
        status_components.add_component,
        page.id,
        name="API",
        service_id=world.service.id,
        automation=automation,
    )
    return page, component


async def _status(world: World, component: Component) -> ComponentStatus:
    async with world.db.read() as reader:
        return (await status_components.component(reader, world.as_(world.alice), component.id)).status


async def _told(world: World, page: StatusPage) -> list[Told]:
    async with world.db.read() as reader:
        return await status_incidents.of_page(reader, world.as_(world.alice), page.id, limit=50)


async def _resolve(world: World, number: int) -> None:
    await world.does(incidents.resolve, (await world.incident(number)).id)
    await world.advance(seconds=1)


async def test_nothing_happens_where_nobody_chose_it(world: World) -> None:
    """A component that names a service and no more is only that."""
    page, api = await _followed(world, Automation.OFF)
    await world.fires("Disk", severity="critical")
    await world.advance(seconds=1)
    assert (await _status(world, api), await _told(world, page)) == (UP, [])


async def test_a_component_is_as_bad_as_the_worst_open_incident_makes_it(world: World) -> None:
    """It follows up, with a change of severity, and back at the end, without a word on the page."""
    page, api = await _followed(world, Automation.SET)
    await world.fires("Disk", severity="critical")
    await world.fires("Slow", severity="high")
    await world.advance(seconds=1)
    assert await _status(world, api) is MAJOR
    await world.does(incidents.edit, (await world.incident(1)).id, severity=Severity.LOW)
    await world.advance(seconds=1)
    assert await _status(world, api) is PARTIAL
    await _resolve(world, 2)
    assert await _status(world, api) is UP
    assert await _told(world, page) == []


async def test_what_a_person_sets_is_the_last_word_on_what_was_open_then(world: World) -> None:
    """The incident that is open says nothing any more; the next one does."""
    _, api = await _followed(world, Automation.SET)
    await world.fires("Disk", severity="critical")
    await world.advance(seconds=1)
    await world.does(status_components.change_component, api.id, status=UP)
    await world.advance(minutes=1)
    assert await _status(world, api) is UP
    await world.fires("Fan", severity="high")
    await world.advance(seconds=1)
    assert await _status(world, api) is PARTIAL
    await world.does(status_components.change_component, api.id, automation=Automation.OFF)
    assert await _status(world, api) is UP


async def test_an_incident_is_proposed_once_and_nothing_is_public(world: World) -> None:
    """A draft with title, impact and component; not again when thrown away, nor for each incident of a storm."""
    page, api = await _followed(world, Automation.PROPOSE)
    await world.fires("Disk", severity="critical")
    for name in ("Fan", "Net"):
        await world.fires(name, severity="critical")
    await world.advance(seconds=1)
    (draft,) = await _told(world, page)
    ours = await world.incident(1)
    assert (draft.incident.published_at, draft.incident.impact) == (None, Impact.CRITICAL)
    assert (draft.incident.internal_incident_id, draft.incident.title) == (ours.id, ours.title)
    assert [(row.component_id, row.status) for row in draft.affected] == [(api.id, MAJOR)]
    assert [each.message for each in draft.updates] == ["We are investigating a problem with API."]
    assert await _status(world, api) is UP
    for number in (2, 3):
        await _resolve(world, number)
    await world.does(status_incidents.delete, draft.incident.id)
    await world.advance(minutes=1)
    assert await _told(world, page) == []


async def test_mild_incidents_are_not_proposed(world: World) -> None:
    """What customers hardly feel."""
    page, _ = await _followed(world, Automation.PROPOSE)
    await world.fires("Disk", severity="info")
    await world.advance(minutes=1)
    assert await _told(world, page) == []


async def test_later_phases_are_proposed_and_the_newest_draft_counts(world: World) -> None:
    """Published words stay; each phase makes a draft that takes the older one's place, to the end."""
    page, api = await _followed(world, Automation.PROPOSE)
    await world.fires("Disk", severity="critical")
    await world.advance(seconds=1)
    (draft,) = await _told(world, page)
    await world.does(updates.publish, draft.updates[0].id, message="We look.")
    assert await _status(world, api) is MAJOR
    ours = await world.incident(1)
    for phase in (Phase.IDENTIFIED, Phase.MONITORING):
        await world.does(incidents.edit, ours.id, phase=phase)
        await world.advance(seconds=1)
    (now,) = await _told(world, page)
    assert [(each.status, each.published_at is None) for each in now.updates] == [
        ("monitoring", True),
        ("investigating", False),
    ]
    assert now.incident.status == "investigating"
    await _resolve(world, 1)
    (now,) = await _told(world, page)
    assert now.incident.resolved_at is None
    over = await world.does(updates.publish, now.updates[0].id)
    assert over.incident.status == "resolved"
    assert await _status(world, api) is UP


async def test_a_person_may_have_it_proposed(world: World) -> None:
    """Any incident in view, once; a viewer may not, and what is out of view is unknown."""
    page, _ = await _followed(world, Automation.OFF)
    await world.fires("Disk\u202e", severity="high")
    ours = await world.incident(1)
    first = await world.does(status_automation.propose, page.id, ours.id)
    again = await world.does(status_automation.propose, page.id, ours.id)
    assert first.incident.id == again.incident.id
    assert first.incident.title.isprintable()
    assert first.incident.published_at is None
    with pytest.raises(Invalid):
        await world.does(status_automation.propose, page.id, "nonsense")
    async with world.db.transaction(make.actor(world.bob, world.core, team_role=make.Role.VIEWER)) as tx:
        with pytest.raises(Forbidden):
            await status_automation.propose(tx, page.id, ours.id)
