"""What those who were paged hear of what becomes of it, and what only changes the message they have."""

from typing import Any

import msgspec
import pytest

from openalert.domain.action import Verb
from openalert.domain.notification import Notification, NotificationKind, NotificationStatus
from openalert.engine import escalate
from openalert.engine.engine import Engine
from openalert.notifiers import wording
from openalert.notifiers.notifier import Message, NotifierError, Reason, Receipt
from openalert.storage import notifications
from openalert.usecases import incidents, news, replies
from tests.cast import LINKS_BACK, Post, World
from tests.make import level

pytestmark = pytest.mark.anyio


async def _also_by(world: World, *channels: str) -> dict[str, Post]:
    """Alice is also paged by these channels."""
    posts = {name: Post(name) for name in channels}
    world.engine = Engine(world.db, {"email": world.email, "webhook": world.webhook} | posts, LINKS_BACK)
    await world.engine.begin()
    return posts


async def _paged_by(world: World, channel: str, who: str) -> None:
    """A page by this channel beside the mail, as if a rule of theirs had said so."""
    incident = await world.incident()
    async with world.db.transaction() as tx:
        mail = next(
            row
            for row in await notifications.of_incident(tx, incident.id)
            if row.user_id == who and row.kind is NotificationKind.PAGE
        )
        await tx.execute("UPDATE notifications SET due_at = NULL WHERE id = :id", id=mail.id)
        fields = {name: getattr(mail, name) for name in Notification.__struct_fields__}
        row = Notification(
            **fields
            | {
                "id": f"{mail.id[:-4]}{channel[:4]:_<4}",
                "effect_key": f"{mail.effect_key}:{channel}",
                "channel": channel,
                "address": channel,
                "contact_method_id": None,
                "status": NotificationStatus.PENDING,
                "due_at": tx.now,
                "provider_id": None,
            }
        )
        await notifications.enqueue(tx, [row])
    await world.engine.run_until_idle()


async def _set_up(world: World, *channels: str) -> dict[str, Post]:
    """DiskFull pages Alice by mail and by these channels, and Bob by mail."""
    posts = await _also_by(world, *channels)
    await world.policy(level(1, world.alice, world.bob), level(2, world.charlie, minutes=5))
    await world.fires("DiskFull")
    for channel in channels:
        await _paged_by(world, channel, world.alice.id)
        assert posts[channel].received.pop(0).kind is NotificationKind.PAGE
    world.email.received.clear()
    return posts


def _news(post: Post) -> list[tuple[str, bool, str]]:
    """What came there: headline, whether it is silent, and what it replaces."""
    came = [(message.headline, message.is_silent, message.replaces) for message in post.received]
    post.received.clear()
    return came


async def test_whoever_was_paged_hears_it_everywhere_but_by_a_call(world: World) -> None:
    """Bob takes it: Alice hears it by mail and text, sees her chat message change, and no telephone rings."""
    posts = await _set_up(world, "sms", "voice", "slack")
    await world.does(incidents.acknowledge, (await world.incident()).id, by=world.bob)
    said = "Acknowledged by Bob"
    assert _news(world.email) == [(said, False, "")]
    assert _news(posts["sms"]) == [(said, False, "")]
    assert _news(posts["slack"]) == [(said, False, "post-1")]
    assert _news(posts["voice"]) == []


async def test_who_acted_gets_no_message_but_sees_theirs_change(world: World) -> None:
    """Alice takes it herself: only her chat message changes, silently, and offers what comes next."""
    posts = await _set_up(world, "sms", "slack")
    told = len(await world.story())
    await world.does(incidents.acknowledge, (await world.incident()).id, by=world.alice)
    assert [message.recipient_name for message in world.email.received] == ["Bob"]
    assert posts["sms"].received == []
    (edit,) = posts["slack"].received
    assert (edit.is_silent, edit.replaces) == (True, "post-1")
    assert [action.verb for action in edit.actions] == [Verb.RESOLVE, Verb.SNOOZE]
    # Her acknowledgement and the mail to Bob: a message that changed is no news of the incident's.
    assert len(await world.story()) == told + 2


@pytest.mark.parametrize(
    ("verb", "headline"),
    [
        (Verb.SNOOZE, "Snoozed by Bob"),
        (Verb.ESCALATE, "Escalated by Bob"),
        (Verb.HAND_ON, "Handed on by Bob"),
    ],
)
async def test_what_is_no_end_lets_the_telephone_lie_quiet(world: World, verb: Verb, headline: str) -> None:
    """Snoozed or sent on: messages that can change say so, nothing is sent anew to those who were paged."""
    posts = await _set_up(world, "sms", "slack")
    incident = await world.incident()
    await world.does(replies.answer, incident.id, verb, via="API", by=world.bob)
    assert _news(posts["slack"]) == [(headline, True, "post-1")]
    assert _news(posts["sms"]) == []
    assert [each for each in world.email.received if each.recipient_name != "Charlie"] == []


async def test_a_message_that_never_left_is_not_changed(world: World) -> None:
    """The chat refused the page: there is nothing to change, and nothing silent is sent in its place."""
    posts = await _set_up(world)
    assert posts == {}
    post = Post("slack")
    world.engine = Engine(world.db, {"email": world.email, "slack": post}, LINKS_BACK)
    await world.engine.begin()
    post.behave = _refuses
    await _paged_by(world, "slack", world.alice.id)
    post.behave = None
    await world.does(incidents.acknowledge, (await world.incident()).id, by=world.alice)
    assert post.received == []


def _refuses(_: Message) -> Receipt:
    raise NotifierError(Reason.REFUSED, "no such channel", permanent=True)


async def test_a_long_name_leaves_room_for_what_matters(world: World) -> None:
    """Whoever may not have been paged reads so in the first line, however long a name is; in the first news only."""
    await world.policy(level(1, world.alice))
    await world.post_all([(world.group(world.alert("DiskFull")), "A")])
    await escalate.run_due(world.db)
    async with world.db.transaction() as tx:
        await tx.execute("UPDATE notifications SET status = 'unknown', due_at = NULL")
    incident, long = await world.incident(), msgspec.structs.replace(world.bob, name="Bob" * 40)
    await world.does(incidents.acknowledge, incident.id, by=long)
    await world.engine.run_until_idle()
    (mail,) = world.email.received
    assert mail.headline.startswith("Acknowledged by BobBob")
    assert f"…{news.IN_DOUBT}: DiskFull" in wording.headline(mail)
    await world.advance(seconds=1)
    await world.does(incidents.resolve, incident.id, by=long)
    await world.engine.run_until_idle()
    assert news.IN_DOUBT not in world.email.received[-1].headline


async def test_a_page_says_nothing_of_one_that_may_be_lost(world: World) -> None:
    """It pages: what became of the one before is for the news to say."""
    await world.policy(level(1, world.alice), level(2, world.alice, minutes=5))
    await world.post_all([(world.group(world.alert("DiskFull")), "A")])
    await escalate.run_due(world.db)
    async with world.db.transaction() as tx:
        await tx.execute("UPDATE notifications SET status = 'unknown', due_at = NULL")
    await world.advance(minutes=5)
    page = world.mailbox(world.alice).got("DiskFull")
    assert news.IN_DOUBT not in page.headline
    assert "nobody knows" not in page.reason


@pytest.mark.proves("NO-2", "NO-7")
@pytest.mark.parametrize(
    ("rows", "doubted"),
    [
        ([{"status": "unknown"}], True),
        ([{"status": "unknown", "channel": "sms", "address": "+1"}], True),
        ([{"status": "unknown", "user_id": None}], True),
        ([{"status": "unknown", "user_id": None, "channel": "sms"}], False),
        ([{"status": "unknown", "user_id": None, "address": "b@c.de"}], False),
        ([{"status": "unknown", "kind": "update", "earlier": 1}], False),
        ([{"status": "unknown", "incident_id": 2}], False),
        ([{"status": "failed"}], False),
        ([{"status": "unknown"}, {"status": "sent"}], False),
        ([{"status": "unknown"}, {"status": "delivered"}], False),
        ([{"status": "unknown"}, {"status": "sent", "user_id": None, "address": "b@c.de"}], True),
        ([{"status": "unknown"}, {"status": "sent", "incident_id": 2}], True),
        ([{"status": "unknown"}, {"status": "sent", "kind": "update", "earlier": 1}], False),
        ([{"status": "unknown"}, {"status": "sent", "kind": "update"}], True),
        ([{"status": "unknown"}, {"status": "pending"}, {"status": "cancelled"}], True),
    ],
)
async def test_a_page_is_in_doubt_where_nothing_surely_came(
    world: World, rows: list[dict[str, Any]], doubted: bool
) -> None:
    """To the person or to the address, about this incident, before the news that say so and their like."""
    await world.policy(level(1, world.alice))
    for name in ("DiskFull", "SlowQueries"):
        await world.post_all([(world.group(world.alert(name)), "A")])
    incidents_ = {number: (await world.incident(number)).id for number in (1, 2)}

    def row(number: int, **said: Any) -> Notification:
        incident = incidents_[said.pop("incident_id", 1)]
        kind = NotificationKind(said.pop("kind", "page"))
        status = NotificationStatus(said.pop("status"))
        at = world.clock() - said.pop("earlier", 0)
        whose = {"user_id": world.bob.id, "channel": "email", "address": "bob@example.org"} | said
        return Notification(
            id=f"{number}", effect_key=f"{number}", organization_id=world.cast.organization.id,
            team_id=world.core.id, incident_id=incident, kind=kind, status=status, reason="", due_at=None,
            give_up_at=at, created_at=at, updated_at=at, **whose,
        )  # fmt: skip

    told = row(0, kind="update", status="pending")
    async with world.db.transaction() as tx:
        await notifications.enqueue(tx, [told, *(row(number, **said) for number, said in enumerate(rows, 1))])
    async with world.db.read() as reader:
        assert await notifications.is_page_in_doubt(reader, told) is doubted
