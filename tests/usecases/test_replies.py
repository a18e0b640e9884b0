"""What a signed link can do: its act, to its incident, as its person, for a day, and nothing else."""

import pytest

from openalert.domain import action
from openalert.domain.action import Verb
from openalert.domain.errors import Conflict, NotFound
from openalert.domain.instant import DAY, MINUTE
from openalert.usecases import incidents, replies, services
from openalert.usecases.incidents import Answered
from tests.world import OUTSIDE, World, level

pytestmark = pytest.mark.anyio


async def _link(world: World, verb: Verb = Verb.ACKNOWLEDGE, of: str | None = None) -> str:
    """The link that Alice got for incident #1."""
    incident = await world.incident()
    return action.sign(OUTSIDE.secret, incident.id, of or world.alice.id, verb, world.clock())


async def _press(world: World, token: str, secret: bytes = OUTSIDE.secret) -> Answered:
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
