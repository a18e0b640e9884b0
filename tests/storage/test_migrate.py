"""Migrations: applied once, recorded, refused when database and program do not fit."""

import sqlite3
from typing import Any

import pytest

from openalert.storage import Database, migrate, open_database
from openalert.storage.migrate import Migration, SchemaError

pytestmark = pytest.mark.anyio


async def test_everything_is_applied_once(db: Database) -> None:
    """A database made by the fixture is up to date: applying again does nothing."""
    assert await migrate.pending(db) == []
    assert await migrate.apply(db) == []


@pytest.mark.proves("DB-6")
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
    """Each step is there for SQLite and for Postgres, under one number and one name."""
    sqlite, postgres = (
        [(each.version, each.name) for each in migrate.migrations(dialect)]
        for dialect in ("sqlite", "postgres")
    )
    assert sqlite == postgres
    assert sqlite[0][0] == 1


@pytest.mark.proves("DB-6")
async def test_an_upgrade_keeps_a_copy_of_what_was_there(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second migration comes with a newer program: the database as it was lies beside it, readable."""
    database = await open_database(sqlite_url)
    async with database.transaction() as tx:
        await tx.execute("INSERT INTO settings (name, value) VALUES ('kept', '1')")
    await database.close()
    known = migrate.migrations("sqlite")
    newer = [*known, Migration(known[-1].version + 1, "more", "ALTER TABLE settings ADD COLUMN more TEXT;\n")]
    monkeypatch.setattr(migrate, "migrations", lambda dialect: newer)
    database = await open_database(sqlite_url)
    async with database.read() as reader:
        assert await reader.value("SELECT more FROM settings") is None
    await database.close()
    copy = sqlite3.connect(sqlite_url.removeprefix("sqlite:///") + f".before-{known[-1].version + 1:04d}")
    assert copy.execute("SELECT value FROM settings WHERE name = 'kept'").fetchone() == ("1",)
    assert "more" not in [row[1] for row in copy.execute("PRAGMA table_info(settings)")]
    copy.close()


@pytest.mark.proves("DB-6", "F-40")
async def test_a_migration_that_breaks_leaves_the_schema_as_it_was(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a migration is none: its first statement is undone with the second, and nothing is recorded."""
    known = migrate.migrations("sqlite")
    broken = Migration(
        known[-1].version + 1,
        "broken",
        "ALTER TABLE settings ADD COLUMN more TEXT;\nSELECT * FROM nowhere;\n",
    )
    with monkeypatch.context() as patched:
        patched.setattr(migrate, "migrations", lambda dialect: [*known, broken])
        with pytest.raises(sqlite3.OperationalError):
            await open_database(sqlite_url)
    database = await open_database(sqlite_url)
    async with database.read() as reader:
        names = [row[1] for row in await reader.rows("PRAGMA table_info(settings)")]
    await database.close()
    assert "more" not in names


async def _empty(database_url: str) -> tuple[Database, Any]:
    """A database without any schema, and the connection that writes to it."""
    plain = await open_database(database_url, migrated=False)
    connection = await plain.writer()
    if plain.dialect == "postgres":
        await connection.run("CREATE SCHEMA old")
        await connection.run("SELECT set_config('search_path', 'old', false)")
        return plain, connection
    await plain.close()
    plain = await open_database(f"{database_url}.old", migrated=False)
    return plain, await plain.writer()


async def test_words_of_before_hold_for_everything_about_an_incident(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Templates had no kind: each becomes one for every kind of message, and another kind can stand beside it."""
    known = {dialect: migrate.migrations(dialect) for dialect in ("sqlite", "postgres")}
    plain, connection = await _empty(database_url)
    dialect = plain.dialect
    before = [each.version for each in known[dialect]].index(30)
    monkeypatch.setattr(migrate, "migrations", lambda dialect: known[dialect][:before])
    await migrate.apply(plain)
    await connection.run("INSERT INTO organizations (id, name, created_at) VALUES ('o', 'O', 0)")
    row = "'o', 'sms', {} '{{{{ service.name }}}} is down', 7"
    await connection.run(f"INSERT INTO message_templates VALUES ({row.format('')})")
    monkeypatch.setattr(migrate, "migrations", lambda dialect: known[dialect][: before + 1])
    assert await migrate.apply(plain) == ["0030_words_by_kind"]
    await connection.run(
        f"INSERT INTO message_templates VALUES ({row.format(chr(39) + 'news' + chr(39) + ',')})"
    )
    _, rows = await connection.fetch("SELECT kind, text, updated_at FROM message_templates ORDER BY kind", {})
    text = "{{ service.name }} is down"
    assert [tuple(row) for row in rows] == [("any", text, 7), ("news", text, 7)]
    if dialect == "postgres":
        await connection.run("ROLLBACK")
    await plain.close()


async def test_messages_keep_their_kind_when_a_further_one_is_allowed(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The column is made anew with another CHECK: each row keeps its word, and an unknown one is still refused."""
    known = {dialect: migrate.migrations(dialect) for dialect in ("sqlite", "postgres")}
    plain, connection = await _empty(database_url)
    dialect = plain.dialect
    monkeypatch.setattr(migrate, "migrations", lambda dialect: known[dialect][:2])
    await migrate.apply(plain)
    for number, kind in enumerate(("page", "update", "test", "notice", "code")):
        await connection.run(
            "INSERT INTO notifications (id, effect_key, organization_id, episode, cycle, level, kind, channel, "
            "address, reason, content, status, possible_repeat, attempts, give_up_at, created_at, updated_at) VALUES "
            f"('{number}', '{number}', 'o', 0, 0, 0, '{kind}', 'email', 'a', '', '{{}}', 'sent', false, 1, 0, 0, 0)"
        )
    monkeypatch.setattr(migrate, "migrations", lambda dialect: known[dialect][:3])
    assert await migrate.apply(plain) == ["0003_accounts"]
    _, rows = await connection.fetch("SELECT kind FROM notifications ORDER BY id", {})
    assert [row[0] for row in rows] == ["page", "update", "test", "notice", "code"]
    await connection.run("UPDATE notifications SET kind = 'link' WHERE id = '4'")
    with pytest.raises(Exception, match=r"(?i)check"):
        await connection.run("UPDATE notifications SET kind = 'unheard of' WHERE id = '4'")
    if dialect == "postgres":
        await connection.run("ROLLBACK")
    await plain.close()
