"""The page on which admins see how every channel is, and try it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx2
import pytest

from openalert.app import OpenAlert
from openalert.config import Config, Server, Smtp
from openalert.domain.breaker import OPENS_AFTER
from openalert.domain.user import User
from openalert.notifiers.failover import Failover
from openalert.notifiers.notifier import Message, NotifierError, Reason, Receipt
from openalert.storage import channel_troubles
from openalert.storage.channel_troubles import ChannelTrouble
from openalert.usecases import channel_states, signin
from tests.cast import Post, World, level
from tests.web.ui.browser import Browser
from tests.web.ui.conftest import SECRET

pytestmark = pytest.mark.anyio
SignIn = Callable[[User], Awaitable[Browser]]
PATH = "/settings/channels"
API = "/api/v1/channels/states"
CONFIG = Config(
    server=Server(base_url="http://127.0.0.1:8080"),
    smtp=Smtp(host="mail.example.org", sender="alerts@example.org"),
)
BAD = NotifierError(Reason.AUTH_FAILED, "535 5.7.8 Bad credentials.", permanent=True)


class Refusing(Post):
    """A provider that does not know us."""

    async def probe(self) -> str:
        """Says so."""
        raise BAD


@asynccontextmanager
async def opened(world: World, app: OpenAlert) -> AsyncIterator[Browser]:
    """Alice's browser in front of this application."""
    async with world.db.transaction() as tx:
        token = await signin.open_session(tx, world.alice.id, address="", user_agent="")
    transport = httpx2.ASGITransport(app=app.asgi, client=("127.0.0.1", 5000))
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
        client.cookies.set(app.access.cookie, token)
        yield Browser(client)


def _no_such_mailbox(message: Message) -> Receipt:
    raise NotifierError(Reason.REJECTED_RECIPIENT, "550 no such mailbox", permanent=True)


async def test_every_channel_says_how_it_is_and_what_to_set(world: World, sign_in: SignIn) -> None:
    """What is not set up is named with its settings; a member is refused."""
    page = await (await sign_in(world.alice)).get(PATH)
    assert "Set smtp.host and smtp.from in openalert.toml" in page.text
    assert "docs/channels/sms.md" in page.text
    assert page.text.count("Not set up") == 6
    assert "Ready Webhook" in page.text
    assert (await (await sign_in(world.bob)).get(PATH)).status == 403


async def test_the_last_success_and_failure_are_told_in_the_words_of_the_provider(world: World) -> None:
    """What was accepted and what failed of the organization's messages, from the rows, so also after a restart."""
    async with opened(world, OpenAlert(CONFIG, world.db, SECRET)) as browser:
        assert "nothing was accepted yet" in (await browser.get(PATH)).text
        await world.policy(level(1, world.alice))
        await world.fires("DiskFull")
        world.email.behave = _no_such_mailbox
        await world.fires("Other")
        text = (await browser.get(PATH)).text
    assert "last accepted" in text
    assert "550 no such mailbox" in text


async def test_a_provider_in_trouble_is_shown_and_a_probe_tells_what_it_says(world: World) -> None:
    """An open breaker and refused credentials stand on the page; a probe asks both and is recorded."""
    app = OpenAlert(CONFIG, world.db, SECRET, {"email": Failover([Refusing("email"), Post("email")])})
    line = app.engine.deliver.lines.line("email", 1)
    for _ in range(OPENS_AFTER):
        line.note(NotifierError(Reason.PROVIDER_FAILED, "421 Try later."), world.clock())
    async with world.db.transaction() as tx:
        for number in (0, 1):
            await channel_troubles.begin(
                tx, ChannelTrouble(channel="email", provider=number, address="", since=1, detail="535 Bad")
            )
    async with opened(world, app) as browser:
        page = await browser.get(PATH)
        assert "2 providers" in page.text
        assert "It has refused our credentials since" in page.text
        assert "is left alone, but for one try each 15 s: 421 Try later." in page.text
        assert "Broken E-mail" in page.text
        asked = await browser.post(f"{PATH}/probe", channel="email")
        assert "First provider: 535 5.7.8 Bad credentials." in asked.text
        assert "Second provider: A test post." in asked.text
        assert (await browser.post(f"{PATH}/probe", channel="pigeon")).status == 404
        assert (
            "asked the provider of E-mail whether it knows us" in (await browser.get("/settings/audit")).text
        )
    async with world.db.read() as reader:
        assert [each.provider for each in await channel_troubles.all_of_them(reader)] == [0]


async def test_a_test_goes_to_my_own_verified_method(world: World) -> None:
    """And where I have none of the channel, I am told."""
    async with opened(world, OpenAlert(CONFIG, world.db, SECRET)) as browser:
        sent = await browser.post(f"{PATH}/test", channel="email")
        assert "A test message is on its way to" in sent.text
        missing = await browser.post(f"{PATH}/test", channel="sms")
        assert "None of your own contact methods is" in missing.text


async def test_the_api_says_the_same(world: World) -> None:
    """One provider of two rests: troubled. Both refuse us: broken. Addresses that rest are counted, and not named."""
    app = OpenAlert(CONFIG, world.db, SECRET, {"email": Failover([Post("email"), Post("email")])})
    for _ in range(OPENS_AFTER):
        app.engine.deliver.lines.line("email", 1).note(
            NotifierError(Reason.PROVIDER_FAILED, "421 Try later."), world.clock()
        )
        app.engine.deliver.lines.line("webhook", 0, "https://dead.example").note(
            NotifierError(Reason.TIMEOUT, "no answer"), world.clock()
        )
    async with opened(world, app) as browser:
        found = {each["channel"]: each for each in (await browser.client.get(API)).json()["items"]}
        assert list(found) == list(channel_states.NAMES)
        mail = found["email"]
        assert (mail["state"], mail["missing"], mail["name"]) == ("troubled", None, "E-mail")
        assert [each["breaker"] for each in mail["providers"]] == ["closed", "open"]
        assert mail["providers"][1]["said"] == "421 Try later."
        assert found["sms"]["state"] == "off"
        assert "twilio.account_sid" in found["sms"]["missing"]
        webhook = found["webhook"]
        assert (webhook["state"], webhook["providers"], webhook["restingAddresses"]) == ("troubled", [], 1)
        assert "dead.example" not in str(found)
        async with world.db.transaction() as tx:
            for number in (0, 1):
                await channel_troubles.begin(
                    tx,
                    ChannelTrouble(channel="email", provider=number, address="", since=1, detail="535 Bad"),
                )
        mail = (await browser.client.get(API)).json()["items"][0]
        assert (mail["state"], mail["providers"][0]["refusal"]) == ("broken", "535 Bad")
