"""API keys: how machines sign in. A key does what its scopes, its role and its maker's present rights all allow."""

import hmac
import secrets
from collections.abc import Collection, Sequence

from openalert.domain.access import ORDINARY, Actor, Permission, Role, Scope, can, least, role_in
from openalert.domain.errors import Forbidden, Invalid
from openalert.domain.ids import new_id
from openalert.domain.instant import DAY, Instant
from openalert.domain.team import check_name
from openalert.domain.user import ApiKey
from openalert.storage import api_keys
from openalert.storage.api_keys import KeyRow
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import audit
from openalert.usecases.access import found, home, require, team_for
from openalert.usecases.signin import TOUCH_AFTER, SignedIn, token_hash

PREFIX = "oak"
LONGEST = 3_660 * DAY


async def page(reader: Reader, actor: Actor, *, after: str = "", limit: int) -> list[ApiKey]:
    """The next API keys in force or expired: all for admins of the organization, else those of teams led."""
    _require_managing(actor)
    return await api_keys.page(reader, actor, after=after, limit=limit)


async def get(reader: Reader, actor: Actor, key_id: str) -> ApiKey:
    """One API key that the actor may manage."""
    _require_managing(actor)
    return found(await api_keys.get(reader, actor, key_id), "API key")


def manages_any(actor: Actor) -> bool:
    """Whether there are keys that the actor may make and revoke: of the organization, or of a team."""
    everywhere = can(actor, Permission.CONFIGURE, None)
    return everywhere or any(can(actor, Permission.CONFIGURE, team_id) for team_id in actor.teams)


async def create(
    tx: Transaction,
    *,
    name: str,
    role: Role = Role.ADMIN,
    scopes: Collection[Scope] = ORDINARY,
    team_id: str | None = None,
    expires_at: Instant | None = None,
) -> tuple[ApiKey, str]:
    """A new API key and its text, which cannot be shown again; nobody gives more right than they have.

    A key made with a key belongs to the same person and ends no later. One that watches is an admin's of the
    organization, as it learns addresses that others do not, and is for nothing else.
    """
    _require_managing(tx.actor)
    if Scope.WATCH in scopes:
        if set(scopes) != {Scope.WATCH}:
            raise Invalid(
                "A key that watches is for nothing else: give the scope watch alone.", field="scopes"
            )
        require(tx.actor, Permission.CONFIGURE, None)
        role = Role.ADMIN
    if team_id is None:
        require(tx.actor, Permission.CONFIGURE, None)
    else:
        await team_for(tx, team_id)
    _check_right(tx.actor, role, scopes, team_id)
    if expires_at is not None and not tx.now < expires_at <= tx.now + LONGEST:
        raise Invalid("expiresAt must lie in the future, at most ten years away.", field="expiresAt")
    secret = secrets.token_hex(32)
    key = ApiKey(
        id=new_id(tx.now),
        organization_id=home(tx.actor),
        name=check_name(name),
        role=role,
        scopes=_kept(scopes),
        team_id=team_id,
        secret_hash=token_hash(secret),
        created_by_id=tx.actor.user_id,
        created_at=tx.now,
        expires_at=expires_at,
    )
    if tx.actor.kind == "api_key":
        await _inherit(tx, key)
    await api_keys.insert(tx, key)
    audit.record(
        tx,
        "api_key.created",
        kind="api_key",
        id=key.id,
        name=key.name,
        team_id=key.team_id,
        after=_facts(key),
    )
    return key, f"{PREFIX}_{key.id}_{secret}"


async def revoke(tx: Transaction, key_id: str) -> None:
    """The key opens nothing any more, from this commit on."""
    key = await get(tx, tx.actor, key_id)
    require(tx.actor, Permission.CONFIGURE, key.team_id, "API key")
    await api_keys.revoke(tx, key.id)
    audit.record(
        tx,
        "api_key.revoked",
        kind="api_key",
        id=key.id,
        name=key.name,
        team_id=key.team_id,
        before=_facts(key),
        organization_id=key.organization_id,
    )


async def find(reader: Reader, text: str) -> SignedIn | None:
    """Whose API key this is; None for whatever does not open, for whatever reason, and for keys that only watch."""
    found = await _find(reader, text)
    return None if found is None or watches(found.actor) else found


async def find_all(reader: Reader, texts: Sequence[str]) -> dict[str, SignedIn]:
    """By text, as `find` has one; whatever opens nothing is left out."""
    parts = {text: parted for text in texts if (parted := _parts(text)) is not None}
    of: dict[str, list[KeyRow]] = {key_id: [] for key_id, _ in parts.values()}
    for row in await api_keys.rows_of(reader, list(of)):
        of[row.id].append(row)
    found = {text: _judged(of[key_id], secret, reader.now) for text, (key_id, secret) in parts.items()}
    return {text: each for text, each in found.items() if each is not None and not watches(each.actor)}


async def find_watcher(reader: Reader, text: str) -> SignedIn | None:
    """Whose key this is that watches, and whose maker is still an admin; None for every other."""
    found = await _find(reader, text)
    if found is None or not watches(found.actor) or found.actor.role.rank < Role.ADMIN.rank:
        return None
    return found


def watches(actor: Actor) -> bool:
    """Whether it is a key that was made for watching."""
    return actor.scopes is not None and Scope.WATCH in actor.scopes


async def _find(reader: Reader, text: str) -> SignedIn | None:
    parts = _parts(text)
    if parts is None:
        return None
    key_id, secret = parts
    return _judged(await api_keys.rows(reader, key_id), secret, reader.now)


def _parts(text: str) -> tuple[str, str] | None:
    """Id and secret of what looks like a key."""
    prefix, _, rest = text.partition("_")
    key_id, _, secret = rest.partition("_")
    return (key_id, secret) if prefix == PREFIX and len(key_id) <= 64 else None


def _judged(rows: list[KeyRow], secret: str, now: Instant) -> SignedIn | None:
    """Whose the key with these rows is, if it has this secret and is in force."""
    kept = rows[0].secret_hash if rows else token_hash("")
    if not hmac.compare_digest(kept, token_hash(secret)) or not rows or not _is_open(rows[0], now):
        return None
    actor = _actor(rows)
    if actor is None:
        return None
    last = rows[0].last_used_at
    return SignedIn(actor, is_stale=last is None or now - last >= TOUCH_AFTER)


async def touch(tx: Transaction, key_id: str) -> None:
    """The key was used; call it with the actor's id when `find` says it is stale."""
    await api_keys.touch(tx, key_id)


def _facts(key: ApiKey) -> dict[str, object]:
    """What the audit log keeps of a key."""
    return {
        "role": key.role,
        "scopes": list(key.scopes),
        "teamId": key.team_id,
        "expiresAt": key.expires_at,
    }


def _require_managing(actor: Actor) -> None:
    _require_scope(actor)
    if not manages_any(actor):
        require(actor, Permission.CONFIGURE, None)


def _require_scope(actor: Actor) -> None:
    """Whatever a key's role: only one that was made for it looks after keys."""
    if actor.scopes is not None and Scope.ADMIN not in actor.scopes:
        raise Forbidden("This API key was not made for that: it lacks the scope admin.")


def _check_right(actor: Actor, role: Role, scopes: Collection[Scope], team_id: str | None) -> None:
    own = role_in(actor, team_id)
    if actor.organization_id is not None and (own is None or own.rank < role.rank):
        raise Forbidden(f"You cannot give more than you have: choose a lesser role than {role}.")
    if actor.scopes is not None and not actor.scopes.issuperset(set(scopes) - {Scope.WATCH}):
        raise Forbidden("A key cannot make one for more than it was made for itself.")


def _kept(scopes: Collection[Scope]) -> tuple[Scope, ...]:
    """In their order; `read` is part of every key that does anything here."""
    least_of_all = () if Scope.WATCH in scopes else (Scope.READ,)
    return tuple(scope for scope in Scope if scope in scopes or scope in least_of_all)


async def _inherit(tx: Transaction, key: ApiKey) -> None:
    """Bind a key that a key makes to what bounds its parent."""
    parent = (await api_keys.rows(tx, tx.actor.id or ""))[0]
    key.created_by_id = parent.created_by_id
    if parent.expires_at is not None:
        key.expires_at = min(key.expires_at or parent.expires_at, parent.expires_at)


def _is_open(row: KeyRow, now: Instant) -> bool:
    expired = row.expires_at is not None and now >= row.expires_at
    orphaned = row.created_by_id is not None and not row.creator_is_active
    return not expired and row.revoked_at is None and not orphaned


def _actor(rows: list[KeyRow]) -> Actor | None:
    """Who a key is now; None when whoever made it has left the team that it is bound to.

    A maker who sees all teams lets it act in all, or in the one it is bound to; any other maker only in the
    teams that they are in themselves, with no more than their role there.
    """
    row = rows[0]
    role = row.role if row.creator_role is None else least(row.role, row.creator_role)
    is_confined = row.bound_to is not None
    teams = {} if row.bound_to is None else {row.bound_to: role}
    if row.creator_role is not None and row.creator_role.rank < Role.ADMIN.rank:
        is_confined = True
        teams = _teams_of_maker(rows, row.creator_role)
        if row.bound_to is not None and row.bound_to not in teams:
            return None
    return Actor(
        kind="api_key",
        id=row.id,
        name=row.name,
        organization_id=row.organization_id,
        role=role,
        teams=teams,
        is_confined=is_confined,
        scopes=None if ORDINARY.issubset(row.scopes) else frozenset(row.scopes),
    )


def _teams_of_maker(rows: list[KeyRow], creator_role: Role) -> dict[str, Role]:
    """The maker's teams that the key reaches, with the role that it has there."""
    own = {row.team_id: row.team_role for row in rows if row.team_id and row.team_role}
    return {
        team_id: least(rows[0].role, Role.VIEWER if creator_role is Role.VIEWER else role)
        for team_id, role in own.items()
        if rows[0].bound_to in (None, team_id)
    }
