"""SQL for what was told after the fact: its spans, the log as it was noted, and the log that follows from both."""

from collections.abc import Collection, Sequence

from openalert.domain.backdating import Span
from openalert.domain.status_page import Logged
from openalert.storage.transaction import Reader, Transaction


async def put(tx: Transaction, incident_id: str, spans: Sequence[Span]) -> None:
    """The incident says this of the past, and nothing else."""
    await tx.execute("DELETE FROM status_backdated WHERE incident_id = :id", id=incident_id)
    await tx.insert("status_backdated", *spans)


async def of_incident(reader: Reader, incident_id: str) -> list[Span]:
    """What the incident says of the past."""
    return await reader.all(
        Span, "SELECT * FROM status_backdated WHERE incident_id = :id ORDER BY component_id", id=incident_id
    )


async def spans(reader: Reader, component_ids: Collection[str]) -> dict[str, list[Span]]:
    """What incidents that are not deleted say of the past of these components, by component, the oldest first."""
    found: dict[str, list[Span]] = {}
    for row in await reader.all(
        Span,
        f"""
        SELECT b.* FROM status_backdated b JOIN status_incidents i ON i.id = b.incident_id AND i.deleted_at IS NULL
        WHERE {reader.any_of("b.component_id", "ids")} ORDER BY b.component_id, b.since, b.incident_id
        """,
        ids=sorted(set(component_ids)),
    ):
        found.setdefault(row.component_id, []).append(row)
    return found


async def noted(reader: Reader, component_ids: Collection[str]) -> dict[str, list[Logged]]:
    """The log of these components as it was noted at the time, each by time."""
    found: dict[str, list[Logged]] = {}
    for row in await reader.all(
        Logged,
        f"""
        SELECT component_id, at, noted AS status, noted_for AS incident_id FROM status_component_log
        WHERE {reader.any_of("component_id", "ids")} AND noted IS NOT NULL ORDER BY component_id, at
        """,
        ids=sorted(set(component_ids)),
    ):
        found.setdefault(row.component_id, []).append(row)
    return found


async def forget(tx: Transaction, component_ids: Collection[str]) -> None:
    """Take what was told later out of the log of these components: it is as it was noted."""
    ids = sorted(set(component_ids))
    await tx.execute(
        f"DELETE FROM status_component_log WHERE {tx.any_of('component_id', 'ids')} AND noted IS NULL",
        ids=ids,
    )
    await tx.execute(
        f"""
        UPDATE status_component_log SET status = noted, incident_id = noted_for
        WHERE {tx.any_of("component_id", "ids")}
            AND (status <> noted OR coalesce(incident_id, '') <> coalesce(noted_for, ''))
        """,
        ids=ids,
    )


async def lay(tx: Transaction, entries: Sequence[Logged]) -> None:
    """Lay these over what was noted, which stays below."""
    await tx.insert_with(
        "status_component_log",
        entries,
        {},
        " ON CONFLICT (component_id, at) DO UPDATE SET status = excluded.status, "
        "incident_id = excluded.incident_id",
    )
