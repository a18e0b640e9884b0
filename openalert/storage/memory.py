"""What this process may still take of the machine's memory: by its own limit, by those of its cgroups, and at all.

A kernel that has none left kills, and what was not answered is lost without a word. So new events are refused before
that, as on a full disk; acknowledges, timers and pages need little and go on.
"""

import resource
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import structlog

from openalert.domain.errors import Unavailable

log = structlog.get_logger(__name__)

MIB = 1024 * 1024
SHORT = 32 * MIB
"""With less than this to be had new events are refused: what is under way may take that much."""
ENOUGH = 48 * MIB
"""From here on they are taken again."""
LOW = 96 * MIB
"""With less than this people are told that it gets short."""
COPIES = 4
"""A message takes so many times its length while it is read and stored."""
LITTLE = 32 * 1024
"""Messages up to this length are not counted."""
LOOK_SECONDS = 0.2
"""So long a look holds: it reads three files of the kernel, and three more for each group with a limit."""
OF_THREADS = 128 * MIB
"""Address space that a thread may reserve for itself and not use: it counts for RLIMIT_AS, and for nothing else."""
CGROUPS = Path("/sys/fs/cgroup")
OWN_GROUPS = Path("/proc/self/cgroup")
"""Which groups we are in, a line for each hierarchy."""
_PAGE = resource.getpagesize()
_UNLIMITED = 1 << 60
"""What cgroups of the first version say where there is no limit is about eight times that."""


class Room(NamedTuple):
    """What one limit leaves, in bytes."""

    left: int
    most: int
    """The limit itself."""
    of: str
    """Whose limit it is: `machine`, `cgroup` (also a container's, or of one around it) or `RLIMIT_AS`."""


class Memory:
    """What is left, looked at when somebody asks."""

    def __init__(self, look: Callable[[], Room] | None = None) -> None:
        """`look`: what the tightest limit leaves; None: as the system says."""
        self._look = look or room
        self._looked_at = -LOOK_SECONDS
        self._room = Room(0, 0, "machine")
        self._short = False
        self._promised = 0
        """What messages that are being read may still take."""

    def promise(self, length: int) -> int:
        """Room for a message of so many bytes, as what `release` is told at its end; Unavailable when there is none."""
        if self.is_short():
            raise _none_left()
        return self.reserve(length)

    def reserve(self, length: int) -> int:
        """As `promise`, but what is little has room always: for what is nothing new, as an answer to an alert."""
        if length <= LITTLE:
            return 0
        wanted = COPIES * length
        if self.room.left - self._promised - wanted < SHORT:
            raise _none_left()
        self._promised += wanted
        return wanted

    def release(self, promised: int) -> None:
        """It was read and stored, or was not."""
        self._promised -= promised

    @property
    def room(self) -> Room:
        """What the tightest limit leaves; a look holds for a fifth of a second."""
        now = time.monotonic()
        if now - self._looked_at >= LOOK_SECONDS:
            self._looked_at = now
            self._room = self._look()
            self._judge(self._room)
        return self._room

    def is_short(self) -> bool:
        """Whether there is too little for anything new."""
        _ = self.room
        return self._short

    def _judge(self, found: Room) -> None:
        if not self._short and found.left < SHORT:
            self._short = True
            log.error(
                "memory is short: new events are refused, all else goes on",
                left_bytes=found.left,
                limit_bytes=found.most,
                of=found.of,
            )
        elif self._short and found.left >= ENOUGH:
            self._short = False
            log.warning("there is memory again: new events are taken", left_bytes=found.left)


def _none_left() -> Unavailable:
    return Unavailable(
        "Memory is short here: nothing new is taken until there is some. Send it again.", retry_after=10
    )


def room() -> Room:
    """The limit that leaves least. The groups are looked up each time: a process can be moved."""
    found = [_by_own_limit(), _by_machine(), *(_by_group(*group) for group in _groups())]
    return min((each for each in found if each is not None), default=Room(_UNLIMITED, _UNLIMITED, "machine"))


def resident_bytes() -> int:
    """What this process has of the machine's memory now; 0 where the system does not say."""
    with suppress(OSError, ValueError, IndexError):
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE
    return 0


def _by_own_limit() -> Room | None:
    """RLIMIT_AS, which may be changed while we run."""
    most, _ = resource.getrlimit(resource.RLIMIT_AS)
    if most == resource.RLIM_INFINITY:
        return None
    with suppress(OSError, ValueError):
        taken = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * _PAGE
        return Room(max(0, most - taken - OF_THREADS), most, "RLIMIT_AS")
    return None


def _by_machine() -> Room | None:
    said: dict[str, int] = {}
    with suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            name, _, value = line.partition(":")
            if name in ("MemTotal", "MemAvailable"):
                said[name] = int(value.split()[0]) * 1024
            if len(said) == 2:
                return Room(said["MemAvailable"], said["MemTotal"], "machine")
    return None


def _by_group(most: Path, used: Path, cached: str) -> Room | None:
    """What the cgroup may have less what it has; files that it only remembers are given back when they are wanted."""
    try:
        limit = most.read_text(encoding="ascii").strip()
        if limit == "max" or int(limit) >= _UNLIMITED:
            return None
        taken = int(used.read_text(encoding="ascii"))
        kept = most.with_name("memory.stat").read_text(encoding="ascii").splitlines()
        given_back = sum(int(line.split()[1]) for line in kept if line.startswith(f"{cached} "))
        return Room(max(0, int(limit) - taken + given_back), int(limit), "cgroup")
    except (OSError, ValueError, IndexError):
        return None


def _groups() -> Iterator[tuple[Path, Path, str]]:
    """Of our group and of each that it lies in, in both versions: the files with its limit and with what it has, and
    what is called there that it would give back. A pod, a slice or a service around a container may have the less.
    """
    for folder in _folders("0::", CGROUPS):
        yield folder / "memory.max", folder / "memory.current", "inactive_file"
    for folder in _folders(":memory:", CGROUPS / "memory"):
        yield folder / "memory.limit_in_bytes", folder / "memory.usage_in_bytes", "total_inactive_file"


def _folders(mark: str, root: Path) -> list[Path]:
    """Our group below `root` and those around it, `root` too: in a container that is ours, and all that is seen."""
    with suppress(OSError):
        for line in OWN_GROUPS.read_text(encoding="utf-8").splitlines():
            if mark in line:
                name = PurePosixPath(line.partition(mark)[2].lstrip("/"))
                # A group outside of what we see begins with "..", one that is not mounted here is not there.
                is_seen = ".." not in name.parts and (root / name).is_dir()
                return [root / each for each in ((name, *name.parents) if is_seen else (PurePosixPath(),))]
    return []
