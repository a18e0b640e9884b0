"""SQL for who can be reached: people with their verified addresses, members, owners."""

from collections.abc import Sequence

import msgspec

from openalert.storage.transaction import Reader


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """A person and one way to reach them; `contact_method_id` is None for somebody who has no verified one."""

    user_id: str
    name: str
    is_active: bool
    timezone: str
    contact_method_id: str | None
    type: str | None
    address: str | None


_PERSON = (
    "SELECT u.id AS user_id, u.name, u.is_active, u.timezone, c.id AS contact_method_id, c.type, c.address "
    "FROM users u LEFT JOIN contact_methods c ON c.user_id = u.id AND c.verified_at IS NOT NULL "
)


async def people(reader: Reader, user_ids: Sequence[str]) -> list[Person]:
    """These people, once for each verified address."""
    return await reader.all(
        Person, _PERSON + f"WHERE {reader.any_of('u.id', 'ids')} ORDER BY u.name, u.id", ids=list(user_ids)
    )


async def members(reader: Reader, team_ids: Sequence[str]) -> dict[str, list[str]]:
    """The active members of each team, by id."""
    rows = await reader.rows(
        "SELECT m.team_id, m.user_id FROM team_members m JOIN users u ON u.id = m.user_id "
        f"WHERE {reader.any_of('m.team_id', 'ids')} AND u.is_active ORDER BY u.name, u.id",
        ids=list(team_ids),
    )
    found: dict[str, list[str]] = {}
    for team_id, user_id in rows:
        found.setdefault(team_id, []).append(user_id)
    return found


async def team_owners(reader: Reader, team_id: str) -> list[Person]:
    """The active owners of a team."""
    return await reader.all(
        Person,
        _PERSON + "JOIN team_members m ON m.user_id = u.id "
        "WHERE m.team_id = :team_id AND m.role = 'owner' AND u.is_active ORDER BY u.name, u.id",
        team_id=team_id,
    )


async def organization_owners(reader: Reader, organization_id: str) -> list[Person]:
    """The active owners of an organization."""
    return await reader.all(
        Person,
        _PERSON + "WHERE u.organization_id = :organization_id AND u.role = 'owner' AND u.is_active "
        "ORDER BY u.name, u.id",
        organization_id=organization_id,
    )


async def names(reader: Reader, ids: Sequence[str]) -> dict[str, str]:
    """How people, schedules and teams with these ids are called."""
    rows = await reader.rows(
        f"SELECT id, name FROM users WHERE {reader.any_of('id', 'ids')} "
        f"UNION ALL SELECT id, name FROM schedules WHERE {reader.any_of('id', 'ids')} "
        f"UNION ALL SELECT id, name FROM teams WHERE {reader.any_of('id', 'ids')}",
        ids=list(ids),
    )
    return {row[0]: row[1] for row in rows}
