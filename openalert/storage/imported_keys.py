"""SQL for keys of old pagers by which senders reach integrations."""

from collections.abc import Collection

from openalert.domain.imported_key import ImportedKey
from openalert.storage.transaction import Reader, Transaction


async def insert(tx: Transaction, key: ImportedKey) -> None:
    """A further key of its integration."""
    await tx.insert("imported_keys", key)


async def delete(tx: Transaction, key_id: str) -> None:
    """Forget the key: it is as unknown as before."""
    await tx.execute("DELETE FROM imported_keys WHERE id = :id", id=key_id)


async def delete_of(tx: Transaction, integration_id: str) -> None:
    """Forget every further key of an integration, so that another one may have them."""
    await tx.execute("DELETE FROM imported_keys WHERE integration_id = :id", id=integration_id)


async def of_integrations(reader: Reader, integration_ids: Collection[str]) -> dict[str, list[ImportedKey]]:
    """Further keys by integration, the oldest first; those without any are missing."""
    rows = await reader.all(
        ImportedKey,
        f"SELECT * FROM imported_keys WHERE {reader.any_of('integration_id', 'ids')} ORDER BY id",
        ids=list(integration_ids),
    )
    found: dict[str, list[ImportedKey]] = {}
    for row in rows:
        found.setdefault(row.integration_id, []).append(row)
    return found


async def is_taken(reader: Reader, key_hash: str) -> bool:
    """Whether any integration has this key, as its own or as a further one."""
    known = await reader.value(
        "SELECT 1 FROM integrations WHERE key_hash = :hash AND deleted_at IS NULL "
        "UNION ALL SELECT 1 FROM imported_keys WHERE key_hash = :hash",
        hash=key_hash,
    )
    return known is not None
