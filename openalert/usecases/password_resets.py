"""Forgotten passwords: a link by mail that says nothing about who is here, and is good once."""

import asyncio

from openalert.domain import link
from openalert.domain.access import SYSTEM
from openalert.domain.errors import Conflict, NotFound
from openalert.domain.ids import new_id
from openalert.domain.invitation import PasswordReset
from openalert.domain.link import Purpose
from openalert.domain.user import User, email_key
from openalert.storage import password_resets, users
from openalert.storage.database import Database
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import audit, links, signin, throttle
from openalert.usecases import users as people
from openalert.usecases.access import may_manage
from openalert.usecases.signin import Browser

ANSWER_SECONDS = 0.25
"""Every request takes this long, so that nobody can tell by the time whether an address is known."""


async def request(db: Database, *, email: str, browser: Browser) -> None:
    """Mail a link to this address if somebody signs in with it. The answer is the same, and takes as long, if not."""
    clock = asyncio.get_running_loop().time
    begun = clock()
    key = email_key(email)
    async with db.transaction(browser.stranger) as tx:
        await throttle.begin(tx, f"reset:{key}", browser.address)
        user = await users.by_email_key(tx, key)
        if user is not None and user.is_active:
            await _mail(
                tx, user, await _make(tx, user), reason="Somebody asked for a new password for this address."
            )
    await asyncio.sleep(max(0.0, begun + ANSWER_SECONDS - clock()))


async def send(tx: Transaction, user_id: str, *, by_mail: bool) -> PasswordReset:
    """An admin's link for a colleague; without mail the admin hands it over.

    Whoever has no password yet has as long as for an invitation.
    """
    user = await people.get(tx, tx.actor, user_id)
    may_manage(tx.actor, user)
    if not user.is_active:
        raise Conflict(f"{user.name} is switched off; switch them on first.")
    reset = await _make(tx, user, Purpose.INVITATION if user.password_hash is None else Purpose.RESET)
    if by_mail:
        await _mail(tx, user, reset, reason=f"{tx.actor.name} sent it to you.")
    return reset


async def opened(reader: Reader, secret: bytes, token: str) -> User:
    """Whose password this link changes; NotFound for every link that changes none, for whatever reason."""
    return (await _opened(reader, secret, token))[1]


async def finish(db: Database, secret: bytes, token: str, *, password: str, browser: Browser) -> User:
    """The new password; every session of the person and every other link to a new password ends."""
    async with db.read() as reader:
        user = await opened(reader, secret, token)
    hashed = await people.new_password_hash(password, about=(user.name, user.email))
    async with db.transaction() as tx:
        reset, user = await _opened(tx, secret, token)
        await links.recall(tx, links.of_reset(reset, user))
        tx.actor = signin.as_actor(user, browser)
        await people.set_password(tx, user.id, hashed)
    return user


async def _opened(reader: Reader, secret: bytes, token: str) -> tuple[PasswordReset, User]:
    reset = await password_resets.get(reader, link.row_of(token))
    user = await users.get(reader, SYSTEM, reset.user_id) if reset else None
    if reset is None or user is None or not user.is_active:
        raise NotFound("reset")
    if not links.is_open(secret, token, links.of_reset(reset, user), reader.now):
        raise NotFound("reset")
    return reset, user


async def _make(tx: Transaction, user: User, lasts_as: Purpose = Purpose.RESET) -> PasswordReset:
    audit.record(
        tx,
        "user.password_link_made",
        kind="user",
        id=user.id,
        name=user.name,
        organization_id=user.organization_id,
    )
    reset = PasswordReset(
        id=new_id(tx.now), user_id=user.id, created_at=tx.now, expires_at=tx.now + lasts_as.lasts
    )
    await password_resets.insert(tx, reset)
    return reset


async def _mail(tx: Transaction, user: User, reset: PasswordReset, *, reason: str) -> None:
    await links.mail(
        tx, links.of_reset(reset, user), organization_id=user.organization_id, to=user.email, reason=reason
    )
