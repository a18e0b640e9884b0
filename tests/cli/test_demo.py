"""The status page of `openalert demo`: what its visitors see, and what waits for the team alone."""

import pytest

from openalert.cli import demo_status
from openalert.domain.status_page import ComponentStatus, PublicStatus
from openalert.usecases import status_incidents, status_pages, status_view
from tests.cast import World, level

pytestmark = pytest.mark.anyio


async def test_the_demo_shows_a_page_with_a_past_a_present_and_something_planned(world: World) -> None:
    """Bars from the log, one open incident, one maintenance ahead, and a draft that no reader sees."""
    await world.policy(level(1, world.alice))
    async with world.db.transaction() as tx:
        began = tx.now
        await demo_status.set_up(
            tx, team_id=world.core.id, service_id=world.service.id, user_id=world.alice.id
        )
        assert tx.now == began
    await world.advance(minutes=1)
    async with world.db.read() as reader:
        actor = world.as_(world.alice)
        (page,) = await status_pages.page(reader, actor, limit=10)
        seen = await status_view.of_page(reader, page, "https://oncall.example.com")
        told = await status_incidents.of_page(reader, actor, page.id, limit=50)
    assert [each.name for each in seen.groups] == ["Shop", "For developers", "Back office"]
    assert len(seen.components) == len(demo_status.PARTS)
    for each in seen.components:
        assert sum(day.worst is not ComponentStatus.OPERATIONAL for day in each.days) >= 1, each.name
        assert each.percent is not None
        assert 99.5 < each.percent <= 100, each.name
    (slow,) = seen.active
    assert (slow.title, slow.status, len(slow.updates)) == ("Checkout is slow", PublicStatus.IDENTIFIED, 2)
    assert [each.status for each in seen.maintenances] == [PublicStatus.SCHEDULED]
    (open_,) = [each for each in told if each.incident.internal_incident_id]
    assert open_.incident.internal_incident_id == (await world.incident(1)).id
    drafts = [each for each in open_.updates if each.published_at is None]
    assert [each.status for each in drafts] == [PublicStatus.MONITORING]
    assert [each.incident.published_at is None for each in told].count(True) == 0
    world.is_quiet()
