"""Shift swaps: offered, taken with or without an offer, exchanged, declined, taken back; carried out by covers."""

import msgspec

from openalert.domain.access import SYSTEM, Actor, Permission, can
from openalert.domain.errors import Conflict, Invalid
from openalert.domain.ids import new_id
from openalert.domain.instant import Instant
from openalert.domain.override import Override, OverrideKind
from openalert.domain.plan import Plan
from openalert.domain.schedule import Schedule
from openalert.domain.swap import (
    Swap,
    SwapStatus,
    bound,
    check_swap,
    expires_at,
    is_on,
    is_on_throughout,
    with_overrides,
)
from openalert.storage import schedules as stored_schedules
from openalert.storage import swaps as stored
from openalert.storage import users
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import schedules, shift_notices, swap_news
from openalert.usecases.access import acting, all_known, found, require
from openalert.usecases.swap_following import plan_ahead, record, trim

MOST_SCHEDULES = 200
"""How many schedules are looked through for what concerns one person."""
MOST_AHEAD = 500
"""Offers and swaps of one schedule whose shifts are not over."""


async def of_schedule(
    reader: Reader, actor: Actor, schedule_id: str, start: Instant | None = None
) -> list[Swap]:
    """The swaps of a schedule that end after `start`, whatever became of them; without it, after now."""
    schedule = await schedules.get(reader, actor, schedule_id)
    return await stored.of_schedule(reader, schedule.id, reader.now if start is None else start)


async def open_for(reader: Reader, actor: Actor, limit: int) -> list[tuple[Schedule, Swap]]:
    """What the actor has offered or could take, in all schedules where they respond, the earliest first."""
    if actor.user_id is None:
        return []
    seen = await stored_schedules.page(reader, actor, limit=MOST_SCHEDULES)
    able = {each.id: each for each in seen if can(actor, Permission.RESPOND, each.team_id)}
    found = await stored.open_for(reader, actor.user_id, able, limit)
    return [(able[each.schedule_id], each) for each in found]


async def get(reader: Reader, actor: Actor, schedule_id: str, swap_id: str) -> Swap:
    """One swap of a schedule."""
    await schedules.get(reader, actor, schedule_id)
    return found(await stored.get(reader, schedule_id, swap_id), "swap")


async def offer(
    tx: Transaction,
    schedule_id: str,
    *,
    start_at: Instant,
    end_at: Instant,
    user_id: str = "",
    to_user_id: str = "",
    return_start_at: Instant | None = None,
    return_end_at: Instant | None = None,
    note: str = "",
) -> Swap:
    """Offer a shift, or part of one, to one person or to the team, maybe for a shift in return.

    It stays one's own until somebody takes it. Admins of the team offer for others.
    """
    schedule = await _to_respond(tx, schedule_id)
    swap = _swap(tx, schedule, _on_behalf(tx, schedule, user_id, "userId"), start_at, end_at, note)
    swap = msgspec.structs.replace(
        swap,
        to_user_id=to_user_id or None,
        return_start_at=return_start_at,
        return_end_at=return_end_at,
    )
    await _check(tx, schedule, swap)
    if swap.to_user_id is not None:
        await _check_responder(tx, schedule, swap.to_user_id, "toUserId")
    if await _of_time(tx, swap, SwapStatus.OPEN):
        raise Conflict("Some of this time is offered already; take that offer back first.", field="startTime")
    swap = msgspec.structs.replace(swap, due_at=expires_at(swap, tx.now))
    await stored.insert(tx, swap)
    record(tx, "offered", schedule, None, swap)
    await swap_news.offered(tx, schedule, swap)
    return swap


async def take_shift(
    tx: Transaction,
    schedule_id: str,
    *,
    user_id: str,
    start_at: Instant,
    end_at: Instant,
    taker_id: str = "",
    note: str = "",
) -> Swap:
    """Take somebody's shift, or part of one, that was not offered. Admins of the team do it for others."""
    schedule = await _to_respond(tx, schedule_id)
    taker = _on_behalf(tx, schedule, taker_id, "takerId")
    if not user_id:
        raise Invalid("userId must name whose shift it is.", field="userId")
    swap = msgspec.structs.replace(_swap(tx, schedule, user_id, start_at, end_at, note), taken_by_id=taker)
    offered = await _same_offer(tx, swap)
    if offered is not None:
        swap = msgspec.structs.replace(offered, taken_by_id=taker, note=swap.note or offered.note)
    return await _carry_out(tx, schedule, offered, swap)


async def _same_offer(tx: Transaction, swap: Swap) -> Swap | None:
    """The offer of this very shift to the team or to whoever takes it; None: it is not offered so."""
    for each in await _of_time(tx, swap, SwapStatus.OPEN):
        asked = each.in_return is None and each.to_user_id in (None, swap.taken_by_id)
        if asked and (max(each.start_at, tx.now), each.end_at) == (max(swap.start_at, tx.now), swap.end_at):
            return each
    return None


async def take(
    tx: Transaction,
    schedule_id: str,
    swap_id: str,
    *,
    start_at: Instant | None = None,
    end_at: Instant | None = None,
    taker_id: str = "",
) -> Swap:
    """Take what is offered, or part of it: the rest stays offered. The first who does has it.

    With a shift in return both change hands at once.
    """
    schedule, before = await _open(tx, schedule_id, swap_id)
    taker = _on_behalf(tx, schedule, taker_id, "takerId")
    if before.to_user_id not in (None, taker):
        raise Conflict(f"This is offered to {await _name(tx, before.to_user_id)} alone.", field="takerId")
    after = msgspec.structs.replace(
        before,
        taken_by_id=taker,
        start_at=before.start_at if start_at is None else start_at,
        end_at=before.end_at if end_at is None else end_at,
    )
    _check_part(before, after)
    return await _carry_out(tx, schedule, before, after)


async def decline(tx: Transaction, schedule_id: str, swap_id: str) -> Swap:
    """Say no to what one was offered; whose shift it is keeps it, and is told."""
    schedule, before = await _open(tx, schedule_id, swap_id)
    if before.to_user_id is None:
        raise Conflict("This is offered to the whole team; nobody needs to say no.")
    if tx.actor.user_id != before.to_user_id and not _leads(tx, schedule):
        raise Conflict(f"This is offered to {await _name(tx, before.to_user_id)}, who answers it.")
    after = await _end(tx, before, SwapStatus.DECLINED)
    record(tx, "declined", schedule, before, after)
    await swap_news.declined(tx, schedule, after)
    return after


async def withdraw(tx: Transaction, schedule_id: str, swap_id: str) -> Swap:
    """Take an offer back; or, until it begins, undo a swap: everybody has their own shifts again."""
    schedule = await _to_respond(tx, schedule_id)
    before = found(await stored.get(tx, schedule.id, swap_id), "swap")
    if before.status not in (SwapStatus.OPEN, SwapStatus.TAKEN):
        raise Conflict(f"This swap is {before.status.value} already.")
    concerned = {before.user_id, before.created_by_id, before.taken_by_id}
    if tx.actor.user_id not in concerned - {None} and not _leads(tx, schedule):
        raise Conflict(
            f"Only {await _name(tx, before.user_id)}, whoever took it and admins of the team take this back."
        )
    if before.status is SwapStatus.TAKEN:
        await _undo(tx, schedule, before)
    after = await _end(tx, before, SwapStatus.WITHDRAWN)
    record(tx, "withdrawn", schedule, before, after)
    await swap_news.withdrawn(tx, schedule, before)
    return after


async def expire(tx: Transaction, schedule_id: str, swap_id: str) -> None:
    """An offer whose shift begins is over, and whose shift it is hears that it stays theirs."""
    swap = await stored.get(tx, schedule_id, swap_id)
    schedule = (await stored_schedules.named(tx, SYSTEM, [schedule_id])).get(schedule_id)
    if swap is None or schedule is None or swap.due_at is None or swap.due_at > tx.now:
        return
    await swap_news.expired(tx, schedule, await _end(tx, swap, SwapStatus.EXPIRED))


async def _carry_out(tx: Transaction, schedule: Schedule, before: Swap | None, swap: Swap) -> Swap:
    """Make the covers of a swap that somebody takes; its time begins now at the earliest."""
    await _check(tx, schedule, swap)
    taker = swap.taken_by_id or ""
    await _check_responder(tx, schedule, taker, "takerId")
    plan = as_it_was = await _plan_ahead(tx, schedule, swap)
    covers = []
    for cover in _covers(tx, swap, taker):
        if is_on(plan, cover.user_id, cover.start_at, cover.end_at):
            name = await _name(tx, cover.user_id)
            raise Conflict(f"{name} is on call then already; give that shift away first.")
        covers.append(bound(plan, cover))
        await stored_schedules.insert_override(tx, covers[-1])
        plan = with_overrides(plan, [*plan.overrides, covers[-1]])
    after = msgspec.structs.replace(
        swap,
        status=SwapStatus.TAKEN,
        start_at=covers[0].start_at,
        cover_id=covers[0].id,
        return_cover_id=covers[1].id if len(covers) > 1 else None,
        due_at=None,
        updated_at=tx.now,
    )
    if before is None:
        await stored.insert(tx, after)
    else:
        await stored.update(tx, after)
        await _offer_rests(tx, before, after)
    await _settle(tx, schedule, as_it_was, plan)
    record(tx, "taken", schedule, before, after)
    await swap_news.taken(tx, schedule, after)
    return after


def _covers(tx: Transaction, swap: Swap, taker: str) -> list[Override]:
    """What puts the taker on call, and for a shift in return whoever gave theirs; bound to nothing yet."""
    spans = [(max(swap.start_at, tx.now), swap.end_at, swap.user_id, taker)]
    if swap.in_return is not None:
        spans.append((*swap.in_return, taker, swap.user_id))
    return [
        Override(
            id=new_id(tx.now),
            schedule_id=swap.schedule_id,
            kind=OverrideKind.COVER,
            user_id=who,
            instead_of_id=whose,
            start_at=start,
            end_at=end,
            reason=f"Swap: {swap.note}" if swap.note else "Swap",
            created_at=tx.now,
            created_by_id=tx.actor.user_id,
        )
        for start, end, whose, who in spans
    ]


async def _settle(tx: Transaction, schedule: Schedule, before: Plan, after: Plan) -> None:
    """What follows for others when shifts have changed hands."""
    await shift_notices.agreed(tx, schedule, before, after)
    await trim(tx, schedule)
    schedules.changed(tx, schedule)


async def _check(tx: Transaction, schedule: Schedule, swap: Swap) -> None:
    """Refuse what cannot be swapped, and shifts that those who give them away do not have."""
    check_swap(swap, tx.now)
    ahead = await stored.in_force(tx, schedule.id)
    if len(ahead) >= MOST_AHEAD and all(each.id != swap.id for each in ahead):
        raise Conflict(f"A schedule has at most {MOST_AHEAD} swaps ahead; take back some first.")
    # Somebody who is switched off has shifts too, until others take them.
    all_known([swap.user_id], await users.named(tx, tx.actor, [swap.user_id]), "userId", "user")
    start = max(swap.start_at, tx.now)
    await _check_shift(tx, schedule, swap.user_id, start, swap.end_at, "startTime")
    if swap.in_return is not None:
        await _check_shift(tx, schedule, swap.to_user_id or "", *swap.in_return, "returnStartTime")


async def _check_shift(
    tx: Transaction, schedule: Schedule, user_id: str, start: Instant, end: Instant, field: str
) -> None:
    if is_on_throughout(await _plan(tx, schedule, start, end), user_id, start, end):
        return
    given = await stored.of_time(tx, schedule.id, user_id, start, end, SwapStatus.TAKEN)
    whose = await _name(tx, user_id)
    if given:
        latest = given[-1]
        taker = latest.taken_by_id if latest.user_id == user_id else latest.user_id
        raise Conflict(f"{await _name(tx, taker)} has taken this shift of {whose} already.", field=field)
    raise Invalid(f"{field}: {whose} is not on call for all of that time.", field=field)


async def _check_responder(tx: Transaction, schedule: Schedule, user_id: str, field: str) -> None:
    await schedules.check_people(tx, tx.actor, [user_id], field)
    actor = await acting(tx, user_id)
    if actor is None or not can(actor, Permission.RESPOND, schedule.team_id):
        raise Invalid(f"{field} must be somebody who may respond in the schedule's team.", field=field)


def _check_part(offered: Swap, taken: Swap) -> None:
    if (taken.start_at, taken.end_at) == (offered.start_at, offered.end_at):
        return
    if offered.in_return is not None:
        raise Invalid(
            "startTime must be left out: an exchange is taken as it was offered.", field="startTime"
        )
    if taken.start_at < offered.start_at:
        raise Invalid("startTime must lie within what is offered.", field="startTime")
    if taken.end_at > offered.end_at:
        raise Invalid("endTime must lie within what is offered.", field="endTime")


async def _undo(tx: Transaction, schedule: Schedule, swap: Swap) -> None:
    """Take the covers back; a swap that has begun stands, and so does one whose taker has given some of it on."""
    if swap.begins_at <= tx.now:
        raise Conflict("This has begun and stays as it is; take the shift, or offer it anew.")
    spans = [(swap.start_at, swap.end_at, swap.taken_by_id or "")]
    if swap.in_return is not None:
        spans.append((*swap.in_return, swap.user_id))
    for start, end, holder in spans:
        later = await stored.of_time(tx, swap.schedule_id, holder, start, end, SwapStatus.TAKEN)
        if any((each.cover_id or "") > (swap.cover_id or "") for each in later if each.id != swap.id):
            raise Conflict(f"{await _name(tx, holder)} has given some of it on; that must be undone first.")
    plan = await _plan_ahead(tx, schedule, swap)
    made = {swap.cover_id, swap.return_cover_id}
    for override_id in sorted(made - {None}, key=str):
        await stored_schedules.delete_override(tx, override_id or "")
    left = with_overrides(plan, [each for each in plan.overrides if each.id not in made])
    await _settle(tx, schedule, plan, left)


async def _open(tx: Transaction, schedule_id: str, swap_id: str) -> tuple[Schedule, Swap]:
    schedule = await _to_respond(tx, schedule_id)
    swap = found(await stored.get(tx, schedule.id, swap_id), "swap")
    if swap.status is SwapStatus.TAKEN:
        raise Conflict(f"{await _name(tx, swap.taken_by_id)} has taken this already.")
    if swap.status is not SwapStatus.OPEN:
        raise Conflict(f"This offer is {swap.status.value}.")
    if swap.due_at is not None and swap.due_at <= tx.now:
        raise Conflict("This offer is expired: its shift has begun.")
    return schedule, swap


async def _end(tx: Transaction, swap: Swap, status: SwapStatus) -> Swap:
    ended = msgspec.structs.replace(swap, status=status, due_at=None, updated_at=tx.now)
    await stored.update(tx, ended)
    return ended


async def _offer_rests(tx: Transaction, offered: Swap, taken: Swap) -> None:
    """What is left of an offer of which a part was taken is still offered."""
    for first, last in ((max(offered.start_at, tx.now), taken.start_at), (taken.end_at, offered.end_at)):
        if first < last:
            rest = msgspec.structs.replace(offered, id=new_id(tx.now), start_at=first, end_at=last)
            await stored.insert(tx, msgspec.structs.replace(rest, due_at=expires_at(rest, tx.now)))


async def _of_time(tx: Transaction, swap: Swap, status: SwapStatus) -> list[Swap]:
    """Others by which the same person gives away some of the time."""
    same = await stored.of_time(tx, swap.schedule_id, swap.user_id, swap.start_at, swap.end_at, status)
    return [each for each in same if each.id != swap.id and each.user_id == swap.user_id]


async def _plan_ahead(tx: Transaction, schedule: Schedule, swap: Swap) -> Plan:
    return await plan_ahead(tx, schedule, [swap])


async def _plan(tx: Transaction, schedule: Schedule, start: Instant, end: Instant) -> Plan:
    schedules.check_range(start, end)
    return (await stored_schedules.plans(tx, [schedule], start, end))[schedule.id]


def _swap(tx: Transaction, schedule: Schedule, user_id: str, start: Instant, end: Instant, note: str) -> Swap:
    return Swap(
        id=new_id(tx.now),
        organization_id=schedule.organization_id,
        schedule_id=schedule.id,
        user_id=user_id,
        start_at=start,
        end_at=end,
        note=note.strip(),
        created_at=tx.now,
        created_by_id=tx.actor.user_id,
        updated_at=tx.now,
    )


async def _to_respond(tx: Transaction, schedule_id: str) -> Schedule:
    schedule = found(await stored_schedules.get(tx, tx.actor, schedule_id), "schedule")
    require(tx.actor, Permission.RESPOND, schedule.team_id, "schedule")
    return schedule


def _leads(tx: Transaction, schedule: Schedule) -> bool:
    return can(tx.actor, Permission.CONFIGURE, schedule.team_id)


def _on_behalf(tx: Transaction, schedule: Schedule, user_id: str, field: str) -> str:
    """Whom the act is about: oneself, or somebody whom an admin of the team names."""
    if not user_id or user_id == tx.actor.user_id:
        if tx.actor.user_id is None:
            raise Invalid(f"{field} must name the person: a program has no shifts.", field=field)
        return tx.actor.user_id
    require(tx.actor, Permission.CONFIGURE, schedule.team_id, "schedule")
    return user_id


async def _name(tx: Transaction, user_id: str | None) -> str:
    people = await users.named(tx, tx.actor, [user_id] if user_id else [])
    return people[user_id].name if user_id in people else "Somebody"
