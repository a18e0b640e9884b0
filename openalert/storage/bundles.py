"""SQL for pages that leave together: what was told lately, who waits for whom, and what was told by one message."""

from collections.abc import Sequence

import msgspec

from openalert.domain.bundling import MOST, Told, Topic
from openalert.domain.ids import new_id
from openalert.domain.instant import Instant
from openalert.domain.notification import Notification
from openalert.storage.notifications import COLUMNS
from openalert.storage.transaction import Reader, Transaction


async def told_lately(reader: Reader, ways: Sequence[str], since: Instant) -> dict[str, Told]:
    """What pages were sent by each of these contact methods after that."""
    rows = await reader.rows(
        "SELECT contact_method_id, service_id, priority, COALESCE(bundle_id, id) FROM notifications "
        f"WHERE {reader.any_of('contact_method_id', 'ways')} AND claimed_at > :since AND kind = 'page'",
        ways=list(ways),
        since=since,
    )
    topics: dict[str, set[Topic]] = {}
    messages: dict[str, set[str]] = {}
    for way, service_id, priority, message in rows:
        topics.setdefault(way, set()).add((service_id, priority))
        messages.setdefault(way, set()).add(message)
    return {way: Told(len(messages[way]), frozenset(topics[way])) for way in messages}


class Bundle(msgspec.Struct, frozen=True):
    """Pages that wait to leave together."""

    bundle_id: str
    due_at: Instant
    pages: int = 0


async def open_bundle(reader: Reader, way: str, service_id: str | None) -> Bundle | None:
    """One that gathers pages about this service to this contact method at the moment, and has room."""
    return await reader.one(
        Bundle,
        "SELECT bundle_id, due_at, count(*) AS pages FROM notifications WHERE contact_method_id = :way "
        "AND kind = 'page' AND claimed_at IS NULL AND status = 'pending' AND bundle_id IS NOT NULL AND due_at > :now "
        "AND COALESCE(service_id, '') = :service_id GROUP BY bundle_id, due_at HAVING count(*) < :most LIMIT 1",
        most=MOST,
        way=way,
        service_id=service_id or "",
        now=reader.now,
    )


async def due_alike(reader: Reader, way: str, service_id: str | None, priority: int, limit: int) -> list[str]:
    """Pages of this way, service and priority that nobody tried and that wait for no others, the longest due first."""
    rows = await reader.rows(
        "SELECT id FROM notifications WHERE contact_method_id = :way AND kind = 'page' AND status = 'pending' "
        "AND claimed_at IS NULL AND bundle_id IS NULL AND ask_id IS NULL AND user_id IS NOT NULL AND due_at <= :now "
        "AND priority = :priority AND COALESCE(service_id, '') = :service_id ORDER BY due_at, id LIMIT :limit",
        way=way,
        service_id=service_id or "",
        priority=priority,
        now=reader.now,
        limit=limit,
    )
    return [row[0] for row in rows]


async def join(tx: Transaction, ids: Sequence[str], bundle: Bundle) -> None:
    """These wait and leave with the bundle; it is no try."""
    await tx.execute(
        "UPDATE notifications SET bundle_id = :bundle_id, due_at = :due_at, updated_at = :now "
        f"WHERE {tx.any_of('id', 'ids')} AND status = 'pending' AND claimed_at IS NULL",
        ids=list(ids),
        bundle_id=bundle.bundle_id,
        due_at=bundle.due_at,
        now=tx.now,
    )


async def leave_behind(tx: Transaction, bundle_ids: Sequence[str]) -> None:
    """What still waits when the rest of its bundle has left is a bundle of its own: what is reported of one message is
    not true of the other.
    """
    rows = await tx.rows(
        f"SELECT DISTINCT bundle_id FROM notifications WHERE {tx.any_of('bundle_id', 'bundles')} "
        "AND status IN ('pending', 'unknown') AND due_at IS NOT NULL",
        bundles=list(bundle_ids),
    )
    await tx.many(
        "UPDATE notifications SET bundle_id = :own WHERE bundle_id = :bundle_id "
        "AND status IN ('pending', 'unknown') AND due_at IS NOT NULL",
        [{"bundle_id": row[0], "own": new_id(tx.now)} for row in rows],
    )


async def together_with(reader: Reader, bundle_ids: Sequence[str]) -> dict[str, str]:
    """All that is due now with these bundles: the bundle of each, by id."""
    rows = await reader.rows(
        f"SELECT id, bundle_id FROM notifications WHERE {reader.any_of('bundle_id', 'bundles')} "
        "AND status IN ('pending', 'unknown') AND due_at <= :now",
        bundles=list(bundle_ids),
        now=reader.now,
    )
    return {row[0]: row[1] for row in rows}


async def together(reader: Reader, row: Notification) -> list[Notification]:
    """The other pages that left, or may have left, in one message with this one."""
    if row.bundle_id is None:
        return []
    return await reader.all(
        Notification,
        f"SELECT {COLUMNS} FROM notifications WHERE bundle_id = :bundle_id AND id <> :id "
        "AND (status IN ('sending', 'sent', 'delivered', 'unknown') OR status = 'pending' AND attempts > 0 "
        "OR status = 'failed' AND provider_id = :provider_id) ORDER BY id",
        bundle_id=row.bundle_id,
        id=row.id,
        provider_id=row.provider_id,
    )


async def told_with(reader: Reader, row: Notification) -> list[str]:
    """The ids of the other incidents that were told by the same message."""
    if row.bundle_id is None:
        return []
    rows = await reader.rows(
        "SELECT DISTINCT incident_id FROM notifications WHERE bundle_id = :bundle_id AND id <> :id "
        "AND status IN ('sending', 'sent', 'delivered', 'unknown') ORDER BY incident_id",
        bundle_id=row.bundle_id,
        id=row.id,
    )
    return [found[0] for found in rows]
