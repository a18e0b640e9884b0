"""Calendars of other programs that are to be read again, one after the other: none can stop the others."""

import structlog

from openalert.notifiers.calendar_feed import CalendarFetcher
from openalert.storage import calendar_feeds as stored
from openalert.storage.database import Database
from openalert.usecases import calendar_feeds

BATCH = 20
log = structlog.get_logger(__name__)


async def run_due(database: Database, fetcher: CalendarFetcher) -> int:
    """Read what is due; how many were read."""
    async with database.read() as reader:
        due = await stored.due(reader, BATCH)
    for feed_id in due:
        try:
            await calendar_feeds.refresh(database, fetcher, feed_id)
        except Exception:
            log.exception("calendar not read", feed_id=feed_id)
            await calendar_feeds.put_off(database, feed_id)
    return len(due)
