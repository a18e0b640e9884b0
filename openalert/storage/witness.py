"""The witness: a small file beside an SQLite database that says how far it had come.

A database that has come less far than its witness says was put back to an earlier time by other hands: a file copied
over it, a file system rolled back. The witness is written after the database was, so it never runs ahead of it by
itself. It is no part of a backup, and where it is missing nothing follows.
"""

import os
from contextlib import suppress
from pathlib import Path

import msgspec

from openalert.domain.instant import Instant
from openalert.storage.runs import Run


class Witness(msgspec.Struct, frozen=True):
    """What the file says."""

    run: str
    """The run that wrote it."""
    at: Instant
    """That run's last sign of life that was committed."""


def path_of(database: Path) -> Path:
    """Where it lies."""
    return database.with_name(f"{database.name}.witness")


def note(database: Path, run: Run) -> None:
    """The database has come as far as this run's sign of life. A disk that is full or fails changes nothing."""
    body = msgspec.json.encode(Witness(run.id, run.last_seen_at))
    with suppress(OSError):
        handle = os.open(path_of(database), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            # In its place: so that no room is needed, and no other file takes its name.
            os.pwrite(handle, body, 0)
            os.ftruncate(handle, len(body))
        finally:
            os.close(handle)


def forget(database: Path) -> None:
    """The database is another one now, and it is known."""
    path_of(database).unlink(missing_ok=True)


def contradicts(database: Path, known: Run | None) -> bool:
    """Whether the witness has seen more than the database knows, whose last run is `known`."""
    try:
        witness = msgspec.json.decode(path_of(database).read_bytes(), type=Witness)
    except (OSError, msgspec.MsgspecError):
        return False
    if known is None:
        return False
    return witness.at > known.last_seen_at
