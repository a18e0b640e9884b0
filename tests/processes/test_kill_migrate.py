"""`openalert migrate` killed at any write: the old schema or the new one, never anything between, no row lost."""

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from openalert.storage import backup, migrate, open_database
from tests.conftest import Postgres
from tests.processes.server import SECONDS
from tests.storage.upgrades import a_row_in_every_table, build, up_to

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.proves("DB-6", "F-40")]

KNOWN = [each.version for each in migrate.migrations("sqlite")]
BEFORE = KNOWN[-5]
CALLS = {"pwrite64": 23, "fdatasync": 3, "fsync": 1, "unlink": 2}
"""What a write to a disk looks like to the kernel, and where the few points of the usual run are."""


def environment() -> dict[str, str]:
    """Without any setting of the machine."""
    return {name: value for name, value in os.environ.items() if not name.startswith("OPENALERT_")}


def migrating(folder: Path, *options: str) -> list[str]:
    """The command on that data folder."""
    return [sys.executable, "-m", "openalert", "migrate", "--data-dir", str(folder), *options]


@pytest.fixture(scope="module")
def of_before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a version some migrations ago, with a row in every table."""
    path = tmp_path_factory.mktemp("before") / "openalert.db"
    raw = build(BEFORE)
    a_row_in_every_table(raw)
    raw.execute(
        "CREATE TABLE schema_migrations "
        "(version BIGINT PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at BIGINT NOT NULL)"
    )
    for each in up_to(BEFORE, "sqlite"):
        raw.execute(
            "INSERT INTO schema_migrations VALUES (?, ?, ?, 0)", (each.version, each.name, each.checksum)
        )
    with closing(sqlite3.connect(path)) as file:
        raw.backup(file)
        file.execute("PRAGMA journal_mode=WAL")
    return path


def _schema(raw: sqlite3.Connection) -> set[str]:
    return {
        " ".join(row[0].split())
        for row in raw.execute(
            "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name <> 'schema_migrations'"
        )
    }


async def _killed_at(of_before: Path, folder: Path, call: str, number: int) -> bool:
    """One run that dies at the N-th such call, and the next one that ends the work; False: it came to its end."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    file = folder / "openalert.db"
    shutil.copyfile(of_before, file)
    command = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}"]
    command += ["-e", f"inject={call}:signal=KILL:when={number}", *migrating(folder)]
    ended = await asyncio.to_thread(
        subprocess.run, command, env=environment(), capture_output=True, timeout=SECONDS * 2, check=False
    )
    with closing(sqlite3.connect(file)) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        applied = [row[0] for row in raw.execute("SELECT version FROM schema_migrations ORDER BY version")]
        assert applied == KNOWN[: len(applied)]
        assert applied[-1] >= BEFORE
        with closing(build(applied[-1])) as whole:
            assert _schema(raw) == _schema(whole), f"between two schemas after {applied[-1]}"
        assert raw.execute("SELECT count(*) FROM incidents").fetchone() == (1,)
    after = await open_database(f"sqlite:///{file}")
    try:
        assert await migrate.pending(after) == []
        async with after.read() as reader:
            assert await reader.value("SELECT count(*) FROM incidents") == 1
    finally:
        await after.close()
    if applied[-1] != BEFORE:
        copy = file.with_name(f"{file.name}.before-{KNOWN[KNOWN.index(BEFORE) + 1]:04d}")
        assert backup.check(copy)["incidents"] == 1
        assert backup.schema_of(copy) == BEFORE
    return ended.returncode != 0


@pytest.fixture
def _strace() -> None:
    if shutil.which("strace") is None:
        pytest.skip("NO KILL SWEEP OF MIGRATIONS: strace is not installed")


@pytest.mark.usefixtures("_strace")
@pytest.mark.parametrize("call", [call for call in CALLS if call != "fsync"])
async def test_a_migration_killed_at_a_write_leaves_one_schema(
    of_before: Path, tmp_path: Path, call: str
) -> None:
    """One point of each kind; the next start ends the work, and the copy of before lies beside it."""
    await _killed_at(of_before, tmp_path / "data", call, CALLS[call])


@pytest.mark.campaign
@pytest.mark.usefixtures("_strace")
@pytest.mark.parametrize("call", list(CALLS))
async def test_a_migration_killed_at_every_write_leaves_one_schema(
    of_before: Path, tmp_path: Path, call: str
) -> None:
    """Every call of a kind, until one run comes to its end."""
    number, step = 1, 1
    while await _killed_at(of_before, tmp_path / "data", call, number):
        # Most writes are those of the copy, one page after the other: of these every seventh is tried.
        step = 7 if number > 60 else 1
        number += step
    assert number > 1


async def test_two_that_migrate_at_once_on_postgres_take_turns(postgres: Postgres, tmp_path: Path) -> None:
    """Three processes on an empty database: each ends well, and every step was applied once."""
    name = await postgres.create()
    url = postgres.url(name)
    try:
        begun = [
            subprocess.Popen(
                migrating(tmp_path / str(number), "--database-url", url),
                env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            )
            for number in range(3)
        ]  # fmt: skip
        said = [(await asyncio.to_thread(each.communicate, None, SECONDS * 2))[0] for each in begun]
        assert [each.returncode for each in begun] == [0, 0, 0], said
        words = " ".join(said)
        assert all(words.count(f"{each.version:04d}_") == 1 for each in migrate.migrations("postgres")), said
    finally:
        await postgres.drop(name)


async def test_the_second_on_one_file_is_refused(of_before: Path, tmp_path: Path) -> None:
    """Either it comes after the first and has nothing to do, or it is told who works on the file."""
    shutil.copyfile(of_before, tmp_path / "openalert.db")
    begun = [
        subprocess.Popen(
            migrating(tmp_path),
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(2)
    ]
    said = [(await asyncio.to_thread(each.communicate, None, SECONDS * 2))[0] for each in begun]
    ends = {(each.returncode, "in use" in words) for each, words in zip(begun, said, strict=True)}
    assert (0, False) in ends
    assert ends <= {(0, False), (3, True)}, said
    with closing(sqlite3.connect(tmp_path / "openalert.db")) as raw:
        assert raw.execute("SELECT max(version) FROM schema_migrations").fetchone() == (KNOWN[-1],)


def test_an_older_program_refuses_a_newer_schema_in_one_sentence(
    sqlite_template: Path, tmp_path: Path
) -> None:
    """serve and restore say what to do, and change nothing."""
    file = tmp_path / "openalert.db"
    shutil.copyfile(sqlite_template, file)
    with closing(sqlite3.connect(file)) as raw:
        raw.execute("INSERT INTO schema_migrations VALUES (9999, 'from_the_future', 'x', 0)")
        raw.commit()
        raw.execute("PRAGMA journal_mode=DELETE")
    newer = tmp_path / "newer.db"
    shutil.copyfile(file, newer)
    before = file.read_bytes()
    for command in (["serve", "--port", "0"], ["restore", str(newer)]):
        done = subprocess.run(
            [sys.executable, "-m", "openalert", *command, "--data-dir", str(tmp_path)],
            env=environment(), capture_output=True, text=True, timeout=SECONDS * 2, check=False,
        )  # fmt: skip
        assert done.returncode in (1, 3), command
        (line,) = [each for each in done.stderr.splitlines() if each.startswith("openalert: ")]
        assert "schema 9999" in line
        assert "Run the newer OpenAlert" in line
        assert "Traceback" not in done.stderr
    with closing(sqlite3.connect(file)) as raw:
        raw.execute("PRAGMA journal_mode=DELETE")
    assert file.read_bytes()[100:] == before[100:]
    assert not list(tmp_path.glob("*.before-*"))
    assert not list(tmp_path.glob("*.restoring*"))
