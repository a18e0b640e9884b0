"""Channels that follow a service: what they hear, in which order, and what they do not hear twice."""

from typing import Any

import pytest

from openalert.domain.access import Role
from openalert.domain.errors import Forbidden, Invalid, NotFound
from openalert.domain.notification import NotificationKind, NotificationPriority
from openalert.domain.severity import Severity
from openalert.domain.team import Channel
from openalert.notifiers.notifier import Message, NotifierError, Reason, Receipt
from openalert.storage import notifications
from openalert.usecases import channels, followers, incidents, services
from tests import make
from tests.cast import World
from tests.make import level

pytestmark = pytest.mark.anyio


async def _ops(world: World, name: str = "Ops") -> Channel:
    return await make.channel(world.db, world.core, "webhook", name, url=f"https://{name}.example/hook")


async def _follow(world: World, channel: Channel, **wanted: Any) -> None:
    await world.does(followers.put, world.service.id, channel.id, **wanted)


def _heard(world: World) -> list[str]:
    """What the webhooks got, oldest first."""
    news = [message.headline for message in world.webhook.received if message.kind is NotificationKind.FOLLOW]
    world.webhook.received.clear()
    return news


async def test_a_follower_hears_the_whole_story_in_order(world: World) -> None:
    """Triggered, escalated, acknowledged, reopened, resolved; that level 1 is paged goes without saying."""
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=5))
    await _follow(world, await _ops(world))
    await world.fires("DiskFull")
    await world.advance(minutes=5)
    incident = await world.incident()
    await world.does(incidents.acknowledge, incident.id, by=world.bob)
    await world.does(incidents.note, incident.id, body="Looking", by=world.bob)
    await world.does(incidents.reopen, incident.id)
    await world.resolves("DiskFull")
    assert _heard(world) == [
        "Triggered",
        "Escalated to level 2",
        "Acknowledged by Bob",
        "Reopened by Alice",
        "Resolved",
    ]


async def test_it_hears_what_it_asked_for(world: World) -> None:
    """Only from a severity on, only these events; notes with their words."""
    await world.policy(level(1, world.alice))
    channel = await _ops(world)
    await _follow(world, channel, min_severity=Severity.HIGH)
    await world.fires("DiskFull")
    assert _heard(world) == []
    await _follow(world, channel, events=["note", "resolved"])
    await world.fires("NoSpace")
    incident = await world.incident(2)
    await world.does(incidents.note, incident.id, body="It was the logs", by=world.bob)
    (note,) = world.webhook.received
    assert (note.headline, note.body) == ("Note by Bob", "It was the logs")
    await world.does(incidents.resolve, incident.id, resolution="Rotated")
    assert _heard(world) == ["Note by Bob", "Resolved by Alice"]


async def test_nobody_there_is_asked_to_act_and_no_page_waits(world: World) -> None:
    """No buttons, after every page in the order of the day; the incident's story is not filled with it."""
    await world.policy(level(1, world.alice))
    await _follow(world, await _ops(world))
    await world.fires("DiskFull")
    (news,) = world.webhook.received
    assert (news.actions, news.recipient_name) == ([], "Ops")
    assert news.incident is not None
    async with world.db.read() as reader:
        rows = await notifications.of_incident(reader, (await world.incident()).id)
    (row,) = [row for row in rows if row.kind is NotificationKind.FOLLOW]
    assert row.priority is NotificationPriority.MEDIUM
    assert not any("News" in line for line in await world.story())


async def test_a_channel_that_is_paged_is_not_told_twice(world: World) -> None:
    """It stands on level 1, or was paged later: it gets the page and its news, and nothing of following."""
    first, second = await _ops(world, "First"), await _ops(world, "Second")
    await world.policy(level(1, first), level(2, second, minutes=5))
    for channel in (first, second):
        await _follow(world, channel)
    await world.fires("DiskFull")
    await world.advance(minutes=5)
    await world.does(incidents.acknowledge, (await world.incident()).id)
    got = [(message.recipient_name, message.kind.value) for message in world.webhook.received]
    assert sorted(got) == [
        ("First", "page"),
        ("First", "update"),
        ("Second", "follow"),
        ("Second", "page"),
        ("Second", "update"),
    ]


async def test_news_wait_for_older_news(world: World) -> None:
    """The channel was away: it hears "Triggered" before "Resolved", however late, and nobody else waits for it."""
    await world.policy(level(1, world.alice))
    await _follow(world, await _ops(world))

    def away(_: Message) -> Receipt:
        raise NotifierError(Reason.UNREACHABLE, "away")

    world.webhook.behave = away
    await world.fires("DiskFull")
    world.mailbox(world.alice).got("DiskFull")
    await world.resolves("DiskFull")
    world.mailbox(world.alice).got_update("Resolved")
    world.webhook.behave = None
    await world.advance(minutes=5)
    assert _heard(world) == ["Triggered", "Resolved"]


async def test_only_those_who_configure_say_who_follows(world: World) -> None:
    """A member of the team may not, a stranger sees no such service, and nobody lets a channel follow unseen."""
    await world.policy(level(1, world.alice))
    channel = await _ops(world)
    with pytest.raises(Forbidden):
        await world.does(followers.put, world.service.id, channel.id, by=world.bob)
    with pytest.raises(NotFound):
        await world.does(followers.put, world.service.id, channel.id, by=world.charlie)
    with pytest.raises(Invalid):
        await _follow(world, channel, events=["everything"])
    with pytest.raises(Invalid):
        await world.does(followers.put, world.service.id, "no such channel")
    other = await make.team(world.db, world.cast.organization, "Other")
    foreign = await make.channel(world.db, other, "webhook", "Foreign", url="https://f.example/")
    async with world.db.transaction(make.actor(world.charlie, world.core)) as tx:
        with pytest.raises(Invalid):
            await followers.put(tx, world.service.id, foreign.id)


async def test_a_channel_out_of_sight_is_not_called_by_its_name(world: World) -> None:
    """An admin of the organization let another team's channel follow: it hears, and Bob reads no name of it."""
    await world.policy(level(1, world.alice))
    other = await make.team(world.db, world.cast.organization, "Other")
    foreign = await make.channel(world.db, other, "webhook", "Foreign", url="https://f.example/")
    await _follow(world, foreign)
    await world.fires("DiskFull")
    assert _heard(world) == ["Triggered"]
    async with world.db.read() as reader:
        (seen,) = await followers.of_service(reader, world.as_(world.bob), world.service.id)
    assert seen.name == "a channel of another team"


async def test_who_left_or_was_switched_off_hears_nothing(world: World) -> None:
    """Removed, switched off, deleted, or with a service that went to another team: nothing is sent there."""
    await world.policy(level(1, world.alice))
    gone, off, deleted, left = [await _ops(world, name) for name in ("Gone", "Off", "Deleted", "Left")]
    for channel in (gone, off, deleted, left):
        await _follow(world, channel)
    await world.does(followers.remove, world.service.id, gone.id)
    await world.does(channels.update, off.id, is_enabled=False)
    await world.does(channels.delete, deleted.id)
    await world.fires("DiskFull")
    assert [message.recipient_name for message in world.webhook.received] == ["Left"]
    world.webhook.received.clear()
    other = await make.team(world.db, world.cast.organization, "Other")
    await make.member(world.db, other, world.alice, Role.OWNER)
    async with world.db.transaction(make.actor(world.alice, world.core, other)) as tx:
        await services.update(tx, world.service.id, team_id=other.id)
    await world.fires("NoSpace")
    assert world.webhook.received == []
    with pytest.raises(NotFound):
        await world.does(followers.remove, world.service.id, gone.id)
