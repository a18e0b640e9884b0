"""Heartbeats whose beat has not come, and what becomes of those that OpenAlert itself could not hear."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import structlog

from openalert import telemetry
from openalert.domain.heartbeat import HeartbeatStatus
from openalert.domain.instant import SECOND, Instant
from openalert.storage import heartbeats as stored
from openalert.storage.database import Database
from openalert.storage.transaction import Transaction
from openalert.usecases import beats

log = structlog.get_logger(__name__)

BATCH = 200
PER_TRANSACTION = 50


async def run_due(database: Database) -> int:
    """Raise an alert for each heartbeat whose time is up, the longest overdue first; how many there were."""
    now = database.clock()
    due = await database.look(lambda reader: stored.due(reader, now, BATCH))
    raised = 0
    for start in range(0, len(due), PER_TRANSACTION):
        raised += await _check(database, due[start : start + PER_TRANSACTION])
    return raised


async def excuse(database: Database, deaf_from: Instant, deaf_until: Instant) -> int:
    """Nothing could be heard in that time: put off what a beat then would have put off."""
    excused = await database.act(lambda tx: beats.excuse(tx, deaf_from, deaf_until))
    if excused:
        log.warning(
            "heartbeats were put off, as none could be heard",
            heartbeats=excused,
            seconds=round((deaf_until - deaf_from) / SECOND, 1),
        )
    return excused


async def measure(database: Database) -> None:
    """How many heartbeats are in which state."""
    async with database.read() as reader:
        counts = await stored.counts(reader)
    for status in HeartbeatStatus:
        telemetry.HEARTBEATS.labels(status.value).set(counts.get(status.value, 0))


async def _check(database: Database, ids: Sequence[str]) -> int:
    """Several in one transaction; when that fails, each in its own, so that one cannot stop the others."""
    try:
        return await database.act(_falling_late(ids))
    except Exception:
        if len(ids) > 1:
            return sum([await _check(database, [each]) for each in ids])
        log.exception("heartbeat failed", heartbeat_id=ids[0])
        return 0


def _falling_late(ids: Sequence[str]) -> Callable[[Transaction], Coroutine[Any, Any, int]]:
    return lambda tx: beats.fall_late(tx, ids)
