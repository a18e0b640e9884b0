"""Weekly reports that are due: looked into outside of the writer, queued one by one."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import structlog

from openalert.storage import weekly_reports as stored
from openalert.storage.database import Database
from openalert.storage.transaction import Transaction
from openalert.storage.weekly_reports import WeeklyReport
from openalert.usecases import warnings, weekly_reports
from openalert.usecases.warning_facts import Installation
from openalert.usecases.warnings import Outlook

log = structlog.get_logger(__name__)


async def run_due(
    database: Database, unset: Mapping[str, str], installation: Installation | None = None
) -> int:
    """Plan what comes next, then send what is due; how many messages were queued."""
    async with database.read() as reader:
        some_wait = bool(await stored.waiting(reader, 1))
    if some_wait:
        await database.act(weekly_reports.plan_next)
    async with database.read() as reader:
        due = await stored.due(reader, weekly_reports.BATCH)
    queued = 0
    for each in due:
        try:
            queued += await _send(database, each, unset, installation)
        except Exception:
            log.exception("weekly report failed", user_id=each.user_id)
    return queued


async def _send(
    database: Database, due: WeeklyReport, unset: Mapping[str, str], installation: Installation | None
) -> int:
    async with database.read() as reader:
        eyes = await weekly_reports.reader_of(reader, due)
    outlook = await warnings.look(database, eyes, unset, installation) if eyes is not None else None
    return await database.act(_sending(due, outlook))


def _sending(due: WeeklyReport, outlook: Outlook | None) -> Callable[[Transaction], Coroutine[Any, Any, int]]:
    return lambda tx: weekly_reports.send(tx, due, outlook)
