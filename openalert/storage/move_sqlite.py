"""An SQLite file as one side of a move: read while nobody can write to it, or made beside its place and renamed."""

import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

from openalert.domain.errors import OpenAlertError
from openalert.storage import backup, leftovers, migrate
from openalert.storage.lock_file import LockFile
from openalert.storage.move_rows import COUNTERS, SCHEMA, MoveRefused, Row, Table
from openalert.storage.rows import insert_statement
from openalert.storage.sqlite import SqliteDatabase

AT_ONCE = 200
"""Rows in memory: a row of a kept message can be a megabyte."""
ENTRY_SECONDS = 5.0


class SqliteSide:
    """What the source and the destination have in common."""

    def __init__(self, raw: sqlite3.Connection) -> None:
        self._raw = raw

    async def tables(self) -> dict[str, Table]:
        """As `Side.tables`."""
        names = self._raw.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        ).fetchall()
        return {name: self._table(name) for (name,) in names}

    def _table(self, name: str) -> Table:
        columns = sorted((row[1], row[2]) for row in self._raw.execute(f'PRAGMA table_info("{name}")'))
        needs = {row[2] for row in self._raw.execute(f'PRAGMA foreign_key_list("{name}")')}
        return Table(
            name=name,
            columns=tuple(column for column, _ in columns),
            booleans=frozenset(at for at, (_, kind) in enumerate(columns) if kind == "BOOLEAN"),
            needs=frozenset(needs),
        )

    async def versions(self) -> list[int]:
        """As `Side.versions`."""
        if SCHEMA not in await self.tables():
            return []
        return [row[0] for row in self._raw.execute(f"SELECT version FROM {SCHEMA} ORDER BY version")]

    async def count(self, table: str) -> int:
        """As `Side.count`."""
        return int(self._raw.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0])

    async def is_used(self, table: str) -> bool:
        """As `Side.is_used`."""
        return self._raw.execute(f'SELECT 1 FROM "{table}" LIMIT 1').fetchone() is not None

    async def rows(self, table: Table) -> AsyncIterator[Row]:
        """As `Side.rows`."""
        cursor = self._raw.execute(table.reading)
        while batch := cursor.fetchmany(AT_ONCE):
            for row in batch:
                yield row


@asynccontextmanager
async def source(path: Path) -> AsyncIterator[SqliteSide]:
    """The file, in which nobody else can write meanwhile; DatabaseInUse names the server that has it."""
    if not path.is_file():  # noqa: ASYNC240 - a command, which has nothing else to do
        raise OpenAlertError(f"There is no database at {path}.")
    lock = LockFile(path.with_name(path.name + ".lock"))
    lock.take()
    try:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=ENTRY_SECONDS)) as raw:
            _shut_out_others(raw, path)
            yield SqliteSide(raw)
    finally:
        lock.release()


def _shut_out_others(raw: sqlite3.Connection, path: Path) -> None:
    """Begin to write, which nothing follows: also programs that know no lock file have to wait."""
    try:
        raw.execute("BEGIN IMMEDIATE")
    except sqlite3.Error as error:
        raise OpenAlertError(f"{path} cannot be read alone now: {error}.") from error


class SqliteDestination(SqliteSide):
    """A file beside the place of the database; it takes that place when all is proven."""

    def __init__(self, raw: sqlite3.Connection, path: Path, staged: Path) -> None:
        super().__init__(raw)
        self._path, self._staged = path, staged

    async def begin(self) -> None:
        """As `Destination.begin`."""
        database = SqliteDatabase(self._staged, lambda: time.time_ns() // 1_000_000)
        await database.open()
        try:
            await migrate.apply(database)
        finally:
            await database.close_connections()
        # The file counts for nothing before it is whole: no flush, and the references are looked at in the end.
        self._raw.execute("PRAGMA synchronous=OFF")
        self._raw.execute("PRAGMA foreign_keys=OFF")
        self._raw.execute("BEGIN")
        self._raw.execute(f"DELETE FROM {COUNTERS}")

    async def load(self, table: Table, rows: AsyncIterator[Row]) -> None:
        """As `Destination.load`."""
        statement = insert_statement(table.name, table.columns)
        batch: list[Any] = []
        async for row in rows:
            batch.append(row)
            if len(batch) == AT_ONCE:
                self._raw.executemany(statement, batch)
                batch.clear()
        self._raw.executemany(statement, batch)

    async def keep(self) -> None:
        """As `Destination.keep`; the finished file is looked through before it gets its name."""
        self._raw.execute("COMMIT")
        self._raw.close()
        backup.check(self._staged)
        backup.replace(self._staged, self._path)


@asynccontextmanager
async def destination(path: Path) -> AsyncIterator[SqliteDestination]:
    """A new database at `path`; MoveRefused where there is a file already."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = LockFile(path.with_name(path.name + ".lock"))
    lock.take()
    staged = path.with_name(f"{path.name}.moving")
    try:
        if path.exists():  # noqa: ASYNC240 - as above
            raise MoveRefused(f"There is a database at {path} already: the data goes only into a new one.")
        leftovers.remove(staged)  # of a move that was broken off
        with closing(sqlite3.connect(staged, isolation_level=None)) as raw:
            yield SqliteDestination(raw, path, staged)
    except sqlite3.Error as error:
        raise MoveRefused(f"SQLite refused: {error}. Nothing was moved.") from error
    finally:
        leftovers.remove(staged)
        lock.release()
