"""The first minutes: a one-time link, the first owner, and a working on-call set-up from a preset."""

import hmac
import secrets

import msgspec

from openalert.domain.access import Actor, Role, program_of
from openalert.domain.audit import Subject
from openalert.domain.errors import Invalid, NotFound
from openalert.domain.ids import new_id
from openalert.domain.instant import HOUR, Instant
from openalert.domain.team import check_name
from openalert.domain.user import Organization, User
from openalert.storage import organizations, settings, users
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import audit
from openalert.usecases import users as people
from openalert.usecases.signin import token_hash

TOKEN_LASTS = HOUR
_TOKEN = "setup_token"  # noqa: S105 - the name of a setting


class _Token(msgspec.Struct):
    hash: str
    expires_at: Instant


async def issue_token(tx: Transaction) -> str | None:
    """A fresh set-up token, good for an hour and instead of any before; None once somebody is there."""
    if await users.exists(tx):
        await settings.remove(tx, _TOKEN)
        return None
    token = secrets.token_urlsafe(32)
    kept = _Token(token_hash(token), tx.now + TOKEN_LASTS)
    await settings.put(tx, _TOKEN, msgspec.json.encode(kept).decode())
    return token


async def is_open(reader: Reader, token: str) -> bool:
    """Whether set-up can be done with this token now."""
    kept = await settings.get(reader, _TOKEN)
    if kept is None:
        return False
    known = msgspec.json.decode(kept, type=_Token)
    right = hmac.compare_digest(known.hash, token_hash(token))
    return right and reader.now < known.expires_at and not await users.exists(reader)


async def complete(
    tx: Transaction,
    token: str,
    *,
    organization: str,
    owner_name: str,
    email: str,
    password_hash: str,
    timezone: str = "UTC",
) -> User:
    """The organization and its first owner, as whom the rest of the transaction acts.

    Works once: of two who race, and of everybody later, the second finds no set-up (NotFound).
    """
    if not await is_open(tx, token) or not await settings.remove(tx, _TOKEN):
        raise NotFound("setup")
    if not password_hash:
        raise Invalid("The first owner needs a password.", field="password")
    home = await ensure_organization(tx, organization)
    owner = await people.create(
        tx, email=email, name=owner_name, role=Role.OWNER, timezone=timezone, password_hash=password_hash
    )
    tx.actor = Actor(
        kind="user", id=owner.id, name=owner.name, organization_id=home.id, role=Role.OWNER
    ).by_way_of(tx.actor)
    audit.record(tx, "setup.completed", kind="organization", id=home.id, name=home.name)
    return owner


async def ensure_organization(tx: Transaction, name: str | None = None) -> Organization:
    """The organization, made when there is none yet; the program goes on as an owner of it.

    This is how commands on the machine itself act: whoever can read the database file may do everything.
    A `name` that is given also renames an organization that a command had made before.
    """
    found = await organizations.first(tx)
    if found is None:
        found = Organization(
            id=new_id(tx.now), name=check_name(name or "My organization", "organization"), created_at=tx.now
        )
        await organizations.insert(tx, found)
        _record(tx, "organization.created", found, None)
    elif name is not None:
        before, found.name = found.name, check_name(name, "organization")
        await organizations.rename(tx, found.id, found.name)
        _record(tx, "organization.renamed", found, {"name": before})
    tx.actor = program_of(found.id, tx.actor)
    return found


def _record(tx: Transaction, act: str, organization: Organization, before: Subject) -> None:
    audit.record(
        tx,
        act,
        kind="organization",
        id=organization.id,
        name=organization.name,
        before=before,
        after={"name": organization.name},
        organization_id=organization.id,
    )
