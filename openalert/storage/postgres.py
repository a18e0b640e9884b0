"""Postgres for larger installs: a pool to read from, one connection to write with.

Nodes take turns at writing by an advisory lock that ends with the transaction, so the rules that are true
with one SQLite writer stay true here: docs/decisions/0001-database-layer.md.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import lru_cache
from typing import Any, TypeVar

import structlog

from openalert.domain.errors import Invalid, OpenAlertError, Unavailable
from openalert.storage.clock import Clock, wall_clock
from openalert.storage.connection import Connection, Parameters, Rows, Writes
from openalert.storage.database import BODY_SECONDS, Database
from openalert.storage.feed import Carrier
from openalert.storage.postgres_carrier import PostgresCarrier

log = structlog.get_logger(__name__)
T = TypeVar("T")

READERS = 8
ACQUIRE_SECONDS = 5.0
CLOSE_SECONDS = 5.0
COMMAND_SECONDS = 10.0
LONG_COMMAND_SECONDS = 600.0
"""For a connection that does nothing else, such as that of `openalert verify`."""
STATEMENTS = 512
"""Statements that each connection keeps prepared: all that it meets, or each would cost a trip more every time."""
# A plan that is kept was made for what the tables held then, in a new database nothing: it walks through all of a table
# and does so until Postgres next counts the rows, so that each alert would take longer than the one before.
_READER = {"plan_cache_mode": "force_custom_plan"}
_WRITER = {
    # To plan anew each time would also plan anew for each reference that Postgres checks.
    "enable_seqscan": "off",
    "synchronous_commit": "on",
    # A node that is frozen or cut off in its turn must not keep the others waiting until the network gives up.
    "idle_in_transaction_session_timeout": "30s",
}
WRITE_LOCK = 0x6F61_6C65_7274
"""The advisory lock of whoever writes: the letters "oalert"."""

_NAME = re.compile(r"'(?:[^']|'')*'|::\w+|:([a-z_][a-z0-9_]*)|\?", re.IGNORECASE)


@lru_cache(maxsize=1024)
def numbered(sql: str) -> tuple[str, tuple[str, ...]]:
    """`:name` and `?` as `$1 …`, and the names in that order; literals and `::casts` are left alone."""
    names: list[str] = []

    def replace(match: re.Match[str]) -> str:
        name = match.group(1)
        if match.group(0) == "?":
            names.append("?")
            return f"${len(names)}"
        if name is None:
            return match.group(0)
        if name not in names:
            names.append(name)
        return f"${names.index(name) + 1}"

    return _NAME.sub(replace, sql), tuple(names)


_MAY_TOUCH_TWICE = "DO UPDATE"
"""One statement must not change a row twice, which two of its rows may ask for."""
_SEVERAL: dict[str, str] = {}
"""The statements of `from_arrays` by those that they were made of; as many as the program has inserts."""


def from_arrays(statement: str, kinds: Sequence[str]) -> str:
    """An `insert_statement`, whatever follows it, for an array of this kind of value for each column."""
    head, _, rest = statement.partition(" VALUES ")
    conflict = rest.partition(")")[2]
    arrays = ", ".join(f"${at}::{kind}[]" for at, kind in enumerate(kinds, start=1))
    return head + " SELECT * FROM unnest(" + arrays + ")" + conflict


class PostgresConnection:
    """One asyncpg connection, seen as the `Connection` that storage needs."""

    def __init__(self, raw: Any) -> None:
        self.raw = raw
        self.patience: float | None = None
        """Seconds that a statement may take; None: as the connection was opened."""

    async def fetch(
        self, sql: str, parameters: Mapping[str, Any], before: Writes = ()
    ) -> tuple[Sequence[str], Rows]:
        """Column names and rows; the writes `before` are done first."""
        await self.write(before)
        statement, names = numbered(sql)
        rows = await self.raw.fetch(
            statement, *(parameters[name] for name in names), timeout=self.patience
        )
        return (tuple(rows[0].keys()) if rows else ()), rows

    async def write(self, writes: Writes) -> None:
        """Each statement once for each set of its parameters, one round trip a statement."""
        for sql, parameters in writes:
            statement, names = numbered(sql)
            if len(parameters) > 1 and not isinstance(parameters[0], Mapping) and _MAY_TOUCH_TWICE not in sql:
                await self._insert(sql, parameters)
            else:
                rows = [
                    [row[name] for name in names] if isinstance(row, Mapping) else row for row in parameters
                ]
                await self.raw.executemany(statement, rows)

    async def _insert(self, sql: str, rows: Sequence[Parameters]) -> None:
        """Many rows by one statement, which takes an array for each column: half of what a row each costs Postgres."""
        several = _SEVERAL.get(sql)
        if several is None:
            row = await self.raw.prepare(numbered(sql)[0])
            kinds = [parameter.name for parameter in row.get_parameters()]
            several = _SEVERAL[sql] = from_arrays(sql, kinds)
        await self.raw.execute(several, *zip(*rows, strict=True))

    async def run(self, *statements: str) -> None:
        """Statements without parameters or results, in one round trip."""
        await self.raw.execute(";".join(statements), timeout=self.patience)

    async def together(self, work: Callable[[Connection], Coroutine[Any, Any, T]]) -> T:
        """As it comes: every statement is a trip to the server anyway."""
        async with asyncio.timeout(BODY_SECONDS):
            return await work(self)


class PostgresDatabase(Database):
    """One Postgres database, shared by any number of nodes."""

    dialect = "postgres"
    begin = ("BEGIN", f"SELECT pg_advisory_xact_lock({WRITE_LOCK})")

    def __init__(self, url: str, clock: Clock = wall_clock) -> None:
        super().__init__(clock)
        self.url = url
        self._pool: Any = None
        self._writer: PostgresConnection | None = None

    async def open(self) -> None:
        """Connect; `Unavailable` says why it did not work."""
        await self._connected(self._open_pool(READERS, COMMAND_SECONDS))
        await self._connected(self.writer())

    async def open_reading(self) -> None:
        """Connect to read alone, with the patience to read everything."""
        await self._connected(self._open_pool(1, LONG_COMMAND_SECONDS))

    async def _open_pool(self, size: int, command_seconds: float) -> None:
        import asyncpg

        self._pool = await asyncpg.create_pool(
            self.url,
            min_size=1,
            max_size=size,
            command_timeout=command_seconds,
            timeout=10,
            statement_cache_size=STATEMENTS,
            server_settings=_READER,
        )

    async def _connected(self, connecting: Awaitable[Any]) -> None:
        import asyncpg

        try:
            await connecting
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
            await self.close_connections()
            raise Unavailable(f"Postgres does not answer: {error}.") from error

    def any_of(self, expression: str, name: str) -> str:
        """The list arrives as a Postgres array."""
        return f"{expression} = ANY(:{name})"

    def carrier(self) -> Carrier:
        """Postgres tells every node itself."""
        return PostgresCarrier(self.url, self._writes, self.supervisor)

    def _writes(self, process: int) -> bool:
        """Whether that process of Postgres is the other end of our writing connection."""
        return self._writer is not None and bool(self._writer.raw.get_server_pid() == process)

    async def writer(self) -> PostgresConnection:
        """The writing connection, made anew when the server dropped it."""
        import asyncpg

        if self._writer is None or self._writer.raw.is_closed():
            self._writer = PostgresConnection(
                await asyncpg.connect(
                    self.url,
                    timeout=10,
                    command_timeout=10,
                    statement_cache_size=STATEMENTS,
                    server_settings=_WRITER,
                )
            )
        return self._writer

    @asynccontextmanager
    async def upgrading(self) -> AsyncIterator[PostgresConnection]:
        """The writing connection with patience: for large tables, and for the turn of another node that upgrades."""
        writer = await self.writer()
        writer.patience = LONG_COMMAND_SECONDS
        try:
            yield writer
        finally:
            writer.patience = None

    async def clear_writer(self) -> None:
        """A new connection: the state of one on which something failed is anybody's guess."""
        if self._writer is not None:
            self._writer.raw.terminate()
            self._writer = None

    @asynccontextmanager
    async def reader(self) -> AsyncIterator[PostgresConnection]:
        """A pooled connection inside one read-only snapshot."""
        async with (
            self._pool.acquire(timeout=ACQUIRE_SECONDS) as raw,
            raw.transaction(isolation="repeatable_read", readonly=True),
        ):
            yield PostgresConnection(raw)

    def translate(self, error: Exception) -> OpenAlertError | None:
        """Lost connections, full disks, shutdowns and standbys may pass; a mistake in our SQL does not."""
        import asyncpg

        passing = (
            OSError,
            TimeoutError,
            asyncpg.InterfaceError,
            asyncpg.InternalClientError,
            asyncpg.PostgresConnectionError,
            asyncpg.InsufficientResourcesError,
            asyncpg.OperatorInterventionError,
            asyncpg.ReadOnlySQLTransactionError,
            asyncpg.TransactionRollbackError,
        )
        if isinstance(error, passing):
            log.warning("database refused", error=str(error))
            return Unavailable(
                f"The database cannot be reached now ({type(error).__name__}).", retry_after=10
            )
        if isinstance(error, asyncpg.CharacterNotInRepertoireError):
            return Invalid("A text has a NUL character in it, which cannot be stored.")
        return None

    async def close_connections(self) -> None:
        """Close the writer and the pool."""
        if self._writer is not None:
            with suppress(Exception):
                await self._writer.raw.close()
            self._writer = None
        if self._pool is not None:
            with suppress(Exception):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self._pool.close()
            self._pool = None
