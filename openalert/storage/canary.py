"""SQL for canaries: their hidden home, how far one has come, and what is left of those that are over."""

import msgspec

from openalert.domain.canary import HOME, CanaryRun
from openalert.domain.ids import first_id
from openalert.domain.instant import Instant
from openalert.storage.transaction import Reader, Transaction


class Seen(msgspec.Struct, kw_only=True):
    """A canary's incident as it stands, and its page."""

    status: str
    triggered_at: Instant
    resolved_at: Instant | None
    paged_at: Instant | None
    claimed_at: Instant | None
    sent_at: Instant | None
    waiting: int
    """Messages of it that are still to leave."""


async def seen(reader: Reader, incident_id: str) -> Seen | None:
    """How far the incident has come; None: there is none."""
    return await reader.one(
        Seen,
        """
        SELECT i.status, i.triggered_at, i.resolved_at, min(p.created_at) AS paged_at,
            min(p.claimed_at) AS claimed_at, min(p.sent_at) AS sent_at,
            (SELECT count(*) FROM notifications w WHERE w.incident_id = i.id AND w.due_at IS NOT NULL) AS waiting
        FROM incidents i LEFT JOIN notifications p ON p.incident_id = i.id AND p.kind = 'page'
        WHERE i.id = :id AND i.organization_id = :home GROUP BY i.id, i.status, i.triggered_at, i.resolved_at
        """,
        id=incident_id,
        home=HOME,
    )


async def key_hash(reader: Reader) -> str | None:
    """The hash of the key by which canaries come in; None: they have no home yet."""
    found: str | None = await reader.value("SELECT key_hash FROM integrations WHERE id = :home", home=HOME)
    return found


async def change_key(tx: Transaction, key_hash: str) -> None:
    """Canaries come in by another key from now on."""
    await tx.execute(
        "UPDATE integrations SET key_hash = :key_hash, updated_at = :now WHERE id = :home",
        key_hash=key_hash,
        now=tx.now,
        home=HOME,
    )


async def remove(tx: Transaction, incident_id: str | None, before: Instant) -> None:
    """Leave nothing of this incident, nor of those that began before: neither rows nor what they came by."""
    rows = await tx.rows(
        "SELECT id FROM incidents WHERE organization_id = :home AND (id = :id OR triggered_at < :before)",
        home=HOME,
        id=incident_id or "",
        before=before,
    )
    ids = [row[0] for row in rows]
    await tx.execute("DELETE FROM payloads WHERE integration_id = :home", home=HOME)
    if not ids:
        return
    await tx.execute(f"DELETE FROM notifications WHERE {tx.any_of('incident_id', 'ids')}", ids=ids)
    await tx.execute(f"DELETE FROM timers WHERE {tx.any_of('incident_id', 'ids')}", ids=ids)
    await tx.execute(f"DELETE FROM timeline WHERE {tx.any_of('incident_id', 'ids')}", ids=ids)
    await tx.execute(f"DELETE FROM alerts WHERE {tx.any_of('incident_id', 'ids')}", ids=ids)
    await tx.execute(f"DELETE FROM incidents WHERE {tx.any_of('id', 'ids')}", ids=ids)


async def note(tx: Transaction, run: CanaryRun) -> None:
    """Keep how it went."""
    await tx.insert("canary_runs", run)


async def forget(tx: Transaction, before: Instant, failed_before: Instant) -> None:
    """Drop those that came through before the one instant, and those that did not before the other."""
    await tx.execute(
        "DELETE FROM canary_runs WHERE id < :before AND (failed_at = '' OR id < :failed)",
        before=first_id(before),
        failed=first_id(failed_before),
    )


async def latest(reader: Reader, count: int) -> list[CanaryRun]:
    """The newest, the newest first."""
    return await reader.all(CanaryRun, "SELECT * FROM canary_runs ORDER BY id DESC LIMIT :count", count=count)


async def failures(reader: Reader, since: Instant, count: int) -> list[CanaryRun]:
    """The newest that did not come through, not older than this, the newest first."""
    return await reader.all(
        CanaryRun,
        "SELECT * FROM canary_runs WHERE failed_at <> '' AND id >= :since ORDER BY id DESC LIMIT :count",
        since=first_id(since),
        count=count,
    )
