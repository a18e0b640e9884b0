"""Who may read and write the files of an installation, and words for the day on which we may not."""

import errno
import os
import pwd
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import structlog

from openalert.domain.errors import OpenAlertError

log = structlog.get_logger(__name__)

OWNER, GROUP, ANYONE = "owner", "group", "anyone"
"""Who may read besides root, as in `server.file_access`."""
_TAKEN = {OWNER: 0o077, GROUP: 0o007, ANYONE: 0}
"""The bits of a mode that nobody is to have."""
OURS = ("openalert", "encryption.key", "secret.key", "backups", "status-pages", "lost+found")
"""How everything in a data folder begins that holds nothing of others."""


class Inaccessible(OpenAlertError):
    """The system does not let us at a file: its owner, its mode, or its file system is wrong."""


class Exposed(Inaccessible):
    """Others can read what only this user should, and it is not ours to change that."""


def keep(folder: Path, files: Iterable[Path], access: str = OWNER) -> list[Path]:
    """Take from others what they may do with these files, and with the folder where it holds nothing but ours; what was
    changed. Files are made for the owner alone whatever the umask: this is for what a copy, an archive or a volume
    brought along. `Exposed` where others could read one of the files, and the system does not let us change that.
    """
    taken = _TAKEN[access]
    if not taken:
        return []
    changed = [folder] if _is_all_ours(folder) and _narrow(folder, taken) else []
    is_shut = not _mode(folder) & 0o001
    for path in files:
        if _narrow(path, taken):
            changed.append(path)
        elif _mode(path) & taken and not is_shut:
            right = 0o600 if access == OWNER else 0o640
            raise Exposed(
                f"{path} can be read by others (mode {_mode(path):04o}), who would have every secret. It belongs to "
                f"{_name(path.stat().st_uid)}: `chmod {right:o} {path}` as that user, or say who may read it by "
                "server.file_access."
            )
    if changed:
        log.warning(
            "others could read these until now; whoever may have done so knows the secrets: see docs/security.md",
            files=[str(each) for each in changed],
        )
    return changed


def beside(database: Path) -> list[Path]:
    """The file of a database and what lies beside it and has its contents, as far as it is there."""
    names = [database.name + end for end in ("", "-wal", "-shm", ".lock", ".reserve", ".witness")]
    found = [database.with_name(name) for name in names]
    return [each for each in [*found, *database.parent.glob(database.name + ".before-*")] if each.is_file()]


def create(path: Path) -> None:
    """An empty file for the owner alone, where there is none; what SQLite makes beside it takes the same mode."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def require(files: Iterable[Path]) -> None:
    """`Inaccessible` for the first of these that we may not read and write."""
    for path in files:
        if path.exists() and not os.access(path, os.R_OK | os.W_OK, effective_ids=True):
            raise inaccessible(path, OSError(errno.EACCES, os.strerror(errno.EACCES)))


def _is_all_ours(folder: Path) -> bool:
    """A folder that others use too, such as /tmp, is not ours to close."""
    with suppress(OSError):
        is_shared = folder.stat().st_mode & stat.S_ISVTX
        return not is_shared and all(each.name.startswith(OURS) for each in folder.iterdir())
    return False


def _narrow(path: Path, taken: int) -> bool:
    """Whether those bits were there and are gone now."""
    before = _mode(path)
    if not before & taken:
        return False
    with suppress(OSError):
        path.chmod(before & ~taken)
    return not _mode(path) & taken


def _mode(path: Path) -> int:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return 0


def inaccessible(path: Path, error: OSError) -> Inaccessible:
    """What the system said to `path` as a sentence with the way out."""
    if error.errno == errno.EROFS:
        return Inaccessible(
            f"{path} cannot be written: its file system is read-only. A kernel makes it so after an error of the disk: "
            "look into `dmesg`, repair it (`fsck`) and mount it for writing again."
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return Inaccessible(
            f"{path} is not for this user: {_whose(path)}, and OpenAlert runs as {_name(os.geteuid())}. "
            f"Give it the folder (`chown -R {_name(os.geteuid())} {path.parent}`), or choose another with --data-dir."
        )
    return Inaccessible(f"{path} cannot be opened: {error.strerror or error}.")


def _whose(path: Path) -> str:
    """Whose the file is that keeps us away: this one, or the nearest folder above it that can be looked at."""
    for each in (path, *path.parents):
        try:
            found = each.lstat()
        except OSError:
            continue
        which = "it" if each == path else f"{each}"
        return f"{which} belongs to {_name(found.st_uid)} (mode {stat.S_IMODE(found.st_mode):04o})"
    return "nothing of it can be seen"


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
