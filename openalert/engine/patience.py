"""What a server does to begin waits for a database that answers, and not this moment."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from openalert.domain.errors import Unavailable
from openalert.storage.database import Database

log = structlog.get_logger(__name__)
T = TypeVar("T")

PATIENCE_SECONDS = 60.0
"""As long as a start waits for a file that another program has locked."""
PAUSE_SECONDS = 1.0


async def patiently(database: Database, work: Callable[[], Awaitable[T]]) -> T:
    """What `work` comes to; it is tried again for a minute while a server of databases cannot do it: a Postgres that
    fails over, or a node that holds the turn at writing and stands still. `Unavailable` after that, and at once with
    a file, which whoever opened it has waited for.
    """
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return await work()
        except Unavailable as error:
            if database.dialect == "sqlite" or time.monotonic() > until:
                raise
            log.warning("the start waits for the database", reason=error.message)
        await asyncio.sleep(PAUSE_SECONDS)
