"""SQL for finding a thing by a part of its name."""

import msgspec

from openalert.domain.access import Actor
from openalert.storage.incidents import like
from openalert.storage.transaction import Reader
from openalert.storage.visible import in_organization, visible


class Found(msgspec.Struct, frozen=True):
    """A thing that matches."""

    kind: str
    """service, schedule, escalation policy, team or person."""
    id: str
    name: str
    detail: str
    """The team it belongs to; a person's address."""


async def named(reader: Reader, actor: Actor, text: str, *, each: int) -> list[Found]:
    """What the actor may see and whose name holds `text`: at most `each` of a kind, those that begin with it first."""
    condition, parameters = visible(reader, actor)
    teams, of_teams = visible(reader, actor, "id")
    within, of_people = in_organization(actor)
    pattern = like(text)
    rows = await reader.rows(
        f"""
        WITH named AS (
            SELECT 1 AS place, 'person' AS kind, id, name, email AS detail FROM users
            WHERE is_active AND {within}
                AND (lower(name) LIKE :pattern ESCAPE '!' OR email_key LIKE :pattern ESCAPE '!')
            UNION ALL
            SELECT 2, 'service', id, name, team_id FROM services
            WHERE deleted_at IS NULL AND {condition} AND lower(name) LIKE :pattern ESCAPE '!'
            UNION ALL
            SELECT 3, 'schedule', id, name, team_id FROM schedules
            WHERE {condition} AND lower(name) LIKE :pattern ESCAPE '!'
            UNION ALL
            SELECT 4, 'escalation policy', id, name, team_id FROM escalation_policies
            WHERE deleted_at IS NULL AND {condition} AND lower(name) LIKE :pattern ESCAPE '!'
            UNION ALL
            SELECT 5, 'team', id, name, '' FROM teams WHERE {teams} AND lower(name) LIKE :pattern ESCAPE '!'
        ), ranked AS (
            SELECT *, row_number() OVER (
                PARTITION BY kind
                ORDER BY CASE WHEN lower(name) LIKE :start ESCAPE '!' THEN 0 ELSE 1 END, name, id
            ) AS rank FROM named
        )
        SELECT kind, id, name, coalesce((SELECT teams.name FROM teams WHERE teams.id = detail), detail)
        FROM ranked WHERE rank <= :each ORDER BY place, rank
        """,
        **(parameters | of_teams | of_people),
        pattern=pattern,
        start=pattern[1:],
        each=each,
    )
    return [Found(*row) for row in rows]
