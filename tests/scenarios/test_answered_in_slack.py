"""Somebody is paged in Slack and answers there: by a button, by a word, by a command; and others try to."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from openalert.domain.access import stranger
from openalert.domain.incident import IncidentStatus
from openalert.domain.instant import MINUTE
from openalert.domain.team import Channel
from openalert.domain.user import User
from openalert.engine.engine import Engine
from openalert.notifiers.http import OutgoingSettings
from openalert.notifiers.slack import SlackNotifier
from openalert.usecases import contact_methods, followers, incidents, test_pages
from openalert.usecases.slack import Slack
from tests import make
from tests.cast import LINKS_BACK, World, level
from tests.fakes.slack import FakeSlack, Member, Posted
from tests.fakes.slack_forms import pressed, said, typed

pytestmark = pytest.mark.anyio

CAME = stranger("192.0.2.7", "request")
ALICE, BOB, MALLORY = "U0ALICE0001", "U0BOB000001", "U0MALLORY01"


class SlackWorld:
    """A world whose people are paged in Slack too; time passes in it as in `World`."""

    def __init__(self, world: World, workspace: FakeSlack) -> None:
        self.world, self.workspace = world, workspace
        for member, user in ((ALICE, world.alice), (BOB, world.bob), (MALLORY, world.charlie)):
            workspace.people[member] = Member(member, user.email)
        notifier = SlackNotifier(workspace.settings, OutgoingSettings(deadline=30.0))
        self.slack = Slack(world.db, notifier, LINKS_BACK)
        channels = {"email": world.email, "webhook": world.webhook, "slack": notifier}
        world.engine = Engine(world.db, channels, LINKS_BACK)

    async def connect(self, user: User, member: str) -> None:
        """The account is this person's."""
        async with self.world.db.transaction(self.world.as_(user)) as tx:
            await contact_methods.link(tx, user, kind="slack", address=member, label="Slack")

    async def press(
        self,
        posted: Posted,
        label: str,
        member: str = ALICE,
        change: Callable[[dict[str, Any]], None] | None = None,
    ) -> str:
        """Press a button of a message; what the person is told for them alone, or nothing."""
        payload = pressed(
            posted.buttons()[label],
            member=member,
            channel=posted.channel,
            ts=posted.ts,
            thread=posted.thread_ts,
        )
        if change is not None:
            change(payload)
        return await self.send(self.slack.pressed(payload, CAME))

    async def send(self, work: Awaitable[None]) -> str:
        """What came in is done, shown, and told to others; what somebody alone was told, or nothing."""
        before = len(self.workspace.ephemeral)
        await work
        await self.slack.settled()
        await self.world.engine.run_until_idle()
        told = self.workspace.ephemeral[before:]
        return told[0][2] if told else ""

    async def status(self) -> IncidentStatus:
        """Of the one incident."""
        return (await self.world.incident()).status


@pytest.fixture
async def slack(world: World) -> AsyncIterator[SlackWorld]:
    """Alice is connected, Bob is not; both have mail too."""
    async with FakeSlack() as workspace:
        made = SlackWorld(world, workspace)
        await made.connect(world.alice, ALICE)
        yield made
        await made.slack.settled()
        await made.slack.notifier.close()


@pytest.fixture
async def team_channel(slack: SlackWorld) -> Channel:
    """#alerts of the team."""
    return await make.channel(slack.world.db, slack.world.core, "slack", channel="#alerts")


async def paged(slack: SlackWorld) -> Posted:
    """Alice is on level 1 and has her page; Bob is on level 2."""
    await slack.world.policy(level(1, slack.world.alice), level(2, slack.world.bob, minutes=5))
    await slack.world.fires("DiskFull")
    (posted,) = slack.workspace.direct(ALICE).messages
    return posted


async def test_acknowledged_by_a_button(slack: SlackWorld) -> None:
    """Nobody else is paged, the message says who has it, Alice alone is told, and the story says by which way."""
    page = await paged(slack)
    told = await slack.press(page, "Acknowledge")
    assert told == "#1 is yours. Nobody else is paged."
    assert await slack.status() is IncidentStatus.ACKNOWLEDGED
    assert list(page.buttons()) == ["Resolve"]
    assert "👀 Acknowledged by Alice" in page.words()
    assert any("Slack" in each for each in await slack.world.story())
    await slack.world.advance(minutes=30)
    slack.world.mailbox(slack.world.bob).is_empty()


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("Acknowledge", "#1 is yours"),
        ("Resolve", "#1 is resolved"),
        ("Escalate", "#1 goes to the next level now"),
        ("Snooze 1 h", "#1 is silent until"),
        ("Hand on", "You are out of #1"),
    ],
)
async def test_every_button_does_what_it_says(slack: SlackWorld, label: str, expected: str) -> None:
    """Each verb of the message has its effect, and is answered in a sentence."""
    assert (await slack.press(await paged(slack), label)).startswith(expected)


@pytest.mark.proves("NO-9", "F-45")
@pytest.mark.parametrize("is_restarted", [False, True], ids=["at once", "after a restart"])
async def test_the_same_press_twice_does_nothing_more(slack: SlackWorld, is_restarted: bool) -> None:
    """A recording of the request changes nothing and is not answered; pressing again is told that it was done."""
    page = await paged(slack)
    recording = Posted(page.channel, page.ts, page.text, list(page.blocks))
    await slack.press(page, "Escalate")
    before = await slack.world.story()
    if is_restarted:
        slack.slack = Slack(slack.world.db, slack.slack.notifier, LINKS_BACK)
    assert await slack.press(recording, "Escalate") == ""
    assert (await slack.press(page, "Escalate")).startswith("#1 was escalated by you")
    assert await slack.world.story() == before


async def test_too_late_says_who_was_first(slack: SlackWorld) -> None:
    """Bob had it already; Alice hears that, and when."""
    page = await paged(slack)
    old = Posted(page.channel, page.ts, page.text, list(page.blocks))
    await slack.world.does(incidents.acknowledge, (await slack.world.incident()).id, by=slack.world.bob)
    told = await slack.press(old, "Acknowledge")
    assert told == "#1 was acknowledged by Bob at 09:00. You need not do anything."
    assert "👀 Acknowledged by Bob" in page.words()


async def test_news_reaches_the_thread(slack: SlackWorld) -> None:
    """Bob resolves it elsewhere: the page in Slack changes, and its thread says so."""
    page = await paged(slack)
    await slack.world.does(incidents.resolve, (await slack.world.incident()).id, by=slack.world.bob)
    (below,) = slack.workspace.direct(ALICE).thread(page)
    assert "✅ Resolved" in below.words()
    assert page.buttons() == {}
    assert len(slack.workspace.direct(ALICE).roots()) == 1


async def test_a_channel_is_answered_with_ones_own_rights(slack: SlackWorld, team_channel: Channel) -> None:
    """A stranger learns how to connect, a person of another team gets nothing done, a member does."""
    world, room = slack.world, slack.workspace.channel("#alerts")
    await world.policy(level(1, team_channel))
    await world.fires("DiskFull")
    (page,) = room.messages
    assert "Hand on" not in page.buttons()
    assert "not connected to OpenAlert" in await slack.press(page, "Acknowledge", MALLORY)
    await slack.connect(world.charlie, MALLORY)
    refused = await slack.press(page, "Acknowledge", MALLORY, lambda p: p.update(trigger_id="another"))
    assert refused
    assert "yours" not in refused
    assert await slack.status() is IncidentStatus.TRIGGERED
    await slack.connect(world.bob, BOB)
    assert await slack.press(page, "Acknowledge", BOB) == "#1 is yours. Nobody else is paged."
    assert "👀 Acknowledged by Bob" in page.words()
    (below,) = room.thread(page)
    assert "👀 Acknowledged" in below.words()


async def test_a_channel_that_follows_has_one_message(slack: SlackWorld, team_channel: Channel) -> None:
    """It asks nobody there to act, changes as the incident does, and its thread tells what happened."""
    world, room = slack.world, slack.workspace.channel("#alerts")
    await world.policy(level(1, world.alice))
    await world.does(followers.put, world.service.id, team_channel.id)
    await world.fires("DiskFull")
    (first,) = room.messages
    assert first.buttons() == {}
    await slack.press(slack.workspace.direct(ALICE).messages[0], "Acknowledge")
    await world.resolves("DiskFull")
    assert room.roots() == [first]
    assert "✅ RESOLVED" in first.words()
    said_below = [each.words() for each in room.thread(first)]
    assert "👀 Acknowledged by Alice" in said_below[0]
    assert "✅ Resolved" in said_below[1]


async def test_a_page_of_somebody_else_gives_no_rights(slack: SlackWorld) -> None:
    """Who presses counts, not whose message it was: Charlie of another team cannot answer Alice's page."""
    await slack.connect(slack.world.charlie, MALLORY)
    page = await paged(slack)
    assert "yours" not in await slack.press(page, "Acknowledge", MALLORY)
    assert await slack.status() is IncidentStatus.TRIGGERED


@pytest.mark.proves("NO-9")
async def test_an_account_that_was_switched_off_answers_nothing(slack: SlackWorld) -> None:
    """Whoever left the company still has the old message, and nothing more."""
    page = await paged(slack)
    async with slack.world.db.transaction() as tx:
        await tx.execute("UPDATE users SET is_active = :no WHERE id = :id", no=False, id=slack.world.alice.id)
    assert "not connected" in await slack.press(page, "Acknowledge")
    assert await slack.status() is IncidentStatus.TRIGGERED


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p.update(type="view_submission"),
        lambda p: p.update(user={"id": 7}),
        lambda p: p.pop("container"),
        lambda p: p["actions"][0].update(value="x:acknowledge:resolve"),
        lambda p: p["actions"][0].update(value=":"),
        lambda p: p["actions"][0].update(action_id="other-app"),
        lambda p: p.update(actions=[]),
    ],
)
async def test_what_is_no_button_of_ours_is_left_alone(
    slack: SlackWorld, change: Callable[[dict[str, Any]], None]
) -> None:
    """Other payloads, and payloads that are not of the form, change nothing and break nothing."""
    page = await paged(slack)
    assert await slack.press(page, "Acknowledge", change=change) == ""
    assert await slack.status() is IncidentStatus.TRIGGERED


async def test_an_unknown_message_is_told(slack: SlackWorld) -> None:
    """The row is gone (an old backup was restored): a sentence, and no error."""
    page = await paged(slack)
    told = await slack.press(
        page,
        "Acknowledge",
        change=lambda p: p["actions"][0].update(value="0199e000-0000-7000-8000-0000:acknowledge"),
    )
    assert "message" in told
    assert await slack.status() is IncidentStatus.TRIGGERED


async def test_slack_is_down_after_the_press(slack: SlackWorld) -> None:
    """What was done stays done, though nothing can be shown."""
    page = await paged(slack)
    for method in ("chat.update", "chat.postEphemeral"):
        slack.workspace.answers[method].append({"status": 503, "raw": b"down"})
    assert await slack.press(page, "Acknowledge") == ""
    assert await slack.status() is IncidentStatus.ACKNOWLEDGED


async def test_a_word_is_enough(slack: SlackWorld) -> None:
    """`ack` to the bot acknowledges the only page; the answer stands below, and a repeat is told who was first."""
    await paged(slack)
    await slack.send(slack.slack.wrote(said("ack", member=ALICE), CAME))
    assert await slack.status() is IncidentStatus.ACKNOWLEDGED
    assert slack.workspace.direct(ALICE).messages[-1].text == "#1 is yours. Nobody else is paged."
    count = len(slack.workspace.direct(ALICE).messages)
    await slack.send(slack.slack.wrote(said("ack", member=ALICE), CAME))
    assert len(slack.workspace.direct(ALICE).messages) == count, "Slack repeated the event"
    await slack.send(slack.slack.wrote(said("ack", member=ALICE, event_id="Ev2"), CAME))
    assert "acknowledged by you" in slack.workspace.direct(ALICE).messages[-1].text


@pytest.mark.parametrize(
    "event",
    [
        {"bot_id": "B1"},
        {"subtype": "message_changed"},
        {"channel_type": "channel"},
        {"type": "app_home_opened"},
    ],
)
async def test_what_is_not_said_to_us_is_not_answered(slack: SlackWorld, event: dict[str, Any]) -> None:
    """Bots, edits, and words in channels start no conversation: two bots would never stop."""
    await paged(slack)
    await slack.send(slack.slack.wrote(said("ack", member=ALICE, **event), CAME))
    assert await slack.status() is IncidentStatus.TRIGGERED
    assert len(slack.workspace.direct(ALICE).messages) == 1


async def test_the_command_answers(slack: SlackWorld) -> None:
    """`/openalert ack` acknowledges, `/openalert oncall` says who is on call, a stranger learns how to connect."""
    await paged(slack)
    assert await slack.slack.command(typed("ack", member=ALICE), CAME) == "#1 is yours. Nobody else is paged."
    assert await slack.status() is IncidentStatus.ACKNOWLEDGED
    assert "no schedule" in await slack.slack.command(typed("oncall", member=ALICE), CAME)
    assert "not connected" in await slack.slack.command(typed("ack", member=MALLORY), CAME)
    assert "acknowledges" in await slack.slack.command(typed("", member=ALICE), CAME)


async def test_connecting_an_account(slack: SlackWorld) -> None:
    """Bob is looked up by his mail address, asked in Slack, says that it is him, and is paged there from then on."""
    world = slack.world
    assert "Look into Slack" in await slack.slack.ask(world.as_(world.bob), world.bob.id)
    await world.engine.run_until_idle()
    (question,) = slack.workspace.direct(BOB).messages
    assert "Bob" in question.words()
    assert await slack.press(question, "It is me", BOB) == ""
    assert question.words() == "Connected: pages for Bob come here from now on."
    assert question.buttons() == {}
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=5))
    await world.fires("DiskFull")
    await world.advance(minutes=5)
    assert "DiskFull" in slack.workspace.direct(BOB).messages[-1].words()


async def test_only_the_account_that_was_asked_can_say_so(slack: SlackWorld) -> None:
    """Mallory learns of the question and presses its button: nothing is connected."""
    world = slack.world
    await slack.slack.ask(world.as_(world.bob), world.bob.id)
    await world.engine.run_until_idle()
    (question,) = slack.workspace.direct(BOB).messages
    assert "message" in await slack.press(question, "It is me", MALLORY)
    assert await slack_accounts(slack, world.bob) == []


async def test_the_question_does_not_last(slack: SlackWorld) -> None:
    """An hour later somebody else may sit there."""
    world = slack.world
    await slack.slack.ask(world.as_(world.bob), world.bob.id)
    await world.engine.run_until_idle()
    (question,) = slack.workspace.direct(BOB).messages
    world.clock.advance(60 * MINUTE)
    await slack.press(question, "It is me", BOB)
    assert "The hour is over" in question.words()
    assert await slack_accounts(slack, world.bob) == []


async def test_an_account_belongs_to_one_person(slack: SlackWorld) -> None:
    """Alice's account cannot become Bob's as well: what she presses would be somebody else's word."""
    world = slack.world
    await slack.slack.ask(world.as_(world.bob), world.bob.id, ALICE)
    await world.engine.run_until_idle()
    question = slack.workspace.direct(ALICE).messages[-1]
    await slack.press(question, "It is me", ALICE)
    assert "belongs to somebody else" in question.words()
    assert await slack_accounts(slack, world.bob) == []


async def slack_accounts(slack: SlackWorld, user: User) -> list[str]:
    """The accounts by which a person is reached."""
    async with slack.world.db.read() as reader:
        methods = await contact_methods.of_user(reader, make.actor(user), user.id)
    return [method.address for method in methods if method.type == "slack"]


async def test_a_test_page_is_answered_by_its_button(slack: SlackWorld) -> None:
    """It proves the way, and the message says so in place of the button; a stranger's press changes nothing."""
    world = slack.world
    world.clock.advance(MINUTE)
    await world.does(test_pages.to_user, world.alice.id, by=world.alice)
    await world.engine.run_until_idle()
    (page,) = slack.workspace.direct(ALICE).messages
    proven = f"SELECT last_proven_at FROM contact_methods WHERE address = '{ALICE}'"
    world.clock.advance(MINUTE)
    before = await world.value(proven)
    assert "is not connected" in await slack.press(page, "I got it", MALLORY)
    assert await world.value(proven) == before
    assert await slack.press(page, "I got it") == ""
    assert await world.value(proven) == world.clock()
    assert not page.buttons()
    assert "Thank you. This way works." in str(page.blocks)
