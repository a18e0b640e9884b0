"""From an alert to a telephone with Telegram and back: the whole way, by polling, with nothing of ours in between."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from openalert.domain.access import SYSTEM, Role
from openalert.domain.incident import IncidentStatus
from openalert.domain.instant import MINUTE
from openalert.domain.user import User
from openalert.engine.engine import Engine
from openalert.engine.telegram_updates import TelegramUpdates
from openalert.notifiers.http import OutgoingSettings
from openalert.notifiers.telegram import TelegramNotifier
from openalert.notifiers.telegram_api import TelegramBot, TelegramSettings
from openalert.storage import channels, contact_methods
from openalert.usecases import chat_codes, test_pages
from openalert.usecases import contact_methods as methods
from openalert.usecases.telegram import KIND, Update
from tests import make
from tests.cast import LINKS_BACK, World, level
from tests.fakes.telegram import TOKEN, FakeTelegram, Shown

pytestmark = pytest.mark.anyio

ALICE, BOB, STRANGER = 1001, 1002, 9999
GROUP = -1001234567890


class Talk:
    """A world whose people have Telegram."""

    def __init__(self, world: World, telegram: FakeTelegram, updates: TelegramUpdates) -> None:
        self.world, self.telegram, self.updates = world, telegram, updates
        self.offset: int | None = None

    async def hear(self) -> None:
        """The server asks Telegram what happened, and does it."""
        self.offset = await self.updates.poll(self.offset)
        await self.world.engine.run_until_idle()

    async def connect(self, user: User, account: int) -> None:
        """The person connects the account."""
        code = await self.world.does(chat_codes.make, user.id, kind=KIND, by=user)
        self.telegram.write(f"/start {code}", account)
        await self.hear()

    async def status(self) -> IncidentStatus:
        return (await self.world.incident()).status

    async def press(self, message: Shown, label: str, account: int) -> str:
        """Somebody presses; what they are told."""
        self.telegram.press(message, label, account)
        await self.hear()
        return self.telegram.toasts[-1][1]

    async def write(self, text: str, account: int, **where: Any) -> str:
        """Somebody writes; what the bot answers."""
        self.telegram.write(text, account, **where)
        await self.hear()
        return self.telegram.last(where.get("chat", account)).text


@pytest.fixture
async def telegram() -> AsyncIterator[FakeTelegram]:
    """Telegram."""
    async with FakeTelegram() as fake:
        yield fake
        assert fake.problems == []


@pytest.fixture
async def talk(world: World, telegram: FakeTelegram) -> AsyncIterator[Talk]:
    """Alice is connected; the policy calls her, then Bob."""
    settings, outgoing = TelegramSettings(bot_token=TOKEN, base_url=telegram.base_url), OutgoingSettings()
    notifier = TelegramNotifier(settings, outgoing)
    world.engine = Engine(
        world.db, {"email": world.email, "webhook": world.webhook, "telegram": notifier}, LINKS_BACK
    )
    await world.engine.begin()
    bot = TelegramBot(settings, outgoing)
    made = Talk(world, telegram, TelegramUpdates(world.db, bot, LINKS_BACK.base_url))
    await made.connect(world.alice, ALICE)
    yield made
    await notifier.close()
    await bot.close()


async def fires(talk: Talk) -> Shown:
    """An incident pages Alice; her page."""
    await talk.world.policy(level(1, talk.world.alice), level(2, talk.world.bob, minutes=5))
    await talk.world.fires("DiskFull")
    return talk.telegram.last(ALICE)


async def test_a_page_arrives_and_a_button_takes_it(talk: Talk) -> None:
    """The press acknowledges as Alice, says so, and her message then offers what is left to do."""
    page = await fires(talk)
    assert "CRITICAL #1" in page.text or "#1" in page.text
    said = await talk.press(page, "Acknowledge", ALICE)
    assert said == "#1 is yours. Nobody else is paged."
    assert await talk.status() == "acknowledged"
    assert any("Telegram" in sentence and "Alice" in sentence for sentence in await talk.world.story())
    assert page.changes == 1
    assert "Acknowledge" not in page.labels
    assert "Resolve" in page.labels
    assert await talk.press(page, "Resolve", ALICE) == "#1 is resolved."
    assert await talk.status() == "resolved"
    assert page.labels == ["Open"]


@pytest.mark.parametrize("label", ["Acknowledge", "Resolve", "Snooze", "Escalate", "Hand on"])
async def test_every_verb_has_its_button(talk: Talk, label: str) -> None:
    """Each does something and says what."""
    page = await fires(talk)
    assert "#1" in await talk.press(page, label, ALICE)
    story = " ".join(await talk.world.story())
    assert "Telegram" in story


async def test_pressing_twice_is_told_and_changes_nothing(talk: Talk) -> None:
    """A second thumb on the old message is late, and hears by whom and when."""
    page = await fires(talk)
    data = page.buttons[0][0]["callback_data"]
    await talk.press(page, "Acknowledge", ALICE)
    talk.telegram.press(page, "Acknowledge", ALICE, data=data)
    await talk.hear()
    assert talk.telegram.toasts[-1][1].startswith("#1 was acknowledged by you at")


async def test_an_update_that_comes_again_does_nothing_again(talk: Talk) -> None:
    """The server died before it confirmed: the next one is told the same, and has done it already."""
    page = await fires(talk)
    talk.telegram.press(page, "Escalate", ALICE)
    await talk.updates.poll(talk.offset)
    await talk.updates.poll(talk.offset)
    await talk.world.engine.run_until_idle()
    assert [entry.data["level"] for entry in await talk.world.entries("escalated")] == [1, 2]
    assert len(talk.telegram.toasts) == 1
    told = [sentence for sentence in await talk.world.story() if sentence.endswith("by Telegram")]
    assert told == ["Alice escalated to the next level by Telegram"]
    await talk.hear()
    assert talk.telegram.unseen == 1
    await talk.hear()
    assert talk.telegram.unseen == 0


async def test_words_answer_too(talk: Talk) -> None:
    """A digit and the number of the page, a word, a reply to the page; what is not understood gets help."""
    page = await fires(talk)
    assert "1 acknowledges" in await talk.write("hm?", ALICE)
    assert "#1 is yours" in await talk.write("1", ALICE)
    talk.telegram.write("resolve", ALICE, reply_to_message={"message_id": page.id})
    await talk.hear()
    assert await talk.status() == "resolved"


async def test_a_stranger_learns_how_to_connect_and_changes_nothing(talk: Talk) -> None:
    """An account that is nobody's may press what it got hold of, and write what it likes."""
    page = await fires(talk)
    data = page.buttons[0][0]["callback_data"]
    talk.telegram.press(page, "", STRANGER, data=data, chat=ALICE)
    await talk.hear()
    assert "is not connected" in talk.telegram.toasts[-1][1]
    assert "I do not know you yet" in await talk.write("1", STRANGER)
    assert await talk.status() == "triggered"


@pytest.mark.parametrize("data", ["", "a", "a0199e000-0000-7000-8000-000000000009", "x" * 64, "a" + "0" * 36])
async def test_a_button_that_is_none_of_ours(talk: Talk, data: str) -> None:
    """A client may send whatever it likes: it is told so, and nothing happens."""
    page = await fires(talk)
    talk.telegram.press(page, "", ALICE, data=data)
    await talk.hear()
    assert talk.telegram.toasts[-1][1] in (
        "This button is not known here any more.",
        "There is no such message.",
    )
    assert await talk.status() == "triggered"


async def test_a_button_of_somebody_elses_chat(talk: Talk) -> None:
    """Charlie, who has no right there, sends Alice's button from his own chat: the message did not go there."""
    page = await fires(talk)
    await talk.connect(talk.world.charlie, STRANGER)
    talk.telegram.press(page, "", STRANGER, data=page.buttons[0][0]["callback_data"], chat=STRANGER)
    await talk.hear()
    assert talk.telegram.toasts[-1][1] == "There is no such message."
    assert await talk.status() == "triggered"


async def test_who_was_switched_off_or_removed_the_account_answers_no_more(talk: Talk) -> None:
    """The right to answer ends with the account here, and with the connection (promise NO-9)."""
    page = await fires(talk)
    async with talk.world.db.transaction() as tx:
        await tx.execute("UPDATE users SET is_active = :no WHERE id = :id", no=False, id=talk.world.alice.id)
    assert "is not connected" in await talk.press(page, "Acknowledge", ALICE)
    async with talk.world.db.transaction() as tx:
        await tx.execute("UPDATE users SET is_active = :yes WHERE id = :id", yes=True, id=talk.world.alice.id)
        await tx.execute("DELETE FROM contact_methods WHERE type = 'telegram'")
    assert "is not connected" in await talk.press(page, "Acknowledge", ALICE)
    assert await talk.status() == "triggered"


async def test_a_group_is_paged_and_answered_by_whoever_may(talk: Talk) -> None:
    """In a group the one who presses acts, with their own rights: Bob may, Charlie may not, a stranger is nobody."""
    world = talk.world
    talk.telegram.chats.add(GROUP)
    ops = await make.channel(world.db, world.core, "telegram", chat=str(GROUP))
    await world.policy(level(1, ops))
    await talk.connect(world.charlie, STRANGER)
    await talk.connect(world.bob, BOB)
    await world.fires("DiskFull")
    page = talk.telegram.last(GROUP)
    assert page.labels[:2] == ["Acknowledge", "Resolve"]
    assert "is not connected" in await talk.press(page, "Acknowledge", 5555)
    refused = await talk.press(page, "Acknowledge", STRANGER)
    assert "yours" not in refused
    assert await talk.status() == "triggered"
    assert "yours" in await talk.press(page, "Acknowledge", BOB)
    assert "Acknowledged by Bob" in page.text
    assert "Resolve" in page.labels
    assert "Acknowledged by Bob" in talk.telegram.last(GROUP).text


async def test_an_answer_in_a_group_gives_no_rights(talk: Talk) -> None:
    """Who answers the page of a group in words has their own rights too: it paged the group, not them."""
    world = talk.world
    talk.telegram.chats.add(GROUP)
    ops = await make.channel(world.db, world.core, "telegram", chat=str(GROUP))
    await world.policy(level(1, ops))
    await talk.connect(world.charlie, STRANGER)
    await talk.connect(world.bob, BOB)
    await world.fires("DiskFull")
    page = {"message_id": talk.telegram.last(GROUP).id}
    refused = await talk.write("/ack", STRANGER, chat=GROUP, reply_to_message=page)
    assert "#1" not in refused
    assert "DiskFull" not in refused
    assert await talk.status() == "triggered"
    await talk.write("/ack", BOB, chat=GROUP, reply_to_message=page)
    assert (await world.incident()).acknowledged_by_id == world.bob.id


async def test_in_a_group_only_commands_are_meant_for_the_bot(talk: Talk) -> None:
    """People talk in groups; `/id` says what a channel's address is."""
    before = len(talk.telegram.shown)
    talk.telegram.write("1", ALICE, chat=GROUP)
    await talk.hear()
    assert len(talk.telegram.shown) == before
    assert str(GROUP) in await talk.write("/id@openalert_test_bot", ALICE, chat=GROUP)
    page = await fires(talk)
    assert "yours" in await talk.write("/ack@openalert_test_bot", ALICE, chat=GROUP)
    assert page.changes == 1


async def test_a_channel_follows_its_group_when_that_becomes_a_supergroup(talk: Talk) -> None:
    """Telegram tells the new id; the channel writes there, and the change stands in the audit log."""
    world = talk.world
    talk.telegram.chats.add(-100200)
    ops = await make.channel(world.db, world.core, "telegram", chat="-100200")
    talk.telegram.upgrade(-100200, GROUP)
    await talk.hear()
    async with world.db.read() as reader:
        found = await channels.get(reader, SYSTEM, ops.id)
    assert found is not None
    assert found.config == {"chat": str(GROUP)}
    assert await world.value("SELECT count(*) FROM audit_log WHERE act = 'channel.updated'") == 1


async def test_a_code_connects_once_and_for_ten_minutes(talk: Talk) -> None:
    """Used up, expired, replaced or made up: it connects nothing, and says so."""
    world = talk.world
    code = await world.does(chat_codes.make, world.bob.id, kind=KIND, by=world.bob)
    newer = await world.does(chat_codes.make, world.bob.id, kind=KIND, by=world.bob)
    assert "used up" in await talk.write(f"/start {code}", BOB)
    typed = " ".join(newer[at : at + 4] for at in range(0, 12, 4)).lower()
    assert "Connected: what Bob is to know comes here" in await talk.write(typed, BOB)
    assert "used up" in await talk.write(newer, STRANGER)
    late = await world.does(chat_codes.make, world.bob.id, kind=KIND, by=world.bob)
    await world.advance(minutes=10)
    assert "used up" in await talk.write(late, STRANGER)
    async with world.db.read() as reader:
        mine = await contact_methods.of_user(reader, world.bob.id)
        assert await contact_methods.by_address(reader, KIND, str(STRANGER)) == []
    assert [(each.address, each.label) for each in mine if each.type == KIND] == [
        (str(BOB), f"@account{BOB}")
    ]


async def test_a_code_in_a_group_connects_nothing(talk: Talk) -> None:
    """The address would be the group, where everybody reads."""
    world = talk.world
    code = await world.does(chat_codes.make, world.bob.id, kind=KIND, by=world.bob)
    talk.telegram.write(f"/start {code}", BOB, chat=GROUP)
    await talk.hear()
    async with world.db.read() as reader:
        mine = await contact_methods.of_user(reader, world.bob.id)
    assert [each.type for each in mine] == ["email"]


async def test_a_bot_that_was_blocked_fails_for_good(talk: Talk) -> None:
    """Telegram's own words stand in the timeline."""
    talk.telegram.blocked.add(ALICE)
    await talk.world.policy(level(1, talk.world.alice))
    await talk.world.fires("DiskFull")
    assert "bot was blocked by the user" in " ".join(await talk.world.story())


async def test_a_test_message_arrives(talk: Talk) -> None:
    """Sent from my page, by this way alone."""
    alice = talk.world.alice
    async with talk.world.db.read() as reader:
        (mine,) = [each for each in await contact_methods.of_user(reader, alice.id) if each.type == KIND]
    await talk.world.does(methods.send_test, alice.id, mine.id, by=alice)
    assert "Test message" in talk.telegram.last(ALICE).text


async def test_two_organizations_share_one_bot(talk: Talk) -> None:
    """One account may be somebody in both; a button counts for the organization of its message."""
    world = talk.world
    other = await make.organization(world.db, "Other")
    twin = await make.user(world.db, other, "Twin", Role.OWNER)
    await make.contact_method(world.db, twin, KIND, str(ALICE))
    page = await fires(talk)
    assert "yours" in await talk.press(page, "Acknowledge", ALICE)
    assert (await world.incident()).acknowledged_by_id == world.alice.id
    assert "connected to several people" in await talk.write("2", ALICE)


def test_updates_of_other_kinds_are_read_too() -> None:
    """What Telegram adds tomorrow must not stop the bot."""
    update = msgspec.json.decode(b'{"update_id": 1, "poll": {}, "new": [1]}', type=Update)
    assert (update.message, update.callback_query) == (None, None)


async def test_a_test_page_is_answered_by_its_button(talk: Talk) -> None:
    """It proves the way, twice is harmless, and it says that it worked."""
    await talk.connect(talk.world.bob, BOB)
    talk.world.clock.advance(MINUTE)
    await talk.world.does(test_pages.to_user, talk.world.alice.id, by=talk.world.alice)
    await talk.world.engine.run_until_idle()
    page = talk.telegram.last(ALICE)
    proven = "SELECT last_proven_at FROM contact_methods WHERE type = 'telegram' AND address = '1001'"
    talk.world.clock.advance(MINUTE)
    assert await talk.press(page, "I got it", ALICE) == "Thank you. This way works."
    assert await talk.press(page, "I got it", ALICE) == "Thank you. This way works."
    assert await talk.world.value(proven) == talk.world.clock()
