"""Telling customers in the browser: from an incident in two clicks, by hand, later steps, and what waits."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from openalert.domain.access import Role
from openalert.domain.instant import HOUR, to_datetime
from openalert.domain.status_page import ComponentStatus, PublicStatus, StatusPage
from openalert.domain.user import User
from openalert.usecases import (
    postmortems,
    status_components,
    status_incidents,
    status_pages,
    status_templates,
    status_updates,
    teams,
)
from openalert.usecases.status_incidents import Told
from tests.cast import World, level
from tests.web.ui.browser import Browser

pytestmark = pytest.mark.anyio
SignIn = Callable[[User], Awaitable[Browser]]
PATH = "/status-pages"


@pytest.fixture
async def page(world: World) -> StatusPage:
    """A page."""
    async with world.db.transaction(world.as_(world.alice)) as tx:
        return await status_pages.create(tx, team_id=world.core.id, name="Acme", slug="acme")


@pytest.fixture
async def api(world: World, page: StatusPage) -> str:
    """The id of its component "API", whose service alerts come in for."""
    await world.policy(level(1, world.alice))
    async with world.db.transaction(world.as_(world.alice)) as tx:
        return (
            await status_components.add_component(tx, page.id, name="API", service_id=world.service.id)
        ).id


async def told(world: World, page: StatusPage) -> list[Told]:
    """What the page tells, drafts too."""
    async with world.db.read() as reader:
        return await status_incidents.of_page(reader, world.as_(world.alice), page.id, limit=50)


async def test_two_clicks_from_an_incident_to_a_first_update(
    world: World, sign_in: SignIn, page: StatusPage, api: str
) -> None:
    """Tell customers, look, publish: between the clicks is exactly what they will read, and what looks like ours."""
    await world.fires("Disk of db-3 full", severity="critical")
    incident = await world.incident(1)
    browser = await sign_in(world.alice)
    here = await browser.get(f"/incidents/{incident.id}")
    assert "Customers Acme not told" in here.text
    seen = await browser.press(here, f"/incidents/{incident.id}/customers")
    assert seen.path.startswith(f"{PATH}/drafts/")
    assert "This will be public" in seen.text
    assert "We are investigating a problem with API." in seen.text
    assert "API major outage was operational" in seen.text
    assert "The page as a whole goes from operational to outage" in seen.text
    assert "Looks like something of yours, not of your customers: db-3" in seen.text
    (draft,) = await told(world, page)
    assert draft.incident.published_at is None
    done = await browser.press(seen, f"{seen.path}/publish")
    assert "Customers read it now" in done.text
    (public,) = await told(world, page)
    assert public.incident.published_at is not None
    assert [each.is_now for each in public.updates[0].changes] == [ComponentStatus.MAJOR_OUTAGE]
    here = await browser.get(f"/incidents/{incident.id}")
    assert "told customers on Acme (investigating): Disk of db-3 full" in here.text
    assert "Say more" in here.text


async def test_an_incident_by_hand_is_looked_at_changed_and_published(
    world: World, sign_in: SignIn, page: StatusPage, api: str
) -> None:
    """The form makes a draft; what is changed there is shown again; nothing is public before the last button."""
    browser = await sign_in(world.alice)
    here = await browser.get(f"{PATH}/{page.id}/told/new")
    seen = await browser.press(
        here,
        f"{PATH}/{page.id}/told",
        title="Orders fail",
        message="We **look**.",
        **{f"component_{api}": "partial_outage"},
    )
    assert "<strong>look</strong>" in seen.html
    assert "API partial outage was operational" in seen.text
    assert "there are no subscribers yet" in seen.text
    again = await browser.press(
        seen, seen.path, title="Orders may fail", **{f"component_{api}": "degraded_performance"}
    )
    assert "Orders may fail" in again.text
    assert "to degraded" in again.text
    (draft,) = await told(world, page)
    assert draft.incident.published_at is None
    await browser.press(again, f"{again.path}/publish")
    (public,) = await told(world, page)
    assert (public.incident.title, public.incident.impact) == ("Orders may fail", "minor")
    assert public.incident.published_at is not None


async def test_later_steps_from_the_page_of_what_is_told(
    world: World, sign_in: SignIn, page: StatusPage, api: str
) -> None:
    """The next status is chosen already; components keep what is not touched; the end is one button."""
    async with world.db.transaction(world.as_(world.alice)) as tx:
        made = await status_incidents.create(
            tx, page.id, title="Slow", message="We look.", components={api: ComponentStatus.PARTIAL_OUTAGE}
        )
    browser, href = await sign_in(world.alice), f"{PATH}/told/{made.incident.id}"
    world.clock.now += 60_000
    here = await browser.get(href)
    fields = here.form(f"{href}/updates")["fields"]
    assert (fields["status"], fields[f"component_{api}"]) == ("identified", "partial_outage")
    seen = await browser.press(here, f"{href}/updates", message="Found.")
    assert "The page as a whole stays outage" in seen.text
    await browser.press(seen, f"{seen.path}/publish")
    world.clock.now += 60_000
    here = await browser.get(href)
    edited = await browser.get(f"{href}?edit={made.updates[0].id}")
    await browser.press(edited, f"{PATH}/updates/{made.updates[0].id}", message="We search.")
    over = await browser.press(here, f"{href}/resolve")
    assert "The problem with API is over." in over.text
    (now,) = await told(world, page)
    assert [(each.status, each.message) for each in now.updates] == [
        (PublicStatus.RESOLVED, "The problem with API is over."),
        (PublicStatus.IDENTIFIED, "Found."),
        (PublicStatus.INVESTIGATING, "We search."),
    ]
    assert [each.is_now for each in now.updates[0].changes] == [ComponentStatus.OPERATIONAL]


async def test_what_is_told_of_a_component_that_is_deleted_goes_on(
    world: World, sign_in: SignIn, page: StatusPage, api: str
) -> None:
    """The form of the next step takes it, though the incident is about a component that is no more."""
    async with world.db.transaction(world.as_(world.alice)) as tx:
        made = await status_incidents.create(
            tx, page.id, title="Orders fail", components={api: ComponentStatus.MAJOR_OUTAGE}
        )
        await status_components.delete_component(tx, api)
    browser = await sign_in(world.alice)
    here = await browser.get(f"{PATH}/told/{made.incident.id}")
    seen = await browser.press(here, f"{PATH}/told/{made.incident.id}/updates", message="Found it.")
    assert seen.path.startswith(f"{PATH}/drafts/"), seen.text
    await browser.press(seen, f"{seen.path}/publish")
    (public,) = await told(world, page)
    assert [each.message for each in public.updates] == ["Found it.", ""]
    assert {row.component_id: row.status for row in public.affected} == {api: ComponentStatus.MAJOR_OUTAGE}


async def test_a_maintenance_is_planned_by_the_clock_of_the_page(
    world: World, sign_in: SignIn, page: StatusPage, api: str
) -> None:
    """Times are typed and shown as its readers know them, wherever the one who types is."""
    async with world.db.transaction(world.as_(world.alice)) as tx:
        await status_pages.update(tx, page.id, timezone="Asia/Tokyo")
    browser = await sign_in(world.alice)
    here = await browser.get(f"{PATH}/{page.id}/told/new?kind=maintenance")
    seen = await browser.press(
        here,
        f"{PATH}/{page.id}/told",
        title="Upgrade",
        message="Short breaks.",
        scheduled_for="2026-02-01T02:00",
        scheduled_until="2026-02-01T04:00",
        **{f"component_{api}": "under_maintenance"},
    )
    assert "1 Feb 2026, 02:00 to 04:00 JST" in seen.text
    await browser.press(seen, f"{seen.path}/publish")
    (made,) = await told(world, page)
    assert to_datetime(made.incident.scheduled_for or 0).isoformat() == "2026-01-31T17:00:00+00:00"
    href = f"{PATH}/told/{made.incident.id}"
    here = await browser.get(href)
    await browser.press(here, f"{href}/change", scheduled_until="2026-02-01T05:00")
    (made,) = await told(world, page)
    assert (made.incident.scheduled_until or 0) - (made.incident.scheduled_for or 0) == 3 * HOUR


async def test_what_is_over_is_told_in_one_go(
    world: World, sign_in: SignIn, page: StatusPage, api: str
) -> None:
    """With both times it is resolved, counts for that hour, and nobody is sent a message unless it stays ticked."""
    world.clock.now += 10 * HOUR
    now = to_datetime(world.clock.now)
    browser = await sign_in(world.alice)
    here = await browser.get(f"{PATH}/{page.id}/told/new")
    fields = here.form(f"{PATH}/{page.id}/told")["fields"] | {
        "title": "Was down",
        "message": "It is up again.",
        "status": "resolved",
        "started_at": f"{to_datetime(world.clock.now - 2 * HOUR):%Y-%m-%dT%H:%M}",
        "resolved_at": f"{to_datetime(world.clock.now - HOUR):%Y-%m-%dT%H:%M}",
        f"component_{api}": "major_outage",
    }
    del fields["tells"]
    seen = await browser.post(f"{PATH}/{page.id}/told", **fields)
    assert "The page as a whole stays operational" in seen.text
    assert "Subscribers are not told" in seen.text
    await browser.press(seen, f"{seen.path}/publish")
    (made,) = await told(world, page)
    assert made.incident.is_backdated
    assert made.incident.resolved_at == world.clock.now - now.second * 1_000 - now.microsecond // 1_000 - HOUR
    assert not made.updates[0].tells


async def test_a_template_fills_the_form(world: World, sign_in: SignIn, page: StatusPage, api: str) -> None:
    """Kept in the browser, chosen by name, and then words like any other."""
    browser = await sign_in(world.alice)
    here = await browser.get(f"{PATH}/{page.id}/templates/new")
    listed = await browser.press(
        here,
        f"{PATH}/{page.id}/templates",
        name="Database",
        title="Trouble with our database",
        message="We look into it.",
        status="identified",
        **{f"component_{api}": "partial_outage"},
    )
    assert "Database" in listed.text
    async with world.db.read() as reader:
        (kept,) = await status_templates.of_page(reader, world.as_(world.alice), page.id)
    here = await browser.get(f"{PATH}/{page.id}/told/new?template={kept.id}")
    fields = here.form(f"{PATH}/{page.id}/told")["fields"]
    assert (fields["title"], fields["message"], fields["status"], fields[f"component_{api}"]) == (
        "Trouble with our database",
        "We look into it.",
        "identified",
        "partial_outage",
    )
    href = f"{PATH}/templates/{kept.id}"
    changed = await browser.press(await browser.get(href), href, name="Our database")
    assert "Our database" in changed.text
    gone = await browser.press(await browser.get(href), f"{href}/delete")
    assert "No template yet" in gone.text


async def test_only_what_was_looked_at_is_published(
    world: World, sign_in: SignIn, page: StatusPage, api: str
) -> None:
    """Words that somebody else changed meanwhile are shown first, and published by a second look."""
    async with world.db.transaction(world.as_(world.alice)) as tx:
        made = await status_incidents.create(tx, page.id, title="Maybe", message="We think.", is_draft=True)
    browser, draft = await sign_in(world.alice), made.updates[0].id
    seen = await browser.get(f"{PATH}/{page.id}/told")
    async with world.db.transaction(world.as_(world.alice)) as tx:
        await status_updates.change(tx, draft, message="db-3 burns.")
    again = await browser.press(seen, f"{PATH}/drafts/{draft}/publish")
    assert "It was changed after you looked at it" in again.text
    assert "db-3 burns." in again.text
    assert (await told(world, page))[0].incident.published_at is None
    async with world.db.transaction(world.as_(world.alice)) as tx:
        await status_incidents.change(tx, made.incident.id, title="Fire")
    again = await browser.press(again, f"{PATH}/drafts/{draft}/publish")
    assert (await told(world, page))[0].incident.published_at is None
    await browser.press(again, f"{PATH}/drafts/{draft}/publish")
    assert (await told(world, page))[0].incident.title == "Fire"
    assert (await told(world, page))[0].incident.published_at is not None


async def test_a_draft_that_is_thrown_away_leaves_nothing(
    world: World, sign_in: SignIn, page: StatusPage, api: str
) -> None:
    """With its only draft an incident that customers never heard of is gone, too."""
    async with world.db.transaction(world.as_(world.alice)) as tx:
        made = await status_incidents.create(tx, page.id, title="Maybe", message="We think.", is_draft=True)
    browser = await sign_in(world.alice)
    here = await browser.get(f"{PATH}/{page.id}/told")
    assert "Waits for approval" in here.text
    left = await browser.press(here, f"{PATH}/drafts/{made.updates[0].id}/drop")
    assert "Customers never saw it" in left.text
    assert "Waits for approval" not in left.text
    assert await told(world, page) == []


async def test_a_postmortem_waits_until_somebody_publishes_it(
    world: World, sign_in: SignIn, page: StatusPage, api: str
) -> None:
    """Begun with the team's own, saved as a draft, published, taken off again."""
    await world.fires("Disk full", severity="critical")
    incident = await world.incident(1)
    async with world.db.transaction(world.as_(world.alice)) as tx:
        await postmortems.write(tx, incident.id, body="It was db-3.")
        made = await status_incidents.create(
            tx, page.id, title="Down", message="We look.", internal_incident_id=incident.id
        )
    browser, href = await sign_in(world.alice), f"{PATH}/told/{made.incident.id}"
    here = await browser.press(await browser.get(href), f"{href}/take-over-postmortem")
    assert here.form(f"{href}/postmortem")["fields"]["postmortem"].strip() == "It was db-3."

    async def public() -> str:
        return (await told(world, page))[0].incident.postmortem

    assert await public() == ""
    await browser.press(here, f"{href}/postmortem", postmortem="It was a disk.", act="save")
    assert await public() == ""
    here = await browser.press(here, f"{href}/postmortem", postmortem="It was a disk.", act="publish")
    assert await public() == "It was a disk."
    await browser.press(here, f"{href}/withdraw-postmortem")
    assert await public() == ""


async def test_what_is_wrong_is_said_beside_its_field(
    world: World, sign_in: SignIn, page: StatusPage, api: str
) -> None:
    """Nothing typed is lost, and nothing is made."""
    browser = await sign_in(world.alice)
    action = f"{PATH}/{page.id}/told"
    for typed, words in [
        ({"title": "Down", "message": ""}, "Customers need some words."),
        ({"title": " ", "message": "We look."}, "The title needs 1 to 255 printable characters."),
        ({"title": "Down", "message": "m", "resolved_at": "2026-01-05T08:00"}, "say when it began"),
        ({"title": "Down", "message": "m", "started_at": "soon"}, "Give a date and a time"),
        ({"title": "Down", "message": "m", "status": "odd"}, "Choose one of the list."),
    ]:
        refused = await browser.post(action, **typed)
        assert (refused.status, words in refused.text) == (422, True), (typed, refused.text)
        assert refused.form(action)["fields"]["message"].strip() == typed["message"]
    assert await told(world, page) == []


@pytest.mark.parametrize(
    ("act", "field"), [("resolve", "message"), ("postmortem", "postmortem"), ("edit", "message")]
)
async def test_words_that_are_too_long_stay_in_their_field(
    world: World, sign_in: SignIn, page: StatusPage, act: str, field: str
) -> None:
    """Last words, a postmortem and a correction that are refused stand in their form again, and nothing is changed."""
    async with world.db.transaction(world.as_(world.alice)) as tx:
        made = await status_incidents.create(tx, page.id, title="Slow", message="We look.")
    href = f"{PATH}/told/{made.incident.id}"
    action = f"{PATH}/updates/{made.updates[0].id}" if act == "edit" else f"{href}/{act}"
    browser, typed = await sign_in(world.alice), "Long words. " * 20_000
    refused = await browser.post(action, **{field: typed})
    assert (refused.status, refused.path) == (422, action)
    assert refused.form(action)["fields"][field].strip() == typed.strip()
    (one,) = await told(world, page)
    assert (one.incident.resolved_at, one.incident.postmortem_draft) == (None, "")
    assert [each.message for each in one.updates] == ["We look."]


async def test_who_may_only_look_is_offered_nothing(
    world: World, sign_in: SignIn, page: StatusPage, api: str
) -> None:
    """A viewer reads what is told and its drafts; there is no form, and none that would be taken."""
    async with world.db.transaction(world.as_(world.alice)) as tx:
        made = await status_incidents.create(tx, page.id, title="Slow", message="We look.")
        await teams.put_member(tx, world.core.id, world.charlie.id, Role.VIEWER)
    browser = await sign_in(world.charlie)
    for path in (f"{PATH}/{page.id}/told", f"{PATH}/told/{made.incident.id}"):
        here = await browser.get(path)
        assert here.status == 200
        assert [each["action"] for each in here.forms if PATH in each["action"]] == []
    refused: Any = await browser.post(f"{PATH}/told/{made.incident.id}/resolve", message="Ha")
    assert refused.status == 403
