"""Storms: after a few pages to one person those about the same service leave as one message, and none is lost."""

import pytest

from openalert.domain.action import Verb
from openalert.domain.bundling import FEW, GATHER, Page, Told, gathered
from openalert.domain.instant import SECOND
from openalert.domain.notification import Notification
from openalert.engine import escalate
from openalert.notifiers.notifier import LostAnswer, Message, NotifierError, Reason, Receipt
from openalert.storage import bundles, notifications
from openalert.storage import deliveries as sending
from openalert.storage.transaction import Reader
from openalert.usecases import bundles as gathering
from openalert.usecases import incidents, receipts, replies
from tests import make
from tests.cast import LINKS_BACK, World, level

pytestmark = pytest.mark.anyio

DISK = ("disk", 1)


def test_a_few_go_at_once_and_others_of_the_same_service_wait() -> None:
    """The fourth within a minute waits; one about another service, or more urgent, does not."""
    told = {"way": Told(FEW, frozenset({DISK}))}
    pages = [Page("a", "way", DISK), Page("b", "way", ("net", 1)), Page("c", "way", ("disk", 0))]
    assert [page.id for page in gathered(pages, told)] == ["a"]


def test_what_leaves_counts_for_what_follows() -> None:
    """Of five that are due at the same moment the first three leave alone; another person's count for themselves."""
    pages = [Page(str(number), "way", DISK) for number in range(5)] + [Page("x", "other way", DISK)]
    assert [page.id for page in gathered(pages, {})] == ["3", "4"]


async def _storm(world: World, *names: str, key: str = "A") -> None:
    await world.post_all([(world.group(world.alert(name)), key) for name in names])
    await escalate.run_due(world.db)
    await world.engine.run_until_idle()


def _titles(messages: list[Message]) -> list[str]:
    return [message.incident.title for message in messages if message.incident]


@pytest.mark.proves("NO-5", "IN-6")
async def test_a_storm_reaches_a_person_as_few_messages_that_name_everything(world: World) -> None:
    """Ten incidents: three mails at once, one more within seconds that names the other seven, each settled."""
    await world.policy(level(1, world.alice))
    await _storm(world, *(f"Alert {number}" for number in range(10)))
    assert len(world.email.received) == FEW
    await world.advance(seconds=GATHER / SECOND)
    assert len(world.email.received) == FEW + 1
    last = world.email.received[-1]
    named = {*_titles(world.email.received), *(each.partition(" ")[2] for each in last.bundle)}
    assert named == {f"Alert {number}" for number in range(10)}
    assert await world.value("SELECT count(*) FROM notifications WHERE status = 'sent'") == 10
    said = "SELECT count(*) FROM notification_attempts WHERE detail LIKE 'Told together with #%'"
    assert await world.value(said) == 6


@pytest.mark.proves("NO-5")
async def test_a_message_names_fifty_at_most_and_the_rest_has_its_own(world: World) -> None:
    """A hundred and twenty incidents: three mails, then three that name all others."""
    await world.policy(level(1, world.alice))
    names = [f"Alert {number}" for number in range(120)]
    await _storm(world, *names)
    await world.advance(seconds=GATHER / SECOND)
    bundles = world.email.received[FEW:]
    assert sorted(len(message.bundle) for message in bundles) == [16, 49, 49]
    named = {*_titles(world.email.received)} | {
        each.partition(" ")[2] for message in bundles for each in message.bundle
    }
    assert named == set(names)


@pytest.mark.proves("NO-5", "F-15")
async def test_one_commit_gathers_all_that_wait_for_the_same_reason(world: World) -> None:
    """On a disk that takes seconds for a commit, one for each handful would keep whole bundles from leaving."""
    await world.policy(level(1, world.alice))
    await _storm(world, *(f"Alert {number}" for number in range(FEW)))
    await world.post_all([(world.group(world.alert(f"Alert {FEW + number}")), "A") for number in range(120)])
    await escalate.run_due(world.db)
    async with world.db.transaction() as tx:
        due = await sending.due(tx, tx.now, lambda channel, priority: 4)
        waiting = await gathering.waiting(tx, due)
        assert len(waiting) == 4
        await gathering.gather(tx, waiting)
    sizes = "SELECT count(*) FROM notifications WHERE bundle_id IS NOT NULL GROUP BY bundle_id ORDER BY 1"
    async with world.db.read() as reader:
        assert [row[0] for row in await reader.rows(sizes)] == [20, 50, 50]


@pytest.mark.proves("NO-5", "IN-6")
async def test_the_first_page_of_another_service_gets_through_at_once(world: World) -> None:
    """In the middle of a storm about one service."""
    await world.policy(level(1, world.alice))
    policy = await make.policy(world.db, world.core, level(1, world.alice), name="Other")
    await make.integration(world.db, await make.service(world.db, world.core, policy, "Other"), "C")
    await _storm(world, *(f"Alert {number}" for number in range(10)))
    world.email.received.clear()
    await _storm(world, "The other one", key="C")
    assert _titles(world.email.received) == ["The other one"]


async def test_what_is_acknowledged_while_it_waits_is_not_told(world: World) -> None:
    """It is cancelled, and the message names only what still needs somebody."""
    await world.policy(level(1, world.alice))
    await _storm(world, *(f"Alert {number}" for number in range(6)))
    world.email.received.clear()
    waiting = await world.value("SELECT min(incident_id) FROM notifications WHERE bundle_id IS NOT NULL")
    async with world.db.transaction(world.as_(world.bob)) as tx:
        await incidents.acknowledge(tx, waiting)
    await world.advance(seconds=GATHER / SECOND)
    (message,) = world.email.received
    assert len(message.bundle) == 1
    assert await world.value("SELECT count(*) FROM notifications WHERE status = 'cancelled'") == 1


@pytest.mark.proves("NO-5", "NO-2")
@pytest.mark.parametrize(
    "error", [NotifierError(Reason.UNREACHABLE, "not now"), LostAnswer("gone")], ids=["refused", "lost"]
)
async def test_a_bundle_that_did_not_leave_leaves_as_a_whole_later(world: World, error: Exception) -> None:
    """Refused or lost, it is one message again, marked where it may have arrived."""
    await world.policy(level(1, world.alice))
    await _storm(world, *(f"Alert {number}" for number in range(7)))
    world.email.received.clear()
    failures = iter([error])

    def behave(message: Message) -> Receipt:
        for failure in failures:
            raise failure
        return Receipt(provider_id="x")

    world.email.behave = behave
    await world.advance(seconds=GATHER / SECOND + 12)
    (message,) = world.email.received
    assert len(message.bundle) == 3
    assert message.possible_repeat == isinstance(error, LostAnswer)
    assert await world.value("SELECT count(*) FROM notifications WHERE status = 'sent'") == 7


async def test_a_team_s_channel_hears_of_each_incident(world: World) -> None:
    """Machines behind webhooks and threads in chats want every one."""
    channel = await make.channel(world.db, world.core, "webhook", url="https://core.example.org/")
    await world.policy(level(1, channel))
    await _storm(world, *(f"Alert {number}" for number in range(8)))
    assert len(world.webhook.received) == 8


async def test_the_button_of_a_bundle_answers_all_of_it(world: World) -> None:
    """One tap on a message about four incidents acknowledges these four, and no other."""
    await world.policy(level(1, world.alice))
    await _storm(world, *(f"Alert {number}" for number in range(7)))
    await world.advance(seconds=GATHER / SECOND)
    message = world.email.received[-1]
    async with world.db.transaction() as tx:
        reply = await replies.by_message(tx, message.notification_id, Verb.ACKNOWLEDGE, via="button")
    assert "The same for #" in reply.said
    assert await world.value("SELECT count(*) FROM incidents WHERE status = 'acknowledged'") == 4


async def test_the_link_of_a_bundle_answers_all_of_it(world: World) -> None:
    """A mail that tells of several has one button: pressed, all are acknowledged, also those told beside the first."""
    await world.policy(level(1, world.alice))
    await _storm(world, *(f"Alert {number}" for number in range(7)))
    await world.advance(seconds=GATHER / SECOND)
    message = world.email.received[-1]
    link = next(each.url for each in message.actions if each.verb == "acknowledge").rpartition("/")[2]
    async with world.db.transaction() as tx:
        reply = await replies.accept(tx, LINKS_BACK.secret, link)
    assert reply.said.count("#") == 4
    assert await world.value("SELECT count(*) FROM incidents WHERE status = 'acknowledged'") == 4
    async with world.db.transaction() as tx:
        again = await replies.accept(tx, LINKS_BACK.secret, link)
    assert not again.changed


async def test_what_the_provider_reports_of_a_bundle_holds_for_all_of_it(world: World) -> None:
    """The message did not arrive: none of the incidents that it told counts as told."""
    await world.policy(level(1, world.alice))
    await _storm(world, *(f"Alert {number}" for number in range(7)))
    await world.advance(seconds=GATHER / SECOND)
    leader = world.email.received[-1].notification_id
    provider_id = await world.value("SELECT provider_id FROM notifications WHERE id = :id", id=leader)
    async with world.db.transaction() as tx:
        assert await receipts.record(
            tx,
            channel="email",
            provider_id=provider_id,
            delivered=False,
            detail="bounced",
            notification_id=leader,
        )
    assert await world.value("SELECT count(*) FROM notifications WHERE failure_reason = 'bounced'") == 4


async def test_what_is_reported_of_one_half_of_a_bundle_is_not_true_of_the_other(world: World) -> None:
    """One of its pages leaves alone because it is hurried: the other three are a message and an answer of their own."""
    await world.policy(level(1, world.alice))
    await _storm(world, *(f"Alert {number}" for number in range(7)))
    hurried = await world.value("SELECT min(id) FROM notifications WHERE bundle_id IS NOT NULL")
    async with world.db.transaction() as tx:
        await tx.execute("UPDATE notifications SET due_at = :now WHERE id = :id", now=tx.now, id=hurried)
    await world.engine.run_until_idle()
    await world.advance(seconds=GATHER / SECOND)
    alone, others = world.email.received[-2:]
    assert (len(alone.bundle), len(others.bundle)) == (0, 2)
    async with world.db.transaction() as tx:
        assert await bundles.told_with(tx, await _row(tx, alone.notification_id)) == []
        assert await receipts.record(
            tx,
            channel="email",
            provider_id=alone.notification_id,
            delivered=False,
            detail="bounced",
            notification_id=alone.notification_id,
        )
    assert await world.value("SELECT count(*) FROM notifications WHERE failure_reason = 'bounced'") == 1


async def test_what_leaves_together_is_put_off_together(world: World) -> None:
    """The channel takes nothing just when only a part of the bundle was looked at: none of it goes ahead."""
    await world.policy(level(1, world.alice))
    await _storm(world, *(f"Alert {number}" for number in range(7)))
    world.clock.advance(GATHER)
    until = world.clock() + 30 * SECOND
    first = await world.value("SELECT min(id) FROM notifications WHERE bundle_id IS NOT NULL")
    await world.db.act(lambda tx: sending.put_off(tx, [first], until))
    assert await world.value("SELECT count(*) FROM notifications WHERE due_at = :until", until=until) == 4


async def _row(reader: Reader, notification_id: str) -> Notification:
    row = await notifications.get(reader, notification_id)
    assert row is not None
    return row
