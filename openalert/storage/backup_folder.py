"""The folder of the backups that are made by themselves: what lies in it, and what is to go."""

import shutil
from collections.abc import Callable
from pathlib import Path
from threading import Event

import msgspec

from openalert.domain import backup as rules
from openalert.domain.errors import OpenAlertError
from openalert.domain.instant import Instant
from openalert.storage import backup, leftovers


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
    """A new one, proven; only then the superfluous go. OpenAlertError says why there is none.

    Where there is no room for one more beside them they go before, but never the last one.
    """
    target = folder / rules.file_name(now)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        clear(folder)
        removed = _make_room(source, folder, keep)
        counts = backup.save(source, target, stop=stop, prove=prove, advice=_advice(keep))
        for name in rules.superfluous([each.path.name for each in kept(folder)], target.name, keep):
            folder.joinpath(name).unlink(missing_ok=True)
            removed += 1
        return Made(path=target, size=target.stat().st_size, counts=counts, removed=removed)
    except OSError as error:
        raise OpenAlertError(f"The backup was not made in {folder}: {error.strerror or error}.") from error


def _advice(keep: int) -> str:
    fewer = f", keep fewer than {keep} backups (backup.keep)" if keep > 1 else ""
    return f"Make room there{fewer}, or name a larger disk in backup.folder."


def _make_room(source: Path, folder: Path, keep: int) -> int:
    """Let those go that would go afterwards, as many as it takes, if that is enough; how many went."""
    files = kept(folder)
    missing = backup.room_for(source) - shutil.disk_usage(folder).free
    if missing <= 0 or not files:
        return 0
    # By its file and not by its name: whatever the clock said, it is the last one that was proven.
    last = max(files, key=lambda each: each.path.stat().st_mtime).path.name
    spare = rules.superfluous([each.path.name for each in files], last, max(keep - 1, 1))
    sizes = {each.path.name: each.size for each in files}
    if sum(sizes[name] for name in spare) < missing:
        return 0
    removed = 0
    for name in reversed(spare):
        if missing > 0:
            folder.joinpath(name).unlink(missing_ok=True)
            missing -= sizes[name]
            removed += 1
    return removed


def clear(folder: Path) -> None:
    """Take away what a process that died left half made."""
    leftovers.clear(folder, "openalert-*Z.db")
