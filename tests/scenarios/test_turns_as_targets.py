"""A level that calls whoever is next on a schedule, or was before."""

import pytest

from openalert.domain.escalation import Level, Target, TargetTurn, TargetType
from openalert.domain.instant import HOUR, MINUTE
from openalert.domain.schedule import RotationChange, RotationType
from openalert.usecases import overrides, schedules
from tests.cast import World

pytestmark = pytest.mark.anyio


def calls(number: int, schedule_id: str, turn: TargetTurn) -> Level:
    """A level of one turn of a schedule, five minutes after the one before."""
    target = Target(type=TargetType.SCHEDULE, id=schedule_id, turn=turn)
    return Level(level=number, delay=0 if number == 1 else 5 * MINUTE, targets=(target,))


async def test_who_is_next_is_called_when_who_is_on_call_sleeps(world: World) -> None:
    """Alice is on call; after five minutes Bob, whose turn comes, is told why; before Alice there was nobody."""
    made = await world.does(schedules.create, team_id=world.core.id, name="Days", timezone="UTC")
    change = RotationChange(rotation_type=RotationType.DAILY, member_ids=(world.alice.id, world.bob.id))
    await world.does(schedules.add_rotation, made.id, "Daily", change)
    await world.policy(*(calls(number, made.id, turn) for number, turn in enumerate(TargetTurn, start=1)))
    await world.fires("DiskFull")
    assert "You are on call for Days" in world.mailbox(world.alice).got("DiskFull").reason
    await world.advance(minutes=5)
    assert "You are next on call for Days" in world.mailbox(world.bob).got("DiskFull").reason
    world.is_quiet()
    await world.advance(minutes=5)
    assert any("nobody was on call before for Days" in said for said in await world.story())


async def test_who_was_before_is_called_after_the_handoff(world: World) -> None:
    """A day later Bob is on call, and Alice, whose day it was, is the one before."""
    made = await world.does(schedules.create, team_id=world.core.id, name="Days", timezone="UTC")
    change = RotationChange(rotation_type=RotationType.DAILY, member_ids=(world.alice.id, world.bob.id))
    await world.does(schedules.add_rotation, made.id, "Daily", change)
    await world.policy(calls(1, made.id, TargetTurn.PREVIOUS))
    await world.advance(minutes=24 * 60)
    await world.fires("DiskFull")
    assert "You were on call before for Days" in world.mailbox(world.alice).got("DiskFull").reason


async def test_whoever_stood_in_before_is_called(world: World) -> None:
    """Bob took an hour of Alice's endless turn, and nothing else says that he was ever on call."""
    made = await world.does(schedules.create, team_id=world.core.id, name="Days", timezone="UTC")
    await world.does(schedules.add_rotation, made.id, "Daily", RotationChange(member_ids=(world.alice.id,)))
    now = world.clock()
    await world.does(overrides.add, made.id, user_id=world.bob.id, start_at=now, end_at=now + HOUR)
    await world.policy(calls(1, made.id, TargetTurn.PREVIOUS))
    await world.advance(minutes=24 * 60)
    await world.fires("DiskFull")
    assert "You were on call before for Days" in world.mailbox(world.bob).got("DiskFull").reason
