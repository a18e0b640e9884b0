"""SQL for shift swaps: of a schedule, of a person's time, and what expires."""

from collections.abc import Collection

from openalert.domain.instant import Instant
from openalert.domain.schedule import Schedule
from openalert.domain.swap import Swap, SwapStatus
from openalert.storage.rows import to_parameters
from openalert.storage.transaction import Reader, Transaction


async def insert(tx: Transaction, swap: Swap) -> None:
    """A new one."""
    await tx.insert("shift_swaps", swap)


async def update(tx: Transaction, swap: Swap) -> None:
    """Write everything about it that changes."""
    await tx.execute(
        "UPDATE shift_swaps SET status = :status, start_at = :start_at, end_at = :end_at, "
        "return_start_at = :return_start_at, return_end_at = :return_end_at, "
        "taken_by_id = :taken_by_id, cover_id = :cover_id, return_cover_id = :return_cover_id, due_at = :due_at, "
        "updated_at = :updated_at WHERE id = :id",
        **to_parameters(swap),
    )


async def get(reader: Reader, schedule_id: str, swap_id: str) -> Swap | None:
    """One swap of the schedule."""
    return await reader.one(
        Swap,
        "SELECT * FROM shift_swaps WHERE id = :id AND schedule_id = :schedule",
        id=swap_id,
        schedule=schedule_id,
    )


async def of_schedule(reader: Reader, schedule_id: str, start: Instant) -> list[Swap]:
    """Those of the schedule that end later than `start`, the earliest shift first."""
    return await reader.all(
        Swap,
        "SELECT * FROM shift_swaps WHERE schedule_id = :schedule "
        "AND (end_at > :start OR return_end_at > :start) ORDER BY start_at, id",
        schedule=schedule_id,
        start=start,
    )


async def in_force(reader: Reader, schedule_id: str) -> list[Swap]:
    """Those of the schedule that are offered or taken and not over, in the order of their making."""
    return await reader.all(
        Swap,
        "SELECT * FROM shift_swaps WHERE schedule_id = :schedule AND status IN ('open', 'taken') "
        "AND (end_at > :now OR return_end_at > :now) ORDER BY id",
        schedule=schedule_id,
        now=reader.now,
    )


async def open_for(reader: Reader, user_id: str, schedule_ids: Collection[str], limit: int) -> list[Swap]:
    """What in these schedules is offered by the person, to the person, or to all, the earliest first."""
    return await reader.all(
        Swap,
        f"SELECT * FROM shift_swaps WHERE {reader.any_of('schedule_id', 'schedules')} AND status = 'open' "
        "AND due_at > :now AND (user_id = :user OR to_user_id = :user OR to_user_id IS NULL) "
        "ORDER BY start_at, id LIMIT :limit",
        schedules=sorted(schedule_ids),
        user=user_id,
        now=reader.now,
        limit=limit,
    )


async def of_time(
    reader: Reader, schedule_id: str, user_id: str, start: Instant, end: Instant, status: SwapStatus
) -> list[Swap]:
    """Those by which the person gives away any of this time, the latest taken last."""
    return await reader.all(
        Swap,
        "SELECT * FROM shift_swaps WHERE schedule_id = :schedule AND status = :status AND ("
        "(user_id = :user AND end_at > :start AND start_at < :end) "
        "OR (to_user_id = :user AND return_end_at > :start AND return_start_at < :end)) ORDER BY cover_id, id",
        schedule=schedule_id,
        user=user_id,
        start=start,
        end=end,
        status=status.value,
    )


async def by_cover(reader: Reader, override_id: str) -> Swap | None:
    """The swap that this override carries out, unless it was taken back."""
    return await reader.one(
        Swap,
        "SELECT * FROM shift_swaps WHERE status = 'taken' AND (cover_id = :id OR return_cover_id = :id)",
        id=override_id,
    )


async def due(reader: Reader, limit: int) -> list[tuple[str, str]]:
    """Schedule and id of the open offers whose time has come, the longest overdue first."""
    rows = await reader.rows(
        "SELECT schedule_id, id FROM shift_swaps WHERE due_at IS NOT NULL AND due_at <= :now "
        "ORDER BY due_at LIMIT :limit",
        now=reader.now,
        limit=limit,
    )
    return [(row[0], row[1]) for row in rows]


async def who_may_take(reader: Reader, schedule: Schedule, others: Collection[str] = ()) -> list[str]:
    """The ids of the active people who may respond in the schedule's team, by name.

    Admins of the organization may in every team; they count if they are members of it or among `others`.
    """
    rows = await reader.rows(
        "SELECT u.id FROM users u LEFT JOIN team_members m ON m.user_id = u.id AND m.team_id = :team "
        "WHERE u.organization_id = :organization AND u.is_active AND ("
        "(u.role = 'member' AND m.role IS NOT NULL AND m.role != 'viewer') OR (u.role IN ('owner', 'admin') "
        f"AND (m.role IS NOT NULL OR {reader.any_of('u.id', 'others')}))) ORDER BY u.name, u.id",
        team=schedule.team_id,
        organization=schedule.organization_id,
        others=sorted(others),
    )
    return [row[0] for row in rows]
