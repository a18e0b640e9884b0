"""The picture of a page: everything that is published of it, and not a word more."""

import msgspec
import pytest

from openalert.domain.instant import DAY
from openalert.domain.public_page import PublicPage
from openalert.domain.status_page import ComponentStatus, PublicStatus, StatusPage
from openalert.usecases import status_components, status_incidents, status_pages, status_view
from tests.cast import World, level

pytestmark = pytest.mark.anyio

PARTIAL = ComponentStatus.PARTIAL_OUTAGE


async def _picture(world: World, page: StatusPage) -> PublicPage:
    async with world.db.read() as reader:
        known = await status_pages.get(reader, world.as_(world.alice), page.id)
        return await status_view.of_page(reader, known, "https://oncall.example.com")


async def test_the_picture_shows_what_was_said_and_how_things_are(world: World) -> None:
    """Components by their groups with bars, what is told with its updates, the whole, and where it is."""
    page = await world.does(status_pages.create, team_id=world.core.id, name="Acme")
    group = await world.does(status_components.add_group, page.id, name="Europe")
    await world.does(status_components.add_group, page.id, name="Nothing in it")
    api = await world.does(status_components.add_component, page.id, name="API", group_id=group.id)
    await world.does(status_components.add_component, page.id, name="Web", shows_uptime=False)
    told = await world.does(
        status_incidents.create, page.id, title="Slow", message="We look.", components={api.id: PARTIAL}
    )
    now = world.clock()
    await world.does(
        status_incidents.create,
        page.id,
        title="Moving",
        scheduled_for=now + DAY,
        scheduled_until=now + 2 * DAY,
    )
    picture = await _picture(world, page)
    assert picture.url == "https://oncall.example.com/status/acme"
    assert (picture.overall, picture.indicator.indicator, picture.affected_components) == (
        "outage",
        "minor",
        1,
    )
    assert [(each.name, each.status) for each in picture.groups] == [("Europe", PARTIAL)]
    assert [(each.name, len(each.days)) for each in picture.components] == [("API", 90), ("Web", 0)]
    (incident,) = picture.active
    assert (incident.id, incident.component_ids) == (told.incident.id, (api.id,))
    assert [(each.message, each.changes[0].is_now) for each in incident.updates] == [("We look.", PARTIAL)]
    assert [each.title for each in picture.maintenances] == ["Moving"]
    again = msgspec.json.decode(msgspec.json.encode(picture), type=PublicPage)
    assert again == picture


async def test_nothing_that_is_not_published_is_in_the_picture(world: World) -> None:
    """No draft, no incident of ours, no service, no deleted component, nobody's id, whatever is encoded of it."""
    await world.policy(level(1, world.alice))
    await world.fires("Disk")
    ours = await world.incident(1)
    page = await world.does(status_pages.create, team_id=world.core.id, name="Acme")
    api = await world.does(status_components.add_component, page.id, name="API", service_id=ours.service_id)
    gone = await world.does(status_components.add_component, page.id, name="SECRET-gone")
    told = await world.does(
        status_incidents.create,
        page.id,
        title="Slow",
        message="We look.",
        components={api.id: PARTIAL, gone.id: PARTIAL},
        internal_incident_id=ours.id,
    )
    await world.does(
        status_incidents.post,
        told.incident.id,
        status=PublicStatus.IDENTIFIED,
        message="SECRET-update",
        is_draft=True,
    )
    hidden = await world.does(
        status_incidents.create, page.id, title="SECRET-incident", message="SECRET", is_draft=True
    )
    deleted = await world.does(status_incidents.create, page.id, title="SECRET-deleted", message="SECRET")
    await world.does(status_incidents.delete, deleted.incident.id)
    await world.does(status_components.delete_component, gone.id)
    kept = msgspec.json.encode(await _picture(world, page)).decode()
    assert "We look." in kept
    for secret in ("SECRET", ours.id, ours.service_id, gone.id, hidden.incident.id, world.alice.id):
        assert secret not in kept
