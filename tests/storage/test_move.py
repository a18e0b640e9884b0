"""Moving all data to another database: everything arrives as it was, or nothing does."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from openalert.app import OpenAlert
from openalert.cli import demo
from openalert.config import Config
from openalert.domain.errors import OpenAlertError, Unavailable
from openalert.storage import (
    move,
    move_postgres,
    move_sqlite,
    open_database,
    runs,
    sqlite_file,
)
from openalert.storage.keyring import KeyRing
from openalert.storage.lock_file import DatabaseInUse
from openalert.storage.move import Place, Progress
from openalert.storage.move_rows import MoveRefused, Row, Table
from openalert.usecases.verify import verify
from tests import make
from tests.cast import World, level
from tests.conftest import KEY, Postgres, StoppedClock
from tests.security import estate

pytestmark = pytest.mark.anyio

HARD = 'tab\t newline\n backslash \\N quote \' fire \U0001f525 accents e\u0301 {"json": [null]} \ufffe \x01'
"""What copies of tables tend to break."""


def silent(progress: Progress) -> None:
    """Nobody is told."""


def dump(path: Path) -> dict[str, list[str]]:
    """Every row of every table of a file, but for when its schema was made."""
    with closing(sqlite3.connect(path)) as raw:
        names = raw.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        )
        return {
            name: sorted(map(repr, raw.execute(f'SELECT * FROM "{name}"').fetchall()))
            for (name,) in names.fetchall()
            if name != "schema_migrations"
        }


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the rich database is kept once a test has made it."""
    return tmp_path_factory.mktemp("rich") / "openalert.db"


@pytest.fixture
async def full(rich: Path, sqlite_url: str, clock: StoppedClock, tmp_path: Path, anyio_backend: str) -> Path:
    """A file with an estate of everything and what the demonstration sets up; nobody has it open."""
    path = sqlite_file(sqlite_url)
    assert path is not None
    if rich.exists():
        path.write_bytes(rich.read_bytes())
        return path
    database = await open_database(sqlite_url, clock, migrated=False, keys=KeyRing([KEY]))
    try:
        organization = await make.organization(database)
        await estate.build(database, organization, "mark")
        await demo._set_up(OpenAlert(Config(), database, b"a key that signs links in tests"))
        async with database.transaction() as tx:
            await tx.execute("UPDATE alerts SET description = :words", words=HARD)
            await tx.execute(
                "UPDATE counters SET value = :largest WHERE name = 'outgoing_event'", largest=2**53 + 1
            )
    finally:
        await database.close()
    rich.write_bytes(path.read_bytes())
    return path


@pytest.fixture
async def empty(postgres: Postgres, anyio_backend: str) -> AsyncIterator[str]:
    """A Postgres database in which there is nothing at all."""
    name = await postgres.create()
    yield postgres.url(name)
    await postgres.drop(name)


@pytest.mark.proves("HA-1")
async def test_everything_arrives_both_ways(
    full: Path, empty: str, tmp_path: Path, clock: StoppedClock
) -> None:
    """SQLite to Postgres and back: every value of every row is what it was, and both targets keep their promises."""
    before = dump(full)
    there = await move.move(full, empty, silent)
    back = tmp_path / "back.db"
    again = await move.move(empty, back, silent)
    assert dump(back) == before == dump(full)
    assert {table.table: table.proven for table in there} == {table.table: table.proven for table in again}
    assert {table.table: table.done for table in there} == {name: len(rows) for name, rows in before.items()}
    assert sum(1 for rows in before.values() if rows) > 60, "not much of a test with empty tables"
    for url in (empty, f"sqlite:///{back}"):
        database = await open_database(url, clock, migrated=False, keys=KeyRing([KEY]))
        try:
            assert [each async for each in verify(database) if not each.holds] == []
        finally:
            await database.close()


async def test_secrets_stay_sealed_and_counters_go_on(full: Path, empty: str, clock: StoppedClock) -> None:
    """The same keys open what was sealed before; the next event and audit entry follow the last."""
    with closing(sqlite3.connect(full)) as raw:
        last = raw.execute("SELECT value FROM counters WHERE name = 'event'").fetchone()[0]
        sealed = raw.execute("SELECT id, sealed FROM channels WHERE sealed IS NOT NULL").fetchall()
    await move.move(full, empty, silent)
    database = await open_database(empty, clock, migrated=False, keys=KeyRing([KEY]))
    try:
        async with database.read() as reader:
            rows = await reader.rows("SELECT id, sealed FROM channels WHERE sealed IS NOT NULL")
            assert sorted(map(tuple, rows)) == sorted(sealed)
        organization = await make.organization(database)
        await make.user(database, organization, "new@example.org")
        async with database.read() as reader:
            newest = await reader.value("SELECT max(seq) FROM events")
            assert newest == await reader.value("SELECT value FROM counters WHERE name = 'event'")
            assert newest is None or newest >= last
        assert [each async for each in verify(database) if not each.holds] == []
    finally:
        await database.close()


@pytest.fixture(params=["postgres", "sqlite"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Each kind of empty place to move to."""
    place: Place = tmp_path / "new" / "openalert.db"
    return str(request.getfixturevalue("empty")) if request.param == "postgres" else place


async def _rows_in(place: Place) -> int:
    """How many people are in a database; 0 where there is none."""
    if isinstance(place, Path):
        return len(dump(place)["users"]) if place.exists() else 0
    async with move_postgres.destination(place) as side:
        return await side.count("users") if await side.tables() else 0


async def test_a_row_that_arrives_otherwise_undoes_everything(
    full: Path, target: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One changed letter in one of thousands of values: the sums differ, the table is named, nothing is there."""
    kind: Any = (
        move_sqlite.SqliteDestination if isinstance(target, Path) else move_postgres.PostgresDestination
    )
    load = kind.load

    async def spoil(self: Any, table: Table, rows: AsyncIterator[Row]) -> None:
        async def spoiled() -> AsyncIterator[Row]:
            at = table.columns.index("name") if table.name == "services" else None
            async for row in rows:
                if at is None:
                    yield row
                else:
                    values = list(row)
                    values[at] += "!"
                    at = None
                    yield values

        await load(self, table, spoiled())

    with monkeypatch.context() as patched:
        patched.setattr(kind, "load", spoil)
        with pytest.raises(MoveRefused, match="Table services did not arrive"):
            await move.move(full, target, silent)
    assert await _rows_in(target) == 0
    await move.move(full, target, silent)
    assert await _rows_in(target) == len(dump(full)["users"])


async def test_a_used_target_is_left_alone(full: Path, target: Place) -> None:
    """The second move to the same place is refused, whatever came there first."""
    await move.move(full, target, silent)
    with pytest.raises(MoveRefused, match=r"not empty|already"):
        await move.move(full, target, silent)
    assert await _rows_in(target) == len(dump(full)["users"])


async def test_the_tables_of_another_program_are_left_alone(full: Path, empty: str) -> None:
    """A database that something else lives in gets not even a schema."""
    async with move_postgres.destination(empty) as side:
        await side._raw.execute("CREATE TABLE invoices (id BIGINT)")
    with pytest.raises(MoveRefused, match="another program"):
        await move.move(full, empty, silent)
    async with move_postgres.destination(empty) as side:
        assert list(await side.tables()) == ["invoices"]


async def test_another_schema_is_refused(full: Path, empty: str) -> None:
    """What an older or a newer program left moves only after it was brought up to date."""
    with closing(sqlite3.connect(full)) as raw:
        raw.execute("INSERT INTO schema_migrations VALUES (9999, 'future', 'x', 0)")
        raw.commit()
    with pytest.raises(MoveRefused, match="schema 9999"):
        await move.move(full, empty, silent)
    with closing(sqlite3.connect(full)) as raw:
        raw.execute("DELETE FROM schema_migrations WHERE version > 20")
        raw.commit()
    with pytest.raises(MoveRefused, match="openalert migrate"):
        await move.move(full, empty, silent)
    async with move_postgres.destination(empty) as side:
        assert await side.tables() == {}


async def test_a_database_without_schema_is_no_source(tmp_path: Path, empty: str) -> None:
    """A mistyped path or an empty database is said, not moved."""
    with pytest.raises(OpenAlertError, match="no database at"):
        await move.move(tmp_path / "nowhere.db", empty, silent)
    with pytest.raises(MoveRefused, match="no schema of OpenAlert"):
        await move.move(empty, tmp_path / "new.db", silent)
    with pytest.raises(MoveRefused, match="same database"):
        await move.move(empty, empty, silent)


async def test_nothing_moves_beside_a_server(full: Path, postgres_url: str, tmp_path: Path) -> None:
    """What a server writes while its data moves would be lost: it is refused, on both databases."""
    database = await open_database(f"sqlite:///{full}", migrated=False)
    with pytest.raises(DatabaseInUse, match="in use by process"):
        await move.move(full, tmp_path / "new.db", silent)
    await database.close()
    database = await open_database(postgres_url, migrated=False)
    async with database.transaction() as tx:
        await runs.begin(tx, "a run")
    with pytest.raises(MoveRefused, match="Stop every node"):
        await move.move(postgres_url, tmp_path / "new.db", silent)
    async with database.transaction() as tx:
        await runs.end(tx, "a run")
    await database.close()
    await move.move(postgres_url, tmp_path / "new.db", silent)


async def test_nobody_writes_to_the_source_meanwhile(
    full: Path, empty: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a server that is started now nor a program that knows nothing of it; afterwards both may."""
    tried: list[str] = []

    def write(progress: Progress) -> None:
        with (
            closing(sqlite3.connect(full, timeout=0)) as raw,
            pytest.raises(sqlite3.OperationalError, match="locked"),
        ):
            raw.execute("DELETE FROM users")
        tried.append(progress.table)

    await move.move(full, empty, write)
    assert tried
    monkeypatch.setattr("openalert.storage.group_commit.WAIT_SECONDS", 0.2)
    database = await open_database(empty, migrated=False)
    async with move_postgres.source(empty):
        with pytest.raises(Unavailable):
            async with asyncio.timeout(60), database.transaction():
                pass
    monkeypatch.undo()
    async with database.transaction():
        pass
    await database.close()


async def test_what_postgres_cannot_store_is_named(full: Path, empty: str) -> None:
    """A NUL in a text: the row is named without its words, and nothing is there."""
    with closing(sqlite3.connect(full)) as raw:
        (team,) = raw.execute("SELECT min(id) FROM teams").fetchone()
        raw.execute("UPDATE teams SET description = 'secret' || char(0) || 'text' WHERE id = ?", (team,))
        raw.commit()
    with pytest.raises(MoveRefused, match=f"{team}.*NUL character in description") as refused:
        await move.move(full, empty, silent)
    assert "secret" not in refused.value.message
    assert await _rows_in(empty) == 0


@pytest.mark.parametrize("to_postgres", [True, False])
async def test_an_open_timer_goes_on(
    to_postgres: bool, sqlite_url: str, postgres_url: str, empty: str, clock: StoppedClock, tmp_path: Path
) -> None:
    """Who is due in four minutes is paged in four minutes, and the one who was paged already is not paged again."""
    world = await World.build(await open_database(sqlite_url if to_postgres else postgres_url, clock), clock)
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=5))
    await world.fires("DiskFull")
    world.mailbox(world.alice).got("DiskFull")
    await world.advance(minutes=1)
    await world.engine.stop()
    await world.db.close()
    new = tmp_path / "new.db"
    await (
        move.move(_place(sqlite_url), empty, silent) if to_postgres else move.move(postgres_url, new, silent)
    )
    database = await open_database(empty if to_postgres else f"sqlite:///{new}", clock)
    after = World(database, clock, world.cast)
    await after.engine.begin()
    await after.advance(minutes=3)
    after.is_quiet()
    await after.advance(minutes=1)
    after.mailbox(world.bob).got("DiskFull")
    after.is_quiet()
    await database.close()


def _place(url: str) -> Place:
    return sqlite_file(url) or url
