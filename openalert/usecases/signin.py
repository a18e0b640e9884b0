"""Ways in for people: a password that opens a session, and the session's token; and how each ends.

Only hashes are stored: whoever reads the database cannot get in with what it holds.
"""

import hashlib
import secrets
from collections.abc import Sequence

import msgspec

from openalert.domain.access import Actor, stranger
from openalert.domain.errors import Forbidden, NotFound, Unauthenticated
from openalert.domain.ids import new_id
from openalert.domain.instant import DAY, MINUTE, Instant
from openalert.domain.password import normalised
from openalert.domain.user import (
    SESSION_IDLE,
    SESSION_LONGEST,
    SSO_LONGEST,
    Session,
    SignInMethod,
    SignInStep,
    User,
    email_key,
)
from openalert.storage import credentials, organizations, second_factors, users
from openalert.storage.credentials import SessionRow
from openalert.storage.database import Database
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import audit, failures, passwords, push_browsers, throttle
from openalert.usecases.access import found, may_manage
from openalert.usecases.throttle import Attempt

TOUCH_AFTER = MINUTE
"""How old the note of the last use may become before it is written again."""
STEP_LASTS = 10 * MINUTE
"""How long somebody may take between the password and the second factor."""
BROWSER_REMEMBERED = 180 * DAY
FRESH = 15 * MINUTE
"""Whoever signed in so lately may add further ways to sign in."""
_WRONG = "That e-mail address and password do not belong together."


class SignedIn(msgspec.Struct, frozen=True):
    """Who a credential belongs to, and whether its use should be written down (at most once a minute)."""

    actor: Actor
    is_stale: bool


class Browser(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the browser or program that wants to sign somebody in."""

    address: str
    user_agent: str
    token: str = ""
    """What it was given when somebody signed in with it before."""
    request_id: str = ""

    @property
    def stranger(self) -> Actor:
        """Whoever sits before it, until they have signed in."""
        return stranger(self.address, self.request_id)


class Opened(msgspec.Struct, frozen=True):
    """A new session: its token and its person, and the token by which the browser is known from now on."""

    token: str
    actor: Actor
    browser: str


class Step(msgspec.Struct, frozen=True):
    """The password was right, a second factor is still to come: a token that opens nothing but the next step."""

    token: str
    must_enrol: bool
    """Whether the person has no second factor yet, and needs one."""


async def sign_in(db: Database, *, email: str, password: str, browser: Browser) -> Opened | Step:
    """A new session, or the step before it. Unauthenticated and RateLimited never say what was wrong."""
    passwords.check_room()
    key = email_key(email)
    async with db.transaction() as tx:
        user = await users.by_email_key(tx, key)
        attempt = await _begin(tx, "password", key, user.id if user else "", browser)
    known = user.password_hash if user is not None and user.is_active else None
    if not await passwords.verify(known, normalised(password)) or user is None or known is None:
        await failures.record_failure(db, key, user, browser.stranger)
        raise Unauthenticated(_WRONG)
    renewed = await passwords.hash_password(normalised(password)) if passwords.is_outdated(known) else None
    async with db.transaction() as tx:
        present = await users.by_email_key(tx, key)
        if present is None or not present.is_active or present.password_hash != known:
            raise Unauthenticated(_WRONG)
        if renewed is not None:
            present.password_hash = renewed
            await users.update(tx, present)
        await throttle.forgive(tx, attempt)
        return await password_was_right(tx, present, browser)


async def _begin(tx: Transaction, what: str, who: str, user_id: str, browser: Browser) -> Attempt:
    """Count the try: of a browser that the person has signed in with before by itself, else with all others."""
    if user_id and await is_known(tx, browser, user_id):
        return await throttle.begin(tx, f"{what}:{who}:{browser.token}")
    return await throttle.begin(tx, f"{what}:{who}", browser.address)


async def is_known(reader: Reader, browser: Browser, user_id: str) -> bool:
    """Whether the person has signed in with this browser before."""
    if not browser.token:
        return False
    return user_id in await credentials.users_of_browser(reader, token_hash(browser.token))


async def password_was_right(tx: Transaction, user: User, browser: Browser) -> Opened | Step:
    """Let the person in, or ask for the second factor that they have or need."""
    has_factor = await second_factors.has_any(tx, user.id)
    rule = await organizations.second_factor_rule(tx, user.organization_id)
    must_enrol = not has_factor and rule.concerns(user.role)
    if not has_factor and not must_enrol:
        return await enter(tx, user, browser, SignInMethod.PASSWORD)
    token = secrets.token_urlsafe(32)
    step = SignInStep(token_hash=token_hash(token), user_id=user.id, expires_at=tx.now + STEP_LASTS)
    await credentials.insert_step(tx, step)
    return Step(token, must_enrol)


async def enter(tx: Transaction, user: User, browser: Browser, method: SignInMethod) -> Opened:
    """A session of the person, in a browser that is known from now on."""
    token = await open_session(
        tx, user.id, address=browser.address, user_agent=browser.user_agent, method=method
    )
    await credentials.forget_browsers(tx, tx.sure - BROWSER_REMEMBERED)
    # A token that we never gave out is not taken over: somebody may have planted it.
    known = browser.token and await credentials.users_of_browser(tx, token_hash(browser.token))
    browser_token = browser.token if known else secrets.token_urlsafe(32)
    await credentials.remember_browser(tx, token_hash(browser_token), user.id)
    await push_browsers.entered(tx, user.id, token_hash(browser_token), token_hash(token))
    actor = found(await actor_for_session(tx, token), "session").by_way_of(browser.stranger)
    audit.record(
        tx,
        "user.signed_in",
        kind="user",
        id=user.id,
        name=user.name,
        after={
            "method": method,
            "user_agent": browser.user_agent,
            "failed_before": failures.kept.succeeded(user.email_key) or None,
        },
        actor=actor,
    )
    return Opened(token, actor, browser_token)


def as_actor(user: User, browser: Browser) -> Actor:
    """The person, acting from this browser; their teams are not needed for what they do to themselves."""
    return Actor(
        kind="user",
        id=user.id,
        name=user.name,
        organization_id=user.organization_id,
        role=user.role,
        address=browser.address,
        request_id=browser.request_id,
    )


async def open_session(
    tx: Transaction,
    user_id: str,
    *,
    address: str,
    user_agent: str,
    method: SignInMethod = SignInMethod.PASSWORD,
) -> str:
    """A new session's token: 256 random bits, of which only the hash is kept."""
    token = secrets.token_urlsafe(32)
    await credentials.delete_sessions_before(tx, tx.sure - SESSION_IDLE)
    session = Session(
        id=new_id(tx.now),
        token_hash=token_hash(token),
        user_id=user_id,
        method=method,
        created_at=tx.now,
        last_seen_at=tx.now,
        expires_at=tx.now + (SSO_LONGEST if method is SignInMethod.SSO else SESSION_LONGEST),
        address=address[:64],
        user_agent=user_agent[:200],
    )
    await credentials.insert_session(tx, session)
    return token


async def rotate_session(tx: Transaction, token: str) -> str:
    """Another token for the same session; the one before opens nothing any more. Called when rights grow."""
    renewed = secrets.token_urlsafe(32)
    if not await credentials.rename_session(tx, token_hash(token), token_hash(renewed)):
        raise NotFound("session")
    return renewed


async def find_session(reader: Reader, token: str) -> SignedIn | None:
    """Whose session this is; None for an unknown token, one idle for 12 h, one older than 7 days."""
    return _signed_in(await credentials.session(reader, token_hash(token)), reader.now)


async def find_sessions(reader: Reader, tokens: Sequence[str]) -> dict[str, SignedIn]:
    """By token, as `find_session` has one; whatever opens nothing is left out."""
    by_hash: dict[str, list[SessionRow]] = {token_hash(token): [] for token in tokens}
    for row in await credentials.sessions(reader, list(by_hash)):
        by_hash[row.token_hash].append(row)
    found = {token: _signed_in(by_hash[token_hash(token)], reader.now) for token in tokens}
    return {token: signed_in for token, signed_in in found.items() if signed_in is not None}


def _signed_in(rows: Sequence[SessionRow], now: Instant) -> SignedIn | None:
    """Whose the session with these rows is, while it is in force."""
    if not rows:
        return None
    first = rows[0]
    if now >= first.expires_at or now - first.last_seen_at >= SESSION_IDLE:
        return None
    actor = Actor(
        kind="user",
        id=first.user_id,
        name=first.name,
        organization_id=first.organization_id,
        role=first.role,
        teams={row.team_id: row.team_role for row in rows if row.team_id and row.team_role},
    )
    return SignedIn(actor, is_stale=now - first.last_seen_at >= TOUCH_AFTER)


async def actor_for_session(reader: Reader, token: str) -> Actor | None:
    """The person of a session that is in force."""
    signed_in = await find_session(reader, token)
    return signed_in.actor if signed_in else None


async def touch_session(tx: Transaction, token: str) -> None:
    """The session was used; call it when `find_session` says it is stale."""
    await credentials.touch_session(tx, token_hash(token))


async def require_fresh(reader: Reader, actor: Actor, token: str) -> None:
    """Pass if this session began lately, else Forbidden: a stolen one must not leave another way in behind."""
    kept = token_hash(token)
    begun = next((each.created_at for each in await sessions(reader, actor) if each.token_hash == kept), None)
    if begun is None or reader.now - begun > FRESH:
        raise Forbidden(
            f"To add a way to sign in, you must have signed in within the last {FRESH // MINUTE} minutes: "
            "sign out, sign in, and come back."
        )


async def sign_out(tx: Transaction, token: str) -> None:
    """End this session, if it is one."""
    person = await actor_for_session(tx, token)
    if person is None:
        return
    await push_browsers.left(tx, token_hash(token), person.by_way_of(tx.actor))
    await credentials.delete_session(tx, token_hash(token))
    audit.record(
        tx,
        "user.signed_out",
        kind="user",
        id=person.id,
        name=person.name,
        actor=person.by_way_of(tx.actor),
    )


async def sessions(reader: Reader, actor: Actor, user_id: str | None = None) -> list[Session]:
    """The sessions in force of the actor, or of somebody whom they may manage; the last used first."""
    person = await _whose(reader, actor, user_id)
    return await credentials.sessions_of(reader, person, reader.now, reader.now - SESSION_IDLE)


async def end_session(tx: Transaction, session_id: str, user_id: str | None = None) -> None:
    """End one session of the actor, or of somebody whom they may manage."""
    person = await _whose(tx, tx.actor, user_id)
    if not await credentials.delete_session_of(tx, person, session_id):
        raise NotFound("session")
    await push_browsers.ended(tx, person, session_id)
    await _record_ended(tx, "session.ended", person)


async def end_other_sessions(tx: Transaction, token: str) -> None:
    """End all of the actor's sessions but the one with this token."""
    if tx.actor.user_id is None:
        raise NotFound("session")
    await push_browsers.all_ended(tx, tx.actor.user_id, but=token_hash(token))
    await credentials.delete_sessions_of(tx, tx.actor.user_id, but=token_hash(token))
    await _record_ended(tx, "session.others_ended", tx.actor.user_id)


async def end_sessions_of(tx: Transaction, user_id: str) -> None:
    """End every session of somebody whom the actor may manage."""
    person = await _whose(tx, tx.actor, user_id)
    await push_browsers.all_ended(tx, person)
    await credentials.delete_sessions_of(tx, person)
    await _record_ended(tx, "session.all_ended", person)


async def _record_ended(tx: Transaction, act: str, user_id: str) -> None:
    """Sessions have no name but that of their person."""
    person = await users.get(tx, tx.actor, user_id)
    audit.record(tx, act, kind="user", id=user_id, name=person.name if person else user_id)


async def _whose(reader: Reader, actor: Actor, user_id: str | None) -> str:
    """The id of the person whose sessions the actor wants to see or end; NotFound for a key's own."""
    if user_id is None or user_id == actor.user_id:
        return found(actor.user_id, "user")
    user = found(await users.get(reader, actor, user_id), "user")
    may_manage(actor, user)
    return user.id


def token_hash(token: str) -> str:
    """What is kept of a token of 256 random bits: its SHA-256, in hexadecimal."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()
