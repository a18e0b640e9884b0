"""Upgrades from every earlier schema, with rows in every table of it, on both stores."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from openalert.storage import Database, migrate, open_database
from tests.conftest import Postgres
from tests.storage.upgrades import a_row_in_every_table, build, up_to

pytestmark = [pytest.mark.anyio, pytest.mark.proves("DB-6", "F-40")]

VERSIONS = [each.version for each in migrate.migrations("sqlite")][:-1]
QUICK = [VERSIONS[0], VERSIONS[len(VERSIONS) // 2], VERSIONS[-1]]
REPLACED = {
    "sessions": "people sign in again after an upgrade from before sessions had an id of their own",
    "message_templates": "templates are kept by kind since",
}
"""Tables whose rows of then go, or go elsewhere."""


def _rows_of(raw: sqlite3.Connection, version: int) -> dict[str, dict[str, Any]]:
    rows = a_row_in_every_table(raw)
    assert len(rows) > 20, f"schema {version} has hardly any table"
    return rows


@pytest.fixture(params=["sqlite", "postgres"])
async def empty_url(request: pytest.FixtureRequest, tmp_path: Path, anyio_backend: str) -> AsyncIterator[str]:
    """A database without any schema."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'openalert.db'}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    name = await server.create()
    yield server.url(name)
    await server.drop(name)


async def _fill(database: Database, rows: dict[str, dict[str, Any]]) -> None:
    """The same rows; what is a number in SQLite is a truth value where Postgres wants one."""
    connection = await database.writer()
    for table, row in rows.items():
        _, there = await connection.fetch(f'SELECT count(*) FROM "{table}"', {})
        if there[0][0]:
            continue
        known = {name: value for name, value in row.items() if value is not None}
        if database.dialect == "postgres":
            _, kinds = await connection.fetch(
                "SELECT column_name FROM information_schema.columns "
                "WHERE table_name = :table AND data_type = 'boolean'",
                {"table": table},
            )
            known |= {each[0]: bool(known[each[0]]) for each in kinds if each[0] in known}
        marks = ", ".join(f":{name}" for name in known)
        await connection.fetch(f'INSERT INTO "{table}" ({", ".join(known)}) VALUES ({marks})', known)


async def upgrades(url: str, version: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Build what that version left, bring it up to date, and find every row again."""
    rows = _rows_of(build(version), version)
    dialect = url.partition(":")[0]
    with monkeypatch.context() as then:
        known = up_to(version, dialect)
        then.setattr(migrate, "migrations", lambda _: known)
        before = await open_database(url, keeps_copy=False)
        await _fill(before, rows)
        await before.close()
    after = await open_database(url)
    try:
        async with after.read() as reader:
            assert await migrate.pending(after) == []
            gone = [
                table
                for table in sorted(rows.keys() - REPLACED.keys())
                if not await reader.value(f'SELECT count(*) FROM "{table}"')
            ]
            assert gone == [], f"these were lost on the way from schema {version}"
            if dialect == "sqlite":
                assert await reader.rows("PRAGMA foreign_key_check") == []
                assert [row[0] for row in await reader.rows("PRAGMA integrity_check")] == ["ok"]
    finally:
        await after.close()


@pytest.mark.parametrize("version", QUICK)
async def test_rows_of_an_earlier_version_are_there_after_an_upgrade(
    empty_url: str, version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first schema, one from the middle and the one before the last."""
    await upgrades(empty_url, version, monkeypatch)


@pytest.mark.campaign
@pytest.mark.parametrize("version", VERSIONS)
async def test_every_earlier_version_can_be_upgraded(
    empty_url: str, version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same from each of them."""
    await upgrades(empty_url, version, monkeypatch)
