"""SQL for what providers have told already."""

from openalert.domain.instant import Instant
from openalert.storage.transaction import Transaction


async def first(tx: Transaction, provider: str, event_id: str) -> bool:
    """Note that it was told; False when it had been told before."""
    won = await tx.changed(
        "INSERT INTO provider_events (provider, id, seen_at) VALUES (:provider, :id, :now) "
        "ON CONFLICT (provider, id) DO NOTHING RETURNING id",
        provider=provider,
        id=event_id,
        now=tx.now,
    )
    return bool(won)


async def forget(tx: Transaction, before: Instant) -> None:
    """Drop what no provider tells again."""
    await tx.execute("DELETE FROM provider_events WHERE seen_at < :before", before=before)
