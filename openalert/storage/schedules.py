"""SQL for schedules, their rotations and overrides."""

from collections.abc import Collection

from openalert.domain.access import Actor
from openalert.domain.instant import LATEST, Instant
from openalert.domain.override import Override
from openalert.domain.plan import ImportedShift, Plan
from openalert.domain.schedule import Rotation, Schedule
from openalert.storage.rows import to_parameters
from openalert.storage.transaction import Reader, Transaction
from openalert.storage.visible import visible


async def insert(tx: Transaction, schedule: Schedule) -> None:
    """A new schedule."""
    await tx.insert("schedules", schedule)


async def update(tx: Transaction, schedule: Schedule) -> None:
    """Write everything about the schedule that may change."""
    await tx.execute(
        "UPDATE schedules SET team_id = :team_id, name = :name, timezone = :timezone, updated_at = :updated_at "
        "WHERE id = :id",
        **to_parameters(schedule),
    )


async def delete(tx: Transaction, schedule_id: str) -> None:
    """Forget the schedule with its rotations and overrides."""
    await tx.execute("DELETE FROM schedules WHERE id = :id", id=schedule_id)


async def get(reader: Reader, actor: Actor, schedule_id: str) -> Schedule | None:
    """The schedule, if the actor may see its team."""
    return (await named(reader, actor, [schedule_id])).get(schedule_id)


async def named(reader: Reader, actor: Actor, schedule_ids: Collection[str]) -> dict[str, Schedule]:
    """Those of the schedules that the actor may see, by id."""
    if not schedule_ids:
        return {}
    condition, parameters = visible(reader, actor)
    found = await reader.all(
        Schedule,
        f"SELECT * FROM schedules WHERE {reader.any_of('id', 'ids')} AND {condition}",
        ids=sorted(set(schedule_ids)),
        **parameters,
    )
    return {schedule.id: schedule for schedule in found}


async def page(
    reader: Reader, actor: Actor, *, team_id: str | None = None, after: str = "", limit: int
) -> list[Schedule]:
    """The next schedules that the actor may see, of one team or of all."""
    condition, parameters = visible(reader, actor)
    return await reader.all(
        Schedule,
        f"""
        SELECT * FROM schedules
        WHERE id > :after AND (CAST(:team AS TEXT) IS NULL OR team_id = :team) AND {condition}
        ORDER BY id LIMIT :limit
        """,
        team=team_id,
        after=after,
        limit=limit,
        **parameters,
    )


async def plans(
    reader: Reader, schedules: Collection[Schedule], start: Instant, end: Instant = LATEST
) -> dict[str, Plan]:
    """Each schedule with its rotations, and what overrides and calendars say of the time from `start` to `end`.

    Three statements, however many schedules there are.
    """
    found = {schedule.id: Plan(schedule=schedule) for schedule in schedules}
    if not found:
        return found
    for rotation in await rotations(reader, found):
        found[rotation.schedule_id].rotations.append(rotation)
    for override in await overrides(reader, found, start, end):
        found[override.schedule_id].overrides.append(override)
    for schedule_id, turn in await _imported(reader, found, start, end):
        found[schedule_id].imported.append(turn)
    return found


async def _imported(
    reader: Reader, schedule_ids: Collection[str], start: Instant, end: Instant
) -> list[tuple[str, ImportedShift]]:
    """The turns that calendars gave the schedules, with the schedule of each, the earliest first."""
    rows = await reader.rows(
        f"""
        SELECT schedule_id, feed_id, layer, user_id, start_at, end_at FROM imported_shifts
        WHERE {reader.any_of("schedule_id", "schedules")} AND end_at > :from_at AND start_at < :to_at
        ORDER BY start_at, user_id, feed_id
        """,
        schedules=sorted(schedule_ids),
        from_at=start,
        to_at=end,
    )
    return [
        (row[0], ImportedShift(feed_id=row[1], layer=row[2], user_id=row[3], start_at=row[4], end_at=row[5]))
        for row in rows
    ]


async def rotations(reader: Reader, schedule_ids: Collection[str]) -> list[Rotation]:
    """All rotations of the schedules, also those removed, whose past still counts, in the order of their making."""
    return await reader.all(
        Rotation,
        f"SELECT * FROM rotations WHERE {reader.any_of('schedule_id', 'schedules')} ORDER BY id",
        schedules=sorted(schedule_ids),
    )


async def rotation(reader: Reader, schedule_id: str, rotation_id: str) -> Rotation | None:
    """One rotation of the schedule that is not removed by now."""
    return await reader.one(
        Rotation,
        """
        SELECT * FROM rotations
        WHERE id = :id AND schedule_id = :schedule AND (removed_at IS NULL OR removed_at > :now)
        """,
        id=rotation_id,
        schedule=schedule_id,
        now=reader.now,
    )


async def insert_rotation(tx: Transaction, made: Rotation) -> None:
    """A new rotation."""
    await tx.insert("rotations", made)


async def update_rotation(tx: Transaction, amended: Rotation) -> None:
    """Write the rotation's name and all its versions."""
    await tx.execute(
        "UPDATE rotations SET name = :name, versions = :versions WHERE id = :id", **to_parameters(amended)
    )


async def end_rotation(tx: Transaction, rotation_id: str, at: Instant) -> None:
    """Let the rotation have nobody from `at` on and be shown no more; its past stays."""
    await tx.execute("UPDATE rotations SET removed_at = :at WHERE id = :id", at=at, id=rotation_id)


async def overrides(
    reader: Reader, schedule_ids: Collection[str], start: Instant, end: Instant = LATEST
) -> list[Override]:
    """The overrides of the schedules that touch the time from `start` until before `end`, the earliest first."""
    return await reader.all(
        Override,
        f"""
        SELECT * FROM overrides
        WHERE {reader.any_of("schedule_id", "schedules")} AND end_at > :from_at AND start_at < :to_at
        ORDER BY start_at, id
        """,
        schedules=sorted(schedule_ids),
        from_at=start,
        to_at=end,
    )


async def override(reader: Reader, schedule_id: str, override_id: str) -> Override | None:
    """One override of the schedule."""
    return await reader.one(
        Override,
        "SELECT * FROM overrides WHERE id = :id AND schedule_id = :schedule",
        id=override_id,
        schedule=schedule_id,
    )


async def insert_override(tx: Transaction, made: Override) -> None:
    """A new override."""
    await tx.insert("overrides", made)


async def update_override(tx: Transaction, changed: Override) -> None:
    """Write what of an override may change: its time, reason and rotations, and turns of a temporary schedule."""
    await tx.execute(
        """
        UPDATE overrides SET start_at = :start_at, end_at = :end_at, reason = :reason, shifts = :shifts,
            rotation_ids = :rotation_ids
        WHERE id = :id
        """,
        **to_parameters(changed),
    )


async def delete_override(tx: Transaction, override_id: str) -> None:
    """Forget an override that has not begun."""
    await tx.execute("DELETE FROM overrides WHERE id = :id", id=override_id)
