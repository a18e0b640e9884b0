"""Reminders of shifts: turns ahead become rows, and what is due is told."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from openalert.storage import duties
from openalert.storage import shift_reminders as stored
from openalert.storage.database import Database
from openalert.storage.shift_reminders import ShiftReminder
from openalert.storage.transaction import Transaction
from openalert.usecases import handoffs, shift_reminders


async def plan(database: Database, known: shift_reminders.Known) -> int:
    """Keep what begins in the coming days; a hundred schedules at a time, so that others have their turn in between."""
    async with database.read() as reader:
        every = await duties.every_schedule(reader)
    for gone in set(known) - {each.id for each in every}:
        del known[gone]
    noted = 0
    for start in range(0, len(every), handoffs.PER_TRANSACTION):
        async with database.read() as reader:
            found = await shift_reminders.unknown(
                reader, every[start : start + handoffs.PER_TRANSACTION], known
            )
        if found:
            await database.act(_noting(found))
            noted += len(found)
    return noted


async def run_due(database: Database) -> int:
    """Write to those whose turn begins as soon as they wanted to know; how many messages."""
    async with database.read() as reader:
        waiting = await stored.due(reader, reader.now, limit=1)
    return await database.act(shift_reminders.tell) if waiting else 0


def _noting(found: Sequence[ShiftReminder]) -> Callable[[Transaction], Coroutine[Any, Any, None]]:
    return lambda tx: shift_reminders.note(tx, found)
