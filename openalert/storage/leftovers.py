"""What a process that died left half made: copies of a database, restores, drills. None of it ever has a real name.

Whoever makes a copy writes it under a name that says which process does, and gives it its own when it is proven.
"""

import glob
import os
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path

ABANDONED = 86_400.0
"""Seconds without a write after which it is another process that was given the same id."""


def partial_of(target: Path) -> Path:
    """Where this process writes what is to be `target`."""
    return target.with_name(f".{target.name}.partial-{os.getpid()}")


def staged_of(database: Path) -> Path:
    """Where a restore prepares what is to take the place of the database; whoever does that has its lock."""
    return database.with_name(f"{database.name}.restoring")


def clear(folder: Path, pattern: str) -> None:
    """Take away copies that nobody works at any more; `pattern`: names that they were to have, as `glob` has them."""
    for path in folder.glob(f".{pattern}.partial-*"):
        if not is_at_work(path.name.rpartition(".partial-")[2].partition("-")[0], path):
            path.unlink(missing_ok=True)


def clear_of(target: Path) -> None:
    """The same for one name."""
    clear(target.parent, glob.escape(target.name))


def kept_name(database: Path) -> Path:
    """A free name for the database that a restore replaces."""
    number = 1
    while (kept := database.with_name(f"{database.name}.before-restore-{number}")).exists():
        number += 1
    return kept


def set_aside_of(database: Path) -> Path:
    """Where a restore has the old database until the new one is in its place, on a file system without links."""
    return database.with_name(f"{database.name}.set-aside")


def with_logs(database: Path) -> list[Path]:
    """The file, and the files of its log."""
    return [database.with_name(database.name + suffix) for suffix in ("", "-wal", "-shm")]


def give_kept_name(database: Path, kept: Path) -> None:
    """The new database is in its place: whatever was set aside without a name gets this one, itself last."""
    for here, there in reversed(list(zip(with_logs(set_aside_of(database)), with_logs(kept), strict=True))):
        if here.exists():
            here.rename(there)


def undo_restore(database: Path) -> None:
    """A restore died as it set aside a database whose lock is ours: it is in its place again, unless the new one is."""
    set_aside = set_aside_of(database)
    if set_aside.exists() and database.exists():
        give_kept_name(database, kept_name(database))
    elif set_aside.exists():
        for here, there in reversed(list(zip(with_logs(set_aside), with_logs(database), strict=True))):
            if here.exists():
                here.rename(there)
    if not database.exists():
        return
    if database.with_name(f"{database.name}-journal").exists():
        # It died as it took the log in. Whoever only reads cannot undo what was begun, so that is done here.
        with suppress(sqlite3.Error), closing(sqlite3.connect(database)) as raw:
            raw.execute("SELECT count(*) FROM sqlite_master").fetchone()
    for kept in database.parent.glob(f"{glob.escape(database.name)}.before-restore-*"):
        if kept.is_file() and kept.samefile(
            database
        ):  # named already, and the backup never came to its place
            for here, there in zip(with_logs(kept)[1:], with_logs(database)[1:], strict=True):
                if here.exists() and not there.exists():
                    here.rename(there)
                here.unlink(missing_ok=True)
            kept.unlink()


def clear_restores(database: Path) -> None:
    """Take away what a restore that died left beside a database whose lock is ours."""
    undo_restore(database)
    remove(staged_of(database))


def is_at_work(process: str, path: Path) -> bool:
    """Whether a process of this id, other than ours, may be writing there."""
    try:
        if int(process) == os.getpid():
            return False
        os.kill(int(process), 0)
    except (ValueError, OverflowError, ProcessLookupError):
        return False
    except PermissionError:
        pass  # it lives, and is somebody else's
    return time.time() - path.stat().st_mtime < ABANDONED


def remove(file: Path) -> None:
    """Leave nothing of an SQLite file."""
    for suffix in ("", "-wal", "-shm", "-journal", ".lock"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)
