"""Who is on call: schedules, their rotations and overrides, and the answers computed from them."""

from collections.abc import Collection, Iterable
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from openalert.domain.access import SYSTEM, Actor, Permission
from openalert.domain.amend import amend
from openalert.domain.audit import Subject
from openalert.domain.errors import Conflict, Invalid
from openalert.domain.event import Event
from openalert.domain.ids import new_id
from openalert.domain.instant import DAY, Instant
from openalert.domain.oncall import FinalSchedule, OnCall, on_call, shifts
from openalert.domain.schedule import (
    Override,
    Rotation,
    RotationChange,
    RotationVersion,
    Schedule,
    check_holidays,
    check_override,
    check_rotation,
    check_schedule,
)
from openalert.storage import escalation_policies, schedules, users
from openalert.storage.schedules import Plan
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import audit
from openalert.usecases.access import all_known, found, given, named, new_owner, require, team_for

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
    _changed(tx, schedule)
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
    schedule = await _to_configure(tx, schedule_id)
    changed = msgspec.structs.replace(
        schedule, **given({"name": name, "timezone": timezone}), updated_at=tx.now
    )
    check_schedule(changed)
    owner = await new_owner(tx, schedule.team_id, team_id)
    if owner is not None:
        changed = msgspec.structs.replace(changed, team_id=owner.id)
        _changed(tx, schedule)
    await schedules.update(tx, changed)
    audit.change(tx, "schedule.updated", schedule, changed)
    if changed.timezone != schedule.timezone:
        for rotation in await schedules.rotations(tx, [schedule.id]):
            await schedules.update_rotation(tx, moved(rotation, changed.timezone, tx.now))
    _changed(tx, changed)
    return changed


def moved(rotation: Rotation, timezone: str, now: Instant) -> Rotation:
    """The rotation by the clock of another zone, from its next handoff on; not stored."""
    return amend(rotation, RotationChange(timezone=timezone), now)


async def delete(tx: Transaction, schedule_id: str) -> None:
    """Delete a schedule that no policy pages."""
    schedule = await _to_configure(tx, schedule_id)
    policies = await escalation_policies.that_page(tx, schedule.id)
    if policies:
        used_by = named(tx.actor, policies, "escalation policy")
        raise Conflict(f"The {used_by} pages this schedule; change it first.")
    await schedules.delete(tx, schedule.id)
    audit.change(tx, "schedule.deleted", schedule, None)
    _changed(tx, schedule)


async def rotations(reader: Reader, actor: Actor, schedule_id: str) -> list[Rotation]:
    """The rotations of a schedule, in the order of their making."""
    schedule = await get(reader, actor, schedule_id)
    return await schedules.rotations(reader, [schedule.id])


async def rotation(reader: Reader, actor: Actor, schedule_id: str, rotation_id: str) -> Rotation:
    """One rotation of a schedule."""
    await get(reader, actor, schedule_id)
    return found(await schedules.rotation(reader, schedule_id, rotation_id), "rotation")


async def rotation_to_edit(tx: Transaction, schedule_id: str, rotation_id: str) -> Rotation:
    """One rotation, for somebody who may change it."""
    schedule = await _to_configure(tx, schedule_id)
    return found(await schedules.rotation(tx, schedule.id, rotation_id), "rotation")


async def add_rotation(
    tx: Transaction,
    schedule_id: str,
    name: str,
    change: RotationChange,
    *,
    answers_from: Instant | None = None,
) -> Rotation:
    """A new rotation; what `change` leaves out is weekly, handed over at 09:00, from now on.

    Before `answers_from` it has nobody on call although turns are counted; None: it answers for all of its time.
    """
    schedule = await _to_configure(tx, schedule_id)
    if len(await schedules.rotations(tx, [schedule.id])) >= MOST_ROTATIONS:
        raise Conflict(f"A schedule has at most {MOST_ROTATIONS} rotations.")
    made = drafted(schedule, name, change, tx.now, answers_from=answers_from)
    await check_people(tx, tx.actor, made.current.member_ids, "memberIds")
    await schedules.insert_rotation(tx, made)
    _record_rotation(tx, "added", schedule, None, made)
    _changed(tx, schedule)
    return made


def drafted(
    schedule: Schedule,
    name: str,
    change: RotationChange,
    now: Instant,
    *,
    answers_from: Instant | None = None,
) -> Rotation:
    """The rotation that `add_rotation` would add, not stored; Invalid when it cannot be computed."""
    definition = {"effective_from": now} | given(msgspec.structs.asdict(change))
    definition.setdefault("timezone", schedule.timezone)
    valid_from = definition["effective_from"] if answers_from is None else answers_from
    version = RotationVersion(valid_from=valid_from, **definition)
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
    schedule = await _to_configure(tx, schedule_id)
    before = found(await schedules.rotation(tx, schedule.id, rotation_id), "rotation")
    await check_people(tx, tx.actor, newcomers(before, change), "memberIds")
    after = edited(before, change, tx.now, name=name, apply=apply)
    await schedules.update_rotation(tx, after)
    _record_rotation(tx, "updated", schedule, before, after)
    _changed(tx, schedule)
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


async def remove_rotation(tx: Transaction, schedule_id: str, rotation_id: str) -> None:
    """Delete a rotation; to keep what it said about the past, end it by `effective_until` instead."""
    schedule = await _to_configure(tx, schedule_id)
    removed = found(await schedules.rotation(tx, schedule.id, rotation_id), "rotation")
    await schedules.delete_rotation(tx, rotation_id)
    _record_rotation(tx, "removed", schedule, removed, None)
    _changed(tx, schedule)


async def overrides(
    reader: Reader, actor: Actor, schedule_id: str, start: Instant | None = None
) -> list[Override]:
    """The overrides of a schedule that end after `start`; without it, those that are not over."""
    schedule = await get(reader, actor, schedule_id)
    return await schedules.overrides(reader, [schedule.id], reader.now if start is None else start)


async def override(reader: Reader, actor: Actor, schedule_id: str, override_id: str) -> Override:
    """One override of a schedule."""
    await get(reader, actor, schedule_id)
    return found(await schedules.override(reader, schedule_id, override_id), "override")


async def add_override(
    tx: Transaction, schedule_id: str, *, user_id: str, start_at: Instant, end_at: Instant, reason: str = ""
) -> Override:
    """Put one person on call for a while instead of everybody; what is past cannot be overridden."""
    schedule = found(await schedules.get(tx, tx.actor, schedule_id), "schedule")
    require(tx.actor, Permission.RESPOND, schedule.team_id, "schedule")
    if end_at <= tx.now:
        raise Invalid("endTime must lie in the future: who was on call is not rewritten.", field="endTime")
    made = Override(
        id=new_id(tx.now),
        schedule_id=schedule.id,
        user_id=user_id,
        start_at=max(start_at, tx.now),
        end_at=end_at,
        reason=reason.strip(),
        created_at=tx.now,
        created_by_id=tx.actor.user_id,
    )
    check_override(made)
    await check_people(tx, tx.actor, [user_id], "userId")
    await schedules.insert_override(tx, made)
    _record_override(tx, "added", schedule, None, made)
    _changed(tx, schedule)
    return made


async def remove_override(tx: Transaction, schedule_id: str, override_id: str) -> None:
    """Take an override back: a running one ends now, one to come vanishes, one that is over stays."""
    schedule = found(await schedules.get(tx, tx.actor, schedule_id), "schedule")
    require(tx.actor, Permission.RESPOND, schedule.team_id, "schedule")
    made = found(await schedules.override(tx, schedule.id, override_id), "override")
    if made.end_at <= tx.now:
        raise Conflict("This override is over and stays as it was.")
    if made.start_at < tx.now:
        await schedules.end_override(tx, made.id, tx.now)
    else:
        await schedules.delete_override(tx, made.id)
    _record_override(tx, "removed", schedule, made, None)
    _changed(tx, schedule)


async def on_call_now(
    reader: Reader, actor: Actor, schedule_id: str, at: Instant | None = None
) -> tuple[Schedule, OnCall]:
    """Who is on call for a schedule at an instant; None is now."""
    schedule = await get(reader, actor, schedule_id)
    return (await on_call_of(reader, [schedule], at))[0]


async def on_call_of(
    reader: Reader, asked: Collection[Schedule], at: Instant | None = None
) -> list[tuple[Schedule, OnCall]]:
    """The answers of several schedules at an instant, in the order asked."""
    instant = reader.now if at is None else at
    plans = await schedules.plans(reader, asked, instant)
    return [(schedule, _answer(plans[schedule.id], instant)) for schedule in asked]


async def who_is_on_call(reader: Reader, schedule_ids: Collection[str], at: Instant) -> dict[str, OnCall]:
    """The answer of each schedule that exists; for the escalation, so nobody's view narrows it."""
    asked = await schedules.named(reader, SYSTEM, schedule_ids)
    plans = await schedules.plans(reader, asked.values(), at)
    return {schedule_id: _answer(plan, at) for schedule_id, plan in plans.items()}


async def shifts_of(
    reader: Reader, actor: Actor, schedule_id: str, start: Instant, end: Instant
) -> tuple[Plan, FinalSchedule]:
    """The final schedule of a range of at most 400 days, and the rotations and overrides behind it."""
    schedule = await get(reader, actor, schedule_id)
    if not start < end:
        raise Invalid("to must be later than from.", field="to")
    if end - start > LONGEST_RANGE:
        raise Invalid("from and to may lie at most 400 days apart.", field="to")
    plan = (await schedules.plans(reader, [schedule], start, end))[schedule.id]
    return plan, shifts(plan.schedule, plan.rotations, plan.overrides, start, end)


def people_of(answers: Iterable[OnCall]) -> set[str]:
    """The ids of everybody who occurs in the answers."""
    return {person.user_id for answer in answers for person in answer.people}


async def check_people(reader: Reader, actor: Actor, user_ids: Collection[str], field: str) -> None:
    """Invalid naming the field unless each id is an active person of the organization, or empty."""
    wanted = [user_id for user_id in user_ids if user_id]
    people = await users.named(reader, actor, wanted)
    all_known(wanted, [user.id for user in people.values() if user.is_active], field, "active user")


def _answer(plan: Plan, at: Instant) -> OnCall:
    return on_call(plan.schedule, plan.rotations, plan.overrides, at)


async def _to_configure(tx: Transaction, schedule_id: str) -> Schedule:
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


def _record_override(
    tx: Transaction, act: str, schedule: Schedule, before: Override | None, after: Override | None
) -> None:
    about = after or before
    audit.record(
        tx,
        f"override.{act}",
        kind="override",
        id=about.id if about else None,
        name=schedule.name,
        team_id=schedule.team_id,
        before=before,
        after=after,
    )


def _changed(tx: Transaction, schedule: Schedule) -> None:
    tx.emit(
        Event(
            type="oncall.changed",
            organization_id=schedule.organization_id,
            team_id=schedule.team_id,
            data={"scheduleId": schedule.id},
        )
    )
