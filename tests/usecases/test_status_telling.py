"""Drafts that keep what they propose, postmortems that are public by an act of their own, and templates."""

from typing import Any

import pytest

from openalert.domain.access import Role
from openalert.domain.errors import Conflict, Forbidden, Invalid, NotFound
from openalert.domain.instant import HOUR
from openalert.domain.status_page import Component, ComponentStatus, PublicKind, PublicStatus, StatusPage
from openalert.domain.timeline import sentence
from openalert.storage import audit
from openalert.storage.audit import AuditFilter
from openalert.usecases import postmortems as ours
from openalert.usecases import status_automation as automation
from openalert.usecases import status_components as components
from openalert.usecases import status_incidents as told
from openalert.usecases import status_pages as pages
from openalert.usecases import status_postmortems as postmortems
from openalert.usecases import status_templates as templates
from openalert.usecases import status_updates as updates
from openalert.usecases import status_view
from tests import make
from tests.cast import World, level

pytestmark = pytest.mark.anyio

MAJOR, DEGRADED = ComponentStatus.MAJOR_OUTAGE, ComponentStatus.DEGRADED_PERFORMANCE


@pytest.fixture
async def page(world: World) -> StatusPage:
    """A page in German."""
    made: StatusPage = await world.does(pages.create, team_id=world.core.id, name="Acme", language="de")
    return made


@pytest.fixture
async def api(world: World, page: StatusPage) -> Component:
    """A component."""
    made: Component = await world.does(components.add_component, page.id, name="API")
    return made


async def _acts(world: World) -> list[str]:
    async with world.db.read() as reader:
        found = await audit.page(reader, world.as_(world.alice), AuditFilter(), limit=50)
    return [each.act for each in found]


async def test_a_draft_keeps_all_that_it_proposes(world: World, page: StatusPage, api: Component) -> None:
    """Status, components and whether subscribers hear of it wait with the words, and count when it is published."""
    made = await world.does(told.create, page.id, title="Slow", message="We look.")
    world.clock.now += 1_000
    draft = (
        await world.does(
            told.post,
            made.incident.id,
            status=PublicStatus.IDENTIFIED,
            message="Found.",
            components={api.id: MAJOR},
            tells=False,
            is_draft=True,
        )
    ).updates[0]
    assert (draft.proposes, draft.tells) == ({api.id: MAJOR}, False)
    changed = await world.does(updates.change, draft.id, components={api.id: DEGRADED})
    assert changed.updates[0].edited_at is None
    world.clock.now += 1_000
    done = await world.does(updates.publish, draft.id)
    assert done.incident.status is PublicStatus.IDENTIFIED
    assert [(each.name, each.is_now) for each in done.updates[0].changes] == [("API", DEGRADED)]
    assert not done.updates[0].tells
    assert done.updates[0].proposes == {}
    acts = await _acts(world)
    assert {"status_incident.drafted", "status_incident.draft_changed", "status_incident.told"} <= set(acts)


async def test_a_draft_that_outlived_a_component_is_published_without_it(
    world: World, page: StatusPage, api: Component
) -> None:
    """A component deleted meanwhile is no reason to keep customers waiting."""
    made = await world.does(told.create, page.id, title="Slow", message="We look.")
    world.clock.now += 1_000
    draft = await world.does(
        told.post,
        made.incident.id,
        status=PublicStatus.IDENTIFIED,
        message="Found.",
        components={api.id: MAJOR},
        is_draft=True,
    )
    await world.does(components.delete_component, api.id)
    done = await world.does(updates.publish, draft.updates[0].id)
    assert done.incident.status is PublicStatus.IDENTIFIED


async def test_of_what_is_published_only_the_words_change(world: World, page: StatusPage) -> None:
    """Readers saw the status; it is part of history."""
    made = await world.does(told.create, page.id, title="Slow", message="We look.")
    with pytest.raises(Conflict) as refused:
        await world.does(updates.change, made.updates[0].id, status=PublicStatus.RESOLVED)
    assert refused.value.code == "ALREADY_PUBLISHED"


async def test_a_postmortem_is_public_by_an_act_of_its_own(world: World, page: StatusPage) -> None:
    """Written as a draft nobody outside sees it; published they do; edited they see the old one; withdrawn none."""
    made = await world.does(told.create, page.id, title="Slow", message="We look.")

    async def public() -> str:
        async with world.db.read() as reader:
            return (await status_view.of_page(reader, page, "https://x.example")).incidents[0].postmortem

    with pytest.raises(Conflict):
        await world.does(postmortems.publish, made.incident.id)
    await world.does(told.change, made.incident.id, postmortem_draft="It was the disk.")
    assert await public() == ""
    done = await world.does(postmortems.publish, made.incident.id)
    assert await public() == "It was the disk."
    assert done.incident.postmortem_at == world.clock.now
    assert done.incident.postmortem_draft == ""
    await world.does(told.change, made.incident.id, postmortem_draft="It was the cable.")
    assert await public() == "It was the disk."
    back = await world.does(postmortems.withdraw, made.incident.id)
    assert await public() == ""
    assert (back.incident.postmortem_draft, back.incident.postmortem_at) == ("It was the cable.", None)
    with pytest.raises(Conflict):
        await world.does(postmortems.withdraw, made.incident.id)


async def test_no_postmortem_of_what_nobody_knows(world: World, page: StatusPage) -> None:
    """Of a draft nothing is published, not even what was learned from it."""
    draft = await world.does(told.create, page.id, title="X", message="m", is_draft=True)
    with pytest.raises(Conflict) as refused:
        await world.does(postmortems.publish, draft.incident.id, text="It was the disk.")
    assert refused.value.code == "NOT_PUBLISHED"


async def test_the_team_s_own_postmortem_is_taken_over_as_a_draft(world: World, page: StatusPage) -> None:
    """What the team wrote for itself is a beginning, and public only after somebody publishes it."""
    await world.policy(level(1, world.alice))
    await world.fires("Disk of db-3 full")
    incident = await world.incident(1)
    made = await world.does(automation.propose, page.id, incident.id)
    with pytest.raises(Conflict) as refused:
        await world.does(postmortems.take_over, made.incident.id)
    assert refused.value.code == "NO_POSTMORTEM"
    await world.does(ours.write, incident.id, body="## What happened\nThe disk of db-3.")
    taken = await world.does(postmortems.take_over, made.incident.id)
    assert taken.incident.postmortem_draft == "## What happened\nThe disk of db-3."
    assert taken.incident.postmortem == ""


async def test_the_incident_of_ours_has_in_its_timeline_what_customers_were_told(
    world: World, page: StatusPage
) -> None:
    """Each update that is published is a line there; a draft is none."""
    await world.policy(level(1, world.alice))
    await world.fires("Disk full")
    incident = await world.incident(1)
    made = await world.does(automation.propose, page.id, incident.id)

    async def lines() -> list[str]:
        return [sentence(entry) for entry in await world.entries("customers_told")]

    assert await lines() == []
    await world.does(updates.publish, made.updates[0].id)
    assert await lines() == [f"{world.alice.name} told customers on Acme (investigating): Disk full"]


async def test_a_maintenance_speaks_the_language_of_its_page(world: World, page: StatusPage) -> None:
    """It begins and ends by itself in the words of the page's readers."""
    begins = world.clock() + HOUR
    made = await world.does(
        told.create, page.id, title="Umbau", scheduled_for=begins, scheduled_until=begins + HOUR
    )
    await world.advance(minutes=121)
    async with world.db.read() as reader:
        now = await told.get(reader, world.as_(world.alice), made.incident.id)
    assert [each.message for each in now.updates][:2] == [
        "Die Wartung ist abgeschlossen.",
        "Die Wartung hat begonnen.",
    ]


async def test_a_template_is_kept_changed_and_deleted(world: World, page: StatusPage, api: Component) -> None:
    """Its members are checked as those of what is told; its name is the only one of its page."""
    made = await world.does(
        templates.create,
        page.id,
        name="Database",
        title="Trouble with our database",
        message="We look.",
        status=PublicStatus.IDENTIFIED,
        components={api.id: MAJOR},
        tells=False,
    )
    async with world.db.read() as reader:
        assert await templates.of_page(reader, world.as_(world.alice), page.id) == [made]
    with pytest.raises(Conflict):
        await world.does(templates.create, page.id, name="DATABASE")
    changed = await world.does(templates.change, made.id, name="Our database", status=None)
    assert (changed.name, changed.status, changed.title) == ("Our database", None, made.title)
    await world.does(components.delete_component, api.id)
    async with world.db.read() as reader:
        assert (await templates.get(reader, world.as_(world.alice), made.id)).components == {}
    await world.does(templates.delete, made.id)
    async with world.db.read() as reader:
        with pytest.raises(NotFound):
            await templates.get(reader, world.as_(world.alice), made.id)


@pytest.mark.parametrize(
    "words",
    [
        {"name": " "},
        {"status": PublicStatus.SCHEDULED},
        {"kind": PublicKind.MAINTENANCE, "status": PublicStatus.RESOLVED},
        {"message": "x" * 25_001},
        {"components": {"01999999-0000-7000-8000-000000000000": None}},
    ],
)
async def test_a_template_that_could_not_be_told_is_refused(
    world: World, page: StatusPage, words: dict[str, Any]
) -> None:
    """A status of the other kind, words that are too long, a component of nowhere."""
    with pytest.raises(Invalid):
        await world.does(templates.create, page.id, **{"name": "T", **words})


async def test_who_may_not_tell_writes_no_templates(world: World, page: StatusPage) -> None:
    """A viewer reads them; somebody of another team does not know that they are there."""
    made = await world.does(templates.create, page.id, name="T")
    viewer = make.actor(world.bob, world.core, team_role=Role.VIEWER)
    async with world.db.transaction(viewer) as tx:
        assert await templates.of_page(tx, viewer, page.id) == [made]
        with pytest.raises(Forbidden):
            await templates.change(tx, made.id, title="Ha")
        with pytest.raises(Forbidden):
            await templates.delete(tx, made.id)
    stranger = make.actor(world.charlie)
    async with world.db.transaction(stranger) as tx:
        with pytest.raises(NotFound):
            await templates.get(tx, stranger, made.id)
        with pytest.raises(NotFound):
            await templates.create(tx, page.id, name="Mine")
