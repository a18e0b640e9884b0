"""Reachability through the whole engine: what comes back from messages, and who gets to see it."""

import pytest

from openalert import telemetry
from openalert.domain.action import Verb
from openalert.domain.instant import DAY
from openalert.domain.reachability import MethodState, Reachability, ReachState
from openalert.engine import measures
from openalert.notifiers.notifier import Message, NotifierError, Reason, Receipt
from openalert.storage import contact_methods
from openalert.usecases import reachability, replies
from tests import make
from tests.cast import LINKS_BACK, World, level

pytestmark = pytest.mark.anyio


async def reach(world: World) -> Reachability:
    """How Alice stands."""
    async with world.db.read() as reader:
        return (await reachability.of_people(reader, [world.alice.id]))[world.alice.id]


def gone(message: Message) -> Receipt:
    """A mail server that knows nobody of that name."""
    raise NotifierError(Reason.REJECTED_RECIPIENT, "550 5.1.1 no such user", permanent=True)


async def test_a_message_that_was_taken_proves_nothing(world: World) -> None:
    """A mail server took the page; whether anybody reads mail there is not known yet."""
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull")
    world.mailbox(world.alice).got("DiskFull")
    (method,) = (await reach(world)).methods
    assert (method.state, method.proven_at) == (MethodState.VERIFIED, None)


async def test_an_answer_by_a_link_proves_the_way_it_came(world: World) -> None:
    """Alice presses the button in her mail: the mail is proven, at this moment; her other way is not."""
    other = await make.contact_method(world.db, world.alice, "webhook", "https://push.example.org/alice")
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull")
    page = world.mailbox(world.alice).got("DiskFull")
    token = page.actions[0].url.rpartition("/")[2]
    async with world.db.transaction() as tx:
        await replies.accept(tx, LINKS_BACK.secret, token)
    states = {each.id: each.proven_at for each in (await reach(world)).methods}
    assert states.pop(other.id) is None
    assert list(states.values()) == [world.clock()]


async def test_an_answer_by_a_button_proves_its_way(world: World) -> None:
    """What a provider sends back about one message proves the way of that message; somebody else's press does not."""
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull")
    page = world.mailbox(world.alice).got("DiskFull")
    async with world.db.transaction() as tx:
        await replies.by_message(
            tx, page.notification_id, Verb.ACKNOWLEDGE, via="a button", user_id=world.bob.id
        )
    assert (await reach(world)).methods[0].proven_at is None
    async with world.db.transaction() as tx:
        await replies.by_message(tx, page.notification_id, Verb.RESOLVE, via="a button")
    assert (await reach(world)).methods[0].state is MethodState.PROVEN


async def test_what_never_arrives_fails_until_it_is_taken_again(world: World) -> None:
    """A refusal for good makes the only way a failing one, with the first time and the newest words; then it mends."""
    world.email.behave = gone
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull")
    first = world.clock()
    failing = await reach(world)
    assert (failing.state, failing.ways) == (ReachState.UNREACHABLE, 0)
    assert failing.weakest == "Every way fails: E-mail since 5 January."
    await world.advance(minutes=60)
    await world.fires("MemoryFull", key="B")
    (method,) = (await reach(world)).methods
    assert method.failing_since == first
    assert "no such user" in (method.last_failure or "")
    world.email.behave = None
    await world.advance(minutes=60)
    await world.fires("LoadHigh")
    mended = await reach(world)
    assert (mended.state, mended.methods[0].last_failure) == (ReachState.REACHABLE, None)


async def test_a_proof_grows_old(world: World) -> None:
    """Sixty days after the last answer nobody knows any more."""
    async with world.db.transaction() as tx:
        (method,) = await contact_methods.of_user(tx, world.alice.id)
        await contact_methods.prove(tx, method.id)
    assert (await reach(world)).state is ReachState.REACHABLE
    world.clock.advance(60 * DAY + 1)
    assert (await reach(world)).state is ReachState.DOUBTFUL


async def test_the_metric_counts_ways_of_responders(world: World) -> None:
    """A member of a team has as many ways as work; somebody who left the metric is not kept in it."""
    async with world.db.transaction() as tx:
        (method,) = await contact_methods.of_user(tx, world.alice.id)
        await contact_methods.fail(tx, method.id, "550 no such user")
    telemetry.RESPONDER_REACHABLE.labels(user="somebody who left").set(1)
    await measures.reach(world.db)
    counted = {
        sample.labels["user"]: sample.value
        for metric in telemetry.RESPONDER_REACHABLE.collect()
        for sample in metric.samples
    }
    assert (counted[world.alice.id], counted[world.bob.id]) == (0, 1)
    assert "somebody who left" not in counted
