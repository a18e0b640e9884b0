"""Settings, health and API keys."""

import re
from collections.abc import Awaitable, Callable

import httpx2
import pytest

from openalert.app import OpenAlert
from openalert.config import Config, Server, Smtp
from openalert.domain.access import Role
from openalert.domain.user import User
from openalert.notifiers.notifier import Message, NotifierError, Reason, Receipt
from openalert.usecases import api_keys, signin
from tests import make
from tests.cast import World, level
from tests.web.ui.browser import Browser
from tests.web.ui.conftest import SECRET

pytestmark = pytest.mark.anyio
SignIn = Callable[[User], Awaitable[Browser]]
KEY = re.compile(r"oak_[0-9a-f-]{36}_[0-9a-f]{64}")


async def test_each_part_says_how_it_is_and_what_to_do(
    world: World, openalert: OpenAlert, sign_in: SignIn
) -> None:
    """Without a mail server nothing leaves: that is named, with the options to set."""
    browser = await sign_in(world.alice)
    await openalert.engine.begin()
    health = openalert.engine.health
    assert health.last_write is not None
    health.last_tick += 60  # however long a busy machine takes from here on
    health.last_write += 60
    page = await browser.get("/settings")
    assert "SQLite stored a row of our own less than a second ago." in page.text
    assert "Not set up, so no page leaves this server. Give smtp.host and smtp.from" in page.text
    assert "1 part cannot" in page.text


async def test_mail_is_proven_by_what_was_sent_and_doubted_by_what_failed(world: World) -> None:
    """A configured server is not called proven before the first message; a failure is told with its reason."""
    smtp = Smtp(host="mail.example.org", sender="alerts@example.org")
    configured = OpenAlert(
        Config(server=Server(base_url="http://127.0.0.1:8080"), smtp=smtp), world.db, SECRET
    )
    async with world.db.transaction() as tx:
        token = await signin.open_session(tx, world.alice.id, address="", user_agent="")
    transport = httpx2.ASGITransport(app=configured.asgi, client=("127.0.0.1", 5000))
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
        client.cookies.set(configured.access.cookie, token)
        browser = Browser(client)
        assert (
            "mail.example.org, from alerts@example.org. Nothing was sent yet"
            in (await browser.get("/settings")).text
        )
        await world.policy(level(1, world.alice))
        await world.fires("DiskFull")
        await world.advance(seconds=1)
        page = await browser.get("/settings")
        assert "It takes what we send." in page.text
        assert "proven" in page.text
        world.email.behave = _refuses
        await world.fires("Other")
        await world.advance(seconds=1)
        page = await browser.get("/settings")
        assert "The last message failed:" in page.text
        assert "no such mailbox" in page.text


def _refuses(message: Message) -> Receipt:
    raise NotifierError(Reason.REJECTED_RECIPIENT, "no such mailbox", permanent=True)


async def test_an_engine_that_stands_still_is_broken(
    world: World, openalert: OpenAlert, sign_in: SignIn
) -> None:
    """The page does not claim that somebody can be woken."""
    browser = await sign_in(world.alice)
    openalert.engine.health.last_tick -= 60
    page = await browser.get("/settings")
    assert re.search(r"It has not looked for due pages for 6\d s. Restart the server.", page.text)


async def test_a_key_is_shown_once_works_and_is_revoked(world: World, sign_in: SignIn) -> None:
    """Made with a role and an end, and gone at the press of its button."""
    browser = await sign_in(world.alice)
    page = await browser.press(
        await browser.get("/settings"),
        "/settings/api-keys",
        key_name="<u>CI</u>",
        key_role="viewer",
        expires_days="30",
    )
    key = KEY.search(page.text)
    assert key is not None
    assert "<u>CI</u>" in page.text
    async with world.db.read() as reader:
        found = await api_keys.find(reader, key[0])
    assert found is not None
    assert found.actor.role is Role.VIEWER
    again = await browser.get("/settings")
    assert KEY.search(again.html) is None
    revoke = next(form["action"] for form in again.forms if form["action"].endswith("/revoke"))
    assert "No key." in (await browser.post(revoke)).text
    async with world.db.read() as reader:
        assert await api_keys.find(reader, key[0]) is None


async def test_nobody_gives_a_key_more_than_they_have(world: World, sign_in: SignIn) -> None:
    """An admin is not offered the role owner, and is refused it; a member sees no keys at all."""
    admin = await make.user(world.db, world.cast.organization, "Dan", Role.ADMIN)
    browser = await sign_in(admin)
    assert 'value="owner"' not in (await browser.get("/settings")).html
    page = await browser.post("/settings/api-keys", key_name="CI", key_role="owner")
    assert page.status == 403
    assert "You cannot give more than you have" in page.text
    browser = await sign_in(world.bob)
    page = await browser.get("/settings")
    assert (
        "Admins of the organization make and revoke keys, and admins of a team those of their team."
        in page.text
    )
    assert "/settings/api-keys" not in [form["action"] for form in page.forms]
    assert (await browser.post("/settings/api-keys", key_name="CI", key_role="viewer")).status == 403


async def test_the_organization_is_renamed_by_its_owners(world: World, sign_in: SignIn) -> None:
    """An empty name is refused beside the field; a member is refused altogether."""
    browser = await sign_in(world.alice)
    assert "is called Bolt now." in (await browser.post("/settings/organization", organization="Bolt")).text
    page = await browser.post("/settings/organization", organization="")
    assert "The name needs 1 to 120 printable characters." in page.text
    browser = await sign_in(world.bob)
    page = await browser.post("/settings/organization", organization="Mine")
    assert "This needs an owner of the organization" in page.text


async def test_a_key_is_narrowed_in_the_form(world: World, sign_in: SignIn) -> None:
    """To a team and to some scopes; an admin of a team makes one for that team, and sees no others."""
    browser = await sign_in(world.alice)
    await browser.post(
        "/settings/api-keys", key_name="Reader", key_role="viewer", key_team=world.core.id, key_scope="read"
    )
    page = await browser.get("/settings")
    assert "Core only" in page.text
    await browser.post("/settings/api-keys", key_name="Everywhere", key_role="admin", key_team="")
    leader = await make.user(world.db, world.cast.organization, "Lea")
    await make.member(world.db, world.core, leader, Role.ADMIN)
    browser = await sign_in(leader)
    page = await browser.get("/settings")
    assert "Reader" in page.text
    assert "Everywhere" not in page.text
    page = await browser.press(
        page, "/settings/api-keys", key_name="Mine", key_role="admin", key_team=world.core.id
    )
    assert "The key Mine is made." in page.text
