"""SQL for signs of life and for the outages that they prove."""

from collections.abc import Sequence

from openalert.domain.instant import SECOND
from openalert.domain.outage import Ending, Life, Outage
from openalert.storage.transaction import Reader, Transaction

LIVES_KEPT = 20
OUTAGES_KEPT = 500
LIVES_NOW = 15 * SECOND
"""Whoever gave a sign of life within this time is there: one is given every five seconds."""


async def last(reader: Reader) -> Life | None:
    """The run that began last."""
    return await reader.one(Life, "SELECT * FROM lives ORDER BY number DESC LIMIT 1")


async def is_anybody_there(reader: Reader, besides: str) -> bool:
    """Whether another run than that one has given a sign of life just now, and has not stopped."""
    found = await reader.value(
        "SELECT 1 FROM lives WHERE ending = '' AND seen_at BETWEEN :since AND :until AND run_id <> :run LIMIT 1",
        since=reader.now - LIVES_NOW,
        until=reader.now + LIVES_NOW,
        run=besides,
    )
    return found is not None


async def begin(tx: Transaction, life: Life) -> None:
    """The first sign of life of a run; those of old runs go."""
    await tx.insert("lives", life)
    await tx.execute("DELETE FROM lives WHERE number <= :number", number=life.number - LIVES_KEPT)


async def seen(tx: Transaction, run_id: str, elapsed: int, ending: str = "") -> None:
    """The run lives, or ends at this moment as it should."""
    await tx.execute(
        "UPDATE lives SET seen_at = :now, elapsed = :elapsed, ending = :ending WHERE run_id = :run_id",
        now=tx.now,
        elapsed=elapsed,
        ending=ending,
        run_id=run_id,
    )


async def restored(tx: Transaction) -> None:
    """What this database knows of runs is as old as the backup that it came from."""
    await tx.execute("UPDATE lives SET ending = :ending", ending=str(Ending.RESTORED))


async def note(tx: Transaction, run_id: str, outage: Outage) -> None:
    """Keep it, in the place of the oldest beyond those that are kept."""
    number = int(await tx.value("SELECT coalesce(max(number), 0) FROM outages") or 0) + 1
    await tx.execute(
        "INSERT INTO outages (number, run_id, since, until, ending, clock_step, clock_behind) "
        "VALUES (:number, :run_id, :since, :until, :ending, :clock_step, :clock_behind)",
        number=number,
        run_id=run_id,
        since=outage.since,
        until=outage.until,
        ending=str(outage.ending),
        clock_step=outage.clock_step,
        clock_behind=outage.clock_behind,
    )
    await tx.execute("DELETE FROM outages WHERE number <= :number", number=number - OUTAGES_KEPT)


async def newest(reader: Reader, limit: int) -> list[Outage]:
    """The newest first."""
    return await reader.all(
        Outage,
        "SELECT since, until, ending, clock_step, clock_behind FROM outages ORDER BY number DESC LIMIT :limit",
        limit=limit,
    )


async def delayed(reader: Reader, outage: Outage, limit: int) -> Sequence[str]:
    """The ids of open incidents with a step or a page that was due in it and is not done, the longest due first."""
    rows = await reader.rows(
        """
        SELECT incident_id, min(due_at) FROM (
            SELECT t.incident_id, t.due_at FROM timers t
            WHERE t.kind = 'escalate' AND t.due_at >= :since AND t.due_at <= :until
            UNION ALL
            SELECT n.incident_id, n.due_at FROM notifications n
            WHERE n.kind = 'page' AND n.incident_id IS NOT NULL AND n.status IN ('pending', 'sending', 'unknown')
                AND n.due_at >= :since AND n.due_at <= :until
        ) waiting GROUP BY incident_id ORDER BY 2 LIMIT :limit
        """,
        since=outage.since,
        until=outage.until,
        limit=limit,
    )
    return [row[0] for row in rows]
