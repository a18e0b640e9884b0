"""Fire drills that are due, each in a transaction of its own so that one cannot stop the others."""

from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from openalert.storage import drills as stored
from openalert.storage.database import Database
from openalert.storage.transaction import Transaction
from openalert.usecases import drills

log = structlog.get_logger(__name__)


async def run_due(database: Database) -> int:
    """Do what is due and plan what comes next; how many rows were touched."""
    async with database.read() as reader:
        due = await stored.due(reader, drills.BATCH)
        some_wait = bool(await stored.waiting(reader, 1))
    for drill_id in due:
        try:
            await database.act(_stepping(drill_id))
        except Exception:
            log.exception("drill failed", drill_id=drill_id)
    planned = await database.act(drills.plan) if some_wait or due else 0
    return len(due) + planned


def _stepping(drill_id: str) -> Callable[[Transaction], Coroutine[Any, Any, None]]:
    return lambda tx: drills.step(tx, drill_id)
