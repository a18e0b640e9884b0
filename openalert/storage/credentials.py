"""SQL for sessions and API keys; both are found by hashes, never by what people hold."""

import msgspec

from openalert.domain.access import Actor, Role
from openalert.domain.instant import Instant
from openalert.domain.user import ApiKey, Session
from openalert.storage.database import Reader, Transaction
from openalert.storage.visible import in_organization


class SessionRow(msgspec.Struct, kw_only=True):
    """A session, its person, and one of the person's teams (none: both None)."""

    user_id: str
    name: str
    organization_id: str
    role: Role
    last_seen_at: Instant
    expires_at: Instant
    team_id: str | None
    team_role: Role | None


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


async def insert_session(tx: Transaction, session: Session) -> None:
    """A new session."""
    await tx.insert("sessions", session)


async def session(reader: Reader, token_hash: str) -> list[SessionRow]:
    """The session of an active person, one row for each team; nothing when there is no such session."""
    return await reader.all(
        SessionRow,
        """
        SELECT u.id AS user_id, u.name, u.organization_id, u.role, s.last_seen_at, s.expires_at,
            m.team_id, m.role AS team_role
        FROM sessions s JOIN users u ON u.id = s.user_id LEFT JOIN team_members m ON m.user_id = u.id
        WHERE s.token_hash = :token_hash AND u.is_active = :active
        """,
        token_hash=token_hash,
        active=True,
    )


async def touch_session(tx: Transaction, token_hash: str) -> None:
    """The session is in use now."""
    await tx.execute(
        "UPDATE sessions SET last_seen_at = :now WHERE token_hash = :token_hash",
        now=tx.now,
        token_hash=token_hash,
    )


async def sessions_of(reader: Reader, user_id: str) -> list[Session]:
    """All sessions of the person, the last used first."""
    return await reader.all(
        Session, "SELECT * FROM sessions WHERE user_id = :user ORDER BY last_seen_at DESC", user=user_id
    )


async def delete_session(tx: Transaction, token_hash: str) -> None:
    """Sign one browser out."""
    await tx.execute("DELETE FROM sessions WHERE token_hash = :token_hash", token_hash=token_hash)


async def delete_sessions_of(tx: Transaction, user_id: str, *, but: str = "") -> None:
    """Sign every browser of the person out, except the one with the token hash `but`."""
    await tx.execute(
        "DELETE FROM sessions WHERE user_id = :user AND token_hash <> :but", user=user_id, but=but
    )


async def delete_sessions_before(tx: Transaction, last_seen_at: Instant) -> None:
    """Clear away the sessions that are over, or were last used before this."""
    await tx.execute(
        "DELETE FROM sessions WHERE expires_at <= :now OR last_seen_at < :before",
        now=tx.now,
        before=last_seen_at,
    )


async def insert_key(tx: Transaction, key: ApiKey) -> None:
    """A new API key."""
    await tx.insert("api_keys", key)


async def key(reader: Reader, key_id: str) -> KeyRow | None:
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


async def touch_key(tx: Transaction, key_id: str) -> None:
    """The key is in use now."""
    await tx.execute("UPDATE api_keys SET last_used_at = :now WHERE id = :id", now=tx.now, id=key_id)


async def get_key(reader: Reader, actor: Actor, key_id: str) -> ApiKey | None:
    """The API key, if of the actor's organization."""
    condition, parameters = in_organization(actor)
    return await reader.one(
        ApiKey, f"SELECT * FROM api_keys WHERE id = :id AND {condition}", id=key_id, **parameters
    )


async def keys(reader: Reader, actor: Actor, *, after: str = "", limit: int) -> list[ApiKey]:
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


async def revoke_key(tx: Transaction, key_id: str) -> None:
    """The key opens nothing any more."""
    await tx.execute(
        "UPDATE api_keys SET revoked_at = :now WHERE id = :id AND revoked_at IS NULL", now=tx.now, id=key_id
    )
