"""Ways in for people: a password that opens a session, and the session's token; and how each ends.

Only hashes are stored: whoever reads the database cannot get in with what it holds.
"""

import hashlib
import secrets

import msgspec

from openalert.domain.access import Actor
from openalert.domain.errors import NotFound, Unauthenticated
from openalert.domain.instant import MINUTE
from openalert.domain.user import SESSION_IDLE, SESSION_LONGEST, Session, email_key
from openalert.storage import credentials, users
from openalert.storage.database import Database, Reader, Transaction
from openalert.usecases import passwords
from openalert.usecases.access import found
from openalert.usecases.throttle import Throttle, network_of

TOUCH_AFTER = MINUTE
"""How old the note of the last use may become before it is written again."""
_WRONG = "That e-mail address and password do not belong together."

by_account = Throttle(free=5)
"""Failed sign-ins of this process, by the account tried."""
by_network = Throttle(free=30)
"""Failed sign-ins of this process, by the network of the caller."""


class SignedIn(msgspec.Struct, frozen=True):
    """Who a credential belongs to, and whether its use should be written down (at most once a minute)."""

    actor: Actor
    is_stale: bool


async def sign_in(
    db: Database, *, email: str, password: str, address: str, user_agent: str
) -> tuple[str, Actor]:
    """A new session's token and its person. Unauthenticated and RateLimited never say what was wrong."""
    key, network, now = email_key(email), network_of(address), db.clock()
    by_account.check(key, now)
    by_network.check(network, now)
    async with db.read() as reader:
        user = await users.by_email_key(reader, key)
    known = user.password_hash if user is not None and user.is_active else None
    if not await passwords.verify(known, password) or user is None or known is None:
        by_account.failed(key, now)
        by_network.failed(network, now)
        raise Unauthenticated(_WRONG)
    by_account.succeeded(key)
    renewed = await passwords.hash_password(password) if passwords.is_outdated(known) else None
    async with db.transaction() as tx:
        present = await users.by_email_key(tx, key)
        if present is None or not present.is_active or present.password_hash != known:
            raise Unauthenticated(_WRONG)
        if renewed is not None:
            present.password_hash = renewed
            await users.update(tx, present)
        token = await open_session(tx, present.id, address=address, user_agent=user_agent)
        signed_in = found(await actor_for_session(tx, token), "session")
    return token, signed_in


async def open_session(tx: Transaction, user_id: str, *, address: str, user_agent: str) -> str:
    """A new session's token: 256 random bits, of which only the hash is kept."""
    token = secrets.token_urlsafe(32)
    await credentials.delete_sessions_before(tx, tx.now - SESSION_IDLE)
    session = Session(
        token_hash=token_hash(token),
        user_id=user_id,
        created_at=tx.now,
        last_seen_at=tx.now,
        expires_at=tx.now + SESSION_LONGEST,
        address=address[:64],
        user_agent=user_agent[:200],
    )
    await credentials.insert_session(tx, session)
    return token


async def find_session(reader: Reader, token: str) -> SignedIn | None:
    """Whose session this is; None for an unknown token, one idle for 12 h, one older than 7 days."""
    rows = await credentials.session(reader, token_hash(token))
    if not rows:
        return None
    first = rows[0]
    if reader.now >= first.expires_at or reader.now - first.last_seen_at >= SESSION_IDLE:
        return None
    actor = Actor(
        kind="user",
        id=first.user_id,
        name=first.name,
        organization_id=first.organization_id,
        role=first.role,
        teams={row.team_id: row.team_role for row in rows if row.team_id and row.team_role},
    )
    return SignedIn(actor, is_stale=reader.now - first.last_seen_at >= TOUCH_AFTER)


async def actor_for_session(reader: Reader, token: str) -> Actor | None:
    """The person of a session that is in force."""
    signed_in = await find_session(reader, token)
    return signed_in.actor if signed_in else None


async def touch_session(tx: Transaction, token: str) -> None:
    """The session was used; call it when `find_session` says it is stale."""
    await credentials.touch_session(tx, token_hash(token))


async def sign_out(tx: Transaction, token: str) -> None:
    """End this session."""
    await credentials.delete_session(tx, token_hash(token))


async def sessions(reader: Reader, actor: Actor) -> list[Session]:
    """The actor's own sessions, the last used first."""
    return await credentials.sessions_of(reader, actor.user_id) if actor.user_id else []


async def end_session(tx: Transaction, session_hash: str) -> None:
    """End one of the actor's own sessions, named by the hash of its token."""
    own = await sessions(tx, tx.actor)
    if session_hash not in {session.token_hash for session in own}:
        raise NotFound("session")
    await credentials.delete_session(tx, session_hash)


async def end_other_sessions(tx: Transaction, token: str) -> None:
    """End all of the actor's sessions but the one with this token."""
    if tx.actor.user_id is not None:
        await credentials.delete_sessions_of(tx, tx.actor.user_id, but=token_hash(token))


def token_hash(token: str) -> str:
    """What is kept of a token of 256 random bits: its SHA-256, in hexadecimal."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()
