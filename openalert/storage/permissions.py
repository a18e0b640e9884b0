"""Who may read and write the files of an installation, and words for the day on which we may not."""

import errno
import os
import pwd
import stat
from pathlib import Path

from openalert.domain.errors import OpenAlertError


class Inaccessible(OpenAlertError):
    """The system does not let us at a file: its owner, its mode, or its file system is wrong."""


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
