"""Somebody's own rules, quiet hours and do-not-disturb: pages come as they set it, and nothing is lost meanwhile."""

from typing import Any

import pytest

from openalert.domain.instant import HOUR, MINUTE
from openalert.domain.notification import NotificationKind
from openalert.domain.quiet import QuietWindow
from openalert.domain.severity import Severity
from openalert.domain.user import User
from openalert.notifiers.notifier import Message, NotifierError, Reason, Receipt
from openalert.storage import notifications
from openalert.usecases import incidents, notification_rules
from tests import make
from tests.cast import World, level

pytestmark = pytest.mark.anyio

MORNING = QuietWindow(days=tuple(range(7)), from_time="08:00", to_time="11:00")
"""The clock of the tests begins at 09:00."""


async def quiet(world: World, who: User, **changes: Any) -> None:
    """The person wants quiet until 11:00, but for what is critical, unless told otherwise."""
    wanted: dict[str, Any] = {
        "windows": (MORNING,),
        "passes_from": Severity.CRITICAL,
        "do_not_disturb_until": None,
    }
    await world.does(notification_rules.set_quiet, who.id, by=who, **(wanted | changes))


async def rule(world: World, who: User, kind: str = "email", minutes: float = 0, **members: Any) -> None:
    """A rule of the person by their method of this kind, which is made and verified if there is none."""
    method = await world.value(
        "SELECT id FROM contact_methods WHERE user_id = :u AND type = :k", u=who.id, k=kind
    )
    if method is None:
        method = (await make.contact_method(world.db, who, kind, f"{kind} of {who.name}")).id
    await world.does(
        notification_rules.create,
        who.id,
        by=who,
        contact_method_id=method,
        delay=round(minutes * MINUTE),
        **members,
    )


async def test_a_page_comes_in_steps_until_somebody_answers(world: World) -> None:
    """At once by mail, after two minutes by the other way; what is left after the answer never leaves."""
    await world.policy(level(1, world.bob), level(2, world.charlie, minutes=60))
    await rule(world, world.bob)
    await rule(world, world.bob, "webhook", 2)
    await rule(world, world.bob, "webhook", 30.5)
    await world.fires("DiskFull")
    assert [message.to for message in world.email.received] == ["bob@example.org"]
    assert not world.webhook.received
    await world.advance(minutes=2)
    assert [message.to for message in world.webhook.received] == ["webhook of Bob"]
    await world.does(incidents.acknowledge, (await world.incident()).id, by=world.bob)
    await world.advance(minutes=90)
    assert [message.kind for message in world.webhook.received] == [NotificationKind.PAGE]
    assert await world.value("SELECT count(*) FROM notifications WHERE status = 'cancelled'") == 1
    assert "1 page(s) not sent: Bob acknowledged." in await world.story()


async def test_a_later_step_has_its_five_minutes_from_its_own_beginning(world: World) -> None:
    """A call twenty minutes later is not given up before it began, and does not count as a page that waits."""
    await world.policy(level(1, world.bob))
    await rule(world, world.bob)
    await rule(world, world.bob, "webhook", 20)
    failed = iter([NotifierError(Reason.UNREACHABLE, "No route.")])

    def behave(message: Message) -> Receipt:
        if (error := next(failed, None)) is not None:
            raise error
        return Receipt(provider_id="finally")

    world.webhook.behave = behave
    await world.fires("DiskFull")
    await world.advance(minutes=20, seconds=10)
    assert [message.to for message in world.webhook.received] == ["webhook of Bob"]


async def test_what_is_waiting_for_its_step_is_no_page_that_left(world: World) -> None:
    """Bob's call is minutes away when Alice resolves: he was mailed and hears of it by mail alone."""
    await world.policy(level(1, world.bob))
    await rule(world, world.bob)
    await rule(world, world.bob, "webhook", 10)
    await world.fires("DiskFull")
    world.mailbox(world.bob).got("DiskFull")
    await world.does(incidents.resolve, (await world.incident()).id)
    world.mailbox(world.bob).got_update("Resolved")
    await world.advance(minutes=30)
    world.is_quiet()


async def test_it_is_repeated_until_somebody_answers(world: World) -> None:
    """Every five minutes, twice, and then no more."""
    await world.policy(level(1, world.bob))
    await world.does(
        notification_rules.set_preferences,
        world.bob.id,
        by=world.bob,
        min_severity=Severity.INFO,
        repeat_every=5 * MINUTE,
        repeat_most=2,
        handoffs=True,
    )
    await world.fires("DiskFull")
    await world.advance(minutes=4)
    world.mailbox(world.bob).got("DiskFull")
    await world.advance(minutes=2)
    world.mailbox(world.bob).got("DiskFull")
    await world.advance(minutes=60)
    world.mailbox(world.bob).got("DiskFull")
    world.is_quiet_for(world.bob)


@pytest.mark.proves("NO-8")
async def test_quiet_hours_hold_a_page_while_the_escalation_goes_on(world: World) -> None:
    """Bob's page waits for 11:00 and says so; Charlie is paged after five minutes as the policy has it."""
    await world.policy(level(1, world.bob), level(2, world.charlie, minutes=5))
    await quiet(world, world.bob)
    await world.fires("DiskFull", severity="minor")
    world.is_quiet()
    assert "Level 1: held until 11:00 by Bob's quiet hours" in await world.story()
    await world.advance(minutes=5)
    world.mailbox(world.charlie).got("DiskFull")
    world.is_quiet()
    await world.advance(minutes=120)
    world.mailbox(world.bob).got("DiskFull")
    digest = world.mailbox(world.bob).got(
        "1 page was held for you, it is still open", NotificationKind.DIGEST
    )
    assert [(each.words, each.tone, each.detail) for each in digest.points] == [
        ("#1 DiskFull", "medium", "Since Mon 09:00, nobody has acknowledged it.")
    ]


@pytest.mark.proves("NO-8")
async def test_what_ended_meanwhile_is_listed_when_the_quiet_is_over(world: World) -> None:
    """Held, acknowledged by Alice, resolved: Bob gets no page at eleven, but learns what there was, once."""
    await world.policy(level(1, world.bob, world.charlie))
    await quiet(world, world.bob)
    await world.fires("DiskFull", severity="minor")
    await world.fires("CertExpired", severity="minor")
    await world.does(incidents.acknowledge, (await world.incident(1)).id)
    await world.advance(minutes=10)
    await world.resolves("CertExpired", severity="minor")
    await world.advance(minutes=120)
    digest = world.mailbox(world.bob).got("2 pages were held for you, 1 still open", NotificationKind.DIGEST)
    assert [(each.words, each.detail) for each in digest.points] == [
        ("#1 DiskFull", "Since Mon 09:00, acknowledged by Alice at Mon 09:00."),
        ("#2 CertExpired", "Since Mon 09:00, resolved at Mon 09:10."),
    ]
    assert all("/incidents/" in each.url for each in digest.points)
    world.is_quiet_for(world.bob)


@pytest.mark.proves("NO-8")
async def test_critical_passes_unless_the_person_said_that_nothing_does(world: World) -> None:
    """Bob lets critical through; Charlie chose that nothing passes."""
    await world.policy(level(1, world.bob, world.charlie))
    await quiet(world, world.bob)
    await quiet(world, world.charlie, passes_from=None)
    await world.fires("DiskFull", severity="critical")
    world.mailbox(world.bob).got("DiskFull")
    world.is_quiet()
    assert "Level 1: Bob to be paged; held until 11:00 by Charlie's quiet hours" in await world.story()


@pytest.mark.proves("NO-8")
async def test_do_not_disturb_that_ends_early_lets_go_what_it_held(world: World) -> None:
    """Switched off after ten minutes: the page comes at once, with the list of what else was held."""
    await world.policy(level(1, world.bob), level(2, world.charlie, minutes=600))
    until = world.clock() + 4 * HOUR
    await quiet(world, world.bob, windows=(), do_not_disturb_until=until)
    await world.fires("DiskFull", severity="minor")
    assert "Level 1: held until 13:00 by Bob's do-not-disturb" in await world.story()
    await world.advance(minutes=10)
    world.is_quiet()
    await quiet(world, world.bob, windows=())
    world.mailbox(world.bob).got("DiskFull")
    world.mailbox(world.bob).got("1 page was held", NotificationKind.DIGEST)
    await world.does(incidents.resolve, (await world.incident()).id)
    world.mailbox(world.bob).got_update("Resolved")
    await world.advance(minutes=300)
    world.is_quiet()


async def test_do_not_disturb_that_is_made_longer_holds_on(world: World) -> None:
    """What was held until ten is held until twelve, steps and list with it."""
    await world.policy(level(1, world.bob), level(2, world.charlie, minutes=600))
    await quiet(world, world.bob, windows=(), do_not_disturb_until=world.clock() + HOUR)
    await world.fires("DiskFull", severity="minor")
    await quiet(world, world.bob, windows=(), do_not_disturb_until=world.clock() + 3 * HOUR)
    await world.advance(minutes=170)
    world.is_quiet_for(world.bob)
    await world.advance(minutes=20)
    world.mailbox(world.bob).got("DiskFull")
    world.mailbox(world.bob).got("1 page was held", NotificationKind.DIGEST)
    world.is_quiet_for(world.bob)


@pytest.mark.proves("NO-6")
async def test_a_colleague_whose_page_fails_does_not_wait_for_somebody_asleep(world: World) -> None:
    """Charlie cannot be reached, Bob's page is held for hours: level 2 is paged at once, not after its delay."""
    await world.policy(level(1, world.bob, world.charlie), level(2, world.alice, minutes=60))
    await quiet(world, world.bob)

    def behave(message: Message) -> Receipt:
        if message.to == "charlie@example.org":
            raise NotifierError(Reason.REFUSED, "550 no such user", permanent=True)
        return Receipt(provider_id="yes")

    world.email.behave = behave
    await world.fires("DiskFull", severity="minor")
    assert [message.to for message in world.email.received if message.kind is NotificationKind.PAGE] == [
        "alice@example.org"
    ]


async def test_when_everybody_sleeps_the_owner_is_told_at_once(world: World) -> None:
    """The only level is held and nobody was paged: Alice, who owns the team and sleeps too, has a mail at once."""
    await world.policy(level(1, world.bob))
    await quiet(world, world.bob)
    await quiet(world, world.alice)
    await world.fires("DiskFull", severity="minor")
    await world.advance(minutes=6)
    page = world.mailbox(world.alice).got("DiskFull")
    assert page.reason == "You own the team and nobody else answers."


async def test_whoever_wants_no_such_page_is_passed_over_with_words(world: World) -> None:
    """Bob wants nothing below high: the level reaches nobody, says why, and the next one is paged at once."""
    await world.policy(level(1, world.bob), level(2, world.charlie, minutes=30))
    await world.does(
        notification_rules.set_preferences,
        world.bob.id,
        by=world.bob,
        min_severity=Severity.HIGH,
        repeat_every=5 * MINUTE,
        repeat_most=0,
        handoffs=True,
    )
    await world.fires("DiskFull", severity="minor")
    world.mailbox(world.charlie).got("DiskFull")
    world.is_quiet()
    story = await world.story()
    assert "Level 1 reached nobody (Bob wants no pages below high); going on at once" in story


async def test_a_rule_whose_address_is_gone_does_not_lose_the_page(world: World) -> None:
    """The way of Bob's only rule is removed: he is mailed instead, and the timeline says so."""
    await world.policy(level(1, world.bob))
    await rule(world, world.bob, "webhook")
    async with world.db.transaction() as tx:
        await tx.execute("DELETE FROM contact_methods WHERE type = 'webhook'")
    await world.fires("DiskFull")
    world.mailbox(world.bob).got("DiskFull")
    assert any("a rule of Bob names an address that is gone" in each for each in await world.story())


@pytest.mark.proves("ES-5", "F-20")
async def test_setting_the_clock_moves_delays_and_not_the_morning(world: World) -> None:
    """The clock is set an hour on: what waits for eleven still waits for eleven, a later step moves along."""
    await world.policy(level(1, world.bob, world.charlie))
    await quiet(world, world.bob)
    await rule(world, world.charlie)
    await rule(world, world.charlie, "webhook", 30)
    await world.fires("DiskFull", severity="minor")
    before = world.clock()
    world.clock.advance(HOUR)
    async with world.db.transaction() as tx:
        await notifications.shift(tx, HOUR)
    held = await world.value("SELECT min(due_at) FROM notifications WHERE held_until IS NOT NULL")
    step = await world.value("SELECT min(due_at) FROM notifications WHERE channel = 'webhook'")
    assert (held, step) == (before + 2 * HOUR, before + 90 * MINUTE)
