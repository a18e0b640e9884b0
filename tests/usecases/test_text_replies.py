"""What people answer in words: which incident they mean, what it does, and what they are told."""

import pytest

from openalert.domain.access import Role
from openalert.domain.instant import DAY, MINUTE
from openalert.domain.user import User
from openalert.storage import reply_codes
from openalert.usecases import incidents, users
from openalert.usecases.text_replies import answer_text
from tests import make
from tests.cast import World, level

pytestmark = pytest.mark.anyio


async def _say(world: World, text: str, by: User | None = None) -> str:
    async with world.db.transaction() as tx:
        said = await answer_text(tx, user_id=(by or world.alice).id, text=text, via="SMS")
    await world.engine.run_until_idle()
    return said


async def _code(world: World, number: int = 1, of: User | None = None) -> int:
    incident = await world.incident(number)
    async with world.db.read() as reader:
        return await reply_codes.of(reader, (of or world.alice).id, incident.id)


async def _statuses(world: World, *numbers: int) -> list[str]:
    return [(await world.incident(number)).status.value for number in numbers]


async def test_a_page_carries_the_persons_own_number(world: World) -> None:
    """Each person counts for themselves from 10; the same incident keeps its number, news carry it too."""
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=5), repeats=1)
    await world.fires("DiskFull")
    await world.fires("NoSpace")
    assert world.mailbox(world.alice).got("DiskFull").reply_code == 10
    assert world.mailbox(world.alice).got("NoSpace").reply_code == 11
    await world.advance(minutes=5)
    assert world.mailbox(world.bob).got("DiskFull").reply_code == 10
    await world.advance(minutes=10)
    assert world.mailbox(world.alice).got("DiskFull").reply_code == 10
    await world.does(incidents.acknowledge, (await world.incident(2)).id, by=world.bob)
    assert world.mailbox(world.alice).got_update("Acknowledged").reply_code == 11


async def test_a_number_rests_before_it_means_something_else(world: World) -> None:
    """After 99 it begins again, passing by what is open or was resolved less than a week ago."""
    await world.policy(level(1, world.alice))
    for number in range(1, 93):
        # Far enough from the one before that each page leaves by itself, at once.
        await world.advance(seconds=30)
        await world.fires(f"A{number}")
        if number != 1:
            await world.does(incidents.resolve, (await world.incident(number)).id)
    assert [await _code(world, number) for number in (1, 90, 91, 92)] == [10, 99, 100, 101]
    await world.advance(minutes=8 * DAY / MINUTE)
    await world.fires("Late")
    # 10 is still open: 11 is the first that nobody can mean any more.
    assert await _code(world, 93) == 11
    assert await _code(world, 1) == 10


async def test_one_with_a_code_acknowledges_that_incident(world: World) -> None:
    """`1 11` takes the second of two, as Alice, by SMS; the first goes on."""
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull")
    await world.fires("NoSpace")
    assert await _say(world, "1 11") == "#2 is yours. Nobody else is paged."
    assert await _statuses(world, 1, 2) == ["triggered", "acknowledged"]
    (entry,) = await world.entries("acknowledged", 2)
    assert (entry.actor_name, entry.data["via"]) == ("Alice", "SMS")


async def test_without_a_code_it_is_the_only_one_or_the_answer_asks(world: World) -> None:
    """`1` takes the only page that waits; with two it changes nothing and lists both with their codes."""
    await world.policy(level(1, world.alice))
    assert await _say(world, "1") == "Nothing is open that you were paged for."
    await world.fires("DiskFull")
    await world.fires("NoSpace")
    asked = await _say(world, "1")
    assert asked.startswith("Which one? 11: NoSpace on Database (")
    assert "10: DiskFull on Database (" in asked
    assert asked.endswith("Answer 1 11 to acknowledge the first.")
    assert await _statuses(world, 1, 2) == ["triggered", "triggered"]
    await _say(world, "1 10")
    assert await _say(world, "1") == "#2 is yours. Nobody else is paged."
    assert (await _say(world, "resolve")).startswith("Which one? ")
    await _say(world, "resolve 10")
    assert await _say(world, "6") == "#2 is resolved."


async def test_too_late_says_who_and_when(world: World) -> None:
    """Bob was first; Alice hears it with or without her code, and the second answer changes nothing."""
    await world.policy(level(1, world.alice, world.bob))
    await world.fires("DiskFull")
    assert await _say(world, "1", by=world.bob) == "#1 is yours. Nobody else is paged."
    for text in ("1", "1 10", "ack"):
        assert (await _say(world, text)).startswith("#1 was acknowledged by Bob at ")
    await _say(world, "2", by=world.bob)
    for text in ("1", "2 10", "snooze 10", "pass"):
        assert (await _say(world, text)).startswith("#1 was resolved by Bob at ")
    assert len(await world.entries("acknowledged")) == len(await world.entries("resolved")) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("escalate 10", "#1 goes to the next level now."),
        ("pass", "You are out of #1. The next one is paged now."),
        ("snooze 10 30m", "#1 is silent until "),
        ("snooze 10 99d", "Snooze for at most 30 days"),
        ("10", "What about #1 DiskFull? 1 acknowledges"),
        ("9", "10: DiskFull on Database ("),
        ("?", "1 acknowledges, 2 resolves"),
        ("what is this", "That was not understood. 1 acknowledges"),
        ("1 77", "77 is no number of yours. 10: DiskFull"),
        ("", "That was not understood."),
    ],
)
async def test_every_answer_is_told_what_it_did(world: World, text: str, said: str) -> None:
    """Verbs, questions, wrong numbers and nonsense: one sentence or two that help."""
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=5))
    await world.fires("DiskFull")
    assert (await _say(world, text)).startswith(said)


async def test_nothing_is_left_to_escalate_to(world: World) -> None:
    """A refusal is a sentence, not an error: the telephone of whoever wrote shows it."""
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull")
    await world.advance(minutes=10)
    assert "has no next level" in await _say(world, "3")
    await _say(world, "1")
    assert "Nobody else is paged while you have it" in await _say(world, "3")


async def test_a_number_is_nobody_elses(world: World) -> None:
    """Charlie was not paged: Alice's number means nothing from him; switched off, Alice answers nothing either."""
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull")
    assert "10 is no number of yours" in await _say(world, "1 10", by=world.charlie)
    async with world.db.transaction(make.actor(world.alice)) as tx:
        await users.update(tx, world.bob.id, role=Role.OWNER)
        await users.update(tx, world.alice.id, is_active=False)
    assert await _say(world, "1 10") == "Your account here is switched off."
    assert await _statuses(world, 1) == ["triggered"]
