"""SQL for API keys, which are found by their id and proven by a hash, never by what machines hold."""

import msgspec

from openalert.domain.access import Actor, Role
from openalert.domain.instant import Instant
from openalert.domain.user import ApiKey
from openalert.storage.database import Reader, Transaction
from openalert.storage.visible import in_organization


class KeyRow(msgspec.Struct, kw_only=True):
    """An API key with what bounds it: the present role and state of whoever made it."""

    id: str
    name: str
    organization_id: str
    role: Role
    secret_hash: str
    expires_at: Instant | None
    revoked_at: Instant | None
    last_used_at: Instant | None
    created_by_id: str | None
    creator_role: Role | None
    creator_is_active: bool | None


async def insert(tx: Transaction, key: ApiKey) -> None:
    """A new API key."""
    await tx.insert("api_keys", key)


async def row(reader: Reader, key_id: str) -> KeyRow | None:
    """The API key with this id, whatever its state."""
    return await reader.one(
        KeyRow,
        """
        SELECT k.id, k.name, k.organization_id, k.role, k.secret_hash, k.expires_at, k.revoked_at,
            k.last_used_at, k.created_by_id, u.role AS creator_role, u.is_active AS creator_is_active
        FROM api_keys k LEFT JOIN users u ON u.id = k.created_by_id
        WHERE k.id = :id
        """,
        id=key_id,
    )


async def touch(tx: Transaction, key_id: str) -> None:
    """The key is in use now."""
    await tx.execute("UPDATE api_keys SET last_used_at = :now WHERE id = :id", now=tx.now, id=key_id)


async def get(reader: Reader, actor: Actor, key_id: str) -> ApiKey | None:
    """The API key, if of the actor's organization."""
    condition, parameters = in_organization(actor)
    return await reader.one(
        ApiKey, f"SELECT * FROM api_keys WHERE id = :id AND {condition}", id=key_id, **parameters
    )


async def page(reader: Reader, actor: Actor, *, after: str = "", limit: int) -> list[ApiKey]:
    """The next API keys of the organization that are not revoked, in the order of their making."""
    condition, parameters = in_organization(actor)
    return await reader.all(
        ApiKey,
        f"""
        SELECT * FROM api_keys WHERE id > :after AND revoked_at IS NULL AND {condition}
        ORDER BY id LIMIT :limit
        """,
        after=after,
        limit=limit,
        **parameters,
    )


async def revoke(tx: Transaction, key_id: str) -> None:
    """The key opens nothing any more."""
    await tx.execute(
        "UPDATE api_keys SET revoked_at = :now WHERE id = :id AND revoked_at IS NULL", now=tx.now, id=key_id
    )
