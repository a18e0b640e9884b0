"""Reminders of shifts: told once, as long before as somebody wants, and never of a turn that is another's meanwhile."""

from typing import Any

import pytest

from openalert.domain.instant import DAY, HOUR, MINUTE
from openalert.domain.notification import NotificationKind
from openalert.domain.schedule import RotationChange, RotationType
from openalert.domain.severity import Severity
from openalert.engine import shift_reminders
from openalert.storage import schedules as stored
from openalert.storage.transaction import Reader
from openalert.usecases import notification_rules, overrides, schedules
from tests.cast import World

pytestmark = pytest.mark.anyio
HANDOFF = NotificationKind.HANDOFF
HEADLINE = "On call for Days from"


async def rota(world: World) -> str:
    """Alice and Bob by the day, in turns; what is ahead is planned."""
    made = await world.does(schedules.create, team_id=world.core.id, name="Days", timezone="UTC")
    change = RotationChange(
        rotation_type=RotationType.DAILY,
        member_ids=(world.alice.id, world.bob.id),
        effective_from=world.clock(),
    )
    await world.does(schedules.add_rotation, made.id, "Daily", change)
    await shift_reminders.plan(world.db, {})
    return str(made.id)


async def wants(world: World, user: Any, hours: float, *, handoffs: bool = True) -> None:
    """So many hours before."""
    await world.does(
        notification_rules.set_preferences,
        user.id,
        by=user,
        min_severity=Severity.INFO,
        repeat_every=5 * MINUTE,
        repeat_most=0,
        handoffs=handoffs,
        handoff_lead=round(hours * HOUR),
    )


async def told(world: World, hours: float) -> int:
    """So many hours later; how many messages that made."""
    world.clock.advance(round(hours * HOUR))
    await shift_reminders.plan(world.db, {})
    return await shift_reminders.run_due(world.db)


async def test_a_turn_is_told_once_twelve_hours_before(world: World) -> None:
    """Not earlier, and not again however often is looked; with its times, who is relieved, and a link."""
    schedule = await rota(world)
    assert await told(world, 11.9) == 0
    assert await told(world, 0.2) == 1
    assert await told(world, 0) == 0
    await world.engine.run_until_idle()
    message = world.mailbox(world.bob).got(HEADLINE, HANDOFF)
    assert message.headline == "On call for Days from Tue 06 Jan, 09:00"
    assert message.body.startswith("Until Wed 07 Jan, 09:00; times are those of ")
    assert "Before you: Alice." in message.body
    row = await world.value("SELECT content FROM notifications WHERE user_id = :id", id=world.bob.id)
    assert f"/schedules/{schedule}" in row
    assert await told(world, 24) == 1, "Alice's next turn, the day after"
    await world.engine.run_until_idle()
    world.mailbox(world.alice).got(HEADLINE, HANDOFF)
    world.is_quiet()


async def test_a_turn_that_is_somebody_elses_meanwhile_is_not_told(world: World) -> None:
    """Charlie takes Bob's day; what was planned for Bob is dropped, and when Charlie gives it back Bob hears of it."""
    schedule = await rota(world)
    taken = {"start_at": world.clock() + DAY, "end_at": world.clock() + 2 * DAY}
    made = await world.does(overrides.add, schedule, user_id=world.charlie.id, by=world.alice, **taken)
    assert await told(world, 12.05) == 1
    await world.engine.run_until_idle()
    world.mailbox(world.charlie).got(HEADLINE, HANDOFF)
    world.is_quiet()
    assert await world.value("SELECT count(*) FROM shift_reminders WHERE user_id = :id", id=world.bob.id) > 0
    await world.does(overrides.remove, schedule, made.id, by=world.alice)
    assert await told(world, 13) == 0, "a turn found so late is told by the notice of the edit"


async def test_everybody_chooses_how_long_before(world: World) -> None:
    """A day, an hour, not at all; a change counts for turns that are planned; who wants no handoffs gets none."""
    await rota(world)
    await wants(world, world.bob, 1)
    assert await told(world, 22.9) == 0
    assert await told(world, 0.15) == 1
    await wants(world, world.alice, 36)
    assert await told(world, 0) == 1, "the turn is less than a day and a half ahead"
    await wants(world, world.bob, 0)
    await wants(world, world.alice, 1, handoffs=False)
    for _ in range(20):
        assert await told(world, 6) == 0


async def test_what_began_while_nobody_looked_is_not_told_any_more(world: World) -> None:
    """After two days without a server nobody hears of the turns of these days, and of tomorrow's at once."""
    await rota(world)
    world.clock.advance(2 * DAY + 20 * HOUR)
    assert await shift_reminders.run_due(world.db) == 1
    await world.engine.run_until_idle()
    assert "Thu 08 Jan" in world.mailbox(world.bob).got(HEADLINE, HANDOFF).headline
    world.is_quiet()


async def test_what_is_as_it_was_is_not_computed_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the memory of the process a second look writes nothing and reads plans alone; an edit is seen."""
    schedule = await rota(world)
    known: Any = {}
    await shift_reminders.plan(world.db, known)
    computed: list[str] = []
    original = stored.plans

    async def noted(reader: Reader, some: Any, *span: Any) -> Any:
        found = await original(reader, some, *span)
        computed.extend(each for each in found if known.get(each) is None or known[each].plan != found[each])
        return found

    monkeypatch.setattr(stored, "plans", noted)
    assert await shift_reminders.plan(world.db, known) == 0
    assert computed == []
    day = world.clock() + 3 * DAY
    await world.does(
        overrides.add, schedule, user_id=world.charlie.id, start_at=day, end_at=day + DAY, by=world.alice
    )
    assert await shift_reminders.plan(world.db, known) >= 1
    assert schedule in computed


async def test_rows_end_with_their_turns(world: World) -> None:
    """Of a turn that began two days ago nothing is kept."""
    await rota(world)
    for _ in range(6):
        await told(world, 24)
    oldest = await world.value("SELECT min(start_at) FROM shift_reminders")
    assert oldest >= world.clock() - 2 * DAY
