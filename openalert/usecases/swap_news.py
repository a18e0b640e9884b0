"""What those concerned by a swap are told, as they want to hear of handoffs; whoever acts is not told of it."""

from collections.abc import Mapping
from typing import TypeAlias

from openalert.domain.instant import Instant, to_datetime
from openalert.domain.notification import Notification
from openalert.domain.notification_plan import Callee
from openalert.domain.schedule import Schedule
from openalert.domain.swap import Swap
from openalert.domain.walltime import zone_named
from openalert.storage import notifications, recipients, swaps
from openalert.storage.transaction import Transaction
from openalert.usecases.handoffs import messages_to

Told: TypeAlias = Mapping[str | None, str]
"""The headline for each person; nobody is None."""
_REASON = "You want to hear of your turns, and a swap concerns them."


async def offered(tx: Transaction, schedule: Schedule, swap: Swap) -> None:
    """The person asked hears of it, or everybody in the team who may take it."""
    names = await _names(tx, swap)
    whose = names[swap.user_id]
    if swap.to_user_id is None:
        asked = await swaps.who_may_take(tx, schedule)
        said = f"{whose} offers a shift in {schedule.name}"
        told: Told = {each: said for each in asked if each != swap.user_id}
        await _tell(tx, schedule, swap, "offered", told, "Whoever takes it first has it.")
    elif swap.in_return is not None:
        said = f"{whose} asks you to exchange shifts in {schedule.name}"
        await _tell(tx, schedule, swap, "offered", {swap.to_user_id: said})
    else:
        said = f"{whose} offers you a shift in {schedule.name}"
        await _tell(tx, schedule, swap, "offered", {swap.to_user_id: said})
    if swap.user_id != tx.actor.user_id:
        said = f"A shift of yours in {schedule.name} is offered to {names.get(swap.to_user_id, 'the team')}"
        await _tell(tx, schedule, swap, "offered", {swap.user_id: said}, "It is yours until it is taken.")


async def taken(tx: Transaction, schedule: Schedule, swap: Swap) -> None:
    """Whose shift it was hears who has it; who was made to take it too."""
    names = await _names(tx, swap)
    whose, taker, where = names[swap.user_id], names[swap.taken_by_id], schedule.name
    if swap.in_return is not None:
        told = {
            swap.user_id: f"{taker} exchanges shifts with you in {where}",
            swap.taken_by_id: f"You exchange shifts with {whose} in {where}",
        }
    else:
        told = {
            swap.user_id: f"{taker} takes your shift in {where}",
            swap.taken_by_id: f"You take a shift of {whose} in {where}",
        }
    await _tell(tx, schedule, swap, "taken", told)


async def declined(tx: Transaction, schedule: Schedule, swap: Swap) -> None:
    """Whose shift it is hears that it stays theirs."""
    names = await _names(tx, swap)
    said = f"{names[swap.to_user_id]} does not take your shift in {schedule.name}"
    await _tell(tx, schedule, swap, "declined", {swap.user_id: said}, "It stays yours.")


async def withdrawn(tx: Transaction, schedule: Schedule, before: Swap) -> None:
    """Whoever was asked or had taken it, and whose shift it is, hear that it is undone."""
    names = await _names(tx, before)
    whose, where = names[before.user_id], schedule.name
    if before.taken_by_id is None:
        told = {
            before.user_id: f"Your shift in {where} is offered no more",
            before.to_user_id: f"{whose} offers you a shift in {where} no more",
        }
    else:
        told = {
            before.user_id: f"Your shift in {where} is yours again",
            before.taken_by_id: f"{whose} has the shift in {where} back",
        }
    await _tell(tx, schedule, before, "withdrawn", told)


async def expired(tx: Transaction, schedule: Schedule, swap: Swap) -> None:
    """Whose shift it is hears that nobody took it."""
    said = f"Nobody took your shift in {schedule.name}"
    await _tell(tx, schedule, swap, "expired", {swap.user_id: said}, "You are on call.")


async def moved(tx: Transaction, schedule: Schedule, before: Swap, after: Swap) -> None:
    """Both hear that the shift has moved, and the swap with it."""
    names = await _names(tx, after)
    told = {
        after.user_id: f"The shift that {names[after.taken_by_id]} takes for you in {schedule.name} has moved",
        after.taken_by_id: f"The shift that you take for {names[after.user_id]} in {schedule.name} has moved",
    }
    await _tell(tx, schedule, after, f"moved:{tx.now}", told, was=before)


async def ended(tx: Transaction, schedule: Schedule, swap: Swap) -> None:
    """Both hear that the schedule was edited and there is nothing to swap any more."""
    said = f"A swap in {schedule.name} is over: the shift is no more"
    told = dict.fromkeys([swap.user_id, swap.taken_by_id or swap.to_user_id], said)
    await _tell(
        tx,
        schedule,
        swap,
        f"ended:{tx.now}",
        told,
        "The schedule was edited; everybody has their own shifts.",
    )


async def _names(tx: Transaction, swap: Swap) -> dict[str | None, str]:
    """How those of the swap are called."""
    ids = [each for each in (swap.user_id, swap.to_user_id, swap.taken_by_id) if each is not None]
    known = await recipients.names(tx, ids)
    return {each: known.get(each, "Somebody") for each in ids}


async def _tell(
    tx: Transaction,
    schedule: Schedule,
    swap: Swap,
    event: str,
    told: Told,
    more: str = "",
    was: Swap | None = None,
) -> None:
    """Write to all of `told` but whoever acts."""
    ids = [each for each in told if each is not None and each != tx.actor.user_id]
    rows: list[Notification] = []
    for callee in await recipients.callees(tx, ids):
        if callee.is_active and callee.preferences.handoffs:
            rows += messages_to(
                tx,
                schedule,
                callee,
                effect=f"swap:{swap.id}:{event}",
                headline=told[callee.user_id],
                body=_body(swap, was, callee, more),
                reason=_REASON,
                opens=("See the swaps", f"/schedules/{schedule.id}/swaps"),
            )
    await notifications.enqueue(tx, rows)


def _body(swap: Swap, was: Swap | None, callee: Callee, more: str) -> str:
    lines = [f"{_span(swap.start_at, swap.end_at, callee)}."]
    if was is not None and (was.start_at, was.end_at) != (swap.start_at, swap.end_at):
        lines.append(f"Before: {_span(was.start_at, was.end_at, callee)}.")
    if swap.in_return is not None:
        lines.append(f"In return: {_span(*swap.in_return, callee)}.")
    if was is not None and was.in_return is not None and was.in_return != swap.in_return:
        lines.append(f"Before: {_span(*was.in_return, callee)}.")
    if swap.note:
        lines.append(swap.note)
    return "\n".join([*lines, *([more] if more else []), f"Times are those of {callee.timezone}."])


def _span(start: Instant, end: Instant, callee: Callee) -> str:
    zone = zone_named(callee.timezone)
    first, last = (to_datetime(each).astimezone(zone) for each in (start, end))
    return f"{first:%a %d %b, %H:%M} to {last:%a %d %b, %H:%M}"
