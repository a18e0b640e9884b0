"""Maintenances on status pages that begin or end by themselves.

Each is moved on in a transaction of its own: what was committed is not due any more, what was not is done by the next
run, and one that fails stops no other.
"""

import structlog

from openalert.storage import status_incidents as stored
from openalert.storage.database import Database
from openalert.storage.transaction import Transaction
from openalert.usecases import status_incidents

BATCH = 100

log = structlog.get_logger(__name__)


async def run_due(database: Database) -> int:
    """Begin and end what is due; how many that were."""
    due = await database.look(lambda reader: stored.due(reader, BATCH))
    return sum([await _advanced(database, each.id) for each in due])


async def _advanced(database: Database, incident_id: str) -> bool:
    async def advance(tx: Transaction) -> bool:
        return await status_incidents.advance(tx, incident_id)

    try:
        return await database.act(advance)
    except Exception:
        log.exception("maintenance on a status page failed", id=incident_id)
        return False
