"""SQL for shift notices: edited schedules, until those whose shifts changed are told."""

import msgspec

from openalert.domain.difference import Span
from openalert.domain.instant import Instant
from openalert.storage.rows import to_json
from openalert.storage.transaction import Reader, Transaction


class ShiftNotice(msgspec.Struct, kw_only=True):
    """A row of `shift_notices`."""

    schedule_id: str
    before_edit: dict[str, list[Span]]
    """Each person's shifts before the first edit, by the person's id."""
    until_at: Instant
    editor_ids: tuple[str, ...]
    """Who edited; empty among them: not a person."""
    due_at: Instant


async def of_schedule(reader: Reader, schedule_id: str) -> ShiftNotice | None:
    """The notice of a schedule that is to be given."""
    return await reader.one(
        ShiftNotice, "SELECT * FROM shift_notices WHERE schedule_id = :id", id=schedule_id
    )


async def insert(tx: Transaction, notice: ShiftNotice) -> None:
    """A schedule that is edited for the first time since its last notice."""
    await tx.insert("shift_notices", notice)


async def put_editors(tx: Transaction, notice: ShiftNotice) -> None:
    """Somebody else edited it too."""
    await tx.execute(
        "UPDATE shift_notices SET editor_ids = :editors WHERE schedule_id = :id",
        editors=to_json(notice.editor_ids),
        id=notice.schedule_id,
    )


async def put_before(tx: Transaction, notice: ShiftNotice) -> None:
    """What counts as said before is something else."""
    await tx.execute(
        "UPDATE shift_notices SET before_edit = :before_edit WHERE schedule_id = :id",
        before_edit=to_json(notice.before_edit),
        id=notice.schedule_id,
    )


async def due(reader: Reader, at: Instant, *, limit: int) -> list[ShiftNotice]:
    """The notices to be given by now, the oldest first."""
    return await reader.all(
        ShiftNotice,
        "SELECT * FROM shift_notices WHERE due_at <= :at ORDER BY due_at, schedule_id LIMIT :limit",
        at=at,
        limit=limit,
    )


async def delete(tx: Transaction, schedule_id: str) -> bool:
    """The notice is given; False: somebody else has just given it."""
    given = await tx.rows(
        "DELETE FROM shift_notices WHERE schedule_id = :id RETURNING schedule_id", id=schedule_id
    )
    return bool(given)
