"""A wall clock that a test sets for one process: libfaketime, and a file that it reads at every look."""

from pathlib import Path

import pytest

from tests.processes.server import Server

LIBRARY = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")


class WallClock:
    """What `server` takes for the time of day; time itself, and the clocks that nobody sets, go on as they do."""

    def __init__(self, server: Server, offset: float = 0) -> None:
        """`offset`: seconds by which it is wrong from the beginning."""
        if not LIBRARY.exists():
            pytest.skip("NO CLOCK TEST: install faketime (libfaketimeMT.so.1) to run it")
        self._file = server.folder / "clock"
        self.set(offset)
        server.environment |= {
            "LD_PRELOAD": str(LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            # What is shared with children is named after the process, and left behind by one that is killed: another
            # one that is given its number would not begin.
            "FAKETIME_DISABLE_SHM": "1",
        }

    def set(self, offset: float) -> None:
        """From now on it is wrong by so many seconds."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{offset:+.0f}\n")
        fresh.replace(self._file)
