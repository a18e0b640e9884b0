"""A folder that holds a copy of status pages: each file written beside the old one, then put in its place.

Only what a list in the folder names as ours is ever taken away. No link is followed inside the folder, so that nobody
who may write there leads us elsewhere: files are reached step by step from the open folder.
"""

import errno
import fcntl
import os
import posixpath
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from openalert.domain.errors import Conflict, OpenAlertError
from openalert.domain.status_copy import CopyFile

LIST = ".openalert-status.json"
"""Names every file of ours, so that the next copy knows what has vanished."""
_NEW = ".openalert-new"
_PART = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._~%-]{1,200}")
_MOST_PARTS = 8
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Written(msgspec.Struct):
    """What became of a folder; paths are below it."""

    written: list[str] = []
    unchanged: list[str] = []
    removed: list[str] = []


class _Listed(msgspec.Struct):
    files: list[str] = []


def write(folder: Path, some: Iterable[CopyFile]) -> Written:
    """Let the folder hold these files in their order, and no others of ours; Conflict while another one writes there.

    OpenAlertError where the disk refuses: of what is wanted the old one stays, and what was written before is whole.
    """
    wanted = list(some)
    done = Written()
    try:
        _make(folder)
        with _opened(folder) as root:
            # Listed before it is there: whatever is cut short, the next copy knows of it.
            known, paths = set(_listed(root)), {each.path for each in wanted}
            try:
                _put(root, LIST, _as_list(known | paths))
                for each in wanted:
                    (done.written if _put(root, each.path, each.body) else done.unchanged).append(each.path)
            finally:
                # Also on a full disk: a page that became private must not stay because another one does not fit.
                for path in sorted(known - paths):
                    if _remove(root, path):
                        done.removed.append(path)
            _put(root, LIST, _as_list(paths))
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        why = (
            "a link or a file is in the way"
            if error.errno in (errno.ELOOP, errno.ENOTDIR)
            else error.strerror
        )
        raise OpenAlertError(f"{folder} cannot be written: {why}{where}.") from error
    return done


def _make(folder: Path) -> None:
    """The folder is there, for a web server of another user to read."""
    with suppress(FileExistsError):
        folder.mkdir(parents=True)
        folder.chmod(0o755)


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    """The folder itself, ours alone for the moment; it may be a link, as whoever named it chose it."""
    root = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(root, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict(f"Another copy is being written to {folder}. Try again in a moment.") from None
        yield root
    finally:
        os.close(root)


def _listed(root: int) -> list[str]:
    """The files that an earlier copy left here; a list that cannot be read names none."""
    try:
        with os.fdopen(os.open(LIST, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=root), "rb") as file:
            found = msgspec.json.decode(file.read(), type=_Listed).files
    except FileNotFoundError:
        return []
    except msgspec.DecodeError:
        return []
    return [path for path in found if _is_ours(path)]


def _is_ours(path: str) -> bool:
    """Whether it can be a file of a copy: plain names, no way up, not the list itself."""
    parts = path.split("/")
    return path != LIST and len(parts) <= _MOST_PARTS and all(_PART.fullmatch(part) for part in parts)


def _as_list(paths: Iterable[str]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(_Listed(sorted(paths))), indent=1)


def _put(root: int, path: str, body: bytes) -> bool:
    """Let the file hold this; False when it did already."""
    if path != LIST and not _is_ours(path):
        raise ValueError(f"{path!r} is no file of a copy")
    with _parent(root, path) as (parent, name):
        if _holds(parent, name, body):
            return False
        fresh = f".{name}{_NEW}"
        with suppress(FileNotFoundError):
            os.unlink(fresh, dir_fd=parent)
        try:
            handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644, dir_fd=parent)
            with os.fdopen(handle, "wb") as file:
                os.fchmod(handle, 0o644)  # a web server of another user reads it, whatever our umask
                file.write(body)
            os.rename(fresh, name, src_dir_fd=parent, dst_dir_fd=parent)
        except BaseException:
            with suppress(OSError):
                os.unlink(fresh, dir_fd=parent)
            raise
    return True


def _holds(parent: int, name: str, body: bytes) -> bool:
    """Whether there is a plain file with this in it."""
    try:
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=parent)
    except OSError:
        return False
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(handle)
        return stat.S_ISREG(found.st_mode) and found.st_size == len(body) and file.read() == body


def _remove(root: int, path: str) -> bool:
    """Take a file of ours away, and folders that are empty then."""
    try:
        with _parent(root, path, make=False) as (parent, name):
            os.unlink(name, dir_fd=parent)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EISDIR):
            return False
        raise
    folder = posixpath.dirname(path)
    while folder:
        try:
            with _parent(root, folder, make=False) as (parent, name):
                os.rmdir(name, dir_fd=parent)
        except OSError:
            break
        folder = posixpath.dirname(folder)
    return True


@contextmanager
def _parent(root: int, path: str, *, make: bool = True) -> Iterator[tuple[int, str]]:
    """The open folder that holds the file, and the file's name there; folders on the way are made."""
    *folders, name = path.split("/")
    opened = [os.dup(root)]
    try:
        for each in folders:
            made = make and _made(each, opened[-1])
            opened.append(os.open(each, _FOLDER, dir_fd=opened[-1]))
            if made:
                os.fchmod(opened[-1], 0o755)
        yield opened[-1], name
    finally:
        for handle in opened:
            os.close(handle)


def _made(name: str, parent: int) -> bool:
    """Whether the folder was not there before."""
    try:
        os.mkdir(name, dir_fd=parent)
    except FileExistsError:
        return False
    return True
