"""`openalert incident …`: what it lists, whom it answers as, and what it says."""

import pytest

from openalert.domain.errors import Forbidden, Invalid, NotFound
from openalert.domain.instant import MINUTE
from openalert.usecases import console, users
from tests import make
from tests.cast import World
from tests.make import level

pytestmark = pytest.mark.anyio


async def _run(world: World, command: str, **arguments: object) -> list[str]:
    lines = await console.run(world.db, command, arguments)
    await world.engine.run_until_idle()
    return lines


async def _answer(world: World, verb: str, **arguments: object) -> str:
    (line,) = await _run(world, "incident answer", verb=verb, number=1, **arguments)
    return line


async def test_the_list_has_what_is_open(world: World) -> None:
    """Number, severity, status, age, service and title; what is over only when it is asked for."""
    assert await _run(world, "incident list") == []
    await world.policy(level(1, world.alice))
    await world.fires("Disk\tfull\x1b[31m")
    await world.advance(minutes=3)
    (line,) = await _run(world, "incident list")
    assert line.split("\t")[:5] == ["#1", "medium", "triggered", "3 min", "Database"]
    assert "\x1b" not in line
    assert line.count("\t") == 5
    await _answer(world, "resolve")
    assert await _run(world, "incident list") == []
    (line,) = await _run(world, "incident list", everything=True)
    assert "\tresolved\t" in line


@pytest.mark.parametrize(
    ("verb", "kind", "said"),
    [
        ("acknowledge", "acknowledged", "#1 is yours"),
        ("resolve", "resolved", "#1 is resolved"),
        ("escalate", "escalated_by_hand", "#1 goes to the next level"),
        ("hand_on", "handed_on", "You are out of #1"),
        ("snooze", "snoozed", "#1 is silent until 20"),
    ],
)
async def test_every_answer_goes_by_the_number(world: World, verb: str, kind: str, said: str) -> None:
    """As the command, and as a person with `--as`; the story says that it came by the command line."""
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=5))
    await world.fires("DiskFull")
    assert (await _answer(world, verb, person=world.alice.email)).startswith(said)
    (entry,) = await world.entries(kind)
    assert (entry.actor_name, entry.data["via"]) == ("Alice", "command line")


async def test_without_a_person_it_is_the_command(world: World) -> None:
    """Nobody has it then, but nobody else is paged either."""
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull")
    await _answer(world, "acknowledge")
    (entry,) = await world.entries("acknowledged")
    assert entry.actor_name == "openalert incident acknowledge"
    assert (await world.incident()).acknowledged_by_id is None


async def test_a_snooze_is_as_long_as_asked_for(world: World) -> None:
    """`--for 30m`; what is no length of time is refused with how to write one."""
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull")
    with pytest.raises(Invalid, match="write 30m"):
        await _answer(world, "snooze", length="soon")
    await _answer(world, "snooze", length="30m")
    assert (await world.incident()).snoozed_until == world.clock() + 30 * MINUTE


async def test_a_person_has_the_rights_they_have(world: World) -> None:
    """A stranger to the team sees no such incident, whoever is switched off answers nothing, and numbers must exist."""
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull")
    with pytest.raises(NotFound):
        await _answer(world, "acknowledge", person=world.charlie.email)
    with pytest.raises(NotFound):
        await _answer(world, "acknowledge", person="nobody@example.org")
    with pytest.raises(NotFound):
        await _run(world, "incident answer", verb="resolve", number=7)
    async with world.db.transaction(make.actor(world.alice)) as tx:
        await users.update(tx, world.bob.id, is_active=False)
    with pytest.raises(Forbidden):
        await _answer(world, "acknowledge", person=world.bob.email)
    assert (await world.incident()).status == "triggered"


async def test_people_are_asked_and_listed(world: World) -> None:
    """By their addresses, as Alice: Bob is paged, listed as pending, and not paged twice; unknown ones are named."""
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull")
    asked = {"number": 1, "emails": [world.bob.email], "message": "Look", "person": world.alice.email}
    assert await _run(world, "incident ask", **asked) == ["Bob is paged."]
    assert world.mailbox(world.bob).got("DiskFull").escalation_note == "Alice asks you to help with #1: Look."
    assert await _run(world, "incident ask", **asked) == ["Bob was asked already."]
    assert await _run(world, "incident responders", number=1) == ["Bob\tresponder\tpending"]
    with pytest.raises(Invalid, match="no person with the address"):
        await _run(world, "incident ask", number=1, emails=["nobody@example.org"])


async def test_incidents_are_merged_by_their_numbers(world: World) -> None:
    """Two go into the first and one comes out again, with the rights of whoever is named."""
    await world.policy(level(1, world.alice))
    for name in ("DiskFull", "SlowQueries", "NoMemory"):
        await world.fires(name)
    with pytest.raises(NotFound):
        await _run(world, "incident merge", number=1, sources=[2, 3], person=world.charlie.email)
    (line,) = await _run(world, "incident merge", number=1, sources=[2, 3])
    assert line == "#2, #3 went into #1, which has 3 alerts now."
    (line,) = await _run(world, "incident unmerge", number=3, person=world.alice.email)
    assert line == "#3 is one of its own again, and triggered."
