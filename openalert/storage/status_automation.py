"""SQL for what incidents of services propose to status pages, or set there."""

import msgspec

from openalert.storage.transaction import Reader, Transaction


class Pull(msgspec.Struct, kw_only=True):
    """What the open incidents of its service make of a component that follows them."""

    component_id: str
    page_id: str
    rank: int
    """Of `ComponentStatus`; 0: nothing."""
    automatic_status: str | None
    """What they made of it before."""


class Proposal(msgspec.Struct, kw_only=True):
    """A row of `status_proposals`."""

    page_id: str
    incident_id: str
    status_incident_id: str
    phase: str


class Pair(msgspec.Struct, kw_only=True):
    """An incident, and a page that has a component of its service."""

    page_id: str
    incident_id: str


async def pulls(reader: Reader) -> list[Pull]:
    """Every component that is set by the incidents of its service, with what these make of it now."""
    return await reader.all(
        Pull,
        """
        SELECT c.id AS component_id, c.page_id, c.automatic_status,
            coalesce(max(CASE i.severity WHEN 'critical' THEN 4 WHEN 'high' THEN 3 WHEN 'medium' THEN 2 ELSE 0 END), 0)
                AS rank
        FROM status_components c JOIN status_pages p ON p.id = c.page_id
        LEFT JOIN services s ON s.id = c.service_id AND s.team_id = p.team_id
        LEFT JOIN incidents i ON i.service_id = s.id AND i.status <> 'resolved' AND i.triggered_at > c.automatic_from
        WHERE c.automation = 'set' AND c.deleted_at IS NULL AND p.deleted_at IS NULL
        GROUP BY c.id, c.page_id, c.automatic_status ORDER BY c.id
        """,
    )


async def unproposed(reader: Reader, limit: int) -> list[Pair]:
    """Open incidents that were never proposed to a page, where nothing is told or drafted of the component yet."""
    return await reader.all(
        Pair,
        """
        SELECT c.page_id, min(i.id) AS incident_id
        FROM status_components c JOIN status_pages p ON p.id = c.page_id
        JOIN services s ON s.id = c.service_id AND s.team_id = p.team_id
        JOIN incidents i ON i.service_id = s.id AND i.status <> 'resolved'
        WHERE c.automation = 'propose' AND c.deleted_at IS NULL AND p.deleted_at IS NULL
            AND i.severity IN ('critical', 'high', 'medium')
            AND NOT EXISTS (SELECT 1 FROM status_proposals q WHERE q.page_id = c.page_id AND q.incident_id = i.id)
            AND NOT EXISTS (SELECT 1 FROM status_incident_components a
                JOIN status_incidents t ON t.id = a.incident_id
                WHERE a.component_id = c.id AND t.resolved_at IS NULL AND t.deleted_at IS NULL)
        GROUP BY c.page_id, i.service_id LIMIT :limit
        """,
        limit=limit,
    )


async def moved(reader: Reader, limit: int) -> list[Pair]:
    """Proposals whose incident is in another phase by now, where what is told of it is not over."""
    return await reader.all(
        Pair,
        """
        SELECT q.page_id, q.incident_id FROM status_proposals q
        JOIN incidents i ON i.id = q.incident_id AND i.phase <> q.phase
        JOIN status_incidents t ON t.id = q.status_incident_id
        JOIN status_pages p ON p.id = q.page_id
        WHERE t.resolved_at IS NULL AND t.deleted_at IS NULL AND p.deleted_at IS NULL
        ORDER BY q.incident_id LIMIT :limit
        """,
        limit=limit,
    )


async def get(reader: Reader, page_id: str, incident_id: str) -> Proposal | None:
    """What was proposed to the page because of the incident."""
    return await reader.one(
        Proposal,
        "SELECT * FROM status_proposals WHERE page_id = :page_id AND incident_id = :incident_id",
        page_id=page_id,
        incident_id=incident_id,
    )


async def put(tx: Transaction, proposal: Proposal) -> None:
    """This was proposed last."""
    await tx.insert_with(
        "status_proposals",
        [proposal],
        {},
        " ON CONFLICT (page_id, incident_id) DO UPDATE SET status_incident_id = excluded.status_incident_id, "
        "phase = excluded.phase",
    )


async def set_status(tx: Transaction, component_id: str, status: str | None) -> None:
    """What incidents make of the component from now on."""
    await tx.execute(
        "UPDATE status_components SET automatic_status = :status WHERE id = :id",
        id=component_id,
        status=status,
    )


async def drop_drafts(tx: Transaction, status_incident_id: str) -> None:
    """Forget the drafts of updates that no person wrote: a newer one takes their place."""
    await tx.execute(
        "DELETE FROM status_updates WHERE incident_id = :id AND published_at IS NULL AND created_by_id IS NULL",
        id=status_incident_id,
    )
