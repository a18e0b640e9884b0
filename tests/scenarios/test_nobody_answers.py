"""Levels that reach nobody, policies that are missing, pages that cannot be delivered: never silent."""

import pytest

from openalert.domain.access import Role
from openalert.domain.notification import NotificationKind
from openalert.notifiers.notifier import LostAnswer, Message, NotifierError, Reason, Receipt
from openalert.usecases import escalation_policies, incidents
from tests import make
from tests.cast import World, level

pytestmark = pytest.mark.anyio


@pytest.mark.proves("ES-7")
async def test_a_level_that_reaches_nobody_goes_on_at_once_and_says_so(world: World) -> None:
    """Level 1 is an empty team: Bob of level 2 is paged in the same second, not after his delay."""
    empty = await make.team(world.db, world.cast.organization, "Nobody")
    await world.policy(level(1, empty), level(2, world.bob, minutes=30))
    await world.fires("DiskFull")
    world.mailbox(world.bob).got("DiskFull")
    assert "Level 1 reached nobody (another team has no members); going on at once" in await world.story()
    world.is_quiet()


@pytest.mark.proves("ES-7")
async def test_without_a_policy_the_team_owner_is_paged(world: World) -> None:
    """A service that nobody gave a policy still wakes somebody."""
    await world.without_policy()
    await world.fires("DiskFull")
    page = world.mailbox(world.alice).got("DiskFull")
    assert page.reason == "You own the team and nobody else answers."
    assert (await world.incident()).escalation_state == "none"
    world.is_quiet()


@pytest.mark.proves("ES-7", "NO-6")
async def test_when_nobody_at_all_is_reachable_the_organization_owner_is_paged(world: World) -> None:
    """Every level is empty and the team has no owner with an address: the organization's owner hears of it."""
    ghost = await make.user(world.db, world.cast.organization, "Ghost", reachable=False)
    orphans = await make.team(world.db, world.cast.organization, "Orphans")
    await make.member(world.db, orphans, ghost, Role.OWNER)
    policy = await make.policy(world.db, orphans, level(1, ghost), level(2, orphans, minutes=15))
    service = await make.service(world.db, orphans, policy, name="Orphan")
    await make.integration(world.db, service, "A")
    await world.fires("DiskFull")
    page = world.mailbox(world.alice).got("DiskFull")
    assert page.reason == "You own the organization and nobody else answers."
    story = await world.story()
    assert "Level 1 reached nobody (Ghost has no verified address); going on at once" in story
    assert "Nobody in the escalation policy could be reached. Alice told." in story
    world.is_quiet()


@pytest.mark.proves("ES-7", "NO-6")
async def test_as_long_as_one_owner_of_the_team_may_be_reached_those_of_the_organization_sleep(
    world: World,
) -> None:
    """One owner's address is dead, the other's takes nothing for now: Alice is paged when that one was given up."""
    orphans = await make.team(world.db, world.cast.organization, "Orphans")
    for name in ("Dora", "Erik"):
        owner = await make.user(world.db, world.cast.organization, name)
        await make.member(world.db, orphans, owner, Role.OWNER)
    await make.integration(world.db, await make.service(world.db, orphans, None, name="Orphan"), "A")

    def behave(message: Message) -> Receipt:
        if message.recipient_name == "Dora":
            raise NotifierError(Reason.REJECTED_RECIPIENT, "no such person", permanent=True)
        if message.recipient_name == "Erik":
            raise NotifierError(Reason.REFUSED, "not now")
        return Receipt(provider_id="x")

    world.email.behave = behave
    await world.fires("DiskFull")
    await world.advance(minutes=2)
    assert await world.value("SELECT status FROM notifications ORDER BY status LIMIT 1") == "failed"
    world.is_quiet()
    await world.advance(minutes=4)
    assert (
        world.mailbox(world.alice).got("DiskFull").reason
        == "You own the organization and nobody else answers."
    )
    world.is_quiet()


async def test_the_end_of_the_ladder_calls_no_owner_on_the_telephone(world: World) -> None:
    """Bob was paged and does not answer: Alice, who would be called for a page in a while, gets a mail and no call."""
    await make.contact_method(world.db, world.alice, "voice", "+4915112345678")
    await world.policy(level(1, world.bob))
    await world.fires("DiskFull", severity="critical")
    await world.advance(minutes=10)
    async with world.db.read() as reader:
        told = await reader.rows("SELECT channel FROM notifications WHERE kind = 'notice'")
    assert [row[0] for row in told] == ["email"]


@pytest.mark.proves("ES-8")
async def test_an_edited_policy_does_not_strand_or_bend_a_running_escalation(world: World) -> None:
    """The running incident keeps the levels it began with; the next one takes the new ones."""
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=5))
    await world.fires("First")
    world.mailbox(world.alice).got("First")
    policy_id = (await world.incident()).policy_id
    await world.does(escalation_policies.update, policy_id, levels=(level(1, world.bob),))
    await world.advance(minutes=5)
    world.mailbox(world.bob).got("First")
    await world.does(incidents.acknowledge, (await world.incident(1)).id, by=world.bob)
    world.mailbox(world.alice).got_update("Acknowledged by Bob")
    await world.fires("Second")
    world.mailbox(world.bob).got("Second")
    world.is_quiet()


@pytest.mark.proves("NO-1", "F-16")
async def test_a_failing_mail_server_is_tried_again_until_it_works(world: World) -> None:
    """Two refusals that may pass, then success: one page, three attempts, all in the log."""
    refusals = iter(
        [NotifierError(Reason.UNREACHABLE, "No route."), NotifierError(Reason.REFUSED, "451 later")]
    )

    def behave(message: Message) -> Receipt:
        error = next(refusals, None)
        if error is not None:
            raise error
        return Receipt(provider_id="finally")

    world.email.behave = behave
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull")
    await world.advance(minutes=1)
    world.mailbox(world.alice).got("DiskFull")
    assert world.email.attempts == 3
    assert await world.value("SELECT count(*) FROM notification_attempts") == 3
    assert await world.value("SELECT status FROM notifications") == "sent"
    world.is_quiet()


@pytest.mark.proves("NO-6", "F-16")
async def test_a_permanent_failure_moves_on_to_the_next_level_at_once(world: World) -> None:
    """Alice's address does not exist: Bob does not have to wait half an hour for it."""

    def behave(message: Message) -> Receipt:
        if message.to == world.alice.email:
            raise NotifierError(Reason.REJECTED_RECIPIENT, "550 no such user", permanent=True)
        return Receipt(provider_id="x")

    world.email.behave = behave
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=30))
    await world.fires("DiskFull")
    world.mailbox(world.bob).got("DiskFull")
    story = await world.story()
    assert "Page to Alice by e-mail: failed (Address not accepted: 550 no such user)" in story
    world.is_quiet()


@pytest.mark.proves("NO-6")
async def test_when_every_page_fails_for_good_the_owners_are_told_before_any_repetition(world: World) -> None:
    """Nobody got anything in the first round: the second is not waited for, the owner hears at once."""

    def behave(message: Message) -> Receipt:
        if message.to == world.bob.email:
            raise NotifierError(Reason.REJECTED_RECIPIENT, "550 no such user", permanent=True)
        return Receipt(provider_id="x")

    world.email.behave = behave
    await world.policy(level(1, world.bob), repeats=3, repeat_minutes=30)
    await world.fires("DiskFull")
    page = world.mailbox(world.alice).got("DiskFull")
    assert page.reason == "You own the team and nobody else answers."
    assert world.email.attempts == 2
    assert "Nobody in the escalation policy could be reached. Alice told." in await world.story()


@pytest.mark.proves("NO-1", "F-16")
async def test_a_page_that_cannot_be_sent_in_time_is_given_up_and_the_ladder_goes_on(world: World) -> None:
    """The mail server is away for good: after the budget of a page Bob's webhook is tried without further wait."""

    def behave(message: Message) -> Receipt:
        raise NotifierError(Reason.UNREACHABLE, "No route.")

    world.email.behave = behave
    ops = await make.channel(world.db, world.core, "webhook", url="https://hooks.example.org/ops")
    await world.policy(level(1, world.alice), level(2, ops, minutes=60))
    await world.fires("DiskFull")
    await world.advance(minutes=6)
    world.mailbox(ops).got("DiskFull")


@pytest.mark.proves("NO-2")
async def test_a_lost_answer_is_repeated_once_and_marked(world: World) -> None:
    """The provider took the message and the answer got lost: one more, marked, then it is left at that."""

    def behave(message: Message) -> Receipt:
        world.email.received.append(message)
        raise LostAnswer("The connection broke after DATA.")

    world.email.behave = behave
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull")
    await world.advance(minutes=30)
    first, second = world.mailbox(world.alice).got("DiskFull"), world.mailbox(world.alice).got("DiskFull")
    assert (first.possible_repeat, second.possible_repeat) == (False, True)
    assert await world.value("SELECT status FROM notifications WHERE kind = 'page'") == "unknown"
    assert "Page to Alice by e-mail: sent, but no answer came" in await world.story()


@pytest.mark.proves("ES-10")
async def test_the_end_of_the_ladder_is_told_to_the_owners(world: World) -> None:
    """Bob was paged and stayed silent for five minutes: the owner of the team is told that nobody answers."""
    await world.policy(level(1, world.bob))
    await world.fires("DiskFull")
    world.mailbox(world.bob).got("DiskFull")
    await world.advance(minutes=5)
    assert (
        world.mailbox(world.alice).got("DiskFull", NotificationKind.NOTICE).headline == "Nobody acknowledged"
    )
    assert "Nobody acknowledged. Alice told." in await world.story()


@pytest.mark.proves("ES-7", "ES-8")
async def test_a_deactivated_person_is_passed_over(world: World) -> None:
    """Who left the company is not paged; the level says why it reached nobody."""
    await world.policy(level(1, world.bob), level(2, world.alice, minutes=10))
    async with world.db.transaction() as tx:
        await tx.execute("UPDATE users SET is_active = :no WHERE id = :id", no=False, id=world.bob.id)
    await world.fires("DiskFull")
    world.mailbox(world.alice).got("DiskFull")
    assert "Level 1 reached nobody (Bob is deactivated); going on at once" in await world.story()
    world.is_quiet()


@pytest.mark.proves("ES-10")
async def test_a_repetition_without_any_delay_leaves_time_to_answer(world: World) -> None:
    """One level, no delays, repeated three times: a page every five minutes, not four in one second."""
    await world.policy(level(1, world.bob), repeats=3)
    await world.fires("DiskFull")
    world.mailbox(world.bob).got("DiskFull")
    world.is_quiet()
    await world.advance(minutes=5)
    world.mailbox(world.bob).got("DiskFull")
    world.is_quiet()


@pytest.mark.proves("ES-10")
async def test_an_empty_last_level_does_not_hurry_the_repetition(world: World) -> None:
    """Bob was paged and the level after him is empty: he is paged again after the delay, not a hundred times now."""
    empty = await make.team(world.db, world.cast.organization, "Nobody")
    await world.policy(level(1, world.bob), level(2, empty), repeats=100, repeat_minutes=10)
    await world.fires("DiskFull")
    world.mailbox(world.bob).got("DiskFull")
    world.is_quiet()
    await world.advance(minutes=10)
    world.mailbox(world.bob).got("DiskFull")
    world.is_quiet()


@pytest.mark.proves("ES-8", "ES-10")
async def test_a_policy_that_loses_everybody_ends_at_its_next_repetition(world: World) -> None:
    """Reached in the first round, nobody left in the second: the owner hears of it, ninety-eight more are not run."""
    await world.policy(level(1, world.bob), level(2, world.bob), repeats=100, repeat_minutes=10)
    await world.fires("DiskFull")
    async with world.db.transaction() as tx:
        await tx.execute("UPDATE users SET is_active = :no WHERE id = :id", no=False, id=world.bob.id)
    await world.advance(minutes=10)
    notice = world.mailbox(world.alice).got("DiskFull", NotificationKind.NOTICE)
    assert notice.headline == "Nobody acknowledged"
    assert (await world.incident()).escalation_state == "exhausted"
    assert len(await world.entries("escalation_empty")) == 2


async def test_failing_pages_do_not_hurry_the_repetition_for_those_who_were_reached(world: World) -> None:
    """Bob gets his page, the webhook of level 2 is gone for good: Bob is not paged a hundred times for it."""

    def behave(message: Message) -> Receipt:
        raise NotifierError(Reason.REJECTED_RECIPIENT, "410 gone", permanent=True)

    world.webhook.behave = behave
    ops = await make.channel(world.db, world.core, "webhook", url="https://hooks.example.org/ops")
    await world.policy(level(1, world.bob), level(2, ops), repeats=100, repeat_minutes=10)
    await world.fires("DiskFull")
    world.mailbox(world.bob).got("DiskFull")
    world.is_quiet()
    await world.advance(minutes=10)
    world.mailbox(world.bob).got("DiskFull")
    world.is_quiet()


async def test_who_was_paged_before_a_reopening_does_not_count_as_reached_after_it(world: World) -> None:
    """Bob was paged, left, and the incident opened again: nobody is reached now, so the owner is paged, not notified."""  # noqa: E501 - one sentence
    await world.policy(level(1, world.bob))
    await world.fires("DiskFull")
    incident_id = (await world.incident()).id
    await world.does(incidents.resolve, incident_id, by=world.bob)
    async with world.db.transaction() as tx:
        await tx.execute("UPDATE users SET is_active = :no WHERE id = :id", no=False, id=world.bob.id)
    await world.does(incidents.reopen, incident_id)
    world.mailbox(world.alice).got("DiskFull")
    assert "Nobody in the escalation policy could be reached. Alice told." in await world.story()
