"""Making and arranging status pages: their order, how several stand at once, drafts of settings, links, own names."""

import msgspec
import pytest

from openalert.domain.errors import Forbidden, Invalid
from openalert.domain.status_page import Automation, ComponentStatus, OverallStatus, Theme
from openalert.usecases import (
    status_arrangement,
    status_components,
    status_incidents,
    status_pages,
    status_setup,
    status_standing,
)
from tests.cast import World, level

pytestmark = pytest.mark.anyio


async def _order(world: World, page_id: str) -> list[list[str]]:
    async with world.db.read() as reader:
        sections = await status_arrangement.of_page(reader, world.as_(world.alice), page_id)
    return [[each.name for each in section.components] for section in sections]


async def test_the_order_is_written_once_and_only_where_it_changes(world: World) -> None:
    """Groups and components in one act, one entry; the same order again changes nothing, tells nobody."""
    page = await world.does(status_pages.create, team_id=world.core.id, name="Acme")
    group = await world.does(status_components.add_group, page.id, name="Europe")
    a, b = [await world.does(status_components.add_component, page.id, name=name) for name in "AB"]
    order = [(None, [b.id]), (group.id, [a.id])]
    await world.does(status_arrangement.arrange, page.id, order)
    assert await _order(world, page.id) == [["B"], ["A"]]
    told = world.events.count("status_page.updated")
    await world.does(status_arrangement.arrange, page.id, order)
    assert world.events.count("status_page.updated") == told
    with pytest.raises(Invalid):
        await world.does(status_arrangement.arrange, page.id, [("nothing", [a.id])])
    with pytest.raises(Forbidden):
        await world.does(status_arrangement.arrange, page.id, order, by=world.bob)


async def test_several_pages_are_asked_at_once_how_they_stand(world: World) -> None:
    """The worst of what somebody set, what is told, and what is told of; drafts are counted by themselves."""
    first = await world.does(status_pages.create, team_id=world.core.id, name="First")
    second = await world.does(status_pages.create, team_id=world.core.id, name="Second")
    api = await world.does(status_components.add_component, first.id, name="API")
    await world.does(status_components.add_component, first.id, name="Web")
    told = await world.does(
        status_incidents.create, first.id, title="Slow", message="We look.",
        components={api.id: ComponentStatus.DEGRADED_PERFORMANCE},
    )  # fmt: skip
    await world.does(
        status_incidents.post, told.incident.id, status=told.incident.status, message="Draft", is_draft=True
    )
    await world.does(
        status_incidents.create, first.id, title="Draft", message="?", is_draft=True,
        components={api.id: ComponentStatus.MAJOR_OUTAGE},
    )  # fmt: skip
    async with world.db.read() as reader:
        standing = await status_standing.of_pages(reader, [first.id, second.id])
        for page_id, found in standing.items():
            alone = await status_pages.standing(reader, world.as_(world.alice), page_id)
            assert (found.overall, found.affected, found.active) == (
                alone.status,
                alone.affected_components,
                alone.active_incidents,
            )
    assert standing[first.id] == status_standing.Standing(
        overall=OverallStatus.DEGRADED,
        worst=ComponentStatus.DEGRADED_PERFORMANCE,
        components=2,
        affected=1,
        active=1,
        drafts=2,
    )
    assert standing[second.id].components == standing[second.id].drafts == 0


async def test_a_page_is_set_up_whole_or_not_at_all(world: World) -> None:
    """A service of another team leaves no page behind."""
    await world.policy(level(1, world.alice))
    with pytest.raises(Invalid):
        await world.does(
            status_setup.set_up,
            team_id=world.core.id,
            name="Acme",
            is_public=True,
            services={"nothing": "API"},
        )
    assert await world.value("SELECT count(*) FROM status_pages") == 0
    page = await world.does(
        status_setup.set_up,
        team_id=world.core.id,
        name="Acme",
        is_public=False,
        services={world.service.id: "API"},
    )
    async with world.db.read() as reader:
        [made] = await status_pages.components(reader, world.as_(world.alice), page.id)
    assert (made.name, made.service_id, made.automation) == ("API", world.service.id, Automation.PROPOSE)


async def test_a_draft_of_settings_takes_what_is_right_and_writes_nothing(world: World) -> None:
    """What no page can have stays as it is, so that a preview can be drawn while somebody is typing."""
    page = await world.does(status_pages.create, team_id=world.core.id, name="Acme")
    async with world.db.read() as reader:
        drawn = await status_pages.draft(
            reader,
            world.as_(world.alice),
            page.id,
            name="Soon",
            theme=Theme(accent="#12"),
            timezone="Mars",
            header_text="Hello",
        )
        assert (drawn.name, drawn.theme.accent, drawn.timezone, drawn.header_text) == (
            "Soon",
            None,
            "UTC",
            "Hello",
        )
        assert await status_pages.get(reader, world.as_(world.alice), page.id) == page
        with pytest.raises(Forbidden):
            await status_pages.draft(reader, world.as_(world.bob), page.id, name="Mine")


async def test_a_revoked_link_is_gone_and_a_name_of_ours_is_no_domain(world: World) -> None:
    """Whatever case it is typed in, and with the dot at its end."""
    page = await world.does(status_pages.create, team_id=world.core.id, name="Acme", is_public=False)
    await world.does(status_pages.make_link, page.id)
    gone = await world.does(status_pages.revoke_link, page.id)
    assert gone.link_hash is None
    for name in ("oncall.example.com", "OnCall.Example.com."):
        with pytest.raises(Invalid, match="name of this server"):
            await world.does(
                status_pages.update, page.id, custom_domain=name, own_names={"oncall.example.com"}
            )
    other = await world.does(
        status_pages.update, page.id, custom_domain="status.example.com", own_names={"oncall.example.com"}
    )
    assert msgspec.structs.asdict(other)["custom_domain"] == "status.example.com"
