"""SQL for the event log: what live listeners hear, kept so that they can resume."""

from openalert.domain.event import Event
from openalert.domain.instant import DAY, Instant
from openalert.storage.transaction import Reader, Transaction

KEPT_AT_LEAST = 10_000
KEPT_FOR = DAY
MOST_AT_ONCE = 2_000
"""Events that one transaction forgets: after a storm there are many, and nobody who writes waits for all of them."""


async def after(reader: Reader, seq: int, limit: int) -> list[Event]:
    """Events with a larger `seq`, in order."""
    return await reader.all(
        Event, "SELECT * FROM events WHERE seq > :seq ORDER BY seq LIMIT :limit", seq=seq, limit=limit
    )


async def oldest(reader: Reader) -> int | None:
    """The smallest `seq` that is still kept."""
    seq: int | None = await reader.value("SELECT min(seq) FROM events")
    return seq


async def last(reader: Reader) -> int:
    """The largest `seq` given out."""
    seq: int = await reader.value("SELECT value FROM counters WHERE name = 'event'")
    return seq


async def forget(tx: Transaction, now: Instant) -> bool:
    """Drop the oldest that are older than a day, at most `MOST_AT_ONCE`; whether there may be more.

    Never the newest ten thousand, nor what outgoing webhooks are to be told.
    """
    gone = await tx.changed(
        "DELETE FROM events WHERE seq < (SELECT min(seq) FROM events) + :most AND at < :before "
        "AND seq <= (SELECT max(seq) FROM events) - :kept "
        "AND (seq <= (SELECT value FROM counters WHERE name = 'outgoing_event') "
        "OR NOT EXISTS (SELECT 1 FROM outgoing_webhooks WHERE is_enabled)) RETURNING seq",
        most=MOST_AT_ONCE,
        before=now - KEPT_FOR,
        kept=KEPT_AT_LEAST,
    )
    return len(gone) == MOST_AT_ONCE
