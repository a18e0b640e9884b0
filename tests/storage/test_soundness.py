"""A damaged database is found before anything is written to it, and what can be made anew is (promise DB-7)."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from openalert.domain.errors import Unavailable
from openalert.storage import open_database, settings
from openalert.storage.soundness import Damaged, broken_indexes
from openalert.storage.sqlite import SqliteDatabase
from tests.conftest import StoppedClock

pytestmark = pytest.mark.anyio

PAGE = 4096


@pytest.fixture
def file(sqlite_url: str) -> Path:
    """A migrated database that nobody has open, with a table and an index of some pages."""
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT NOT NULL, room TEXT)")
        raw.execute("CREATE INDEX things_by_name ON things (name)")
        raw.executemany("INSERT INTO things (name) VALUES (?)", [(f"{n:06}" * 20,) for n in range(500)])
        raw.commit()
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


def _root(path: Path, name: str) -> int:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as raw:
        row: tuple[int] = raw.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (name,)).fetchone()
    return row[0]


def _overwrite(path: Path, offset: int, content: bytes) -> None:
    with path.open("r+b") as raw:
        raw.seek(offset)
        raw.write(content)


def _header(path: Path) -> None:
    _overwrite(path, 0, b"no database of ours")


def _page(path: Path) -> None:
    _overwrite(path, (_root(path, "things") - 1) * PAGE, b"\xff" * PAGE)


def _schema(path: Path) -> None:
    _overwrite(path, 100, b"\xff" * 400)


def _half(path: Path) -> None:
    with path.open("r+b") as raw:
        raw.truncate(path.stat().st_size // 2)


@pytest.mark.proves("DB-7", "F-14")
@pytest.mark.parametrize("damage", [_header, _page, _schema, _half])
async def test_a_damaged_file_is_refused_untouched_with_the_command_that_mends_it(
    file: Path, damage: Callable[[Path], None]
) -> None:
    """Whatever is broken, not a byte of it is changed, and the newest copy beside it is named."""
    copy = file.with_name(f"{file.name}.before-0002")
    shutil.copy(file, copy)
    damage(file)
    before = file.read_bytes()
    with pytest.raises(Damaged) as refused:
        await open_database(f"sqlite:///{file}")
    assert f"openalert restore {copy} --data-dir {file.parent}" in refused.value.message
    assert str(file) in refused.value.message
    assert file.read_bytes() == before


async def _killed(file: Path, name: str, clock: StoppedClock) -> Path:
    """A copy of the database and its log as a server leaves them that is killed."""
    database = await open_database(f"sqlite:///{file}", clock)
    await database.own()
    async with database.transaction() as tx:
        await settings.put(tx, name, "1")
    folder = file.parent / name
    folder.mkdir()
    for each in file.parent.glob(f"{file.name}*"):
        shutil.copy(each, folder)
    await database.close()
    (folder / f"{file.name}-shm").unlink()
    return folder / file.name


@pytest.mark.proves("DB-7", "F-14")
async def test_the_log_of_another_database_is_refused_and_ones_own_taken_in(
    file: Path, clock: StoppedClock
) -> None:
    """After a crash the right log brings back the last act; a wrong one is named and left alone, with a way out."""
    ours, theirs = await _killed(file, "ours", clock), await _killed(file, "theirs", clock)
    log = ours.with_name(f"{ours.name}-wal")
    right = log.read_bytes()
    shutil.copy(theirs.with_name(log.name), log)
    before = ours.read_bytes(), log.read_bytes()
    with pytest.raises(Damaged, match="that of another database") as refused:
        await open_database(f"sqlite:///{ours}")
    assert f"mv {log}" in refused.value.message
    assert (ours.read_bytes(), log.read_bytes()) == before
    log.write_bytes(right)
    database = await open_database(f"sqlite:///{ours}", clock)
    async with database.read() as reader:
        assert await settings.get(reader, "ours") == "1"
    await database.close()


@pytest.mark.proves("DB-7", "F-14")
@pytest.mark.parametrize("is_there", [True, False])
async def test_a_log_without_its_database_is_kept(file: Path, clock: StoppedClock, is_there: bool) -> None:
    """The file is missing or empty: SQLite would begin anew and delete the log, and with it what was answered."""
    ours = await _killed(file, "ours", clock)
    log = ours.with_name(f"{ours.name}-wal")
    kept = log.read_bytes()
    ours.unlink()
    if is_there:
        ours.touch()
    with pytest.raises(Damaged, match="its log"):
        await open_database(f"sqlite:///{ours}")
    assert log.read_bytes() == kept


@pytest.mark.proves("F-07")
@pytest.mark.parametrize("count", [1, 100, 4096])
@pytest.mark.parametrize("how", ["garbled", "cut off", "zeroed"])
async def test_a_torn_end_of_the_log_costs_the_last_act_alone(
    file: Path, clock: StoppedClock, how: str, count: int
) -> None:
    """What a disk that lied left of the last write is dropped, and the server starts with all that came before."""
    database = await open_database(f"sqlite:///{file}", clock)
    for number in range(20):
        async with database.transaction() as tx:
            await settings.put(tx, f"act {number}", "x" * 3000)
    folder = file.parent / "killed"
    folder.mkdir()
    for each in file.parent.glob(f"{file.name}*"):
        if each.is_file() and not each.name.endswith("-shm"):
            shutil.copy(each, folder)
    await database.close()
    log = folder / f"{file.name}-wal"
    end = log.stat().st_size
    if how == "cut off":
        with log.open("r+b") as raw:
            raw.truncate(end - count)
    else:
        _overwrite(log, end - count, (b"\0" if how == "zeroed" else b"\xa5") * count)
    again = await open_database(f"sqlite:///{folder / file.name}", clock)
    async with again.read() as reader:
        kept = [await settings.get(reader, f"act {number}") is not None for number in range(20)]
        assert await reader.value("PRAGMA integrity_check") == "ok"
    await again.close()
    assert all(kept[:18])


@pytest.mark.proves("DB-7", "F-14")
async def test_damage_found_at_work_stops_all_writing_and_no_reading(file: Path, clock: StoppedClock) -> None:
    """A page breaks under a running server: once it is met nothing more is written, and the way out is said."""
    database = await open_database(f"sqlite:///{file}", clock)
    async with database.transaction() as tx:
        await settings.put(tx, "sound", "1")
    with pytest.raises(Unavailable, match="openalert restore"):
        async with database.read() as reader:
            await reader.rows("PRAGMA wal_checkpoint(TRUNCATE)")
            _page(file)
            await reader.rows("SELECT count(*) FROM things NOT INDEXED WHERE room IS NULL")
    assert "is damaged" in database.disk.damage
    with pytest.raises(Unavailable, match="Nothing is written"):
        async with database.transaction() as tx:
            await settings.put(tx, "not taken", "1")
    async with database.read() as reader:
        assert await settings.get(reader, "sound") == "1"
        assert await settings.get(reader, "not taken") is None
    await database.close()


async def _with_a_wrong_index(file: Path) -> None:
    """An index that lacks a row of its table, as a fault of the memory would leave it."""
    with closing(sqlite3.connect(file)) as raw:
        raw.execute("PRAGMA writable_schema=ON")
        raw.execute("CREATE TABLE other (id INTEGER PRIMARY KEY, name TEXT NOT NULL, room TEXT)")
        raw.execute("INSERT INTO other (id, name) SELECT id, name FROM things WHERE id <> 7")
        raw.execute("CREATE INDEX other_by_name ON other (name)")
        raw.execute(
            "UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema WHERE name = 'other_by_name') "
            "WHERE name = 'things_by_name'"
        )
        raw.execute("DELETE FROM sqlite_schema WHERE name IN ('other_by_name', 'other')")
        raw.commit()


@pytest.mark.proves("DB-7", "F-14")
async def test_a_broken_index_is_made_anew(file: Path, clock: StoppedClock) -> None:
    """The weekly look finds what the one at the start cannot, mends it from the table, and writing goes on."""
    await _with_a_wrong_index(file)
    database = await open_database(f"sqlite:///{file}", clock)
    try:
        wrong = await database.prove_sound()
        assert "row 7 missing from index things_by_name" in wrong
        assert not database.disk.damage
        assert await database.prove_sound() == []
        async with database.transaction() as tx:
            await settings.put(tx, "goes on", "1")
    finally:
        await database.close()


async def test_the_weekly_look_stops_writing_where_a_table_is_broken(file: Path, clock: StoppedClock) -> None:
    """What cannot be made anew is never written to again."""
    database = await open_database(f"sqlite:///{file}", clock)
    _page(file)
    assert await database.prove_sound()
    assert "openalert restore" in database.disk.damage
    await database.close()


async def test_what_there_was_no_time_for_is_looked_at_while_it_serves(
    file: Path, clock: StoppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file too large for the look before the start is looked at to its end, and what is found counts the same."""
    monkeypatch.setattr("openalert.storage.soundness.briefly", lambda: lambda: True)
    monkeypatch.setattr("openalert.storage.soundness.REST_AFTER", 2.0)
    _page(file)
    database = await open_database(f"sqlite:///{file}", clock)
    assert isinstance(database, SqliteDatabase)
    assert database._looking is not None
    assert not database.disk.damage, "the start has the processors to itself"
    await database._looking
    assert "openalert restore" in database.disk.damage
    await database.close()


async def test_a_server_that_ends_before_the_rest_is_looked_at_ends_at_once(
    file: Path, clock: StoppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing waits for a look that has not begun, and it does not begin any more."""
    monkeypatch.setattr("openalert.storage.soundness.briefly", lambda: lambda: True)
    monkeypatch.setattr("openalert.storage.soundness.REST_AFTER", 3600.0)
    database = await open_database(f"sqlite:///{file}", clock)
    assert isinstance(database, SqliteDatabase)
    await database.close()
    assert database._looking is not None
    assert database._looking.done()


def test_only_indexes_are_made_anew() -> None:
    """One line about anything else, and nothing is touched."""
    indexes = [
        "row 7 missing from index a_1",
        "wrong # of entries in index a_1",
        "row 9 missing from index b",
    ]
    assert broken_indexes(indexes) == ["a_1", "b"]
    assert broken_indexes([*indexes, "Tree 5 page 9: btreeInitPage() returns error code 11"]) is None
