"""SQL for what was in time and what was not."""

from typing import Any

from openalert.domain.access import Actor
from openalert.domain.ids import first_id
from openalert.domain.instant import DAY, Instant
from openalert.domain.slo import DAYS_KEPT, MISSES_KEPT_FOR, WINDOW_DAYS, Miss, Objective, SloDay
from openalert.storage.transaction import Reader, Transaction
from openalert.storage.visible import visible


class SeenMiss(Miss, frozen=True, kw_only=True):
    """A miss with what people call its incident; None: it is gone, or was about none."""

    number: int | None
    title: str | None


async def count(tx: Transaction, objective: Objective, *, kept: int = 0, missed: int = 0) -> None:
    """So much more of today was in time, or was not."""
    await tx.execute(
        "INSERT INTO slo_days (objective, day, kept, missed) VALUES (:objective, :day, :kept, :missed) "
        "ON CONFLICT (objective, day) DO UPDATE SET kept = slo_days.kept + excluded.kept, "
        "missed = slo_days.missed + excluded.missed",
        objective=objective.value,
        day=tx.now // DAY,
        kept=kept,
        missed=missed,
    )


async def missed_today(reader: Reader, objective: Objective) -> int:
    """How much of today was not in time so far."""
    found: int | None = await reader.value(
        "SELECT missed FROM slo_days WHERE objective = :objective AND day = :day",
        objective=objective.value,
        day=reader.now // DAY,
    )
    return found or 0


async def keep(tx: Transaction, miss: Miss) -> None:
    """One by one."""
    await tx.insert("slo_misses", miss)


async def days(reader: Reader) -> list[SloDay]:
    """The last thirty days, those on which anything was due."""
    return await reader.all(
        SloDay, "SELECT * FROM slo_days WHERE day > :day ORDER BY day", day=reader.now // DAY - WINDOW_DAYS
    )


async def misses(reader: Reader, actor: Actor, *, before: str | None = None, limit: int) -> list[SeenMiss]:
    """Those of the actor's organization, the newest first; `before`: older than the one with this id."""
    condition, parameters = _own(reader, actor)
    return await reader.all(
        SeenMiss,
        "SELECT m.id, m.objective, m.organization_id, m.incident_id, m.due_at, m.done_at, m.what, m.reason, "
        "i.number, i.title FROM slo_misses m LEFT JOIN incidents i ON i.id = m.incident_id "
        f"WHERE (CAST(:before AS TEXT) IS NULL OR m.id < :before) AND {condition} ORDER BY m.id DESC LIMIT :limit",
        before=before,
        limit=limit,
        **parameters,
    )


def _own(reader: Reader, actor: Actor) -> tuple[str, dict[str, Any]]:
    """Whoever may read them sees the whole organization, so that no team is asked for."""
    return visible(reader, actor, "m.organization_id")


async def why_before(reader: Reader, notification_id: str) -> str:
    """Why the last attempt at a message failed that did; empty: none did."""
    found: str | None = await reader.value(
        "SELECT detail FROM notification_attempts WHERE notification_id = :id "
        "AND outcome IN ('retry', 'failed', 'unknown') ORDER BY attempt DESC LIMIT 1",
        id=notification_id,
    )
    return found or ""


async def canary_meanwhile(reader: Reader, since: Instant, until: Instant) -> str:
    """Why a canary failed that flew then; empty: none did, or none was kept."""
    found: str | None = await reader.value(
        "SELECT reason FROM canary_runs WHERE failed_at <> '' AND id >= :since AND id < :until ORDER BY id LIMIT 1",
        since=first_id(since),
        until=first_id(until),
    )
    return found or ""


async def forget(tx: Transaction) -> None:
    """Drop what nobody is shown any more."""
    await tx.execute("DELETE FROM slo_days WHERE day < :day", day=tx.now // DAY - DAYS_KEPT)
    await tx.execute("DELETE FROM slo_misses WHERE id < :before", before=first_id(tx.now - MISSES_KEPT_FOR))
