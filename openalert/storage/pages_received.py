"""SQL for how often people were paged."""

from collections.abc import Sequence

import msgspec

from openalert.domain.ids import first_id
from openalert.domain.instant import Instant
from openalert.storage.transaction import Reader


class Pages(msgspec.Struct, frozen=True, kw_only=True):
    """How many incidents paged somebody, and how many of these they acknowledged themselves."""

    received: int = 0
    answered: int = 0


async def incident_ids(
    reader: Reader, user_ids: Sequence[str], team_id: str, start: Instant, end: Instant, *, limit: int
) -> list[str]:
    """The team's incidents whose pages left for one of the people, or may have, from `start` until before `end`."""
    if not user_ids:
        return []
    rows = await reader.rows(
        f"""
        SELECT DISTINCT n.incident_id FROM notifications n
        WHERE {reader.any_of("n.user_id", "users")} AND n.team_id = :team_id AND n.incident_id IS NOT NULL
          AND n.id >= :first AND n.id < :last AND n.kind = 'page'
          AND n.status IN ('sending', 'sent', 'delivered', 'unknown')
        ORDER BY n.incident_id DESC LIMIT :limit
        """,
        users=list(user_ids),
        team_id=team_id,
        first=first_id(start),
        last=first_id(end),
        limit=limit,
    )
    return [row[0] for row in rows]


async def of_people(
    reader: Reader, user_ids: Sequence[str], team_ids: Sequence[str], start: Instant, end: Instant
) -> dict[str, Pages]:
    """The pages for the teams that left, or may have, from `start` until before `end`; whoever got none is left out."""
    if not user_ids or not team_ids:
        return {}
    rows = await reader.rows(
        f"""
        SELECT n.user_id, count(DISTINCT n.incident_id),
               count(DISTINCT CASE WHEN i.acknowledged_by_id = n.user_id THEN n.incident_id END)
        FROM notifications n JOIN incidents i ON i.id = n.incident_id
        WHERE {reader.any_of("n.user_id", "users")} AND {reader.any_of("n.team_id", "teams")}
          AND n.id >= :first AND n.id < :last AND n.kind = 'page'
          AND n.status IN ('sending', 'sent', 'delivered', 'unknown')
        GROUP BY n.user_id
        """,
        users=list(user_ids),
        teams=list(team_ids),
        first=first_id(start),
        last=first_id(end),
    )
    return {row[0]: Pages(received=row[1], answered=row[2]) for row in rows}
