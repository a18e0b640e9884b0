"""SQL for timers: one row per incident and kind says what is due when."""

from collections.abc import Sequence

import msgspec

from openalert.domain.instant import Instant
from openalert.storage.transaction import Reader, Transaction

_INSTEAD = (
    " ON CONFLICT (incident_id, kind) DO UPDATE SET due_at = excluded.due_at, episode = excluded.episode, "
    "cycle = excluded.cycle, level = excluded.level, failures = excluded.failures"
)


LOOKED_THROUGH = 10_000
"""So many of the longest overdue are looked through for those whose turn it is; that takes some twenty milliseconds."""


class Timer(msgspec.Struct, kw_only=True):
    """A row of `timers`."""

    incident_id: str
    kind: str
    """`escalate` or `unsnooze`."""
    due_at: Instant
    episode: int
    cycle: int = 0
    level: int = 0
    failures: int = 0


async def put(tx: Transaction, timers: Sequence[Timer]) -> None:
    """Set the timer of its kind for each incident, instead of one that is there."""
    await tx.insert_with("timers", timers, {}, _INSTEAD)


async def drop(tx: Transaction, incident_ids: Sequence[str]) -> None:
    """Remove every timer of these incidents."""
    if incident_ids:
        await tx.execute(
            f"DELETE FROM timers WHERE {tx.any_of('incident_id', 'ids')}", ids=list(incident_ids)
        )


async def done(tx: Transaction, timer: Timer) -> None:
    """Remove this timer and no other of its incident."""
    await tx.execute(
        "DELETE FROM timers WHERE incident_id = :incident_id AND kind = :kind",
        incident_id=timer.incident_id,
        kind=timer.kind,
    )


async def postpone(tx: Transaction, timer: Timer, due_at: Instant) -> None:
    """Acting on it failed: it comes again at `due_at`, unless another has taken its place or it is gone."""
    await tx.execute(
        "UPDATE timers SET due_at = :later, failures = failures + 1 WHERE incident_id = :incident_id "
        "AND kind = :kind AND episode = :episode AND cycle = :cycle AND level = :level AND due_at = :due_at",
        incident_id=timer.incident_id,
        kind=timer.kind,
        episode=timer.episode,
        cycle=timer.cycle,
        level=timer.level,
        due_at=timer.due_at,
        later=due_at,
    )


async def due(reader: Reader, now: Instant, limit: int) -> list[Timer]:
    """What is due, the longest overdue first; where that is more than `limit`, teams take turns, so that nobody's
    incident waits for the storm of another team.
    """
    found = await reader.all(
        Timer, "SELECT * FROM timers WHERE due_at <= :now ORDER BY due_at LIMIT :limit", now=now, limit=limit
    )
    if len(found) < limit:
        return found
    return await reader.all(
        Timer,
        "SELECT incident_id, kind, due_at, episode, cycle, level, failures FROM (SELECT o.*, "
        "row_number() OVER (PARTITION BY i.team_id ORDER BY o.due_at) AS turn FROM "
        "(SELECT * FROM timers WHERE due_at <= :now ORDER BY due_at LIMIT :most) o "
        "JOIN incidents i ON i.id = o.incident_id) t ORDER BY turn, due_at LIMIT :limit",
        now=now,
        limit=limit,
        most=LOOKED_THROUGH,
    )


async def get(reader: Reader, incident_id: str, kind: str) -> Timer | None:
    """The timer as it is now."""
    return await reader.one(
        Timer,
        "SELECT * FROM timers WHERE incident_id = :incident_id AND kind = :kind",
        incident_id=incident_id,
        kind=kind,
    )


async def of_incidents(reader: Reader, incident_ids: Sequence[str]) -> dict[tuple[str, str], Timer]:
    """The timers of these incidents as they are now, by incident and kind."""
    found = await reader.all(
        Timer,
        f"SELECT * FROM timers WHERE {reader.any_of('incident_id', 'ids')}",
        ids=list(incident_ids),
    )
    return {(each.incident_id, each.kind): each for each in found}


async def next_due(reader: Reader) -> Instant | None:
    """When the next one is due."""
    due_at: Instant | None = await reader.value("SELECT min(due_at) FROM timers")
    return due_at


async def shift(tx: Transaction, by: int) -> None:
    """The wall clock was stepped by `by` milliseconds: delays are elapsed time, so they move along."""
    await tx.execute("UPDATE timers SET due_at = due_at + :by WHERE kind = 'escalate'", by=by)
    await tx.execute(
        "UPDATE incidents SET escalation_next_at = escalation_next_at + :by "
        "WHERE status <> 'resolved' AND escalation_next_at IS NOT NULL",
        by=by,
    )
