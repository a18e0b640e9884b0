"""SQL for how several status pages stand at once: one question for all of them, whatever their number."""

from collections.abc import Collection

import msgspec

from openalert.domain.status_page import Component, ComponentStatus
from openalert.storage.transaction import Reader


class Effect(msgspec.Struct):
    """What an open incident says of a component of a page."""

    component_id: str
    status: ComponentStatus


async def components(reader: Reader, page_ids: Collection[str]) -> list[Component]:
    """The components of these pages, each as it is by itself."""
    return await reader.all(
        Component,
        f"SELECT * FROM status_components WHERE {reader.any_of('page_id', 'ids')} AND deleted_at IS NULL "
        "ORDER BY page_id, position, id",
        ids=sorted(set(page_ids)),
    )


async def effects(reader: Reader, page_ids: Collection[str]) -> list[Effect]:
    """What incidents that are published and not over say of components of these pages."""
    return await reader.all(
        Effect,
        f"""
        SELECT a.component_id, a.status FROM status_incident_components a
        JOIN status_incidents i ON i.id = a.incident_id
        WHERE {reader.any_of("i.page_id", "ids")} AND i.resolved_at IS NULL AND i.deleted_at IS NULL
            AND i.published_at IS NOT NULL AND i.status <> 'scheduled' AND a.status IS NOT NULL
        """,
        ids=sorted(set(page_ids)),
    )


async def active(reader: Reader, page_ids: Collection[str]) -> dict[str, int]:
    """How many incidents are told and not over, by page; a maintenance counts from its beginning on."""
    rows = await reader.rows(
        f"""
        SELECT page_id, count(*) FROM status_incidents
        WHERE {reader.any_of("page_id", "ids")} AND resolved_at IS NULL AND deleted_at IS NULL
            AND published_at IS NOT NULL AND status <> 'scheduled'
        GROUP BY page_id
        """,
        ids=sorted(set(page_ids)),
    )
    return {row[0]: row[1] for row in rows}


async def drafts(reader: Reader, page_ids: Collection[str]) -> dict[str, int]:
    """How much waits for somebody to publish it, by page: an incident counts once, with all its drafts.

    What is drafted of something that is over is published no more, and does not wait.
    """
    rows = await reader.rows(
        f"""
        SELECT i.page_id, count(*) FROM status_incidents i
        LEFT JOIN status_updates u ON u.incident_id = i.id AND u.published_at IS NULL
            AND i.published_at IS NOT NULL
        WHERE {reader.any_of("i.page_id", "ids")} AND i.deleted_at IS NULL
            AND (i.published_at IS NULL OR (u.id IS NOT NULL AND i.resolved_at IS NULL))
        GROUP BY i.page_id
        """,
        ids=sorted(set(page_ids)),
    )
    return {row[0]: row[1] for row in rows}
