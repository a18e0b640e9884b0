"""SQL for maintenance windows."""

from openalert.domain.access import Actor
from openalert.domain.instant import Instant
from openalert.domain.maintenance_window import MaintenanceWindow, next_change
from openalert.storage.rows import columns_of, to_parameters
from openalert.storage.transaction import Reader, Transaction
from openalert.storage.visible import visible

_COLUMNS = ", ".join(columns_of(MaintenanceWindow))


async def insert(tx: Transaction, window: MaintenanceWindow) -> None:
    """A new one."""
    await tx.insert_with("maintenance_windows", [window], {"due_at": lambda each: next_change(each, tx.now)})


async def update(tx: Transaction, window: MaintenanceWindow) -> None:
    """Write everything about it that changes, and when it next begins or ends."""
    await tx.execute(
        "UPDATE maintenance_windows SET name = :name, service_ids = :service_ids, matchers = :matchers, "
        "starts_at = :starts_at, ends_at = :ends_at, recurrence = :recurrence, changes = :changes, "
        "updated_at = :updated_at, due_at = :due_at WHERE id = :id",
        **to_parameters(window),
        due_at=next_change(window, tx.now),
    )


async def put_off(tx: Transaction, window: MaintenanceWindow) -> bool:
    """Set when it next begins or ends after now; False when somebody else has."""
    won = await tx.changed(
        "UPDATE maintenance_windows SET due_at = :next WHERE id = :id AND due_at <= :now RETURNING id",
        next=next_change(window, tx.now),
        id=window.id,
        now=tx.now,
    )
    return bool(won)


async def delete(tx: Transaction, window_id: str) -> None:
    """It never was, but for what the audit log and the traces of alerts say."""
    await tx.execute("DELETE FROM maintenance_windows WHERE id = :id", id=window_id)


async def get(reader: Reader, actor: Actor, window_id: str) -> MaintenanceWindow | None:
    """The window, if the actor may see its team."""
    condition, parameters = visible(reader, actor)
    return await reader.one(
        MaintenanceWindow,
        f"SELECT {_COLUMNS} FROM maintenance_windows WHERE id = :id AND {condition}",
        id=window_id,
        **parameters,
    )


async def page(
    reader: Reader, actor: Actor, *, team_id: str | None = None, before: str | None = None, limit: int
) -> list[MaintenanceWindow]:
    """The next windows that the actor may see, of one team or of all, the newest first."""
    condition, parameters = visible(reader, actor)
    return await reader.all(
        MaintenanceWindow,
        f"SELECT {_COLUMNS} FROM maintenance_windows WHERE (CAST(:before AS TEXT) IS NULL OR id < :before) "
        f"AND (CAST(:team AS TEXT) IS NULL OR team_id = :team) AND {condition} ORDER BY id DESC LIMIT :limit",
        before=before,
        team=team_id,
        limit=limit,
        **parameters,
    )


async def in_view(reader: Reader, actor: Actor, limit: int) -> list[MaintenanceWindow]:
    """Those that are not over and that the actor may see, by when they next begin or end."""
    condition, parameters = visible(reader, actor)
    return await reader.all(
        MaintenanceWindow,
        f"SELECT {_COLUMNS} FROM maintenance_windows WHERE due_at IS NOT NULL AND {condition} "
        "ORDER BY due_at, id LIMIT :limit",
        limit=limit,
        **parameters,
    )


async def since(reader: Reader, actor: Actor, start: Instant, limit: int) -> list[MaintenanceWindow]:
    """Those in view that come again or end later than an instant, for a calendar; the newest first."""
    condition, parameters = visible(reader, actor)
    return await reader.all(
        MaintenanceWindow,
        f"SELECT {_COLUMNS} FROM maintenance_windows WHERE "
        f"((recurrence IS NOT NULL AND recurrence <> 'null') OR ends_at > :start) AND {condition} "
        "ORDER BY id DESC LIMIT :limit",
        start=start,
        limit=limit,
        **parameters,
    )


async def in_force(reader: Reader, team_id: str) -> list[MaintenanceWindow]:
    """Those of a team that are not over."""
    return await reader.all(
        MaintenanceWindow,
        f"SELECT {_COLUMNS} FROM maintenance_windows WHERE team_id = :team AND due_at IS NOT NULL ORDER BY id",
        team=team_id,
    )


async def count_ahead(reader: Reader, team_id: str) -> int:
    """How many of a team are not over."""
    count: int = await reader.value(
        "SELECT count(*) FROM maintenance_windows WHERE team_id = :team AND due_at IS NOT NULL", team=team_id
    )
    return count


async def due(reader: Reader, limit: int) -> list[MaintenanceWindow]:
    """Those that begin or end, the longest overdue first."""
    return await reader.all(
        MaintenanceWindow,
        f"SELECT {_COLUMNS} FROM maintenance_windows WHERE due_at <= :now ORDER BY due_at LIMIT :limit",
        now=reader.now,
        limit=limit,
    )
