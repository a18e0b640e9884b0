"""Handoff notes: what is drafted by itself, what people write, who gets it, and who may not touch it."""

import pytest

from openalert.domain.errors import Conflict, Forbidden, Invalid, NotFound
from openalert.domain.handoff_note import KEPT_FOR, LONGEST_WORDS
from openalert.domain.instant import DAY, HOUR
from openalert.domain.notification import NotificationKind
from openalert.domain.override import OverrideKind
from openalert.domain.schedule import Restriction, RotationChange, RotationType
from openalert.engine import escalate, housekeeping
from openalert.usecases import handoff_notes, incidents, overrides, schedules
from tests.cast import World, level

pytestmark = pytest.mark.anyio
HANDOFF = NotificationKind.HANDOFF


async def rota(world: World, **more: object) -> str:
    """Alice today, Bob tomorrow; looked at once."""
    made = await world.does(schedules.create, team_id=world.core.id, name="Days", timezone="UTC")
    change = RotationChange(
        rotation_type=RotationType.DAILY,
        member_ids=(world.alice.id, world.bob.id),
        effective_from=world.clock(),
        **more,  # type: ignore[arg-type]
    )
    await world.does(schedules.add_rotation, made.id, "Daily", change)
    await escalate.tell_handoffs(world.db)
    return str(made.id)


async def read(world: World, schedule_id: str) -> handoff_notes.Notes:
    """What Alice reads."""
    async with world.db.read() as reader:
        return await handoff_notes.of_schedule(reader, world.as_(world.alice), schedule_id)


async def hand_over(world: World) -> None:
    """A day later, and the messages about it are out."""
    world.clock.advance(DAY)
    await escalate.tell_handoffs(world.db)
    await world.engine.run_until_idle()


async def test_whoever_comes_gets_what_is_open_and_what_was_written(world: World) -> None:
    """Two incidents page Alice, one is over; she writes a line; Bob's message and the note have all of it."""
    schedule = await rota(world)
    await world.policy(level(1, world.alice))
    await world.fires("Disk full")
    await world.fires("Blip")
    first, second = await world.incident(1), await world.incident(2)
    await world.does(incidents.acknowledge, first.id, by=world.alice)
    await world.does(incidents.resolve, second.id, by=world.alice)
    draft = (await read(world, schedule)).running
    assert [(each.title, each.is_open, each.paged) for each in draft.facts.incidents] == [
        ("Disk full", True, True),
        ("Blip", False, True),
    ]
    await world.does(
        overrides.add,
        schedule,
        kind=OverrideKind.ADD,
        user_id=world.bob.id,
        start_at=world.clock() + HOUR,
        end_at=world.clock() + 2 * HOUR,
        reason="lunch",
        by=world.alice,
    )
    await world.does(handoff_notes.write, schedule, "  db-1 is slow;\nask Charlie  ", by=world.alice)
    await hand_over(world)
    body = world.mailbox(world.bob).got("You are on call for Days now", HANDOFF).body
    assert "Alice leaves you a note: db-1 is slow;\nask Charlie" in body
    assert "Still open: #1 Disk full (" in body
    assert "Paged during the shift, and over: 1." in body
    assert "Stood in: Bob, Mon 05 Jan 10:00 to Mon 05 Jan 11:00" in body
    note = (await read(world, schedule)).handed[0]
    assert (note.words, note.user_ids, note.handed_at) == (
        "db-1 is slow;\nask Charlie",
        (world.alice.id,),
        world.clock(),
    )
    await world.does(incidents.resolve, first.id, by=world.bob)
    [still] = (await read(world, schedule)).handed
    assert still.facts == note.facts, "a note says what was known when it was handed over"
    assert (await read(world, schedule)).running.user_ids == (world.bob.id,)


async def test_without_anything_to_say_the_message_is_as_short_as_before(world: World) -> None:
    """No incident, no word: nothing is added."""
    await rota(world)
    await hand_over(world)
    body = world.mailbox(world.bob).got("You are on call for Days now", HANDOFF).body
    assert body == "At least until Wed 07 Jan, 09:00."
    assert world.mailbox(world.alice).got("Your turn in Days is over", HANDOFF).body == "Bob took over."


async def test_words_that_come_late_are_told_to_whoever_is_on_now(world: World) -> None:
    """Alice writes after the handoff: Bob hears of it once, however often she mends it; later it is closed."""
    schedule = await rota(world)
    await hand_over(world)
    for person in (world.alice, world.bob):
        world.mailbox(person).got("", HANDOFF)
    note = (await read(world, schedule)).handed[0]
    for words in ("Watch db-1", "Watch db-1 and db-2"):
        await world.does(handoff_notes.write, schedule, words, note.id, by=world.alice)
        await world.engine.run_until_idle()
        world.clock.advance(HOUR)
    message = world.mailbox(world.bob).got("A handoff note for Days", HANDOFF)
    told = await world.value("SELECT count(*) FROM notifications WHERE effect_key LIKE 'note:%'")
    assert told == 1
    assert message.body == "Alice leaves you a note: Watch db-1"
    world.is_quiet()
    await hand_over(world)
    with pytest.raises(Conflict):
        await world.does(handoff_notes.write, schedule, "Too late", note.id, by=world.alice)


async def test_after_a_gap_the_note_is_for_the_next_to_come(world: World) -> None:
    """Office hours: what Alice leaves in the evening Bob gets the next morning; a week later it is stale."""
    schedule = await rota(world, restrictions=(Restriction(from_time="09:00", to_time="17:00"),))
    await world.does(handoff_notes.write, schedule, "Backups are off", by=world.alice)
    world.clock.advance(8 * HOUR)
    await escalate.tell_handoffs(world.db)
    world.clock.advance(16 * HOUR)
    await escalate.tell_handoffs(world.db)
    await world.engine.run_until_idle()
    assert "Backups are off" in world.mailbox(world.bob).got("You are on call", HANDOFF).body


async def test_who_may_write_and_what(world: World) -> None:
    """Members of the team; no novel; a note of another schedule is not there."""
    schedule = await rota(world)
    other = await rota(world)
    with pytest.raises((NotFound, Forbidden)):
        await world.does(handoff_notes.write, schedule, "Hello", by=world.charlie)
    with pytest.raises(Invalid):
        await world.does(handoff_notes.write, schedule, "x" * (LONGEST_WORDS + 1), by=world.alice)
    await hand_over(world)
    note = (await read(world, other)).handed[0]
    with pytest.raises(NotFound):
        await world.does(handoff_notes.write, schedule, "Hello", note.id, by=world.alice)


async def test_notes_are_forgotten_after_three_months(world: World) -> None:
    """With the hourly chores."""
    schedule = await rota(world)
    await hand_over(world)
    world.clock.advance(KEPT_FOR + DAY)
    await housekeeping.forget(world.db, 30)
    assert (await read(world, schedule)).handed == []


async def test_a_note_stays_with_the_team_whose_incidents_it_names(world: World) -> None:
    """What happened before a schedule was given to another team is not told there."""
    schedule = await rota(world)
    await world.does(handoff_notes.write, schedule, "Ours", by=world.alice)
    await hand_over(world)
    async with world.db.transaction() as tx:
        await tx.execute("UPDATE handoff_notes SET team_id = 'another'")
    assert (await read(world, schedule)).handed == []
