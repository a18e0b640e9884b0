"""Pages of services."""

from collections.abc import Awaitable, Callable

import pytest

from openalert.domain.user import User
from openalert.usecases import services
from tests import make
from tests.cast import World
from tests.make import level
from tests.web.ui.browser import Browser

pytestmark = pytest.mark.anyio
SignIn = Callable[[User], Awaitable[Browser]]
HOSTILE = '<img src=x onerror="alert(1)">'


async def test_an_empty_list_says_what_a_service_is_and_leads_to_the_first(
    world: World, sign_in: SignIn
) -> None:
    """Nobody has to guess the next step."""
    browser = await sign_in(world.alice)
    page = await browser.get("/services")
    assert "No service yet" in page.text
    assert page.links["New service"] == "/services/new"


async def test_a_service_is_made_shown_changed_and_deleted(world: World, sign_in: SignIn) -> None:
    """The whole life of a service by plain forms, hostile text shown as text."""
    browser = await sign_in(world.alice)
    policy = await make.policy(world.db, world.core, level(1, world.alice))
    page = await browser.press(
        await browser.get("/services/new"), "/services", name=HOSTILE, team_id=world.core.id,
        escalation_policy_id=policy.id, runbook_url="https://wiki.example.org/shop", description="Sells",
    )  # fmt: skip
    assert "The service is there." in page.text
    assert HOSTILE in page.text
    assert "<img src=x" not in page.html
    assert "Level 1 · at once A Alice" in page.text
    page = await browser.press(
        await browser.get(page.path + "/edit"), page.path, name="Shop", escalation_policy_id=""
    )
    assert "Shop" in page.text
    assert "Nobody." in page.text
    page = await browser.post(page.path + "/delete")
    assert page.path == "/services"
    assert "No service yet" in page.text


async def test_a_wrong_runbook_is_said_beside_its_field_and_nothing_typed_is_lost(
    world: World, sign_in: SignIn
) -> None:
    """A link that nobody may follow is refused in the words of the form, which keeps the rest."""
    browser = await sign_in(world.alice)
    page = await browser.post(
        "/services",
        name="Shop",
        team_id=world.core.id,
        runbook_url="javascript:alert(1)",
        description="Sells",
    )
    assert page.status == 422
    assert "The runbook must be an address that begins with https://" in page.text
    assert page.form("/services")["fields"]["name"] == "Shop"
    assert page.form("/services")["fields"]["description"] == "Sells"


async def test_the_list_says_what_is_broken_and_what_can_wake_nobody(world: World, sign_in: SignIn) -> None:
    """An open incident, a service without a policy and one to which nothing is connected all show."""
    browser = await sign_in(world.alice)
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull")
    await make.service(world.db, world.core, None, "Bare")
    page = await browser.get("/services")
    assert "1 open incident" in page.text
    assert "No escalation policy: only the owners get mail." in page.text


async def test_members_see_and_do_not_change(world: World, sign_in: SignIn) -> None:
    """Bob finds no button to edit, and the forms refuse him all the same."""
    policy = await make.policy(world.db, world.core, level(1, world.alice))
    service = await make.service(world.db, world.core, policy)
    browser = await sign_in(world.bob)
    page = await browser.get(f"/services/{service.id}")
    assert page.status == 200
    assert "Edit" not in page.links
    assert not [form for form in page.forms if form["action"].endswith("/integrations")]
    page = await browser.post(f"/services/{service.id}", name="Mine")
    assert page.status == 403
    assert "This needs an admin or owner of the team" in page.text
    async with world.db.read() as reader:
        kept = await services.get(reader, make.actor(world.alice, world.core), service.id)
    assert kept.name == "Database"


async def test_strangers_find_nothing(world: World, sign_in: SignIn) -> None:
    """Charlie, in no team, gets the same answer as for an invented id."""
    service = await make.service(world.db, world.core)
    browser = await sign_in(world.charlie)
    for path in (f"/services/{service.id}", f"/services/{service.id}/edit", "/services/unknown"):
        assert (await browser.get(path)).status == 404
    assert "Database" not in (await browser.get("/services")).text


async def test_a_service_is_given_to_another_team(world: World, sign_in: SignIn) -> None:
    """From its form, which offers the other teams that one leads; without another there is nothing to offer."""
    service = await make.service(world.db, world.core)
    browser = await sign_in(world.alice)
    edit, move = f"/services/{service.id}/edit", f"/services/{service.id}/move"
    assert move not in [form["action"] for form in (await browser.get(edit)).forms]
    ops = await make.team(world.db, world.cast.organization, "Ops")
    assert move in [form["action"] for form in (await browser.get(edit)).forms]
    page = await browser.post(move, team_id=ops.id)
    assert "belongs to Ops now, with its integrations and open incidents." in page.text


async def test_a_channel_follows_from_the_page_of_the_service(world: World, sign_in: SignIn) -> None:
    """Chosen, told what it hears, and let go again; without a channel the page says where to make one."""
    alice = await sign_in(world.alice)
    service = await make.service(world.db, world.core)
    page = await alice.get(f"/services/{service.id}")
    assert "Add a channel on the page of the" in page.text
    channel = await make.channel(world.db, world.core, "webhook", "Ops room", url="https://ops.example/hook")
    page = await alice.post(
        f"/services/{service.id}/followers", channel_id=channel.id, min_severity="high", event="resolved"
    )
    assert "Ops room hears of what happens here" in page.text
    assert "From high on: resolved" in page.text
    page = await alice.post(f"/services/{service.id}/followers/{channel.id}/delete")
    assert "No channel follows this service." in page.text
