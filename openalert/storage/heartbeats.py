"""SQL for heartbeats and the last beats of each."""

from collections.abc import Sequence

import msgspec

from openalert.domain.access import Actor
from openalert.domain.heartbeat import Beat, Heartbeat
from openalert.domain.instant import Instant
from openalert.storage.rows import columns_of, to_parameters
from openalert.storage.transaction import Reader, Transaction
from openalert.storage.visible import visible

_COLUMNS = ", ".join(f"h.{name}" for name in columns_of(Heartbeat))
_LIVE = "FROM heartbeats h JOIN services s ON s.id = h.service_id WHERE h.deleted_at IS NULL AND s.deleted_at IS NULL"
_KEPT = (
    "name",
    "key_hash",
    "key_hint",
    "period",
    "cron",
    "timezone",
    "grace",
    "severity",
    "status",
    "since",
    "last_beat_at",
    "last_duration",
    "started_at",
    "expected_at",
    "due_at",
    "unheard_from",
    "unheard_until",
    "beat_count",
    "watch_key",
    "is_learned",
    "updated_at",
    "deleted_at",
)
"""What of a heartbeat may change."""
_CHANGES = ", ".join(f"{name} = :{name}" for name in _KEPT)
_BEAT = "heartbeat_id, slot, at, kind, exit_code, duration"


class HeartbeatFilter(msgspec.Struct, frozen=True, kw_only=True):
    """What a list of heartbeats is narrowed to; None: not narrowed."""

    service_id: str | None = None
    statuses: tuple[str, ...] | None = None


async def insert(tx: Transaction, heartbeat: Heartbeat) -> None:
    """A new heartbeat."""
    await tx.insert("heartbeats", heartbeat)


async def update(tx: Transaction, heartbeat: Heartbeat) -> None:
    """Write everything about the heartbeat that may change."""
    given = to_parameters(heartbeat)
    await tx.execute(
        f"UPDATE heartbeats SET {_CHANGES} WHERE id = :id",
        id=heartbeat.id,
        **{name: given[name] for name in _KEPT},
    )


async def delete_of_service(tx: Transaction, service_id: str) -> None:
    """Expect nothing any more of a service that is deleted."""
    await tx.execute(
        "UPDATE heartbeats SET deleted_at = :now, updated_at = :now, due_at = NULL "
        "WHERE service_id = :service AND deleted_at IS NULL",
        now=tx.now,
        service=service_id,
    )


async def get(reader: Reader, actor: Actor, heartbeat_id: str) -> Heartbeat | None:
    """The heartbeat, if it is not deleted and the actor may see its service."""
    condition, parameters = visible(reader, actor, "s.team_id")
    return await reader.one(
        Heartbeat, f"SELECT {_COLUMNS} {_LIVE} AND h.id = :id AND {condition}", id=heartbeat_id, **parameters
    )


async def page(
    reader: Reader, actor: Actor, wanted: HeartbeatFilter, *, after: str = "", limit: int
) -> list[Heartbeat]:
    """The next heartbeats that the actor may see."""
    condition, parameters = visible(reader, actor, "s.team_id")
    if wanted.service_id is not None:
        condition += " AND h.service_id = :service"
        parameters["service"] = wanted.service_id
    if wanted.statuses is not None:
        condition += f" AND {reader.any_of('h.status', 'statuses')}"
        parameters["statuses"] = list(wanted.statuses)
    return await reader.all(
        Heartbeat,
        f"SELECT {_COLUMNS} {_LIVE} AND h.id > :after AND {condition} ORDER BY h.id LIMIT :limit",
        after=after,
        limit=limit,
        **parameters,
    )


async def by_key_hash(reader: Reader, key_hash: str) -> Heartbeat | None:
    """The heartbeat that has this key, whoever asks; None for an unknown key."""
    return await reader.one(
        Heartbeat, f"SELECT {_COLUMNS} {_LIVE} AND h.key_hash = :key_hash", key_hash=key_hash
    )


async def by_name(reader: Reader, service_id: str, name: str) -> Heartbeat | None:
    """The oldest heartbeat of the service that is called so, by its exact name."""
    return await reader.one(
        Heartbeat,
        f"SELECT {_COLUMNS} {_LIVE} AND h.service_id = :service AND h.name = :name ORDER BY h.id LIMIT 1",
        service=service_id,
        name=name,
    )


async def watched(reader: Reader, watch_keys: Sequence[str]) -> dict[str, Heartbeat]:
    """The heartbeats of Watchdog alerts, by integration and fingerprint."""
    found = await reader.all(
        Heartbeat,
        f"SELECT {_COLUMNS} {_LIVE} AND {reader.any_of('h.watch_key', 'keys')}",
        keys=list(watch_keys),
    )
    return {each.watch_key or "": each for each in found}


async def count_watched(reader: Reader, integration_id: str) -> int:
    """How many Watchdogs the integration has brought."""
    count: int = await reader.value(
        f"SELECT count(*) {_LIVE} AND h.watch_key IS NOT NULL AND h.integration_id = :id", id=integration_id
    )
    return count


async def rest_of_integration(tx: Transaction, integration_id: str) -> None:
    """Expect nothing of the Watchdogs of an integration that is switched off, until one comes again."""
    await tx.execute(
        "UPDATE heartbeats SET due_at = NULL, expected_at = NULL, updated_at = :now "
        "WHERE integration_id = :id AND deleted_at IS NULL",
        now=tx.now,
        id=integration_id,
    )


async def due(reader: Reader, now: Instant, limit: int) -> list[str]:
    """The ids of those whose next beat has not come, the longest overdue first."""
    rows = await reader.rows(
        "SELECT id FROM heartbeats WHERE due_at <= :now AND deleted_at IS NULL ORDER BY due_at LIMIT :limit",
        now=now,
        limit=limit,
    )
    return [row[0] for row in rows]


async def still_due(tx: Transaction, ids: Sequence[str]) -> list[Heartbeat]:
    """Those of them whose next beat has not come by this transaction either."""
    return await tx.all(
        Heartbeat,
        f"SELECT {_COLUMNS} {_LIVE} AND {tx.any_of('h.id', 'ids')} AND h.due_at <= :now ORDER BY h.due_at",
        ids=list(ids),
        now=tx.now,
    )


async def awaited(reader: Reader) -> list[Heartbeat]:
    """Every heartbeat of which a beat is expected."""
    return await reader.all(Heartbeat, f"SELECT {_COLUMNS} {_LIVE} AND h.due_at IS NOT NULL ORDER BY h.id")


async def shift(tx: Transaction, by: int) -> None:
    """The wall clock was stepped by `by` milliseconds: periods are elapsed time, and move along.

    Cron expressions go by the wall clock.
    """
    await tx.execute(
        "UPDATE heartbeats SET expected_at = expected_at + :by, due_at = due_at + :by, "
        "started_at = started_at + :by WHERE period IS NOT NULL AND due_at IS NOT NULL",
        by=by,
    )


async def put_beat(tx: Transaction, beat: Beat) -> None:
    """Keep a beat, in the place of the one that had its slot."""
    await tx.insert_with(
        "heartbeat_beats",
        [beat],
        {},
        " ON CONFLICT (heartbeat_id, slot) DO UPDATE SET at = excluded.at, kind = excluded.kind, "
        "exit_code = excluded.exit_code, duration = excluded.duration, body = excluded.body",
    )


async def beats(reader: Reader, heartbeat_id: str) -> list[Beat]:
    """The beats that are kept of a heartbeat, the newest first, with what they brought along."""
    return await reader.all(
        Beat,
        "SELECT * FROM heartbeat_beats WHERE heartbeat_id = :id ORDER BY at DESC, slot DESC",
        id=heartbeat_id,
    )


async def strips(reader: Reader, heartbeat_ids: Sequence[str]) -> dict[str, list[Beat]]:
    """The beats that are kept of several, by its id, the newest first, without what they brought along."""
    found = await reader.all(
        Beat,
        f"SELECT {_BEAT}, '' AS body FROM heartbeat_beats WHERE {reader.any_of('heartbeat_id', 'ids')} "
        "ORDER BY at DESC, slot DESC",
        ids=list(heartbeat_ids),
    )
    kept: dict[str, list[Beat]] = {each: [] for each in heartbeat_ids}
    for beat in found:
        kept[beat.heartbeat_id].append(beat)
    return kept


async def last_beat(reader: Reader, heartbeat_id: str, slot: int) -> Beat | None:
    """The beat in this slot, without its body."""
    return await reader.one(
        Beat,
        f"SELECT {_BEAT}, '' AS body FROM heartbeat_beats WHERE heartbeat_id = :id AND slot = :slot",
        id=heartbeat_id,
        slot=slot,
    )


async def counts(reader: Reader) -> dict[str, int]:
    """How many heartbeats there are, by status."""
    rows = await reader.rows(f"SELECT h.status, count(*) {_LIVE} GROUP BY h.status")
    return {row[0]: row[1] for row in rows}
