"""SQL for sessions, the step before them, and known browsers: found by hashes, never by what people hold."""

from collections.abc import Sequence

import msgspec

from openalert.domain.access import Role
from openalert.domain.instant import Instant
from openalert.domain.second_factor import SecondFactorRule
from openalert.domain.user import Session, SignInMethod, SignInStep
from openalert.storage.transaction import Reader, Transaction


class SessionRow(msgspec.Struct, kw_only=True):
    """A session, its person, and one of the person's teams (none: both None)."""

    token_hash: str
    user_id: str
    name: str
    organization_id: str
    role: Role
    last_seen_at: Instant
    expires_at: Instant
    team_id: str | None
    team_role: Role | None


_SESSIONS = """
    SELECT s.token_hash, u.id AS user_id, u.name, u.organization_id, u.role, s.last_seen_at, s.expires_at,
        m.team_id, m.role AS team_role
    FROM sessions s JOIN users u ON u.id = s.user_id LEFT JOIN team_members m ON m.user_id = u.id
    WHERE u.is_active = :active
"""


async def insert_session(tx: Transaction, session: Session) -> None:
    """A new session."""
    await tx.insert("sessions", session)


async def session(reader: Reader, token_hash: str) -> list[SessionRow]:
    """The session of an active person, one row for each team; nothing when there is no such session."""
    return await reader.all(
        SessionRow, f"{_SESSIONS} AND s.token_hash = :token_hash", token_hash=token_hash, active=True
    )


async def sessions(reader: Reader, token_hashes: Sequence[str]) -> list[SessionRow]:
    """Those of many tokens, as `session` has one."""
    return await reader.all(
        SessionRow,
        f"{_SESSIONS} AND {reader.any_of('s.token_hash', 'hashes')}",
        hashes=list(token_hashes),
        active=True,
    )


async def touch_session(tx: Transaction, token_hash: str) -> None:
    """The session is in use now."""
    await tx.execute(
        "UPDATE sessions SET last_seen_at = :now WHERE token_hash = :token_hash",
        now=tx.now,
        token_hash=token_hash,
    )


async def sessions_of(reader: Reader, user_id: str, now: Instant, last_seen_after: Instant) -> list[Session]:
    """The sessions of the person that still open something, the last used first."""
    return await reader.all(
        Session,
        """
        SELECT * FROM sessions WHERE user_id = :user AND expires_at > :now AND last_seen_at > :after
        ORDER BY last_seen_at DESC, id DESC
        """,
        user=user_id,
        now=now,
        after=last_seen_after,
    )


async def rename_session(tx: Transaction, token_hash: str, new_hash: str) -> bool:
    """Let another token open the session from now on; False when there is no such session."""
    return bool(
        await tx.changed(
            "UPDATE sessions SET token_hash = :new_hash WHERE token_hash = :token_hash RETURNING id",
            token_hash=token_hash,
            new_hash=new_hash,
        )
    )


async def delete_session(tx: Transaction, token_hash: str) -> None:
    """Sign one browser out."""
    await tx.execute("DELETE FROM sessions WHERE token_hash = :token_hash", token_hash=token_hash)


async def delete_session_of(tx: Transaction, user_id: str, session_id: str) -> bool:
    """Sign out the browser of this person whose session has this id; False when there is none."""
    return bool(
        await tx.changed(
            "DELETE FROM sessions WHERE id = :id AND user_id = :user RETURNING id",
            id=session_id,
            user=user_id,
        )
    )


async def delete_sessions_of(tx: Transaction, user_id: str, *, but: str = "") -> None:
    """Sign every browser of the person out, also those half signed in, but not the one with the token hash `but`."""
    await tx.execute(
        "DELETE FROM sessions WHERE user_id = :user AND token_hash <> :but", user=user_id, but=but
    )
    await tx.execute("DELETE FROM sign_in_steps WHERE user_id = :user", user=user_id)


async def delete_sessions_by(
    tx: Transaction, user_id: str, methods: Sequence[SignInMethod], *, but: str
) -> None:
    """Sign out the person's browsers that came in by one of these, but not the one with the token hash `but`."""
    await tx.execute(
        f"""
        DELETE FROM sessions WHERE user_id = :user AND token_hash <> :but AND {tx.any_of("method", "methods")}
        """,
        user=user_id,
        but=but,
        methods=[method.value for method in methods],
    )


async def delete_sessions_not_by(tx: Transaction, method: SignInMethod, *, but_of: Sequence[str]) -> int:
    """Sign out whoever came in otherwise, or is half in, but people with these address keys; the number of sessions."""
    gone = await tx.changed(
        f"""
        DELETE FROM sessions WHERE method <> :method AND user_id NOT IN (
            SELECT id FROM users WHERE {tx.any_of("email_key", "keys")}) RETURNING id
        """,
        method=method.value,
        keys=list(but_of),
    )
    await tx.execute(
        f"""
        DELETE FROM sign_in_steps WHERE user_id NOT IN (
            SELECT id FROM users WHERE {tx.any_of("email_key", "keys")})
        """,
        keys=list(but_of),
    )
    return len(gone)


async def delete_sessions_without_factor(
    tx: Transaction, organization_id: str, rule: SecondFactorRule
) -> None:
    """Sign out everybody of the organization who needs a second factor and got in by a password alone."""
    roles = [role.value for role in Role if rule.concerns(role)]
    await tx.execute(
        f"""
        DELETE FROM sessions WHERE method = :method AND user_id IN (
            SELECT id FROM users WHERE organization_id = :organization AND {tx.any_of("role", "roles")})
        """,
        method=SignInMethod.PASSWORD.value,
        organization=organization_id,
        roles=roles,
    )


async def delete_sessions_before(tx: Transaction, last_seen_at: Instant) -> None:
    """Clear away the sessions that are over, or were last used before this."""
    await tx.execute(
        "DELETE FROM sessions WHERE expires_at <= :now OR last_seen_at < :before",
        now=tx.sure,
        before=last_seen_at,
    )


async def insert_step(tx: Transaction, step: SignInStep) -> None:
    """A sign-in whose second factor is to come; those that are over are cleared away."""
    await tx.execute("DELETE FROM sign_in_steps WHERE expires_at <= :now", now=tx.now)
    await tx.insert("sign_in_steps", step)


async def step(reader: Reader, token_hash: str) -> SignInStep | None:
    """The sign-in that waits for its second factor, if it still may."""
    return await reader.one(
        SignInStep,
        "SELECT * FROM sign_in_steps WHERE token_hash = :token_hash AND expires_at > :now",
        token_hash=token_hash,
        now=reader.now,
    )


async def count_try(tx: Transaction, token_hash: str, at_most: int) -> bool:
    """Count a try at the second factor; False when there is no such step, or it has had as many as it may."""
    return bool(
        await tx.changed(
            """
            UPDATE sign_in_steps SET tries = tries + 1
            WHERE token_hash = :token_hash AND expires_at > :now AND tries < :most RETURNING user_id
            """,
            token_hash=token_hash,
            now=tx.now,
            most=at_most,
        )
    )


async def finish_step(tx: Transaction, token_hash: str) -> bool:
    """The step is taken; False when somebody else took it first, or it is over."""
    return bool(
        await tx.changed(
            "DELETE FROM sign_in_steps WHERE token_hash = :token_hash AND expires_at > :now RETURNING user_id",
            token_hash=token_hash,
            now=tx.now,
        )
    )


async def remember_browser(tx: Transaction, token_hash: str, user_id: str) -> None:
    """The person has signed in with the browser that holds this token."""
    await tx.execute(
        """
        INSERT INTO known_browsers (token_hash, user_id, last_used_at) VALUES (:token_hash, :user, :now)
        ON CONFLICT (token_hash, user_id) DO UPDATE SET last_used_at = excluded.last_used_at
        """,
        token_hash=token_hash,
        user=user_id,
        now=tx.now,
    )


async def users_of_browser(reader: Reader, token_hash: str) -> set[str]:
    """Who has signed in with the browser that holds this token."""
    rows = await reader.rows(
        "SELECT user_id FROM known_browsers WHERE token_hash = :token_hash", token_hash=token_hash
    )
    return {row[0] for row in rows}


async def forget_browsers(tx: Transaction, last_used_before: Instant) -> None:
    """Clear away browsers that nobody has signed in with since."""
    await tx.execute("DELETE FROM known_browsers WHERE last_used_at < :before", before=last_used_before)
