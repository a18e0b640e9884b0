"""People of an organization: who they are, what they may do, and how they sign in."""

import msgspec
from msgspec import UNSET, UnsetType

from openalert.domain.access import Actor, Permission, Role, can
from openalert.domain.errors import Conflict, Forbidden, Invalid
from openalert.domain.ids import new_id
from openalert.domain.password import check_password, normalised
from openalert.domain.team import check_name
from openalert.domain.user import User, check_email, email_key
from openalert.domain.walltime import zone_named
from openalert.storage import contact_methods, credentials, invitations, password_resets, users
from openalert.storage.database import Database
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import audit, passwords, throttle
from openalert.usecases.access import article, found, given, home, may_manage, require
from openalert.usecases.contact_methods import new_method


async def page(reader: Reader, actor: Actor, *, after: str = "", limit: int) -> list[User]:
    """The next people of the organization: everybody in it may know everybody's name."""
    return await users.page(reader, actor, after=after, limit=limit)


async def get(reader: Reader, actor: Actor, user_id: str) -> User:
    """One person."""
    return found(await users.get(reader, actor, user_id), "user")


async def me(reader: Reader, actor: Actor) -> User:
    """The person who asks; NotFound for an API key."""
    return found(await users.get(reader, actor, actor.user_id or ""), "user")


async def create(
    tx: Transaction,
    *,
    email: str,
    name: str,
    role: Role = Role.MEMBER,
    timezone: str = "UTC",
    phone_number: str | None = None,
    password_hash: str | None = None,
) -> User:
    """A new person, for admins, reached from now on by the address with which they sign in.

    An invitation of that address is void: they are here.
    """
    require(tx.actor, Permission.CONFIGURE, None)
    _may_give(tx.actor, role)
    user = User(
        id=new_id(tx.now),
        organization_id=home(tx.actor),
        email=check_email(email),
        email_key=email_key(email),
        name=check_name(name),
        role=role,
        timezone=_check_zone(timezone),
        phone_number=check_phone_number(phone_number),
        password_hash=password_hash,
        created_at=tx.now,
        updated_at=tx.now,
    )
    await _address_is_free(tx, user)
    await users.insert(tx, user)
    await invitations.delete_of(tx, user.organization_id, user.email_key)
    audit.change(tx, "user.created", None, user)
    await contact_methods.insert(tx, new_method(tx, user.id, user.email, is_verified=True))
    return user


async def update(
    tx: Transaction,
    user_id: str,
    *,
    name: str | UnsetType = UNSET,
    timezone: str | UnsetType = UNSET,
    phone_number: str | UnsetType | None = UNSET,
    email: str | UnsetType = UNSET,
    role: Role | UnsetType = UNSET,
    is_active: bool | UnsetType = UNSET,
) -> User:
    """Change a person: name, zone and phone also by themselves, the rest by admins of at least their rank.

    Another role, or being switched off, ends every session: rights never change under an old one.
    """
    user = await get(tx, tx.actor, user_id)
    guarded = given({"email": email, "role": role, "is_active": is_active})
    if tx.actor.user_id != user.id or any(getattr(user, field) != guarded[field] for field in guarded):
        may_manage(tx.actor, user)
    if role is not UNSET:
        _may_give(tx.actor, role)
    free = given({"name": name, "timezone": timezone, "phone_number": phone_number})
    changed = msgspec.structs.replace(user, **free, **guarded, updated_at=tx.now)
    changed.name = check_name(changed.name)
    changed.timezone = _check_zone(changed.timezone)
    changed.phone_number = check_phone_number(changed.phone_number)
    if changed.email != user.email:
        changed.email = check_email(changed.email)
        changed.email_key = email_key(changed.email)
        await _address_is_free(tx, changed)
    await _keep_an_owner(tx, user, changed)
    await users.update(tx, changed)
    audit.change(tx, "user.updated", user, changed)
    if not changed.is_active or changed.role is not user.role:
        await credentials.delete_sessions_of(tx, user.id)
    return changed


async def deactivate(tx: Transaction, user_id: str) -> None:
    """The person can no longer sign in and is no longer paged; their name stays in what happened."""
    await update(tx, user_id, is_active=False)


async def set_password(tx: Transaction, user_id: str, password_hash: str, *, keep_session: str = "") -> None:
    """A new password, made by `new_password_hash`; every session but `keep_session` (its hash) ends."""
    user = await get(tx, tx.actor, user_id)
    if tx.actor.user_id != user.id:
        may_manage(tx.actor, user)
    user.password_hash, user.updated_at = password_hash, tx.now
    await users.update(tx, user)
    audit.record(tx, "user.password_changed", kind="user", id=user.id, name=user.name)
    await credentials.delete_sessions_of(tx, user.id, but=keep_session)
    await password_resets.delete_of(tx, user.id)


async def new_password_hash(password: str, *, about: tuple[str, ...] = ()) -> str:
    """The hash of a password that people may use; Invalid says what to change. Not inside a transaction."""
    return await passwords.hash_password(check_password(password, about=about))


async def change_password(
    db: Database, actor: Actor, user_id: str, *, password: str, current: str | None, keep_session: str = ""
) -> None:
    """Somebody's new password: one's own needs the current one, that of others the right to manage them."""
    async with db.read() as reader:
        user = await get(reader, actor, user_id)
    if actor.user_id == user.id:
        await prove_password(db, user, current)
    else:
        may_manage(actor, user)
    hashed = await new_password_hash(password, about=(user.name, user.email))
    async with db.transaction(actor) as tx:
        present = await get(tx, actor, user_id)
        if actor.user_id == user.id and present.password_hash != user.password_hash:
            # Whoever knew the old one does not take back, in the same moment, what its owner has just changed.
            raise _wrong_password()
        await set_password(tx, user_id, hashed, keep_session=keep_session)


async def prove_password(db: Database, user: User, password: str | None) -> None:
    """Pass if this is the person's own password, tried at most as often as at a sign-in; else Invalid."""
    passwords.check_room()
    async with db.transaction() as tx:
        attempt = await throttle.begin(tx, f"own password:{user.id}")
    if not await passwords.verify(user.password_hash, normalised(password or "")):
        raise _wrong_password()
    async with db.transaction() as tx:
        await throttle.forgive(tx, attempt)


def _wrong_password() -> Invalid:
    return Invalid("The current password is not right.", field="currentPassword")


def check_phone_number(number: str | None) -> str | None:
    """The number as E.164 (`+` and 7 to 15 digits), or None for an empty one; Invalid otherwise."""
    if not number:
        return None
    plain = "".join(sign for sign in number if sign not in " -()./")
    digits = plain.removeprefix("+")
    usable = plain.startswith("+") and digits.isascii() and digits.isdigit() and 7 <= len(digits) <= 15
    if not usable:
        raise Invalid(
            "phoneNumber must begin with + and the country code, like +49 30 1234567.", field="phoneNumber"
        )
    return plain


def _may_give(actor: Actor, role: Role) -> None:
    if not can(actor, Permission(role.rank), None):
        raise Forbidden(f"Only an owner can make somebody {article(role)}.")


async def _address_is_free(tx: Transaction, user: User) -> None:
    other = await users.by_email_key(tx, user.email_key)
    if other is not None and other.id != user.id:
        raise Conflict("Somebody with this e-mail address exists already.", field="email")


async def _keep_an_owner(tx: Transaction, before: User, after: User) -> None:
    if before.role is not Role.OWNER or (after.role is Role.OWNER and after.is_active):
        return
    owners = await users.active_owners(tx, before.organization_id)
    if all(owner.id == before.id for owner in owners):
        raise Conflict("This is the last owner; make somebody else an owner first.", code="LAST_OWNER")


def _check_zone(timezone: str) -> str:
    zone_named(timezone)
    return timezone
