"""What the reserve gives away, and to whom: to the log, or to the disk."""

import sqlite3
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
