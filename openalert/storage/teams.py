"""SQL for teams and their members."""

from collections.abc import Collection

import msgspec

from openalert.domain.access import Actor, Role
from openalert.domain.team import Team, TeamMember
from openalert.storage.rows import to_parameters
from openalert.storage.transaction import Reader, Transaction
from openalert.storage.visible import visible


class Belongings(msgspec.Struct, kw_only=True):
    """How many things of each kind a team still has."""

    services: int
    schedules: int
    escalation_policies: int
    channels: int
    status_pages: int
    incidents: int
    """Those that are still open."""


async def insert(tx: Transaction, team: Team) -> None:
    """A new team."""
    await tx.insert("teams", team)


async def update(tx: Transaction, team: Team) -> None:
    """Write everything about the team that may change."""
    await tx.execute(
        """
        UPDATE teams SET name = :name, slug = :slug, description = :description, drills = :drills,
            updated_at = :updated_at
        WHERE id = :id
        """,
        **to_parameters(team),
    )


async def delete(tx: Transaction, team_id: str) -> None:
    """Keep a team only as a name of the past: nobody is in it any more, and its slug is free.

    No team can take beforehand the slug that it gets instead: none holds a colon.
    """
    await tx.execute("DELETE FROM team_members WHERE team_id = :id", id=team_id)
    await tx.execute(
        "UPDATE teams SET deleted_at = :now, updated_at = :now, slug = :slug WHERE id = :id",
        id=team_id,
        now=tx.now,
        slug=f"deleted:{team_id}",
    )


async def belongings(reader: Reader, team_id: str) -> Belongings:
    """What would be orphaned if the team went."""
    found = await reader.one(
        Belongings,
        """
        SELECT
            (SELECT count(*) FROM services WHERE team_id = :id AND deleted_at IS NULL) AS services,
            (SELECT count(*) FROM schedules WHERE team_id = :id) AS schedules,
            (SELECT count(*) FROM escalation_policies WHERE team_id = :id AND deleted_at IS NULL)
                AS escalation_policies,
            (SELECT count(*) FROM channels WHERE team_id = :id) AS channels,
            (SELECT count(*) FROM status_pages WHERE team_id = :id AND deleted_at IS NULL) AS status_pages,
            (SELECT count(*) FROM incidents WHERE team_id = :id AND status <> 'resolved') AS incidents
        """,
        id=team_id,
    )
    assert found is not None  # noqa: S101 - a SELECT of counts has one row
    return found


async def get(reader: Reader, actor: Actor, team_id: str) -> Team | None:
    """The team, if the actor may see it."""
    condition, parameters = visible(reader, actor, "id")
    return await reader.one(
        Team,
        f"SELECT * FROM teams WHERE id = :id AND deleted_at IS NULL AND {condition}",
        id=team_id,
        **parameters,
    )


async def by_slug(reader: Reader, actor: Actor, slug: str) -> Team | None:
    """The team with this slug, if the actor may see it."""
    condition, parameters = visible(reader, actor, "id")
    return await reader.one(
        Team,
        f"SELECT * FROM teams WHERE slug = :slug AND deleted_at IS NULL AND {condition}",
        slug=slug,
        **parameters,
    )


async def named(reader: Reader, actor: Actor, team_ids: Collection[str]) -> dict[str, Team]:
    """Those of the teams that the actor may see, by id; deleted ones too, for what refers to them."""
    if not team_ids:
        return {}
    condition, parameters = visible(reader, actor, "id")
    found = await reader.all(
        Team,
        f"SELECT * FROM teams WHERE {reader.any_of('id', 'ids')} AND {condition}",
        ids=sorted(set(team_ids)),
        **parameters,
    )
    return {team.id: team for team in found}


async def page(reader: Reader, actor: Actor, *, after: str = "", limit: int) -> list[Team]:
    """The next teams that the actor may see, in the order of their making."""
    condition, parameters = visible(reader, actor, "id")
    return await reader.all(
        Team,
        f"SELECT * FROM teams WHERE id > :after AND deleted_at IS NULL AND {condition} ORDER BY id LIMIT :limit",
        after=after,
        limit=limit,
        **parameters,
    )


async def slugs_like(reader: Reader, organization_id: str, slug: str) -> set[str]:
    """The slugs in use that begin with this one."""
    rows = await reader.rows(
        "SELECT slug FROM teams WHERE organization_id = :organization AND slug LIKE :pattern",
        organization=organization_id,
        pattern=f"{slug}%",
    )
    return {row[0] for row in rows}


async def by_slugs(reader: Reader, organization_id: str, slugs: Collection[str]) -> dict[str, Team]:
    """Those of the organization's teams that have one of these slugs, by slug."""
    if not slugs:
        return {}
    found = await reader.all(
        Team,
        f"SELECT * FROM teams WHERE organization_id = :organization AND {reader.any_of('slug', 'slugs')}",
        organization=organization_id,
        slugs=sorted(set(slugs)),
    )
    return {team.slug: team for team in found}


async def members(reader: Reader, team_ids: Collection[str]) -> dict[str, list[TeamMember]]:
    """The members of each of the teams, in the order of their joining; every team has an entry."""
    by_team: dict[str, list[TeamMember]] = {team_id: [] for team_id in team_ids}
    if team_ids:
        found = await reader.all(
            TeamMember,
            f"""
            SELECT * FROM team_members WHERE {reader.any_of("team_id", "teams")}
            ORDER BY created_at, user_id
            """,
            teams=sorted(set(team_ids)),
        )
        for member in found:
            by_team[member.team_id].append(member)
    return by_team


async def member(reader: Reader, team_id: str, user_id: str) -> TeamMember | None:
    """One membership."""
    return await reader.one(
        TeamMember,
        "SELECT * FROM team_members WHERE team_id = :team_id AND user_id = :user_id",
        team_id=team_id,
        user_id=user_id,
    )


async def put_member(tx: Transaction, membership: TeamMember) -> None:
    """Let the person be in the team with this role, from now on or still."""
    await tx.execute(
        """
        INSERT INTO team_members (team_id, user_id, role, created_at)
        VALUES (:team_id, :user_id, :role, :created_at)
        ON CONFLICT (team_id, user_id) DO UPDATE SET role = excluded.role
        """,
        **to_parameters(membership),
    )


async def remove_member(tx: Transaction, team_id: str, user_id: str) -> None:
    """The person is no longer in the team."""
    await tx.execute(
        "DELETE FROM team_members WHERE team_id = :team_id AND user_id = :user_id",
        team_id=team_id,
        user_id=user_id,
    )


async def roles(reader: Reader, user_id: str) -> dict[str, Role]:
    """The teams of one person, and the role in each."""
    rows = await reader.rows("SELECT team_id, role FROM team_members WHERE user_id = :id", id=user_id)
    return {row[0]: Role(row[1]) for row in rows}
