"""SQL for a database that was put back to an earlier time: nothing that was due since then happens any more."""

from collections.abc import Collection

from openalert.domain.instant import Instant
from openalert.storage.transaction import Reader, Transaction

PER_TRANSACTION = 500
"""Incidents held in one transaction: each gets a line in its timeline."""
RESTORED = "restored"
"""Why what was to be told to others was not."""
_NOT_SENT = "It was due before the backup was restored."


async def last_word(reader: Reader) -> Instant | None:
    """When the database was last written to: the time that a backup is of; None for one that was never used."""
    words: Instant | None = await reader.value(
        "SELECT max(said) FROM (SELECT max(last_seen_at) AS said FROM runs UNION ALL SELECT max(at) FROM events "
        "UNION ALL SELECT max(at) FROM audit_log) AS words"
    )
    return words


async def hold_overdue(tx: Transaction, before: Instant) -> list[str]:
    """Take the next step from incidents for which it was due before then; at most `PER_TRANSACTION` of them, by id."""
    rows = await tx.rows(
        "SELECT DISTINCT incident_id FROM timers WHERE due_at < :before ORDER BY incident_id LIMIT :most",
        before=before,
        most=PER_TRANSACTION,
    )
    held = [str(row[0]) for row in rows]
    await tx.execute(
        "UPDATE incidents SET escalation_state = 'exhausted', escalation_next_at = NULL, snoozed_until = NULL "
        f"WHERE {tx.any_of('id', 'held')}",
        held=held,
    )
    await tx.execute(f"DELETE FROM timers WHERE {tx.any_of('incident_id', 'held')}", held=held)
    return held


async def silence(tx: Transaction, before: Instant, since: Instant) -> int:
    """Let no message leave that was due before, that was on its way, or that was written since; how many to people.

    `since`: when the restore began, which wrote them while it let time pass.
    """
    silenced = await tx.changed(
        """
        UPDATE notifications SET status = 'cancelled', due_at = NULL, updated_at = :now, failure_reason = :reason
        WHERE status IN ('sending', 'unknown') OR (status = 'pending'
            AND (coalesce(due_at, claimed_at, created_at) < :before OR created_at >= :since))
        RETURNING id
        """,
        before=before,
        since=since,
        reason=_NOT_SENT,
        now=tx.now,
    )
    await tx.execute(
        """
        UPDATE outgoing_deliveries SET status = 'failed', due_at = NULL, failure_reason = :reason, updated_at = :now
        WHERE status = 'sending' OR (due_at IS NOT NULL AND (created_at < :before OR created_at >= :since))
        """,
        before=before,
        since=since,
        reason=RESTORED,
        now=tx.now,
    )
    await tx.execute(
        """
        UPDATE status_deliveries SET status = 'failed', due_at = NULL, failure_reason = :reason, updated_at = :now
        WHERE status = 'sending' OR (due_at IS NOT NULL AND mailing_id IN (
            SELECT id FROM status_mailings WHERE created_at < :before OR created_at >= :since))
        """,
        before=before,
        since=since,
        reason=RESTORED,
        now=tx.now,
    )
    await tx.execute(
        "UPDATE status_mailings SET spread_at = :now WHERE spread_at IS NULL "
        "AND (created_at < :before OR created_at >= :since)",
        before=before,
        since=since,
        now=tx.now,
    )
    # What outgoing webhooks are to be told is read from the events: they go on behind the last one that is there.
    await tx.execute(
        "UPDATE counters SET value = (SELECT coalesce(max(seq), counters.value) FROM events) "
        "WHERE name = 'outgoing_event' AND value < (SELECT coalesce(max(seq), 0) FROM events)"
    )
    return len(silenced)


async def skip(tx: Transaction, before: Instant) -> None:
    """Drop reminders, notices and drills whose time was before then."""
    await tx.execute(
        "UPDATE drills SET state = 'skipped', due_at = NULL, reason = 'a backup was restored', updated_at = :now "
        "WHERE due_at < :before",
        before=before,
        now=tx.now,
    )
    await tx.execute(
        "UPDATE shift_reminders SET told_at = :now WHERE told_at IS NULL AND due_at < :before",
        before=before,
        now=tx.now,
    )
    await tx.execute("DELETE FROM shift_notices WHERE due_at < :before", before=before)


async def forget_duties(tx: Transaction) -> None:
    """Forget who was on call: whoever is now is noted anew, and nobody is told of a handoff that was."""
    await tx.execute("DELETE FROM duties")


async def end_sessions(tx: Transaction) -> int:
    """Let everybody sign in again; how many sessions were over."""
    return len(await tx.changed("DELETE FROM sessions RETURNING id"))


async def live_keys(reader: Reader) -> list[str]:
    """The ids of the API keys that are not revoked."""
    return [str(row[0]) for row in await reader.rows("SELECT id FROM api_keys WHERE revoked_at IS NULL")]


async def revoke_others(tx: Transaction, live: Collection[str]) -> int:
    """Revoke the API keys that are not among these; how many."""
    known = await live_keys(tx)
    gone = sorted(set(known) - set(live))
    await tx.execute(
        f"UPDATE api_keys SET revoked_at = :now WHERE {tx.any_of('id', 'gone')}", gone=gone, now=tx.now
    )
    return len(gone)


async def open_and_waiting(reader: Reader) -> tuple[int, int]:
    """How many incidents are open, and how many of them have a next step ahead."""
    rows = await reader.rows(
        "SELECT count(*), count(CASE WHEN EXISTS (SELECT 1 FROM timers t WHERE t.incident_id = i.id) THEN 1 END) "
        "FROM incidents i WHERE status <> 'resolved'"
    )
    return int(rows[0][0]), int(rows[0][1])
