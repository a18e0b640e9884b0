"""SQL for sessions, which are found by hashes, never by what people hold."""

import msgspec

from openalert.domain.access import Role
from openalert.domain.instant import Instant
from openalert.domain.user import Session
from openalert.storage.database import Reader, Transaction


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
