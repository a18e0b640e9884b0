"""SQLite as it is opened: durable, alone, and read-only for readers."""

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from openalert.domain.errors import Unavailable
from openalert.storage import Database, open_database, soundness, sqlite
from openalert.storage.keyring import KeyRing
from openalert.storage.lock_file import DatabaseInUse
from openalert.storage.sqlite import SqliteConnection, SqliteDatabase
from openalert.storage.transaction import Reader, Transaction

pytestmark = pytest.mark.anyio


@pytest.mark.proves("DB-1")
async def test_commits_are_flushed_and_the_log_is_the_writers_alone(sqlite_db: Database) -> None:
    """WAL and synchronous=FULL on the writer; readers can neither write nor checkpoint."""
    writer = await sqlite_db.writer()
    for pragma, value in {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}.items():
        assert (await writer.fetch(f"PRAGMA {pragma}", {}))[1][0][0] == value
    async with sqlite_db.read() as reader:
        assert await reader.value("PRAGMA query_only") == 1
        assert await reader.value("PRAGMA wal_autocheckpoint") == 0


@pytest.mark.proves("DB-3", "F-36")
async def test_a_second_process_is_refused_with_the_pid_of_the_first(sqlite_url: str) -> None:
    """Two servers on one file would be two writers: the second is told who has it, and gets it afterwards."""
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import asyncio, sys\n"
            "from openalert.storage import open_database\n"
            "async def main():\n"
            "    db = await open_database(sys.argv[1])\n"
            "    print('open', flush=True)\n"
            "    sys.stdin.read()\n"
            "    await db.close()\n"
            "asyncio.run(main())\n",
            sqlite_url,
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "open\n"
    with pytest.raises(DatabaseInUse) as refused:
        await open_database(sqlite_url)
    assert refused.value.details["pid"] == holder.pid
    holder.kill()
    holder.communicate()
    database = await open_database(sqlite_url)
    await database.close()


@pytest.mark.proves("F-42")
async def test_the_file_is_for_the_service_alone(tmp_path: Path) -> None:
    """Others on the machine cannot read who is paged for what, whatever the umask."""
    before = os.umask(0)
    try:
        database = await open_database(f"sqlite:///{tmp_path / 'new.db'}", migrated=False)
        modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()}
        await database.close()
    finally:
        os.umask(before)
    assert {"new.db", "new.db-wal", "new.db-shm"} <= set(modes)
    assert set(modes.values()) == {0o600}


async def test_an_act_alone_goes_to_the_writers_thread_once(
    sqlite_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beginning, body and commit are one trip: two threads that pass the interpreter on would be the costly part."""
    writer: Any = await sqlite_db.writer()
    trips: list[Any] = []
    trip = writer._trip

    async def counted(function: Any, *arguments: Any) -> Any:
        trips.append(function)
        return await trip(function, *arguments)

    async def body(tx: Transaction) -> None:
        await tx.execute("INSERT INTO settings (name, value) VALUES ('a', '1')")
        assert await tx.value("SELECT count(*) FROM settings") == 1

    monkeypatch.setattr(writer, "_trip", counted)
    commits = sqlite_db.group_commit.commits
    await sqlite_db.act(body)
    assert (len(trips), sqlite_db.group_commit.commits - commits) == (1, 1)
    async with sqlite_db.read() as reader:
        assert await reader.value("SELECT count(*) FROM settings") == 1


async def test_a_look_goes_to_a_readers_thread_once(
    sqlite_db: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The snapshot begins, is read and ends in one trip: the engine looks after every commit."""
    trips: list[Any] = []
    trip = SqliteConnection.together

    async def counted(connection: SqliteConnection, work: Any) -> Any:
        trips.append(work)
        return await trip(connection, work)

    async def none(*_: Any) -> None:
        raise AssertionError("a trip of its own")

    async def body(reader: Reader) -> list[int]:
        return [await reader.value("SELECT count(*) FROM settings") for _ in range(2)]

    monkeypatch.setattr(SqliteConnection, "together", counted)
    monkeypatch.setattr(SqliteConnection, "run", none)
    monkeypatch.setattr(SqliteConnection, "fetch", none)
    assert await sqlite_db.look(body) == [0, 0]
    assert len(trips) == 1


async def test_nothing_and_truth_are_stored_as_such(sqlite_db: Database) -> None:
    """What the driver is told about None and booleans changes nothing of what arrives."""
    async with sqlite_db.read() as reader:
        rows = await reader.rows("SELECT :nothing, :yes, :no", nothing=None, yes=True, no=False)
    assert [tuple(row) for row in rows] == [(None, 1, 0)]


@pytest.mark.proves("IN-2", "F-12")
async def test_a_foreign_lock_is_unavailable_and_passes(
    sqlite_db: Database, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody holds the file with sqlite3: writes are refused as "later", and work once it is released."""
    writer = await sqlite_db.writer()
    await writer.run("PRAGMA busy_timeout=50")
    other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable):
        async with sqlite_db.transaction() as tx:
            await tx.execute("INSERT INTO settings (name, value) VALUES ('a', '1')")
    other.execute("ROLLBACK")
    other.close()
    async with sqlite_db.transaction() as tx:
        await tx.execute("INSERT INTO settings (name, value) VALUES ('a', '1')")


@pytest.fixture
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks are waited for by the moment, not by five seconds."""
    for wanted in (sqlite._WRITER, sqlite._READER):
        monkeypatch.setitem(wanted, "busy_timeout", 20)
    monkeypatch.setattr(sqlite, "_BETWEEN_TRIES", 0.02)
    monkeypatch.setattr(soundness, "BUSY_TIMEOUT", 20)


def _locked(path: Path, how: str) -> sqlite3.Connection:
    """The file as another program holds it."""
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    if how == "exclusive":
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
    other.execute("BEGIN IMMEDIATE")
    other.execute("INSERT INTO settings (name, value) VALUES ('theirs', '1')")
    return other


@pytest.mark.parametrize("how", ["writes", "exclusive"])
@pytest.mark.proves("F-12")
async def test_a_start_waits_for_a_lock_that_passes(sqlite_url: str, in_a_hurry: None, how: str) -> None:
    """Held by a transaction or whole, the file is waited for, however often it is asked for in vain."""
    await (await open_database(sqlite_url)).close()
    other = _locked(Path(sqlite_url.removeprefix("sqlite:///")), how)
    with capture_logs() as said:
        opening = asyncio.create_task(open_database(sqlite_url, patience=60))

        while sum("the start waits" in line["event"] for line in said) < 3:
            assert not opening.done()
            await asyncio.sleep(0.01)
        other.execute("COMMIT")
        other.close()
        database = await opening
    async with database.read() as reader:
        assert await reader.value("SELECT value FROM settings WHERE name = 'theirs'") == "1"
    await database.close()


@pytest.mark.parametrize("how", ["writes", "exclusive"])
@pytest.mark.proves("F-12")
async def test_a_start_gives_up_a_lock_that_stays(sqlite_url: str, in_a_hurry: None, how: str) -> None:
    """It says so, leaves nothing open, and takes the file as soon as it is free."""
    await (await open_database(sqlite_url)).close()
    other = _locked(Path(sqlite_url.removeprefix("sqlite:///")), how)
    before = set(threading.enumerate())
    with pytest.raises(Unavailable, match="database is locked"):
        await open_database(sqlite_url, patience=0.1)
    for thread in set(threading.enumerate()) - before:
        thread.join(0 if thread.name.startswith("asyncio") else 60)
        assert thread.name.startswith("asyncio") or not thread.is_alive()
    other.execute("ROLLBACK")
    other.close()
    await (await open_database(sqlite_url)).close()


async def test_a_start_that_fails_leaves_no_connection_open(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread of a connection that nobody closes would keep a process from ending that could not start."""

    async def refuses(_: Transaction) -> None:
        raise Unavailable("The database is busy. Try again in a few seconds.")

    before = set(threading.enumerate())
    with monkeypatch.context() as patch:
        patch.setattr("openalert.storage.channels.seal_plain", refuses)
        with pytest.raises(Unavailable):
            await open_database(
                sqlite_url, migrated=False, keys=KeyRing(["a key of the tests that is long enough"])
            )
    for thread in set(threading.enumerate()) - before:
        thread.join(0 if thread.name.startswith("asyncio") else 60)
        assert thread.name.startswith("asyncio") or not thread.is_alive()
    await (await open_database(sqlite_url, migrated=False)).close()


@pytest.mark.proves("IN-2", "F-08")
async def test_a_full_disk_refuses_and_heals(sqlite_db: Database) -> None:
    """SQLITE_FULL is Unavailable for the one who met it; with room again the next one is stored."""
    writer = await sqlite_db.writer()
    pages = (await writer.fetch("PRAGMA page_count", {}))[1][0][0]
    await writer.run(f"PRAGMA max_page_count={pages}")
    with pytest.raises(Unavailable):
        async with sqlite_db.transaction() as tx:
            await tx.execute(
                "INSERT INTO settings (name, value) VALUES ('big', :value)", value="x" * 1_000_000
            )
    await writer.run("PRAGMA max_page_count=1000000")
    async with sqlite_db.transaction() as tx:
        await tx.execute("INSERT INTO settings (name, value) VALUES ('big', :value)", value="x" * 1_000_000)
        assert await tx.value("SELECT count(*) FROM settings") == 1
