"""The nightly backups of a real server from outside: let one be due, see what lies there, and judge it by itself."""

import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec

from openalert.domain.backup import file_name, made_at
from openalert.storage import backup, wall_clock
from openalert.storage.backup import BrokenBackup
from tests.processes.server import Server, until

SECONDS_AHEAD = 120
"""So long after it was asked for a backup may begin, for a tracer that has to know its name beforehand."""


class Job(msgspec.Struct, frozen=True):
    """A row of `backup_jobs`, in instants."""

    due_at: int
    done_at: int | None
    failing_since: int | None
    attempts: int
    error: str


class Nightly:
    """The backups of one server. It looks whether one is due several times a second when it runs as `hurt`."""

    def __init__(self, server: Server, folder: Path | None = None) -> None:
        self.server = server
        self.folder = folder or server.data / "backups"
        server.environment["HURT_BACKUP_LOOK"] = "0.1"
        server.program = [*server.program[:-1], "tests.processes.hurt"]

    @property
    def database(self) -> Path:
        """The file with everything."""
        return self.server.data / "openalert.db"

    async def be_due(self, name: str = "backup") -> None:
        """The hour of this job has come, or the hour after which it is tried again."""

        async def is_another_second() -> bool:  # no two backups are called the same
            return not self.files or file_name(wall_clock()) > self.files[-1].name

        await until(is_another_second)
        with closing(sqlite3.connect(self.database, timeout=30)) as raw:
            raw.execute("UPDATE backup_jobs SET due_at = 0 WHERE name = ?", (name,))
            raw.commit()

    def job(self, name: str = "backup") -> Job:
        """How it stands."""
        with closing(sqlite3.connect(f"{self.database.as_uri()}?mode=ro", uri=True, timeout=30)) as raw:
            row = raw.execute(
                "SELECT due_at, done_at, failing_since, attempts, error FROM backup_jobs WHERE name = ?",
                (name,),
            ).fetchone()
        assert row is not None, "the server has not looked after its backups yet"
        return Job(*row)

    @property
    def files(self) -> list[Path]:
        """Those with the name of a backup, the oldest first."""
        found = self.folder.iterdir() if self.folder.exists() else ()
        return sorted(path for path in found if made_at(path.name) is not None)

    @property
    def leftovers(self) -> list[Path]:
        """What is half made there; the drill, which has a folder of its own, may be at work beside it."""
        return sorted(self.folder.glob(".*"))

    def paths_ahead(self, now: int) -> list[Path]:
        """The files that a backup begun by this process after `now`, an instant, may write to or remove."""
        paths = [self.folder, *self.files]
        for second in range(SECONDS_AHEAD):
            name = file_name(now + second * 1000)
            half = self.folder / f".{name}.partial-{self.server.pid}"
            paths += [self.folder / name, half, half.with_name(f"{half.name}-journal")]
        return paths


def titles(file: Path) -> set[str]:
    """The titles of the incidents in a file that is whole; BrokenBackup when it is not."""
    backup.check(file)
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as raw:
        return {row[0] for row in raw.execute("SELECT title FROM incidents")}


def is_whole(file: Path) -> bool:
    """Whether a restore would take it."""
    try:
        titles(file)
    except BrokenBackup:
        return False
    return True
