"""SQL for key adoption: windows, the keys that came in them, and what is kept of their messages."""

from openalert.domain.adoption import AdoptionWindow, StrangeKey, StrangeMessage
from openalert.domain.instant import Instant
from openalert.storage.rows import to_parameters
from openalert.storage.transaction import Reader, Transaction


async def open_window(reader: Reader) -> AdoptionWindow | None:
    """The window that is open now, of whatever organization; there is at most one."""
    return await reader.one(
        AdoptionWindow,
        "SELECT * FROM adoption_windows WHERE closes_at > :now ORDER BY closes_at DESC LIMIT 1",
        now=reader.now,
    )


async def insert_window(tx: Transaction, window: AdoptionWindow) -> None:
    """A new window."""
    await tx.insert("adoption_windows", window)


async def close_window(tx: Transaction, window_id: str, at: Instant) -> None:
    """Let the window end at this instant."""
    await tx.execute("UPDATE adoption_windows SET closes_at = :at WHERE id = :id", id=window_id, at=at)


async def by_hash(reader: Reader, key_hash: str) -> StrangeKey | None:
    """The strange key with this hash."""
    return await reader.one(
        StrangeKey, "SELECT * FROM strange_keys WHERE key_hash = :key_hash", key_hash=key_hash
    )


async def get(reader: Reader, organization_id: str, key_id: str) -> StrangeKey | None:
    """A key of the organization that nobody has decided about."""
    return await reader.one(
        StrangeKey,
        "SELECT * FROM strange_keys WHERE id = :id AND organization_id = :organization AND dismissed_at IS NULL",
        id=key_id,
        organization=organization_id,
    )


async def of_organization(reader: Reader, organization_id: str) -> list[StrangeKey]:
    """The keys that nobody has decided about, the first that came first; at most as many as are kept."""
    return await reader.all(
        StrangeKey,
        "SELECT * FROM strange_keys WHERE organization_id = :organization AND dismissed_at IS NULL ORDER BY id",
        organization=organization_id,
    )


async def crowd(reader: Reader, organization_id: str, place: str) -> tuple[int, int]:
    """How many keys are kept for the organization, dismissed ones too, and how many of them came from that place."""
    rows = await reader.rows(
        "SELECT count(*), COALESCE(sum(CASE WHEN address = :place THEN 1 ELSE 0 END), 0) "
        "FROM strange_keys WHERE organization_id = :organization",
        organization=organization_id,
        place=place,
    )
    return int(rows[0][0]), int(rows[0][1])


async def insert_key(tx: Transaction, key: StrangeKey) -> None:
    """A key that came for the first time."""
    await tx.insert("strange_keys", key)


async def note_key(tx: Transaction, key: StrangeKey) -> None:
    """Write what is counted of a key, and whether it was dismissed."""
    await tx.execute(
        "UPDATE strange_keys SET last_at = :last_at, message_count = :message_count, kept_count = :kept_count, "
        "kept_bytes = :kept_bytes, dismissed_at = :dismissed_at WHERE id = :id",
        **to_parameters(key),
    )


async def delete_key(tx: Transaction, key_id: str) -> None:
    """Forget a key and its messages."""
    await delete_messages(tx, key_id)
    await tx.execute("DELETE FROM strange_keys WHERE id = :id", id=key_id)


async def delete_messages(tx: Transaction, key_id: str) -> None:
    """Forget what came by a key."""
    await tx.execute("DELETE FROM strange_messages WHERE key_id = :id", id=key_id)


async def insert_message(tx: Transaction, message: StrangeMessage) -> None:
    """Keep a message."""
    await tx.insert("strange_messages", message)


async def messages(reader: Reader, key_id: str) -> list[StrangeMessage]:
    """What is kept of a key, in the order in which it came."""
    return await reader.all(
        StrangeMessage, "SELECT * FROM strange_messages WHERE key_id = :id ORDER BY id", id=key_id
    )


async def titles(reader: Reader, organization_id: str) -> dict[str, list[tuple[str, str]]]:
    """What the messages of each key say, as (source, title), by the id of the key."""
    rows = await reader.rows(
        "SELECT DISTINCT m.key_id, m.source, m.title FROM strange_messages m JOIN strange_keys k ON k.id = m.key_id "
        "WHERE k.organization_id = :organization AND m.title <> '' ORDER BY m.key_id, m.title",
        organization=organization_id,
    )
    found: dict[str, list[tuple[str, str]]] = {}
    for key_id, source, title in rows:
        found.setdefault(key_id, []).append((source, title))
    return found


async def forget_dismissed(tx: Transaction, organization_id: str) -> None:
    """Forget which keys were not wanted: a new window begins anew."""
    await tx.execute(
        "DELETE FROM strange_keys WHERE organization_id = :organization AND dismissed_at IS NOT NULL",
        organization=organization_id,
    )


async def forget(tx: Transaction, before: Instant) -> None:
    """Forget keys of which nothing came since then, and what is left of their messages."""
    await tx.execute(
        "DELETE FROM strange_messages WHERE key_id IN (SELECT id FROM strange_keys WHERE last_at < :before)",
        before=before,
    )
    await tx.execute("DELETE FROM strange_keys WHERE last_at < :before", before=before)
