"""Whether a database file is sound: looked at before anything is written to it, and again each week (promise DB-7).

One table after the other, each in a snapshot of its own, so that a look at a large database does not keep SQLite's log
from being used again. A damaged file is never written to: what is in it is all there is to save.
"""

import re
import shlex
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from openalert.domain.errors import OpenAlertError
from openalert.storage import log_file

BUSY_TIMEOUT = 5000
"""Milliseconds in which another program that has the whole file locked may let go of it."""
BRIEF_SECONDS = 0.7
"""So long a start waits for the look at the file, enough for a third of a gigabyte; the rest is looked at while it
serves. A server with a million alerts is ready within three seconds (promise LC-1)."""
REST_AFTER = 5.0
"""Seconds after which that begins: until then the processors belong to the start, and to whoever waited for it."""
_STEPS = 100_000
"""Of SQLite's machine, between two questions whether it is over: some milliseconds."""
DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
"""What SQLite calls a file that it cannot understand."""
_MOST = 20
_QUICK = 'PRAGMA quick_check("{}")'
_THOROUGH = 'PRAGMA integrity_check("{}")'
_OF_INDEX = re.compile(r"(?:row \d+ missing from|wrong # of entries in|non-unique entry in) index (\w+)")
_TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"


class Damaged(OpenAlertError):
    """The database file is broken; nothing was written to it (exit code 5)."""


def advice(database: Path, what: str) -> str:
    """What is wrong, and the command that puts the newest backup in its place."""
    return f"The database {database} is damaged ({what}). Nothing is written to it. {_way_out(database)}"


def _way_out(database: Path) -> str:
    command = f"openalert restore {{}} --data-dir {shlex.quote(str(database.parent))}"
    newest = _newest_backup(database)
    if newest is not None:
        return f"Put the newest copy in its place: {command.format(shlex.quote(str(newest)))}"
    return f"Put your newest backup in its place: {command.format('FILE')} (docs/operations.md, Damaged database)"


def _newest_backup(database: Path) -> Path | None:
    folder = database.parent
    found = [*(folder / "backups").glob("*.db"), *folder.glob(f"{database.name}.before-*")]
    copies = [path for path in found if path.is_file() and not path.name.endswith(("-wal", "-shm"))]
    return max(copies, key=lambda path: path.stat().st_mtime, default=None)


def refuse_strange_files(database: Path, last_salt: int | None) -> None:
    """Refuse a log without its database, and one of another: SQLite would delete the first and believe the second."""
    log = log_file.of(database)
    size = database.stat().st_size if database.exists() else 0
    if not size and log.exists() and log.stat().st_size:
        raise Damaged(
            f"{database} is {'empty' if database.exists() else 'missing'}, but its log {log.name} is there: put the "
            f"file back beside it, nothing was changed. {_way_out(database)}"
        )
    if log_file.is_foreign(log, last_salt):
        raise Damaged(
            f"{log} is not the log of {database.name}, but that of another database; nothing was changed. Put the "
            f"right one there, or take it away: mv {shlex.quote(str(log))} {shlex.quote(str(log))}.strange\n"
            f"{_way_out(database)}"
        )


def briefly() -> Callable[[], bool]:
    """Whether the time that a start waits is over."""
    end = time.monotonic() + BRIEF_SECONDS
    return lambda: time.monotonic() > end


def look(database: Path, is_over: Callable[[], bool], after: str = "") -> str | None:
    """Look at the tables that come after the one named; the last one looked at when it was over, None: all sound.

    `Damaged` says what is broken. Nothing is changed.
    """
    try:
        with closing(_opened(database)) as raw:
            _ask(raw, database, "sqlite_schema")
            raw.set_progress_handler(lambda: int(is_over()), _STEPS)
            for name in _names(raw):
                if name <= after:
                    continue
                if is_over():
                    return after
                _ask(raw, database, name)
                after = name
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorname == "SQLITE_INTERRUPT":
            return after
        if not error.sqlite_errorname.startswith(DAMAGED):
            raise
        raise Damaged(advice(database, str(error))) from error
    return None


def prove(database: Path, is_over: Callable[[], bool]) -> list[str]:
    """Everything about every table, its indexes too: one line for each thing that is wrong."""
    found: list[str] = []
    with closing(_opened(database)) as raw:
        raw.set_progress_handler(lambda: int(is_over()), _STEPS)
        for name in ("sqlite_schema", *_names(raw)):
            try:
                rows = raw.execute(_THOROUGH.format(name)).fetchmany(_MOST)
            except sqlite3.DatabaseError as error:
                if error.sqlite_errorname == "SQLITE_INTERRUPT":
                    return found
                rows = [(str(error),)]
            found += [str(row[0]) for row in rows if row[0] != "ok"]
    return found


def broken_indexes(wrong: list[str]) -> list[str] | None:
    """The indexes that these lines are about; None when something else is broken too.

    An index holds nothing of its own, so that it can be made anew from its table.
    """
    found = [_OF_INDEX.fullmatch(line) for line in wrong]
    return sorted({match.group(1) for match in found if match}) if all(found) else None


def _names(raw: sqlite3.Connection) -> list[str]:
    return [row[0] for row in raw.execute(_TABLES)]


def _opened(database: Path) -> sqlite3.Connection:
    """Reading alone, so that not even closing it takes the log into the file."""
    raw = sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True, isolation_level=None)
    raw.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT}")
    return raw


def _ask(raw: sqlite3.Connection, database: Path, table: str) -> None:
    rows = raw.execute(_QUICK.format(table)).fetchmany(_MOST)
    wrong = [str(row[0]) for row in rows if row[0] != "ok"]
    if wrong:
        raise Damaged(advice(database, "; ".join(wrong[:3])))
