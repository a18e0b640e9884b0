"""SQL for who can be reached: people with their verified addresses, members, owners."""

from collections.abc import Collection, Sequence

import msgspec

from openalert.domain.access import Role
from openalert.domain.instant import Instant
from openalert.domain.notification_plan import Callee, NotificationRule, Preferences, Way
from openalert.domain.quiet import QuietWindow
from openalert.domain.severity import Severity
from openalert.storage import notification_rules
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


class _Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A person with their preferences, if they have any, and one of their verified ways, if they have one."""

    user_id: str
    name: str
    is_active: bool
    timezone: str
    contact_method_id: str | None
    type: str | None
    address: str | None
    label: str | None
    min_severity: Severity | None
    repeat_every: Instant | None
    repeat_most: int | None
    handoffs: bool | None
    handoff_lead: Instant | None
    weekly_report: bool | None
    quiet: tuple[QuietWindow, ...] | None
    passes_from: Severity | None
    do_not_disturb_until: Instant | None


async def callees(reader: Reader, user_ids: Collection[str]) -> list[Callee]:
    """These people with all that decides how they are reached, by name: two statements, however many they are."""
    ids = sorted(set(user_ids))
    if not ids:
        return []
    entries = await reader.all(
        _Entry,
        "SELECT u.id AS user_id, u.name, u.is_active, u.timezone, c.id AS contact_method_id, c.type, c.address, "
        "c.label, p.min_severity, p.repeat_every, p.repeat_most, p.handoffs, p.handoff_lead, p.weekly_report, p.quiet, "
        "p.passes_from, p.do_not_disturb_until FROM users u "
        "LEFT JOIN contact_methods c ON c.user_id = u.id AND c.verified_at IS NOT NULL "
        "LEFT JOIN notification_preferences p ON p.user_id = u.id "
        f"WHERE {reader.any_of('u.id', 'ids')} ORDER BY u.name, u.id, c.id",
        ids=ids,
    )
    rules = await notification_rules.of_users(reader, ids)
    people: dict[str, list[_Entry]] = {}
    for entry in entries:
        people.setdefault(entry.user_id, []).append(entry)
    return [_callee(some, rules.get(user_id, [])) for user_id, some in people.items()]


def _callee(entries: Sequence[_Entry], rules: Sequence[NotificationRule]) -> Callee:
    first = entries[0]
    if first.min_severity is None:
        preferences = Preferences(user_id=first.user_id)
    else:
        set_by_them = {name: getattr(first, name) for name in Preferences.__struct_fields__}
        preferences = Preferences(**set_by_them)
    return Callee(
        user_id=first.user_id,
        name=first.name,
        is_active=first.is_active,
        timezone=first.timezone,
        ways=tuple(
            Way(
                id=each.contact_method_id,
                type=each.type or "",
                address=each.address or "",
                label=each.label or "",
            )
            for each in entries
            if each.contact_method_id is not None
        ),
        rules=tuple(rules),
        preferences=preferences,
    )


async def members(reader: Reader, team_ids: Sequence[str]) -> dict[str, list[str]]:
    """The active members of each team, by id."""
    return await _of_teams(reader, team_ids, list(Role))


async def owners_of_teams(reader: Reader, team_ids: Sequence[str]) -> dict[str, list[str]]:
    """The active owners of each team, by id."""
    return await _of_teams(reader, team_ids, [Role.OWNER])


async def team_owners(reader: Reader, team_id: str) -> list[str]:
    """The ids of the active owners of a team."""
    return (await owners_of_teams(reader, [team_id])).get(team_id, [])


async def _of_teams(reader: Reader, team_ids: Sequence[str], roles: Sequence[Role]) -> dict[str, list[str]]:
    rows = await reader.rows(
        "SELECT m.team_id, m.user_id FROM team_members m JOIN users u ON u.id = m.user_id "
        f"WHERE {reader.any_of('m.team_id', 'ids')} AND {reader.any_of('m.role', 'roles')} AND u.is_active "
        "ORDER BY u.name, u.id",
        ids=list(team_ids),
        roles=[role.value for role in roles],
    )
    found: dict[str, list[str]] = {}
    for team_id, user_id in rows:
        found.setdefault(team_id, []).append(user_id)
    return found


async def organization_owners(reader: Reader, organization_id: str) -> list[str]:
    """The ids of the active owners of an organization."""
    rows = await reader.rows(
        "SELECT id FROM users WHERE organization_id = :organization_id AND role = 'owner' AND is_active "
        "ORDER BY name, id",
        organization_id=organization_id,
    )
    return [row[0] for row in rows]


async def names(reader: Reader, ids: Sequence[str]) -> dict[str, str]:
    """How people, schedules and teams with these ids are called."""
    rows = await reader.rows(
        f"SELECT id, name FROM users WHERE {reader.any_of('id', 'ids')} "
        f"UNION ALL SELECT id, name FROM schedules WHERE {reader.any_of('id', 'ids')} "
        f"UNION ALL SELECT id, name FROM teams WHERE {reader.any_of('id', 'ids')}",
        ids=list(ids),
    )
    return {row[0]: row[1] for row in rows}
