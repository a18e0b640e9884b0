"""The only room with SQL: `open_database(url)` gives a Database, the modules hold the statements by noun."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from openalert.domain.errors import Invalid
from openalert.storage import backup, channels, migrate
from openalert.storage.clock import Clock, wall_clock
from openalert.storage.database import Database
from openalert.storage.keyring import KeyRing
from openalert.storage.postgres import PostgresDatabase
from openalert.storage.sqlite import SqliteDatabase
from openalert.storage.transaction import Reader, Transaction


async def open_database(
    url: str,
    clock: Clock = wall_clock,
    *,
    migrated: bool = True,
    keys: KeyRing | None = None,
    keeps_copy: bool = True,
    patience: float = 0.0,
    tell: Callable[[str], None] | None = None,
) -> Database:
    """The database at `sqlite:///path` or `postgres://…`, its schema up to date and its writer at work.

    Raises DatabaseInUse when another process serves the file, Unavailable when the database does not answer,
    SchemaError when the database is newer than the program. `migrated=False` leaves the schema as it is.
    `keys` open the secrets in it; what an older program left there unsealed is sealed now. Without them every
    use of a secret is an error. `keeps_copy`: as `upgrade`. `patience`: seconds for which it waits for another program
    that has an SQLite file locked, saying who that is. `tell`: before it writes it waits, however long, until commits
    are answered, and says again and again why they are not.
    """
    database = _database(url, clock, patience)
    await database.open()
    try:
        if tell is not None:
            await database.until_answered(tell)
        if migrated:
            await upgrade(database, keeps_copy=keeps_copy)
    except BaseException as error:
        await database.close_connections()
        if isinstance(error, Exception) and (words := database.translate(error)):
            raise words from error
        raise
    database.start()
    try:
        if keys is not None:
            database.keys = keys
            async with database.transaction() as tx:
                await channels.seal_plain(tx)
    except BaseException:
        await database.close()  # a connection that is left open would keep the process from ending
        raise
    return database


async def open_reading(url: str, clock: Clock = wall_clock) -> Database:
    """The same database for reading alone, also beside a server: it takes no lock and changes nothing.

    SchemaError when its schema is not that of this program.
    """
    database = _database(url, clock)
    await database.open_reading()
    try:
        async with database.read() as reader:
            await migrate.check_current(reader)
    except BaseException:
        await database.close_connections()
        raise
    return database


async def upgrade(database: Database, *, keeps_copy: bool = True) -> list[str]:
    """Bring the schema up to date; the names of the migrations that were applied.

    What an SQLite file held before lies beside it afterwards, as it was, unless the file is a copy itself
    (`keeps_copy`); where that cannot be made nothing is changed.
    """
    waiting = await migrate.pending(database)
    if keeps_copy and waiting and isinstance(database, SqliteDatabase) and waiting[0].version > 1:
        copy = database.path.with_name(f"{database.path.name}.before-{waiting[0].version:04d}")
        copy.unlink(missing_ok=True)
        await asyncio.to_thread(backup.save, database.path, copy)
    return await migrate.apply(database)


def sqlite_file(url: str) -> Path | None:
    """The file that `sqlite:///path` names, whole; None for another database."""
    prefix, _, path = url.partition(":///")
    return Path(path).absolute() if prefix == "sqlite" else None


def _database(url: str, clock: Clock, patience: float = 0.0) -> SqliteDatabase | PostgresDatabase:
    scheme, _, rest = url.partition("://")
    if scheme == "sqlite" and rest.startswith("/") and len(rest) > 1:
        return SqliteDatabase(Path(rest[1:]), clock, patience)
    if scheme in ("postgres", "postgresql"):
        return PostgresDatabase(url, clock)
    raise Invalid(
        f"The database URL begins with {scheme!r}; use sqlite:///path/to/file or postgres://user@host/name.",
        field="database.url",
    )


__all__ = [
    "Clock",
    "Database",
    "Reader",
    "Transaction",
    "open_database",
    "open_reading",
    "sqlite_file",
    "upgrade",
    "wall_clock",
]
