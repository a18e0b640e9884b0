"""SQL for people."""

from collections.abc import Collection

from openalert.domain.access import Actor, Role
from openalert.domain.user import User
from openalert.storage.rows import to_parameters
from openalert.storage.transaction import Reader, Transaction
from openalert.storage.visible import in_organization


async def insert(tx: Transaction, user: User) -> None:
    """A new person."""
    await tx.insert("users", user)


async def update(tx: Transaction, user: User) -> None:
    """Write everything about the person that may change."""
    await tx.execute(
        """
        UPDATE users SET email = :email, email_key = :email_key, name = :name, role = :role,
            timezone = :timezone, phone_number = :phone_number, is_active = :is_active,
            password_hash = :password_hash, updated_at = :updated_at
        WHERE id = :id
        """,
        **to_parameters(user),
    )


async def exists(reader: Reader) -> bool:
    """Whether anybody is there at all: before, the set-up link works."""
    return await reader.value("SELECT id FROM users LIMIT 1") is not None


async def get(reader: Reader, actor: Actor, user_id: str) -> User | None:
    """The person, if of the actor's organization."""
    condition, parameters = in_organization(actor)
    return await reader.one(
        User, f"SELECT * FROM users WHERE id = :id AND {condition}", id=user_id, **parameters
    )


async def by_email_key(reader: Reader, key: str) -> User | None:
    """Whoever signs in by this address, of whatever organization."""
    return await reader.one(User, "SELECT * FROM users WHERE email_key = :key", key=key)


async def named(reader: Reader, actor: Actor, user_ids: Collection[str]) -> dict[str, User]:
    """Those of the people that are of the actor's organization, by id; active or not."""
    if not user_ids:
        return {}
    condition, parameters = in_organization(actor)
    found = await reader.all(
        User,
        f"SELECT * FROM users WHERE {reader.any_of('id', 'ids')} AND {condition}",
        ids=sorted(set(user_ids)),
        **parameters,
    )
    return {user.id: user for user in found}


async def page(reader: Reader, actor: Actor, *, after: str = "", limit: int) -> list[User]:
    """The next people of the organization, in the order of their making."""
    condition, parameters = in_organization(actor)
    return await reader.all(
        User,
        f"SELECT * FROM users WHERE id > :after AND {condition} ORDER BY id LIMIT :limit",
        after=after,
        limit=limit,
        **parameters,
    )


async def active_owners(reader: Reader, organization_id: str) -> list[User]:
    """The owners who can sign in, the oldest first: there must always be one."""
    return await reader.all(
        User,
        """
        SELECT * FROM users WHERE organization_id = :organization AND role = :role AND is_active = :active
        ORDER BY id
        """,
        organization=organization_id,
        role=Role.OWNER,
        active=True,
    )


async def active(reader: Reader, user_ids: Collection[str]) -> set[str]:
    """Those of the people who are not switched off."""
    if not user_ids:
        return set()
    rows = await reader.rows(
        f"SELECT id FROM users WHERE {reader.any_of('id', 'ids')} AND is_active = :active",
        ids=sorted(set(user_ids)),
        active=True,
    )
    return {str(row[0]) for row in rows}


async def responders(reader: Reader) -> list[str]:
    """The ids of everybody who may be paged: the active members of all teams, in order."""
    rows = await reader.rows(
        "SELECT DISTINCT u.id FROM users u JOIN team_members m ON m.user_id = u.id WHERE u.is_active = :active "
        "ORDER BY u.id",
        active=True,
    )
    return [str(row[0]) for row in rows]
