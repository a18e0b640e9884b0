"""A team's channels, on its page."""

from collections.abc import Awaitable, Callable

import pytest

from openalert.domain.notification import NotificationKind
from openalert.domain.user import User
from tests import make
from tests.cast import World
from tests.web.ui.browser import Browser

pytestmark = pytest.mark.anyio
SignIn = Callable[[User], Awaitable[Browser]]


async def test_the_secret_of_a_webhook_is_shown_once(world: World, sign_in: SignIn) -> None:
    """After making it, and never again."""
    browser = await sign_in(world.alice)
    path = f"/teams/{world.core.id}"
    page = await browser.post(
        f"{path}/channels", type="webhook", channel_name="Chat", address="https://chat.example.org/x"
    )
    assert "Copy the signing secret now." in page.text
    assert "whsec_" in page.text
    again = await browser.get(path)
    assert "https://chat.example.org/x" in again.text
    assert "whsec_" not in again.html


async def test_a_channel_is_tested_switched_off_and_removed(world: World, sign_in: SignIn) -> None:
    """A member sends the test; an admin does the rest."""
    channel = await make.channel(world.db, world.core, "email", "Ops", address="ops@example.org")
    browser = await sign_in(world.bob)
    page = await browser.press(await browser.get(f"/teams/{world.core.id}"), f"/channels/{channel.id}/test")
    assert "A test message is on its way." in page.text
    await world.advance(seconds=1)
    assert [each.kind for each in world.email.received] == [NotificationKind.TEST]
    assert "This needs an admin or owner" in (await browser.post(f"/channels/{channel.id}/delete")).text
    browser = await sign_in(world.alice)
    assert "Ops is switched off." in (await browser.post(f"/channels/{channel.id}/disable")).text
    assert "Ops gets messages again." in (await browser.post(f"/channels/{channel.id}/enable")).text
    assert "No channel." in (await browser.post(f"/channels/{channel.id}/delete")).text
    assert (await browser.post(f"/channels/{channel.id}/test")).status == 404


async def test_a_wrong_address_is_refused_beside_its_field(world: World, sign_in: SignIn) -> None:
    """For both kinds, with what was typed still there."""
    browser = await sign_in(world.alice)
    path = f"/teams/{world.core.id}/channels"
    page = await browser.post(path, type="webhook", channel_name="Chat", address="ftp://x")
    assert page.status == 422
    assert "The address must be an address that begins with https://" in page.text
    assert page.form(path)["fields"]["channel_name"] == "Chat"
    page = await browser.post(path, type="email", channel_name="Ops", address="nobody")
    assert "That is not an e-mail address." in page.text
