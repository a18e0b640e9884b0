"""Alerts that were held back and are held no more."""

import structlog

from openalert import telemetry
from openalert.storage import holds
from openalert.storage.database import Database
from openalert.usecases import holding

log = structlog.get_logger(__name__)

MOST_MENDED = 100


async def run_due(database: Database) -> int:
    """Look again at held alerts whose time has come; how many holds ended."""
    due = await database.look(holds.next_due)
    if due is None or due > database.clock():
        return 0
    return await database.act(holding.let_go_due)


async def audit(database: Database) -> int:
    """A held alert needs something that holds it: one that lost it is let go (a page is never lost)."""
    stranded = await database.look(lambda reader: holds.stranded(reader, MOST_MENDED))
    if stranded:
        log.error("held alerts that nothing holds", alert_ids=stranded)
        telemetry.INVARIANTS.labels(kind="held").inc(len(stranded))
        await database.act(lambda tx: holding.let_go(tx, stranded))
    return len(stranded)
