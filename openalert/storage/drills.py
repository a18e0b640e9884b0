"""SQL for fire drills: what is due, who has none ahead, and what became of each."""

import msgspec

from openalert.domain.drill import Drill, Rhythm
from openalert.domain.instant import Instant
from openalert.storage.transaction import Reader, Transaction


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """An active member of a team with drills for whom the next one is to be planned."""

    organization_id: str
    team_id: str
    user_id: str
    timezone: str
    rhythm: Rhythm
    last_period: str | None


async def waiting(reader: Reader, limit: int) -> list[Waiting]:
    """Who has no drill ahead and should have one."""
    return await reader.all(
        Waiting,
        "SELECT t.organization_id, t.id AS team_id, u.id AS user_id, u.timezone, t.drills AS rhythm, "
        "(SELECT max(d.period) FROM drills d WHERE d.team_id = t.id AND d.user_id = u.id) AS last_period "
        "FROM teams t JOIN team_members m ON m.team_id = t.id JOIN users u ON u.id = m.user_id "
        "WHERE t.drills <> 'off' AND t.deleted_at IS NULL AND u.is_active AND NOT EXISTS (SELECT 1 FROM drills d "
        "WHERE d.team_id = t.id AND d.user_id = u.id AND d.due_at IS NOT NULL) ORDER BY t.id, u.id LIMIT :limit",
        limit=limit,
    )


async def insert(tx: Transaction, drill: Drill) -> None:
    """A new one."""
    await tx.insert("drills", drill)


async def update(tx: Transaction, drill: Drill) -> None:
    """Write everything about it that changes."""
    await tx.execute(
        "UPDATE drills SET state = :state, contact_method_id = :contact_method_id, channel = :channel, "
        "reason = :reason, due_at = :due_at, sent_at = :sent_at, reminded_at = :reminded_at, updated_at = :now "
        "WHERE id = :id",
        id=drill.id,
        state=drill.state,
        contact_method_id=drill.contact_method_id,
        channel=drill.channel,
        reason=drill.reason,
        due_at=drill.due_at,
        sent_at=drill.sent_at,
        reminded_at=drill.reminded_at,
        now=tx.now,
    )


async def due(reader: Reader, limit: int) -> list[str]:
    """The ids of those that something has to happen to, the longest overdue first."""
    rows = await reader.rows(
        "SELECT id FROM drills WHERE due_at IS NOT NULL AND due_at <= :now ORDER BY due_at LIMIT :limit",
        now=reader.now,
        limit=limit,
    )
    return [row[0] for row in rows]


async def get(reader: Reader, drill_id: str) -> Drill | None:
    """One by its id."""
    return await reader.one(Drill, "SELECT * FROM drills WHERE id = :id", id=drill_id)


async def is_open(reader: Reader, user_id: str) -> bool:
    """Whether the person has a drill that waits for an answer."""
    return bool(
        await reader.value(
            "SELECT 1 FROM drills WHERE user_id = :user_id AND state IN ('sent', 'reminded') LIMIT 1",
            user_id=user_id,
        )
    )


async def is_being_paged(reader: Reader, user_id: str, since: Instant) -> bool:
    """Whether a page waits for the person, or one has left since then whose incident is still open."""
    return bool(
        await reader.value(
            "SELECT 1 FROM notifications n WHERE n.user_id = :user_id AND n.kind = 'page' AND (n.due_at IS NOT NULL "
            "OR (n.created_at > :since AND n.status <> 'cancelled' AND EXISTS "
            "(SELECT 1 FROM incidents i WHERE i.id = n.incident_id AND i.status <> 'resolved'))) LIMIT 1",
            user_id=user_id,
            since=since,
        )
    )


async def by_way(reader: Reader, user_id: str) -> dict[str, Instant]:
    """When a drill of the person last took each of their ways."""
    rows = await reader.rows(
        "SELECT contact_method_id, max(sent_at) FROM drills WHERE user_id = :user_id "
        "AND contact_method_id IS NOT NULL AND sent_at IS NOT NULL GROUP BY contact_method_id",
        user_id=user_id,
    )
    return {row[0]: row[1] for row in rows}


async def answer(tx: Transaction, drill_id: str) -> None:
    """Its person has pressed "I got it"; also when it had been given up already."""
    await tx.execute(
        "UPDATE drills SET state = 'answered', due_at = NULL, answered_at = :now, reason = '', updated_at = :now "
        "WHERE id = :id AND state IN ('sent', 'reminded', 'unanswered')",
        id=drill_id,
        now=tx.now,
    )


async def drop_planned(tx: Transaction, team_id: str) -> None:
    """What is planned for the team is not wanted any more; what was sent goes on."""
    await tx.execute("DELETE FROM drills WHERE team_id = :team_id AND state = 'planned'", team_id=team_id)


async def of_team(
    reader: Reader, team_id: str, *, user_id: str | None = None, after: str = "", limit: int
) -> list[Drill]:
    """Those of a team, or of one person in it, the newest first; `after` is the id of the last one seen."""
    conditions = ["team_id = :team_id"]
    values: dict[str, str] = {"team_id": team_id}
    if user_id is not None:
        conditions.append("user_id = :user_id")
        values["user_id"] = user_id
    if after:
        conditions.append("id < :after")
        values["after"] = after
    return await reader.all(
        Drill,
        f"SELECT * FROM drills WHERE {' AND '.join(conditions)} ORDER BY id DESC LIMIT :limit",
        **values,
        limit=limit,
    )
