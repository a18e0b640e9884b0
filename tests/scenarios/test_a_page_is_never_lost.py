"""A page is never lost, and never stands in the way of another: dead providers, crowded addresses, storms."""

import asyncio
from collections.abc import Callable

import pytest

from openalert.domain.access import Role
from openalert.domain.instant import MINUTE, SECOND
from openalert.domain.notification import NotificationKind
from openalert.domain.notification_plan import Preferences
from openalert.domain.user import User
from openalert.engine import escalate
from openalert.engine.lines import Lines
from openalert.notifiers.failover import Failover
from openalert.notifiers.notifier import LostAnswer, Message, Notifier, NotifierError, Reason, Receipt
from openalert.usecases import incidents, news
from tests import make
from tests.cast import Post, World, level
from tests.invariants import broken, unsettled

pytestmark = pytest.mark.anyio


def _fails(error: Exception) -> Callable[[Message], Receipt]:
    def behave(message: Message) -> Receipt:
        raise error

    return behave


def _drive(world: World, notifiers: dict[str, Notifier]) -> None:
    world.engine.deliver._notifiers = notifiers
    world.engine.deliver.lines = Lines(notifiers)


async def _storm(world: World, count: int, key: str = "A") -> None:
    await world.post_all([(world.group(world.alert(f"{key} {each}")), key) for each in range(count)])
    await escalate.run_due(world.db)


class Stuck(Post):
    """A channel with one address that holds every message, for as long as the test runs."""

    def __init__(self, channel: str, address: str) -> None:
        super().__init__(channel)
        self._stuck = address

    async def send(self, message: Message, now: int) -> Receipt:
        """Never an answer from that address."""
        if message.to == self._stuck:
            await asyncio.Event().wait()
        return await super().send(message, now)


@pytest.mark.proves("NO-4")
async def test_many_pages_for_one_slow_address_do_not_stand_before_others(world: World) -> None:
    """A team's slow webhook has sixty pages waiting; one for another webhook, due later, leaves in the same moment."""
    slow = await make.channel(world.db, world.core, "webhook", url="https://slow.example.org/")
    quick = await make.channel(world.db, world.core, "webhook", url="https://quick.example.org/")
    await world.policy(level(1, slow))
    other = await make.policy(world.db, world.core, level(1, quick), name="Other")
    await make.integration(world.db, await make.service(world.db, world.core, other, name="Net"), "N")
    post = Stuck("webhook", "https://slow.example.org/")
    _drive(world, {"webhook": post})
    await _storm(world, 60)
    world.clock.advance(SECOND)
    await _storm(world, 1, "N")
    async with asyncio.timeout(60):
        while not post.received:
            await world.engine.deliver.run_due()
            await asyncio.sleep(0.05)
    assert [message.to for message in post.received] == ["https://quick.example.org/"]
    for task in list(world.engine.deliver._tasks):
        task.cancel()


@pytest.mark.proves("NO-4")
async def test_repeats_that_wait_for_a_dead_provider_do_not_stand_before_new_pages(world: World) -> None:
    """The first mail server swallows twenty answers and dies: new pages leave by the second while those wait."""
    first, second = Post("email"), Post("email")
    first.behave = _fails(LostAnswer("gone"))
    _drive(world, {"email": Failover([first, second])})
    team = await make.channel(world.db, world.core, "email", address="core@example.org")
    people = [
        await make.channel(world.db, world.core, "email", address=f"{n}@example.org") for n in range(20)
    ]
    await world.policy(level(1, *people))
    other = await make.policy(world.db, world.core, level(1, team), name="Other")
    await make.integration(world.db, await make.service(world.db, world.core, other, name="Net"), "N")
    await _storm(world, 1)
    await world.engine.run_until_idle()
    world.clock.advance(12 * SECOND)
    second.received.clear()
    await _storm(world, 1, "N")
    await world.engine.run_until_idle()
    assert [message.to for message in second.received] == ["core@example.org"]


@pytest.mark.proves("NO-1", "F-17")
async def test_a_provider_that_wants_a_long_pause_lets_pages_end_in_their_time(world: World) -> None:
    """Told to wait a quarter of an hour: what was never tried fails after its five minutes, and Bob is paged."""
    world.email.behave = _fails(NotifierError(Reason.RATE_LIMITED, "429", retry_after=900.0))
    team = await make.channel(world.db, world.core, "email", address="core@example.org")
    hook = await make.channel(world.db, world.core, "webhook", url="https://core.example.org/")
    await world.policy(level(1, team), level(2, hook, minutes=60))
    await world.fires("First")
    await world.fires("Second")
    assert world.email.attempts == 1
    for _ in range(31):
        await world.advance(seconds=10)
    assert await world.value("SELECT count(*) FROM notifications WHERE level = 1 AND status = 'failed'") == 2
    assert await world.value("SELECT count(*) FROM notifications WHERE level = 2 AND status = 'sent'") == 2
    assert not await broken(world.db)


async def _webhook_too(world: World, who: User, *minutes: float) -> None:
    """A mail at once, and a webhook after each of these."""
    hook = await make.contact_method(world.db, who, "webhook", f"https://{who.name.lower()}.example.org/")
    mail = await world.value(
        "SELECT id FROM contact_methods WHERE type = 'email' AND user_id = :id", id=who.id
    )
    await make.notification_rule(world.db, who, str(mail))
    for each in minutes:
        await make.notification_rule(world.db, who, hook.id, minutes=each)


async def test_after_the_night_the_next_way_begins_as_at_day(world: World) -> None:
    """The mail that waited for the morning is refused: the webhook that was to come ten minutes later comes at once."""
    await world.policy(level(1, world.bob), level(2, world.alice, minutes=600))
    await _webhook_too(world, world.bob, 10)
    morning = world.clock() + 30 * MINUTE
    async with world.db.transaction() as tx:
        await tx.insert(
            "notification_preferences",
            Preferences(user_id=world.bob.id, do_not_disturb_until=morning, passes_from=None),
        )
    world.email.behave = _fails(NotifierError(Reason.REJECTED_RECIPIENT, "550", permanent=True))
    await world.fires("DiskFull")
    await world.advance(minutes=31)
    assert [message.kind for message in world.webhook.received] == [NotificationKind.PAGE]


async def test_many_who_were_reached_do_not_stand_before_one_who_was_not(world: World) -> None:
    """A hundred late pages of Alice, whose mails have left, are no reason that Bob's next way begins late."""
    world.webhook.behave = _fails(NotifierError(Reason.REFUSED, "not now"))
    await world.policy(level(1, world.alice))
    other = await make.policy(world.db, world.core, level(1, world.bob), name="Other")
    await make.integration(world.db, await make.service(world.db, world.core, other, name="Net"), "N")
    await _webhook_too(world, world.alice, 0, 4)
    hook = await make.contact_method(world.db, world.bob, "webhook", "https://bob.example.org/")
    mail = await world.value("SELECT id FROM contact_methods WHERE address = 'bob@example.org'")
    await make.notification_rule(world.db, world.bob, hook.id)
    await make.notification_rule(world.db, world.bob, str(mail), minutes=4)
    await _storm(world, 101)
    await world.advance(seconds=10)
    await _storm(world, 1, "N")
    await world.engine.run_until_idle()
    assert not world.mailbox(world.bob)._messages
    world.clock.advance(46 * SECOND)
    await world.engine.run_until_idle()
    world.mailbox(world.bob).got("N 0")


@pytest.mark.proves("NO-6")
async def test_when_no_owner_of_the_team_can_be_reached_those_of_the_organization_are(world: World) -> None:
    """Bob's page and that of Alice, who owns the team, are refused: Olga, who owns the organization, is paged, once."""
    olga = await make.user(world.db, world.cast.organization, "Olga", Role.OWNER)

    def behave(message: Message) -> Receipt:
        if message.to != olga.email:
            raise NotifierError(Reason.REJECTED_RECIPIENT, "550", permanent=True)
        return Receipt(provider_id="yes")

    world.email.behave = behave
    await world.policy(level(1, world.bob))
    await world.fires("DiskFull")
    world.mailbox(olga).got("DiskFull")
    await world.advance(minutes=30)
    world.is_quiet_for(olga)
    assert "No page to the owners of the team arrived. Olga told." in await world.story()
    assert not await broken(world.db)


@pytest.mark.proves("ES-8")
async def test_who_left_or_took_an_address_away_meanwhile_is_not_paged_by_it(world: World) -> None:
    """Bob is switched off, and Charlie's webhook removed, between plan and step: it is no page, and others go on."""
    await world.policy(level(1, world.bob, world.charlie), level(2, world.alice, minutes=60))
    await _webhook_too(world, world.bob, 2)
    await _webhook_too(world, world.charlie, 3)
    await world.fires("DiskFull")
    async with world.db.transaction() as tx:
        await tx.execute("UPDATE users SET is_active = :no WHERE name = 'Bob'", no=False)
        await tx.execute("DELETE FROM contact_methods WHERE address = 'https://charlie.example.org/'")
    await world.advance(minutes=4)
    assert not world.webhook.received
    failed = "SELECT failure_reason FROM notifications WHERE channel = 'webhook' AND user_id = :id"
    assert "deactivated" in await world.value(failed, id=world.bob.id)
    assert "removed" in await world.value(failed, id=world.charlie.id)


@pytest.mark.proves("NO-1", "NO-6")
async def test_the_last_repeat_that_a_stop_swallows_lets_the_next_way_begin(world: World) -> None:
    """The process dies with Bob's mail in its hands again and again: his webhook begins, and the timeline tells why."""
    await world.policy(level(1, world.bob), level(2, world.alice, minutes=60))
    await _webhook_too(world, world.bob, 30)
    await world.post_all([(world.group(world.alert("DiskFull")), "A")])
    await escalate.run_due(world.db)
    async with world.db.transaction() as tx:
        await tx.execute(
            "UPDATE notifications SET status = 'sending', possible_repeat = :yes, attempts = 5, run_id = 'gone', "
            "claimed_at = :now WHERE channel = 'email'",
            yes=True,
            now=tx.now,
        )
    await world.engine.deliver.recover()
    assert await world.value("SELECT status FROM notifications WHERE channel = 'email'") == "unknown"
    await world.engine.run_until_idle()
    assert [message.kind for message in world.webhook.received] == [NotificationKind.PAGE]
    assert any("no answer came" in each for each in await world.story())
    assert not await unsettled(world.db)


@pytest.mark.proves("NO-2", "NO-7")
@pytest.mark.parametrize("is_reached", [False, True], ids=["nothing came", "another way came"])
async def test_the_end_of_an_incident_says_that_its_page_may_be_lost(world: World, is_reached: bool) -> None:
    """The server dies with Bob's page in its hands, and after the start somebody has resolved before it could leave
    once more: the first message that Bob gets by each way says so, unless his page came by another way.
    """
    await world.policy(level(1, world.bob))
    await _webhook_too(world, world.bob, 0)
    await world.post_all([(world.group(world.alert("DiskFull")), "A")])
    await escalate.run_due(world.db)
    lost = "status = 'sending', attempts = 1, run_id = 'gone', claimed_at = :now"
    taken = "status = 'sent', due_at = NULL, sent_at = :now"
    for channel, became in (("email", lost), ("webhook", taken if is_reached else lost)):
        async with world.db.transaction() as tx:
            await tx.execute(
                f"UPDATE notifications SET {became} WHERE channel = :channel", channel=channel, now=tx.now
            )
    await world.engine.deliver.recover()
    incident = await world.incident()
    async with world.db.transaction(world.as_(world.alice)) as tx:
        await incidents.resolve(tx, incident.id)
        mails = "UPDATE notifications SET due_at = :later WHERE kind = 'update' AND channel = 'email'"
        assert len(await tx.changed(f"{mails} RETURNING id", later=tx.now + SECOND)) == 1
    await world.advance(seconds=2)
    (post,), (mail,) = world.webhook.received, world.email.received
    assert {post.headline, mail.headline} == {"Resolved by Alice" + ("" if is_reached else news.IN_DOUBT)}
    assert ("nobody knows" in mail.reason) is not is_reached
    status = "SELECT status FROM notifications WHERE kind = 'page' AND channel = 'email'"
    assert await world.value(status) == "unknown"
    assert not await unsettled(world.db)
