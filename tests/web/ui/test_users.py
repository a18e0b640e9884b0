"""Pages of people."""

import re
from collections.abc import Awaitable, Callable

import pytest

from openalert.domain.access import Role
from openalert.domain.instant import MINUTE
from openalert.domain.user import User
from openalert.storage import users
from openalert.usecases import passwords, signin
from tests import make
from tests.cast import World
from tests.web.ui.browser import Browser, Page

pytestmark = pytest.mark.anyio
SignIn = Callable[[User], Awaitable[Browser]]
LINK = re.compile(r" http://127\.0\.0\.1:8080(/(?:invitation|reset)/\S+)")


async def _stored(world: World, address: str) -> User:
    async with world.db.read() as reader:
        found = await users.by_email_key(reader, address)
    assert found is not None
    return found


def _link(page: Page) -> str:
    """The path of the link that this page shows."""
    found = LINK.search(page.text)
    assert found is not None, page.text
    return found[1]


async def test_somebody_is_invited_by_a_link_that_is_shown_once(world: World, sign_in: SignIn) -> None:
    """Without a mail server; whoever holds the link joins, and the next look at the page does not tell it."""
    browser = await sign_in(world.alice)
    page = await browser.press(await browser.get("/users"), "/users", email="dora@example.org", role="viewer")
    path = _link(page)
    assert "Give this link to dora@example.org now." in page.text
    page = await browser.get("/users")
    assert LINK.search(page.text) is None
    assert "dora@example.org" in page.text
    [admins] = [value for name, value in browser.client.cookies.items() if "session" in name]
    browser.client.cookies.clear()
    browser.client.cookies.set("openalert_session", admins, domain="127.0.0.1", path="/")
    joining = await browser.get(path)
    assert "Join Acme" in joining.text
    page = await browser.press(joining, path, name="<i>Dora</i>", password="short")
    assert "Use at least 12 characters" in page.text
    assert page.form(path)["fields"]["name"] == "<i>Dora</i>"
    page = await browser.press(joining, path, name="<i>Dora</i>", password="four unrelated words")
    assert page.path == "/me"
    assert "<i>Dora</i>" in page.text
    assert (await _stored(world, "dora@example.org")).role is Role.VIEWER
    assert (await browser.get(path)).status == 404
    async with world.db.read() as reader:
        assert await signin.find_session(reader, admins) is None, "whoever sat here before is signed out"


async def test_an_invitation_is_sent_again_and_withdrawn(world: World, sign_in: SignIn) -> None:
    """A new link instead of the one before, then none at all."""
    browser = await sign_in(world.alice)
    page = await browser.post("/users", email="dora@example.org", role="member", team_id=world.core.id)
    first = _link(page)
    resend = next(form["action"] for form in page.forms if form["action"].endswith("/resend"))
    world.clock.advance(MINUTE)
    page = await browser.post(resend)
    second = _link(page)
    assert (await browser.get(first)).status == 404
    assert (await browser.get(second)).status == 200
    page = await browser.post(resend.replace("resend", "withdraw"))
    assert "dora@example.org opens nothing any more" in page.text
    assert (await browser.get(second)).status == 404
    assert (await browser.post(resend.replace("resend", "open"))).status == 404


async def test_a_known_address_is_refused_beside_its_field(world: World, sign_in: SignIn) -> None:
    """The form keeps what was chosen."""
    page = await (await sign_in(world.alice)).post(
        "/users", email="BOB@example.org", role="viewer", team_id=world.core.id
    )
    assert page.status == 422
    assert "Somebody with this e-mail address exists already." in page.text
    assert page.form("/users")["fields"] == {
        "email": "BOB@example.org",
        "role": "viewer",
        "team_id": world.core.id,
    }


async def test_a_person_is_changed_switched_off_and_back_on(world: World, sign_in: SignIn) -> None:
    """Role and name; off means signed out; on again."""
    browser = await sign_in(world.alice)
    path = f"/users/{world.bob.id}"
    page = await browser.press(await browser.get(path), path, name="Robert", role="admin")
    assert "Robert" in page.text
    assert (await _stored(world, "bob@example.org")).role is Role.ADMIN
    assert "switched off" in (await browser.post(f"{path}/deactivate")).text
    assert not (await _stored(world, "bob@example.org")).is_active
    assert "Robert is back." in (await browser.post(f"{path}/activate")).text


async def test_a_colleague_gets_a_link_to_a_new_password(world: World, sign_in: SignIn) -> None:
    """It is shown once, sets the password once, and nobody makes one for themselves."""
    browser = await sign_in(world.alice)
    path = _link(await browser.post(f"/users/{world.bob.id}/password"))
    assert LINK.search((await browser.get(f"/users/{world.bob.id}")).text) is None
    asked = await browser.get(path)
    assert "bob@example.org" in asked.text
    page = await browser.press(asked, path, password="bob@example.org")
    assert "Do not make the password out of your name or address." in page.text
    await browser.press(asked, path, password="four unrelated words")
    bob = await _stored(world, "bob@example.org")
    assert await passwords.verify(bob.password_hash, "four unrelated words")
    assert (await browser.get(path)).status == 404


async def test_an_admin_ends_the_sessions_of_a_colleague(world: World, sign_in: SignIn) -> None:
    """The page lists them by words, and ends them all."""
    async with world.db.transaction() as tx:
        token = await signin.open_session(
            tx, world.bob.id, address="10.0.0.9", user_agent="Mozilla/5.0 (X11; Linux) Firefox/130.0"
        )
    browser = await sign_in(world.alice)
    page = await browser.get(f"/users/{world.bob.id}")
    assert "Firefox on Linux" in page.text
    assert signin.token_hash(token) not in page.html
    page = await browser.press(page, f"/users/{world.bob.id}/sessions/end")
    assert "Signed out everywhere." in page.text
    async with world.db.read() as reader:
        assert await signin.find_session(reader, token) is None


async def test_owners_say_who_needs_a_second_factor(world: World, sign_in: SignIn) -> None:
    """Not without one of their own, and only they see the form."""
    browser = await sign_in(world.alice)
    page = await browser.press(await browser.get("/users"), "/users/second-factor", rule="everyone")
    assert "Set up your own second factor first" in page.text
    page = await browser.press(page, "/users/second-factor", rule="optional")
    assert "Everybody decides about a second factor themselves." in page.text
    page = await (await sign_in(world.bob)).get("/users")
    assert [form["action"] for form in page.forms if "users" in form["action"]] == []


async def test_the_last_owner_stays(world: World, sign_in: SignIn) -> None:
    """Nobody can lock everybody out; the sentence says what to do first."""
    page = await (await sign_in(world.alice)).post(f"/users/{world.alice.id}/deactivate")
    assert page.path == "/me"
    assert "last owner" in page.text


async def test_members_see_names_and_shifts_and_nothing_to_press(world: World, sign_in: SignIn) -> None:
    """No contact methods, no forms; the acts are refused too, and an admin cannot touch an owner."""
    browser = await sign_in(world.bob)
    page = await browser.get(f"/users/{world.alice.id}")
    assert "alice@example.org" in page.text
    assert "Reached by" not in page.text
    assert [form["action"] for form in page.forms if form["action"].startswith("/users")] == []
    for verb in ("deactivate", "password"):
        assert "This needs an admin or owner" in (await browser.post(f"/users/{world.alice.id}/{verb}")).text
    assert (await browser.post("/users", name="X", email="x@example.org", role="member")).status == 403
    admin = await make.user(world.db, world.cast.organization, "Dan", Role.ADMIN)
    page = await (await sign_in(admin)).post(f"/users/{world.alice.id}/password")
    assert "only an owner can change that" in page.text


async def test_people_of_other_organizations_are_not_there(world: World, sign_in: SignIn) -> None:
    """As if the id had been invented."""
    other = await make.organization(world.db, "Other")
    eve = await make.user(world.db, other, "Eve")
    browser = await sign_in(world.alice)
    assert (await browser.get(f"/users/{eve.id}")).status == 404
    assert "eve@example.org" not in (await browser.get("/users")).text
