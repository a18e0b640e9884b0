"""Connection: what storage asks of a driver, the same of SQLite and Postgres."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Protocol, TypeVar

T = TypeVar("T")
Rows = Sequence[Sequence[Any]]
Parameters = Mapping[str, Any] | Sequence[Any]
Writes = Sequence[tuple[str, Sequence[Parameters]]]
"""Statements whose result does not matter, each with its sets of parameters: by `:name`, or in order for `?`."""


class Connection(Protocol):
    """What a driver provides; statements use `:name` parameters."""

    async def fetch(
        self, sql: str, parameters: Mapping[str, Any], before: Writes = ()
    ) -> tuple[Sequence[str], Rows]:
        """Column names and rows; the writes `before` are done first, in the same trip where that is possible."""
        ...

    async def write(self, writes: Writes) -> None:
        """Each statement once for each set of its parameters."""
        ...

    async def run(self, *statements: str) -> None:
        """Statements without parameters or results, such as SAVEPOINT."""
        ...

    async def together(self, work: Callable[["Connection"], Coroutine[Any, Any, T]]) -> T:
        """The result of a coroutine that awaits only the connection it is given; one trip where possible."""
        ...
