"""Offers of shifts that have begun, each ended in a transaction of its own so that one cannot stop the others."""

from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from openalert.storage import swaps as stored
from openalert.storage.database import Database
from openalert.storage.transaction import Transaction
from openalert.usecases import swaps

BATCH = 200

log = structlog.get_logger(__name__)


async def run_due(database: Database) -> int:
    """End what has expired; how many offers."""
    async with database.read() as reader:
        due = await stored.due(reader, BATCH)
    for schedule_id, swap_id in due:
        try:
            await database.act(_expiring(schedule_id, swap_id))
        except Exception:
            log.exception("swap failed", swap_id=swap_id)
    return len(due)


def _expiring(schedule_id: str, swap_id: str) -> Callable[[Transaction], Coroutine[Any, Any, None]]:
    return lambda tx: swaps.expire(tx, schedule_id, swap_id)
