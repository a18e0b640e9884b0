"""SQL for counts of failed tries: a restart forgives nobody."""

from collections.abc import Collection

import msgspec

from openalert.domain.instant import Instant
from openalert.storage.rows import to_parameters
from openalert.storage.transaction import Reader, Transaction


class Count(msgspec.Struct):
    """A row of `throttles`."""

    key: str
    failures: int
    at: Instant


async def counts(reader: Reader, keys: Collection[str]) -> dict[str, Count]:
    """What is kept of these keys; one of which nothing is kept is left out."""
    found = await reader.all(
        Count, f"SELECT * FROM throttles WHERE {reader.any_of('key', 'keys')}", keys=sorted(keys)
    )
    return {count.key: count for count in found}


async def put(tx: Transaction, count: Count) -> None:
    """Keep this count."""
    await tx.execute(
        """
        INSERT INTO throttles (key, failures, at) VALUES (:key, :failures, :at)
        ON CONFLICT (key) DO UPDATE SET failures = excluded.failures, at = excluded.at
        """,
        **to_parameters(count),
    )


async def remove(tx: Transaction, key: str) -> None:
    """All is forgiven."""
    await tx.execute("DELETE FROM throttles WHERE key = :key", key=key)


async def forget(tx: Transaction, before: Instant) -> None:
    """Drop what is too old to count."""
    await tx.execute("DELETE FROM throttles WHERE at < :before", before=before)
