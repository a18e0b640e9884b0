"""One connection to SQLite as storage sees it: statements run in the thread of an aiosqlite connection."""

import sqlite3
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from itertools import chain
from typing import Any, TypeVar

import aiosqlite

from openalert.storage.connection import Connection, Parameters, Rows, Writes
from openalert.storage.rows import for_several, to_json

T = TypeVar("T")
Look = Callable[[sqlite3.Connection], None]

BEGIN = "BEGIN IMMEDIATE"
LARGEST_INSERT = 64
"""Rows in one statement: a table of 60 columns stays far below the 32,766 values that SQLite takes."""

# The module looks for an adapter of whatever is no plain number or text, and not to find one costs it an exception
# for every NULL and every boolean of a row.
sqlite3.register_adapter(type(None), {None: None}.__getitem__)
sqlite3.register_adapter(bool, int)


def _nothing(_: sqlite3.Connection) -> None:
    """What is done around BEGIN until somebody has a reason."""


class Writer(sqlite3.Connection):
    """The handle of the connection that writes."""

    before: Look = staticmethod(_nothing)
    """Called in its thread before each transaction, which it may refuse."""
    after: Look = staticmethod(_nothing)
    """The same inside it, when nobody else can write any more."""
    slowest = 0.0
    """Seconds that the slowest COMMIT took since somebody last asked by `taken`."""

    def taken(self) -> float:
        """As `slowest`, which begins anew."""
        slowest, self.slowest = self.slowest, 0.0
        return slowest


class SqliteConnection:
    """One aiosqlite connection, seen as the `Connection` that storage needs."""

    def __init__(self, raw: aiosqlite.Connection) -> None:
        self.raw = raw
        self._trip: Callable[..., Awaitable[Any]] = raw._execute

    def around(self, *, before: Look | None = None, after: Look | None = None) -> None:
        """Look at the connection before each transaction that writes, or inside it; what is raised prevents it."""
        handle = self.raw._conn
        assert isinstance(handle, Writer)  # noqa: S101 - nobody else begins to write
        handle.before = before or handle.before
        handle.after = after or handle.after

    def slowest_commit(self) -> float:
        """Seconds, since this was last asked."""
        handle = self.raw._conn
        return handle.taken() if isinstance(handle, Writer) else 0.0

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
        if statement == BEGIN and isinstance(raw, Writer):
            raw.before(raw)
            raw.execute(statement)
            raw.after(raw)
        elif statement == "COMMIT" and isinstance(raw, Writer):
            begun = time.perf_counter()
            raw.execute(statement)
            raw.slowest = max(raw.slowest, time.perf_counter() - begun)
        else:
            raw.execute(statement)


def _bind(parameters: Parameters) -> Parameters:
    if isinstance(parameters, Mapping) and any(isinstance(value, list) for value in parameters.values()):
        return {
            name: to_json(value) if isinstance(value, list) else value for name, value in parameters.items()
        }
    return parameters
