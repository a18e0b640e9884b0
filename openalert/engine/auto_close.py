"""Alerts that close by themselves, each integration in a transaction of its own."""

from functools import partial

import structlog

from openalert.domain.instant import Instant
from openalert.storage import auto_closing
from openalert.storage.database import Database
from openalert.usecases.auto_close import close_silent

log = structlog.get_logger(__name__)


async def run_due(database: Database, up_since: Instant | None) -> int:
    """Close what nobody repeats any more; how many alerts. One integration that fails does not stop the others."""
    closed = 0
    for closing in await database.look(auto_closing.integrations):
        try:
            closed += await database.act(partial(close_silent, closing=closing, up_since=up_since))
        except Exception:
            log.exception("closing silent alerts failed", integration_id=closing.id)
    return closed
