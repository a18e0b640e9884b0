"""SQL for API keys, which are found by their id and proven by a hash, never by what machines hold."""

from collections.abc import Sequence
from typing import Any

import msgspec

from openalert.domain.access import Actor, Permission, Role, Scope, can
from openalert.domain.instant import Instant
from openalert.domain.user import ApiKey
from openalert.storage.transaction import Reader, Transaction
from openalert.storage.visible import in_organization


class KeyRow(msgspec.Struct, kw_only=True):
    """An API key, what bounds it now, and one of its maker's teams (none: both None)."""

    id: str
    name: str
    organization_id: str
    role: Role
    scopes: tuple[Scope, ...]
    bound_to: str | None
    """The only team in which it acts."""
    secret_hash: str
    expires_at: Instant | None
    revoked_at: Instant | None
    last_used_at: Instant | None
    created_by_id: str | None
    creator_role: Role | None
    creator_is_active: bool | None
    team_id: str | None
    team_role: Role | None


_KEYS = """
    SELECT k.id, k.name, k.organization_id, k.role, k.scopes, k.team_id AS bound_to, k.secret_hash,
        k.expires_at, k.revoked_at, k.last_used_at, k.created_by_id, u.role AS creator_role,
        u.is_active AS creator_is_active, m.team_id, m.role AS team_role
    FROM api_keys k LEFT JOIN users u ON u.id = k.created_by_id
        LEFT JOIN team_members m ON m.user_id = u.id
"""


async def insert(tx: Transaction, key: ApiKey) -> None:
    """A new key."""
    await tx.insert("api_keys", key)


async def rows(reader: Reader, key_id: str) -> list[KeyRow]:
    """The API key with this id, whatever its state, one row for each team of whoever made it."""
    return await reader.all(KeyRow, f"{_KEYS} WHERE k.id = :id", id=key_id)


async def rows_of(reader: Reader, key_ids: Sequence[str]) -> list[KeyRow]:
    """Those of many keys, as `rows` has those of one."""
    return await reader.all(KeyRow, f"{_KEYS} WHERE {reader.any_of('k.id', 'ids')}", ids=list(key_ids))


async def touch(tx: Transaction, key_id: str) -> None:
    """The key is in use now."""
    await tx.execute("UPDATE api_keys SET last_used_at = :now WHERE id = :id", now=tx.now, id=key_id)


async def get(reader: Reader, actor: Actor, key_id: str) -> ApiKey | None:
    """The API key, if the actor may manage it."""
    condition, parameters = _manageable(reader, actor)
    return await reader.one(
        ApiKey, f"SELECT * FROM api_keys WHERE id = :id AND {condition}", id=key_id, **parameters
    )


async def page(reader: Reader, actor: Actor, *, after: str = "", limit: int) -> list[ApiKey]:
    """The next API keys that the actor may manage and that are not revoked, in the order of their making."""
    condition, parameters = _manageable(reader, actor)
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


async def revoke_of_team(tx: Transaction, team_id: str) -> None:
    """The keys that acted in this team alone open nothing any more."""
    await tx.execute(
        "UPDATE api_keys SET revoked_at = :now WHERE team_id = :team AND revoked_at IS NULL",
        now=tx.now,
        team=team_id,
    )


def _manageable(reader: Reader, actor: Actor) -> tuple[str, dict[str, Any]]:
    """SQL for "the actor may manage this key": admins of the organization all, others those of their teams."""
    within, parameters = in_organization(actor)
    if can(actor, Permission.CONFIGURE, None):
        return within, parameters
    teams = reader.any_of("team_id", "managed_teams")
    managed = sorted(team_id for team_id in actor.teams if can(actor, Permission.CONFIGURE, team_id))
    return f"{within} AND {teams}", parameters | {"managed_teams": managed}


async def ending(reader: Reader, actor: Actor, until: Instant, used_since: Instant) -> list[ApiKey]:
    """Those that the actor may manage, are in use, and end by themselves before `until`; what ends first, first."""
    condition, parameters = _manageable(reader, actor)
    return await reader.all(
        ApiKey,
        "SELECT * FROM api_keys WHERE revoked_at IS NULL AND expires_at > :now AND expires_at <= :until "
        f"AND last_used_at >= :used_since AND {condition} ORDER BY expires_at, id LIMIT 100",
        now=reader.now,
        until=until,
        used_since=used_since,
        **parameters,
    )
