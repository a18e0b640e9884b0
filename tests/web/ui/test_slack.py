"""Slack on the pages: connecting one's account, and how the connection of the server stands."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from openalert.app import OpenAlert
from openalert.config import Config, Server
from openalert.config.sections import Slack
from openalert.domain.user import User
from openalert.storage.database import Database
from openalert.usecases import contact_methods
from tests import make
from tests.cast import World
from tests.fakes.slack import APP, BOT, SECRET, FakeSlack, Member
from tests.fakes.slack_forms import pressed
from tests.web.ui.browser import Browser

pytestmark = pytest.mark.anyio
SignIn = Callable[[User], Awaitable[Browser]]
ALICE = "U0ALICE0001"


@pytest.fixture
async def workspace() -> AsyncIterator[FakeSlack]:
    """A workspace that knows nobody of ours yet."""
    async with FakeSlack() as fake:
        yield fake


@pytest.fixture
def openalert(sqlite_db: Database, workspace: FakeSlack, tmp_path: Path) -> OpenAlert:
    """Connected to the workspace by Socket Mode, which is not running."""
    section = Slack(bot_token=BOT, app_token=APP, signing_secret=SECRET, base_url=workspace.base_url)
    config = Config(server=Server(data_dir=str(tmp_path)), slack=section)
    return OpenAlert(config, sqlite_db, b"a secret of thirty-two characters")


async def test_connecting_from_my_page(
    world: World, openalert: OpenAlert, sign_in: SignIn, workspace: FakeSlack
) -> None:
    """Slack does not know the address: the page says what to enter. Then the account says that it is me."""
    browser = await sign_in(world.alice)
    page = await browser.press(await browser.get("/me"), "/me/contact-methods/slack")
    assert f"Slack knows nobody with {world.alice.email}" in page.text
    page = await browser.press(page, "/me/contact-methods/slack", member="alice")
    assert "A Slack member ID begins with U or W" in page.text
    workspace.people[ALICE] = Member(ALICE, "alice@elsewhere.example")
    page = await browser.press(page, "/me/contact-methods/slack", member=f" {ALICE.lower()} ")
    assert "Look into Slack" in page.text
    await openalert.engine.run_until_idle()
    (question,) = workspace.direct(ALICE).messages
    assert openalert.slack is not None
    button = question.buttons()["It is me"]
    payload = pressed(button, member=ALICE, channel=question.channel, ts=question.ts)
    await openalert.slack.received("interactive", payload)
    await openalert.slack.settled()
    async with world.db.read() as reader:
        methods = await contact_methods.of_user(reader, make.actor(world.alice), world.alice.id)
    assert [(each.address, each.verified_at) for each in methods if each.type == "slack"] == [
        (ALICE, world.clock())
    ]
    assert "Connect Slack" not in (await browser.get("/me")).text


async def test_slack_is_out_of_order(world: World, sign_in: SignIn, workspace: FakeSlack) -> None:
    """Whoever wants to connect reads Slack's own word for it."""
    workspace.answers["users.lookupByEmail"].append({"ok": False, "error": "token_revoked"})
    browser = await sign_in(world.alice)
    page = await browser.press(await browser.get("/me"), "/me/contact-methods/slack")
    assert "Slack answered token_revoked" in page.text


async def test_the_settings_say_how_the_connection_stands(
    world: World, openalert: OpenAlert, sign_in: SignIn
) -> None:
    """Socket Mode that is not connected is named with the reason; connected, it says that answers come in."""
    browser = await sign_in(world.alice)
    assert openalert.slack_socket is not None
    openalert.slack_socket.last_failure = "Slack answered invalid_auth: the token is wrong."
    page = await browser.get("/settings")
    assert "Answers do not come in. Slack answered invalid_auth" in page.text
    openalert.slack_socket.is_connected = True
    assert "answers come in by Socket Mode" in (await browser.get("/settings")).text
