"""Ways to reach people, and the proof that an address is its owner's."""

import hmac
import secrets
from collections.abc import Mapping
from typing import Any

import msgspec

from openalert.domain.access import SYSTEM, Actor, Permission
from openalert.domain.audit import Subject
from openalert.domain.contact import CONTACT_KINDS, contact_kind
from openalert.domain.errors import Conflict, Forbidden, Invalid, RateLimited
from openalert.domain.ids import new_id
from openalert.domain.instant import DAY, HOUR, MINUTE, SECOND
from openalert.domain.notification import Notification, NotificationKind
from openalert.domain.user import ContactMethod, User, email_key
from openalert.storage import contact_methods, notifications, users
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import audit
from openalert.usecases.access import found, require
from openalert.usecases.notify import Recipient, send_to
from openalert.usecases.signin import token_hash

MOST_METHODS = 10
CODE_LASTS = 10 * MINUTE
CODE_TRIES = 5
RESEND_AFTER = 60 * SECOND
MOST_CALLS_TO_A_NUMBER = 4
MOST_CALLS_TO_A_PERSON = 8
MOST_CALLS_OF_ALL = 100
"""Codes by SMS and call within a day: each costs money, and making others pay for calls is a trade."""
MOST_CODES_A_DAY = 20
"""To all addresses of one person together: a code is a message to somebody who may not want it."""


async def of_user(reader: Reader, actor: Actor, user_id: str) -> list[ContactMethod]:
    """How a person is reached; for the person and for admins."""
    user = await to_see(reader, actor, user_id)
    return await contact_methods.of_user(reader, user.id)


async def get(reader: Reader, actor: Actor, user_id: str, method_id: str) -> ContactMethod:
    """One way to reach a person; for the person and for admins."""
    user = await to_see(reader, actor, user_id)
    return found(await contact_methods.get(reader, user.id, method_id), "contact method")


async def create(tx: Transaction, user_id: str, *, kind: str, address: str, label: str = "") -> ContactMethod:
    """A new way to reach a person.

    An admin's for the address by which the person signs in counts as verified; to any other a code is sent.
    """
    user = await to_see(tx, tx.actor, user_id)
    way = contact_kind(kind)
    if way.is_linked:
        raise Invalid(
            f"{way.words} is connected from the person's own page, not by an address.", field="type"
        )
    address = way.check(address)
    sealed = {"address": address} if way.shown else None
    address = way.shown(address) if way.shown else address
    existing = await contact_methods.of_user(tx, user.id)
    if len(existing) >= MOST_METHODS:
        raise Conflict(f"A person has at most {MOST_METHODS} contact methods; delete one first.")
    if any(method.type == kind and email_key(method.address) == email_key(address) for method in existing):
        raise Conflict("This address is there already.", field="address")
    own = tx.actor.user_id == user.id
    is_verified = not own and kind == "email" and email_key(address) == user.email_key
    method = new_method(tx, user.id, address, is_verified=is_verified, kind=kind, label=_label(label))
    await contact_methods.insert(tx, method)
    if sealed is not None:
        await contact_methods.put_secrets(tx, method.id, sealed)
    _record(tx, "created", user, method, after=method)
    if not is_verified:
        await _send_code(tx, user, method)
    return method


async def verify(tx: Transaction, user_id: str, method_id: str, code: str | None) -> ContactMethod | None:
    """Prove an address by the code sent to it, or with None send a new code, at most one a minute.

    None means that the code was wrong: the try counts, so the caller must commit before refusing.
    """
    user = await to_see(tx, tx.actor, user_id)
    method = found(await contact_methods.get(tx, user.id, method_id), "contact method")
    if method.verified_at is not None:
        return method
    if code is None:
        wait = (method.code_sent_at or 0) + RESEND_AFTER - tx.now
        if wait > 0:
            seconds = -(-wait // SECOND)
            raise RateLimited(f"A code was just sent. Try again in {seconds} s.", retry_after=seconds)
        await _send_code(tx, user, method)
        _record(tx, "code_sent", user, method)
        return method
    if tx.actor.user_id != user.id:
        raise Forbidden("Only the person who got the code can enter it.")
    if method.code_hash is None or method.code_tries >= CODE_TRIES or tx.now >= (method.code_expires_at or 0):
        raise Conflict("There is no code in force; ask for a new one.", code="CODE_EXPIRED")
    if not hmac.compare_digest(method.code_hash, _code_hash(method, "".join(code.split()))):
        method.code_tries += 1
        await contact_methods.update(tx, method)
        _record(tx, "wrong_code", user, method, after={"tries": method.code_tries})
        return None
    proven = msgspec.structs.replace(
        method, verified_at=tx.now, last_proven_at=tx.now, code_hash=None, code_expires_at=None, code_tries=0
    )
    await contact_methods.update(tx, proven)
    _record(tx, "verified", user, method)
    return proven


def wrong_code() -> Invalid:
    """What a caller is told, after the commit, when `verify` answered None."""
    return Invalid("That is not the code; look at the newest message.", field="code", code="WRONG_CODE")


async def delete(tx: Transaction, user_id: str, method_id: str) -> None:
    """Forget a way to reach a person; the last verified one stays."""
    user = await to_see(tx, tx.actor, user_id)
    method = found(await contact_methods.get(tx, user.id, method_id), "contact method")
    existing = await contact_methods.of_user(tx, user.id)
    verified = [each.id for each in existing if each.verified_at is not None]
    if user.is_active and verified == [method.id]:
        raise Conflict(f"{user.name} could not be reached any more; add and verify another address first.")
    await contact_methods.delete(tx, method.id)
    _record(tx, "deleted", user, method, before=method)


async def send_test(tx: Transaction, user_id: str, method_id: str) -> Notification:
    """A test message by a verified contact method."""
    user = await to_see(tx, tx.actor, user_id)
    method = found(await contact_methods.get(tx, user.id, method_id), "contact method")
    if method.verified_at is None:
        raise Conflict("This address is not verified yet; enter the code that was sent to it.")
    _record(tx, "tested", user, method)
    return await send_to(
        tx,
        _recipient(user, method, "You asked for a test"),
        NotificationKind.TEST,
        organization_id=user.organization_id,
        team_id=None,
        headline="Test message",
        body="This is how OpenAlert reaches you. Nothing is wrong.",
        reason=f"{tx.actor.name} asked for a test.",
    )


def _record(
    tx: Transaction,
    act: str,
    user: User,
    method: ContactMethod,
    before: Subject = None,
    after: Subject = None,
) -> None:
    audit.record(
        tx,
        f"contact_method.{act}",
        kind="contact_method",
        id=method.id,
        name=f"{method.address} of {user.name}",
        before=before,
        after=after,
    )


async def link(
    tx: Transaction,
    user: User,
    *,
    kind: str,
    address: str,
    label: str,
    sealed: Mapping[str, Any] | None = None,
) -> ContactMethod:
    """A way to reach a person that its own provider has proven: a browser, a chat account. Linking again is harmless.

    `sealed` is what its notifier needs beside the address.
    """
    existing = await contact_methods.of_user(tx, user.id)
    method = next((each for each in existing if each.type == kind and each.address == address), None)
    if method is None:
        if len(existing) >= MOST_METHODS:
            raise Conflict(f"A person has at most {MOST_METHODS} contact methods; delete one first.")
        method = new_method(tx, user.id, address, is_verified=True, kind=kind, label=_label(label))
        method.last_proven_at = tx.now
        await contact_methods.insert(tx, method)
        _record(tx, "linked", user, method, after=method)
    else:
        method.verified_at, method.last_proven_at, method.failing_since = tx.now, tx.now, None
        await contact_methods.update(tx, method)
        _record(tx, "linked", user, method)
    if sealed is not None:
        await contact_methods.put_secrets(tx, method.id, sealed)
    return method


async def lost(tx: Transaction, row: Notification) -> None:
    """A linked way to reach somebody is gone, says its provider: forget it, and tell the person by another."""
    if row.user_id is None or row.contact_method_id is None:
        return
    user = await users.get(tx, SYSTEM, row.user_id)
    method = await contact_methods.get(tx, row.user_id, row.contact_method_id)
    if user is None or method is None or not contact_kind(method.type).is_linked:
        return
    await contact_methods.delete(tx, method.id)
    name = method.label or contact_kind(method.type).words
    audit.record(
        tx,
        "contact_method.lost",
        kind="contact_method",
        id=method.id,
        name=f"{name} of {user.name}",
        before=method,
        organization_id=user.organization_id,
    )
    left = [each for each in await contact_methods.of_user(tx, user.id) if each.verified_at is not None]
    # Mail before all else: this is news, nothing to wake anybody with.
    for other in sorted(left, key=lambda each: each.type != "email")[:1]:
        await send_to(
            tx,
            _recipient(user, other, "It was one of the ways to reach you"),
            NotificationKind.NOTICE,
            organization_id=user.organization_id,
            team_id=None,
            headline=f"{name} gets no pages any more",
            body="The browser or app has ended its subscription: it was uninstalled, its data were cleared, or "
            "notifications were switched off there. To be paged there again, open My page in it and connect it.",
            opens=("Open My page", "/me"),
            reason="A page to it could not be delivered.",
        )


def _label(text: str) -> str:
    text = " ".join(text.split())
    if len(text) > 60 or not text.isprintable():
        raise Invalid("A label has at most 60 printable characters.", field="label")
    return text


def new_method(
    tx: Transaction, user_id: str, address: str, *, is_verified: bool, kind: str = "email", label: str = ""
) -> ContactMethod:
    """A way to reach a person, not yet stored."""
    return ContactMethod(
        id=new_id(tx.now),
        user_id=user_id,
        type=kind,
        address=address,
        label=label,
        verified_at=tx.now if is_verified else None,
        created_at=tx.now,
    )


async def _send_code(tx: Transaction, user: User, method: ContactMethod) -> None:
    """Eight random digits to the address; only their hash is kept beside it."""
    if await notifications.codes_since(tx, user.id, tx.now - DAY) >= MOST_CODES_A_DAY:
        raise RateLimited(
            f"{MOST_CODES_A_DAY} codes were sent in a day. Try again tomorrow.", retry_after=HOUR // SECOND
        )
    if contact_kind(method.type).costs:
        await _check_costs(tx, user, method)
    code = f"{secrets.randbelow(10**8):08d}"
    method.code_hash = _code_hash(method, code)
    method.code_expires_at = tx.now + CODE_LASTS
    method.code_sent_at = tx.now
    method.code_tries = 0
    await contact_methods.update(tx, method)
    await send_to(
        tx,
        _recipient(user, method, "You are to prove this address"),
        NotificationKind.CODE,
        organization_id=user.organization_id,
        team_id=None,
        headline=f"Your code is {code[:4]} {code[4:]}",
        body="Enter it in OpenAlert within ten minutes. If you did not ask for it, do nothing.",
        reason="Somebody entered this address to be reached by.",
    )


async def _check_costs(tx: Transaction, user: User, method: ContactMethod) -> None:
    """Pass, or RateLimited: codes by telephone are few to one number, one person and a whole organization."""
    costly = [kind.type for kind in CONTACT_KINDS.values() if kind.costs]
    sent = await notifications.costly_codes(tx, user.organization_id, costly, tx.now - DAY)
    counts = (
        (sum(address == method.address for _, address in sent), MOST_CALLS_TO_A_NUMBER, "this number"),
        (sum(user_id == user.id for user_id, _ in sent), MOST_CALLS_TO_A_PERSON, f"numbers of {user.name}"),
        (len(sent), MOST_CALLS_OF_ALL, "telephones of your organization"),
    )
    for count, most, whom in counts:
        if count >= most:
            raise RateLimited(
                f"{most} codes went to {whom} within a day. Try again tomorrow.", retry_after=HOUR // SECOND
            )


def _code_hash(method: ContactMethod, code: str) -> str:
    return token_hash(f"{method.id}:{code}")


def _recipient(user: User, method: ContactMethod, reason: str) -> Recipient:
    return Recipient(
        who=user.name,
        user_id=user.id,
        contact_method_id=method.id,
        channel_id=None,
        channel=method.type,
        address=method.address,
        reason=reason,
    )


async def to_see(reader: Reader, actor: Actor, user_id: str) -> User:
    """The person, for themselves and for admins of at least their rank."""
    user = found(await users.get(reader, actor, user_id), "user")
    if actor.user_id != user.id:
        require(actor, Permission.CONFIGURE, None)
        if actor.role.rank < user.role.rank:
            raise Forbidden(f"Only {user.name} and other owners can do this.")
    return user
