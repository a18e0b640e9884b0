"""Second factors: the code of an authenticator app (RFC 6238), recovery codes, and who has to have one."""

import base64
import secrets

import msgspec

from openalert.domain.access import SYSTEM, Actor, Permission
from openalert.domain.errors import Conflict, Invalid, Unauthenticated
from openalert.domain.instant import MINUTE, SECOND, Instant
from openalert.domain.second_factor import RECOVERY_CODES, Passkey, SecondFactorRule, Totp
from openalert.domain.user import SignInMethod, SignInStep, User
from openalert.storage import credentials, organizations, passkeys, second_factors, users
from openalert.storage.database import Database
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import audit, failures, signin, throttle
from openalert.usecases import users as people
from openalert.usecases.access import home, may_manage, require
from openalert.usecases.signin import Browser, Opened, token_hash

CODE_TRIES = 5
SET_UP_LASTS = 10 * MINUTE
"""How long somebody may take from the picture of a new app to its first code."""
STEP = 30
"""Seconds that a code is shown for."""
_OVER = "The sign-in took too long, or had too many wrong codes. Begin again with your password."
_WRONG = "That is not the code that your app shows now, nor an unused recovery code."
_LOST = (
    "No code of your app can be checked: this server has lost the key with which it kept the app's secret. "
    "Use a recovery code, or ask an admin to reset your second factor."
)


class Factors(msgspec.Struct, frozen=True):
    """What somebody has beside a password."""

    totp: Totp | None
    """Only once it is confirmed."""
    passkeys: list[Passkey]
    recovery_left: int

    @property
    def any(self) -> bool:
        """Whether there is a second factor; recovery codes alone are none."""
        return self.totp is not None or bool(self.passkeys)

    @property
    def lost(self) -> str:
        """What to do when the codes of the app cannot be checked any more; empty when they can."""
        return _LOST if self.totp is not None and self.totp.secret is None else ""


class Enrolment(msgspec.Struct, frozen=True):
    """An authenticator app that is being set up."""

    secret: str
    """Base32, for typing in."""
    uri: str
    """`otpauth://…`, for a QR code."""


async def of(reader: Reader, user_id: str) -> Factors:
    """What this person has."""
    app = await second_factors.totp(reader, user_id)
    return Factors(
        app if app is not None and app.confirmed_at is not None else None,
        await passkeys.of_user(reader, user_id),
        await second_factors.recovery_codes_left(reader, user_id),
    )


async def rule(reader: Reader, actor: Actor) -> SecondFactorRule:
    """Who of the actor's organization needs a second factor."""
    return await organizations.second_factor_rule(reader, home(actor))


async def set_rule(tx: Transaction, wanted: str) -> SecondFactorRule:
    """Say who needs one, by an owner. Those who have none, and are signed in by password alone, are signed out."""
    require(tx.actor, Permission.OWN, None)
    try:
        chosen = SecondFactorRule(wanted)
    except ValueError:
        raise Invalid("Choose who needs a second factor.", field="rule") from None
    if chosen.concerns(tx.actor.role) and tx.actor.user_id and not (await of(tx, tx.actor.user_id)).any:
        raise Conflict("Set up your own second factor first, or you would lock yourself out.")
    before = await rule(tx, tx.actor)
    await organizations.set_second_factor_rule(tx, home(tx.actor), chosen)
    audit.record(
        tx,
        "organization.second_factor_changed",
        kind="organization",
        id=home(tx.actor),
        name="",
        before={"rule": before.value},
        after={"rule": chosen.value},
    )
    await credentials.delete_sessions_without_factor(tx, home(tx.actor), chosen)
    return chosen


# --- the app ---------------------------------------------------------------------------------------


async def begin_totp(tx: Transaction, user: User) -> Enrolment:
    """A new secret for an app; it counts only when a code of it was entered."""
    import pyotp

    known = await second_factors.totp(tx, user.id)
    if known is not None and known.confirmed_at is not None:
        raise Conflict("You have an authenticator app already; remove it first.")
    secret = pyotp.random_base32()
    app = Totp(user_id=user.id, secret=secret, created_at=tx.now)
    await second_factors.put_totp(tx, app, secret)
    return _enrolment(user, secret)


async def pending(reader: Reader, user: User) -> Enrolment | None:
    """The app that is being set up; None when there is none, or it took longer than ten minutes."""
    app = await second_factors.totp(reader, user.id)
    secret = app.secret if app is not None and _is_being_set_up(app, reader.now) else None
    return _enrolment(user, secret) if secret is not None else None


def _is_being_set_up(app: Totp, now: Instant) -> bool:
    # Somebody else may have begun it, in a session or with a password that they should not have, and know its secret.
    return app.confirmed_at is None and app.secret is not None and now < app.created_at + SET_UP_LASTS


def _enrolment(user: User, secret: str) -> Enrolment:
    """What the app has to be told."""
    import pyotp

    uri = pyotp.TOTP(secret).provisioning_uri(name=user.email, issuer_name="OpenAlert")
    return Enrolment(secret, uri)


async def confirm_totp(tx: Transaction, user: User, code: str) -> list[str] | None:
    """Let the app count once it shows the right code; the recovery codes, shown this once.

    None means that the code was wrong.
    """
    app = await second_factors.totp(tx, user.id)
    if app is None or not _is_being_set_up(app, tx.now):
        raise Conflict("No app is being set up, or it took longer than ten minutes; begin again.")
    if not await _take(tx, app, code):
        return None
    await second_factors.confirm_totp(tx, user.id)
    note(tx, "second_factor.added", user, app="authenticator")
    return await new_recovery_codes(tx, user)


async def new_recovery_codes(tx: Transaction, user: User) -> list[str]:
    """Ten codes for the day the telephone is gone, each good once; those before are void."""
    codes = [_recovery_code() for _ in range(RECOVERY_CODES)]
    await second_factors.replace_recovery_codes(tx, user.id, [_code_hash(user.id, code) for code in codes])
    note(tx, "second_factor.recovery_codes_made", user)
    return codes


async def remove_totp(db: Database, actor: Actor, password: str) -> None:
    """Remove one's own app, with the password again."""
    user = await proven(db, actor, password)
    async with db.transaction(actor) as tx:
        if not await second_factors.delete_totp(tx, user.id):
            raise Conflict("There is no authenticator app.")
        await keep_what_is_needed(tx, user)
        note(tx, "second_factor.removed", user, app="authenticator")


async def proven(db: Database, actor: Actor, password: str) -> User:
    """The actor as a person, whose own password this is."""
    async with db.read() as reader:
        user = await people.me(reader, actor)
    await people.prove_password(db, user, password)
    return user


async def keep_what_is_needed(tx: Transaction, user: User) -> None:
    """Conflict when the person would be left without a second factor that they need; without one, no codes."""
    if (await of(tx, user.id)).any:
        return
    if (await organizations.second_factor_rule(tx, user.organization_id)).concerns(user.role):
        raise Conflict("Your organization asks for a second factor; add another before you remove this one.")
    await second_factors.replace_recovery_codes(tx, user.id, [])


async def reset(tx: Transaction, user_id: str) -> User:
    """Take every second factor of a colleague away, and end their sessions: for whoever has lost theirs."""
    user = await people.get(tx, tx.actor, user_id)
    if user.id == tx.actor.user_id:
        raise Conflict("Remove your own second factor in your profile.")
    may_manage(tx.actor, user)
    await second_factors.delete_totp(tx, user.id)
    await second_factors.replace_recovery_codes(tx, user.id, [])
    await passkeys.delete_of(tx, user.id)
    await credentials.delete_sessions_of(tx, user.id)
    note(tx, "second_factor.reset", user)
    return user


# --- the second step of a sign-in --------------------------------------------------------------------


async def step_of(reader: Reader, token: str) -> tuple[SignInStep, User]:
    """The sign-in half done that this token stands for; Unauthenticated when it is over."""
    step = await credentials.step(reader, token_hash(token)) if token else None
    user = await users.get(reader, SYSTEM, step.user_id) if step else None
    if step is None or user is None or not user.is_active:
        raise Unauthenticated(_OVER, code="SIGN_IN_OVER")
    return step, user


async def count_try(tx: Transaction, token: str) -> None:
    """Count a code that is about to be judged; Unauthenticated when there were five."""
    if not await credentials.count_try(tx, token_hash(token), CODE_TRIES):
        raise Unauthenticated(_OVER, code="SIGN_IN_OVER")


async def enter_code(db: Database, token: str, code: str, browser: Browser) -> Opened:
    """Finish a sign-in by a code of the app or a recovery code: five tries, each counted before it is judged."""
    async with db.transaction() as tx:
        _, user = await step_of(tx, token)
        attempt = await throttle.begin(tx, f"code:{user.id}:{await _bucket(tx, user, browser)}")
        await count_try(tx, token)
    async with db.transaction() as tx:
        step, user = await step_of(tx, token)
        method = await _judge(tx, user, code)
        if method is not None and await credentials.finish_step(tx, step.token_hash):
            await throttle.forgive(tx, attempt)
            return await signin.enter(tx, user, browser, method)
        lost = (await of(tx, user.id)).lost
    await failures.record_failure(db, user.email_key, user, browser.stranger)
    raise Invalid(lost or _WRONG, field="code", code="SECRET_UNREADABLE" if lost else "WRONG_CODE")


async def _bucket(reader: Reader, user: User, browser: Browser) -> str:
    """Known browsers are counted by themselves, so that nobody else can make their owner wait."""
    return browser.token if await signin.is_known(reader, browser, user.id) else ""


async def _judge(tx: Transaction, user: User, code: str) -> SignInMethod | None:
    app = await second_factors.totp(tx, user.id)
    if app is not None and app.confirmed_at is not None and await _take(tx, app, code):
        return SignInMethod.PASSWORD_TOTP
    if await second_factors.spend_recovery_code(tx, user.id, _code_hash(user.id, code)):
        return SignInMethod.PASSWORD_RECOVERY
    return None


async def _take(tx: Transaction, app: Totp, code: str) -> bool:
    """Whether the app shows this code now, or showed it half a minute ago or in half a minute; each only once."""
    import pyotp

    digits = "".join(code.split())
    if app.secret is None or not (digits.isascii() and digits.isdigit() and len(digits) == 6):
        return False
    machine = pyotp.TOTP(app.secret)
    now = tx.now // SECOND // STEP
    for step in (now - 1, now, now + 1):
        if secrets.compare_digest(machine.generate_otp(step), digits):
            return await second_factors.take_step(tx, app.user_id, step)
    return False


def _recovery_code() -> str:
    """80 random bits in four groups of letters and digits that are hard to mistake for others."""
    text = base64.b32encode(secrets.token_bytes(10)).decode().lower()
    return "-".join(text[at : at + 4] for at in range(0, 16, 4))


def _code_hash(user_id: str, code: str) -> str:
    plain = "".join(sign for sign in code.lower() if sign.isalnum())[:64]
    return token_hash(f"{user_id}:{plain}")


def note(tx: Transaction, act: str, user: User, **facts: str) -> None:
    """Say in the audit log what became of a factor of the person."""
    audit.record(
        tx,
        act,
        kind="user",
        id=user.id,
        name=user.name,
        organization_id=user.organization_id,
        after=facts or None,
    )


async def enrolled(db: Database, token: str, browser: Browser) -> Opened:
    """Let somebody in who had to set up a second factor, and has."""
    async with db.transaction() as tx:
        step, user = await step_of(tx, token)
        factors = await of(tx, user.id)
        if not factors.any or not await credentials.finish_step(tx, step.token_hash):
            raise Unauthenticated(_OVER, code="SIGN_IN_OVER")
        method = SignInMethod.PASSWORD_TOTP if factors.totp else SignInMethod.PASSWORD_PASSKEY
        return await signin.enter(tx, user, browser, method)


async def enrolling(reader: Reader, token: str) -> User:
    """Whoever has to set up a second factor before they are in; Unauthenticated when there is no such sign-in."""
    _, user = await step_of(reader, token)
    if await second_factors.has_any(reader, user.id):
        raise Unauthenticated(_OVER, code="SIGN_IN_OVER")
    return user
