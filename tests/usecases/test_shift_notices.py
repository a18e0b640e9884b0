"""Shift notices: who is told that somebody changed when they are on call, when, and in what words."""

import pytest

from openalert.domain.instant import DAY, MINUTE
from openalert.domain.notification import NotificationKind
from openalert.domain.schedule import RotationChange, RotationType
from openalert.domain.severity import Severity
from openalert.engine import escalate
from openalert.usecases import notification_rules, overrides, schedules
from tests.cast import World

pytestmark = pytest.mark.anyio
HANDOFF = NotificationKind.HANDOFF
HEADLINE = "Your shifts in Days have changed"


async def rota(world: World) -> str:
    """Alice and Bob by the day, whose first notice is given."""
    made = await world.does(schedules.create, team_id=world.core.id, name="Days", timezone="UTC")
    change = RotationChange(
        rotation_type=RotationType.DAILY,
        member_ids=(world.alice.id, world.bob.id),
        effective_from=world.clock(),
    )
    await world.does(schedules.add_rotation, made.id, "Daily", change, by=world.alice)
    await settle(world)
    await world.engine.run_until_idle()
    world.mailbox(world.bob).got(HEADLINE, HANDOFF)
    return str(made.id)


async def settle(world: World) -> int:
    """Six minutes later; how many messages that made."""
    world.clock.advance(6 * MINUTE)
    return await escalate.tell_changed_shifts(world.db)


async def test_somebody_who_is_put_in_or_left_out_is_told_once_for_all_edits(world: World) -> None:
    """Two edits within the time make one message, with what is new, what is gone, who did it, in the reader's zone."""
    schedule = await rota(world)
    day = world.clock() - world.clock() % DAY + DAY
    for number in (1, 3):
        await world.does(
            overrides.add,
            schedule,
            user_id=world.bob.id,
            start_at=day + number * DAY,
            end_at=day + (number + 1) * DAY,
            by=world.alice,
        )
    assert await escalate.tell_changed_shifts(world.db) == 0, "the edits have not settled"
    assert await settle(world) == 1
    assert await escalate.tell_changed_shifts(world.db) == 0
    await world.engine.run_until_idle()
    body = world.mailbox(world.bob).got(HEADLINE, HANDOFF).body
    assert "You are on call too:" in body
    assert "Wed 07 Jan 09:00 to Thu 08 Jan 00:00" in body
    assert "No longer:" not in body
    assert "Changed by Alice" in body
    world.is_quiet()


async def test_what_is_taken_back_before_it_settled_is_not_told(world: World) -> None:
    """Only what is different in the end counts."""
    schedule = await rota(world)
    made = await world.does(
        overrides.add,
        schedule,
        user_id=world.bob.id,
        start_at=world.clock() + DAY,
        end_at=world.clock() + 2 * DAY,
        by=world.alice,
    )
    await world.does(overrides.remove, schedule, made.id, by=world.alice)
    assert await settle(world) == 0


async def test_whoever_edits_alone_is_not_told_of_it(world: World) -> None:
    """Bob takes Alice's day: she hears what is gone, he knows; had both edited, both would hear."""
    schedule = await rota(world)
    span = {"start_at": world.clock() + 2 * DAY, "end_at": world.clock() + 3 * DAY}
    await world.does(overrides.add, schedule, user_id=world.bob.id, by=world.bob, **span)
    assert await settle(world) == 1
    await world.engine.run_until_idle()
    assert "No longer:" in world.mailbox(world.alice).got(HEADLINE, HANDOFF).body
    await world.does(overrides.add, schedule, user_id=world.alice.id, by=world.alice, **span)
    await world.does(overrides.add, schedule, user_id=world.charlie.id, by=world.bob, **span)
    assert await settle(world) == 2, "Bob and Charlie: Alice has what she had before both edits"


async def test_whoever_wants_no_handoffs_gets_no_notices_and_deleted_schedules_tell_nothing(
    world: World,
) -> None:
    """The preference counts for all messages about shifts; a schedule that is gone takes its notice along."""
    schedule = await rota(world)
    await world.does(
        notification_rules.set_preferences,
        world.alice.id,
        by=world.alice,
        min_severity=Severity.INFO,
        repeat_every=5 * MINUTE,
        repeat_most=0,
        handoffs=False,
    )
    span = {"start_at": world.clock() + 2 * DAY, "end_at": world.clock() + 3 * DAY}
    await world.does(overrides.add, schedule, user_id=world.bob.id, by=world.bob, **span)
    assert await settle(world) == 0
    await world.does(overrides.add, schedule, user_id=world.alice.id, by=world.alice, **span)
    await world.does(schedules.delete, schedule)
    assert await settle(world) == 0
