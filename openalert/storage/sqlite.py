"""SQLite inside the process: one connection that writes and checkpoints, a few that only read.

WAL with synchronous=FULL, so that an answered write survives loss of power. Only the writer checkpoints,
which also keeps SQLite before 3.51.3 clear of its WAL-reset corruption. A lock file keeps others out.
"""

import asyncio
import errno
import os
import secrets
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite
import structlog

from openalert.domain.errors import OpenAlertError, Unavailable
from openalert.storage import leftovers, log_file, permissions, soundness
from openalert.storage.clock import Clock, wall_clock
from openalert.storage.connection import Connection
from openalert.storage.database import Database
from openalert.storage.disk import Fatal
from openalert.storage.lock_file import LockFile
from openalert.storage.reserve import USUAL_PAGES, Reserve
from openalert.storage.sqlite_connection import BEGIN, SqliteConnection, Writer
from openalert.storage.transaction import Transaction

log = structlog.get_logger(__name__)
T = TypeVar("T")

READERS = 3
LONGEST_READ = 2.0
"""Seconds that a read of our own should take at most: no part of the log is used again that was written since."""
_BETWEEN_TRIES = 0.2
"""Seconds: some locks are told of at once, without the busy timeout."""
_BOTH = {"busy_timeout": 5000, "foreign_keys": 1, "temp_store": 2, "trusted_schema": 0, "mmap_size": 0}
_WRITER = _BOTH | {
    "synchronous": 2,
    "wal_autocheckpoint": USUAL_PAGES,
    "journal_size_limit": 64 * 1024 * 1024,
    "secure_delete": 1,  # what is changed or deleted is overwritten: a stolen file tells only what is true now
}
_READER = _BOTH | {"query_only": 1, "wal_autocheckpoint": 0}

_OWNER = "writer"
"""The setting that names the server whose database this is: a lock file can be deleted, this cannot."""
_FULL = "SQLITE_FULL"
_LOCKED = ("SQLITE_BUSY", "SQLITE_LOCKED")
_MAYBE_REFUSED = ("SQLITE_IOERR_WRITE", "SQLITE_IOERR_TRUNCATE", "SQLITE_IOERR_SHM", "SQLITE_CANTOPEN")
"""What a used-up quota, a full disk under the index of the log, or a file system that became read-only looks like."""
_OF_INDEX = "SQLITE_IOERR_SHM"
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_NOT_FLUSHED = ("SQLITE_IOERR_FSYNC", "SQLITE_IOERR_DIR_FSYNC")
_PASSING = (
    _FULL,
    "SQLITE_IOERR",
    *_LOCKED,
    "SQLITE_READONLY",
    "SQLITE_CANTOPEN",
)

_OWN = (
    "INSERT INTO settings (name, value) VALUES (:name, :value) "
    "ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)
_OWNED = "SELECT value FROM settings WHERE name = ?"


def _name_of(error: Exception) -> str:
    """SQLite's word for what went wrong; "" where it has none."""
    return getattr(error, "sqlite_errorname", "") or ""


def _note_a_long_read(seconds: float) -> None:
    """One of our own that kept the log from being used again for long is a fault to be found: it stands in the log."""
    if seconds > LONGEST_READ:
        log.warning("a read of our own took long", seconds=round(seconds, 1))


async def _make_anew(tx: Transaction, index: str) -> None:
    await tx.execute(f'REINDEX "{index}"')


class SqliteDatabase(Database):
    """One SQLite file."""

    dialect = "sqlite"
    begin = (BEGIN,)

    def __init__(self, path: Path, clock: Clock = wall_clock, patience: float = 0.0) -> None:
        """`patience`: seconds after which `open` gives up on a file that another program has locked; it always waits
        for one busy timeout.
        """
        super().__init__(clock)
        self.path = path
        self._patience = patience
        self.url = f"sqlite:///{path}"
        self.lock = LockFile(path.with_name(path.name + ".lock"))
        self._reserve = Reserve(path, self.disk)
        self._looked_at: str | None = None
        """The last table that was looked at before the start, when time ran out; None: every one was."""
        self._looking: asyncio.Task[None] | None = None
        self._ended = asyncio.Event()
        self._token = ""
        self._version: int | None = None
        """SQLite's word for "nobody else has written since"; None: look who has."""
        self._writer: SqliteConnection | None = None
        self._readers: asyncio.Queue[SqliteConnection] = asyncio.Queue()
        self._open: list[SqliteConnection] = []

    async def open(self) -> None:
        """Take the lock and open every connection."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.lock.take()
        try:
            leftovers.undo_restore(self.path)
            until = time.monotonic() + self._patience
            permissions.require(permissions.beside(self.path))
            await self._patiently(until, lambda: asyncio.to_thread(self._look_before))
            permissions.create(self.path)
            self._writer = writer = await self._patiently(until, lambda: self._connect(_WRITER))
            writer.around(before=self._may_write)
            if self._patience:
                await self._patiently(until, lambda: writer.run(BEGIN, "ROLLBACK"))
            for _ in range(READERS):
                self._readers.put_nowait(await self._connect(_READER))
        except BaseException as error:
            await self.close_connections()
            if isinstance(error, sqlite3.Error) and (words := self.translate(error)):
                raise words from error
            raise

    async def _patiently(self, until: float, step: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The result of `step`, begun again while another program has the file locked and it is not yet `until`."""
        while True:
            try:
                return await step()
            except sqlite3.OperationalError as error:
                if not _name_of(error).startswith(_LOCKED) or time.monotonic() > until:
                    raise
                log.warning(
                    "the database is locked: the start waits for it",
                    error=str(error), holder=log_file.holder(self.path) or "unknown",
                )  # fmt: skip
                await asyncio.sleep(_BETWEEN_TRIES)

    def _look_before(self) -> None:
        """Before anything is written: the files belong together, are sound, and there is room to open them."""
        soundness.refuse_strange_files(self.path, self.lock.last_salt)
        if self.path.exists() and self.path.stat().st_size:
            self._looked_at = soundness.look(self.path, soundness.briefly())
            if self.lock.last_salt is not None and not log_file.of(self.path).exists():
                log.warning(
                    "the log of the database is gone; if no other program took it in, the last acts are lost"
                )
        self._reserve.free_a_slice()

    def start(self) -> None:
        """As `Database.start`; a file too large to be looked at before is looked at soon."""
        super().start()
        if self._looked_at is not None:
            self._looking = asyncio.create_task(self._look_on(self._looked_at), name="database check")

    async def _look_on(self, after: str) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(soundness.REST_AFTER):
                await self._ended.wait()
                return
        try:
            await asyncio.to_thread(soundness.look, self.path, lambda: self.group_commit.is_closing, after)
        except soundness.Damaged as error:
            self._is_damaged(error.message)
        except sqlite3.Error as error:
            log.warning("the database could not be looked at to the end", reason=str(error))

    async def prove_sound(self) -> list[str]:
        """As `Database.prove_sound`: broken indexes are made anew, and with anything else nothing more is written."""
        wrong = await asyncio.to_thread(soundness.prove, self.path, lambda: self.group_commit.is_closing)
        indexes = soundness.broken_indexes(wrong)
        for index in indexes or ():
            log.error("an index is broken and is made anew", index=index)
            await self.act(partial(_make_anew, index=index))
        if indexes:
            left = await asyncio.to_thread(soundness.prove, self.path, lambda: self.group_commit.is_closing)
            indexes = None if left else indexes
        if wrong and indexes is None:
            self._is_damaged(soundness.advice(self.path, "; ".join(wrong[:3])))
        return wrong

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
        factory = Writer if wanted is _WRITER else sqlite3.Connection
        raw = await aiosqlite.connect(self.path, isolation_level=None, cached_statements=512, factory=factory)
        connection = SqliteConnection(raw)
        try:
            await connection.run(f"PRAGMA busy_timeout={wanted['busy_timeout']}", "PRAGMA journal_mode=WAL")
            await connection.run(*(f"PRAGMA {name}={value}" for name, value in wanted.items()))
            await self._compare(connection, wanted)
        except BaseException:
            await raw.close()
            raise
        self._open.append(connection)
        return connection

    async def _compare(self, connection: SqliteConnection, wanted: Mapping[str, int]) -> None:
        """A PRAGMA that did not take is a promise broken in silence, so each is read back."""
        for name, value in {**wanted, "journal_mode": "wal"}.items():
            _, rows = await connection.fetch(f"PRAGMA {name}", {})
            if rows and rows[0][0] != value:
                raise OpenAlertError(f"SQLite did not accept {name}={value}: it says {rows[0][0]}.")

    async def keep_reserve(self, size: int) -> None:
        """Put disk space aside from now on; see `Reserve`."""
        await asyncio.to_thread(self._reserve.keep, size)

    async def look_at_disk(self) -> None:
        """Bring `disk` up to date, and the reserve to its size where there is room again."""
        await asyncio.to_thread(self._measure)

    def _measure(self) -> None:
        self._reserve.measure()
        if self._writer is not None:
            self.disk.commit_seconds = self._writer.slowest_commit()
        self.disk.log_readers = log_file.readers(self.path) if self.disk.has_long_log else ()

    async def until_answered(self, tell: Callable[[str], None]) -> None:
        """A file answers, or says at once that it does not."""

    async def own(self) -> None:
        """Be the server that this database belongs to: another one that still runs ends at its next write."""
        writer = await self.writer()
        token = f"{os.getpid()} {secrets.token_hex(8)}"
        await writer.run(BEGIN)
        try:
            await writer.write([(_OWN, [{"name": _OWNER, "value": token}])])
            await writer.run("COMMIT")
        except Exception as error:
            await self.clear_writer()
            raise self.translate(error) or error from error
        self._token = token
        writer.around(after=self._still_owns)
        self.lock.mark(await asyncio.to_thread(log_file.salt, log_file.of(self.path)))

    def _may_write(self, raw: sqlite3.Connection) -> None:
        """In the writer's thread."""
        if self.disk.damage:
            raise Unavailable(self.disk.damage, retry_after=60)
        self._reserve.make_room(raw)

    def _still_owns(self, raw: sqlite3.Connection) -> None:
        """In the writer's thread, inside each transaction: nobody has taken the database from us.

        The question costs a hundredth of a commit as long as nobody else has written.
        """
        version = raw.execute("PRAGMA data_version").fetchone()[0]
        if version == self._version:
            return
        found = raw.execute(_OWNED, (_OWNER,)).fetchone()
        if found is None or found[0] == self._token:
            self._version = version
            return
        pid = found[0].partition(" ")[0]
        self._leave(
            Fatal.OVERTAKEN,
            f"The database {self.path} was taken over by process {pid}: this one ends, so that nobody is paged twice. "
            "Its lock file was deleted while it ran; never delete it.",
        )

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
        begun = time.monotonic()
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
            _note_a_long_read(time.monotonic() - begun)

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
        begun = time.monotonic()
        try:
            return await connection.together(look)
        finally:
            # Also when whoever asked was cancelled: whoever is next waits behind it in the connection's thread.
            self._readers.put_nowait(connection)
            _note_a_long_read(time.monotonic() - begun)

    def translate(self, error: Exception) -> OpenAlertError | None:
        """Full, locked, read-only and failing disks may pass; a mistake in our SQL does not."""
        name = _name_of(error)
        if name.startswith(_NOT_FLUSHED):
            self._leave(
                Fatal.FLUSH_FAILED,
                f"The disk did not take what was written to {self.path} ({error}). Whether the last acts are there "
                "is unknown, so this process ends; look after the disk.",
            )
        if name.startswith(soundness.DAMAGED):
            self._is_damaged(soundness.advice(self.path, str(error)))
            return Unavailable(self.disk.damage, retry_after=60)
        if not isinstance(error, (TimeoutError, MemoryError)) and not name.startswith(_PASSING):
            return None
        refused = self._reserve.why_refused() if name.startswith(_MAYBE_REFUSED) else 0
        if name == _FULL or refused in _NO_ROOM:
            self._reserve.was_refused(index=name.startswith(_OF_INDEX))
        words = str(error) or type(error).__name__
        if refused == errno.EROFS or name.startswith("SQLITE_READONLY"):
            words = f"{self.path.parent} is read-only: {words}"
        self.disk.trouble = words
        holder = log_file.holder(self.path) if name.startswith(_LOCKED) else None
        log.warning(
            "database refused", error=words, error_name=name, **({"holder": holder} if holder else {})
        )
        held = f"; process {holder} holds it" if holder else ""
        return Unavailable(f"The database cannot be written now ({words}{held}).", retry_after=10)

    def _is_damaged(self, advice: str) -> None:
        """From now on nothing is written."""
        if not self.disk.damage:
            self.disk.damage = advice
            log.critical("the database is damaged: nothing is written any more", advice=self.disk.damage)

    def _leave(self, why: Fatal, words: str) -> None:
        """End the process where that was arranged; else at least write nothing more."""
        self.disk.damage = self.disk.damage or words
        self.leave(why, words)

    async def close_connections(self) -> None:
        """Readers first, the writer last: an open connection would keep the interpreter from leaving."""
        self._ended.set()
        if self._looking is not None:
            await asyncio.gather(self._looking, return_exceptions=True)
        for connection in reversed(self._open):
            await connection.raw.close()
        if self._open and not log_file.of(self.path).exists():
            self.lock.mark(None)
        self._open.clear()
        self._writer = None
        self._reserve.close()
        self.lock.release()
