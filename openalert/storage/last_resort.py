"""SQL for incidents that nobody could be told of."""

from openalert.domain.canary import HOME
from openalert.domain.ids import first_id
from openalert.domain.instant import DAY, Instant
from openalert.domain.last_resort import Unreached
from openalert.storage.transaction import Reader


async def unreached(reader: Reader, limit: int) -> list[Unreached]:
    """Of the last day: the escalation has ended, and no page of the episode was taken by a provider or still may be;
    the oldest first. One whose answer was lost, twice, is not known to have been taken.
    """
    return await reader.all(
        Unreached,
        "SELECT i.id, i.number, i.title, i.severity, i.episode, i.triggered_at FROM incidents i "
        "WHERE i.status = 'triggered' AND i.escalation_state IN ('exhausted', 'none') AND i.id >= :since "
        "AND i.organization_id <> :home AND NOT EXISTS (SELECT 1 FROM notifications n "
        "WHERE n.incident_id = i.id AND n.episode = i.episode AND n.kind = 'page' "
        "AND n.status NOT IN ('failed', 'cancelled') AND NOT (n.status = 'unknown' AND n.due_at IS NULL)) "
        "ORDER BY i.id LIMIT :limit",
        since=first_id(reader.now - DAY),
        home=HOME,
        limit=limit,
    )


async def told_since(reader: Reader, incident_id: str, since: Instant) -> bool:
    """Whether the last resort was told of the incident since then, by this process or one before."""
    found = await reader.value(
        "SELECT 1 FROM timeline WHERE incident_id = :id AND kind = 'last_resort' AND at >= :since LIMIT 1",
        id=incident_id,
        since=since,
    )
    return found is not None
