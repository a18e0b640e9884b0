"""An organization's own words in messages."""

import pytest

from openalert.domain.errors import Forbidden, Invalid
from openalert.domain.instant import MINUTE
from openalert.domain.message_kind import MessageKind
from openalert.domain.notification import NotificationKind
from openalert.domain.severity import Severity
from openalert.notifiers import letter
from openalert.notifiers.notifier import Message
from openalert.usecases import incidents, notification_rules, test_pages, words
from tests.cast import World, level

pytestmark = pytest.mark.anyio


async def test_messages_say_it_in_the_words_of_the_organization(world: World) -> None:
    """From the moment of saving a mail calls the incident as its owner wrote; the number and how bad it is stay."""
    await world.does(words.save, {"email": "{{ labels.alertname | upper }} in {{ service.name }}"})
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull")
    page = world.mailbox(world.alice).got("DiskFull")
    assert letter.subject(page) == "[#1] MEDIUM: DISKFULL in Database"


async def test_other_ways_keep_their_words(world: World) -> None:
    """Words for text messages change no mail; an empty template gives back the usual ones."""
    await world.does(words.save, {"sms": "{{ service.name }} is down"})
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull")
    page = world.mailbox(world.alice).got("DiskFull")
    assert page.incident is not None
    assert page.incident.words == ""
    assert await world.does(words.save, {"sms": ""}) == 1
    async with world.db.read() as reader:
        assert await words.of_mine(reader, world.as_(world.alice)) == {}


async def test_a_template_that_fills_in_nothing_leaves_the_title(world: World) -> None:
    """A label that an alert lacks makes no nameless page."""
    await world.does(words.save, {"email": "{{ labels.nothing }}"})
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull")
    assert "DiskFull" in letter.subject(world.mailbox(world.alice).got("DiskFull"))


async def test_only_admins_choose_words_and_mistakes_are_named(world: World) -> None:
    """A member may not; what cannot be read is refused for its way, and nothing of the same form is kept."""
    with pytest.raises(Forbidden):
        await world.does(words.save, {"email": "x"}, by=world.bob)
    with pytest.raises(Invalid) as refusal:
        await world.does(words.save, {"sms": "fine", "email": "{{ incident.password }}"})
    assert refusal.value.details["field"] == "email"
    async with world.db.read() as reader:
        assert await words.of_mine(reader, world.as_(world.alice)) == {}


async def writes(world: World, kind: MessageKind, text: str) -> None:
    """Alice chooses these words for mails of this kind."""
    await world.does(words.save, {"email": text}, kind)


def said(message: Message) -> str:
    """What the mail calls its incident."""
    assert message.incident is not None
    return message.incident.words


async def test_a_reminder_and_news_say_it_otherwise_than_the_page(world: World) -> None:
    """The first page, its repeat, a further round and what became of it each have the words of their kind."""
    await writes(world, MessageKind.PAGE, "{{ incident.title }} began {{ incident.age }} ago")
    await writes(world, MessageKind.REMINDER, "STILL {{ incident.title }} after {{ incident.age }}")
    await writes(world, MessageKind.NEWS, "{{ headline | upper }} ({{ incident.title }})")
    await world.policy(level(1, world.bob), repeats=1, repeat_minutes=30)
    await world.does(
        notification_rules.set_preferences,
        world.bob.id,
        by=world.bob,
        min_severity=Severity.INFO,
        repeat_every=5 * MINUTE,
        repeat_most=1,
        handoffs=True,
    )
    await world.fires("DiskFull")
    assert said(world.mailbox(world.bob).got("DiskFull")) == "DiskFull began 0 s ago"
    await world.advance(minutes=6)
    assert said(world.mailbox(world.bob).got("DiskFull")).startswith("STILL DiskFull after ")
    await world.advance(minutes=33)
    assert said(world.mailbox(world.bob).got("DiskFull")).startswith("STILL DiskFull after 3"), (
        "a further round is a reminder too"
    )
    await world.does(incidents.acknowledge, (await world.incident()).id)
    assert (
        said(world.mailbox(world.bob).got_update("Acknowledged by Alice"))
        == "ACKNOWLEDGED BY ALICE (DiskFull)"
    )


async def test_kinds_without_words_take_those_above_them(world: World) -> None:
    """What was written for everything holds for pages and news until one of them gets its own."""
    await writes(world, MessageKind.ANY, "about {{ incident.title }}")
    await writes(world, MessageKind.NEWS, "news of {{ incident.title }}")
    await world.policy(level(1, world.bob))
    await world.fires("DiskFull")
    assert said(world.mailbox(world.bob).got("DiskFull")) == "about DiskFull"
    await world.does(incidents.resolve, (await world.incident()).id)
    assert said(world.mailbox(world.bob).got_update("Resolved")) == "news of DiskFull"


async def test_an_owner_hears_in_own_words_that_nobody_answered(world: World) -> None:
    """The notice keeps its headline and its number; the title gives way to what was chosen for notices."""
    await writes(world, MessageKind.NOTICE, "{{ service.name }} waits: {{ headline }}")
    await world.policy(level(1, world.bob))
    await world.fires("DiskFull")
    await world.advance(minutes=60)
    notice = world.mailbox(world.alice).got("DiskFull", NotificationKind.NOTICE)
    assert letter.subject(notice) == "[#1] MEDIUM, nobody acknowledged: Database waits: Nobody acknowledged"


async def test_a_test_page_says_it_in_own_words_and_stays_answerable(world: World) -> None:
    """The headline is the organization's; that nothing is wrong, and the button, are ours."""
    await writes(world, MessageKind.TEST, "Probe of {{ organization.name }} for {{ recipient.name }}")
    await world.does(test_pages.to_user, world.bob.id, by=world.bob)
    await world.engine.run_until_idle()
    probe = world.mailbox(world.bob).got("Probe of", NotificationKind.TEST)
    assert letter.subject(probe) == f"Probe of {probe.organization} for Bob"
    assert probe.body.startswith("This is a test, nothing is wrong.")
    assert [action.label for action in probe.actions] == ["I got it"]


async def test_words_of_before_the_kinds_still_hold(world: World) -> None:
    """A row that the upgrade carried over is of the kind `any`, and is what pages and news say."""
    async with world.db.transaction() as tx:
        await tx.execute(
            "INSERT INTO message_templates (organization_id, channel, kind, text, updated_at) "
            "VALUES (:organization, 'email', 'any', 'old {{ incident.title }}', 0)",
            organization=world.alice.organization_id,
        )
    await world.policy(level(1, world.bob))
    await world.fires("DiskFull")
    assert said(world.mailbox(world.bob).got("DiskFull")) == "old DiskFull"
