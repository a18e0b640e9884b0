"""SQL for timeline entries: appended, read, never changed."""

from collections.abc import Sequence

from openalert.domain.timeline import TimelineEntry
from openalert.storage.transaction import Reader, Transaction


async def append(tx: Transaction, entries: Sequence[TimelineEntry]) -> None:
    """New entries; their `seq` continues the incident's `last_seq`, written in the same transaction."""
    await tx.insert("timeline", *entries)


async def of_incident(
    reader: Reader, incident_id: str, *, limit: int = 100, before: int | None = None
) -> list[TimelineEntry]:
    """Newest first, at most `limit`, with a smaller `seq` than `before`."""
    return await reader.all(
        TimelineEntry,
        "SELECT * FROM timeline WHERE incident_id = :incident_id "
        "AND (CAST(:before AS BIGINT) IS NULL OR seq < :before) ORDER BY seq DESC LIMIT :limit",
        incident_id=incident_id,
        before=before,
        limit=limit,
    )


async def newest_of_kind(reader: Reader, incident_id: str, kind: str, limit: int) -> list[TimelineEntry]:
    """The last entries of a kind, the newest first."""
    return await reader.all(
        TimelineEntry,
        "SELECT * FROM timeline WHERE incident_id = :incident_id AND kind = :kind ORDER BY seq DESC LIMIT :limit",
        incident_id=incident_id,
        kind=kind,
        limit=limit,
    )


async def newest(
    reader: Reader, incident_id: str, kinds: Sequence[str], *, actor_id: str | None = None
) -> TimelineEntry | None:
    """The last entry of these kinds, by this actor if one is given."""
    return await reader.one(
        TimelineEntry,
        f"SELECT * FROM timeline WHERE incident_id = :incident_id AND {reader.any_of('kind', 'kinds')} "
        "AND (CAST(:actor_id AS TEXT) IS NULL OR actor_id = :actor_id) ORDER BY seq DESC LIMIT 1",
        incident_id=incident_id,
        kinds=list(kinds),
        actor_id=actor_id,
    )
