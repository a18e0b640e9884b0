"""Database: readers see one snapshot, writers take turns (see `group_commit`), listeners hear of commits."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, ClassVar, TypeVar

import structlog

from openalert.domain.access import SYSTEM, Actor
from openalert.domain.errors import OpenAlertError
from openalert.domain.event import Event
from openalert.domain.vault import Vault
from openalert.storage.clock import Clock, Clocks, wall_clock
from openalert.storage.connection import Connection
from openalert.storage.disk import Disk, Fatal, Leave
from openalert.storage.event_log import EventLog
from openalert.storage.feed import Carrier, Feed
from openalert.storage.group_commit import GroupCommit, WhenSet
from openalert.storage.keyring import KeyRing
from openalert.storage.standstill import Standstill
from openalert.storage.transaction import Reader, Transaction
from openalert.supervisor import Supervisor

log = structlog.get_logger(__name__)
T = TypeVar("T")
Listener = Callable[[list[Event]], None]


def _stay(_: Fatal, __: str) -> None:
    """Where the process belongs to somebody else, nothing is written any more and it goes on."""


class Database(ABC):
    """One database, its single writing queue and its readers."""

    dialect: ClassVar[str]
    begin: ClassVar[tuple[str, ...]]
    url: str

    def __init__(self, clock: Clock = wall_clock) -> None:
        self.clocks = Clocks(clock)
        self.disk = Disk()
        self.standstill = Standstill()
        self.leave: Leave = _stay
        """Ends the process when it must not go on; whoever owns the process says how."""
        self._keys: KeyRing | None = None
        self._listeners: list[Listener] = []
        self._missed: list[Callable[[], None]] = []
        self._feed: Feed | None = None
        self.supervisor = Supervisor()
        """Owns the writer, and every other task that works on this database."""
        self.group_commit = GroupCommit(self, self._committed)
        """Those who write."""

    @property
    def clock(self) -> Clock:
        """What tells the current instant."""
        return self.clocks.now

    def when_set(self, listener: WhenSet) -> None:
        """Let `listener` move what is pending whenever the clock was set, before anybody writes by the new time."""
        self.group_commit.when_set = listener

    @abstractmethod
    def any_of(self, expression: str, name: str) -> str:
        """SQL for "expression is one of the values in the list parameter `name`"."""

    @abstractmethod
    async def writer(self) -> Connection:
        """The writing connection, opened anew when it was lost; `Unavailable` when that fails."""

    @asynccontextmanager
    async def upgrading(self) -> AsyncIterator[Connection]:
        """A connection that changes the schema; one step of that may take much longer than any act."""
        yield await self.writer()

    def closing(self) -> tuple[str, ...]:
        """The statements that end a transaction of the writer for good; sent together, and once."""
        return ("COMMIT",)

    async def is_there(self, error: Exception) -> bool | None:  # noqa: ARG002 - where nothing can lose an answer
        """Whether the commit of the last `closing` was made although it ended in this error: its answer alone may have
        been lost. None: nobody knows, and those who wait are told to look and to come again.
        """
        return False

    def is_worth_another_try(self, error: Exception) -> bool:  # noqa: ARG002 - of SQLite none is
        """Whether the same body may well succeed at once: another transaction was in its way."""
        return False

    @abstractmethod
    async def clear_writer(self) -> None:
        """Leave no transaction open on the writing connection, whatever happened to it."""

    @abstractmethod
    def reader(self) -> Any:
        """An async context manager around a connection that reads one snapshot."""

    @abstractmethod
    def translate(self, error: Exception) -> OpenAlertError | None:
        """`Unavailable` for faults that may pass (full, locked, lost); None for all others."""

    @abstractmethod
    async def close_connections(self) -> None:
        """Close every connection, readers first."""

    @abstractmethod
    async def keep_reserve(self, size: int) -> None:
        """Put that many bytes of disk aside for the day on which it is full; Postgres has a disk of its own."""

    @abstractmethod
    async def look_at_disk(self) -> None:
        """Bring `disk` up to date."""

    @abstractmethod
    async def prove_sound(self) -> list[str]:
        """Look at everything in the file, mend what can be made anew, and say what was wrong."""

    @abstractmethod
    async def own(self) -> None:
        """Be the one server of this database where there can be only one."""

    @abstractmethod
    async def until_answered(self, tell: Callable[[str], None]) -> None:
        """Wait until a commit is answered, where they may hang; `tell` hears each second why they are not."""

    @property
    def keys(self) -> KeyRing:
        """The keys that stored secrets are sealed with."""
        if self._keys is None:
            raise RuntimeError("This database was opened without the keys of its secrets.")
        return self._keys

    @keys.setter
    def keys(self, keys: KeyRing) -> None:
        self._keys = keys

    @property
    def vault(self) -> Vault:
        """What seals and opens stored secrets."""
        return self.keys.vault

    def listen(self, listener: Listener) -> None:
        """Call `listener` with the events of each commit, in order, on the event loop."""
        self._listeners.append(listener)

    def when_missed(self, listener: Callable[[], None]) -> None:
        """Call `listener` when events of other nodes are lost for good: whatever follows them must look anew."""
        self._missed.append(listener)

    def carrier(self) -> Carrier | None:
        """What tells this node of the commits of others by default; None: nobody else commits here."""
        return None

    async def follow(self, carrier: Carrier | None = None) -> None:
        """From now on listeners hear of the commits of all nodes, by this carrier or that of the database."""
        carrier = carrier or self.carrier()
        if carrier is not None:
            self._feed = Feed(EventLog(self), carrier, self._tell, self._tell_missed, self.supervisor)
            await self._feed.start()

    async def unfollow(self) -> None:
        """Listeners hear of the commits of this node alone."""
        feed, self._feed = self._feed, None
        if feed is not None:
            await feed.stop()

    def start(self) -> None:
        """Let writers take turns; called once the schema is in place."""
        self.group_commit.start()

    async def close(self) -> None:
        """Finish what is queued, then close every connection."""
        await self.group_commit.close()
        await self.close_connections()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Reader]:
        """A consistent snapshot; leave it quickly (a long one keeps SQLite's log from being reused)."""
        try:
            async with self.reader() as connection:
                yield Reader(connection, self, self.clock())
        except OpenAlertError:
            raise
        except Exception as error:
            raise self.translate(error) or error from error

    async def look(self, body: Callable[[Reader], Coroutine[Any, Any, T]]) -> T:
        """As `read` around `body`, whose result is returned, without a trip for each of its statements.

        The body may await nothing but its reader, and must not touch what belongs to the event loop.
        """
        try:
            return await self.snapshot(lambda connection: body(Reader(connection, self, self.clock())))
        except OpenAlertError:
            raise
        except Exception as error:
            raise self.translate(error) or error from error

    async def snapshot(self, work: Callable[[Connection], Coroutine[Any, Any, T]]) -> T:
        """The result of a coroutine that awaits only the connection it is given, which reads one snapshot."""
        async with self.reader() as connection:
            result: T = await connection.together(work)
        return result

    def transaction(self, actor: Actor = SYSTEM) -> AbstractAsyncContextManager[Transaction]:
        """A turn at the writer. Left normally, all is durable; left by an exception, nothing happened.

        No network and no other transaction inside. Raises `Unavailable` when the database cannot take it now, with the
        code MAY_BE_DONE where it is not known whether it did and somebody waits for the answer to a request.
        """
        return self.group_commit.transaction(actor)

    async def act(self, body: Callable[[Transaction], Coroutine[Any, Any, T]], actor: Actor = SYSTEM) -> T:
        """As `transaction` around `body`, whose result is returned, without a trip for each of its statements.

        The body may await nothing but its transaction, because on SQLite it runs in the writer's thread, and it
        must not touch what belongs to the event loop. Once begun it cannot be cancelled. On Postgres it is run again
        where another transaction was in its way (a deadlock, a serialization failure).
        """
        return await self.group_commit.act(body, actor)

    def _committed(self, events: list[Event]) -> None:
        (self._feed.committed if self._feed is not None else self._tell)(events)

    def _tell(self, events: list[Event]) -> None:
        for listener in self._listeners:
            try:
                listener(events)
            except Exception:
                log.exception("a listener broke")

    def _tell_missed(self) -> None:
        for listener in self._missed:
            listener()
