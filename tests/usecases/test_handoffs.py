"""Handoffs: told once to whoever came and whoever went, and to nobody who does not want it."""

import json
import random

import pytest

from openalert import telemetry
from openalert.domain.access import SYSTEM
from openalert.domain.instant import DAY, HOUR, MINUTE
from openalert.domain.message_kind import MessageKind
from openalert.domain.notification import NotificationKind
from openalert.domain.override import OverrideKind
from openalert.domain.quiet import QuietWindow
from openalert.domain.schedule import RotationChange
from openalert.domain.severity import Severity
from openalert.engine import escalate, measures
from openalert.usecases import handoffs, notification_rules, overrides, schedules, teams, words
from tests import make
from tests.cast import World

pytestmark = pytest.mark.anyio
HANDOFF = NotificationKind.HANDOFF


async def rota(world: World) -> str:
    """A schedule in which Alice is on call today, Bob tomorrow; looked at once."""
    made = await world.does(schedules.create, team_id=world.core.id, name="Days", timezone="UTC")
    change = RotationChange(
        rotation_type="daily",  # type: ignore[arg-type]  # as it comes over the wire
        member_ids=(world.alice.id, world.bob.id),
        effective_from=world.clock(),
        handoff_time="09:00",
    )
    await world.does(schedules.add_rotation, made.id, "Daily", change)
    assert await escalate.tell_handoffs(world.db) == 0
    return str(made.id)


async def test_whoever_comes_and_whoever_goes_is_told_once(world: World) -> None:
    """Nothing at first sight, nothing while nothing changes; at the handoff Bob until when, Alice who has it."""
    await rota(world)
    world.is_quiet()
    world.clock.advance(DAY)
    assert await escalate.tell_handoffs(world.db) == 2
    assert await escalate.tell_handoffs(world.db) == 0
    await world.engine.run_until_idle()
    assert (
        world.mailbox(world.bob)
        .got("You are on call for Days now", HANDOFF)
        .body.startswith("At least until Wed 07 Jan, 09:00")
    )
    assert world.mailbox(world.alice).got("Your turn in Days is over", HANDOFF).body == "Bob took over."
    world.is_quiet()


async def test_a_handoff_says_it_in_the_words_of_the_organization(world: World) -> None:
    """The words chosen for shifts take the place of the headline and can name the schedule; until when stays ours."""
    await world.does(words.save, {"email": "{{ schedule.name }} is yours"}, MessageKind.HANDOFF)
    await rota(world)
    world.clock.advance(DAY)
    await escalate.tell_handoffs(world.db)
    await world.engine.run_until_idle()
    told = world.mailbox(world.bob).got("Days is yours", HANDOFF)
    assert (told.headline, told.body) == ("Days is yours", "At least until Wed 07 Jan, 09:00.")


async def test_an_override_is_a_handoff_too(world: World) -> None:
    """Bob takes over for an hour: both are told, and again when it is over."""
    schedule = await rota(world)
    await world.does(
        overrides.add,
        schedule,
        user_id=world.bob.id,
        start_at=world.clock(),
        end_at=world.clock() + HOUR,
        reason="",
    )
    assert await escalate.tell_handoffs(world.db) == 2
    world.clock.advance(HOUR)
    assert await escalate.tell_handoffs(world.db) == 2


async def test_who_does_not_want_it_is_not_told_and_who_sleeps_is_told_in_the_morning(world: World) -> None:
    """Alice has it off; Bob's quiet hours hold it until they end."""
    await rota(world)
    await world.does(
        notification_rules.set_preferences,
        world.alice.id,
        min_severity=Severity.INFO,
        repeat_every=5 * MINUTE,
        repeat_most=0,
        handoffs=False,
    )
    await world.does(
        notification_rules.set_quiet,
        world.bob.id,
        by=world.bob,
        windows=(QuietWindow(days=(2,), from_time="08:00", to_time="11:00"),),
        passes_from=None,
        do_not_disturb_until=None,
    )
    world.clock.advance(DAY)
    assert await escalate.tell_handoffs(world.db) == 1
    await world.engine.run_until_idle()
    world.is_quiet()
    await world.advance(minutes=121)
    world.mailbox(world.bob).got("You are on call for Days now", HANDOFF)
    world.is_quiet()


async def noted(world: World, schedule_id: str) -> list[str]:
    """The names of those who are on call, as of the last look."""
    text = await world.value("SELECT user_ids FROM duties WHERE schedule_id = :id", id=schedule_id)
    names = {world.alice.id: "Alice", world.bob.id: "Bob", world.charlie.id: "Charlie"}
    return [names[each] for each in json.loads(text)]


async def test_what_is_remembered_never_hides_a_handoff(world: World) -> None:
    """Days of random edits and looks: after each, what is noted is what the calculator says, as without a memory."""
    await world.does(teams.put_member, world.core.id, world.charlie.id, make.Role.MEMBER)
    schedule, known = await rota(world), {}
    people = (world.alice.id, world.bob.id, world.charlie.id)
    dice = random.Random(11)
    looked_again = 0
    for _ in range(60):
        world.clock.advance(dice.choice((MINUTE, 7 * MINUTE, HOUR, 5 * HOUR, DAY)))
        match dice.randrange(5):
            case 0:
                kind = dice.choice((OverrideKind.REPLACE, OverrideKind.ADD, OverrideKind.REMOVE))
                hours, lasts = dice.randrange(0, 9), dice.randrange(1, 9)
                await _override(world, schedule, dice.choice(people), hours, lasts, kind)
            case 1:
                (rotation,) = await _rotations(world, schedule)
                members = tuple(dice.sample(people, dice.randrange(1, 4)))
                change = RotationChange(member_ids=members)
                apply = dice.choice(("now", "next_handoff"))
                await world.does(schedules.amend_rotation, schedule, rotation, change, apply=apply)
            case 2:
                async with world.db.transaction() as tx:
                    await tx.execute("DELETE FROM overrides WHERE start_at <= :now", now=tx.now)
        before = dict(known)
        await escalate.tell_handoffs(world.db, known)
        looked_again += bool(before) and before == known
        async with world.db.read() as reader:
            answer = (await schedules.who_is_on_call(reader, [schedule], reader.now))[schedule]
        names = {world.alice.id: "Alice", world.bob.id: "Bob", world.charlie.id: "Charlie"}
        assert await noted(world, schedule) == [
            names[each] for each in sorted(person.user_id for person in answer.people)
        ]
    assert looked_again > 5, "the memory was of use"


async def _override(
    world: World,
    schedule: str,
    user_id: str,
    hours: int,
    lasts: int,
    kind: OverrideKind = OverrideKind.REPLACE,
) -> None:
    start = world.clock() + hours * HOUR
    end = start + lasts * HOUR
    await world.does(overrides.add, schedule, kind=kind, user_id=user_id, start_at=start, end_at=end)


async def _rotations(world: World, schedule: str) -> list[str]:
    async with world.db.read() as reader:
        return [each.id for each in await schedules.rotations(reader, SYSTEM, schedule)]


async def test_nothing_is_computed_while_nothing_changes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second look asks the calculator nothing; after an hour, an edit or a clock that was set back it asks again."""
    asked = []
    real = handoffs.on_call
    monkeypatch.setattr(handoffs, "on_call", lambda *facts: asked.append(facts) or real(*facts))
    schedule, known = await rota(world), {}
    asked.clear()

    async def looks() -> int:
        asked.clear()
        await escalate.tell_handoffs(world.db, known)
        return len(asked)

    assert [await looks(), await looks()] == [1, 0]
    world.clock.advance(HOUR - 1)
    assert await looks() == 0
    world.clock.advance(1)
    assert [await looks(), await looks()] == [1, 0]
    await _override(world, schedule, world.bob.id, 3, 1)
    assert [await looks(), await looks()] == [1, 0]
    world.clock.advance(-MINUTE)
    assert [await looks(), await looks()] == [1, 0]
    await world.does(schedules.delete, schedule)
    assert await looks() == 0
    assert known == {}


async def test_two_nodes_tell_of_a_handoff_once(world: World) -> None:
    """Each with a memory of its own: the one that comes second finds that it was noted."""
    await rota(world)
    one, other = {}, {}
    for known in (one, other):
        await escalate.tell_handoffs(world.db, known)
    world.clock.advance(DAY)
    assert await escalate.tell_handoffs(world.db, one) == 2
    assert await escalate.tell_handoffs(world.db, other) == 0


async def test_a_handoff_soon_after_a_look_is_told_when_it_comes(world: World) -> None:
    """Looked at at half past eight, Bob's turn begins at nine; an override that was known begins at half past nine."""
    schedule, known = await rota(world), {}
    world.clock.advance(DAY - 30 * MINUTE)
    await _override(world, schedule, world.alice.id, 1, 1)
    assert await escalate.tell_handoffs(world.db, known) == 0
    for minutes, messages in ((29, 0), (1, 2), (29, 0), (1, 2), (59, 0), (1, 2)):
        world.clock.advance(minutes * MINUTE)
        assert await escalate.tell_handoffs(world.db, known) == messages


async def test_who_is_on_call_is_a_metric(world: World) -> None:
    """One series for each person who is on, by ids; after the handoff the old one is gone; nobody is a 0."""
    schedule = await rota(world)

    def told() -> dict[str, float]:
        series = telemetry.ONCALL.collect()[0].samples
        return {each.labels["user"]: each.value for each in series if each.labels["schedule"] == schedule}

    await measures.on_call(world.db)
    assert told() == {world.alice.id: 1}
    world.clock.advance(DAY)
    await escalate.tell_handoffs(world.db)
    await measures.on_call(world.db)
    assert told() == {world.bob.id: 1}
    async with world.db.read() as reader:
        (rotation,) = await schedules.rotations(reader, world.as_(world.alice), schedule)
    await world.does(schedules.remove_rotation, schedule, rotation.id)
    await escalate.tell_handoffs(world.db)
    await measures.on_call(world.db)
    assert told() == {}
    (people,) = [
        each.value
        for each in telemetry.ONCALL_PEOPLE.collect()[0].samples
        if each.labels["schedule"] == schedule
    ]
    assert people == 0
