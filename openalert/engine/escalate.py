"""Incidents whose next level is due, and snoozes that are over."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import structlog

from openalert import telemetry
from openalert.domain.errors import Unavailable
from openalert.domain.instant import MINUTE, SECOND
from openalert.domain.outage import Outage
from openalert.storage import auditing, duties, timers
from openalert.storage import shift_notices as stored_notices
from openalert.storage.database import Database
from openalert.storage.timers import Timer
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import escalation, handoffs, mending, shift_notices
from openalert.usecases.quieting import wake

log = structlog.get_logger(__name__)

BATCH = 800
"""So many are looked up at once; a team that has waited for its turn has it within the next so many."""
REFUSALS = 60
"""So often a step is tried each second while the database refuses it."""
PER_TRANSACTION = 200
"""So many share a transaction: some twenty milliseconds, so that nobody else waits for long."""
MOST_MENDED = 100


def _nothing() -> None:
    """Nobody listens."""


async def run_due(
    database: Database,
    outage: Outage | None = None,
    progress: Callable[[], None] = _nothing,
    *,
    overdue_by: int = 0,
) -> int:
    """Act on timers that have been due for so many milliseconds, the longest overdue first; how many there were.

    `progress` hears of each transaction.
    """
    now = database.clock() - overdue_by
    due = await database.look(lambda reader: timers.due(reader, now, BATCH))
    for start in range(0, len(due), PER_TRANSACTION):
        some = due[start : start + PER_TRANSACTION]
        await _act(database, some, outage)
        progress()
        acted = database.clock()
        for timer in some:
            telemetry.TIMER_LATENESS.observe(max(0, acted - timer.due_at) / SECOND)
    return len(due)


async def _act(database: Database, due: list[Timer], outage: Outage | None) -> None:
    """Several in one transaction; when that fails, each half in its own, so that one cannot stop the others."""
    try:
        await database.act(lambda tx: _all(tx, due, outage))
    except Exception as error:
        if len(due) > 1:
            # A database that takes nothing now says so again to one alone, and the rest waits for the next look.
            cut = 1 if isinstance(error, Unavailable) else len(due) // 2
            await _act(database, due[:cut], outage)
            await _act(database, due[cut:], outage)
            return
        timer = due[0]
        wait = min(SECOND << min(timer.failures, 6), MINUTE)
        if isinstance(error, Unavailable):  # where the program stood says nothing of a database that is away
            log.warning(
                "timer waits for the database",
                incident_id=timer.incident_id, kind=timer.kind, reason=error.message,
            )  # fmt: skip
            if timer.failures < REFUSALS:
                wait = SECOND
        else:
            log.exception("timer failed", incident_id=timer.incident_id, kind=timer.kind)
        await _postpone(database, timer, wait)


async def _all(tx: Transaction, due: Sequence[Timer], outage: Outage | None) -> None:
    """All as they are now: first the snoozes that are over, which may set anew what else is due of their incidents."""
    for timer in await _still_due(tx, [each for each in due if each.kind == "unsnooze"]):
        await wake(tx, timer)
    steps = await _still_due(tx, [each for each in due if each.kind != "unsnooze"])
    if steps:
        await escalation.steps(tx, steps, outage=outage)


async def _still_due(tx: Transaction, found: Sequence[Timer]) -> list[Timer]:
    if not found:
        return []
    present = await timers.of_incidents(tx, [each.incident_id for each in found])
    current = [present.get((each.incident_id, each.kind)) for each in found]
    return [timer for timer in current if timer is not None and timer.due_at <= tx.now]


async def _postpone(database: Database, timer: Timer, wait: int) -> None:
    """A step that fails comes again: after 1 s, then doubling to a minute.

    One that the database refused comes again each second, for the next commit may be taken: a disk that is full now and
    then must not add up to a minute. What was refused `REFUSALS` times is at fault itself.
    """
    async with database.transaction() as tx:
        await timers.postpone(tx, timer, tx.now + wait)


async def tell_handoffs(database: Database, known: handoffs.Known | None = None) -> int:
    """Write to whoever went on call or was relieved since the last look; how many messages.

    `known` is what this process remembers from one look to the next. A hundred schedules at a time, so that others
    have their turn in between.
    """
    memory: handoffs.Known = {} if known is None else known
    async with database.read() as reader:
        every = await duties.every_schedule(reader)
    for gone in set(memory) - {each.id for each in every}:
        del memory[gone]
    told = 0
    for start in range(0, len(every), handoffs.PER_TRANSACTION):
        some = every[start : start + handoffs.PER_TRANSACTION]
        async with database.read() as reader:
            found = await handoffs.changed(reader, some, memory)
        if found:
            told += await database.act(_telling([each.schedule.id for each in found]))
    return told


async def tell_changed_shifts(database: Database) -> int:
    """Write to those whose shifts others have changed a while ago; how many messages."""
    async with database.read() as reader:
        waiting = await stored_notices.due(reader, reader.now, limit=1)
    return await database.act(shift_notices.tell) if waiting else 0


def _telling(schedule_ids: list[str]) -> Callable[[Transaction], Coroutine[Any, Any, int]]:
    return lambda tx: handoffs.tell(tx, schedule_ids)


async def audit(database: Database) -> int:
    """Every open incident has exactly one live reason why it pages or does not (promise ES-9); how many had not.

    What lost its timer gets one that is due now, what has one too many loses it.
    """
    for incident_id, kind in (found := await strays(database)).items():
        log.error("incident without exactly one reason", incident_id=incident_id, kind=kind)
        telemetry.INVARIANTS.labels(kind=kind).inc()
        await database.act(_mending(incident_id))
    return len(found)


async def strays(database: Database) -> dict[str, str]:
    """What is wrong with incidents, by id; each slice in a look of its own, so that none is long."""
    found: dict[str, str] = {}
    for look in auditing.LOOKS:
        after: str | None = ""
        while after is not None and len(found) < MOST_MENDED:
            ids, after = await database.look(_looking(look, after))
            for incident_id in ids:
                found.setdefault(incident_id, look.kind)
    return found


def _looking(
    look: auditing.Look, after: str
) -> Callable[[Reader], Coroutine[Any, Any, tuple[list[str], str | None]]]:
    return lambda reader: auditing.strays(reader, look, after, MOST_MENDED)


def _mending(incident_id: str) -> Callable[[Transaction], Coroutine[Any, Any, None]]:
    return lambda tx: mending.mend(tx, incident_id)
