"""A wall clock that a test sets for one process: libfaketime, and a file that it reads at every look."""

from pathlib import Path

import pytest

from tests.processes.server import Server

LIBRARY = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")


def forget_the_dead() -> None:
    """Take away what libfaketime shares with children, under the number of their parent, of processes that were killed.

    Another one that is given the number would not begin; Debian's version has no switch for it.
    """
    for path in Path("/dev/shm").glob("*faketime_s*_*"):
        if not Path("/proc", path.name.rpartition("_")[2]).exists():
            path.unlink(missing_ok=True)


def lying(file: Path) -> dict[str, str]:
    """What lets a process take its time of day from this file, at every look; elapsed time goes on as it does."""
    forget_the_dead()
    return {
        "LD_PRELOAD": str(LIBRARY),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


class WallClock:
    """What `server` takes for the time of day; time itself, and the clocks that nobody sets, go on as they do."""

    def __init__(self, server: Server, offset: float = 0) -> None:
        """`offset`: seconds by which it is wrong from the beginning."""
        if not LIBRARY.exists():
            pytest.skip("NO CLOCK TEST: install faketime (libfaketimeMT.so.1) to run it")
        self._file = server.folder / "clock"
        self.set(offset)
        server.environment |= lying(self._file)

    def set(self, offset: float) -> None:
        """From now on it is wrong by so many seconds."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{offset:+.0f}\n")
        fresh.replace(self._file)
