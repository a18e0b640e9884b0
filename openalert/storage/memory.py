"""What this process may still take of the machine's memory: by its own limit, by that of its cgroup, and at all.

A kernel that has none left kills, and what was not answered is lost without a word. So new events are refused before
that, as on a full disk; acknowledges, timers and pages need little and go on.
"""

import resource
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import structlog

from openalert.domain.errors import Unavailable

log = structlog.get_logger(__name__)

MIB = 1024 * 1024
SHORT = 32 * MIB
"""With less than this to be had new events are refused: what is under way may take that much."""
ENOUGH = 48 * MIB
"""From here on they are taken again."""
COPIES = 4
"""A message takes so many times its length while it is read and stored."""
LITTLE = 32 * 1024
"""Messages up to this length are not counted."""
LOOK_SECONDS = 0.2
"""So long a look holds: one costs some fifty microseconds."""
OF_THREADS = 128 * MIB
"""Address space that a thread may reserve for itself and not use: it counts for RLIMIT_AS, and for nothing else."""
_PAGE = resource.getpagesize()
_UNLIMITED = 1 << 60
"""What cgroups of the first version say where there is no limit is about eight times that."""


class Memory:
    """What is left, looked at when somebody asks."""

    def __init__(self, left: Callable[[], int] | None = None) -> None:
        """`left`: bytes that may still be taken; None: as the system says."""
        self._left = left or _left
        self._looked_at = -LOOK_SECONDS
        self.left_bytes = 0
        """As of the last look."""
        self._short = False
        self._promised = 0
        """What messages that are being read may still take."""

    def promise(self, length: int) -> int:
        """Room for a message of so many bytes, as what `release` is told at its end; Unavailable when there is none."""
        if self.is_short():
            raise _none_left()
        if length <= LITTLE:
            return 0
        wanted = COPIES * length
        if self.left_bytes - self._promised - wanted < SHORT:
            raise _none_left()
        self._promised += wanted
        return wanted

    def release(self, promised: int) -> None:
        """It was read and stored, or was not."""
        self._promised -= promised

    def is_short(self) -> bool:
        """Whether there is too little for anything new."""
        now = time.monotonic()
        if now - self._looked_at >= LOOK_SECONDS:
            self._looked_at = now
            self.left_bytes = self._left()
            self._judge()
        return self._short

    def _judge(self) -> None:
        if not self._short and self.left_bytes < SHORT:
            self._short = True
            log.error("memory is short: new events are refused, all else goes on", left_bytes=self.left_bytes)
        elif self._short and self.left_bytes >= ENOUGH:
            self._short = False
            log.warning("there is memory again: new events are taken", left_bytes=self.left_bytes)


def _none_left() -> Unavailable:
    return Unavailable(
        "Memory is short here: nothing new is taken until there is some. Send it again.", retry_after=10
    )


def _left() -> int:
    """The least that any limit leaves. The group is looked up each time: a process can be moved."""
    groups = [each for each in (_second_version(), _first_version()) if each is not None]
    return min([_by_own_limit(), _by_machine(), *(_by_group(*group) for group in groups)])


def _by_own_limit() -> int:
    """RLIMIT_AS, which may be changed while we run."""
    most, _ = resource.getrlimit(resource.RLIMIT_AS)
    if most == resource.RLIM_INFINITY:
        return _UNLIMITED
    with suppress(OSError, ValueError):
        taken = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * _PAGE
        return max(0, most - taken - OF_THREADS)
    return _UNLIMITED


def _by_machine() -> int:
    with suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return _UNLIMITED


def _by_group(most: Path, used: Path, cached: str) -> int:
    """What the cgroup may have less what it has; files that it only remembers are given back when they are wanted."""
    try:
        limit = most.read_text(encoding="ascii").strip()
        if limit == "max" or int(limit) >= _UNLIMITED:
            return _UNLIMITED
        taken = int(used.read_text(encoding="ascii"))
        kept = most.with_name("memory.stat").read_text(encoding="ascii").splitlines()
        given_back = sum(int(line.split()[1]) for line in kept if line.startswith(f"{cached} "))
        return int(limit) - taken + given_back
    except (OSError, ValueError, IndexError):
        return _UNLIMITED


def _second_version() -> tuple[Path, Path, str] | None:
    folder = _folder("0::", Path("/sys/fs/cgroup"))
    if folder is None:
        return None
    return (folder / "memory.max", folder / "memory.current", "inactive_file")


def _first_version() -> tuple[Path, Path, str] | None:
    folder = _folder(":memory:", Path("/sys/fs/cgroup/memory"))
    if folder is None:
        return None
    return (
        folder / "memory.limit_in_bytes",
        folder / "memory.usage_in_bytes",
        "total_inactive_file",
    )


def _folder(mark: str, root: Path) -> Path | None:
    """Our group below `root`; in a container its root is our group."""
    with suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines():
            if mark in line:
                own = root / line.partition(mark)[2].lstrip("/")
                return own if own.is_dir() else root
    return None
