"""A Postgres database as one side of a move: read from one snapshot, or loaded in one transaction."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from openalert.domain.errors import Unavailable
from openalert.storage import migrate
from openalert.storage.move_rows import COUNTERS, SCHEMA, MoveRefused, Row, Table
from openalert.storage.postgres import WRITE_LOCK, PostgresDatabase
from openalert.storage.postgres_hosts import NoPrimary, PostgresHosts

AT_ONCE = 200
"""Rows in memory: a row of a kept message can be a megabyte."""
LIVES_SECONDS = 30
"""A server that was seen within this time and did not say that it stopped may still run."""


class PostgresSide:
    """What the source and the destination have in common."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw

    async def tables(self) -> dict[str, Table]:
        """As `Side.tables`."""
        columns: dict[str, list[tuple[str, str]]] = {}
        for name, column, kind in await self._raw.fetch(
            """
            SELECT c.table_name, c.column_name, c.data_type FROM information_schema.columns c
            JOIN information_schema.tables t USING (table_schema, table_name)
            WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE'
            """
        ):
            columns.setdefault(name, []).append((column, kind))
        needs: dict[str, set[str]] = {}
        for name, other in await self._raw.fetch(
            """
            SELECT c.relname, o.relname FROM pg_constraint f
            JOIN pg_class c ON c.oid = f.conrelid JOIN pg_class o ON o.oid = f.confrelid
            JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE f.contype = 'f' AND n.nspname = current_schema()
            """
        ):
            needs.setdefault(name, set()).add(other)
        return {name: _table(name, found, needs.get(name, set())) for name, found in columns.items()}

    async def versions(self) -> list[int]:
        """As `Side.versions`."""
        if SCHEMA not in await self.tables():
            return []
        return [row[0] for row in await self._raw.fetch(f"SELECT version FROM {SCHEMA} ORDER BY version")]

    async def count(self, table: str) -> int:
        """As `Side.count`."""
        number: int = await self._raw.fetchval(f'SELECT count(*) FROM "{table}"')
        return number

    async def is_used(self, table: str) -> bool:
        """As `Side.is_used`."""
        found: bool = await self._raw.fetchval(f'SELECT EXISTS (SELECT 1 FROM "{table}")')
        return found

    async def rows(self, table: Table) -> AsyncIterator[Row]:
        """As `Side.rows`."""
        async for record in self._raw.cursor(table.reading, prefetch=AT_ONCE):
            row = list(record)
            for at in table.booleans:
                row[at] = row[at] if row[at] is None else int(row[at])
            yield row


def _table(name: str, found: list[tuple[str, str]], needs: set[str]) -> Table:
    columns = sorted(found)
    return Table(
        name=name,
        columns=tuple(column for column, _ in columns),
        booleans=frozenset(at for at, (_, kind) in enumerate(columns) if kind == "boolean"),
        needs=frozenset(needs),
    )


class PostgresDestination(PostgresSide):
    """One transaction: killed anywhere before its end, nothing of it is there."""

    def __init__(self, raw: Any, url: str) -> None:
        super().__init__(raw)
        self._url = url

    async def begin(self) -> None:
        """As `Destination.begin`."""
        database = PostgresDatabase(self._url, lambda: time.time_ns() // 1_000_000)
        await database.open()
        try:
            await migrate.apply(database)
        finally:
            await database.close_connections()
        await self._raw.execute("BEGIN")
        await self._raw.execute(f"SELECT pg_advisory_xact_lock({WRITE_LOCK})")
        await self._raw.execute(f"DELETE FROM {COUNTERS}")

    async def load(self, table: Table, rows: AsyncIterator[Row]) -> None:
        """As `Destination.load`."""
        await self._raw.copy_records_to_table(
            table.name, records=_for_postgres(table, rows), columns=table.columns
        )

    async def keep(self) -> None:
        """As `Destination.keep`; then Postgres counts what is there, so that its plans are right from the start."""
        import asyncpg

        try:
            await self._raw.execute("COMMIT")
        except (OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError) as error:
            raise Unavailable(
                "Postgres went away at the very end, and may have everything or nothing. Move again: it says so if the "
                "data is there already."
            ) from error
        with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            await self._raw.execute("ANALYZE")


async def _for_postgres(table: Table, rows: AsyncIterator[Row]) -> AsyncIterator[Row]:
    async for row in rows:
        for column, value in zip(table.columns, row, strict=True):
            if isinstance(value, str) and "\0" in value:
                raise MoveRefused(
                    f"A row of {table.name} ({_named(table, row)}) has a NUL character in {column}, which Postgres "
                    "cannot store. Take it out of that row, then move again."
                )
        values = list(row)
        for at in table.booleans:
            values[at] = values[at] if values[at] is None else bool(values[at])
        yield values


def _named(table: Table, row: Row) -> str:
    """Which row it is: what identifies rows of such a table comes first, and never its text."""
    known = [
        f"{column} {value}"
        for column, value in zip(table.columns, row, strict=True)
        if (column == "id" or column.endswith("_id") or column == "seq") and value is not None
    ]
    return ", ".join(known[:3]) or "no id"


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[Any]:
    import asyncpg

    try:
        raw = await PostgresHosts(url).connect(
            survey=True, timeout=10, server_settings={"lock_timeout": "10s", "synchronous_commit": "on"}
        )
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError, NoPrimary) as error:
        raise Unavailable(f"Postgres does not answer: {error}.") from error
    try:
        yield raw
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise MoveRefused(f"Postgres refused: {error}. Nothing was moved.") from error
    finally:
        raw.terminate()


@asynccontextmanager
async def source(url: str) -> AsyncIterator[PostgresSide]:
    """The database as it is at one moment; no node can write to it meanwhile. MoveRefused while a server runs."""
    async with _connected(url) as raw:
        side = PostgresSide(raw)
        await raw.execute(f"SELECT pg_advisory_lock({WRITE_LOCK})")
        async with raw.transaction(isolation="repeatable_read", readonly=True):
            if "runs" in await side.tables():
                await _refuse_beside_server(raw)
            yield side


async def _refuse_beside_server(raw: Any) -> None:
    age = await raw.fetchval(
        "SELECT (extract(epoch FROM now()) * 1000 - max(last_seen_at)) / 1000 FROM runs WHERE stopped_at IS NULL"
    )
    if age is not None and age < LIVES_SECONDS:
        raise MoveRefused(
            f"A server works on the source: it was seen {max(0, round(age))} s ago. Stop every node; one that was "
            f"killed counts as running for {LIVES_SECONDS} s."
        )


@asynccontextmanager
async def destination(url: str) -> AsyncIterator[PostgresDestination]:
    """The database, which has to be empty."""
    async with _connected(url) as raw:
        yield PostgresDestination(raw, url)
