"""Single sign-on: begin at a provider, come back, and be let in, be connected, or be told what would happen.

Nobody is ever found by an e-mail address: an unknown identity with a known address waits for its owner, who connects
it from a signed-in session, or for an admin. What the provider says is asked for outside of any transaction.
"""

import base64
import hashlib
import hmac
import re
import secrets
from contextlib import suppress
from typing import Any

import msgspec
import structlog

from openalert.config import Oidc
from openalert.domain.access import SYSTEM, Actor, Role, program_of
from openalert.domain.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    OpenAlertError,
    Unauthenticated,
    Unavailable,
)
from openalert.domain.ids import new_id
from openalert.domain.single_sign_on import (
    ATTEMPT_LASTS,
    LINK_REQUEST_LASTS,
    Attempt,
    Grant,
    Identity,
    LinkRequest,
    Person,
    check_domain,
    granted,
    person_of,
    refused,
)
from openalert.domain.user import SignInMethod, User, email_key
from openalert.notifiers.identity_provider import IdentityProvider
from openalert.storage import credentials, organizations, users
from openalert.storage import single_sign_on as storage
from openalert.storage.database import Database
from openalert.storage.transaction import Transaction
from openalert.usecases import audit, mapped_roles, signin
from openalert.usecases import users as people
from openalert.usecases.access import found
from openalert.usecases.signin import Browser, Opened, Step, token_hash

log = structlog.get_logger(__name__)

SIGN_IN, CONNECT, EXPLAIN = "sign_in", "connect", "explain"
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")


class SingleSignOn:
    """The provider and the rules of this installation."""

    def __init__(self, rules: Oidc, provider: IdentityProvider) -> None:
        self.rules = rules
        self.provider = provider

    @property
    def label(self) -> str:
        """What people call the provider."""
        return self.provider.label

    @property
    def redirect_uri(self) -> str:
        """Where the provider sends people back to; it must be registered there."""
        return self.provider.settings.redirect_uri

    def person(self, claims: dict[str, Any]) -> Person:
        """Whom verified claims are about, if they may come in at all."""
        person = person_of(claims, self.rules.issuer, self.rules.allowed_tenants)
        check_domain(person, claims, self.rules.issuer, self.rules.allowed_domains)
        return person

    def grant(self, claims: dict[str, Any]) -> Grant:
        """What the claims give by the configured mapping."""
        default = None if self.rules.default_role == "none" else Role(self.rules.default_role)
        return granted(
            claims,
            role_claims=self.rules.role_claims,
            organization_roles=self.rules.organization_roles,
            team_roles=self.rules.team_roles,
            default_role=default,
        )


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """What the browser brought back from the provider."""

    state: str = ""
    code: str = ""
    iss: str | None = None
    error: str = ""
    error_description: str = ""


class Finished(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a sign-in at the provider."""

    purpose: str
    target: str
    opened: Opened | None = None
    """The new session, for `sign_in`."""
    claims: dict[str, Any] = {}
    """For `explain`: everything that the provider sent, verified."""
    problem: str = ""
    """For `explain`: why it was not accepted."""


def allows_password(rules: Oidc, email: str | None = None) -> bool:
    """Whether whoever has this address may sign in with a password; with None, whether anybody may."""
    if not (rules.issuer and rules.only):
        return True
    listed = {email_key(each) for each in rules.break_glass}
    return bool(listed) if email is None else email_key(email) in listed


async def end_other_sessions(db: Database, rules: Oidc) -> None:
    """Where single sign-on is the only way in, end what was opened by another, but for break-glass accounts."""
    if not (rules.issuer and rules.only):
        return
    # A full disk must not keep the server from paging.
    with suppress(Unavailable):
        async with db.transaction() as tx:
            gone = await credentials.delete_sessions_not_by(
                tx, SignInMethod.SSO, but_of=[email_key(each) for each in rules.break_glass]
            )
        if gone:
            log.info("sessions ended, as single sign-on is the only way in now", count=gone)


async def sign_in_with_password(
    db: Database, rules: Oidc, *, email: str, password: str, browser: Browser
) -> Opened | Step:
    """As `signin.sign_in`; with `only`, NotFound for everything but the right password of a break-glass account.

    Whether an address is one of those is not to be found out: a wrong one costs the same time and counts as a try.
    """
    if not rules.issuer or not rules.only:
        return await signin.sign_in(db, email=email, password=password, browser=browser)
    if not allows_password(rules):
        raise NotFound("page")
    account = email if allows_password(rules, email) else f"(single sign-on only) {email}"
    try:
        return await signin.sign_in(db, email=account, password=password, browser=browser)
    except Unauthenticated:
        raise NotFound("page") from None


async def begin(
    db: Database,
    sso: SingleSignOn,
    *,
    secret: str,
    browser: Browser,
    target: str,
    purpose: str = SIGN_IN,
    actor: Actor | None = None,
) -> tuple[str, str]:
    """Where the browser goes now, and the secret that it must bring back: what it had already, if that was one."""
    secret = secret if _SECRET.fullmatch(secret) else secrets.token_urlsafe(32)
    state = secrets.token_urlsafe(32)
    url = await sso.provider.authorization_url(
        db.clock(),
        state=state,
        nonce=_derived(secret, "nonce", state),
        verifier=_derived(secret, "verifier", state),
    )
    async with db.transaction(actor or browser.stranger) as tx:
        attempt = Attempt(
            state_hash=token_hash(state),
            browser_hash=token_hash(secret),
            purpose=purpose,
            user_id=actor.user_id if actor is not None else None,
            target=target,
            expires_at=tx.now + ATTEMPT_LASTS,
        )
        await storage.insert_attempt(tx, attempt)
    return url, secret


async def finish(
    db: Database,
    sso: SingleSignOn,
    answered: Answered,
    *,
    secret: str,
    actor: Actor | None,
    browser: Browser,
) -> Finished:
    """Let in, connect or explain, by what the browser brought back; every refusal says what to do about it."""
    attempt = await _take(db, answered.state, secret, browser)
    if attempt.purpose != SIGN_IN and (actor is None or actor.user_id != attempt.user_id):
        raise Invalid(
            "You are signed in as somebody else than when you began. Begin again.", code="SIGN_IN_EXPIRED"
        )
    try:
        claims = await _claims(db, sso, answered, secret)
        if attempt.purpose == EXPLAIN:
            return Finished(purpose=EXPLAIN, target=attempt.target, claims=claims)
        person, grant = sso.person(claims), sso.grant(claims)
    except OpenAlertError as error:
        if attempt.purpose == EXPLAIN:
            return Finished(purpose=EXPLAIN, target=attempt.target, problem=error.message)
        log.warning("single sign-on was refused", reason=error.message)
        raise
    if attempt.purpose == CONNECT:
        async with db.transaction(actor or browser.stranger) as tx:
            await connect(tx, person, found(await users.get(tx, SYSTEM, attempt.user_id or ""), "user"))
        return Finished(purpose=CONNECT, target=attempt.target)
    async with db.transaction(browser.stranger) as tx:
        outcome = await _enter(tx, sso, person, grant, browser)
    # Raised after the commit, which keeps what admins shall see of it.
    if isinstance(outcome, OpenAlertError):
        raise outcome
    return Finished(purpose=SIGN_IN, target=attempt.target, opened=outcome)


async def connect(tx: Transaction, person: Person, user: User) -> Identity:
    """Let `user` come in by this identity from now on; Conflict when it is somebody else's."""
    known = await storage.identity(tx, person)
    if known is not None and known.user_id != user.id:
        raise Conflict(
            "This account of the provider is connected to somebody else here.", code="IDENTITY_IN_USE"
        )
    if known is not None:
        return known
    made = Identity(
        id=new_id(tx.now),
        user_id=user.id,
        issuer=person.issuer,
        tenant=person.tenant,
        subject=person.subject,
        email=person.email,
        created_at=tx.now,
        last_used_at=tx.now,
    )
    await storage.insert_identity(tx, made)
    await storage.forget_request(tx, person)
    audit.record(tx, "identity.connected", kind="user", id=user.id, name=user.name, after=_shown(made))
    return made


async def _take(db: Database, state: str, secret: str, browser: Browser) -> Attempt:
    """The attempt that this browser began; it is used up before anything else is looked at."""
    attempt = None
    if _SECRET.fullmatch(state) and _SECRET.fullmatch(secret):
        async with db.transaction(browser.stranger) as tx:
            attempt = await storage.take_attempt(tx, token_hash(state), token_hash(secret))
    if attempt is None:
        raise Invalid(
            "This sign-in was begun in another browser, took longer than ten minutes, or is finished already. "
            "Begin again.",
            code="SIGN_IN_EXPIRED",
        )
    return attempt


async def _claims(db: Database, sso: SingleSignOn, answered: Answered, secret: str) -> dict[str, Any]:
    """What the provider says about whoever signed in, verified."""
    metadata = await sso.provider.metadata(db.clock())
    sso.provider.check_issuer(metadata, answered.iss)
    if answered.error:
        said = _printable(f"{answered.error}. {answered.error_description}")[:300]
        raise Unauthenticated(f"{sso.label} did not sign you in: {said}", code="PROVIDER_REFUSED")
    if not 1 <= len(answered.code) <= 4_096:
        raise refused("there is no code in it.")
    return await sso.provider.claims(
        db.clock(),
        code=answered.code,
        nonce=_derived(secret, "nonce", answered.state),
        verifier=_derived(secret, "verifier", answered.state),
    )


async def _enter(
    tx: Transaction, sso: SingleSignOn, person: Person, grant: Grant, browser: Browser
) -> Opened | OpenAlertError:
    """A new session, or why there is none."""
    home = await organizations.first(tx)
    if home is None:
        return NotFound("organization")
    tx.actor = _program(home.id, browser)
    known = await storage.identity(tx, person)
    try:
        user = await _by_identity(tx, known) if known is not None else await _take_in(tx, sso, person, grant)
        tx.actor = _program(user.organization_id, browser)
        user = await mapped_roles.apply(tx, sso.rules, user, grant)
    except OpenAlertError as refusal:
        log.warning("single sign-on was refused", reason=refusal.message, subject=person.subject)
        audit.record(
            tx,
            "user.sign_in_failed",
            kind="user",
            id=known.user_id if known is not None else None,
            name=person.email or person.name or "an unknown account",
            after={"method": SignInMethod.SSO, "reason": refusal.code, "subject": person.subject},
        )
        return refusal
    if known is not None:
        await storage.used_identity(tx, known.id, person.email)
    return await signin.enter(tx, user, browser, SignInMethod.SSO)


def _program(organization_id: str, browser: Browser) -> Actor:
    """Who gives what the provider says: the program, by way of this browser."""
    return msgspec.structs.replace(program_of(organization_id, browser.stranger), name="Single sign-on")


async def _by_identity(tx: Transaction, known: Identity) -> User:
    user = await users.get(tx, SYSTEM, known.user_id)
    if user is None or not user.is_active:
        raise Forbidden(
            "Your account here is deactivated. An admin can activate it again.", code="ACCOUNT_DEACTIVATED"
        )
    return user


async def _take_in(tx: Transaction, sso: SingleSignOn, person: Person, grant: Grant) -> User:
    """A person whom nobody knows yet, with the role that the mapping gives; refused when the address is known."""
    if not person.email:
        raise refused("it has no e-mail address. Let the provider send the claim email.")
    # Before anything is said about the address, or an admin is asked to trust it.
    if person.email_is_verified is False:
        raise refused(f"the provider has not verified the address {person.email}.")
    namesake = await users.by_email_key(tx, email_key(person.email))
    if namesake is not None:
        await _ask_to_link(tx, person, namesake)
        own_way = (
            f"Sign in with your password and press “Connect {sso.label}” under Security. Or ask an admin"
        )
        way = "Ask an admin" if sso.rules.only else own_way
        raise Forbidden(
            f"{person.email} has an account here that is not connected to {sso.label} yet. "
            f"{way}: they find this try under Settings, Single sign-on.",
            code="IDENTITY_NOT_CONNECTED",
        )
    if grant.role is None:
        raise mapped_roles.no_role(sso.label)
    user = await people.create(
        tx, email=person.email, name=person.name or person.email.partition("@")[0], role=grant.role
    )
    await connect(tx, person, user)
    return user


async def _ask_to_link(tx: Transaction, person: Person, namesake: User) -> None:
    await storage.clear_requests(tx, tx.now - LINK_REQUEST_LASTS)
    request = LinkRequest(
        id=new_id(tx.now),
        user_id=namesake.id,
        issuer=person.issuer,
        tenant=person.tenant,
        subject=person.subject,
        email=person.email,
        name=person.name,
        created_at=tx.now,
    )
    await storage.put_request(tx, request)


def _shown(identity: Identity) -> dict[str, str]:
    """What the audit log keeps of an identity."""
    return {"issuer": identity.issuer, "tenant": identity.tenant, "subject": identity.subject}


def _derived(secret: str, what: str, state: str) -> str:
    """A secret of this attempt that only the browser's cookie leads to: 43 characters, as PKCE wants them."""
    mac = hmac.new(secret.encode(), f"{what}:{state}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()


def _printable(text: str) -> str:
    return "".join(sign for sign in text if sign.isprintable())
