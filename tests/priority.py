"""Who goes first on the processor: tests with real servers, before those that only compute.

Several processes run tests at a time, on fewer processors. What is computed within one of them, by a clock that stands
still, may take as long as it likes; a real server that gets no turn looks like one that is broken. So files without
the marker `slow` give way. What a test process keeps for all its files, its Postgres and its nursery, does not.

Only where a process that gave way may go first again, which wants root or RLIMIT_NICE; elsewhere all are alike.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

GIVES_WAY = 3
"""By how much nicer (nice(2)): beside one that is not, such a process gets a third of a processor."""
USUAL = os.getpriority(os.PRIO_PROCESS, 0)
"""How nice this run was begun."""


def _is_free_to_choose() -> bool:
    """Tried by a thread that has nothing else to do: who may not go back stays where it is."""
    went_back = []

    def tries() -> None:
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, USUAL + GIVES_WAY)
            os.setpriority(os.PRIO_PROCESS, 0, USUAL)
            went_back.append(True)

    thread = threading.Thread(target=tries)
    thread.start()
    thread.join()
    return bool(went_back)


_THREADS = Path("/proc/self/task")
CHOOSES = _THREADS.is_dir() and _is_free_to_choose()
"""Whether this machine lets a process that gave way go first again."""


def _set(nice: int) -> None:
    """For all that this process does, and for what it begins from now on: the kernel asks each thread by itself."""
    if CHOOSES and os.getpriority(os.PRIO_PROCESS, 0) != nice:
        for thread in _THREADS.iterdir():
            with suppress(ProcessLookupError):  # it has just ended
                os.setpriority(os.PRIO_PROCESS, int(thread.name), nice)


@contextmanager
def first() -> Iterator[None]:
    """What is begun meanwhile goes first, also once this process gives way again."""
    before = os.getpriority(os.PRIO_PROCESS, 0)
    _set(USUAL)
    try:
        yield
    finally:
        _set(before)


def give_way(yes: bool) -> None:
    """This test process from now on, or it goes first again."""
    _set(USUAL + GIVES_WAY if yes else USUAL)
