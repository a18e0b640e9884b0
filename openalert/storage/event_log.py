"""The event log as a feed reads it: by looks at the database, each of its own."""

from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeVar

from openalert.domain.event import Event
from openalert.storage import events
from openalert.storage.transaction import Reader

T = TypeVar("T")


class Looks(Protocol):
    """A database that can be read."""

    async def look(self, body: Callable[[Reader], Coroutine[Any, Any, T]]) -> T:
        """The result of the body, which reads one snapshot."""
        ...


class EventLog:
    """What is kept of the events of a database."""

    def __init__(self, database: Looks) -> None:
        self._database = database

    async def newest(self) -> int:
        """The largest number given out."""
        return await self._database.look(events.last)

    async def after(self, seq: int, limit: int) -> list[Event]:
        """What is kept of the events with a larger number, in order."""
        return await self._database.look(lambda reader: events.after(reader, seq, limit))
