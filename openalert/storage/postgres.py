"""Postgres for larger installs: a pool to read from, one connection to write with.

Nodes take turns at writing by an advisory lock that ends with the transaction, so the rules that are true
with one SQLite writer stay true here: docs/decisions/0001-database-layer.md.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import lru_cache
from typing import Any, TypeVar
from uuid import uuid4

import structlog

from openalert.config.postgres_url import readable
from openalert.domain.errors import Invalid, OpenAlertError, Unavailable
from openalert.domain.instant import Instant
from openalert.storage import postgres_standstill
from openalert.storage.clock import Clock, Clocks, uptime, wall_clock
from openalert.storage.connection import Connection, Rows, Writes
from openalert.storage.database import Database
from openalert.storage.feed import Carrier
from openalert.storage.group_commit import BODY_SECONDS
from openalert.storage.postgres_arrays import Insert, from_arrays, gathered, in_one
from openalert.storage.postgres_carrier import PostgresCarrier
from openalert.storage.postgres_clock import LOOK_SECONDS, PostgresClock
from openalert.storage.postgres_hosts import CONNECT_SECONDS, NoPrimary, PostgresHosts
from openalert.supervisor import Watched

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
    # A node that is frozen or cut off in its turn loses it, before those who wait for theirs are told to come again.
    "idle_in_transaction_session_timeout": "3s",
    # Whoever waits behind another session's lock is told to come again (promise IN-2).
    "lock_timeout": "5s",
    # Postgres would call a commit done that it broke off waiting for another server's copy of.
    "statement_timeout": "0",
}
DOUBT_SECONDS = 30.0
"""So long it is asked whether a commit was made whose answer is lost; then those who wait are told to come again."""
AGAIN_SECONDS = 0.3
WRITE_LOCK = 0x6F61_6C65_7274
"""The advisory lock of whoever writes: the letters "oalert"."""

_SURE = (
    "SELECT set_config('synchronous_commit', 'on', FALSE) WHERE current_setting('synchronous_commit') = 'off'"
)
"""A commit is answered when it is on the disk; who wants it on another one too (`remote_apply`) keeps that."""
_END_OLD = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
    "AND usename = current_user AND application_name = $1"
)
_RECEIPT = (
    "INSERT INTO commit_receipts (writer, receipt, written_at) VALUES ('{writer}', {receipt}, now()) "
    "ON CONFLICT (writer) DO UPDATE SET receipt = excluded.receipt, written_at = excluded.written_at"
)
_KEPT = "UPDATE commit_receipts SET written_at = now() WHERE writer = $1 RETURNING receipt"
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


_SEVERAL: dict[tuple[str, ...], str] = {}
"""The statements for arrays by the inserts that they were made of: as many as the program has, and ways to follow."""


class PostgresConnection:
    """One asyncpg connection, seen as the `Connection` that storage needs."""

    def __init__(self, raw: Any, epoch: int = 0) -> None:
        """`epoch`: of the servers, see `PostgresHosts`."""
        self.raw = raw
        self.epoch = epoch
        self.patience: float | None = None
        """Seconds that a statement may take; None: as the connection was opened."""

    async def fetch(
        self, sql: str, parameters: Mapping[str, Any], before: Writes = ()
    ) -> tuple[Sequence[str], Rows]:
        """Column names and rows; the writes `before` are done first."""
        await self.write(before)
        statement, names = numbered(sql)
        rows = await self.raw.fetch(statement, *(parameters[name] for name in names), timeout=self.patience)
        return (tuple(rows[0].keys()) if rows else ()), rows

    async def write(self, writes: Writes) -> None:
        """Each statement once for each set of its parameters; inserts that follow each other in one round trip."""
        for inserts, (sql, parameters) in gathered(writes):
            if inserts and (len(inserts) > 1 or len(parameters) > 1):
                await self._insert(inserts)
                continue
            statement, names = numbered(sql)
            rows = [[row[name] for name in names] if isinstance(row, Mapping) else row for row in parameters]
            await self.raw.executemany(statement, rows)

    async def _insert(self, inserts: Sequence[Insert]) -> None:
        key = tuple(sql for sql, _ in inserts)
        several = _SEVERAL.get(key)
        if several is None:
            several = _SEVERAL[key] = await self._for_arrays(key)
        await self.raw.execute(
            several, *(column for _, rows in inserts for column in zip(*rows, strict=True))
        )

    async def _for_arrays(self, statements: Sequence[str]) -> str:
        """Postgres itself says what kinds of values they take."""
        made: list[str] = []
        count = 0
        for sql in statements:
            row = await self.raw.prepare(numbered(sql)[0])
            kinds = [parameter.name for parameter in row.get_parameters()]
            made.append(from_arrays(sql, kinds, count + 1))
            count += len(kinds)
        return in_one(made)

    async def run(self, *statements: str) -> None:
        """Statements without parameters or results, in one round trip."""
        await self.raw.execute(";".join(statements), timeout=self.patience)

    async def together(self, work: Callable[[Connection], Coroutine[Any, Any, T]]) -> T:
        """As it comes: every statement is a trip to the server anyway."""
        async with asyncio.timeout(BODY_SECONDS):
            return await work(self)


async def _as_it_is(_: Any) -> None:
    """What read one snapshot leaves nothing behind; asking Postgres to forget it costs a trip for each."""


class PostgresDatabase(Database):
    """One Postgres database, shared by any number of nodes."""

    dialect = "postgres"
    begin = ("BEGIN", f"SELECT pg_advisory_xact_lock({WRITE_LOCK})")

    def __init__(self, url: str, clock: Clock = wall_clock) -> None:
        super().__init__(clock)
        self._theirs = PostgresClock() if clock is wall_clock else None
        self.url = readable(url)
        self._hosts = PostgresHosts(self.url)
        self._epoch = 0
        """Of the servers, when the writing connection was made and the pool was last made anew."""
        self._name = f"openalert {uuid4().hex}"
        """Of the writing connections of this process, which have a row of receipts."""
        self._receipt = 0
        self._looking: list[Watched] = []
        """The tasks that look at Postgres now and then."""
        self._pool: Any = None
        self._writer: PostgresConnection | None = None

    async def open(self) -> None:
        """Connect; `Unavailable` says why it did not work."""
        await self._connected(self._open_pool(READERS, COMMAND_SECONDS, connect=self._hosts.connect))
        await self._connected(self.writer())
        await self._connected(self._look_at_clock())
        if self._theirs is not None:
            self.clocks = Clocks(self._theirs, uptime)

    async def open_reading(self) -> None:
        """Connect to read alone, with the patience to read everything."""
        await self._connected(self._open_pool(1, LONG_COMMAND_SECONDS, target_session_attrs="any"))

    async def _open_pool(self, size: int, command_seconds: float, **which: Any) -> None:
        """`which` of several servers; a standby would show what was true a while ago."""
        import asyncpg

        self._pool = await asyncpg.create_pool(
            self.url,
            min_size=0,  # a floor is kept by a task of the pool's own, which logs a stack whenever Postgres is away
            max_size=size,
            command_timeout=command_seconds,
            timeout=CONNECT_SECONDS,
            statement_cache_size=STATEMENTS,
            server_settings=_READER,
            reset=_as_it_is,
            **which,
        )
        async with self._pool.acquire(timeout=ACQUIRE_SECONDS):
            pass  # whoever cannot be reached is heard of now

    async def _look_at_settings(self) -> None:
        """Say plainly what of the server's settings may lose what was answered."""
        # By a connection of its own: the engine has begun, and the writer's may be at work.
        async with self._pool.acquire(timeout=ACQUIRE_SECONDS) as raw:
            row = await raw.fetchrow(
                "SELECT current_setting('fsync') AS fsync, current_setting('full_page_writes') AS pages, "
                "(SELECT reset_val FROM pg_settings WHERE name = 'synchronous_commit') AS commit"
            )
        if row["fsync"] == "off" or row["pages"] == "off":
            log.warning(
                "Postgres may lose or damage what was answered when its machine loses power: turn fsync and "
                "full_page_writes on",
                fsync=row["fsync"],
                full_page_writes=row["pages"],
            )
        if row["commit"] == "off":
            log.warning(
                "synchronous_commit is off in Postgres; OpenAlert's own commits wait for the disk anyway"
            )

    async def follow(self, carrier: Carrier | None = None) -> None:
        """As everywhere: a server begins, so the settings of Postgres are looked at."""
        await self._look_at_settings()
        await super().follow(carrier)

    def start(self) -> None:
        """Begin to take turns, and to follow the clock of Postgres."""
        super().start()
        self._looking.append(self.supervisor.start("postgres standstill", lambda _: self._follow_writer()))
        if self._theirs is not None:
            self._looking.append(self.supervisor.start("postgres clock", lambda _: self._follow_clock()))

    async def close(self) -> None:
        """As everywhere; the receipts of this process are not asked for any more."""
        await self.supervisor.stop(*self._looking)
        await super().close()

    async def _follow_writer(self) -> None:
        await postgres_standstill.follow(self._pool, lambda: self.group_commit.age, self.standstill)

    async def _follow_clock(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            with suppress(Exception):  # not knowing better, the time goes on
                await self._look_at_clock()
            if self._hosts.are_several:
                await self._hosts.promoted()
                await self._leave_old_server()

    async def _leave_old_server(self) -> None:
        """Connections to a server in whose place another one was promoted are not used any more."""
        if self._epoch == self._hosts.epoch:
            return
        self._epoch = self._hosts.epoch
        if self._pool is not None:
            await self._pool.expire_connections()
        if self._feed is not None:
            self._feed.doubt()

    async def _look_at_clock(self) -> None:
        async def ask() -> Instant:
            async with self._pool.acquire(timeout=ACQUIRE_SECONDS) as raw:
                return int(await raw.fetchval("SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)"))

        if self._theirs is not None:
            await self._theirs.look(ask)

    async def _connected(self, connecting: Awaitable[Any]) -> None:
        import asyncpg

        try:
            await connecting
        except NoPrimary as error:
            await self.close_connections()
            raise Unavailable(
                f"This Postgres can only be read: it is a standby, or set to read-only ({error}). Name the primary "
                "in database.url, or all of them: postgres://user@one,two/name."
            ) from error
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
            await self.close_connections()
            raise Unavailable(f"Postgres does not answer: {error}.") from error

    def any_of(self, expression: str, name: str) -> str:
        """The list arrives as a Postgres array."""
        return f"{expression} = ANY(:{name})"

    def carrier(self) -> Carrier:
        """Postgres tells every node itself."""
        return PostgresCarrier(self._hosts, self._writes, self.supervisor)

    def _writes(self, process: int) -> bool:
        """Whether that process of Postgres is the other end of our writing connection."""
        return self._writer is not None and bool(self._writer.raw.get_server_pid() == process)

    async def writer(self) -> PostgresConnection:
        """The writing connection, made anew when it was lost: to the server that can be written to."""
        await self._leave_old_server()
        if self._writer is not None and self._writer.epoch != self._hosts.epoch:
            await self.clear_writer()
        if self._writer is None or self._writer.raw.is_closed():
            raw = await self._hosts.connect(
                survey=True,
                command_timeout=COMMAND_SECONDS,
                statement_cache_size=STATEMENTS,
                server_settings=_WRITER | {"application_name": self._name},
            )
            self._writer = PostgresConnection(raw, self._hosts.epoch)
            await self._leave_old_server()
            await raw.execute(_SURE)
            # What is left of a connection that was cut would keep its turn until the server notices.
            await raw.execute(_END_OLD, self._name)
        return self._writer

    @asynccontextmanager
    async def upgrading(self) -> AsyncIterator[PostgresConnection]:
        """The writing connection with patience: for large tables, and for the turn of another node that upgrades."""
        writer = await self.writer()
        writer.patience = LONG_COMMAND_SECONDS
        await writer.run(
            "SET lock_timeout = 0",
            f"SET idle_in_transaction_session_timeout = '{LONG_COMMAND_SECONDS:.0f}s'",
        )
        try:
            yield writer
        except BaseException:
            await self.clear_writer()
            raise
        await writer.run("RESET lock_timeout", "RESET idle_in_transaction_session_timeout")
        writer.patience = None

    def closing(self) -> tuple[str, ...]:
        """COMMIT, and with it a receipt: one round trip."""
        self._receipt += 1
        return (
            _RECEIPT.format(writer=self._name, receipt=self._receipt),
            "COMMIT",
        )

    async def is_there(self, error: Exception) -> bool | None:
        """Asked of the database itself, unless it does not answer that either."""
        try:
            there = await self._was_committed()
        except Exception as broken:
            log.exception("a commit stays in doubt", error=type(broken).__name__)
            return None
        log.warning("the answer to a commit was lost", was_made=there, error=str(error))
        return there

    async def _was_committed(self) -> bool:
        """Ask in a turn of its own, which comes when that transaction has ended, whichever way."""
        until = time.monotonic() + DOUBT_SECONDS
        while True:
            await self.clear_writer()
            try:
                writer = await self.writer()
                await writer.run(*self.begin)
                # Written anew, and so not answered before another server has it too where commits wait for that:
                # what broke off while it waited is there for whoever looks, and gone if this server is.
                kept = await writer.raw.fetchval(_KEPT, self._name)
                await writer.run("COMMIT")
            except Exception as error:
                if self.translate(error) is None or self.group_commit.is_closing or time.monotonic() > until:
                    raise
                await asyncio.sleep(AGAIN_SECONDS)
            else:
                return bool(kept == self._receipt)

    def is_worth_another_try(self, error: Exception) -> bool:
        """A deadlock with somebody else's transaction, or a failure to serialize."""
        import asyncpg

        return isinstance(error, asyncpg.SerializationError | asyncpg.DeadlockDetectedError)

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
            try:
                yield PostgresConnection(raw)
            except (OSError, TimeoutError):
                raw.terminate()  # what hangs is not asked politely to roll back
                raise

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
            asyncpg.LockNotAvailableError,
            NoPrimary,
            asyncpg.ReadOnlySQLTransactionError,
            asyncpg.TransactionRollbackError,
        )
        if isinstance(error, passing):
            log.warning("database refused", error=str(error))
            return self.standstill.refusal(
                f"The database cannot be reached now ({type(error).__name__}).", retry_after=10
            )
        if isinstance(error, asyncpg.CharacterNotInRepertoireError):
            return Invalid("A text has a NUL character in it, which cannot be stored.")
        return None

    async def keep_reserve(self, size: int) -> None:
        """Postgres has a disk of its own."""

    async def look_at_disk(self) -> None:
        """Postgres has a disk of its own."""

    async def prove_sound(self) -> list[str]:
        """Postgres looks at its own pages."""
        return []

    async def own(self) -> None:
        """Any number of nodes take turns."""

    async def until_answered(self, tell: Callable[[str], None]) -> None:
        """One that waits for its standby answers no commit, and reading works."""

        async def connect() -> Any:
            raw = await self._hosts.connect(server_settings={"application_name": f"{self._name} begins"})
            await raw.execute(_SURE)
            return raw

        await self._connected(postgres_standstill.until_answered(connect, self._pool, tell))

    async def close_connections(self) -> None:
        """Close the writer and the pool."""
        if self._writer is not None:
            with suppress(Exception):
                await self._writer.raw.execute(
                    "DELETE FROM commit_receipts WHERE writer = $1 OR written_at < now() - INTERVAL '7 days'",
                    self._name,
                    timeout=CLOSE_SECONDS,
                )
            with suppress(Exception):
                await self._writer.raw.close()
            self._writer = None
        if self._pool is not None:
            with suppress(Exception):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self._pool.close()
            self._pool = None
