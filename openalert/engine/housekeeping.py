"""What keeps the house clean: old events and payloads go, the run says that it lives."""

from collections.abc import Callable
from datetime import UTC
from typing import Any

import structlog

from openalert import telemetry
from openalert.domain.adoption import KEPT_FOR as STRANGE_KEYS_KEPT_FOR
from openalert.domain.handoff_note import KEPT_FOR as NOTES_KEPT_FOR
from openalert.domain.idempotency import KEPT_FOR
from openalert.domain.instant import DAY, MINUTE
from openalert.domain.noise import LONGEST_WINDOW_MINUTES
from openalert.domain.opsgenie import REQUESTS_KEPT_FOR
from openalert.domain.status_subscriber import DELIVERIES_KEPT_FOR
from openalert.storage import (
    adoption,
    calendar_feeds,
    chat_codes,
    events,
    handoff_notes,
    idempotency,
    noise,
    opsgenie,
    outgoing_deliveries,
    outgoing_webhooks,
    payloads,
    provider_events,
    routing_counts,
    settings,
    slo,
    status_deliveries,
    status_subscribers,
)
from openalert.storage.database import Database

log = structlog.get_logger(__name__)

PROVEN_EVERY = 7 * DAY
_PROVEN = "database proven at"
IMPORTED_FOR = 400 * DAY
"""Turns that calendars brought: as far back as a final schedule can be asked for at once."""
HITS_KEPT_FOR = 90 * DAY
"""What is counted of routing rules; people are shown the last 30 days."""
COUNTS_KEPT_FOR = 2 * DAY
"""What thresholds remember; the longest looks back a day."""
TOLD_AGAIN_FOR = 7 * DAY
"""Providers tell again what we did not confirm, Telegram for a day; and what Twilio signs holds no time, so that
whoever recorded it may send it at any time: by then its short code most likely means nothing any more.
"""


async def look_at_disk(database: Database) -> int:
    """See how full the disk is, and take the reserve back where there is room again; nothing is left to do."""
    before, was_slow = database.disk.has_long_log, database.disk.is_slow
    await database.look_at_disk()
    disk = database.disk
    if disk.has_long_log and not before:
        log.warning(
            "a reader keeps SQLite's log from being used again",
            log_bytes=disk.log_bytes, readers=list(disk.log_readers),
        )  # fmt: skip
    elif before and not disk.has_long_log:
        log.info("SQLite's log is used again", log_bytes=disk.log_bytes)
    if disk.is_slow and not was_slow:
        log.warning("the disk is slow: everybody waits for it", commit_seconds=round(disk.commit_seconds, 2))
    if disk.free_bytes is not None:
        telemetry.DISK_FREE.set(disk.free_bytes)
    telemetry.DISK_RESERVE_IN_USE.set(disk.reserve_in_use)
    telemetry.WAL_BYTES.set(disk.log_bytes)
    telemetry.DISK_COMMIT.set(disk.commit_seconds)
    return 0


async def prove_weekly(database: Database) -> None:
    """Look at the whole database file once a week, however often the server is restarted meanwhile."""
    async with database.read() as reader:
        last = await settings.get(reader, _PROVEN)
        if last is not None and reader.now - int(last) < PROVEN_EVERY:
            return
    wrong = await database.prove_sound()
    for line in wrong:
        telemetry.INVARIANTS.labels("database file").inc()
        log.error("the database file is not sound", found=line)
    async with database.transaction() as tx:
        await settings.put(tx, _PROVEN, str(tx.now))


async def forget(database: Database, payload_days: int) -> None:
    """Drop what nobody needs: events and kept answers beyond a day, payloads beyond their days and their alerts.

    A clock that leapt ahead makes nothing older for a day, see `Reader.sure`.
    """
    async with database.transaction() as tx:
        await idempotency.forget(tx, tx.sure - KEPT_FOR)
        await provider_events.forget(tx, tx.sure - TOLD_AGAIN_FOR)
        await chat_codes.forget(tx, tx.sure)
        await calendar_feeds.forget(tx, tx.sure, tx.sure - IMPORTED_FOR)
        await handoff_notes.forget(tx, tx.sure - NOTES_KEPT_FOR)
        await adoption.forget(tx, tx.sure - STRANGE_KEYS_KEPT_FOR)
        await opsgenie.forget(tx, tx.sure - REQUESTS_KEPT_FOR)
        await noise.forget_windows(tx, tx.sure - LONGEST_WINDOW_MINUTES * MINUTE)
        await routing_counts.forget(
            tx, hits_before=tx.sure - HITS_KEPT_FOR, counts_before=tx.sure - COUNTS_KEPT_FOR
        )
        await slo.forget(tx)
        await outgoing_webhooks.drop_previous_secrets(tx)
    # In transactions of their own: a storm leaves many, and nobody who writes is to wait for all of them.
    while await database.act(lambda tx: events.forget(tx, tx.sure)):
        pass
    while await database.act(lambda tx: payloads.forget(tx, tx.sure - payload_days * DAY)):
        pass
    while await database.act(lambda tx: outgoing_deliveries.forget(tx, tx.sure - payload_days * DAY)):
        pass
    while await database.act(lambda tx: status_deliveries.forget(tx, tx.sure - DELIVERIES_KEPT_FOR)):
        pass
    while await database.act(lambda tx: status_subscribers.forget(tx, tx.sure)):
        pass


def schedule(database: Database, payload_days: int, leads: Callable[[], bool]) -> Any:
    """The hourly chores, on an APScheduler of their own: nothing that pages anybody is among them.

    `leads`: whether they are this node's at that moment.
    """
    from apscheduler.schedulers.asyncio import AsyncIOScheduler

    scheduler = AsyncIOScheduler(
        timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
    )

    async def chores() -> None:
        if leads():
            await forget(database, payload_days)

    scheduler.add_job(chores, "interval", hours=1, jitter=300)
    scheduler.add_job(prove_weekly, "interval", hours=1, args=(database,), jitter=300)
    scheduler.start()
    return scheduler
