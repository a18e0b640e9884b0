"""SQLite inside the process: one connection that writes and checkpoints, a few that only read.

WAL with synchronous=FULL, so that an answered write survives loss of power. Only the writer checkpoints,
which also keeps SQLite before 3.51.3 clear of its WAL-reset corruption. A lock file keeps others out.
"""

import asyncio
import fcntl
import json
import os
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite
import structlog

from openalert.domain.errors import OpenAlertError, Unavailable
from openalert.storage.clock import Clock, wall_clock
from openalert.storage.connection import Connection, Parameters, Rows, Writes
from openalert.storage.database import Database
from openalert.storage.rows import for_several, to_json

log = structlog.get_logger(__name__)
T = TypeVar("T")

READERS = 3
LARGEST_INSERT = 64
"""Rows in one statement: a table of 60 columns stays far below the 32,766 values that SQLite takes."""

_BOTH = {"busy_timeout": 5000, "foreign_keys": 1, "temp_store": 2, "trusted_schema": 0, "mmap_size": 0}
_WRITER = _BOTH | {
    "synchronous": 2,
    "wal_autocheckpoint": 4000,
    "journal_size_limit": 64 * 1024 * 1024,
    "secure_delete": 1,  # what is changed or deleted is overwritten: a stolen file tells only what is true now
}
_READER = _BOTH | {"query_only": 1, "wal_autocheckpoint": 0}

_PASSING = (
    "SQLITE_FULL",
    "SQLITE_IOERR",
    "SQLITE_BUSY",
    "SQLITE_LOCKED",
    "SQLITE_READONLY",
    "SQLITE_CANTOPEN",
)

# The module looks for an adapter of whatever is no plain number or text, and not to find one costs it an exception
# for every NULL and every boolean of a row.
sqlite3.register_adapter(type(None), lambda nothing: nothing)
sqlite3.register_adapter(bool, int)


class DatabaseInUse(OpenAlertError):
    """Another process has this database open."""


class SqliteConnection:
    """One aiosqlite connection, seen as the `Connection` that storage needs."""

    def __init__(self, raw: aiosqlite.Connection) -> None:
        self.raw = raw
        self._trip: Callable[..., Awaitable[Any]] = raw._execute

    async def fetch(
        self, sql: str, parameters: Mapping[str, Any], before: Writes = ()
    ) -> tuple[Sequence[str], Rows]:
        """Column names and rows, in one trip to the connection's thread."""
        result: tuple[Sequence[str], Rows] = await self._trip(
            _fetch, self.raw._conn, sql, _bind(parameters), before
        )
        return result

    async def write(self, writes: Writes) -> None:
        """Each statement once for each set of its parameters, in one trip."""
        await self._trip(_write, self.raw._conn, writes)

    async def run(self, *statements: str) -> None:
        """Statements without parameters or results, in one trip."""
        await self._trip(_run, self.raw._conn, statements)

    async def together(self, work: Callable[[Connection], Coroutine[Any, Any, T]]) -> T:
        """The whole coroutine in one trip: inside it every statement is a plain call."""
        result: T = await self._trip(_drive, work(_Direct(self.raw._conn)))
        return result


class _Direct:
    """The connection as its own thread sees it: nothing here ever waits."""

    def __init__(self, raw: sqlite3.Connection) -> None:
        self._raw = raw

    async def fetch(
        self, sql: str, parameters: Mapping[str, Any], before: Writes = ()
    ) -> tuple[Sequence[str], Rows]:
        """As `SqliteConnection.fetch`."""
        return _fetch(self._raw, sql, _bind(parameters), before)

    async def write(self, writes: Writes) -> None:
        """As `SqliteConnection.write`."""
        _write(self._raw, writes)

    async def run(self, *statements: str) -> None:
        """As `SqliteConnection.run`."""
        _run(self._raw, statements)

    async def together(self, work: Callable[[Connection], Coroutine[Any, Any, T]]) -> T:
        """It is together already."""
        return await work(self)


def _drive(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never waits to its end, without an event loop."""
    try:
        work.send(None)
    except StopIteration as finished:
        result: T = finished.value
        return result
    work.close()
    raise RuntimeError("The body of an act awaited something else than its transaction.")


def _fetch(
    raw: sqlite3.Connection, sql: str, parameters: Parameters, before: Writes
) -> tuple[Sequence[str], Rows]:
    _write(raw, before)
    cursor = raw.execute(sql, parameters)
    rows = cursor.fetchall()
    return [column[0] for column in cursor.description or ()], rows


def _write(raw: sqlite3.Connection, writes: Writes) -> None:
    for sql, parameters in writes:
        if len(parameters) == 1:
            raw.execute(sql, _bind(parameters[0])).close()
        elif isinstance(parameters[0], Mapping):
            raw.executemany(sql, parameters)
        else:
            _insert(raw, sql, parameters)


def _insert(raw: sqlite3.Connection, sql: str, rows: Sequence[Parameters]) -> None:
    """Many rows with few statements, of sizes that recur, so that each is prepared once.

    A row is as quick in `executemany`, but that gives up the interpreter around each, and to have it back from a
    busy event loop costs more than the row.
    """
    begin = 0
    while begin < len(rows):
        size = min(LARGEST_INSERT, 1 << (len(rows) - begin).bit_length() - 1)
        values = list(chain.from_iterable(rows[begin : begin + size]))
        raw.execute(for_several(sql, size), values).close()
        begin += size


def _run(raw: sqlite3.Connection, statements: Sequence[str]) -> None:
    for statement in statements:
        raw.execute(statement)


def _bind(parameters: Parameters) -> Parameters:
    if isinstance(parameters, Mapping) and any(isinstance(value, list) for value in parameters.values()):
        return {
            name: to_json(value) if isinstance(value, list) else value for name, value in parameters.items()
        }
    return parameters


class LockFile:
    """Who serves this database: an advisory lock, freed by the kernel however the process ends."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle: int | None = None

    def take(self) -> None:
        """Hold the lock until `release`; `DatabaseInUse` names the process that holds it."""
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            holder = self.holder()
            raise DatabaseInUse(
                f"The database {self.path.with_suffix('')} is in use by process {holder or 'unknown'}. "
                "Stop it first, or choose another --data-dir.",
                pid=holder,
            ) from None
        os.ftruncate(handle, 0)
        os.write(handle, json.dumps({"pid": os.getpid()}).encode())
        self._handle = handle

    def holder(self) -> int | None:
        """The process id written by the last process that took the lock."""
        with suppress(OSError, ValueError, TypeError, KeyError):
            return int(json.loads(self.path.read_text())["pid"])
        return None

    def release(self) -> None:
        """Let others have the database."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


class SqliteDatabase(Database):
    """One SQLite file."""

    dialect = "sqlite"
    begin = ("BEGIN IMMEDIATE",)

    def __init__(self, path: Path, clock: Clock = wall_clock) -> None:
        super().__init__(clock)
        self.path = path
        self.url = f"sqlite:///{path}"
        self.lock = LockFile(path.with_name(path.name + ".lock"))
        self._writer: SqliteConnection | None = None
        self._readers: asyncio.Queue[SqliteConnection] = asyncio.Queue()
        self._open: list[SqliteConnection] = []

    async def open(self) -> None:
        """Take the lock and open every connection."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.lock.take()
        try:
            self._writer = await self._connect(_WRITER)
            os.chmod(self.path, 0o600)  # noqa: PTH101 - a page's contents are for the service alone
            for _ in range(READERS):
                self._readers.put_nowait(await self._connect(_READER))
        except BaseException:
            await self.close_connections()
            raise

    async def open_reading(self) -> None:
        """Open one connection that can change nothing, beside whoever serves the file."""
        if not self.path.is_file():
            raise OpenAlertError(f"There is no database at {self.path}.")
        raw = await aiosqlite.connect(f"{self.path.as_uri()}?mode=ro", uri=True, isolation_level=None)
        connection = SqliteConnection(raw)
        self._open.append(connection)
        try:
            await connection.run(*(f"PRAGMA {name}={value}" for name, value in _READER.items()))
        except sqlite3.DatabaseError as error:
            await self.close_connections()
            raise OpenAlertError(f"{self.path} cannot be read: {error}.") from error
        self._readers.put_nowait(connection)

    async def _connect(self, wanted: Mapping[str, int]) -> SqliteConnection:
        raw = await aiosqlite.connect(self.path, isolation_level=None, cached_statements=512)
        connection = SqliteConnection(raw)
        self._open.append(connection)
        await connection.run(f"PRAGMA busy_timeout={wanted['busy_timeout']}", "PRAGMA journal_mode=WAL")
        await connection.run(*(f"PRAGMA {name}={value}" for name, value in wanted.items()))
        await self._compare(connection, wanted)
        return connection

    async def _compare(self, connection: SqliteConnection, wanted: Mapping[str, int]) -> None:
        """A PRAGMA that did not take is a promise broken in silence, so each is read back."""
        for name, value in {**wanted, "journal_mode": "wal"}.items():
            _, rows = await connection.fetch(f"PRAGMA {name}", {})
            if rows and rows[0][0] != value:
                raise OpenAlertError(f"SQLite did not accept {name}={value}: it says {rows[0][0]}.")

    def any_of(self, expression: str, name: str) -> str:
        """The list arrives as JSON text, see `_bind`."""
        return f"{expression} IN (SELECT value FROM json_each(:{name}))"

    async def writer(self) -> SqliteConnection:
        """The one writing connection."""
        if self._writer is None:
            raise Unavailable("The database is closed.")
        return self._writer

    async def clear_writer(self) -> None:
        """SQLite may have rolled back by itself already."""
        if self._writer is not None:
            with suppress(sqlite3.OperationalError):
                await self._writer.run("ROLLBACK")

    @asynccontextmanager
    async def reader(self) -> AsyncIterator[SqliteConnection]:
        """One of the reading connections, inside a snapshot."""
        connection = await self._readers.get()
        try:
            try:
                await connection.run("BEGIN")
                yield connection
            finally:
                # Also when it was BEGIN that was cancelled: the connection's thread has begun all the same.
                with suppress(sqlite3.OperationalError):
                    await asyncio.shield(connection.run("ROLLBACK"))
        finally:
            self._readers.put_nowait(connection)

    async def snapshot(self, work: Callable[[Connection], Coroutine[Any, Any, T]]) -> T:
        """As `Database.snapshot`; the thread begins and ends it in the same trip."""

        async def look(connection: Connection) -> T:
            await connection.run("BEGIN")
            try:
                return await work(connection)
            finally:
                with suppress(sqlite3.OperationalError):
                    await connection.run("ROLLBACK")

        connection = await self._readers.get()
        try:
            return await connection.together(look)
        finally:
            # Also when whoever asked was cancelled: whoever is next waits behind it in the connection's thread.
            self._readers.put_nowait(connection)

    def translate(self, error: Exception) -> OpenAlertError | None:
        """Full, locked, read-only and failing disks may pass; a mistake in our SQL does not."""
        name = getattr(error, "sqlite_errorname", "") or ""
        if isinstance(error, TimeoutError) or name.startswith(_PASSING):
            log.warning("database refused", error=str(error), error_name=name)
            return Unavailable(f"The database cannot be written now ({error}).", retry_after=10)
        return None

    async def close_connections(self) -> None:
        """Readers first, the writer last: an open connection would keep the interpreter from leaving."""
        for connection in reversed(self._open):
            await connection.raw.close()
        self._open.clear()
        self._writer = None
        self.lock.release()
