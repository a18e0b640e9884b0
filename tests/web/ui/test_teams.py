"""Pages of teams, with their members."""

from collections.abc import Awaitable, Callable

import pytest

from openalert.domain.access import Role
from openalert.domain.user import User
from openalert.engine import drills
from openalert.web import matrix
from tests import make
from tests.cast import World, level
from tests.web.ui.browser import Browser

pytestmark = pytest.mark.anyio
SignIn = Callable[[User], Awaitable[Browser]]
HOSTILE = "<b onmouseover=alert(1)>x</b>"


async def test_a_team_is_made_described_and_deleted(world: World, sign_in: SignIn) -> None:
    """By plain forms; hostile text is text; a team that owns something stays, and says why."""
    browser = await sign_in(world.alice)
    page = await browser.press(await browser.get("/teams"), "/teams", name=HOSTILE, description=HOSTILE)
    assert HOSTILE in page.text
    assert HOSTILE not in page.html
    page = await browser.press(page, page.path, name="Web", description="The shop")
    assert "The shop" in page.text
    assert (await browser.post(f"{page.path}/delete")).path == "/teams"
    await make.service(world.db, world.core)
    page = await browser.post(f"/teams/{world.core.id}/delete")
    assert "The team still has 1 service;" in page.text


async def test_what_is_wrong_with_a_new_team_is_said_beside_its_field(world: World, sign_in: SignIn) -> None:
    """The name is missing; the description that was typed is kept."""
    page = await (await sign_in(world.alice)).post("/teams", name=" ", description="The shop")
    assert page.status == 422
    assert "The name needs 1 to 120 printable characters." in page.text
    assert page.form("/teams")["fields"]["description"] == "The shop"


async def test_members_come_change_and_go(world: World, sign_in: SignIn) -> None:
    """Charlie joins, becomes an admin, leaves again."""
    browser = await sign_in(world.alice)
    path = f"/teams/{world.core.id}"
    page = await browser.post(f"{path}/members", user_id=world.charlie.id, role="member")
    assert "Charlie is in the team now." in page.text
    page = await browser.post(f"{path}/members/{world.charlie.id}", role="admin")
    assert "Charlie has the role admin now." in page.text
    page = await browser.post(f"{path}/members/{world.charlie.id}", role="admin", act="remove")
    assert "Charlie is out of the team." in page.text


async def test_an_admin_of_the_team_is_not_offered_what_only_owners_may(
    world: World, sign_in: SignIn
) -> None:
    """No owner among the roles to give, no button to delete; posting it all the same is refused."""
    await make.member(world.db, world.core, world.charlie, Role.ADMIN)
    browser = await sign_in(world.charlie)
    path = f"/teams/{world.core.id}"
    page = await browser.get(path)
    assert 'value="owner"' not in page.html
    assert f"{path}/delete" not in [form["action"] for form in page.forms]
    page = await browser.post(f"{path}/members/{world.bob.id}", role="owner")
    assert "This needs an owner of the team" in page.text
    assert "Choose one of the roles." in (await browser.post(f"{path}/members/{world.bob.id}", role="x")).text


async def test_members_see_their_team_and_strangers_do_not(world: World, sign_in: SignIn) -> None:
    """Bob finds two forms, for a test page and to leave; Charlie finds nothing."""
    path = f"/teams/{world.core.id}"
    page = await (await sign_in(world.bob)).get(path)
    assert [form["action"] for form in page.forms if form["action"].startswith(path)] == [
        f"{path}/test-page",
        f"{path}/members/{world.bob.id}",
    ]
    browser = await sign_in(world.charlie)
    assert (await browser.get(path)).status == 404
    assert "You are in no team yet" in (await browser.get("/teams")).text


async def test_who_counts_is_asked_about_once_more(world: World, sign_in: SignIn) -> None:
    """Taking out somebody whom a policy names says so and offers to do it anyway."""
    await make.policy(world.db, world.core, level(1, world.bob))
    browser = await sign_in(world.alice)
    path = f"/teams/{world.core.id}/members/{world.bob.id}"
    page = await browser.post(path, act="remove")
    assert "The team still counts on them: the escalation policy" in page.text
    page = await browser.post(path, act="remove", anyway="yes")
    assert "Bob is out of the team." in page.text


async def test_the_roles_are_a_page_drawn_from_the_matrix(world: World, sign_in: SignIn) -> None:
    """Every act stands there, with the reader's own roles above; a stranger signs in first."""
    browser = await sign_in(world.bob)
    page = await browser.get("/roles")
    assert "member of Core" in page.text
    for section in matrix.sections():
        for act in section.acts:
            assert (act.words in page.text) == (act.needs != "anyone"), act.words


async def test_fire_drills_are_switched_on_and_their_ends_are_shown(world: World, sign_in: SignIn) -> None:
    """Members look, admins choose; planned and skipped ones stand there with the reason."""
    path = f"/teams/{world.core.id}"
    browser = await sign_in(world.alice)
    assert "A test page that comes by itself" in (await browser.get(path)).text
    page = await browser.post(f"{path}/drills", drills="hourly")
    assert "Choose one of them." in page.text
    page = await browser.post(f"{path}/drills", drills="weekly")
    assert "The first ones are being planned." in page.text
    await drills.run_due(world.db)
    async with world.db.transaction() as tx:
        await tx.execute(
            "UPDATE drills SET reason = 'the person wanted quiet', state = 'skipped', due_at = NULL"
        )
    page = await (await sign_in(world.bob)).get(path)
    assert "the person wanted quiet" in page.text
    assert f'action="{path}/drills"' not in page.html
