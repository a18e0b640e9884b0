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
