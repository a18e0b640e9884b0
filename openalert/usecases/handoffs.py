"""Handoffs: whoever goes on call and whoever is relieved is told, as they want to be told.

Every schedule is looked at each minute. What each was computed from is remembered with the instant until which its
answer holds: while both are as they were there is nothing to compute, however many schedules there are.
"""

from collections.abc import Collection, Mapping, MutableMapping, Sequence
from typing import TypeAlias

import msgspec

from openalert.domain.access import SYSTEM
from openalert.domain.handoff_note import HandoffNote, in_words
from openalert.domain.ids import new_id
from openalert.domain.instant import HOUR, Instant, to_datetime
from openalert.domain.notification import (
    Notification,
    NotificationKind,
    give_up_at,
    leading_to,
    priority_of,
)
from openalert.domain.notification_plan import Callee, plan, zone_in
from openalert.domain.oncall import OnCall, on_call
from openalert.domain.plan import Plan
from openalert.domain.schedule import Schedule
from openalert.domain.walltime import zone_named
from openalert.storage import duties, notifications, recipients, schedules
from openalert.storage.duties import Duty
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import handoff_drafts

_Note: TypeAlias = tuple[HandoffNote | None, Mapping[str, str]]
"""What is left for whoever comes, if anything is, and what people in it are called."""

PER_TRANSACTION = 100
SCHEDULE = "schedule"
"""The member of the content that holds the name of the schedule which a message is about."""
TRUSTED_FOR = HOUR
"""What is remembered is computed anew after this time, whatever was found."""


class Handoff(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule in which others are on call than when it was last looked at."""

    schedule: Schedule
    answer: OnCall
    before: tuple[str, ...] | None
    """None: it is looked at for the first time, and nobody is told."""
    since: Instant = 0
    """When that was noted."""

    @property
    def now(self) -> tuple[str, ...]:
        """The ids of those on call, in order."""
        return tuple(sorted({person.user_id for person in self.answer.people}))


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule in which nothing was to be told."""

    plan: Plan
    """All from which that followed."""
    at: Instant
    until: Instant
    """From when on it may be otherwise."""

    def holds(self, plan: Plan, now: Instant) -> bool:
        """Whether it is so still; never when the clock stands before the look."""
        return self.at <= now < self.until and self.plan == plan


Known = MutableMapping[str, Settled]
"""What a process remembers from one look to the next, by schedule."""


async def changed(reader: Reader, some: Sequence[Schedule], known: Known) -> list[Handoff]:
    """Those of the schedules that have changed hands; a constant number of statements, however many there are."""
    plans = await schedules.plans(reader, some, reader.now)
    unknown = {
        each: found
        for each, found in plans.items()
        if each not in known or not known[each].holds(found, reader.now)
    }
    if not unknown:
        return []
    noted = await duties.of(reader, unknown)
    return [each for each in (_look(found, noted, known, reader.now) for found in unknown.values()) if each]


def _look(plan: Plan, noted: Mapping[str, Duty], known: Known, now: Instant) -> Handoff | None:
    schedule = plan.schedule
    answer = on_call(plan, now)
    duty = noted.get(schedule.id)
    handoff = Handoff(
        schedule=schedule,
        answer=answer,
        before=duty.user_ids if duty else None,
        since=duty.noted_at if duty else now,
    )
    if handoff.before != handoff.now:
        known.pop(schedule.id, None)
        return handoff
    latest = now + TRUSTED_FOR
    until = latest if answer.until is None else min(answer.until, latest)
    known[schedule.id] = Settled(plan=plan, at=now, until=until)
    return None


async def tell(tx: Transaction, schedule_ids: Collection[str]) -> int:
    """Note who is on call in these now, and write to those who came and those who went; how many messages."""
    some = await schedules.named(tx, SYSTEM, schedule_ids)
    found = await changed(tx, list(some.values()), {})
    await duties.put(
        tx, [Duty(schedule_id=each.schedule.id, user_ids=each.now, noted_at=tx.now) for each in found]
    )
    moved = [each for each in found if each.before is not None]
    ids = {user_id for each in moved for user_id in {*(each.before or ()), *each.now}}
    callees = {callee.user_id: callee for callee in await recipients.callees(tx, ids)}
    rows: list[Notification] = []
    for each in moved:
        rows += _messages(tx, each, callees, await _note(tx, each))
    await notifications.enqueue(tx, rows)
    return len(rows)


async def _note(tx: Transaction, handoff: Handoff) -> _Note:
    """What those who go leave for those who come; after a gap, what was left before it."""
    before, now = set(handoff.before or ()), set(handoff.now)
    note = None
    if before - now:
        note = await handoff_drafts.hand_over(tx, handoff.schedule, handoff.before or (), handoff.since)
    elif not before:
        note = await handoff_drafts.left_for_nobody(tx, handoff.schedule)
    if note is None or not note.says_something:
        return None, {}
    return note, await handoff_drafts.names_in(tx, [note])


def _messages(
    tx: Transaction, handoff: Handoff, callees: Mapping[str, Callee], note: _Note
) -> list[Notification]:
    before, now = set(handoff.before or ()), set(handoff.now)
    names = [callees[each].name for each in handoff.now if each in callees]
    rows: list[Notification] = []
    for user_id in sorted(before ^ now):
        callee = callees.get(user_id)
        if callee is not None and callee.preferences.handoffs:
            rows += _to(tx, handoff, callee, names, note, begins=user_id in now)
    return rows


def _to(
    tx: Transaction, handoff: Handoff, callee: Callee, names: Sequence[str], note: _Note, *, begins: bool
) -> list[Notification]:
    name = handoff.schedule.name
    opens = None
    path = f"/schedules/{handoff.schedule.id}#handoff"
    if begins:
        headline, body = f"You are on call for {name} now", _until(handoff, callee)
        if note[0] is not None:
            body = "\n".join([body, *in_words(note[0], note[1], zone_in(callee.timezone))])
            opens = ("The handoff note", path)
    else:
        opens = ("Leave a note", path)
        headline = f"Your turn in {name} is over"
        body = f"{' and '.join(names)} took over." if names else "Nobody is on call there now."
    return messages_to(
        tx,
        handoff.schedule,
        callee,
        effect=f"handoff:{handoff.schedule.id}",
        headline=headline,
        body=body,
        reason="You want to hear when your turn begins and ends.",
        opens=opens,
    )


def messages_to(
    tx: Transaction,
    schedule: Schedule,
    callee: Callee,
    *,
    effect: str,
    headline: str,
    body: str,
    reason: str,
    opens: tuple[str, str] | None = None,
) -> list[Notification]:
    """What tells somebody about a schedule, by the ways they want to hear of handoffs; `effect` is unique to it.

    `opens`: what the button says, and the path of the page to which it leads; None: that of the schedule.
    """
    planned = plan(callee, None, tx.now, kind=NotificationKind.HANDOFF)
    return [
        Notification(
            id=new_id(tx.now),
            effect_key=f"{effect}:{callee.user_id}:{tx.now}:{step.number}",
            organization_id=schedule.organization_id,
            team_id=None,
            incident_id=None,
            kind=NotificationKind.HANDOFF,
            priority=priority_of(NotificationKind.HANDOFF),
            step=step.number,
            user_id=callee.user_id,
            contact_method_id=step.way.id,
            channel=step.way.type,
            address=step.way.address,
            reason=reason,
            content={"headline": headline, "body": body, SCHEDULE: schedule.name}
            | leading_to(opens or ("Open the schedule", f"/schedules/{schedule.id}")),
            due_at=step.due_at,
            held_until=step.held_until,
            give_up_at=give_up_at(NotificationKind.HANDOFF, step.due_at),
            created_at=tx.now,
            updated_at=tx.now,
        )
        for step in planned.steps
    ]


def _until(handoff: Handoff, callee: Callee) -> str:
    until = handoff.answer.until
    if until is None:
        return "No end is planned."
    return f"At least until {to_datetime(until).astimezone(zone_named(callee.timezone)):%a %d %b, %H:%M}."
