"""What a signed link can do: its act, to its incident, as its person, for a day, and nothing else."""

import asyncio

import pytest

from openalert.domain import action
from openalert.domain.access import Role
from openalert.domain.action import Verb
from openalert.domain.errors import Conflict, Forbidden, NotFound
from openalert.domain.instant import DAY, HOUR, MINUTE
from openalert.storage import notifications
from openalert.usecases import incidents, replies, services, users
from openalert.usecases.replies import Reply
from tests import make
from tests.cast import LINKS_BACK, World, level

pytestmark = pytest.mark.anyio


async def _link(world: World, verb: Verb = Verb.ACKNOWLEDGE, of: str | None = None) -> str:
    """The link that Alice got for incident #1."""
    incident = await world.incident()
    return action.sign(LINKS_BACK.secret, incident.id, of or world.alice.id, verb, world.clock(), "email")


async def _press(world: World, token: str, secret: bytes = LINKS_BACK.secret) -> Reply:
    async with world.db.transaction() as tx:
        return await replies.accept(tx, secret, token)


async def _fires(world: World) -> None:
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull")


async def test_a_link_acts_as_its_person_and_says_how(world: World) -> None:
    """Pressing acknowledges as Alice, pressing again changes nothing, and the timeline names the way."""
    await _fires(world)
    token = await _link(world)
    assert (await _press(world, token)).changed
    assert not (await _press(world, token)).changed
    assert (await world.incident()).acknowledged_by_id == world.alice.id
    (entry,) = await world.entries("acknowledged")
    assert (entry.actor_name, entry.data["via"]) == ("Alice", "e-mail link")


async def test_a_link_ends_after_a_day(world: World) -> None:
    """A minute before the day is over it works, at its end it does not."""
    await _fires(world)
    token = await _link(world)
    world.clock.advance(DAY)
    with pytest.raises(Conflict):
        await _press(world, token)
    assert (await world.incident()).status == "triggered"
    world.clock.advance(-MINUTE)
    assert (await _press(world, token)).changed


async def test_nothing_of_a_link_can_be_changed(world: World) -> None:
    """Any changed sign, another secret, a part of it, or none at all: there is no such link."""
    await _fires(world)
    token = await _link(world)
    body, _, tag = token.partition(".")
    changed = [
        token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        for place in range(0, len(token) - 1, 7)
    ]
    for bad in [*changed, body, tag, f".{tag}", f"{body}.", "", ".", "ä.ö", "a" * 5000]:
        with pytest.raises(NotFound):
            await _press(world, bad)
    with pytest.raises(NotFound):
        await _press(world, token, secret=b"another secret")
    assert (await world.incident()).status == "triggered"


async def test_a_link_of_somebody_who_left_or_never_was_is_none(world: World) -> None:
    """Deactivated people and unknown ids answer nothing."""
    await _fires(world)
    unknown, token = await _link(world, of="nobody"), await _link(world)
    async with world.db.transaction() as tx:
        await tx.execute("UPDATE users SET is_active = :no WHERE id = :id", no=False, id=world.alice.id)
    for each in (unknown, token):
        with pytest.raises(NotFound):
            await _press(world, each)


async def test_a_late_answer_changes_nothing_and_finds_who_was_first(world: World) -> None:
    """Bob resolved it before Alice pressed: both of her links are harmless and say who it was, and when."""
    await _fires(world)
    tokens = [await _link(world), await _link(world, Verb.RESOLVE)]
    await world.advance(minutes=1)
    resolved_at = world.clock()
    await world.does(incidents.resolve, (await world.incident()).id, by=world.bob)
    await world.advance(minutes=1)
    for token in tokens:
        answered = await _press(world, token)
        assert not answered.changed
        assert (answered.incident.resolved_by_id, answered.incident.resolved_at) == (
            world.bob.id,
            resolved_at,
        )


async def test_a_link_still_works_when_its_service_is_gone(world: World) -> None:
    """The service was deleted while its incident was open: whoever was paged can still answer."""
    await _fires(world)
    token = await _link(world, Verb.RESOLVE)
    await world.does(services.delete, world.service.id)
    assert (await _press(world, token)).changed
    assert (await world.incident()).status == "resolved"


async def _page_to(world: World, user_id: str) -> str:
    """The id of the newest page to this person."""
    incident = await world.incident()
    async with world.db.read() as reader:
        rows = await notifications.of_incident(reader, incident.id)
    return next(row.id for row in rows if row.user_id == user_id and row.kind == "page")


async def _by_button(world: World, row_id: str, verb: Verb, user_id: str | None = None) -> Reply:
    async with world.db.transaction() as tx:
        return await replies.by_message(tx, row_id, verb, via="Slack", user_id=user_id)


async def test_a_button_answers_as_whom_the_message_went_to(world: World) -> None:
    """Acknowledged as Alice by way of Slack; whoever presses later is told who was first, and when."""
    await world.policy(level(1, world.alice, world.bob))
    await world.fires("DiskFull")
    first = await _by_button(world, await _page_to(world, world.alice.id), Verb.ACKNOWLEDGE)
    late = await _by_button(world, await _page_to(world, world.bob.id), Verb.ACKNOWLEDGE)
    assert (first.changed, first.said) == (True, "#1 is yours. Nobody else is paged.")
    assert not late.changed
    assert late.said.startswith("#1 was acknowledged by Alice at ")
    again = await _by_button(world, await _page_to(world, world.alice.id), Verb.ACKNOWLEDGE)
    assert "by you" in again.said


async def test_a_button_gives_nobody_else_more_rights_than_they_have(world: World) -> None:
    """Somebody of another organization, and somebody switched off, press in vain; a member of the team does not."""
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull")
    row_id = await _page_to(world, world.alice.id)
    stranger = await make.user(world.db, await make.organization(world.db, "Other"), "Eve", Role.OWNER)
    with pytest.raises(NotFound):
        await _by_button(world, row_id, Verb.ACKNOWLEDGE, stranger.id)
    async with world.db.transaction(make.actor(world.alice)) as tx:
        await users.update(tx, world.bob.id, is_active=False)
    with pytest.raises(Forbidden):
        await _by_button(world, row_id, Verb.ACKNOWLEDGE, world.bob.id)
    with pytest.raises(NotFound):
        await _by_button(world, "no such message", Verb.ACKNOWLEDGE)
    assert (await world.incident()).status == "triggered"


async def test_an_old_page_gives_no_rights_to_what_was_opened_again(world: World) -> None:
    """Charlie is in no team here and was paged; in the next run of the escalation, which pages others, that is over."""
    await world.policy(level(1, world.charlie))
    await world.fires("DiskFull")
    row_id = await _page_to(world, world.charlie.id)
    async with world.db.transaction() as tx:
        await tx.execute("UPDATE incidents SET episode = episode + 1")
    with pytest.raises(NotFound):
        await _by_button(world, row_id, Verb.ACKNOWLEDGE)
    with pytest.raises(NotFound):
        await _press(world, await _link(world, of=world.charlie.id))
    assert (await world.incident()).status == "triggered"


async def test_handing_on_pages_the_next_one_at_once(world: World) -> None:
    """Alice cannot take it: Bob is paged now and not in five minutes, and the incident stays open."""
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=5))
    await world.fires("DiskFull")
    reply = await _by_button(world, await _page_to(world, world.alice.id), Verb.HAND_ON)
    await world.advance(seconds=1)
    assert reply.said == "You are out of #1. The next one is paged now."
    assert await _page_to(world, world.bob.id)
    assert (await world.incident()).status == "triggered"
    (entry,) = await world.entries("handed_on")
    assert (entry.actor_name, entry.data["via"]) == ("Alice", "Slack")


@pytest.mark.parametrize(
    ("verb", "said"),
    [
        (Verb.RESOLVE, "#1 is resolved."),
        (Verb.ESCALATE, "#1 goes to the next level now."),
        (Verb.SNOOZE, "#1 is silent until "),
    ],
)
async def test_every_verb_says_what_it_did(world: World, verb: Verb, said: str) -> None:
    """One sentence each, for the channel by which it came."""
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=5))
    await world.fires("DiskFull")
    reply = await _by_button(world, await _page_to(world, world.alice.id), verb)
    assert reply.changed
    assert reply.said.startswith(said)


@pytest.mark.parametrize("verb", [verb for verb in Verb if verb not in (Verb.JOIN, Verb.DECLINE)])
async def test_the_same_answer_twice_is_one(world: World, verb: Verb) -> None:
    """A button pressed twice, or delivered twice, does its work once and says so the second time."""
    await world.policy(
        level(1, world.alice), level(2, world.bob, minutes=5), level(3, world.charlie, minutes=5)
    )
    await world.fires("DiskFull")
    row_id = await _page_to(world, world.alice.id)
    assert (await _by_button(world, row_id, verb)).changed
    await world.engine.run_until_idle()
    told = await world.story()
    again = await _by_button(world, row_id, verb)
    await world.engine.run_until_idle()
    assert not again.changed
    assert again.said.startswith("#1 was ")
    assert " by you at " in again.said
    assert await world.story() == told
    world.mailbox(world.charlie).is_empty()


async def test_whoever_is_paged_again_can_send_it_on_again(world: World) -> None:
    """The repetition of the policy is a new question: Alice hands on once in each round."""
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=5), repeats=1, repeat_minutes=5)
    await world.fires("DiskFull")
    assert (await _by_button(world, await _page_to(world, world.alice.id), Verb.HAND_ON)).changed
    await world.advance(minutes=6)
    assert (await _by_button(world, await _page_to(world, world.alice.id), Verb.HAND_ON)).changed
    assert len(await world.entries("handed_on")) == 2


async def test_a_longer_snooze_is_another_answer(world: World) -> None:
    """Snoozed for an hour by Bob: Alice may make it four, and asking for less leaves it as it is."""
    await world.policy(level(1, world.alice, world.bob))
    await world.fires("DiskFull")
    await _by_button(world, await _page_to(world, world.bob.id), Verb.SNOOZE)
    row_id = await _page_to(world, world.alice.id)
    for length, changed in ((HOUR // 2, False), (4 * HOUR, True)):
        async with world.db.transaction() as tx:
            reply = await replies.by_message(tx, row_id, Verb.SNOOZE, via="Slack", snooze_for=length)
        assert reply.changed is changed
    first, second = await world.entries("snoozed")
    assert (first.actor_name, second.actor_name) == ("Bob", "Alice")


async def test_two_people_at_once_are_one_answer(world: World) -> None:
    """Both press in the same moment: one has it, the other is told so, and the story has one entry."""
    await world.policy(level(1, world.alice, world.bob))
    await world.fires("DiskFull")
    rows = [await _page_to(world, who.id) for who in (world.alice, world.bob)]
    answers = await asyncio.gather(*(_by_button(world, row_id, Verb.ACKNOWLEDGE) for row_id in rows))
    assert sorted(reply.changed for reply in answers) == [False, True]
    assert len(await world.entries("acknowledged")) == 1


async def test_a_link_says_by_which_channel_it_came_and_its_sisters_end_with_it(world: World) -> None:
    """What else the page behind a link offers ends when the link does, however late it was looked at."""
    await _fires(world)
    claims = action.read(LINKS_BACK.secret, await _link(world))
    assert claims is not None
    sister = action.read(LINKS_BACK.secret, action.other(LINKS_BACK.secret, claims, Verb.RESOLVE))
    assert sister is not None
    assert (sister.verb, sister.expires, sister.channel) == (Verb.RESOLVE, claims.expires, "email")
