"""FairQueue: many wait in one line, and whoever is called next is somebody else than before (round robin)."""

from collections import OrderedDict, deque
from typing import Generic, TypeVar

T = TypeVar("T")


class FairQueue(Generic[T]):
    """What waits, by whom it came from: everybody's own in the order of arrival, among each other one at a time."""

    def __init__(self) -> None:
        self._lines: OrderedDict[str, deque[T]] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        """How much waits in all."""
        return self._count

    def of(self, whose: str) -> int:
        """How much of one waits."""
        return len(self._lines.get(whose, ()))

    def put(self, whose: str, what: T) -> None:
        """Last of its own line; a line that was empty is called after all others."""
        self._lines.setdefault(whose, deque()).append(what)
        self._count += 1

    def next(self) -> T:
        """The first of the line whose turn it is, which comes again after all others; IndexError when nobody waits."""
        if not self._lines:
            raise IndexError("nobody waits")
        whose, line = self._lines.popitem(last=False)
        what = line.popleft()
        self._count -= 1
        if line:
            self._lines[whose] = line
        return what
