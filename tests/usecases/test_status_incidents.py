"""What status pages tell: the way of an incident and of a maintenance, and what components are because of them."""

import itertools

import pytest

from openalert.domain.access import Role
from openalert.domain.errors import Conflict, Forbidden, Invalid, NotFound
from openalert.domain.instant import DAY, HOUR
from openalert.domain.status_page import (
    Component,
    ComponentStatus,
    Impact,
    OverallStatus,
    PublicStatus,
    StatusPage,
)
from openalert.storage import status_incidents, status_pages
from openalert.usecases import status_components as components
from openalert.usecases import status_incidents as told
from openalert.usecases import status_pages as pages
from openalert.usecases import status_updates as updates
from tests import make
from tests.cast import World, level

pytestmark = pytest.mark.anyio

DEGRADED, PARTIAL, MAJOR = (
    ComponentStatus.DEGRADED_PERFORMANCE,
    ComponentStatus.PARTIAL_OUTAGE,
    ComponentStatus.MAJOR_OUTAGE,
)
UP = ComponentStatus.OPERATIONAL


async def _page(world: World) -> StatusPage:
    page: StatusPage = await world.does(pages.create, team_id=world.core.id, name="Acme Platform")
    return page


async def _component(world: World, page: StatusPage, name: str = "API") -> Component:
    component: Component = await world.does(components.add_component, page.id, name=name)
    return component


async def _status(world: World, component: Component) -> ComponentStatus:
    async with world.db.read() as reader:
        return (await components.component(reader, world.as_(world.alice), component.id)).status


async def _overall(world: World, page: StatusPage) -> pages.Overall:
    async with world.db.read() as reader:
        return await pages.standing(reader, world.as_(world.alice), page.id)


async def _log(world: World, component: Component) -> list[ComponentStatus]:
    async with world.db.read() as reader:
        found = await status_pages.history(reader, [component.id], 0)
    return [entry.status for entry in found[component.id]]


async def test_the_way_of_an_incident(world: World) -> None:
    """Investigating, identified, monitoring, resolved: components, impact and the whole follow each step."""
    page = await _page(world)
    api, web = await _component(world, page), await _component(world, page, "Web")
    await world.advance(minutes=5)
    made = await world.does(
        told.create, page.id, title="API is slow", message="We look.", components={api.id: PARTIAL}
    )
    assert (made.incident.status, made.incident.impact) == (PublicStatus.INVESTIGATING, Impact.MAJOR)
    assert made.incident.published_at is not None
    assert [(change.name, change.was, change.is_now) for change in made.updates[0].changes] == [
        ("API", UP, PARTIAL)
    ]
    assert (await _status(world, api), await _status(world, web)) == (PARTIAL, UP)
    assert await _overall(world, page) == pages.Overall(OverallStatus.OUTAGE, 1, 1)
    await world.advance(minutes=5)
    await world.does(
        told.post,
        made.incident.id,
        status=PublicStatus.IDENTIFIED,
        message="Found.",
        components={api.id: DEGRADED},
    )
    assert await _status(world, api) is DEGRADED
    await world.advance(minutes=5)
    over = await world.does(told.resolve, made.incident.id, message="Over.")
    assert over.incident.status is PublicStatus.RESOLVED
    assert over.incident.impact is Impact.MAJOR
    assert [update.status for update in over.updates] == ["resolved", "identified", "investigating"]
    assert [
        [(change.name, change.was, change.is_now) for change in update.changes] for update in over.updates
    ] == [[("API", DEGRADED, UP)], [("API", PARTIAL, DEGRADED)], [("API", UP, PARTIAL)]]
    assert await _status(world, api) is UP
    assert await _log(world, api) == [UP, PARTIAL, DEGRADED, UP]
    assert await _overall(world, page) == pages.Overall(OverallStatus.OPERATIONAL, 0, 0)


async def test_without_a_status_a_component_is_only_named(world: World) -> None:
    """An incident may be about a component without saying how that is."""
    page = await _page(world)
    api = await _component(world, page)
    made = await world.does(
        told.create, page.id, title="Odd", message="", impact=Impact.MAJOR, components={api.id: None}
    )
    assert await _status(world, api) is UP
    assert [row.component_id for row in made.affected] == [api.id]
    assert made.incident.impact is Impact.MAJOR


async def test_the_worst_of_two_incidents_counts_and_ends_with_it(world: World) -> None:
    """Two incidents about one component: in whatever order they end, nothing is green too early."""
    page = await _page(world)
    for order in itertools.permutations(range(2)):
        api = await _component(world, page)
        made = [
            await world.does(told.create, page.id, title="One", message="", components={api.id: status})
            for status in (MAJOR, DEGRADED)
        ]
        assert await _status(world, api) is MAJOR
        await world.does(told.resolve, made[order[0]].incident.id, message="")
        assert await _status(world, api) is (DEGRADED if order[0] == 0 else MAJOR)
        await world.does(told.resolve, made[order[1]].incident.id, message="")
        assert await _status(world, api) is UP


async def test_what_a_person_sets_is_the_last_word(world: World) -> None:
    """A component set by hand stays so although an open incident said otherwise before."""
    page = await _page(world)
    api = await _component(world, page)
    made = await world.does(told.create, page.id, title="X", message="", components={api.id: MAJOR})
    await world.does(components.change_component, api.id, status=DEGRADED)
    assert await _status(world, api) is DEGRADED
    await world.does(told.resolve, made.incident.id, message="")
    assert await _status(world, api) is DEGRADED


async def test_what_a_person_sets_leaves_alone_what_was_not_said_yet(world: World) -> None:
    """A maintenance to come and a draft keep what they will say of a component that is set by hand today."""
    page = await _page(world)
    api = await _component(world, page)
    begins = world.clock() + HOUR
    times = {"scheduled_for": begins, "scheduled_until": begins + HOUR}
    await world.does(told.create, page.id, title="M", components={api.id: None}, **times)
    draft = await world.does(told.create, page.id, title="D", components={api.id: MAJOR}, is_draft=True)
    await world.does(components.change_component, api.id, status=UP)
    await world.advance(minutes=60)
    assert await _status(world, api) is ComponentStatus.UNDER_MAINTENANCE
    await world.does(told.post, draft.incident.id, status=PublicStatus.IDENTIFIED, message="")
    assert await _status(world, api) is MAJOR


async def test_what_a_deleted_page_planned_is_never_due(world: World) -> None:
    """Nothing of it waits for the engine for ever."""
    page = await _page(world)
    begins = world.clock() + HOUR
    times = {"scheduled_for": begins, "scheduled_until": begins + HOUR}
    await world.does(told.create, page.id, title="M", **times)
    world.clock.now += HOUR
    async with world.db.transaction(world.as_(world.alice)) as tx:
        assert len(await status_incidents.due(tx, 10)) == 1
        await pages.delete(tx, page.id)
        assert await status_incidents.due(tx, 10) == []


async def test_a_draft_is_nobody_s_business(world: World) -> None:
    """A draft changes no component and is in nothing that the public reads, until somebody publishes it."""
    page = await _page(world)
    api = await _component(world, page)
    made = await world.does(
        told.create, page.id, title="Maybe", message="We think.", components={api.id: MAJOR}, is_draft=True
    )
    assert made.incident.published_at is None
    assert await _status(world, api) is UP
    async with world.db.read() as reader:
        assert await status_incidents.of_page(reader, page.id, published=True, limit=10) == []
        assert await status_incidents.updates(reader, [made.incident.id], published=True) == {}
    done = await world.does(updates.publish, made.updates[0].id, message="We know.")
    assert done.incident.published_at is not None
    assert [update.message for update in done.updates] == ["We know."]
    assert await _status(world, api) is MAJOR


async def test_a_draft_may_be_thrown_away(world: World) -> None:
    """What was proposed and is not wanted is gone; what is public cannot be unsaid."""
    page = await _page(world)
    made = await world.does(told.create, page.id, title="X", message="Said.")
    more = await world.does(
        told.post, made.incident.id, status=PublicStatus.MONITORING, message="?", is_draft=True
    )
    left = await world.does(updates.drop, more.updates[0].id)
    assert [update.message for update in left.updates] == ["Said."]
    assert left.incident.status is PublicStatus.INVESTIGATING
    with pytest.raises(Conflict):
        await world.does(updates.drop, left.updates[0].id)


async def test_what_is_over_takes_no_updates(world: World) -> None:
    """An update on a resolved incident is refused with what is allowed: nothing."""
    page = await _page(world)
    made = await world.does(told.create, page.id, title="X", message="")
    await world.does(told.resolve, made.incident.id, message="")
    with pytest.raises(Conflict) as refused:
        await world.does(told.post, made.incident.id, status=PublicStatus.MONITORING, message="again")
    assert refused.value.code == "INVALID_STATUS_TRANSITION"


async def test_a_maintenance_begins_and_ends_by_itself(world: World) -> None:
    """Planned, begun and ended at their times, each said once; its component is under maintenance in between."""
    page = await _page(world)
    api = await _component(world, page)
    now = world.clock()
    made = await world.does(
        told.create,
        page.id,
        title="Moving",
        message="We move.",
        components={api.id: None},
        scheduled_for=now + HOUR,
        scheduled_until=now + 2 * HOUR,
    )
    assert (made.incident.status, made.incident.due_at) == (PublicStatus.SCHEDULED, now + HOUR)
    assert await _status(world, api) is UP
    assert (await _overall(world, page)).active_incidents == 0
    for status in (ComponentStatus.UNDER_MAINTENANCE, UP):
        await world.advance(minutes=60)
        assert await _status(world, api) is status
    async with world.db.read() as reader:
        over = await told.get(reader, world.as_(world.alice), made.incident.id)
    assert [update.status for update in over.updates] == ["completed", "in_progress", "scheduled"]
    assert over.incident.due_at is None


@pytest.mark.parametrize(
    ("times", "field"),
    [
        ((HOUR, HOUR), "scheduledUntil"),
        ((HOUR, 0), "scheduledUntil"),
        ((HOUR, None), "scheduledUntil"),
        ((None, HOUR), "scheduledUntil"),
        ((HOUR, 100 * DAY), "scheduledUntil"),
        ((2_000 * DAY, 2_001 * DAY), "scheduledFor"),
    ],
)
async def test_times_that_make_no_maintenance_are_refused(
    world: World, times: tuple[int | None, int | None], field: str
) -> None:
    """Ending before it begins, without an end, for ever, in ten years."""
    page = await _page(world)
    begins, ends = (world.clock() + each if each is not None else None for each in times)
    with pytest.raises(Invalid) as refused:
        await world.does(told.create, page.id, title="X", scheduled_for=begins, scheduled_until=ends)
    assert refused.value.details["field"] == field


async def test_a_component_of_another_page_is_unknown(world: World) -> None:
    """In the same words as one that never was."""
    page, other = await _page(world), await _page(world)
    foreign = await _component(world, other)
    words = []
    for component_id in (foreign.id, "nonsense"):
        with pytest.raises(Invalid) as refused:
            await world.does(told.create, page.id, title="X", components={component_id: MAJOR})
        words.append(refused.value.message.replace(component_id, "ID"))
    assert words[0] == words[1]


async def test_an_incident_of_ours_may_be_named_by_who_sees_it(world: World) -> None:
    """A public incident remembers which of ours it tells about; a foreign one is unknown."""
    await world.policy(level(1, world.alice))
    await world.fires("Disk")
    page = await _page(world)
    ours = await world.incident(1)
    made = await world.does(told.create, page.id, title="X", internal_incident_id=ours.id, is_draft=True)
    assert made.incident.internal_incident_id == ours.id
    with pytest.raises(Invalid):
        await world.does(told.create, page.id, title="X", internal_incident_id="nonsense")


async def test_who_may_tell_and_who_may_build(world: World) -> None:
    """A member tells, an admin builds, a viewer reads, a stranger finds nothing."""
    page = await _page(world)
    api = await _component(world, page)
    member = make.actor(world.bob, world.core, team_role=Role.MEMBER)
    async with world.db.transaction(member) as tx:
        made = await told.create(tx, page.id, title="X", message="")
        await components.change_component(tx, api.id, status=DEGRADED)
        with pytest.raises(Forbidden):
            await components.add_component(tx, page.id, name="New")
        with pytest.raises(Forbidden):
            await components.change_component(tx, api.id, name="Other")
        with pytest.raises(Forbidden):
            await told.delete(tx, made.incident.id)
    viewer = make.actor(world.bob, world.core, team_role=Role.VIEWER)
    async with world.db.transaction(viewer) as tx:
        await pages.get(tx, viewer, page.id)
        with pytest.raises(Forbidden):
            await told.create(tx, page.id, title="X")
    stranger = make.actor(world.charlie)
    async with world.db.transaction(stranger) as tx:
        for act in (
            pages.get(tx, stranger, page.id),
            components.component(tx, stranger, api.id),
            told.get(tx, stranger, made.incident.id),
            told.create(tx, page.id, title="X"),
            updates.change(tx, made.updates[0].id, message="x"),
            components.change_component(tx, api.id, status=UP),
        ):
            with pytest.raises(NotFound):
                await act


async def test_an_edited_update_says_so(world: World) -> None:
    """Other words, and when."""
    page = await _page(world)
    made = await world.does(told.create, page.id, title="X", message="Teh API")
    await world.advance(minutes=1)
    edited = await world.does(updates.change, made.updates[0].id, message="The API")
    assert (edited.updates[0].message, edited.updates[0].edited_at) == ("The API", world.clock())


async def test_slugs_are_unique_and_come_back(world: World) -> None:
    """A second page gets another slug, a taken one is refused, a deleted page gives its own back."""
    first, second = await _page(world), await _page(world)
    assert (first.slug, second.slug) == ("acme-platform", "acme-platform-2")
    with pytest.raises(Conflict):
        await world.does(pages.update, second.id, slug="acme-platform")
    await world.does(pages.delete, first.id)
    assert (await world.does(pages.update, second.id, slug="acme-platform")).slug == "acme-platform"


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"custom_domain": "not a domain"}, "customDomain"),
        ({"custom_domain": "10.0.0.1"}, "customDomain"),
        ({"logo_url": "javascript:alert(1)"}, "logoUrl"),
        ({"support_url": "ftp://x"}, "supportUrl"),
        ({"header_text": "x" * 10_001}, "headerText"),
        ({"language": "xx"}, "language"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
    ],
)
async def test_settings_that_mean_nothing_are_refused(
    world: World, settings: dict[str, str], field: str
) -> None:
    """Each by its member's name."""
    with pytest.raises(Invalid) as refused:
        await world.does(pages.create, team_id=world.core.id, name="X", **settings)
    assert refused.value.details["field"] == field


async def test_one_domain_belongs_to_one_page(world: World) -> None:
    """The second page that wants it is refused."""
    page, other = await _page(world), await _page(world)
    await world.does(pages.update, page.id, custom_domain="Status.Example.com.")
    with pytest.raises(Conflict):
        await world.does(pages.update, other.id, custom_domain="status.example.com")


async def test_components_are_put_in_order(world: World) -> None:
    """Those that are named first, the others after them."""
    page = await _page(world)
    a, b, c = [await _component(world, page, name) for name in "ABC"]
    order = await world.does(components.reorder, page.id, [c.id, a.id])
    assert [each.name for each in order] == ["C", "A", "B"]
    with pytest.raises(Invalid):
        await world.does(components.reorder, page.id, ["nonsense"])
    assert b.position == 2


async def test_every_change_makes_a_new_version(world: World) -> None:
    """What is rendered from the page is known to be old."""
    page = await _page(world)

    async def version() -> int:
        return int(await world.value("SELECT version FROM status_pages WHERE id = :id", id=page.id))

    seen = [await version()]
    api = await _component(world, page)
    seen.append(await version())
    made = await world.does(told.create, page.id, title="X", message="")
    seen.append(await version())
    await world.does(told.post, made.incident.id, status=PublicStatus.MONITORING, message="m")
    seen.append(await version())
    await world.does(components.change_component, api.id, status=MAJOR)
    seen.append(await version())
    assert seen == sorted(set(seen))


async def test_what_was_read_can_be_sent_back_after_a_component_is_deleted(world: World) -> None:
    """The ids of an incident are taken again as they were read; a deleted component is not taken anew."""
    page = await _page(world)
    api, web = await _component(world, page), await _component(world, page, "Web")
    made = await world.does(told.create, page.id, title="Down", components={api.id: MAJOR, web.id: None})
    await world.does(components.delete_component, api.id)
    both = sorted([api.id, web.id])
    changed = await world.does(told.change, made.incident.id, component_ids=both)
    assert {row.component_id: row.status for row in changed.affected} == {api.id: MAJOR, web.id: None}
    said = await world.does(
        told.post,
        made.incident.id,
        status=PublicStatus.IDENTIFIED,
        message="It is Web.",
        components={api.id: None, web.id: PARTIAL},
    )
    assert {row.component_id: row.status for row in said.affected} == {api.id: None, web.id: PARTIAL}
    other = await world.does(told.create, page.id, title="Slow")
    with pytest.raises(Invalid):
        await world.does(told.change, other.incident.id, component_ids=both)
