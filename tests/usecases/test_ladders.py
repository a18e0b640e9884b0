"""The ladder of an incident as pages and messages show it: what is done, what comes next, when, and in which words."""

import pytest

from openalert.domain.access import Actor
from openalert.domain.instant import MINUTE, Instant
from openalert.domain.severity import Severity
from openalert.usecases import incidents, ladders
from openalert.usecases.ladders import Ladder
from tests import make
from tests.cast import World, level

pytestmark = pytest.mark.anyio


async def _drawn(world: World, viewer: Actor | None = None) -> Ladder:
    async with world.db.read() as reader:
        return await ladders.ladder(reader, await world.incident(), viewer)


async def _shown(world: World) -> list[tuple[str, Instant | None]]:
    """Of each rung its state, and in how many minutes it is due."""
    now = world.clock()
    return [
        (rung.state, None if rung.due_at is None else (rung.due_at - now) // MINUTE)
        for rung in (await _drawn(world)).rungs
    ]


async def _said(world: World) -> str:
    return ladders.in_words(await _drawn(world), await world.incident())


async def test_what_is_done_and_what_is_due(world: World) -> None:
    """Level for level, then again as often as the policy says, then the owners; answered, nothing is due."""
    await world.policy(
        level(1, world.alice),
        level(2, world.bob, minutes=5),
        level(3, world.charlie, minutes=10),
        repeats=1,
        repeat_minutes=20,
    )
    await world.fires("DiskFull")
    drawn = await _drawn(world)
    assert (drawn.policy, drawn.cycle, drawn.repeat_count) == ("Core policy", 0, 1)
    assert drawn.next_rung is drawn.rungs[1]
    assert await _shown(world) == [("done", None), ("next", 5), ("later", 15)]
    assert await _said(world) == "Bob is paged next unless someone acknowledges."
    await world.advance(minutes=15)
    assert await _shown(world) == [("next", 20), ("later", 25), ("later", 35)]
    assert await _said(world) == "Alice is paged next unless someone acknowledges."
    await world.advance(minutes=35)
    assert (await _drawn(world)).cycle == 1
    assert await _shown(world) == [("done", None)] * 3
    assert await _said(world) == "The owners are told next unless someone acknowledges."
    await world.does(incidents.acknowledge, (await world.incident()).id, by=world.bob)
    assert await _shown(world) == [("done", None)] * 3
    assert await _said(world) == ""


async def test_what_was_answered_early_has_rungs_that_never_came(world: World) -> None:
    """They are no longer due, and were not done."""
    await world.policy(
        level(1, world.alice), level(2, world.bob, minutes=5), level(3, world.alice, minutes=5)
    )
    await world.fires("DiskFull")
    await world.does(incidents.acknowledge, (await world.incident()).id, by=world.bob)
    assert await _shown(world) == [("done", None), ("later", None), ("later", None)]
    assert (await _drawn(world)).next_rung is None


async def test_what_was_answered_between_two_rounds_has_been_done(world: World) -> None:
    """Each level of the first one; none of the next."""
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=5), repeats=1, repeat_minutes=20)
    await world.fires("DiskFull")
    await world.advance(minutes=6)
    await world.does(incidents.acknowledge, (await world.incident()).id, by=world.bob)
    assert await _shown(world) == [("done", None), ("done", None)]


async def test_a_level_that_reaches_nobody_takes_no_time(world: World) -> None:
    """The one after it is called at once, so it is drawn with the time of that one."""
    nobody = await make.user(world.db, world.cast.organization, "Dora", reachable=False)
    await world.policy(
        level(1, world.alice),
        level(2, nobody, minutes=5),
        level(3, world.bob, minutes=10),
        level(4, world.bob, minutes=7),
    )
    await world.fires("DiskFull")
    assert await _shown(world) == [("done", None), ("next", 5), ("later", 5), ("later", 12)]


async def test_without_a_policy_there_is_no_ladder(world: World) -> None:
    """Nor are there words about what is next."""
    await world.without_policy()
    await world.fires("DiskFull")
    drawn = await _drawn(world)
    assert (drawn.policy, drawn.rungs) == (None, [])
    assert await _said(world) == ""


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ("", "Nobody yet is paged next"),
        ("A", "A is paged next"),
        ("AB", "A and B are paged next"),
        ("ABC", "A and B and C are paged next"),
        ("ABCDE", "A and B and C and 2 more are paged next"),
    ],
)
async def test_who_is_next_in_words(world: World, names: str, words: str) -> None:
    """All of a few, and of many how many more."""
    people = [await make.user(world.db, world.cast.organization, name) for name in names]
    nobody = await make.user(world.db, world.cast.organization, "Dora", reachable=False)
    await world.policy(level(1, world.alice), level(2, *(people or [nobody]), minutes=5))
    await world.fires("DiskFull")
    assert await _said(world) == f"{words} unless someone acknowledges."
    (rung,) = [each for each in (await _drawn(world)).rungs if each.state == "next"]
    assert rung.people == list(names)
    assert bool(rung.misses) is (not names)


async def test_each_has_the_ways_that_they_want_for_it(world: World) -> None:
    """By the severity that the incident has now."""
    mail = str(await world.value("SELECT id FROM contact_methods WHERE user_id = :id", id=world.bob.id))
    hook = await make.contact_method(world.db, world.bob, "webhook", "https://bob.example/")
    await make.notification_rule(world.db, world.bob, mail)
    await make.notification_rule(world.db, world.bob, hook.id, severity=Severity.CRITICAL)
    await world.policy(level(1, world.alice), level(2, world.bob, world.charlie, minutes=5))
    await world.fires("DiskFull", severity="warning")
    rung = (await _drawn(world)).rungs[1]
    assert (rung.ways, rung.channels) == ({"Bob": ["email"], "Charlie": ["email"]}, ["email"])
    await world.fires("DiskFull", since=1, severity="critical")
    rung = (await _drawn(world)).rungs[1]
    assert rung.ways == {"Bob": ["email", "webhook"], "Charlie": ["email"]}
    assert rung.channels == ["email", "webhook"]


async def test_each_reader_knows_what_they_may_know(world: World) -> None:
    """What is of a team that they do not see has no name for them; without a reader it is what the team knows."""
    others = await make.team(world.db, world.cast.organization, "Secret")
    channel = await make.channel(world.db, others, "webhook", "Their hook", url="https://theirs.example/")
    await world.policy(level(1, world.alice), level(2, channel, minutes=5))
    await world.fires("DiskFull")
    theirs = make.actor(world.alice, world.core, others)
    assert "Their hook" in str((await _drawn(world, theirs)).rungs[1])
    assert "Their hook" not in str((await _drawn(world)).rungs[1])
