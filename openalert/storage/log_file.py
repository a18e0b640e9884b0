"""SQLite's log beside the database (the -wal file): its mark, whether it belongs here, and who holds its write lock.

https://sqlite.org/fileformat2.html#the_write_ahead_log for the header, https://sqlite.org/walformat.html for the locks.
"""

import os
import struct
from bisect import bisect_left
from contextlib import suppress
from pathlib import Path

_HEADER = struct.Struct(">8I")
_FRAME_HEADER = 24
_MAGIC = (0x377F0682, 0x377F0683)
_NEAR = 1 << 24
"""The mark grows by one whenever the log begins anew: so often at most within one life of a process."""
_WRITE_LOCK = 120
"""The byte of the -shm file that whoever writes has locked."""
_READ_LOCKS = range(_WRITE_LOCK + 3, _WRITE_LOCK + 8)
"""Those of which whoever reads has locked one."""
_LOCKS = Path("/proc/locks")


def of(database: Path) -> Path:
    """Where the log of this database is, if there is one."""
    return database.with_name(database.name + "-wal")


def salt(path: Path) -> int | None:
    """The first of the two marks of the log; None when there is no whole log."""
    with suppress(OSError, struct.error), path.open("rb") as file:
        magic, _, _, _, first, _, _, _ = _HEADER.unpack(file.read(_HEADER.size))
        if magic in _MAGIC:
            return int(first)
    return None


def used_bytes(path: Path) -> int:
    """How much of the log is taken by what was written since it last began anew; the rest of the file is room."""
    with suppress(OSError, struct.error), path.open("rb") as file:
        header = file.read(_HEADER.size)
        page, marks = _HEADER.unpack(header)[2], header[16:24]
        frame = page + _FRAME_HEADER

        def is_over(number: int) -> bool:
            file.seek(_HEADER.size + number * frame + 8)
            return file.read(8) != marks

        size = path.stat().st_size
        frames: int = bisect_left(range(size // frame), True, key=is_over)
        return int(_HEADER.size + frames * frame)
    return 0


def is_foreign(path: Path, last: int | None) -> bool:
    """Whether the log was not written by the process that marked its own with `last`, so is of another database."""
    found = salt(path)
    return found is not None and last is not None and (found - last) % (1 << 32) > _NEAR


def holder(database: Path) -> str:
    """Who holds the write lock, as "1234 (sqlite3)"; "" when it is not known, or is us."""
    return next(iter(_who(database, "WRITE", range(_WRITE_LOCK, _WRITE_LOCK + 1))), "")


def readers(database: Path) -> tuple[str, ...]:
    """Who reads a moment of the database that may be past, named as by `holder`, we left out."""
    return tuple(_who(database, "READ", _READ_LOCKS))


def _who(database: Path, kind: str, wanted: range) -> list[str]:
    """The other processes that hold a lock of this kind on one of these bytes, each once."""
    try:
        inode = database.with_name(database.name + "-shm").stat().st_ino
        lines = _LOCKS.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return []
    found: dict[str, None] = {}
    for line in lines:
        # 1: POSIX  ADVISORY  WRITE 1234 fd:00:5678 120 120
        parts = line.split()
        if len(parts) < 8 or parts[1] != "POSIX" or parts[3] != kind or not parts[4].isdigit():
            continue
        end = int(parts[7]) if parts[7].isdigit() else wanted.stop
        is_meant = int(parts[6]) < wanted.stop and end >= wanted.start
        pid = int(parts[4])
        if is_meant and parts[5].rpartition(":")[2] == str(inode) and pid not in (0, os.getpid()):
            found[f"{pid} ({_name(pid)})"] = None
    return list(found)


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "unknown"
