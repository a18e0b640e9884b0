"""A wall clock that a test sets for processes of the program: a file that they read at every look, see `lying`."""

from pathlib import Path

from tests.processes.server import Server

LYING = Path(__file__).parent / "lying"
"""What Python finds first in such a process."""
ROOT = Path(__file__).parents[2]


class Clock:
    """What processes that are begun with `environment` take for the time of day; time itself goes on as it does."""

    def __init__(self, folder: Path, offset: int = 0, *, slept: bool = False) -> None:
        """`offset`: seconds by which it is wrong from the beginning; `folder`: where its file is.

        `slept`: so much time has really passed, as the clock says that counts a machine's sleep and that nobody sets.
        """
        self._file = folder / "clock"
        self.set(offset)
        self.environment = {"LYING_CLOCK": str(self._file), "PYTHONPATH": f"{LYING}:{ROOT}"}
        if slept:
            self.environment["LYING_SLEPT"] = "yes"

    def set(self, offset: int) -> None:
        """From now on it is wrong by so many seconds."""
        self.offset = offset
        # Replaced as a whole: a process reads it whenever it asks for the time.
        fresh = self._file.with_suffix(".new")
        fresh.write_text(str(offset))
        fresh.replace(self._file)


def given_a_clock(server: Server, offset: int = 0, *, slept: bool = False) -> Clock:
    """The one by which it lives from its next start on."""
    clock = Clock(server.folder, offset, slept=slept)
    server.environment |= clock.environment
    return clock
