"""Reminders of shifts: whoever goes on call hears of it as long before as they want, once.

Turns of the coming days become rows, each with the time at which it is to be told. Whether the turn is still what it
was is looked at when that time has come, so that nobody is reminded of a shift that somebody else has taken meanwhile.
"""

import asyncio
from collections.abc import MutableMapping, Sequence

import msgspec

from openalert.domain.access import SYSTEM
from openalert.domain.difference import Span
from openalert.domain.instant import DAY, HOUR, MINUTE, Instant, to_datetime
from openalert.domain.notification import Notification
from openalert.domain.notification_plan import Callee, zone_in
from openalert.domain.oncall import on_call
from openalert.domain.plan import Plan
from openalert.domain.reminder import DEFAULT_LEAD, LONGEST_LEAD, OFF_FOR, beginnings
from openalert.domain.schedule import Schedule
from openalert.storage import notifications, recipients, schedules, shift_reminders
from openalert.storage.shift_reminders import ShiftReminder
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases.handoffs import messages_to

AHEAD = LONGEST_LEAD + DAY
"""How far ahead turns become rows: further than anybody may want to be told."""
TRUSTED_FOR = HOUR
LATE = 15 * MINUTE
"""A turn that is found later than this after it should have been told was made by an edit, of which people are told."""
AT_ONCE = 50
TOLD_UNTIL = 35 * DAY
"""An end that lies further ahead is not told."""


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule whose turns are rows."""

    plan: Plan
    at: Instant


Known = MutableMapping[str, Looked]
"""What a process remembers from one look to the next, by schedule."""


async def unknown(reader: Reader, some: Sequence[Schedule], known: Known) -> list[ShiftReminder]:
    """Turns ahead of these schedules that have no row yet; what is as it was when last looked at is not computed."""
    now = reader.now
    plans = await schedules.plans(reader, some, now - OFF_FOR)
    anew = {
        each: plan
        for each, plan in plans.items()
        if each not in known or known[each].plan != plan or not 0 <= now - known[each].at < TRUSTED_FOR
    }
    if not anew:
        return []
    there = await shift_reminders.starts(reader, anew, now)
    found = []
    for each, plan in anew.items():
        turns = ((each, user_id, span[0]) for user_id, span in beginnings(plan, now, now + AHEAD))
        found += [turn for turn in turns if turn not in there]
        await asyncio.sleep(0)  # so that others have their turn between two schedules
    known.update({each: Looked(plan=plan, at=now) for each, plan in anew.items()})
    leads = await shift_reminders.leads(reader, {user_id for _, user_id, _ in found}) if found else {}
    rows = [
        ShiftReminder(
            schedule_id=each,
            user_id=user_id,
            start_at=start,
            due_at=start - leads.get(user_id, DEFAULT_LEAD),
        )
        for each, user_id, start in found
    ]
    return [row for row in rows if row.due_at >= now - LATE]


async def note(tx: Transaction, some: Sequence[ShiftReminder]) -> None:
    """Keep them until they are due; what is past is forgotten."""
    gone = await _gone(tx, some)
    await shift_reminders.insert(tx, [each for each in some if not {each.user_id, each.schedule_id} & gone])
    await shift_reminders.forget(tx, tx.sure - DAY)


async def _gone(reader: Reader, some: Sequence[ShiftReminder]) -> set[str]:
    """People and schedules that were deleted since somebody looked."""
    people = {each.user_id for each in some}
    places = {each.schedule_id for each in some}
    there = set(await recipients.names(reader, sorted(people)))
    return (people - there) | (places - set(await schedules.named(reader, SYSTEM, places)))


async def tell(tx: Transaction) -> int:
    """Write to everybody whose turn begins as soon as they wanted to know; how many messages."""
    rows: list[Notification] = []
    due = await shift_reminders.due(tx, tx.now, limit=AT_ONCE)
    callees = {each.user_id: each for each in await recipients.callees(tx, {each.user_id for each in due})}
    found = await schedules.named(tx, SYSTEM, {each.schedule_id for each in due})
    for reminder in due:
        schedule, callee = found.get(reminder.schedule_id), callees.get(reminder.user_id)
        if await shift_reminders.claim(tx, reminder) and schedule is not None and callee is not None:
            rows += await _messages(tx, reminder, schedule, callee)
    await notifications.enqueue(tx, rows)
    return len(rows)


async def _messages(
    tx: Transaction, reminder: ShiftReminder, schedule: Schedule, callee: Callee
) -> list[Notification]:
    start = reminder.start_at
    if start <= tx.now or not callee.preferences.handoffs:
        return []
    plan = (await schedules.plans(tx, [schedule], start - OFF_FOR, start + TOLD_UNTIL))[schedule.id]
    turns = beginnings(plan, start, start + TOLD_UNTIL)
    turn = next((span for user_id, span in turns if (user_id, span[0]) == (callee.user_id, start)), None)
    if turn is None:
        await shift_reminders.delete(tx, reminder)
        return []
    zone = zone_in(callee.timezone)
    return messages_to(
        tx,
        schedule,
        callee,
        effect=f"ahead:{schedule.id}:{start}",
        headline=f"On call for {schedule.name} from {to_datetime(start).astimezone(zone):%a %d %b, %H:%M}",
        body=await _body(tx, plan, turn, callee),
        reason="You want to hear ahead when your turn begins.",
        opens=("The schedule", f"/schedules/{schedule.id}"),
    )


async def _body(reader: Reader, plan: Plan, turn: Span, callee: Callee) -> str:
    start, end = turn
    zone = zone_in(callee.timezone)
    until = (
        f"Until {to_datetime(end).astimezone(zone):%a %d %b, %H:%M}; times are those of {callee.timezone}."
        if end < start + TOLD_UNTIL
        else f"No end is planned; times are those of {callee.timezone}."
    )
    before = [each.user_id for each in on_call(plan, start - 1).people]
    beside = [each.user_id for each in on_call(plan, start).people if each.user_id != callee.user_id]
    names = await recipients.names(reader, [*before, *beside])
    sentences = [until]
    if leaving := [names[each] for each in before if each not in beside and each in names]:
        sentences.append(f"Before you: {', '.join(leaving)}.")
    if staying := [names[each] for each in beside if each in names]:
        sentences.append(f"Together with {', '.join(staying)}.")
    return "\n".join(sentences)
