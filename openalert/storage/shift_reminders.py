"""SQL for reminders of shifts: turns ahead, until whoever has them is told."""

from collections.abc import Collection, Sequence

import msgspec

from openalert.domain.instant import Instant
from openalert.storage.transaction import Reader, Transaction


class ShiftReminder(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `shift_reminders`."""

    schedule_id: str
    user_id: str
    start_at: Instant
    due_at: Instant
    told_at: Instant | None = None


async def starts(
    reader: Reader, schedule_ids: Collection[str], after: Instant
) -> set[tuple[str, str, Instant]]:
    """The turns of these schedules from an instant on that have a row: schedule, person and beginning."""
    rows = await reader.rows(
        "SELECT schedule_id, user_id, start_at FROM shift_reminders "
        f"WHERE {reader.any_of('schedule_id', 'ids')} AND start_at >= :after",
        ids=sorted(schedule_ids),
        after=after,
    )
    return {(row[0], row[1], row[2]) for row in rows}


async def leads(reader: Reader, user_ids: Collection[str]) -> dict[str, Instant]:
    """How long before people want to be told; whoever has set nothing is left out."""
    rows = await reader.rows(
        f"SELECT user_id, handoff_lead FROM notification_preferences WHERE {reader.any_of('user_id', 'ids')}",
        ids=sorted(user_ids),
    )
    return {row[0]: row[1] for row in rows}


async def insert(tx: Transaction, some: Sequence[ShiftReminder]) -> None:
    """Turns that were not known; one that is there stays as it is."""
    await tx.insert_with("shift_reminders", some, {}, " ON CONFLICT DO NOTHING")


async def due(reader: Reader, at: Instant, *, limit: int) -> list[ShiftReminder]:
    """What is to be told by now, the longest overdue first."""
    return await reader.all(
        ShiftReminder,
        "SELECT * FROM shift_reminders WHERE due_at <= :at AND told_at IS NULL "
        "ORDER BY due_at, schedule_id, user_id LIMIT :limit",
        at=at,
        limit=limit,
    )


async def claim(tx: Transaction, reminder: ShiftReminder) -> bool:
    """It is told now; False: somebody else has just told it."""
    claimed = await tx.rows(
        "UPDATE shift_reminders SET told_at = :now WHERE schedule_id = :schedule AND user_id = :user "
        "AND start_at = :start AND told_at IS NULL RETURNING schedule_id",
        now=tx.now,
        schedule=reminder.schedule_id,
        user=reminder.user_id,
        start=reminder.start_at,
    )
    return bool(claimed)


async def delete(tx: Transaction, reminder: ShiftReminder) -> None:
    """The turn is another one now, or none."""
    await tx.execute(
        "DELETE FROM shift_reminders WHERE schedule_id = :schedule AND user_id = :user AND start_at = :start",
        schedule=reminder.schedule_id,
        user=reminder.user_id,
        start=reminder.start_at,
    )


async def move(tx: Transaction, user_id: str, lead: Instant) -> None:
    """A person wants to be told so long before from now on."""
    await tx.execute(
        "UPDATE shift_reminders SET due_at = start_at - :lead WHERE user_id = :user AND told_at IS NULL",
        lead=lead,
        user=user_id,
    )


async def forget(tx: Transaction, before: Instant) -> None:
    """Turns that began before need no row any more."""
    await tx.execute("DELETE FROM shift_reminders WHERE start_at < :before", before=before)
