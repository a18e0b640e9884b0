"""SQL for merges: what was put together, which alerts and responders went along, and where a group goes since."""

from collections.abc import Sequence

import msgspec

from openalert.domain.incident import Incident
from openalert.domain.merge import Merge
from openalert.domain.severity import Severity
from openalert.storage import incidents
from openalert.storage.transaction import Reader, Transaction

_ITS_ALERTS = "id IN (SELECT alert_id FROM incident_merge_alerts WHERE merge_id = :merge_id)"


class Returned(msgspec.Struct):
    """An alert that went back to where it came from."""

    id: str
    status: str
    severity: Severity


class Through(msgspec.Struct, frozen=True):
    """The open incident that a group goes to since it was merged, and the merges on the way, the first one first."""

    incident: Incident
    merge_ids: tuple[str, ...]


async def insert(tx: Transaction, merge: Merge) -> None:
    """A new one."""
    await tx.insert("incident_merges", merge)


async def undone(tx: Transaction, merge: Merge) -> None:
    """It is in force no more."""
    await tx.execute("UPDATE incident_merges SET undone_at = :now WHERE id = :id", id=merge.id, now=tx.now)


async def of_source(reader: Reader, source_id: str) -> Merge | None:
    """The merge in force that put this incident into another."""
    return await reader.one(
        Merge,
        "SELECT * FROM incident_merges WHERE source_id = :source_id AND undone_at IS NULL",
        source_id=source_id,
    )


async def into(reader: Reader, target_id: str) -> list[Merge]:
    """The merges in force that put others into this incident, the newest first."""
    return await reader.all(
        Merge,
        "SELECT * FROM incident_merges WHERE target_id = :target_id AND undone_at IS NULL ORDER BY id DESC",
        target_id=target_id,
    )


async def move_alerts(tx: Transaction, merge: Merge, target: Incident) -> None:
    """All alerts of the source belong to the target now; it is kept which."""
    await tx.execute(
        "INSERT INTO incident_merge_alerts (merge_id, alert_id) "
        "SELECT CAST(:merge_id AS TEXT), id FROM alerts WHERE incident_id = :source_id",
        merge_id=merge.id,
        source_id=merge.source_id,
    )
    await tx.execute(
        "UPDATE alerts SET incident_id = :target_id, team_id = :team_id, updated_at = :now "
        "WHERE incident_id = :source_id",
        target_id=target.id,
        team_id=target.team_id,
        source_id=merge.source_id,
        now=tx.now,
    )


async def brought(tx: Transaction, pairs: Sequence[tuple[str, str]]) -> None:
    """Alerts that came to the target because of merges: merge and alert."""
    await tx.many(
        "INSERT INTO incident_merge_alerts (merge_id, alert_id) VALUES (:merge_id, :alert_id)",
        [{"merge_id": merge_id, "alert_id": alert_id} for merge_id, alert_id in pairs],
    )


async def return_alerts(tx: Transaction, merge: Merge, source: Incident) -> list[Returned]:
    """What the merge brought, and is still with the target, goes back; those alerts."""
    return await tx.all(
        Returned,
        "UPDATE alerts SET incident_id = :source_id, team_id = :team_id, updated_at = :now "
        f"WHERE incident_id = :target_id AND {_ITS_ALERTS} RETURNING id, status, severity",
        source_id=source.id,
        team_id=source.team_id,
        target_id=merge.target_id,
        merge_id=merge.id,
        now=tx.now,
    )


async def move_responders(tx: Transaction, merge: Merge, *, may_lead: bool) -> None:
    """Whoever helps with the source helps with the target now, unless they do already; `may_lead`: also who leads."""
    await tx.execute(
        "UPDATE incident_responders SET incident_id = :target_id, merge_id = :merge_id, "
        "role = CASE WHEN CAST(:may_lead AS BIGINT) = 1 THEN role ELSE 'responder' END "
        "WHERE incident_id = :source_id AND user_id NOT IN "
        "(SELECT r.user_id FROM incident_responders r WHERE r.incident_id = :target_id)",
        target_id=merge.target_id,
        merge_id=merge.id,
        source_id=merge.source_id,
        may_lead=int(may_lead),
    )


async def return_responders(tx: Transaction, merge: Merge) -> None:
    """Whoever came by the merge goes back with it."""
    await tx.execute(
        "UPDATE incident_responders SET incident_id = :source_id, merge_id = NULL "
        "WHERE incident_id = :target_id AND merge_id = :merge_id",
        source_id=merge.source_id,
        target_id=merge.target_id,
        merge_id=merge.id,
    )


async def through(reader: Reader, open_keys: Sequence[str]) -> dict[str, Through]:
    """Where these groups go since they were merged, by open key; only what leads to an open incident.

    Where a group was merged several times over the years, its newest merge counts.
    """
    if not open_keys:
        return {}
    # Merges make no circle: what was merged is over, and only what is open is merged into.
    rows = await reader.rows(
        "WITH RECURSIVE path (open_key, first_id, merge_id, target_id, step) AS ("
        "SELECT source_key, id, id, target_id, 1 FROM incident_merges "
        f"WHERE undone_at IS NULL AND {reader.any_of('source_key', 'keys')} "
        "UNION ALL SELECT path.open_key, path.first_id, m.id, m.target_id, path.step + 1 "
        "FROM path JOIN incident_merges m ON m.source_id = path.target_id AND m.undone_at IS NULL) "
        "SELECT open_key, first_id, merge_id, target_id FROM path ORDER BY first_id, step",
        keys=list(open_keys),
    )
    if not rows:
        return {}
    ways: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for key, first, merge_id, target_id in rows:
        ways.setdefault((key, first), []).append((merge_id, target_id))
    ends = await incidents.get_many(reader, list({way[-1][1] for way in ways.values()}))
    found: dict[str, Through] = {}
    for (key, _), way in ways.items():
        end = ends.get(way[-1][1])
        if end is not None and end.is_open:
            found[key] = Through(end, tuple(merge_id for merge_id, _ in way))
    return found
