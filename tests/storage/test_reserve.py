"""What the reserve gives away, and to whom: to the log, or to the disk."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from openalert.storage.disk import Disk
from openalert.storage.reserve import Reserve

MIB = 1024 * 1024

pytestmark = pytest.mark.proves("DB-2", "F-08")


class OnAFullDisk(Reserve):
    """As much is free as it is told."""

    free = 200 * MIB

    def _free(self) -> int:
        return self.free


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A database with a log, open."""
    with closing(sqlite3.connect(tmp_path / "openalert.db", isolation_level=None)) as raw:
        raw.execute("PRAGMA journal_mode=WAL")
        raw.execute("CREATE TABLE t (a)")
        yield raw


def sizes(folder: Path) -> tuple[int, int]:
    """Of the reserve, and of the log."""
    return tuple(  # type: ignore[return-value]
        (folder / f"openalert.db{end}").stat().st_size for end in (".reserve", "-wal")
    )


def test_the_index_of_the_log_gets_room_that_the_log_does_not_take(
    tmp_path: Path, database: sqlite3.Connection
) -> None:
    """Refused room for its index, SQLite needs it on the disk: what only makes the log longer helps no commit."""
    reserve = OnAFullDisk(tmp_path / "openalert.db", Disk())
    reserve.keep(8 * MIB)
    held, log = sizes(tmp_path)
    assert (held, log) == (8 * MIB, 4 * MIB)
    reserve.free = 0
    reserve.was_refused(index=True)
    reserve.make_room(database)
    assert sizes(tmp_path) == (held - MIB // 4, log)
    # Not by the index: pieces go to the log at once, where nobody else has them.
    reserve.was_refused()
    reserve.make_room(database)
    less, more = sizes(tmp_path)
    assert (held - less, more - log) == (MIB // 4 + MIB, MIB)


def test_the_index_of_the_log_is_long_enough_before_the_disk_is_full(
    tmp_path: Path, database: sqlite3.Connection
) -> None:
    """Somebody reads one moment, so the log goes on and on: its index grows no more, and SQLite keeps its locks."""
    reserve = OnAFullDisk(tmp_path / "openalert.db", Disk())
    index = tmp_path / "openalert.db-shm"
    assert index.stat().st_size == 32 * 1024
    reserve.keep(32 * MIB)
    long_enough = index.stat().st_size
    assert long_enough >= 3 * 32 * 1024
    database.execute("PRAGMA wal_autocheckpoint=0")
    with closing(sqlite3.connect(tmp_path / "openalert.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM t").fetchone() == (0,)
        for _ in range(5):
            database.execute("INSERT INTO t VALUES (zeroblob(4000000))")
        reserve.measure()
        # A checkpoint by another process goes as far as the reader, and so may not begin the log anew.
        asked = "import sqlite3, sys; print(*sqlite3.connect(sys.argv[1]).execute('PRAGMA wal_checkpoint').fetchone())"
        ran = subprocess.run(
            [sys.executable, "-c", asked, str(tmp_path / "openalert.db")],
            capture_output=True,
            text=True,
            check=True,
        )
        _, frames, done = map(int, ran.stdout.split())
        assert frames > 4_096
        assert done < frames
        assert reader.execute("SELECT count(*) FROM t").fetchone() == (0,)
    assert index.stat().st_size == long_enough
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    reserve.close()


def test_a_start_on_a_full_disk_has_room_for_what_it_makes(
    tmp_path: Path, database: sqlite3.Connection
) -> None:
    """It knows nothing of the reserve yet but its file, and gives a piece of it back; not twice if nobody took it."""
    OnAFullDisk(tmp_path / "openalert.db", Disk()).keep(8 * MIB)
    held, _ = sizes(tmp_path)
    again = OnAFullDisk(tmp_path / "openalert.db", Disk())
    again.free = 0
    again.free_a_slice()
    assert sizes(tmp_path)[0] == held - MIB
    again.free = MIB
    again.free_a_slice()
    assert sizes(tmp_path)[0] == held - MIB
    database.execute("INSERT INTO t VALUES (1)")
