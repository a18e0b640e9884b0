"""The reserve: a file beside the database that holds disk space for the day on which there is none (promise DB-2).

A program that writes its log without end takes whatever is given back to the disk before we can. So SQLite's own log
has its room from the beginning, and more of it from the reserve when that is used up, piece by piece. While there is no
room, new events are refused and the log is emptied after every few commits: acknowledges, timers and pages go round in
it.
"""

import errno
import os
import sqlite3
import threading
from contextlib import suppress
from pathlib import Path

import structlog

from openalert.storage import log_file
from openalert.storage.disk import Disk

log = structlog.get_logger(__name__)

SHARE = 4
"""The reserve takes at most a quarter of what is free: on a small disk it must not be what fills it."""
USUAL_PAGES = 4000
"""Pages in the log after which it is emptied into the database."""
SAVING_PAGES = 64
"""The same while there is no room."""
_PROBE = 64 * 1024
_PIECE = 256 * 1024
_INDEX = 32 * 1024
"""What the index grows by, for every"""
_INDEXED = 4096 * 4096
"""bytes of the log."""
_OPENING = 1024 * 1024
"""What a start needs: the index of the log is made anew, files are marked, and it may be killed and begin again."""


class Reserve:
    """The reserve of one database; the writer's thread and whoever measures may use it at once."""

    def __init__(self, database: Path, disk: Disk) -> None:
        self.path = database.with_name(database.name + ".reserve")
        self._log = database.with_name(database.name + "-wal")
        self._index = database.with_name(database.name + "-shm")
        self._index_handle: int | None = None
        """Stays open as long as the database is: to close it would take from SQLite every lock that it has there."""
        self._folder = database.parent
        self._disk = disk
        self._lock = threading.Lock()
        self._most = 0
        self._short = False
        """Whether there is no room now."""
        self._saving = False
        """Whether the writer empties the log after every few commits."""
        self._is_eaten = False
        """Whether somebody else takes what is given back to the disk before we can."""
        self._refused = False
        """Whether SQLite found the disk full since the last slice was given."""
        self._index_refused = False
        """Whether that was for the index of its log, which can use none of the room that the log has."""

    @property
    def low(self) -> int:
        """With fewer free bytes than this, new events are refused."""
        return self._disk.reserve_wanted // 4

    @property
    def slice(self) -> int:
        """What is given away at once."""
        return max(self._disk.reserve_wanted // 8, _PROBE)

    def keep(self, most: int) -> None:
        """Hold `most` bytes from now on, or a quarter of what is free where that is less; 0: none."""
        self._most = most
        if not most:
            self.path.unlink(missing_ok=True)
        self.measure()

    def measure(self) -> None:
        """See how things stand; take back what was given away as soon as there is room for it again."""
        with self._lock:
            disk = self._disk
            disk.free_bytes = free = self._free()
            disk.log_bytes = _size(self._log)
            disk.reserve_bytes = size = _size(self.path)
            if not self._most:
                return
            if not self._short:
                disk.reserve_wanted = max(size, min(self._most, (free + size) // SHARE), disk.reserve_wanted)
            enough = 2 * self.low
            if free < self.low:
                self._begin()
            elif free >= enough:
                self._lengthen_log()
                self._lengthen_index()
                self._grow(
                    min(disk.reserve_wanted, size + free - enough) if self._short else disk.reserve_wanted
                )
                self._end()

    def make_room(self, raw: sqlite3.Connection) -> None:
        """For the writer's thread, before each transaction: see to it that there is room for one."""
        if not self._most:
            return
        self._disk.free_bytes = free = self._free()
        if free >= self.low and not self._short:
            if self._saving:
                raw.execute(f"PRAGMA wal_autocheckpoint={USUAL_PAGES}")
                self._saving = False
            return
        with self._lock:
            if free < self.low:
                self._begin()
            if not self._saving:
                raw.execute(f"PRAGMA wal_autocheckpoint={SAVING_PAGES}")
                self._saving = True
            if (free < self.low // 4 and not self._log_has_room(raw)) or self._refused:
                self._give()

    def was_refused(self, *, index: bool = False) -> None:
        """SQLite found the disk full: give a slice away before the next transaction, and take no events meanwhile.

        With `index` it was for the index of its log (`-shm`), which grows by 32 KiB for every 4,096 pages.
        """
        if self._most:
            with self._lock:
                self._refused = True
                self._index_refused = self._index_refused or index
                self._begin()

    def why_refused(self) -> int:
        """What the system says to a few pages beside the database, as in `errno`; 0: it takes them."""
        probe = self.path.with_suffix(".probe")
        try:
            with probe.open("wb") as file:
                file.write(b"\1" * _PROBE)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            return error.errno or errno.EIO
        finally:
            with suppress(OSError):
                probe.unlink(missing_ok=True)
        return 0

    def free_a_slice(self) -> None:
        """Before the database is opened on a full disk, which takes a little room of its own."""
        if self._free() < max(self.slice, _OPENING) and _size(self.path):
            self._shrink(max(self.slice, _OPENING))

    def _begin(self) -> None:
        if not self._short:
            log.error(
                "the disk is full: new events are refused, all else goes on",
                free_bytes=self._disk.free_bytes, reserve_bytes=self._disk.reserve_bytes,
            )  # fmt: skip
        self._short = self._disk.refuses_events = True

    def _end(self) -> None:
        self._refused = self._index_refused = self._is_eaten = False
        if self._short:
            log.warning("there is room on the disk again: new events are taken")
        self._short = self._disk.refuses_events = False

    def _log_has_room(self, raw: sqlite3.Connection) -> bool:
        """Whether the next transaction fits into the log as it lies on the disk, emptied if need be."""
        wanted = self.slice // 2
        if _size(self._log) - log_file.used_bytes(self._log) >= wanted:
            return True
        return _size(self._log) >= wanted and self._empties(raw)

    def _empties(self, raw: sqlite3.Connection) -> bool:
        """Take the log into the database. Where that has to grow for it, a slice goes back to the disk, but only one
        if somebody else was quicker: the log can do without the database for long.
        """
        for _ in range(2):
            try:
                _, frames, done = raw.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            except sqlite3.Error:
                if self._is_eaten or not self._shrink():
                    return False
                self._is_eaten = True
            else:
                self._is_eaten = False
                return bool(frames == done)
        return False

    def _give(self) -> None:
        """A slice for the log, in pieces that are taken again in the same breath, so that nobody else has them."""
        self._refused = False
        if self._index_refused:
            # Back to the disk: what the log takes in the same breath is of no use to its index.
            self._index_refused = False
            self._shrink(_PIECE)
            return
        for _ in range(max(1, self.slice // _PIECE)):
            given = self._shrink(_PIECE)
            if not given or not self._extend_log(given):
                return

    def _extend_log(self, count: int) -> bool:
        """Let the log have so much more of the disk; SQLite takes what it has not written for the end of it."""
        try:
            handle = os.open(self._log, os.O_WRONLY)
        except OSError:
            return False
        try:
            os.posix_fallocate(handle, _size(self._log), count)
        except OSError:
            return False
        finally:
            os.close(handle)
        return True

    def _shrink(self, count: int = 0) -> int:
        """Let go of a slice, or of `count` bytes; how much it was."""
        size = _size(self.path)
        given = min(size, count or self.slice)
        if given:
            os.truncate(self.path, size - given)
            self._disk.reserve_bytes = size - given
        return given

    def _lengthen_log(self) -> None:
        """While there is room, see to it that the log can take half as much as the reserve without asking the disk."""
        missing = self._disk.reserve_wanted // 2 - _size(self._log)
        if missing > 0:
            self._extend_log(missing)

    def _lengthen_index(self) -> None:
        """The same for the index of a log that got the whole reserve; SQLite takes a long one for one in use."""
        longest = max(_size(self._log), self._disk.reserve_wanted // 2) + self._disk.reserve_wanted
        size = _size(self._index)
        missing = _INDEX * (1 + longest // _INDEXED) - size
        if not size or missing <= 0:
            return
        with suppress(OSError):
            if self._index_handle is None:
                self._index_handle = os.open(self._index, os.O_WRONLY)
            if os.path.samestat(os.fstat(self._index_handle), self._index.stat()):
                os.posix_fallocate(self._index_handle, size, missing)

    def close(self) -> None:
        """When every connection of this process to the database is closed."""
        with self._lock:
            if self._index_handle is not None:
                os.close(self._index_handle)
                self._index_handle = None

    def _grow(self, wanted: int) -> None:
        size = _size(self.path)
        if wanted <= size:
            return
        try:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                _fill(handle, size, wanted - size)
            finally:
                os.close(handle)
        except OSError as error:
            log.warning("the reserve cannot be made", reason=str(error), file=str(self.path))
        self._disk.reserve_bytes = _size(self.path)

    def _free(self) -> int:
        try:
            found = os.statvfs(self._folder)
        except OSError:
            return 0
        return found.f_bavail * found.f_frsize


def _fill(handle: int, begin: int, count: int) -> None:
    """Let the file have these bytes on the disk, also where it must be written for that."""
    try:
        os.posix_fallocate(handle, begin, count)
    except OSError:
        os.truncate(handle, begin)
        raise


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
