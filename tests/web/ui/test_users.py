"""Pages of people."""

import re
from collections.abc import Awaitable, Callable

import pytest

from openalert.domain.access import Role
from openalert.domain.user import User
from openalert.storage import users
from openalert.usecases import passwords
from tests import make
from tests.web.ui.browser import Browser, Page
from tests.world import World

pytestmark = pytest.mark.anyio
SignIn = Callable[[User], Awaitable[Browser]]
PASSWORD = re.compile(r"\b[0-9a-f]{6}(?:-[0-9a-f]{6}){3}\b")


async def _stored(world: World, address: str) -> User:
    async with world.db.read() as reader:
        found = await users.by_email_key(reader, address)
    assert found is not None
    return found


def _shown(page: Page) -> str:
    found = PASSWORD.search(page.text)
    assert found is not None
    return found[0]


async def test_somebody_is_added_with_a_password_that_is_shown_once(world: World, sign_in: SignIn) -> None:
    """It opens the door, and the next look at the page does not tell it."""
    browser = await sign_in(world.alice)
    page = await browser.press(
        await browser.get("/users"), "/users", name="<i>Dora</i>", email="dora@example.org", role="member"
    )
    assert "<i>Dora</i>" in page.text
    user = await _stored(world, "dora@example.org")
    assert await passwords.verify(user.password_hash, _shown(page))
    assert PASSWORD.search((await browser.get(page.path)).text) is None


async def test_a_known_address_is_refused_beside_its_field(world: World, sign_in: SignIn) -> None:
    """The form keeps the name."""
    page = await (await sign_in(world.alice)).post(
        "/users", name="Bobby", email="BOB@example.org", role="member"
    )
    assert page.status == 422
    assert "Somebody with this e-mail address exists already." in page.text
    assert page.form("/users")["fields"]["name"] == "Bobby"


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


async def test_a_forgotten_password_is_replaced(world: World, sign_in: SignIn) -> None:
    """The new one is shown once and works."""
    browser = await sign_in(world.alice)
    page = await browser.post(f"/users/{world.bob.id}/password")
    assert await passwords.verify((await _stored(world, "bob@example.org")).password_hash, _shown(page))
    assert (await browser.post(f"/users/{world.alice.id}/password")).path == "/me"


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
    assert "Eve" not in (await browser.get("/users")).text
