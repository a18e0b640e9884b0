"""API keys: how machines sign in. Only hashes are stored; a key does no more than whoever made it may do now."""

import hmac
import secrets

from openalert.domain.access import Actor, Permission, Role, can
from openalert.domain.errors import Forbidden, Invalid
from openalert.domain.ids import new_id
from openalert.domain.instant import DAY, Instant
from openalert.domain.team import check_name
from openalert.domain.user import ApiKey
from openalert.storage import api_keys
from openalert.storage.api_keys import KeyRow
from openalert.storage.database import Reader, Transaction
from openalert.usecases.access import found, home, require
from openalert.usecases.signin import TOUCH_AFTER, SignedIn, token_hash

PREFIX = "oak"


async def page(reader: Reader, actor: Actor, *, after: str = "", limit: int) -> list[ApiKey]:
    """The next API keys in force or expired, for admins."""
    require(actor, Permission.CONFIGURE, None)
    return await api_keys.page(reader, actor, after=after, limit=limit)


async def get(reader: Reader, actor: Actor, key_id: str) -> ApiKey:
    """One API key, for admins."""
    require(actor, Permission.CONFIGURE, None)
    return found(await api_keys.get(reader, actor, key_id), "API key")


async def create(
    tx: Transaction, *, name: str, role: Role = Role.ADMIN, expires_at: Instant | None = None
) -> tuple[ApiKey, str]:
    """A new API key and its text, which cannot be shown again; nobody gives more right than they have."""
    require(tx.actor, Permission.CONFIGURE, None)
    if not can(tx.actor, Permission(role.rank), None):
        raise Forbidden(f"Only an owner can make a key with the role {role}; choose a lesser one.")
    if expires_at is not None and not tx.now < expires_at <= tx.now + 3_660 * DAY:
        raise Invalid("expiresAt must lie in the future, at most ten years away.", field="expiresAt")
    secret = secrets.token_hex(32)
    key = ApiKey(
        id=new_id(tx.now),
        organization_id=home(tx.actor),
        name=check_name(name),
        role=role,
        secret_hash=token_hash(secret),
        created_by_id=tx.actor.user_id,
        created_at=tx.now,
        expires_at=expires_at,
    )
    await api_keys.insert(tx, key)
    return key, f"{PREFIX}_{key.id}_{secret}"


async def revoke(tx: Transaction, key_id: str) -> None:
    """The key opens nothing any more, from this commit on."""
    key = await get(tx, tx.actor, key_id)
    await api_keys.revoke(tx, key.id)


async def find(reader: Reader, text: str) -> SignedIn | None:
    """Whose API key this is; None for whatever does not open, for whatever reason.

    A key does what both its role and the present role of whoever made it allow; it ends with that person.
    """
    prefix, _, rest = text.partition("_")
    key_id, _, secret = rest.partition("_")
    row = await api_keys.row(reader, key_id) if prefix == PREFIX and len(key_id) <= 64 else None
    kept = row.secret_hash if row else token_hash("")
    if not hmac.compare_digest(kept, token_hash(secret)) or row is None or not _is_open(row, reader.now):
        return None
    role = row.role if row.creator_role is None else min(row.role, row.creator_role, key=lambda r: r.rank)
    actor = Actor(kind="api_key", id=row.id, name=row.name, organization_id=row.organization_id, role=role)
    return SignedIn(actor, is_stale=row.last_used_at is None or reader.now - row.last_used_at >= TOUCH_AFTER)


async def actor_for(reader: Reader, text: str) -> Actor | None:
    """The actor of an API key that is in force."""
    signed_in = await find(reader, text)
    return signed_in.actor if signed_in else None


async def touch(tx: Transaction, key_id: str) -> None:
    """The key was used; call it with the actor's id when `find` says it is stale."""
    await api_keys.touch(tx, key_id)


def _is_open(row: KeyRow, now: Instant) -> bool:
    expired = row.expires_at is not None and now >= row.expires_at
    orphaned = row.created_by_id is not None and not row.creator_is_active
    return not expired and row.revoked_at is None and not orphaned
