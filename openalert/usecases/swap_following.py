"""What becomes of swaps when a schedule is edited: they follow their shifts, and end where a shift is no more.

`following` goes around every edit. What was agreed is told by the swap's own messages, so shift notices leave it out.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TypeAlias

import msgspec

from openalert.domain.difference import Span, shifts_of_people
from openalert.domain.ids import new_id
from openalert.domain.instant import DAY, Instant
from openalert.domain.oncall import shifts
from openalert.domain.override import Override
from openalert.domain.plan import Plan
from openalert.domain.schedule import Schedule
from openalert.domain.swap import Swap, SwapStatus, bound, expires_at, with_overrides
from openalert.domain.swap_following import followed, pieces
from openalert.storage import schedules as stored_schedules
from openalert.storage import swaps as stored
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import audit, shift_notices, swap_news
from openalert.usecases.shift_notices import Told

_MARGIN = 60 * DAY
"""How far beyond a swap its shift is looked for."""

_Half: TypeAlias = tuple[Override, Span | None]
"""A cover that is not over, and where its shift lies after the edit; None: the shift is no more."""


@asynccontextmanager
async def following(tx: Transaction, schedule: Schedule) -> AsyncIterator[None]:
    """Let the swaps of a schedule follow what is edited inside; one statement where there are none."""
    ahead = await stored.in_force(tx, schedule.id)
    before = await plan_ahead(tx, schedule, ahead) if ahead else None
    yield
    if before is not None:
        await _follow(tx, schedule, ahead, before)


async def plan_ahead(reader: Reader, schedule: Schedule, ahead: Sequence[Swap]) -> Plan:
    """The schedule from now until beyond the last of the swaps, and as far as shift notices look."""
    until = max([reader.now + shift_notices.AHEAD, *(_latest(each) + _MARGIN for each in ahead)])
    return (await stored_schedules.plans(reader, [schedule], reader.now, until))[schedule.id]


async def trim(tx: Transaction, schedule: Schedule, plan: Plan | None = None) -> None:
    """Offer no more what those who offered it do not have any more; the rest of it is still offered."""
    ahead = [each for each in await stored.in_force(tx, schedule.id) if each.status is SwapStatus.OPEN]
    if not ahead:
        return
    if plan is None:
        plan = await plan_ahead(tx, schedule, ahead)
    for each in ahead:
        start = max(each.start_at, tx.now)
        kept = _held(plan, each.user_id, start, each.end_at)
        if kept == [(start, each.end_at)] and _has_return(plan, each):
            continue
        await stored.update(tx, _with_status(tx, each, SwapStatus.WITHDRAWN))
        for first, last in kept if each.in_return is None else []:
            rest = msgspec.structs.replace(each, id=new_id(tx.now), start_at=first, end_at=last)
            await stored.insert(tx, msgspec.structs.replace(rest, due_at=expires_at(rest, tx.now)))


def _has_return(plan: Plan, swap: Swap) -> bool:
    return swap.in_return is None or _held(plan, swap.to_user_id or "", *swap.in_return) == [swap.in_return]


def _held(plan: Plan, user_id: str, start: Instant, end: Instant) -> list[Span]:
    """When the person is on call within the time."""
    return shifts_of_people(shifts(plan, start, end), start, end).get(user_id, [])


async def _follow(tx: Transaction, schedule: Schedule, ahead: Sequence[Swap], before: Plan) -> None:
    plan = await plan_ahead(tx, schedule, ahead)
    if plan == before:
        return
    for swap in sorted(ahead, key=lambda each: each.cover_id or ""):
        if swap.status is SwapStatus.TAKEN:
            plan = await _follow_taken(tx, schedule, swap, before, plan)
    for swap in ahead:
        if swap.status is SwapStatus.OPEN:
            await _follow_offer(tx, schedule, swap, before, plan)
    await trim(tx, schedule, plan)


async def _follow_taken(tx: Transaction, schedule: Schedule, swap: Swap, before: Plan, plan: Plan) -> Plan:
    """Move the covers of a swap, or take back those whose shift is no more; the plan afterwards."""
    covers = {each.id: each for each in before.overrides}
    halves: list[_Half] = []
    for cover_id in (swap.cover_id, swap.return_cover_id):
        cover = covers.get(cover_id or "")
        if cover is not None and cover.end_at > tx.now:
            halves.append((cover, _where(cover, before, plan, tx.now)))
    over = [cover for cover, span in halves if span is None and cover.start_at > tx.now]
    if over:
        # Who gave a shift for another has it back when that one is no more, unless it has begun.
        gone = halves if swap.begins_at > tx.now else [half for half in halves if half[0] in over]
        return await _end(tx, schedule, swap, gone, plan)
    after, told = swap, []
    for cover, span in halves:
        at = _around(plan, cover)
        moved = _moved(at, cover, span, tx.now)
        if moved == cover:
            continue
        await stored_schedules.update_override(tx, moved)
        plan = with_overrides(plan, [moved if each.id == cover.id else each for each in plan.overrides])
        after = _at(after, moved)
        old, new = ((max(each.start_at, tx.now), each.end_at) for each in (cover, moved))
        told.append(Told(user_id=cover.user_id, lost=[old], gained=[new]))
    if after != swap:
        after = msgspec.structs.replace(after, updated_at=tx.now)
        await stored.update(tx, after)
        record(tx, "moved", schedule, swap, after)
        await swap_news.moved(tx, schedule, swap, after)
        await shift_notices.leave_out(tx, schedule, told)
    return plan


async def _end(tx: Transaction, schedule: Schedule, swap: Swap, gone: Sequence[_Half], plan: Plan) -> Plan:
    ids = {cover.id for cover, _ in gone}
    for override_id in sorted(ids):
        await stored_schedules.delete_override(tx, override_id)
    after = swap if swap.begins_at <= tx.now else _with_status(tx, swap, SwapStatus.ENDED)
    await stored.update(tx, after)
    record(tx, "ended", schedule, swap, after)
    await swap_news.ended(tx, schedule, swap)
    told = [Told(user_id=cover.user_id, lost=[(cover.start_at, cover.end_at)]) for cover, _ in gone]
    told += [Told(user_id=cover.instead_of_id, gained=[span]) for cover, span in gone if span is not None]
    await shift_notices.leave_out(tx, schedule, told)
    return with_overrides(plan, [each for each in plan.overrides if each.id not in ids])


async def _follow_offer(tx: Transaction, schedule: Schedule, swap: Swap, before: Plan, plan: Plan) -> None:
    spans = [((max(swap.start_at, tx.now), swap.end_at), swap.user_id)]
    if swap.in_return is not None:
        spans.append((swap.in_return, swap.to_user_id or ""))
    moved = [_followed(before, plan, whose, span, tx.now) for span, whose in spans]
    found = [span for span in moved if span is not None]
    if len(found) < len(moved):
        after = _with_status(tx, swap, SwapStatus.ENDED)
        await stored.update(tx, after)
        record(tx, "ended", schedule, swap, after)
        await swap_news.ended(tx, schedule, swap)
        return
    if found == [span for span, _ in spans]:
        return
    after = msgspec.structs.replace(swap, start_at=found[0][0], end_at=found[0][1], updated_at=tx.now)
    if len(found) > 1:
        after = msgspec.structs.replace(after, return_start_at=found[1][0], return_end_at=found[1][1])
    after = msgspec.structs.replace(after, due_at=expires_at(after, tx.now))
    await stored.update(tx, after)
    record(tx, "moved", schedule, swap, after)


def _where(cover: Override, before: Plan, plan: Plan, now: Instant) -> Span | None:
    """Where the shift of a cover lies after the edit, by what the cover acts on."""
    span = (max(cover.start_at, now), cover.end_at)
    return _followed(_around(before, cover), _around(plan, cover), cover.instead_of_id, span, now)


def _followed(before: Plan, after: Plan, user_id: str, span: Span, now: Instant) -> Span | None:
    until = span[1] + _MARGIN
    return followed(span, *(pieces(shifts(plan, now, until), user_id) for plan in (before, after)))


def _around(plan: Plan, cover: Override) -> Plan:
    """The plan that a cover acts on: with what was decided before it, without itself."""
    made = (cover.created_at, cover.id)
    return with_overrides(plan, [each for each in plan.overrides if (each.created_at, each.id) < made])


def _moved(around: Plan, cover: Override, span: Span | None, now: Instant) -> Override:
    """The cover at its new time, bound anew; of one that runs only the end moves."""
    if span is None:
        return cover
    if cover.start_at <= now:
        return msgspec.structs.replace(cover, end_at=span[1])
    return bound(around, msgspec.structs.replace(cover, start_at=span[0], end_at=span[1]))


def _at(swap: Swap, cover: Override) -> Swap:
    """The swap with the time of one of its covers."""
    if cover.id == swap.cover_id:
        return msgspec.structs.replace(swap, start_at=cover.start_at, end_at=cover.end_at)
    return msgspec.structs.replace(swap, return_start_at=cover.start_at, return_end_at=cover.end_at)


def _latest(swap: Swap) -> Instant:
    return max(swap.end_at, swap.return_end_at or 0)


def _with_status(tx: Transaction, swap: Swap, status: SwapStatus) -> Swap:
    return msgspec.structs.replace(swap, status=status, due_at=None, updated_at=tx.now)


def record(tx: Transaction, act: str, schedule: Schedule, before: Swap | None, after: Swap) -> None:
    """Note what was done to a swap, whoever did it."""
    audit.record(
        tx,
        f"swap.{act}",
        kind="swap",
        id=after.id,
        name=schedule.name,
        team_id=schedule.team_id,
        before=before,
        after=after,
    )
