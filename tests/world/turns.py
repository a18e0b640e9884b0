"""Whether a process is given its turns: what the kernel says of how long its threads waited for a processor."""

from collections import deque
from contextlib import suppress
from pathlib import Path

WINDOW, HELD_UP = 1_000, 300
"""Milliseconds: who waited so many of so many for a processor may be late, whatever it does."""


def waits(pid: int) -> dict[str, int]:
    """By thread, the milliseconds that it could have run and was not let; of a process that is traced, its tracer's
    too. Nothing of one that is gone, or where the kernel does not say.
    """
    found: dict[str, int] = {}
    with suppress(OSError):
        task = Path(f"/proc/{pid}/task")
        tracers = {_tracer(each) for each in task.iterdir()} - {"0"}
        for each in [*task.iterdir(), *(Path(f"/proc/{tracer}") for tracer in tracers)]:
            with suppress(OSError):
                found[each.name] = int((each / "schedstat").read_text().split()[1]) // 1_000_000
    return found


def _tracer(task: Path) -> str:
    for line in (task / "status").read_text().splitlines():
        if line.startswith("TracerPid:"):
            return line.partition(":")[2].strip()
    return "0"


class Turns:
    """What is known of one server, look after look."""

    def __init__(self) -> None:
        self._before: dict[str, int] = {}
        self._window: deque[tuple[int, int]] = deque()

    def held_up_since(self, now: int, waited: dict[str, int]) -> int | None:
        """Since when it got too few turns, up to now; None: it got enough. All of it is counted once."""
        lately = sum(total - self._before.get(thread, total) for thread, total in waited.items())
        self._before = waited
        self._window.append((now, lately))
        while self._window[0][0] <= now - WINDOW:
            self._window.popleft()
        if sum(each for _, each in self._window) < HELD_UP:
            return None
        self._window.clear()
        return now - WINDOW
