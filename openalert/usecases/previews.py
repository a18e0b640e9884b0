"""What an edit of a schedule would change in the next eight weeks, and for whom; nothing is stored.

Every preview makes its rotations by the functions that the act itself uses, refuses what the act refuses, and
asks for the same right.
"""

from collections.abc import Sequence

import msgspec
from msgspec import UNSET, UnsetType

from openalert.domain.access import Actor, Permission
from openalert.domain.difference import Difference, difference
from openalert.domain.instant import DAY, Instant
from openalert.domain.oncall import FinalSchedule, shifts
from openalert.domain.plan import Plan
from openalert.domain.schedule import Rotation, RotationChange, Schedule, check_schedule
from openalert.storage import schedules as stored
from openalert.storage.transaction import Reader
from openalert.usecases import schedules
from openalert.usecases.access import found, require
from openalert.usecases.schedules import LONGEST_RANGE, Apply

LOOK_AHEAD = 56 * DAY


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """The final schedule as it is and as it would be, from now until eight weeks after the edit counts."""

    schedule: Schedule
    start: Instant
    end: Instant
    applies_from: Instant
    """The earliest instant at which the edit could change anything."""
    before: FinalSchedule
    after: FinalSchedule
    difference: Difference


def preview(plan: Plan, after: Sequence[Rotation], now: Instant, applies_from: Instant) -> Preview:
    """A plan compared with the same plan of other rotations; overrides stay as they are."""
    end = min(max(now, applies_from) + LOOK_AHEAD, now + LONGEST_RANGE)
    was = shifts(plan, now, end)
    then = shifts(msgspec.structs.replace(plan, rotations=list(after)), now, end)
    return Preview(
        schedule=plan.schedule,
        start=now,
        end=end,
        applies_from=applies_from,
        before=was,
        after=then,
        difference=difference(was, then, now, end),
    )


async def of_new_rotation(
    reader: Reader, actor: Actor, schedule_id: str, name: str, change: RotationChange
) -> Preview:
    """What `schedules.add_rotation` would change."""
    plan = await _plan(reader, actor, schedule_id)
    made = schedules.drafted(plan.schedule, name, change, reader.now)
    await schedules.check_people(reader, actor, made.current.member_ids, "memberIds")
    return preview(plan, [*plan.rotations, made], reader.now, max(reader.now, made.current.valid_from))


async def of_amendment(
    reader: Reader,
    actor: Actor,
    schedule_id: str,
    rotation_id: str,
    change: RotationChange,
    *,
    name: str | UnsetType = UNSET,
    apply: Apply = "next_handoff",
) -> Preview:
    """What `schedules.amend_rotation` would change."""
    plan = await _plan(reader, actor, schedule_id)
    before = _of(plan, rotation_id)
    await schedules.check_people(reader, actor, schedules.newcomers(before, change), "memberIds")
    after = schedules.edited(before, change, reader.now, name=name, apply=apply)
    rotations = [after if each.id == rotation_id else each for each in plan.rotations]
    return preview(plan, rotations, reader.now, _first_change(before, after, reader.now))


async def of_removal(reader: Reader, actor: Actor, schedule_id: str, rotation_id: str) -> Preview:
    """What `schedules.remove_rotation` would change."""
    plan = await _plan(reader, actor, schedule_id)
    removed = _of(plan, rotation_id)
    rotations = [each for each in plan.rotations if each.id != removed.id]
    return preview(plan, rotations, reader.now, reader.now)


async def of_move(reader: Reader, actor: Actor, schedule_id: str, timezone: str) -> Preview:
    """What another time zone of the schedule would change."""
    plan = await _plan(reader, actor, schedule_id)
    check_schedule(msgspec.structs.replace(plan.schedule, timezone=timezone))
    if timezone == plan.schedule.timezone:
        return preview(plan, plan.rotations, reader.now, reader.now)
    rotations = [schedules.moved(each, timezone, reader.now) for each in plan.rotations]
    firsts = [
        _first_change(before, after, reader.now)
        for before, after in zip(plan.rotations, rotations, strict=True)
    ]
    return preview(plan, rotations, reader.now, min(firsts, default=reader.now))


async def _plan(reader: Reader, actor: Actor, schedule_id: str) -> Plan:
    """All of the schedule that is not past, for somebody who may change it."""
    schedule = await schedules.get(reader, actor, schedule_id)
    require(actor, Permission.CONFIGURE, schedule.team_id, "schedule")
    plan = (await stored.plans(reader, [schedule], reader.now))[schedule.id]
    return msgspec.structs.replace(plan, rotations=schedules.shown(plan.rotations, reader.now))


def _of(plan: Plan, rotation_id: str) -> Rotation:
    return found(next((each for each in plan.rotations if each.id == rotation_id), None), "rotation")


def _first_change(before: Rotation, after: Rotation, now: Instant) -> Instant:
    """From when the versions differ; now when they never do."""
    fresh = [version.valid_from for version in after.versions if version not in before.versions]
    return max(now, min(fresh, default=now))
