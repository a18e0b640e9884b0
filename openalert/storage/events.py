"""SQL for the event log: what live listeners hear, kept so that they can resume."""

from openalert.domain.event import Event
from openalert.domain.instant import DAY, Instant
from openalert.storage.transaction import Reader, Transaction

KEPT_AT_LEAST = 10_000
KEPT_FOR = DAY


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


async def forget(tx: Transaction, now: Instant) -> None:
    """Drop what is older than a day, but never the newest ten thousand, nor what outgoing webhooks are to be told."""
    await tx.execute(
        "DELETE FROM events WHERE at < :before AND seq <= (SELECT max(seq) FROM events) - :kept "
        "AND (seq <= (SELECT value FROM counters WHERE name = 'outgoing_event') "
        "OR NOT EXISTS (SELECT 1 FROM outgoing_webhooks WHERE is_enabled))",
        before=now - KEPT_FOR,
        kept=KEPT_AT_LEAST,
    )
