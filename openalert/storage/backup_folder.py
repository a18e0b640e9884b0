"""The folder of the backups that are made by themselves: what lies in it, and what is to go."""

import os
from collections.abc import Callable
from pathlib import Path
from threading import Event

import msgspec

from openalert.domain import backup as rules
from openalert.domain.errors import OpenAlertError
from openalert.domain.instant import Instant
from openalert.storage import backup


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A backup in the folder. It has its name because it was proven when it was made."""

    path: Path
    made_at: Instant
    size: int
    """Bytes."""


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """What came of making one."""

    path: Path
    size: int
    """Bytes."""
    counts: backup.Counts
    removed: int
    """Older ones that went."""


def kept(folder: Path) -> list[Kept]:
    """Those that lie there, the newest first."""
    found = []
    for path in folder.iterdir() if folder.is_dir() else ():
        at = rules.made_at(path.name)
        if at is not None and path.is_file():
            found.append(Kept(path=path, made_at=at, size=path.stat().st_size))
    return sorted(found, key=lambda each: each.made_at, reverse=True)


def make(
    source: Path, folder: Path, now: Instant, *, keep: int, stop: Event, prove: Callable[[Path], None]
) -> Made:
    """A new one, proven; only then the superfluous go. OpenAlertError says why there is none."""
    target = folder / rules.file_name(now)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _clear(folder)
        counts = backup.save(source, target, stop=stop, prove=prove)
        removed = 0
        for name in rules.superfluous([each.path.name for each in kept(folder)], target.name, keep):
            folder.joinpath(name).unlink(missing_ok=True)
            removed += 1
        return Made(path=target, size=target.stat().st_size, counts=counts, removed=removed)
    except OSError as error:
        raise OpenAlertError(f"The backup was not made in {folder}: {error.strerror or error}.") from error


def _clear(folder: Path) -> None:
    """Take away what a process that died left half made."""
    for path in folder.glob(".openalert-*Z.db.partial-*"):
        if not _lives(path.name.split(".partial-")[1].split("-")[0]):
            path.unlink(missing_ok=True)


def _lives(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return int(process) != os.getpid()
