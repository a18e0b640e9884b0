"""SQL for what holds alerts back, and for the versions of what teams have set about their alerts."""

from collections.abc import Sequence

import msgspec

from openalert.domain.handling import ELAPSED, HoldKind
from openalert.domain.ids import new_id
from openalert.domain.instant import Instant
from openalert.storage.transaction import Reader, Transaction


class HoldRow(msgspec.Struct, kw_only=True):
    """A row of `alert_holds`: one thing that keeps one alert from paging, or kept it."""

    id: str
    alert_id: str
    kind: HoldKind
    ref_id: str
    name: str
    since: Instant
    until: Instant | None = None
    released_at: Instant | None = None
    once: bool = False
    """Whether it holds the alert once only: its end is what it waited for."""


async def insert(tx: Transaction, rows: Sequence[HoldRow]) -> None:
    """New ones."""
    await tx.insert("alert_holds", *rows)


async def of_alert(reader: Reader, alert_id: str) -> list[HoldRow]:
    """Everything that holds or held the alert, the first one first."""
    return await reader.all(
        HoldRow, "SELECT * FROM alert_holds WHERE alert_id = :alert_id ORDER BY id", alert_id=alert_id
    )


async def live(reader: Reader, alert_ids: Sequence[str]) -> dict[str, list[HoldRow]]:
    """What holds these alerts now."""
    found: dict[str, list[HoldRow]] = {}
    for row in await reader.all(
        HoldRow,
        f"SELECT * FROM alert_holds WHERE {reader.any_of('alert_id', 'ids')} AND released_at IS NULL ORDER BY id",
        ids=list(alert_ids),
    ):
        found.setdefault(row.alert_id, []).append(row)
    return found


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """An alert of an incident that is held, and until when by all that holds it."""

    incident_id: str
    until: Instant | None
    """None: until somebody says otherwise."""


async def in_incidents(reader: Reader, incident_ids: Sequence[str]) -> list[Held]:
    """The held alerts of these incidents, but for those that nothing holds any more."""
    rows = await reader.rows(
        f"""
        SELECT a.incident_id, max(CASE WHEN h.until IS NULL THEN 1 ELSE 0 END), max(h.until)
        FROM alerts a JOIN alert_holds h ON h.alert_id = a.id AND h.released_at IS NULL
        WHERE a.status = 'suppressed' AND a.incident_id IS NOT NULL AND {reader.any_of("a.incident_id", "ids")}
        GROUP BY a.incident_id, a.id
        """,
        ids=list(incident_ids),
    )
    return [Held(incident_id=row[0], until=None if row[1] else row[2]) for row in rows]


async def replace(tx: Transaction, kinds: Sequence[HoldKind], rows: Sequence[HoldRow]) -> None:
    """These hold their alerts from now on, in place of what of these kinds held them."""
    await tx.execute(
        "UPDATE alert_holds SET released_at = :now WHERE released_at IS NULL "
        f"AND {tx.any_of('alert_id', 'ids')} AND {tx.any_of('kind', 'kinds')}",
        ids=[row.alert_id for row in rows],
        kinds=[str(kind) for kind in kinds],
        now=tx.now,
    )
    await insert(tx, rows)


async def next_due(reader: Reader) -> Instant | None:
    """When the next one is over by itself."""
    due: Instant | None = await reader.value("SELECT min(until) FROM alert_holds WHERE released_at IS NULL")
    return due


async def take_due(tx: Transaction, limit: int) -> list[HoldRow]:
    """Those whose time is over, at most `limit`; nobody else gets them again."""
    return await tx.all(
        HoldRow,
        """
        UPDATE alert_holds SET released_at = :now
        WHERE released_at IS NULL AND id IN (
            SELECT id FROM alert_holds WHERE released_at IS NULL AND until <= :now ORDER BY until LIMIT :limit
        )
        RETURNING *
        """,
        now=tx.now,
        limit=limit,
    )


async def overdue(reader: Reader, before: Instant, limit: int) -> list[str]:
    """The ids of alerts that something held until before then, and nothing holds beyond."""
    rows = await reader.rows(
        """
        SELECT alert_id FROM alert_holds h WHERE released_at IS NULL AND until < :before AND NOT EXISTS (
            SELECT 1 FROM alert_holds o WHERE o.alert_id = h.alert_id AND o.released_at IS NULL
                AND (o.until IS NULL OR o.until >= :before)
        )
        GROUP BY alert_id ORDER BY alert_id LIMIT :limit
        """,
        before=before,
        limit=limit,
    )
    return [str(row[0]) for row in rows]


async def waited(reader: Reader, alert_ids: Sequence[str]) -> dict[str, frozenset[str]]:
    """By alert: the ids of what has had its time with it and must not hold it again."""
    rows = await reader.rows(
        f"SELECT alert_id, ref_id FROM alert_holds WHERE {reader.any_of('alert_id', 'ids')} "
        "AND released_at IS NOT NULL AND once = :yes",
        ids=list(alert_ids),
        yes=True,
    )
    found: dict[str, set[str]] = {}
    for alert_id, ref_id in rows:
        found.setdefault(alert_id, set()).add(ref_id)
    return {alert_id: frozenset(refs) for alert_id, refs in found.items()}


async def end(tx: Transaction, ref_id: str, *, once: bool = False) -> None:
    """What this rule, window, silence or person holds is over now; the engine lets go what nothing else holds.

    `once`: it must not hold the same alerts again.
    """
    await tx.execute(
        "UPDATE alert_holds SET until = :now, once = :once WHERE ref_id = :ref_id AND released_at IS NULL "
        "AND (until IS NULL OR until > :now)",
        ref_id=ref_id,
        once=once,
        now=tx.now,
    )


async def end_of(tx: Transaction, ref_id: str, alert_ids: Sequence[str]) -> None:
    """As `end`, for some of the alerts alone."""
    if alert_ids:
        await tx.execute(
            "UPDATE alert_holds SET until = :now WHERE ref_id = :ref_id AND released_at IS NULL "
            f"AND {tx.any_of('alert_id', 'ids')}",
            ref_id=ref_id,
            ids=list(alert_ids),
            now=tx.now,
        )


async def move_end(tx: Transaction, ref_id: str, until: Instant | None) -> None:
    """What this window or silence holds is over at another time."""
    await tx.execute(
        "UPDATE alert_holds SET until = :until WHERE ref_id = :ref_id AND released_at IS NULL",
        ref_id=ref_id,
        until=until,
    )


async def shift(tx: Transaction, by: int) -> None:
    """The wall clock was stepped by `by` milliseconds: pauses and delays are elapsed time, and move along.

    So does what an act has ended and the engine has not let go yet. Windows, silences and snoozes go by the clock.
    """
    await tx.execute(
        "UPDATE alert_holds SET until = until + :by WHERE released_at IS NULL AND until IS NOT NULL "
        f"AND (until <= :old_now OR {tx.any_of('kind', 'kinds')})",
        by=by,
        old_now=tx.now - by,
        kinds=[str(kind) for kind in ELAPSED],
    )


async def end_of_alerts(tx: Transaction, alert_ids: Sequence[str], kinds: Sequence[HoldKind] = ()) -> None:
    """What holds these alerts is over now, and not because it has had its time; only these kinds, if any are named."""
    chosen = [str(kind) for kind in kinds or HoldKind]
    if alert_ids:
        await tx.execute(
            "UPDATE alert_holds SET until = :now, once = :no WHERE released_at IS NULL "
            f"AND (until IS NULL OR until > :now) AND {tx.any_of('alert_id', 'ids')} "
            f"AND {tx.any_of('kind', 'kinds')}",
            ids=list(alert_ids),
            kinds=chosen,
            no=False,
            now=tx.now,
        )


async def close(tx: Transaction, alert_ids: Sequence[str]) -> None:
    """These alerts are over, and so is whatever held them; nothing is let go."""
    if alert_ids:
        await tx.execute(
            f"UPDATE alert_holds SET released_at = :now WHERE {tx.any_of('alert_id', 'ids')} "
            "AND released_at IS NULL",
            ids=list(alert_ids),
            now=tx.now,
        )


async def held_by(reader: Reader, ref_ids: Sequence[str]) -> dict[str, int]:
    """How many alerts each of these holds now."""
    rows = await reader.rows(
        f"SELECT ref_id, count(*) FROM alert_holds WHERE {reader.any_of('ref_id', 'ids')} "
        "AND released_at IS NULL GROUP BY ref_id",
        ids=list(ref_ids),
    )
    return {row[0]: row[1] for row in rows}


class HoldCount(msgspec.Struct, frozen=True):
    """How much a window or silence holds, and has held."""

    now: int = 0
    """Alerts that it holds at this moment."""
    ever: int = 0
    """Alerts that it has held since it was made, those of now among them."""


async def counts(reader: Reader, ref_ids: Sequence[str]) -> dict[str, HoldCount]:
    """How much each of these holds and has held; those that never held anything are left out."""
    rows = await reader.rows(
        "SELECT ref_id, count(DISTINCT alert_id), "
        "count(DISTINCT CASE WHEN released_at IS NULL THEN alert_id END) "
        f"FROM alert_holds WHERE {reader.any_of('ref_id', 'ids')} GROUP BY ref_id",
        ids=list(ref_ids),
    )
    return {row[0]: HoldCount(now=row[2], ever=row[1]) for row in rows}


class HeldAlert(msgspec.Struct, kw_only=True):
    """An alert that a window or silence holds or has held."""

    alert_id: str
    title: str
    severity: str
    status: str
    since: Instant
    released_at: Instant | None


async def alerts_of(reader: Reader, ref_id: str, limit: int) -> list[HeldAlert]:
    """The alerts that this holds or has held, each once, the last held first."""
    return await reader.all(
        HeldAlert,
        "SELECT h.alert_id, a.title, a.severity, a.status, max(h.since) AS since, "
        "CASE WHEN count(h.released_at) = count(*) THEN max(h.released_at) END AS released_at "
        "FROM alert_holds h JOIN alerts a ON a.id = h.alert_id WHERE h.ref_id = :ref_id "
        "GROUP BY h.alert_id, a.title, a.severity, a.status ORDER BY since DESC, h.alert_id LIMIT :limit",
        ref_id=ref_id,
        limit=limit,
    )


async def stranded(reader: Reader, limit: int) -> list[str]:
    """Alerts that are held although nothing holds them; there must be none (the engine looks once a minute)."""
    rows = await reader.rows(
        """
        SELECT id FROM alerts WHERE status = 'suppressed' AND NOT EXISTS (
            SELECT 1 FROM alert_holds WHERE alert_id = alerts.id AND released_at IS NULL
        )
        LIMIT :limit
        """,
        limit=limit,
    )
    return [row[0] for row in rows]


async def changed(tx: Transaction, team_id: str) -> None:
    """The team has set something else about its alerts: what was compiled before this commit is old."""
    await tx.execute(
        "INSERT INTO handling_versions (team_id, version) VALUES (:team_id, :version) "
        "ON CONFLICT (team_id) DO UPDATE SET version = excluded.version",
        team_id=team_id,
        version=new_id(tx.now),
    )
