"""Other people than planned, for a while: who stands in, covers, joins, leaves, or a temporary schedule."""

import msgspec
from msgspec import UNSET, UnsetType

from openalert.domain.access import Actor, Permission
from openalert.domain.errors import Conflict, Invalid
from openalert.domain.ids import new_id
from openalert.domain.instant import Instant
from openalert.domain.override import FixedShift, Override, OverrideKind, check_override
from openalert.domain.schedule import Schedule
from openalert.storage import schedules as stored
from openalert.storage import swaps
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import audit, schedules, shift_notices
from openalert.usecases.access import found, given, require
from openalert.usecases.swap_following import following

MOST_AHEAD = 1_000
"""Overrides of one schedule that are not over."""


async def of_schedule(
    reader: Reader, actor: Actor, schedule_id: str, start: Instant | None = None
) -> list[Override]:
    """The overrides of a schedule that end after `start`; without it, those that are not over."""
    schedule = await schedules.get(reader, actor, schedule_id)
    return await stored.overrides(reader, [schedule.id], reader.now if start is None else start)


async def get(reader: Reader, actor: Actor, schedule_id: str, override_id: str) -> Override:
    """One override of a schedule."""
    await schedules.get(reader, actor, schedule_id)
    return found(await stored.override(reader, schedule_id, override_id), "override")


async def add(
    tx: Transaction,
    schedule_id: str,
    *,
    kind: OverrideKind = OverrideKind.REPLACE,
    user_id: str = "",
    instead_of_id: str = "",
    rotation_ids: tuple[str, ...] = (),
    shifts: tuple[FixedShift, ...] = (),
    start_at: Instant,
    end_at: Instant,
    reason: str = "",
) -> Override:
    """Have other people on call for a while; what is past cannot be overridden."""
    schedule = await _to_decide(tx, schedule_id)
    if len(await stored.overrides(tx, [schedule.id], tx.now)) >= MOST_AHEAD:
        raise Conflict(f"A schedule has at most {MOST_AHEAD} overrides ahead; take back some first.")
    made = Override(
        id=new_id(tx.now),
        schedule_id=schedule.id,
        kind=kind,
        user_id=user_id,
        instead_of_id=instead_of_id,
        rotation_ids=tuple(sorted(set(rotation_ids))),
        shifts=shifts,
        start_at=start_at,
        end_at=end_at,
        reason=reason.strip(),
        created_at=tx.now,
        created_by_id=tx.actor.user_id,
    )
    await _check(tx, made)
    made = msgspec.structs.replace(made, start_at=max(start_at, tx.now))
    async with following(tx, schedule):
        await stored.insert_override(tx, made)
    _record(tx, "added", schedule, None, made)
    schedules.changed(tx, schedule)
    return made


async def change(
    tx: Transaction,
    schedule_id: str,
    override_id: str,
    *,
    start_at: Instant | UnsetType = UNSET,
    end_at: Instant | UnsetType = UNSET,
    reason: str | UnsetType = UNSET,
) -> Override:
    """Let an override last from or until another time, or say why; what is past of it stays as it was."""
    schedule = await _to_decide(tx, schedule_id)
    before = found(await stored.override(tx, schedule.id, override_id), "override")
    _check_not_over(tx, before)
    await _check_free(tx, before)
    after = msgspec.structs.replace(
        before, **given({"start_at": start_at, "end_at": end_at, "reason": reason})
    )
    if after.start_at != before.start_at:
        if before.start_at < tx.now:
            raise Conflict("This override has begun; its beginning stays as it was.", field="startTime")
        after = msgspec.structs.replace(after, start_at=max(after.start_at, tx.now))
    after = msgspec.structs.replace(after, reason=after.reason.strip(), shifts=_within(after))
    await _check(tx, after, known=before.user_ids)
    async with following(tx, schedule):
        await stored.update_override(tx, after)
    _record(tx, "changed", schedule, before, after)
    schedules.changed(tx, schedule)
    return after


async def remove(tx: Transaction, schedule_id: str, override_id: str) -> None:
    """Take an override back: a running one ends now, one to come vanishes, one that is over stays."""
    schedule = await _to_decide(tx, schedule_id)
    made = found(await stored.override(tx, schedule.id, override_id), "override")
    _check_not_over(tx, made)
    await _check_free(tx, made)
    async with following(tx, schedule):
        if made.start_at < tx.now:
            await stored.update_override(tx, msgspec.structs.replace(made, end_at=tx.now))
        else:
            await stored.delete_override(tx, made.id)
    _record(tx, "removed", schedule, made, None)
    schedules.changed(tx, schedule)


async def _to_decide(tx: Transaction, schedule_id: str) -> Schedule:
    """The schedule, for somebody who may override it, and what it said before."""
    schedule = found(await stored.get(tx, tx.actor, schedule_id), "schedule")
    require(tx.actor, Permission.RESPOND, schedule.team_id, "schedule")
    await shift_notices.remember(tx, schedule)
    return schedule


def _check_not_over(tx: Transaction, made: Override) -> None:
    if made.end_at <= tx.now:
        raise Conflict("This override is over and stays as it was.")


async def _check_free(tx: Transaction, made: Override) -> None:
    """What a swap made is undone with the swap as a whole, for as long as it lies ahead."""
    if made.start_at > tx.now and await swaps.by_cover(tx, made.id) is not None:
        raise Conflict("This cover is part of a swap; take back the swap.")


async def _check(tx: Transaction, made: Override, known: set[str] | None = None) -> None:
    if made.end_at <= tx.now:
        raise Invalid("endTime must lie in the future: who was on call is not rewritten.", field="endTime")
    rotations = await schedules.rotations(tx, tx.actor, made.schedule_id) if made.rotation_ids else []
    check_override(made, {rotation.id for rotation in rotations} if known is None else made.rotation_ids)
    if known is None:
        await schedules.check_people(tx, tx.actor, [made.user_id], "userId")
        await schedules.check_people(tx, tx.actor, [made.instead_of_id], "insteadOfId")
        await schedules.check_people(tx, tx.actor, [shift.user_id for shift in made.shifts], "shifts")


def _within(changed: Override) -> tuple[FixedShift, ...]:
    """The turns of a temporary schedule, cut to its new time."""
    cut = (
        msgspec.structs.replace(
            shift,
            start_at=max(shift.start_at, changed.start_at),
            end_at=min(shift.end_at, changed.end_at),
        )
        for shift in changed.shifts
    )
    return tuple(shift for shift in cut if shift.start_at < shift.end_at)


def _record(
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
