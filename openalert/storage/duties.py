"""SQL for duties: who was on call in each schedule when it was last looked at."""

from collections.abc import Collection, Sequence

import msgspec

from openalert.domain.instant import Instant
from openalert.domain.schedule import Schedule
from openalert.storage.rows import columns_of
from openalert.storage.transaction import Reader, Transaction

_SCHEDULE = ", ".join(columns_of(Schedule))
_INSTEAD = (
    " ON CONFLICT (schedule_id) DO UPDATE SET user_ids = excluded.user_ids, noted_at = excluded.noted_at"
)


class Duty(msgspec.Struct, kw_only=True):
    """A row of `duties`."""

    schedule_id: str
    user_ids: tuple[str, ...]
    """In order of the ids."""
    noted_at: Instant


async def every_schedule(reader: Reader) -> list[Schedule]:
    """Every schedule of the installation."""
    return await reader.all(Schedule, f"SELECT {_SCHEDULE} FROM schedules ORDER BY id")


async def of(reader: Reader, schedule_ids: Collection[str]) -> dict[str, Duty]:
    """What was noted of these, by schedule."""
    found = await reader.all(
        Duty,
        f"SELECT schedule_id, user_ids, noted_at FROM duties WHERE {reader.any_of('schedule_id', 'ids')}",
        ids=sorted(schedule_ids),
    )
    return {duty.schedule_id: duty for duty in found}


async def every(reader: Reader, *, limit: int) -> list[Duty]:
    """What was noted of the first so many schedules."""
    return await reader.all(
        Duty,
        "SELECT schedule_id, user_ids, noted_at FROM duties ORDER BY schedule_id LIMIT :limit",
        limit=limit,
    )


async def put(tx: Transaction, duties: Sequence[Duty]) -> None:
    """Note these instead of what was noted before."""
    await tx.insert_with("duties", duties, {}, _INSTEAD)
