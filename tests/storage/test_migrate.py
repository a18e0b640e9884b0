"""Migrations: applied once, recorded, refused when database and program do not fit."""

import pytest

from openalert.storage import Database, migrate
from openalert.storage.migrate import SchemaError

pytestmark = pytest.mark.anyio


async def test_everything_is_applied_once(db: Database) -> None:
    """A database made by the fixture is up to date: applying again does nothing."""
    assert await migrate.pending(db) == []
    assert await migrate.apply(db) == []


async def test_a_newer_database_is_refused(db: Database) -> None:
    """A program that is older than the schema says so instead of guessing."""
    async with db.transaction() as tx:
        await tx.execute(
            "INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES (9999, 'future', 'x', 0)"
        )
    with pytest.raises(SchemaError, match="9999"):
        await migrate.pending(db)


async def test_a_changed_migration_is_noticed(db: Database) -> None:
    """A file that was edited after it had been applied would make two kinds of databases."""
    async with db.transaction() as tx:
        await tx.execute("UPDATE schema_migrations SET checksum = 'other' WHERE version = 1")
    with pytest.raises(SchemaError, match="0001_initial"):
        await migrate.pending(db)


def test_both_databases_have_the_same_migrations() -> None:
    """Numbers count up without a gap, for SQLite and for Postgres alike."""
    for dialect in ("sqlite", "postgres"):
        versions = [each.version for each in migrate.migrations(dialect)]
        assert versions == list(range(1, len(versions) + 1))
