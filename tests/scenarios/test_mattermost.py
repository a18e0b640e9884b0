"""From an alert to Mattermost and back: the whole way, by the callback that Mattermost posts to."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import msgspec
import pytest

from openalert.app import OpenAlert
from openalert.config import Config, Mattermost, Server
from openalert.domain.instant import MINUTE
from openalert.domain.notification import NotificationKind
from openalert.engine.engine import Engine
from openalert.notifiers.http import OutgoingSettings
from openalert.notifiers.mattermost import PATH, MattermostNotifier, signature
from openalert.notifiers.mattermost_api import MattermostSettings
from openalert.notifiers.notifier import Link, NotifierError, Reason
from openalert.storage import contact_methods
from openalert.usecases import mattermost, test_pages
from tests import make
from tests.cast import LINKS_BACK, World, level
from tests.fakes.mattermost import TOKEN, FakeMattermost
from tests.notifiers import messages
from tests.notifiers.messages import NOW

pytestmark = pytest.mark.anyio

ALICE, BOB, STRANGER = "alicealicealicealicealicea", "bobbobbobbobbobbobbobbobbo", "x" * 26
CHANNEL = "opsopsopsopsopsopsopsopsop"


class Talk:
    """A world whose people have Mattermost."""

    def __init__(self, world: World, server: FakeMattermost, app: OpenAlert) -> None:
        self.world, self.server, self.app = world, server, app

    async def post(self, pressed: dict[str, Any]) -> httpx2.Response:
        """Mattermost, or somebody else, posts this; then the engine runs."""
        transport = httpx2.ASGITransport(app=self.app.asgi, client=("192.0.2.7", 443))
        async with httpx2.AsyncClient(transport=transport, base_url=LINKS_BACK.base_url) as client:
            answer = await client.post(PATH, json=pressed)
        await self.world.engine.run_until_idle()
        return answer

    async def press(self, post: dict[str, Any], name: str, user_id: str) -> str:
        """Somebody presses; what they alone are told."""
        answer = await self.post(self.server.press(post, name, user_id))
        assert answer.status_code == 200
        return str(answer.json()["ephemeral_text"])


@pytest.fixture
async def server() -> AsyncIterator[FakeMattermost]:
    """Mattermost; a request that it would refuse for its form fails the test."""
    async with FakeMattermost() as fake:
        fake.accounts = {"alice@example.org": ALICE, "bob": BOB}
        fake.channels.add(CHANNEL)
        yield fake
        assert fake.problems == []


@pytest.fixture
async def notifier(server: FakeMattermost) -> AsyncIterator[MattermostNotifier]:
    """The notifier."""
    settings = MattermostSettings(url=server.base_url, bot_token=TOKEN)
    made = MattermostNotifier(settings, OutgoingSettings(deadline=30), base_url=LINKS_BACK.base_url)
    yield made
    await made.close()


@pytest.fixture
async def talk(world: World, server: FakeMattermost, notifier: MattermostNotifier) -> AsyncIterator[Talk]:
    """Alice is connected, by pressing the button that the bot sent her."""
    world.engine = Engine(
        world.db, {"email": world.email, "webhook": world.webhook, "mattermost": notifier}, LINKS_BACK
    )
    await world.engine.begin()
    config = Config(
        server=Server(base_url=LINKS_BACK.base_url),
        mattermost=Mattermost(url=server.base_url, bot_token=TOKEN),
    )
    made = Talk(world, server, OpenAlert(config, world.db, LINKS_BACK.secret))
    await mattermost.ask(world.db, notifier, world.as_(world.alice), "")
    assert "Connected" in await made.press(server.posts[-1], "It is me", ALICE)
    yield made
    assert made.app.mattermost is not None
    await made.app.mattermost.close()


async def fires(talk: Talk) -> dict[str, Any]:
    """An incident pages Alice; her page."""
    await talk.world.policy(level(1, talk.world.alice), level(2, talk.world.bob, minutes=5))
    await talk.world.fires("DiskFull")
    return talk.server.posts[-1]


@pytest.mark.parametrize("name", ["Acknowledge", "Resolve", "Snooze", "Escalate", "Hand on"])
async def test_every_verb_has_its_button(talk: Talk, name: str) -> None:
    """A press acts as Alice and is told; pressed again by the same trigger nothing happens."""
    page = await fires(talk)
    assert page["channel_id"] == "dm" + ALICE[2:]
    pressed = talk.server.press(page, name, ALICE)
    assert "#1" in (await talk.post(pressed)).json()["ephemeral_text"]
    assert (await talk.post(pressed)).json()["ephemeral_text"] == "This was done already."
    told = [each for each in await talk.world.story() if each.endswith("by Mattermost") and "Alice" in each]
    assert len(told) == 1


async def test_the_post_changes_with_the_news(talk: Talk) -> None:
    """Whoever acted has their post changed; what is left to do stays a button."""
    page = await fires(talk)
    await talk.press(page, "Acknowledge", ALICE)
    assert page["edits"] == 1
    assert list(talk.server.buttons(page)) == ["Resolve", "Snooze"]
    await talk.press(page, "Resolve", ALICE)
    assert (await talk.world.incident()).status == "resolved"
    assert talk.server.buttons(page) == {}


async def test_a_channel_is_answered_by_whoever_may(talk: Talk) -> None:
    """The one who presses acts, with their own rights; news stands in the thread of the page."""
    world, server = talk.world, talk.server
    ops = await make.channel(world.db, world.core, "mattermost", channel=CHANNEL)
    await make.contact_method(world.db, world.charlie, "mattermost", STRANGER)
    await make.contact_method(world.db, world.bob, "mattermost", BOB)
    await world.policy(level(1, ops))
    await world.fires("DiskFull")
    page = server.posts[-1]
    assert page["channel_id"] == CHANNEL
    assert "is not connected" in await talk.press(page, "Acknowledge", "y" * 26)
    assert "yours" not in await talk.press(page, "Acknowledge", STRANGER)
    assert (await world.incident()).status == "triggered"
    assert "yours" in await talk.press(page, "Acknowledge", BOB)
    assert "Acknowledged by Bob" in server.words(page)
    assert server.posts[-1]["root_id"] == page["id"]


@pytest.mark.parametrize(
    "change",
    [
        {"context": {"data": "a" + "0" * 36, "signature": ""}},
        {"context": {"data": "a" + "0" * 36, "signature": signature("another token", "a" + "0" * 36)}},
        {"context": {"data": "a" + "0" * 36, "signature": signature("", "a" + "0" * 36)}},
        {"context": {}},
        {"context": None},
    ],
)
async def test_without_our_signature_nothing_is_believed(talk: Talk, change: dict[str, Any]) -> None:
    """Whoever it says it is: only Mattermost knows what our buttons carry."""
    page = await fires(talk)
    answer = await talk.post(talk.server.press(page, "Acknowledge", ALICE) | change)
    assert (answer.status_code, answer.json()["code"]) == (403, "BAD_SIGNATURE")
    assert (await talk.world.incident()).status == "triggered"


@pytest.mark.parametrize("body", [b'{"x":' + b"[" * 200_000, b"[" * 200_000, b"", b"\xff\xfe", b"null"])
async def test_what_is_no_press_is_refused_like_a_forgery(talk: Talk, body: bytes) -> None:
    """Anybody may post here: too deep, empty or no text at all is a refusal, never a fault of ours."""
    transport = httpx2.ASGITransport(app=talk.app.asgi, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url=LINKS_BACK.base_url) as client:
        answer = await client.post(PATH, content=body)
    assert (answer.status_code, answer.json()["code"]) == (403, "BAD_SIGNATURE")


async def test_only_the_account_that_was_asked_connects(talk: Talk, notifier: MattermostNotifier) -> None:
    """A question by user name; a press by another account uses it up and connects nothing."""
    world, server = talk.world, talk.server
    assert await mattermost.ask(world.db, notifier, world.as_(world.bob), "@bob") == "@somebody"
    question = server.posts[-1]
    assert "was not put to you" in await talk.press(question, "It is me", STRANGER)
    assert "older than ten minutes" in await talk.press(question, "It is me", BOB)
    async with world.db.read() as reader:
        assert [each.type for each in await contact_methods.of_user(reader, world.bob.id)] == ["email"]


async def test_my_page_asks_and_says_what_mattermost_says(talk: Talk) -> None:
    """The button on the page; an account that is not there is told in Mattermost's own words."""
    world = talk.world
    with pytest.raises(Exception, match="Unable to find an existing account"):
        notifier: Any = talk.app.mattermost
        await mattermost.ask(world.db, notifier, world.as_(world.bob), "")


@pytest.mark.parametrize("kind", [NotificationKind.UPDATE, NotificationKind.FOLLOW])
async def test_silent_news_only_changes_the_post(
    server: FakeMattermost, notifier: MattermostNotifier, kind: NotificationKind
) -> None:
    """Whoever acted has their post changed, and nothing is written anew: not even where the post is gone."""
    first = (await notifier.send(messages.page(to=ALICE), NOW)).provider_id
    news = messages.resolved(to=ALICE, kind=kind, replaces=first, is_silent=True)
    for _ in range(2):
        assert (await notifier.send(news, NOW)).provider_id == first
    assert [(post["edits"], server.buttons(post)) for post in server.posts] == [(2, {})]
    for gone in (f"{first.partition(':')[0]}:{'n' * 26}", ""):
        with pytest.raises(NotifierError) as failure:
            await notifier.send(msgspec.structs.replace(news, replaces=gone), NOW)
        assert failure.value.permanent
    assert len(server.posts) == 1


@pytest.mark.parametrize("kind", list(NotificationKind))
async def test_every_kind_of_message_arrives(
    server: FakeMattermost, notifier: MattermostNotifier, kind: NotificationKind
) -> None:
    """With an incident and without one, hostile or long."""
    text = "@all ![x](https://evil.example) **b** " + "é" * 3_000
    incident = messages.incident(
        title=text,
        description=text,
        labels={f"{n}": text for n in range(20)},
        links=[Link(label=text, href="https://wiki.example.com/" + "x" * 900) for _ in range(9)],
    )
    for message in (
        messages.page(to=ALICE, kind=kind, headline="@here it is", incident=incident, bundle=[text] * 20),
        messages.proof(to=ALICE, kind=kind),
    ):
        await notifier.send(message, NOW)
    assert "#42" in server.words(server.posts[0])
    assert "Test page from OpenAlert" in server.words(server.posts[1])


@pytest.mark.parametrize(
    ("status", "content", "reason", "permanent"),
    [
        (400, b'{"message": "Invalid"}', Reason.REFUSED, True),
        (401, b'{"message": "Invalid or expired session"}', Reason.AUTH_FAILED, True),
        (403, b'{"message": "no permission"}', Reason.REJECTED_RECIPIENT, True),
        (404, b'{"message": "no channel"}', Reason.REJECTED_RECIPIENT, True),
        (404, b"<html>", Reason.BAD_RESPONSE, False),
        (429, b"limit exceeded", Reason.RATE_LIMITED, False),
        (500, b'{"message": "oops"}', Reason.PROVIDER_FAILED, False),
        (502, b"<html>", Reason.PROVIDER_FAILED, False),
        (302, b"", Reason.BAD_RESPONSE, False),
    ],
)
async def test_what_refusals_mean(
    server: FakeMattermost,
    notifier: MattermostNotifier,
    status: int,
    content: bytes,
    reason: Reason,
    permanent: bool,
) -> None:
    """The documented table of docs/channels/mattermost.md; the token is in no word of it."""
    server.answer(status, {"X-Ratelimit-Reset": "7"}, content)
    with pytest.raises(NotifierError) as failure:
        await notifier.send(messages.page(to=ALICE), NOW)
    assert (failure.value.reason, failure.value.permanent) == (reason, permanent)
    assert TOKEN not in str(failure.value)


async def test_a_test_page_is_answered_by_its_button(talk: Talk) -> None:
    """Whoever it was sent to proves the way; a colleague who presses it changes nothing."""
    talk.world.clock.advance(MINUTE)
    await talk.world.does(test_pages.to_user, talk.world.alice.id, by=talk.world.alice)
    await talk.world.engine.run_until_idle()
    page = talk.server.posts[-1]
    await make.contact_method(talk.world.db, talk.world.bob, "mattermost", BOB)
    talk.world.clock.advance(MINUTE)
    proven = f"SELECT last_proven_at FROM contact_methods WHERE address = '{ALICE}'"
    before = await talk.world.value(proven)
    assert (
        await talk.press(page, "I got it", BOB) == "This test page is for somebody else; nothing was changed."
    )
    assert await talk.world.value(proven) == before
    assert await talk.press(page, "I got it", ALICE) == "Thank you. This way works."
    assert await talk.world.value(proven) == talk.world.clock()
