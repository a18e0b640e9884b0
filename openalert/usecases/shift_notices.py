"""Shift notices: whoever is on call at other times because a schedule was edited is told, once for several edits."""

from collections.abc import Iterable, Mapping, Sequence
from zoneinfo import ZoneInfo

import msgspec

from openalert.domain.access import SYSTEM
from openalert.domain.difference import (
    PersonDifference,
    Span,
    difference_of_people,
    exchanged,
    shifts_of_people,
)
from openalert.domain.instant import DAY, MINUTE, Instant, to_datetime
from openalert.domain.notification import Notification
from openalert.domain.notification_plan import Callee
from openalert.domain.oncall import shifts
from openalert.domain.plan import Plan
from openalert.domain.schedule import Schedule
from openalert.domain.walltime import zone_named
from openalert.storage import notifications, recipients, schedules, shift_notices
from openalert.storage.shift_notices import ShiftNotice
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases.handoffs import messages_to

AHEAD = 56 * DAY
"""How far ahead people are told of changes: eight weeks."""
SETTLES_IN = 5 * MINUTE
"""How long after the first edit the notice is given, so that several edits make one message."""
AT_ONCE = 50
SPANS_SHOWN = 6


async def remember(tx: Transaction, schedule: Schedule) -> None:
    """Keep what the schedule says, before the caller edits it."""
    editor = tx.actor.user_id or ""
    kept = await shift_notices.of_schedule(tx, schedule.id)
    if kept is None:
        until = tx.now + AHEAD
        notice = ShiftNotice(
            schedule_id=schedule.id,
            before_edit=await _shifts(tx, schedule, until),
            until_at=until,
            editor_ids=(editor,),
            due_at=tx.now + SETTLES_IN,
        )
        await shift_notices.insert(tx, notice)
    elif editor not in kept.editor_ids:
        await shift_notices.put_editors(
            tx, msgspec.structs.replace(kept, editor_ids=(*kept.editor_ids, editor))
        )


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody hears of their shifts by another message, at once."""

    user_id: str
    lost: Sequence[Span] = ()
    gained: Sequence[Span] = ()


async def agreed(tx: Transaction, schedule: Schedule, before: Plan, after: Plan) -> None:
    """Leave out of the notice what a swap changes: those concerned agreed to it, and are told by itself."""
    start, end = tx.now, tx.now + AHEAD
    was, then = (shifts_of_people(shifts(plan, start, end), start, end) for plan in (before, after))
    changed = difference_of_people(was, then, start, end)
    await leave_out(
        tx, schedule, [Told(user_id=each.user_id, lost=each.lost, gained=each.gained) for each in changed]
    )


async def leave_out(tx: Transaction, schedule: Schedule, told: Iterable[Told]) -> None:
    """What is told by other messages counts as if it had been so before the edits that are to be told."""
    kept = await shift_notices.of_schedule(tx, schedule.id)
    if kept is None:
        return
    for each in told:
        known = kept.before_edit.get(each.user_id, [])
        kept.before_edit[each.user_id] = exchanged(known, each.lost, each.gained)
    await shift_notices.put_before(tx, kept)


async def tell(tx: Transaction) -> int:
    """Write to everybody whose shifts are others than before the edits that have settled; how many messages."""
    rows: list[Notification] = []
    for notice in await shift_notices.due(tx, tx.now, limit=AT_ONCE):
        if not await shift_notices.delete(tx, notice.schedule_id):
            continue
        schedule = await schedules.get(tx, SYSTEM, notice.schedule_id)
        if schedule is not None:
            rows += await _messages(tx, schedule, notice)
    await notifications.enqueue(tx, rows)
    return len(rows)


async def _messages(tx: Transaction, schedule: Schedule, notice: ShiftNotice) -> list[Notification]:
    now = await _shifts(tx, schedule, notice.until_at)
    changed = difference_of_people(notice.before_edit, now, tx.now, notice.until_at)
    # Whoever edited alone knows; of what several did each may know a part only.
    changed = [person for person in changed if notice.editor_ids != (person.user_id,)]
    editors = await recipients.names(tx, [each for each in notice.editor_ids if each])
    callees = {each.user_id: each for each in await recipients.callees(tx, [one.user_id for one in changed])}
    rows: list[Notification] = []
    for person in changed:
        callee = callees.get(person.user_id)
        if callee is not None and callee.preferences.handoffs:
            rows += messages_to(
                tx,
                schedule,
                callee,
                effect=f"shifts:{schedule.id}:{notice.due_at}",
                headline=f"Your shifts in {schedule.name} have changed",
                body=_body(person, callee, editors),
                reason="Somebody edited a schedule in which you are on call.",
            )
    return rows


async def _shifts(reader: Reader, schedule: Schedule, until: Instant) -> dict[str, list[Span]]:
    if until <= reader.now:
        return {}
    plan = (await schedules.plans(reader, [schedule], reader.now, until))[schedule.id]
    return shifts_of_people(shifts(plan, reader.now, until), reader.now, until)


def _body(person: PersonDifference, callee: Callee, editors: Mapping[str, str]) -> str:
    zone = zone_named(callee.timezone)
    lines = [*_spans("You are on call too:", person.gained, zone), *_spans("No longer:", person.lost, zone)]
    who = " and ".join(sorted(editors.values())) or "a program"
    return "\n".join([*lines, f"Changed by {who}. Times are those of {callee.timezone}."])


def _spans(title: str, spans: Iterable[Span], zone: ZoneInfo) -> list[str]:
    told = [f"  {_time(start, zone)} to {_time(end, zone)}" for start, end in spans]
    if len(told) > SPANS_SHOWN:
        told = [*told[:SPANS_SHOWN], f"  and {len(told) - SPANS_SHOWN} more"]
    return [title, *told] if told else []


def _time(instant: Instant, zone: ZoneInfo) -> str:
    return f"{to_datetime(instant).astimezone(zone):%a %d %b %H:%M}"
