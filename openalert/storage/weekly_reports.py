"""SQL for weekly reports: which owner gets the next one when, and who should get any."""

import msgspec

from openalert.domain.access import Role
from openalert.domain.instant import Instant
from openalert.storage.transaction import Reader, Transaction


class WeeklyReport(msgspec.Struct, kw_only=True):
    """A row of `weekly_reports`."""

    user_id: str
    period: str
    """The Monday that the next one is for, by the person's own calendar: `2026-01-05`."""
    timezone: str
    """The zone in which that Monday's 09:00 is `due_at`."""
    due_at: Instant
    sent_at: Instant | None = None
    """When one was last sent."""


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """An owner without a row, or whose zone is another than that of the row."""

    user_id: str
    timezone: str
    period: str | None


class Owned(msgspec.Struct, frozen=True, kw_only=True):
    """An active person as an owner: of the organization, or of these teams."""

    user_id: str
    name: str
    organization_id: str
    timezone: str
    role: Role
    team_id: str | None
    """One row for each team that they own; None: they own none."""


_OWNS_A_TEAM = (
    "EXISTS (SELECT 1 FROM team_members m JOIN teams t ON t.id = m.team_id "
    "WHERE m.user_id = u.id AND m.role = 'owner' AND t.deleted_at IS NULL)"
)


async def waiting(reader: Reader, limit: int) -> list[Waiting]:
    """Owners whose next report is to be planned, or planned anew."""
    return await reader.all(
        Waiting,
        "SELECT u.id AS user_id, u.timezone, w.period FROM users u "
        "LEFT JOIN weekly_reports w ON w.user_id = u.id "
        f"WHERE u.is_active = :active AND (u.role = 'owner' OR {_OWNS_A_TEAM}) "
        "AND (w.user_id IS NULL OR w.timezone <> u.timezone) ORDER BY u.id LIMIT :limit",
        active=True,
        limit=limit,
    )


async def due(reader: Reader, limit: int) -> list[WeeklyReport]:
    """Those that are due, the longest overdue first."""
    return await reader.all(
        WeeklyReport,
        "SELECT * FROM weekly_reports WHERE due_at <= :now ORDER BY due_at, user_id LIMIT :limit",
        now=reader.now,
        limit=limit,
    )


async def owned(reader: Reader, user_id: str) -> list[Owned]:
    """The person with each team that they own; nothing for somebody who is deactivated."""
    return await reader.all(
        Owned,
        "SELECT u.id AS user_id, u.name, u.organization_id, u.timezone, u.role, t.id AS team_id FROM users u "
        "LEFT JOIN team_members m ON m.user_id = u.id AND m.role = 'owner' "
        "LEFT JOIN teams t ON t.id = m.team_id AND t.deleted_at IS NULL "
        "WHERE u.id = :user_id AND u.is_active = :active",
        user_id=user_id,
        active=True,
    )


async def put(tx: Transaction, report: WeeklyReport) -> None:
    """Plan a first one, or the same one by another clock; when the last was sent stays."""
    await tx.insert_with(
        "weekly_reports",
        [report],
        {},
        " ON CONFLICT (user_id) DO UPDATE SET period = excluded.period, timezone = excluded.timezone, "
        "due_at = excluded.due_at",
    )


async def move(tx: Transaction, due: WeeklyReport, following: WeeklyReport) -> bool:
    """The next one takes the place of one that was due; False if somebody else has moved it."""
    won = await tx.changed(
        "UPDATE weekly_reports SET period = :period, timezone = :timezone, due_at = :due_at, sent_at = :sent_at "
        "WHERE user_id = :user_id AND due_at = :was_due_at AND period = :was RETURNING user_id",
        user_id=due.user_id,
        was=due.period,
        was_due_at=due.due_at,
        period=following.period,
        timezone=following.timezone,
        due_at=following.due_at,
        sent_at=following.sent_at,
    )
    return bool(won)


async def drop(tx: Transaction, user_id: str) -> None:
    """The person owns nothing any more."""
    await tx.execute("DELETE FROM weekly_reports WHERE user_id = :user_id", user_id=user_id)


async def cancel_waiting(tx: Transaction, user_id: str) -> None:
    """Reports that wait for the end of the person's quiet time are not sent: a newer one takes their place."""
    await tx.execute(
        "UPDATE notifications SET status = 'cancelled', due_at = NULL, updated_at = :now, "
        "failure_reason = 'A newer report took its place.' WHERE user_id = :user_id AND kind = 'digest' "
        "AND effect_key LIKE 'digest:weekly:%' AND status = 'pending' AND attempts = 0",
        user_id=user_id,
        now=tx.now,
    )
