"""Copies of an SQLite database: made while it is in use, proven before they count, restored without paging the past."""

import os
import sqlite3
from collections.abc import Iterable
from contextlib import closing, suppress
from pathlib import Path

from openalert.domain.errors import Conflict, OpenAlertError
from openalert.storage.transaction import Transaction

Counts = dict[str, int]


class BrokenBackup(OpenAlertError):
    """The file is no backup of OpenAlert, or it is damaged."""


def save(source: Path, target: Path) -> Counts:
    """Copy `source`, as it is at one moment, to `target`; the number of rows of each table.

    The copy is read back before it gets its name, so that a file of that name is a good one. Conflict when there
    is a file already.
    """
    if target.exists():
        raise Conflict(f"{target} exists already; choose another name.")
    partial = target.with_name(f".{target.name}.partial-{os.getpid()}")
    try:
        with (
            closing(
                sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True, isolation_level=None)
            ) as original,
            closing(_new_file(partial)) as copy,
        ):
            # The open read transaction pins one snapshot for the counts and the copy alike.
            original.execute("BEGIN")
            expected = _counts(original)
            original.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")
        if check(partial) != expected:
            raise BrokenBackup("The copy does not hold the same number of rows; the backup was not made.")
        _sync(partial)
        os.link(partial, target)
        _sync(target.parent)
    except FileExistsError:
        raise Conflict(f"{target} exists already; choose another name.") from None
    except (OSError, sqlite3.Error) as error:
        raise OpenAlertError(f"The backup was not made: {error}.") from error
    finally:
        partial.unlink(missing_ok=True)
    return expected


def check(path: Path) -> Counts:
    """Prove that the file is a whole database of ours; the number of rows of each table. BrokenBackup if not."""
    import sqlite_utils

    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as raw:
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
        raise BrokenBackup(f"{path} is not a database of OpenAlert, or it is damaged ({error}).") from error


def stage(backup: Path, beside: Path) -> Path:
    """A checked copy of `backup` in the folder of the database `beside`, ready to take its place."""
    check(backup)
    staged = beside.with_name(f"{beside.name}.restoring")
    remove(staged)
    with (
        closing(sqlite3.connect(f"{backup.absolute().as_uri()}?mode=ro", uri=True)) as original,
        closing(_new_file(staged)) as copy,
    ):
        original.backup(copy)
    return staged


def replace(staged: Path, database: Path) -> Path | None:
    """Put the staged file in the place of a database that nobody has open; where the old one is now, if any."""
    _into_one_file(staged)
    _sync(staged)
    kept = _set_aside(database) if database.exists() else None
    staged.replace(database)
    _sync(database.parent)
    remove(staged)
    return kept


def _set_aside(database: Path) -> Path:
    """The old database under a free name besides its own, so that at no moment there is none.

    Its log must never be taken for one of the new file. One that is too broken to take its log in is moved with it.
    """
    number = 1
    while (kept := database.with_name(f"{database.name}.before-restore-{number}")).exists():
        number += 1
    try:
        _into_one_file(database)
        os.link(database, kept)
    except (OSError, sqlite3.Error):
        for suffix in ("-wal", "-shm", ""):
            old = database.with_name(database.name + suffix)
            if old.exists():
                old.rename(kept.with_name(kept.name + suffix))
    return kept


def _into_one_file(database: Path) -> None:
    """Take in what lies in the log beside it."""
    with closing(sqlite3.connect(database, isolation_level=None)) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        raw.execute("PRAGMA journal_mode=DELETE")


def remove(staged: Path) -> None:
    """Leave nothing of a staged file."""
    for suffix in ("", "-wal", "-shm", "-journal", ".lock"):
        staged.with_name(staged.name + suffix).unlink(missing_ok=True)


async def hold_past(tx: Transaction, before: int) -> list[str]:
    """Let nothing that was due before this instant happen any more; the incidents that lost their next step."""
    held = await tx.changed(
        """
        UPDATE incidents SET escalation_state = 'exhausted', escalation_next_at = NULL, snoozed_until = NULL
        WHERE id IN (SELECT incident_id FROM timers WHERE due_at < :before) RETURNING id
        """,
        before=before,
    )
    await tx.execute(f"DELETE FROM timers WHERE {tx.any_of('incident_id', 'held')}", held=held)
    await tx.execute(
        """
        UPDATE notifications SET status = 'cancelled', due_at = NULL, updated_at = :now,
            failure_reason = 'It was due before the backup was restored.'
        WHERE status IN ('pending', 'sending', 'unknown') AND coalesce(due_at, claimed_at, created_at) < :before
        """,
        before=before,
        now=tx.now,
    )
    await tx.execute(
        """
        UPDATE outgoing_deliveries SET status = 'failed', due_at = NULL, failure_reason = 'restored', updated_at = :now
        WHERE due_at IS NOT NULL AND created_at < :before
        """,
        before=before,
        now=tx.now,
    )
    await tx.execute(
        """
        UPDATE counters SET value = (SELECT coalesce(max(seq), counters.value) FROM events WHERE at < :before)
        WHERE name = 'outgoing_event' AND value < (SELECT coalesce(max(seq), 0) FROM events WHERE at < :before)
        """,
        before=before,
    )
    return held


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
