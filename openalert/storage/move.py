"""Moving all data from one database to another, SQLite to Postgres or back: whole and proven, or not at all.

Rows are read from one snapshot that nobody can change meanwhile, and written into an empty database in one
transaction (Postgres) or into a file that gets its name in the end (SQLite). Before that, every table is read back
and compared: the number of its rows and the sum of their hashes.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path

import msgspec

from openalert.storage import migrate, move_postgres, move_sqlite
from openalert.storage.move_rows import (
    FRESH,
    HEAD,
    OWN,
    SCHEMA,
    Destination,
    MoveRefused,
    Row,
    Side,
    Sum,
    Table,
    in_order,
)

EVERY = 50_000
"""Rows after which somebody who waits hears how far it is."""


class Progress(msgspec.Struct, frozen=True):
    """How far one table is."""

    table: str
    done: int
    of: int
    proven: Sum | None = None
    """What both sides have, once they were compared."""


Tell = Callable[[Progress], None]
Place = Path | str
"""The file of an SQLite database, or the URL of a Postgres one."""


async def move(source_place: Place, target_place: Place, tell: Tell) -> list[Progress]:
    """Move everything; each table as it stands at the end.

    MoveRefused or DatabaseInUse say why not; whatever happens, the source is as it was, and the target has all of
    it or nothing.
    """
    if source_place == target_place:
        raise MoveRefused("Both are the same database.")
    async with AsyncExitStack() as stack:
        source = await stack.enter_async_context(_source(source_place))
        tables = await _tables_of(source)
        target = await stack.enter_async_context(_target(target_place))
        await _refuse_used(target)
        await target.begin()
        await _refuse_used(target)
        await _refuse_other(target, tables)
        sums = {table.name: await _copy(source, target, table, tell) for table in in_order(tables)}
        sums[HEAD] = await _sum(source, tables[HEAD])
        done = [await _prove(target, tables[name], expected, tell) for name, expected in sums.items()]
        await target.keep()
    return done


def _source(place: Place) -> AbstractAsyncContextManager[Side]:
    return move_sqlite.source(place) if isinstance(place, Path) else move_postgres.source(place)


def _target(place: Place) -> AbstractAsyncContextManager[Destination]:
    return move_sqlite.destination(place) if isinstance(place, Path) else move_postgres.destination(place)


async def _tables_of(source: Side) -> dict[str, Table]:
    """The tables to move; MoveRefused when their schema is not that of this program."""
    applied = await source.versions()
    needed = [migration.version for migration in migrate.migrations("sqlite")]
    if applied != needed:
        has = f"schema {applied[-1]}" if applied else "no schema of OpenAlert"
        raise MoveRefused(
            f"The source has {has}, this program needs {needed[-1]}. Bring it up to date with `openalert migrate`, or "
            "move it with the OpenAlert that fits."
        )
    return await source.tables()


async def _refuse_used(target: Destination) -> None:
    """MoveRefused when there is anything in it, be it ours or another program's."""
    tables = await target.tables()
    if tables and SCHEMA not in tables:
        raise MoveRefused(
            "The target holds tables of another program. Make a database of its own for OpenAlert."
        )
    used = [name for name in sorted(tables) if name not in FRESH and await target.is_used(name)]
    if used:
        raise MoveRefused(
            f"The target is not empty: there are rows in {', '.join(used[:5])}. Data only moves into an empty one; "
            "what is there is left alone."
        )


async def _refuse_other(target: Destination, tables: dict[str, Table]) -> None:
    """MoveRefused when the two do not have the same tables with the same columns."""
    there = await target.tables()
    here, present = (
        {(table.name, column) for table in side.values() if table.name not in OWN for column in table.columns}
        for side in (tables, there)
    )
    if here != present:
        table, column = sorted(here ^ present)[0]
        raise MoveRefused(
            f"The two schemas differ, first in {table}.{column}: only one of them has that column."
        )


async def _copy(source: Side, target: Destination, table: Table, tell: Tell) -> Sum:
    """Bring one table over; the sum of what was read."""
    seen, of = Sum(), await source.count(table.name)

    async def passing() -> AsyncIterator[Row]:
        async for row in source.rows(table):
            seen.add(row)
            if seen.count % EVERY == 0:
                tell(Progress(table.name, seen.count, of))
            yield row

    await target.load(table, passing())
    return seen


async def _sum(side: Side, table: Table) -> Sum:
    total = Sum()
    async for row in side.rows(table):
        total.add(row)
    return total


async def _prove(target: Destination, table: Table, expected: Sum, tell: Tell) -> Progress:
    """Read a table back; MoveRefused when it is not what was read from the source."""
    found = await _sum(target, table)
    if found != expected:
        raise MoveRefused(
            f"Table {table.name} did not arrive as it was: {expected.count} rows with the sum {expected.words} left, "
            f"{found.count} with {found.words} arrived. Nothing was moved."
        )
    told = Progress(table.name, found.count, expected.count, found)
    tell(told)
    return told
