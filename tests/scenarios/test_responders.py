"""Somebody asks for help: people are paged beside the escalation, answer whether they come, and one of them leads."""

from typing import Any

import pytest

from openalert.domain.access import Role
from openalert.domain.action import Verb
from openalert.domain.errors import Conflict, Invalid, NotFound
from openalert.domain.escalation import Target, TargetType
from openalert.domain.notification import NotificationKind
from openalert.domain.responder import Responder, ResponderRole, ResponderState
from openalert.domain.team import Team
from openalert.domain.user import User
from openalert.notifiers.notifier import Message, NotifierError, Reason, Receipt
from openalert.storage import responders as stored
from openalert.usecases import incidents, replies, responders
from tests import make
from tests.cast import LINKS_BACK, World, level

pytestmark = pytest.mark.anyio


def of(*who: User | Team) -> list[Target]:
    """These as what one can ask."""
    return [
        Target(type=TargetType.USER if isinstance(each, User) else TargetType.TEAM, id=each.id)
        for each in who
    ]


async def asks(world: World, *who: User | Team, by: User | None = None, **options: Any) -> responders.Asked:
    """Alice, or whoever is named, asks them; the engine sends what is to be sent."""
    incident = await world.incident()
    done: responders.Asked = await world.does(
        responders.ask, incident.id, targets=of(*who), by=by or world.alice, **options
    )
    await world.engine.run_until_idle()
    return done


async def unsent(world: World) -> None:
    """Alice asks Bob, and nothing has been sent yet."""
    incident = await world.incident()
    async with world.db.transaction(world.as_(world.alice)) as tx:
        await responders.ask(tx, incident.id, targets=of(world.bob))


async def there(world: World) -> dict[str, Responder]:
    """The responders of the incident by the person's id."""
    incident = await world.incident()
    async with world.db.read() as reader:
        return {each.user_id: each for each in await stored.of_incident(reader, incident.id)}


def link(message: Message, verb: Verb) -> str:
    """The token behind a button of the message."""
    return next(each.url for each in message.actions if each.verb == verb).rpartition("/")[2]


async def presses(world: World, message: Message, verb: Verb) -> replies.Reply:
    """Whoever has the message presses its button."""
    async with world.db.transaction() as tx:
        return await replies.accept(tx, LINKS_BACK.secret, link(message, verb))


async def test_whoever_is_asked_is_paged_although_somebody_has_the_incident(world: World) -> None:
    """Alice has it and asks Bob: his page says who asks and for what, and acknowledging did not hold it up."""
    await world.policy(level(1, world.alice), level(2, world.charlie, minutes=5))
    await world.fires("DiskFull")
    world.mailbox(world.alice).got("DiskFull")
    await world.does(incidents.acknowledge, (await world.incident()).id, by=world.alice)
    await asks(world, world.bob, message="replication is stuck")
    page = world.mailbox(world.bob).got("DiskFull")
    assert page.escalation_note == "Alice asks you to help with #1: replication is stuck."
    assert [each.verb for each in page.actions] == ["join", "decline", "resolve", "snooze"]
    assert "Alice asked Bob to help: replication is stuck" in await world.story()
    assert "incident.responder_added" in world.events
    reply = await presses(world, page, Verb.JOIN)
    assert reply.said == "You are coming to help with #1. Whoever works on it sees that."
    assert (await there(world))[world.bob.id].state is ResponderState.JOINED
    assert (await world.incident()).acknowledged_by_id == world.alice.id
    assert "Bob is coming to help by e-mail link" in await world.story()
    await world.engine.run_until_idle()
    world.is_quiet()


async def test_asking_leaves_the_escalation_as_it_is(world: World) -> None:
    """Nobody has it yet: that Bob comes to help stops no ladder, and Charlie of level 2 is paged in time."""
    await world.policy(level(1, world.alice), level(2, world.charlie, minutes=5))
    await world.fires("DiskFull")
    world.mailbox(world.alice).got("DiskFull")
    await asks(world, world.bob)
    await presses(world, world.mailbox(world.bob).got("DiskFull"), Verb.JOIN)
    await world.advance(minutes=5)
    world.mailbox(world.charlie).got("DiskFull")
    assert (await world.incident()).status == "triggered"
    world.is_quiet()


async def test_whoever_declines_can_be_asked_again(world: World) -> None:
    """A no is told; asked anew, Bob is paged anew, while asking twice in between pages nobody."""
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull")
    world.mailbox(world.alice).got("DiskFull")
    await asks(world, world.bob)
    twice = await asks(world, world.bob)
    assert (twice.asked, twice.already) == ([], ["Bob"])
    page = world.mailbox(world.bob).got("DiskFull")
    await presses(world, page, Verb.DECLINE)
    assert "Bob cannot help by e-mail link" in await world.story()
    again = await asks(world, world.bob)
    assert again.asked == ["Bob"]
    page = world.mailbox(world.bob).got("DiskFull")
    await presses(world, page, Verb.DECLINE)
    changed = await presses(world, page, Verb.JOIN)
    assert changed.changed
    assert (await there(world))[world.bob.id].state is ResponderState.JOINED
    once_more = await presses(world, page, Verb.JOIN)
    assert not once_more.changed
    assert "already" in once_more.said
    world.is_quiet()


async def test_the_keys_that_everybody_knows_answer_who_asks(world: World) -> None:
    """Taking what Alice has already is coming; handing on is not coming, and pages no next level."""
    await world.policy(level(1, world.alice), level(2, world.charlie, minutes=5))
    await world.fires("DiskFull")
    incident = await world.incident()
    await world.does(incidents.acknowledge, incident.id, by=world.alice)
    await asks(world, world.bob)
    await world.does(replies.answer, incident.id, Verb.ACKNOWLEDGE, via="SMS", by=world.bob)
    assert (await there(world))[world.bob.id].state is ResponderState.JOINED
    assert (await world.incident()).acknowledged_by_id == world.alice.id
    await asks(world, world.charlie)
    async with world.db.transaction() as tx:
        tx.actor = await replies.paged_person(tx, world.charlie.id, incident)
        await replies.answer(tx, incident.id, Verb.HAND_ON, via="SMS")
    assert (await there(world))[world.charlie.id].state is ResponderState.DECLINED


async def test_acknowledging_is_an_answer(world: World) -> None:
    """Bob, who was asked, takes it: he is there, and nothing more of the asking is sent."""
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull")
    await asks(world, world.bob)
    await world.does(incidents.acknowledge, (await world.incident()).id, by=world.bob)
    assert (await there(world))[world.bob.id].state is ResponderState.JOINED


async def test_there_is_one_commander(world: World) -> None:
    """Charlie leads in Bob's place; Bob stays, and the timeline says what happened."""
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull")
    incident = await world.incident()
    await asks(world, world.bob, role=ResponderRole.COMMANDER)
    await asks(world, world.charlie)
    await world.does(responders.give_role, incident.id, world.charlie.id, ResponderRole.COMMANDER)
    roles = {user: each.role for user, each in (await there(world)).items()}
    assert roles == {world.bob.id: "responder", world.charlie.id: "incident_commander"}
    assert "Alice made Charlie incident commander in place of Bob" in await world.story()
    assert next(iter(await there(world))) == world.charlie.id
    with pytest.raises(Invalid, match="one commander"):
        await asks(world, world.bob, world.alice, role=ResponderRole.COMMANDER)


async def test_a_commander_who_leaves_leads_no_more(world: World) -> None:
    """Bob led and declines: nobody leads, and he must be asked again before he can."""
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull")
    incident = await world.incident()
    await asks(world, world.bob, role=ResponderRole.COMMANDER)
    await world.does(responders.decline, incident.id, by=world.bob)
    assert (await there(world))[world.bob.id].role is ResponderRole.RESPONDER
    assert "Bob cannot help and is no longer incident commander" in await world.story()
    with pytest.raises(Conflict, match="ask them again"):
        await world.does(responders.give_role, incident.id, world.bob.id, ResponderRole.COMMANDER)


async def test_what_is_over_asks_nobody_any_more(world: World) -> None:
    """Resolved before the page left: it is not sent. Asking for help with what is over is refused."""
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull")
    world.mailbox(world.alice).got("DiskFull")
    incident = await world.incident()
    await unsent(world)
    await world.does(incidents.resolve, incident.id, by=world.alice)
    world.mailbox(world.bob).is_empty()
    with pytest.raises(Conflict, match="reopen it"):
        await asks(world, world.bob)


async def test_taking_somebody_off_stops_what_was_to_page_them(world: World) -> None:
    """Bob's page has not left when Alice thinks better of it; his old link does nothing."""
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull")
    incident = await world.incident()
    await unsent(world)
    await world.does(responders.remove, incident.id, world.bob.id, by=world.alice)
    world.mailbox(world.bob).is_empty()
    assert "Alice took Bob off the responders" in await world.story()
    with pytest.raises(NotFound):
        await world.does(responders.remove, incident.id, world.bob.id, by=world.alice)


async def test_a_higher_severity_pages_the_ladder_and_keeps_the_request(world: World) -> None:
    """The severity rises while Bob's page is on its way: the new run of the escalation does not swallow it."""
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull", severity="warning")
    await unsent(world)
    await world.fires("DiskFull", severity="critical")
    world.mailbox(world.bob).got("DiskFull")


async def test_a_request_that_reaches_nobody_says_so_and_hurries_no_level(world: World) -> None:
    """Bob's only way fails: the timeline says it, and the ladder of the incident waits for its own time."""
    await world.policy(level(1, world.alice), level(2, world.charlie, minutes=5))
    await world.fires("DiskFull")
    world.mailbox(world.alice).got("DiskFull")

    def refuse(message: Message) -> Receipt:
        raise NotifierError(Reason.REFUSED, "550 no such box", permanent=True)

    world.email.behave = refuse
    await asks(world, world.bob)
    assert any("Page to Bob by e-mail: failed" in line for line in await world.story())
    world.mailbox(world.charlie).is_empty()
    assert (await world.incident()).escalation_level == 1


async def test_asking_somebody_does_not_count_as_a_page_of_the_ladder(world: World) -> None:
    """The policy reaches nobody, and Bob was only asked to help: the owners are paged, not merely told."""
    ghost = await make.user(world.db, world.cast.organization, "Ghost", reachable=False)
    await world.policy(level(1, ghost, minutes=5))
    await world.fires("DiskFull")
    await asks(world, world.bob)
    world.mailbox(world.bob).got("DiskFull")
    await world.advance(minutes=6)
    page = world.mailbox(world.alice).got("DiskFull")
    assert page.kind is NotificationKind.PAGE


async def test_a_responder_from_another_team_may_answer_by_what_they_were_sent(world: World) -> None:
    """Dora is in no team of the incident: she joins by her link, and the incident stays out of her sight."""
    dora = await make.user(world.db, world.cast.organization, "Dora", role=Role.MEMBER)
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull")
    await asks(world, dora)
    page = world.mailbox(dora).got("DiskFull")
    await presses(world, page, Verb.JOIN)
    assert (await there(world))[dora.id].state is ResponderState.JOINED
    with pytest.raises(NotFound):
        await world.does(responders.come, (await world.incident()).id, by=dora)


async def test_teams_are_asked_member_by_member(world: World) -> None:
    """A team stands for its members, each asked once; oneself among them is simply there."""
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull")
    done = await asks(world, world.core, world.bob)
    assert done.asked == ["Bob"]
    states = {user: each.state for user, each in (await there(world)).items()}
    assert states[world.alice.id] is ResponderState.JOINED
    with pytest.raises(Invalid, match="there is no team"):
        incident = await world.incident()
        elsewhere = [Target(type=TargetType.TEAM, id="019b8d62-7a80-7003-a352-03ab0e4992a3")]
        await world.does(responders.ask, incident.id, targets=elsewhere, by=world.alice)


async def test_nobody_declines_who_was_not_asked(world: World) -> None:
    """There is nothing to say no to; coming unasked is welcome, with the time it takes."""
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull")
    incident = await world.incident()
    with pytest.raises(Conflict, match="Nobody asked you"):
        await world.does(responders.decline, incident.id, by=world.bob)
    await world.does(responders.come, incident.id, minutes=10, by=world.bob)
    assert "Bob is coming to help, there in 10 min" in await world.story()
    with pytest.raises(Invalid, match="24 hours"):
        await world.does(responders.come, incident.id, minutes=1e9, by=world.bob)
