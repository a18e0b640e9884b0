"""SQL for what status pages tell: incidents and maintenances, the components they are about, their updates."""

from collections.abc import Collection, Sequence

from openalert.domain.instant import LATEST, Instant
from openalert.domain.status_page import Affected, StatusIncident, StatusUpdate
from openalert.storage.rows import to_parameters
from openalert.storage.transaction import Reader, Transaction


async def insert(tx: Transaction, incident: StatusIncident) -> None:
    """A new one."""
    await tx.insert("status_incidents", incident)


async def update(tx: Transaction, incident: StatusIncident) -> None:
    """Write everything about it that may change; with `deleted_at` it is gone."""
    await tx.execute(
        """
        UPDATE status_incidents SET internal_incident_id = :internal_incident_id, title = :title, status = :status,
            impact = :impact, impact_is_chosen = :impact_is_chosen, scheduled_for = :scheduled_for,
            scheduled_until = :scheduled_until, is_automatic = :is_automatic, due_at = :due_at,
            started_at = :started_at, resolved_at = :resolved_at, is_backdated = :is_backdated,
            postmortem = :postmortem, postmortem_at = :postmortem_at, postmortem_draft = :postmortem_draft,
            published_at = :published_at,
            updated_at = :updated_at, deleted_at = :deleted_at
        WHERE id = :id
        """,
        **to_parameters(incident),
    )


async def get(reader: Reader, incident_id: str) -> StatusIncident | None:
    """One of them; whether the actor may see it is for its page to say."""
    return await reader.one(
        StatusIncident, "SELECT * FROM status_incidents WHERE id = :id AND deleted_at IS NULL", id=incident_id
    )


async def of_page(
    reader: Reader,
    page_id: str,
    *,
    published: bool,
    still_open: bool = False,
    since: Instant = 0,
    until: Instant = LATEST,
    before: str = "~",
    limit: int,
) -> list[StatusIncident]:
    """Those of a page, the newest first: only what is `published`, `still_open`, begun `since` and before `until`."""
    conditions = [
        "page_id = :page_id",
        "deleted_at IS NULL",
        "id < :before",
        "started_at >= :since",
        "started_at < :until",
    ]
    if published:
        conditions.append("published_at IS NOT NULL")
    if still_open:
        # What is over and not published waits for somebody.
        conditions.append("(resolved_at IS NULL OR published_at IS NULL)")
    return await reader.all(
        StatusIncident,
        f"SELECT * FROM status_incidents WHERE {' AND '.join(conditions)} ORDER BY id DESC LIMIT :limit",
        page_id=page_id,
        before=before,
        since=since,
        until=until,
        limit=limit,
    )


async def of_internal(reader: Reader, incident_id: str) -> list[StatusIncident]:
    """What pages tell of an incident of ours, drafts too, the newest first; who sees the pages is for them to say."""
    return await reader.all(
        StatusIncident,
        "SELECT * FROM status_incidents WHERE internal_incident_id = :id AND deleted_at IS NULL ORDER BY id DESC",
        id=incident_id,
    )


async def began_at(reader: Reader, page_id: str) -> Instant | None:
    """When the first of all that a page ever told began; None: it told nothing."""
    first: Instant | None = await reader.value(
        "SELECT min(started_at) FROM status_incidents WHERE page_id = :page_id AND published_at IS NOT NULL "
        "AND deleted_at IS NULL",
        page_id=page_id,
    )
    return first


async def told(reader: Reader, page_id: str, wanted: str) -> StatusIncident | None:
    """What a page tells under this id, whether the public one or ours; None: nothing is published under it."""
    return await reader.one(
        StatusIncident,
        "SELECT * FROM status_incidents WHERE page_id = :page_id AND (public_id = :wanted OR id = :wanted) "
        "AND published_at IS NOT NULL AND deleted_at IS NULL",
        page_id=page_id,
        wanted=wanted,
    )


async def due(reader: Reader, limit: int) -> list[StatusIncident]:
    """Those of which a step is due by itself, the longest overdue first."""
    return await reader.all(
        StatusIncident,
        """
        SELECT i.* FROM status_incidents i JOIN status_pages p ON p.id = i.page_id
        WHERE i.due_at <= :now AND i.deleted_at IS NULL AND p.deleted_at IS NULL
        ORDER BY i.due_at, i.id LIMIT :limit
        """,
        now=reader.now,
        limit=limit,
    )


async def affected(reader: Reader, incident_ids: Collection[str]) -> dict[str, list[Affected]]:
    """The components that each of these is about."""
    found: dict[str, list[Affected]] = {}
    for row in await reader.all(
        Affected,
        f"SELECT * FROM status_incident_components WHERE {reader.any_of('incident_id', 'ids')} "
        "ORDER BY incident_id, component_id",
        ids=sorted(set(incident_ids)),
    ):
        found.setdefault(row.incident_id, []).append(row)
    return found


async def put_affected(tx: Transaction, incident_id: str, rows: Sequence[Affected]) -> None:
    """It is about these components, and about no others."""
    await tx.execute("DELETE FROM status_incident_components WHERE incident_id = :id", id=incident_id)
    await tx.insert("status_incident_components", *rows)


async def open_effects(reader: Reader, page_id: str) -> list[Affected]:
    """What the incidents of a page that are published and not over say of its components, the oldest first."""
    return await reader.all(
        Affected,
        """
        SELECT a.incident_id, a.component_id, a.status FROM status_incident_components a
        JOIN status_incidents i ON i.id = a.incident_id
        WHERE i.page_id = :page_id AND i.resolved_at IS NULL AND i.deleted_at IS NULL
            AND i.published_at IS NOT NULL AND i.status <> 'scheduled' AND a.status IS NOT NULL
        ORDER BY i.id
        """,
        page_id=page_id,
    )


async def overrule(tx: Transaction, page_id: str, component_id: str) -> None:
    """A person has said how the component is: what is told of it now says nothing of that any more.

    Drafts and maintenances to come keep their word: they have not said it yet.
    """
    await tx.execute(
        """
        UPDATE status_incident_components SET status = NULL WHERE component_id = :component_id
            AND incident_id IN (SELECT id FROM status_incidents WHERE page_id = :page_id AND resolved_at IS NULL
                AND published_at IS NOT NULL AND status <> 'scheduled')
        """,
        component_id=component_id,
        page_id=page_id,
    )


async def insert_update(tx: Transaction, update_: StatusUpdate) -> None:
    """Something more that is said."""
    await tx.insert("status_updates", update_)


async def change_update(tx: Transaction, update_: StatusUpdate) -> None:
    """Write what may change of an update."""
    await tx.execute(
        "UPDATE status_updates SET status = :status, message = :message, changes = :changes, "
        "proposes = :proposes, tells = :tells, shown_at = :shown_at, edited_at = :edited_at, "
        "published_at = :published_at, created_by_id = :created_by_id WHERE id = :id",
        **to_parameters(update_),
    )


async def delete_update(tx: Transaction, update_id: str) -> None:
    """Forget a draft."""
    await tx.execute("DELETE FROM status_updates WHERE id = :id AND published_at IS NULL", id=update_id)


async def one_update(reader: Reader, update_id: str) -> StatusUpdate | None:
    """One update; whether the actor may see it is for its page to say."""
    return await reader.one(StatusUpdate, "SELECT * FROM status_updates WHERE id = :id", id=update_id)


async def updates(
    reader: Reader, incident_ids: Collection[str], *, published: bool
) -> dict[str, list[StatusUpdate]]:
    """What was said about each of these, the newest first; only what is `published`."""
    found: dict[str, list[StatusUpdate]] = {}
    for row in await reader.all(
        StatusUpdate,
        f"SELECT * FROM status_updates WHERE {reader.any_of('incident_id', 'ids')} "
        "AND (published_at IS NOT NULL OR :drafts) ORDER BY incident_id, shown_at DESC, id DESC",
        ids=sorted(set(incident_ids)),
        drafts=not published,
    ):
        found.setdefault(row.incident_id, []).append(row)
    return found
