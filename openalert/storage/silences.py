"""SQL for silences."""

from openalert.domain.access import Actor
from openalert.domain.instant import Instant
from openalert.domain.silence import Silence
from openalert.storage.rows import columns_of, to_parameters
from openalert.storage.transaction import Reader, Transaction
from openalert.storage.visible import visible

_COLUMNS = ", ".join(columns_of(Silence))


def next_change(silence: Silence, now: Instant) -> Instant | None:
    """When it next begins or ends; None: it is over."""
    return next((each for each in (silence.starts_at, silence.ends_at) if each > now), None)


async def insert(tx: Transaction, silence: Silence) -> None:
    """A new one."""
    await tx.insert_with("silences", [silence], {"due_at": lambda each: next_change(each, tx.now)})


async def update(tx: Transaction, silence: Silence) -> None:
    """Write everything about it that changes, and when it next begins or ends."""
    await tx.execute(
        "UPDATE silences SET service_ids = :service_ids, matchers = :matchers, comment = :comment, "
        "starts_at = :starts_at, ends_at = :ends_at, updated_at = :updated_at, due_at = :due_at WHERE id = :id",
        **to_parameters(silence),
        due_at=next_change(silence, tx.now),
    )


async def put_off(tx: Transaction, silence: Silence) -> bool:
    """Set when it next begins or ends after now; False when somebody else has."""
    won = await tx.changed(
        "UPDATE silences SET due_at = :next WHERE id = :id AND due_at <= :now RETURNING id",
        next=next_change(silence, tx.now),
        id=silence.id,
        now=tx.now,
    )
    return bool(won)


async def delete(tx: Transaction, silence_id: str) -> None:
    """It never was, but for what the audit log and the traces of alerts say."""
    await tx.execute("DELETE FROM silences WHERE id = :id", id=silence_id)


async def get(reader: Reader, actor: Actor, silence_id: str) -> Silence | None:
    """The silence, if the actor may see its team."""
    condition, parameters = visible(reader, actor)
    return await reader.one(
        Silence,
        f"SELECT {_COLUMNS} FROM silences WHERE id = :id AND {condition}",
        id=silence_id,
        **parameters,
    )


async def page(
    reader: Reader,
    actor: Actor,
    *,
    team_id: str | None = None,
    over: bool | None = None,
    before: str | None = None,
    limit: int,
) -> list[Silence]:
    """The next silences that the actor may see, the newest first; `over` narrows to those that are or are not."""
    condition, parameters = visible(reader, actor)
    conditions = [condition]
    if over is not None:
        conditions.append("ends_at <= :now" if over else "ends_at > :now")
        parameters["now"] = reader.now
    return await reader.all(
        Silence,
        f"SELECT {_COLUMNS} FROM silences WHERE (CAST(:before AS TEXT) IS NULL OR id < :before) "
        f"AND (CAST(:team AS TEXT) IS NULL OR team_id = :team) AND {' AND '.join(conditions)} "
        "ORDER BY id DESC LIMIT :limit",
        before=before,
        team=team_id,
        limit=limit,
        **parameters,
    )


async def in_force(reader: Reader, team_id: str) -> list[Silence]:
    """Those of a team that are not over."""
    return await reader.all(
        Silence,
        f"SELECT {_COLUMNS} FROM silences WHERE team_id = :team AND due_at IS NOT NULL ORDER BY id",
        team=team_id,
    )


async def count_ahead(reader: Reader, team_id: str) -> int:
    """How many of a team are not over."""
    count: int = await reader.value(
        "SELECT count(*) FROM silences WHERE team_id = :team AND due_at IS NOT NULL", team=team_id
    )
    return count


async def due(reader: Reader, limit: int) -> list[Silence]:
    """Those that begin or end, the longest overdue first."""
    return await reader.all(
        Silence,
        f"SELECT {_COLUMNS} FROM silences WHERE due_at <= :now ORDER BY due_at LIMIT :limit",
        now=reader.now,
        limit=limit,
    )
