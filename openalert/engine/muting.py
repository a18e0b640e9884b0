"""Maintenance windows and silences that begin or end by themselves: whoever looks or follows is told.

What they held is let go by `engine.held`, whatever happens here. Each is told of in a transaction of its own, so that
one cannot stop the others.
"""

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import structlog

from openalert.storage import maintenance_windows as stored_windows
from openalert.storage import silences as stored_silences
from openalert.storage.database import Database
from openalert.storage.transaction import Transaction
from openalert.usecases import maintenance_windows, silences

BATCH = 200

log = structlog.get_logger(__name__)


async def run_due(database: Database) -> int:
    """Tell of those that begin or end now; of how many that was done."""
    async with database.read() as reader:
        windows = await stored_windows.due(reader, BATCH)
        silenced = await stored_silences.due(reader, BATCH)
    turns = [(each.id, partial(maintenance_windows.turn, window=each)) for each in windows]
    turns += [(each.id, partial(silences.turn, silence=each)) for each in silenced]
    return sum([await _done(database, muting_id, turn) for muting_id, turn in turns])


async def _done(
    database: Database, muting_id: str, turn: Callable[[Transaction], Coroutine[Any, Any, None]]
) -> bool:
    try:
        await database.act(turn)
    except Exception:
        log.exception("window or silence failed", id=muting_id)
        return False
    return True
