"""Applies `migrations/*.sql` in order: one transaction each, recorded with its checksum.

The same file serves SQLite and Postgres; `NNNN_words.sqlite.sql` and `.postgres.sql` beside it or in its place
hold what they cannot agree on. A database newer than the program is refused, and so is a file changed after it
was applied.
"""

import hashlib
import re
from importlib import resources

import msgspec

from openalert.domain.errors import OpenAlertError
from openalert.storage.connection import Connection
from openalert.storage.database import Database
from openalert.storage.transaction import Reader

_FILE = re.compile(r"(\d{4})_(\w+)(?:\.(sqlite|postgres))?\.sql")


class SchemaError(OpenAlertError):
    """The schema of the database and this program do not fit together."""


class Migration(msgspec.Struct, frozen=True):
    """One step of the schema."""

    version: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, so that a later change of an applied file is noticed."""
        return hashlib.sha256(self.sql.encode()).hexdigest()

    @property
    def statements(self) -> list[str]:
        """The statements one by one; comments are left out."""
        text = "\n".join(line for line in self.sql.splitlines() if not line.lstrip().startswith("--"))
        return [statement for statement in (part.strip() for part in text.split(";\n")) if statement]


def migrations(dialect: str) -> list[Migration]:
    """Every migration for this database, in order."""
    found: dict[int, Migration] = {}
    files = resources.files("openalert.storage").joinpath("migrations").iterdir()
    # `0002_x.sql` before `0002_x.sqlite.sql`: what is shared comes first.
    for file in sorted(files, key=lambda file: file.name.removesuffix(".sql")):
        match = _FILE.fullmatch(file.name)
        if match and match.group(3) in (None, dialect):
            version, text = int(match.group(1)), file.read_text(encoding="utf-8")
            shared = found[version].sql if version in found else ""
            found[version] = Migration(version, match.group(2), shared + text)
    return [found[version] for version in sorted(found)]


async def pending(database: Database) -> list[Migration]:
    """What is still to be applied; `SchemaError` when the database does not fit this program."""
    known = migrations(database.dialect)
    async with database.upgrading() as connection:
        applied = await _applied(database, connection)
    if applied and max(applied) > max(migration.version for migration in known):
        raise SchemaError(
            f"The database has schema {max(applied)}, this program knows {known[-1].version}. "
            "Run the newer OpenAlert, or restore the backup that was made before the upgrade."
        )
    for migration in known:
        if applied.get(migration.version, migration.checksum) != migration.checksum:
            raise SchemaError(
                f"Migration {migration.version:04d}_{migration.name} was changed after it was applied."
            )
    return [migration for migration in known if migration.version not in applied]


async def _applied(database: Database, connection: Connection) -> dict[int, str]:
    """Version to checksum. Whoever is the first makes the table: of two at once, one waits for the other."""
    await connection.run(*database.begin)
    try:
        await connection.run(
            "CREATE TABLE IF NOT EXISTS schema_migrations ("
            "version BIGINT PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at BIGINT NOT NULL)"
        )
        _, rows = await connection.fetch(
            "SELECT version, checksum FROM schema_migrations ORDER BY version", {}
        )
        await connection.run("COMMIT")
    except BaseException:
        await connection.run("ROLLBACK")
        raise
    return {int(row[0]): str(row[1]) for row in rows}


async def check_current(reader: Reader) -> None:
    """Pass if the schema is that of this program, else SchemaError; for whoever only reads."""
    try:
        applied: int = await reader.value("SELECT max(version) FROM schema_migrations")
    except Exception as error:
        raise SchemaError(f"This is no database of OpenAlert: {error}.") from error
    newest = migrations(reader.database.dialect)[-1].version
    if applied != newest:
        raise SchemaError(
            f"The database has schema {applied}, this program needs {newest}. Run the OpenAlert that fits, or "
            "bring the schema up to date with `openalert migrate`."
        )


async def apply(database: Database) -> list[str]:
    """Bring the schema up to date; the names of the migrations that were applied."""
    done = []
    waiting = await pending(database)
    async with database.upgrading() as connection:
        for migration in waiting:
            await connection.run(*database.begin)
            try:
                if await _apply(database, connection, migration):
                    done.append(f"{migration.version:04d}_{migration.name}")
                await connection.run("COMMIT")
            except BaseException:
                await connection.run("ROLLBACK")
                raise
    return done


async def _apply(database: Database, connection: Connection, migration: Migration) -> bool:
    """Inside a transaction; False when another process has done it meanwhile."""
    _, rows = await connection.fetch(
        "SELECT version FROM schema_migrations WHERE version = :version", {"version": migration.version}
    )
    if rows:
        return False
    for statement in migration.statements:
        await connection.run(statement)
    await connection.fetch(
        "INSERT INTO schema_migrations (version, name, checksum, applied_at) "
        "VALUES (:version, :name, :checksum, :applied_at)",
        {
            "version": migration.version,
            "name": migration.name,
            "checksum": migration.checksum,
            "applied_at": database.clock(),
        },
    )
    return True
