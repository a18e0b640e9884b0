"""Who is on call: schedules, their rotations, and the answers computed from them."""

from collections.abc import Collection, Iterable
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from openalert.domain.access import SYSTEM, Actor, Permission
from openalert.domain.amend import amend, end_of_shift
from openalert.domain.audit import Subject
from openalert.domain.errors import Conflict, Invalid
from openalert.domain.escalation import Target, TargetTurn, TargetType
from openalert.domain.event import Event
from openalert.domain.ids import new_id
from openalert.domain.instant import DAY, LATEST, Instant
from openalert.domain.oncall import FinalSchedule, OnCall, on_call, shifts
from openalert.domain.plan import Plan
from openalert.domain.relief import LOOKS_BACK, Relief, relief, who_follows, who_preceded
from openalert.domain.schedule import (
    Rotation,
    RotationChange,
    RotationVersion,
    Schedule,
    check_holidays,
    check_rotation,
    check_schedule,
)
from openalert.storage import escalation_policies, schedules, users
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import audit, shift_notices
from openalert.usecases.access import all_known, found, given, named, new_owner, require, team_for
from openalert.usecases.swap_following import following

LONGEST_RANGE = 400 * DAY
MOST_ROTATIONS = 50

Apply = Literal["next_handoff", "now"] | Instant
"""From when an edit counts: the end of the running shift, at once, or an instant."""


async def page(
    reader: Reader, actor: Actor, *, team_id: str | None = None, after: str = "", limit: int
) -> list[Schedule]:
    """The next schedules in view."""
    return await schedules.page(reader, actor, team_id=team_id, after=after, limit=limit)


async def get(reader: Reader, actor: Actor, schedule_id: str) -> Schedule:
    """One schedule."""
    return found(await schedules.get(reader, actor, schedule_id), "schedule")


async def create(tx: Transaction, *, team_id: str, name: str, timezone: str) -> Schedule:
    """A new schedule, which has nobody on call until it gets a rotation."""
    team = await team_for(tx, team_id)
    schedule = Schedule(
        id=new_id(tx.now),
        organization_id=team.organization_id,
        team_id=team.id,
        name=name.strip(),
        timezone=timezone,
        created_at=tx.now,
        updated_at=tx.now,
    )
    check_schedule(schedule)
    await schedules.insert(tx, schedule)
    audit.change(tx, "schedule.created", None, schedule)
    changed(tx, schedule)
    return schedule


async def update(
    tx: Transaction,
    schedule_id: str,
    *,
    team_id: str | UnsetType = UNSET,
    name: str | UnsetType = UNSET,
    timezone: str | UnsetType = UNSET,
) -> Schedule:
    """Rename a schedule, give it to another team, or move it to another time zone.

    Rotations follow a new zone from their next handoff on; policies that page it go on paging it.
    """
    schedule = await to_configure(tx, schedule_id)
    after = msgspec.structs.replace(
        schedule, **given({"name": name, "timezone": timezone}), updated_at=tx.now
    )
    check_schedule(after)
    owner = await new_owner(tx, schedule.team_id, team_id)
    if owner is not None:
        after = msgspec.structs.replace(after, team_id=owner.id)
        changed(tx, schedule)
    await schedules.update(tx, after)
    audit.change(tx, "schedule.updated", schedule, after)
    if after.timezone != schedule.timezone:
        await shift_notices.remember(tx, schedule)
        async with following(tx, schedule):
            for rotation in shown(await schedules.rotations(tx, [schedule.id]), tx.now):
                await schedules.update_rotation(tx, moved(rotation, after.timezone, tx.now))
    changed(tx, after)
    return after


def moved(rotation: Rotation, timezone: str, now: Instant) -> Rotation:
    """The rotation by the clock of another zone, from its next handoff on; not stored."""
    return amend(rotation, RotationChange(timezone=timezone), now)


async def delete(tx: Transaction, schedule_id: str) -> None:
    """Delete a schedule that no policy pages."""
    schedule = await to_configure(tx, schedule_id)
    policies = await escalation_policies.that_page(tx, schedule.id)
    if policies:
        used_by = named(tx.actor, policies, "escalation policy")
        raise Conflict(f"The {used_by} pages this schedule; change it first.")
    await schedules.delete(tx, schedule.id)
    audit.change(tx, "schedule.deleted", schedule, None)
    changed(tx, schedule)


async def rotations(reader: Reader, actor: Actor, schedule_id: str) -> list[Rotation]:
    """The rotations of a schedule, in the order of their making, without those removed."""
    schedule = await get(reader, actor, schedule_id)
    return shown(await schedules.rotations(reader, [schedule.id]), reader.now)


async def rotation(reader: Reader, actor: Actor, schedule_id: str, rotation_id: str) -> Rotation:
    """One rotation of a schedule."""
    await get(reader, actor, schedule_id)
    return found(await schedules.rotation(reader, schedule_id, rotation_id), "rotation")


async def rotation_to_edit(tx: Transaction, schedule_id: str, rotation_id: str) -> Rotation:
    """One rotation, for somebody who may change it."""
    schedule = await to_configure(tx, schedule_id)
    return found(await schedules.rotation(tx, schedule.id, rotation_id), "rotation")


async def add_rotation(
    tx: Transaction,
    schedule_id: str,
    name: str,
    change: RotationChange,
) -> Rotation:
    """A new rotation; what `change` leaves out is weekly, handed over at 09:00, from now on.

    Turns are counted from an `effective_from` that is past, but nobody was on call by it before now.
    """
    schedule = await to_configure(tx, schedule_id)
    await shift_notices.remember(tx, schedule)
    if len(shown(await schedules.rotations(tx, [schedule.id]), tx.now)) >= MOST_ROTATIONS:
        raise Conflict(f"A schedule has at most {MOST_ROTATIONS} rotations.")
    made = drafted(schedule, name, change, tx.now)
    await check_people(tx, tx.actor, made.current.member_ids, "memberIds")
    async with following(tx, schedule):
        await schedules.insert_rotation(tx, made)
    _record_rotation(tx, "added", schedule, None, made)
    changed(tx, schedule)
    return made


def drafted(schedule: Schedule, name: str, change: RotationChange, now: Instant) -> Rotation:
    """The rotation that `add_rotation` would add, not stored; Invalid when it cannot be computed."""
    definition = {"effective_from": now} | given(msgspec.structs.asdict(change))
    definition.setdefault("timezone", schedule.timezone)
    version = RotationVersion(valid_from=max(definition["effective_from"], now), **definition)
    made = Rotation(id=new_id(now), schedule_id=schedule.id, name=name.strip(), versions=(version,))
    check_rotation(made)
    check_holidays(version)
    return made


async def amend_rotation(
    tx: Transaction,
    schedule_id: str,
    rotation_id: str,
    change: RotationChange,
    *,
    name: str | UnsetType = UNSET,
    apply: Apply = "next_handoff",
) -> Rotation:
    """Edit a rotation; neither the past nor, unless `apply` says so, the running shift changes."""
    schedule = await to_configure(tx, schedule_id)
    await shift_notices.remember(tx, schedule)
    before = found(await schedules.rotation(tx, schedule.id, rotation_id), "rotation")
    await check_people(tx, tx.actor, newcomers(before, change), "memberIds")
    after = edited(before, change, tx.now, name=name, apply=apply)
    async with following(tx, schedule):
        await schedules.update_rotation(tx, after)
    _record_rotation(tx, "updated", schedule, before, after)
    changed(tx, schedule)
    return after


def edited(
    before: Rotation,
    change: RotationChange,
    now: Instant,
    *,
    name: str | UnsetType = UNSET,
    apply: Apply = "next_handoff",
) -> Rotation:
    """The rotation as `amend_rotation` would leave it, not stored; Invalid when it cannot be computed."""
    after = before if change == RotationChange() else amend(before, change, now, apply)
    if name is not UNSET:
        after = msgspec.structs.replace(after, name=name.strip())
    check_rotation(after)
    return after


def newcomers(before: Rotation, change: RotationChange) -> list[str]:
    """Those whom an edit puts into the order and who were never in it: they must be active people."""
    if change.member_ids is UNSET:
        return []
    known = {member for version in before.versions for member in version.member_ids}
    return [member for member in change.member_ids if member not in known]


async def remove_rotation(
    tx: Transaction, schedule_id: str, rotation_id: str, *, apply: Literal["next_handoff", "now"] = "now"
) -> None:
    """Take a rotation out of the schedule, at once or when its running shift ends; its past stays as it was."""
    schedule = await to_configure(tx, schedule_id)
    await shift_notices.remember(tx, schedule)
    removed = found(await schedules.rotation(tx, schedule.id, rotation_id), "rotation")
    end = tx.now if apply == "now" else end_of_shift(removed, tx.now)
    async with following(tx, schedule):
        await schedules.end_rotation(tx, removed.id, end)
    _record_rotation(tx, "removed", schedule, removed, None)
    changed(tx, schedule)


async def on_call_of(
    reader: Reader, asked: Collection[Schedule], at: Instant | None = None
) -> list[tuple[Schedule, OnCall]]:
    """The answers of several schedules at an instant, in the order asked."""
    instant = reader.now if at is None else at
    plans = await schedules.plans(reader, asked, instant)
    return [(schedule, on_call(plans[schedule.id], instant)) for schedule in asked]


async def reliefs_of(reader: Reader, asked: Collection[Schedule], at: Instant | None = None) -> list[Relief]:
    """The answers of several schedules at an instant and who follows, in the order asked."""
    instant = reader.now if at is None else at
    plans = await schedules.plans(reader, asked, instant)
    return [relief(plans[schedule.id], instant) for schedule in asked]


async def who_is_on_call(reader: Reader, schedule_ids: Collection[str], at: Instant) -> dict[str, OnCall]:
    """The answer of each schedule that exists; for the escalation, so nobody's view narrows it."""
    asked = await schedules.named(reader, SYSTEM, schedule_ids)
    plans = await schedules.plans(reader, asked.values(), at)
    return {schedule_id: on_call(plan, at) for schedule_id, plan in plans.items()}


async def meant(reader: Reader, targets: Iterable[Target], at: Instant) -> dict[Target, list[str]]:
    """The people that targets of schedules mean at an instant; a schedule that is gone is left out.

    For the escalation, so nobody's view narrows it.
    """
    wanted = [target for target in targets if target.type is TargetType.SCHEDULE]
    asked = await schedules.named(reader, SYSTEM, {target.id for target in wanted})
    looks_back = any(target.turn is TargetTurn.PREVIOUS for target in wanted)
    plans = await schedules.plans(reader, asked.values(), at - LOOKS_BACK if looks_back else at)
    return {
        target: _people_of_turn(plans[target.id], target.turn, at) for target in wanted if target.id in plans
    }


def _people_of_turn(plan: Plan, turn: TargetTurn, at: Instant) -> list[str]:
    if turn is TargetTurn.NEXT:
        return who_follows(plan, at)
    if turn is TargetTurn.PREVIOUS:
        return who_preceded(plan, at)
    return [person.user_id for person in on_call(plan, at).people]


async def shifts_of(
    reader: Reader, actor: Actor, schedule_id: str, start: Instant, end: Instant
) -> tuple[Plan, FinalSchedule]:
    """The final schedule of a range of at most 400 days, and the rotations and overrides behind it."""
    schedule = await get(reader, actor, schedule_id)
    check_range(start, end)
    plan = (await schedules.plans(reader, [schedule], start, end))[schedule.id]
    return plan, shifts(plan, start, end)


def check_range(start: Instant, end: Instant) -> None:
    """Invalid unless the range goes forward, is at most 400 days long, and lies where calendars have days."""
    if start < 0:
        raise Invalid("from must not be before 1970.", field="from")
    if end > LATEST - DAY:
        raise Invalid("to must be before the last day of 9999.", field="to")
    if not start < end:
        raise Invalid("to must be later than from.", field="to")
    if end - start > LONGEST_RANGE:
        raise Invalid("from and to may lie at most 400 days apart.", field="to")


def shown(found: Iterable[Rotation], now: Instant) -> list[Rotation]:
    """Those that are not removed by now; the others count for the past alone."""
    return [each for each in found if each.removed_at is None or each.removed_at > now]


def people_of(answers: Iterable[OnCall]) -> set[str]:
    """The ids of everybody who occurs in the answers."""
    return {person.user_id for answer in answers for person in (*answer.people, *answer.shadows)}


async def check_people(reader: Reader, actor: Actor, user_ids: Collection[str], field: str) -> None:
    """Invalid naming the field unless each id is an active person of the organization, or empty."""
    wanted = [user_id for user_id in user_ids if user_id]
    people = await users.named(reader, actor, wanted)
    all_known(wanted, [user.id for user in people.values() if user.is_active], field, "active user")


async def to_configure(tx: Transaction, schedule_id: str) -> Schedule:
    """The schedule, for somebody who may change what it is made of."""
    schedule = found(await schedules.get(tx, tx.actor, schedule_id), "schedule")
    require(tx.actor, Permission.CONFIGURE, schedule.team_id, "schedule")
    return schedule


def _record_rotation(
    tx: Transaction, act: str, schedule: Schedule, before: Rotation | None, after: Rotation | None
) -> None:
    about = after or before
    audit.record(
        tx,
        f"rotation.{act}",
        kind="rotation",
        id=about.id if about else None,
        name=f"{about.name} of {schedule.name}" if about else "",
        team_id=schedule.team_id,
        before=_definition(before),
        after=_definition(after),
    )


def _definition(rotation: Rotation | None) -> Subject:
    """A rotation by its newest definition; the older ones stay with it anyway."""
    if rotation is None:
        return None
    return {"name": rotation.name, **msgspec.structs.asdict(rotation.current)}


def changed(tx: Transaction, schedule: Schedule) -> None:
    """Tell those who watch that others may be on call now or later."""
    tx.emit(
        Event(
            type="oncall.changed",
            organization_id=schedule.organization_id,
            team_id=schedule.team_id,
            data={"scheduleId": schedule.id},
        )
    )
