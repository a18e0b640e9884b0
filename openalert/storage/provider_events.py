"""SQL for what providers have told already, and what they told too early to be acted upon."""

from typing import TypeVar

import msgspec

from openalert.domain.instant import Instant
from openalert.storage.rows import to_json
from openalert.storage.transaction import Transaction

T = TypeVar("T")


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


async def keep(tx: Transaction, provider: str, event_id: str, told: msgspec.Struct) -> None:
    """Keep what was told until `take`; told again, the last word counts."""
    await tx.execute(
        "INSERT INTO provider_events (provider, id, seen_at, told) VALUES (:provider, :id, :now, :told) "
        "ON CONFLICT (provider, id) DO UPDATE SET told = excluded.told, seen_at = excluded.seen_at",
        provider=provider,
        id=event_id,
        told=to_json(told),
        now=tx.now,
    )


async def take(tx: Transaction, provider: str, event_id: str, kind: type[T]) -> T | None:
    """What was kept, which is not kept any longer; None if nothing was."""
    rows = await tx.rows(
        "DELETE FROM provider_events WHERE provider = :provider AND id = :id AND told IS NOT NULL RETURNING told",
        provider=provider,
        id=event_id,
    )
    return msgspec.json.decode(rows[0][0], type=kind) if rows else None


async def forget(tx: Transaction, before: Instant) -> None:
    """Drop what no provider tells again."""
    await tx.execute("DELETE FROM provider_events WHERE seen_at < :before", before=before)
