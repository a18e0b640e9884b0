"""Copies of an SQLite database: made while it is in use, proven before they count, restored without paging the past."""

import errno
import os
import pwd
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from pathlib import Path

from openalert.domain.errors import Conflict, OpenAlertError
from openalert.storage.leftovers import (
    clear_of,
    give_kept_name,
    kept_name,
    partial_of,
    remove,
    set_aside_of,
    staged_of,
    with_logs,
)

Counts = dict[str, int]
MARGIN = 16 * 1024 * 1024
"""Bytes that are to be free beyond the copy, so that a backup never takes the last room of the database itself."""
ROOM = "Make room there, or choose another disk."
_PAGES = 4_096
"""Copied between two looks at whether it is to go on: 16 MiB."""
_STEPS = 100_000
"""Instructions of SQLite's machine between two such looks: some milliseconds."""
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
"""What file systems say that know no second name of a file, as those of shares and sticks."""


class BrokenBackup(OpenAlertError):
    """The file is no backup of OpenAlert, or it is damaged."""


class NotEnoughSpace(OpenAlertError):
    """There is no room for a copy; nothing of it is there."""


class BrokenOff(OpenAlertError):
    """Whoever wanted the copy wants it no more."""


def save(
    source: Path,
    target: Path,
    *,
    stop: threading.Event | None = None,
    prove: Callable[[Path], None] | None = None,
    advice: str = ROOM,
) -> Counts:
    """Copy `source`, as it is at one moment, to `target`; the number of rows of each table.

    The copy is read back, and given to `prove` if there is one, before it gets its name, so that a file of that name
    is a good one. Conflict when there is a file already, NotEnoughSpace before anything is written, BrokenOff soon
    after `stop` is set. `advice`: what to do where there is no room.
    """
    if target.exists():
        raise Conflict(f"{target} exists already; choose another name.")
    if not target.parent.is_dir():
        raise OpenAlertError(f"There is no folder {target.parent}.")
    partial = partial_of(target)
    try:
        clear_of(target)
        make_room(source, target.parent, advice)
        with (
            closing(
                sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True, isolation_level=None)
            ) as original,
            closing(_new_file(partial)) as copy,
        ):
            _listen(original, stop)
            # The open read transaction pins one snapshot for the counts and the copy alike.
            original.execute("BEGIN")
            expected = _counts(original)
            _copy(original, copy, stop)
            copy.execute("PRAGMA journal_mode=DELETE")
        if check(partial, stop) != expected:
            raise BrokenBackup("The copy does not hold the same number of rows; the backup was not made.")
        if prove is not None:
            prove(partial)
        _sync(partial)
        _name(partial, target)
        _sync(target.parent)
    except FileExistsError:
        raise Conflict(f"{target} exists already; choose another name.") from None
    except (OSError, sqlite3.Error) as error:
        if stop is not None and stop.is_set():
            raise BrokenOff("The backup was broken off.") from error
        if _is_full(error):
            raise NotEnoughSpace(
                f"The disk of {target.parent} became full while the copy was written, and nothing of it is left. "
                f"{advice}"
            ) from error
        raise OpenAlertError(f"The backup was not made: {_in_words(error, target.parent)}.") from error
    finally:
        with suppress(
            OSError
        ):  # a folder that went away, or became read-only: what went wrong is said already
            remove(partial)
    return expected


def _is_full(error: OSError | sqlite3.Error) -> bool:
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return getattr(error, "sqlite_errorname", "") == "SQLITE_FULL"


def _in_words(error: OSError | sqlite3.Error, folder: Path) -> str:
    if not isinstance(error, OSError):
        return str(error)
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"this user may not write to {folder} ({error.strerror})"
    return error.strerror or str(error)


def size(database: Path) -> int:
    """Bytes of a copy: the database with what lies in its log, but not the room that the log keeps for itself."""
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as raw:
            return _length(raw)
    except sqlite3.Error:
        files = (database, database.with_name(f"{database.name}-wal"))
        return sum(each.stat().st_size for each in files if each.exists())


def _length(raw: sqlite3.Connection) -> int:
    pages, each = (int(raw.execute(f"PRAGMA page_{what}").fetchone()[0]) for what in ("count", "size"))
    return pages * each


def room_for(database: Path) -> int:
    """Bytes that are to be free where a copy of it is made."""
    return size(database) + MARGIN


def make_room(source: Path, folder: Path, advice: str = ROOM) -> None:
    """Pass if a copy of `source` fits into the folder, else NotEnoughSpace."""
    needed, free = room_for(source), shutil.disk_usage(folder).free
    if free < needed:
        raise NotEnoughSpace(
            f"There is not enough space for a copy of the database in {folder}: it needs {_megabytes(needed)}, "
            f"{_megabytes(free)} are free. {advice}"
        )


def _megabytes(count: int) -> str:
    return f"{count / 1_000_000:,.0f} MB"


def _copy(original: sqlite3.Connection, copy: sqlite3.Connection, stop: threading.Event | None) -> None:
    def look(_status: int, _remaining: int, _total: int) -> None:
        if stop is not None and stop.is_set():
            raise BrokenOff("The backup was broken off.")

    # Nothing has to survive a crash before it has its name: it is flushed once, at its end.
    copy.execute("PRAGMA synchronous=OFF")
    original.backup(copy, pages=_PAGES, progress=look)


def _listen(raw: sqlite3.Connection, stop: threading.Event | None) -> None:
    """Let what this connection does end soon after `stop` is set, as SQLite's interruption."""
    if stop is not None:
        raw.set_progress_handler(stop.is_set, _STEPS)


def _name(partial: Path, target: Path) -> None:
    """Give it its name, if nobody has taken that meanwhile."""
    try:
        os.link(partial, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if target.exists():
            raise FileExistsError(str(target)) from None
        partial.rename(target)


def check(path: Path, stop: threading.Event | None = None) -> Counts:
    """Prove that the file is a whole database of ours; the number of rows of each table. BrokenBackup if not."""
    import sqlite_utils

    try:
        path.open("rb").close()
    except OSError as error:
        raise BrokenBackup(f"{path} cannot be read by {_user()}: {error.strerror}.") from error
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as raw:
            _listen(raw, stop)
            _refuse_cut_off(raw, path)
            verdict = raw.execute("PRAGMA integrity_check(5)").fetchall()
            if verdict != [("ok",)]:
                raise BrokenBackup(f"{path} is damaged: {verdict[0][0]}.")
            if raw.execute("PRAGMA foreign_key_check").fetchone():
                raise BrokenBackup(f"{path} is damaged: rows refer to rows that are not there.")
            tables = sqlite_utils.Database(raw)
            if not {"schema_migrations", "incidents"} <= set(tables.table_names()):
                raise BrokenBackup(f"{path} is not a database of OpenAlert.")
            return {name: tables.table(name).count for name in sorted(tables.table_names())}
    except sqlite3.Error as error:
        if stop is not None and stop.is_set():
            raise BrokenOff("The backup was broken off.") from error
        raise BrokenBackup(f"{path} is not a database of OpenAlert, or it is damaged ({error}).") from error


def _refuse_cut_off(raw: sqlite3.Connection, path: Path) -> None:
    """SQLite reads what is missing of the last page as zeros, and may find nothing wrong with that."""
    if path.with_name(f"{path.name}-wal").exists():
        return  # whose pages need not be in the file yet
    whole, there = _length(raw), path.stat().st_size
    if there < whole:
        raise BrokenBackup(f"{path} is damaged: it has {there:,} of its {whole:,} bytes.")


def _user() -> str:
    """Who we are: a server that restores may be another than who asked it to."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return f"user {os.geteuid()}"


def schema_of(path: Path) -> int:
    """The newest migration that the file knows."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as raw:
        return int(raw.execute("SELECT coalesce(max(version), 0) FROM schema_migrations").fetchone()[0])


def stage(backup: Path, beside: Path, stop: threading.Event | None = None) -> Path:
    """A checked copy of `backup` in the folder of the database `beside`, ready to take its place."""
    check(backup, stop)
    make_room(backup, beside.parent)
    staged = staged_of(beside)
    remove(staged)
    with (
        closing(sqlite3.connect(f"{backup.absolute().as_uri()}?mode=ro", uri=True)) as original,
        closing(_new_file(staged)) as copy,
    ):
        _copy(original, copy, stop)
    return staged


def replace(staged: Path, database: Path) -> Path | None:
    """Put the staged file in the place of a database that nobody has open; where the old one is now, if any."""
    _into_one_file(staged)
    _sync(staged)
    kept = _set_aside(database) if database.exists() else None
    staged.replace(database)
    if kept is not None:
        give_kept_name(database, kept)
    _sync(database.parent)
    remove(staged)
    return kept


def _set_aside(database: Path) -> Path:
    """Give the old database a free name besides its own, so that at no moment there is none; which one.

    Its log must never be taken for one of the new file, so it goes with it where it cannot be taken in: the database
    is broken, or there is no room. Whoever dies in here is made up for by `leftovers.undo_restore`.
    """
    with suppress(OSError, sqlite3.Error):
        _into_one_file(database)
    kept = kept_name(database)
    try:
        os.link(database, kept)
    except OSError:  # a file system without links
        set_aside = set_aside_of(database)
        for here, there in zip(with_logs(database), with_logs(set_aside), strict=True):
            if here.exists():
                here.rename(there)
        return kept
    for here, there in zip(with_logs(database)[1:], with_logs(kept)[1:], strict=True):
        there.unlink(missing_ok=True)
        if here.exists():
            os.link(here, there)
    _sync(database.parent)
    for here in with_logs(database)[1:]:
        here.unlink(missing_ok=True)
    return kept


def _into_one_file(database: Path) -> None:
    """Take in what lies in the log beside it."""
    with closing(sqlite3.connect(database, isolation_level=None)) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        raw.execute("PRAGMA journal_mode=DELETE")


def _new_file(path: Path) -> sqlite3.Connection:
    with suppress(FileNotFoundError):
        path.unlink()
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    return sqlite3.connect(path, isolation_level=None)


def _counts(raw: sqlite3.Connection) -> Counts:
    names: Iterable[tuple[str]] = raw.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
    ).fetchall()
    return {name: int(raw.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]) for (name,) in names}


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
