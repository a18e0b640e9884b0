"""Database: the queue of those who write, one commit for many of them, and the readers beside it.

All writing goes through one queue. Whoever waits for the writer at the same moment shares one database
transaction and so one flush to disk (group commit); each works inside a savepoint of its own and is answered
only after the COMMIT. A body that fails is rolled back alone. The same holds on SQLite, which has one writer
anyway, and on Postgres, where an advisory lock makes the nodes take turns: docs/decisions/0001.
"""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, ClassVar, Protocol, TypeVar

import structlog

from openalert import telemetry
from openalert.domain.access import SYSTEM, Actor
from openalert.domain.errors import OpenAlertError, Unavailable
from openalert.domain.event import Event
from openalert.domain.instant import SECOND
from openalert.domain.vault import Vault
from openalert.storage.clock import Clock, Clocks, wall_clock
from openalert.storage.connection import Connection
from openalert.storage.disk import Disk, Fatal, Leave
from openalert.storage.event_log import EventLog
from openalert.storage.feed import Carrier, Feed
from openalert.storage.keyring import KeyRing
from openalert.storage.member import Act, Member
from openalert.storage.standstill import Standstill, patience
from openalert.storage.transaction import Reader, Transaction
from openalert.supervisor import Supervisor, Watched

log = structlog.get_logger(__name__)
T = TypeVar("T")
Listener = Callable[[list[Event]], None]


class WhenSet(Protocol):
    """What is done when the clock was set by so many milliseconds."""

    def __call__(self, tx: Transaction, by: int) -> Coroutine[Any, Any, None]:
        """In the writer's turn, see `Database.act`."""


GROUP_MEMBERS = 128
"""At most this many transactions share one commit."""
GROUP_SECONDS = 0.05
"""A group takes no further member after this time, so that nobody waits behind a storm."""
BODY_SECONDS = 10.0
"""A transaction that takes longer is given up: its work belongs outside, or the database hangs."""
TRIES = 3
"""How often a body is run that other transactions are in the way of."""
LONGEST_GROUP = 60.0
"""A group that takes longer hangs in the disk or the server: it cannot be broken off, only told of."""
WAIT_SECONDS = 5.0
"""Whoever cannot begin within this time is told to come back (promise IN-2)."""


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
        self.commits = 0
        """Commits since the start: one may carry many transactions."""
        self._listeners: list[Listener] = []
        self._missed: list[Callable[[], None]] = []
        self._feed: Feed | None = None
        self._queue: asyncio.Queue[Member | None] = asyncio.Queue()
        self._closing = False
        self.supervisor = Supervisor()
        """Owns the writer, and every other task that works on this database."""
        self._writing: Watched | None = None
        self._when_set: WhenSet | None = None

    @property
    def clock(self) -> Clock:
        """What tells the current instant."""
        return self.clocks.now

    def when_set(self, listener: WhenSet) -> None:
        """Let `listener` move what is pending whenever the clock was set, before anybody writes by the new time."""
        self._when_set = listener

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

    async def was_committed(self) -> bool:
        """Whether the transaction ended by the last `closing` was committed, though the answer is lost."""
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

    @property
    def group_age(self) -> float | None:
        """Seconds that the group of transactions under way has taken, about; None: there is none."""
        return self._writing.age if self._writing is not None else None

    @property
    def waiting(self) -> int:
        """How many transactions wait for the writer."""
        return self._queue.qsize()

    def start(self) -> None:
        """Begin to take turns; called once the schema is in place."""
        self._writing = self.supervisor.start(
            "database writer", self._take_turns, most_seconds=LONGEST_GROUP, cure=False
        )

    async def close(self) -> None:
        """Finish what is queued, then close every connection."""
        self._closing = True
        if self._writing is not None:
            self._queue.put_nowait(None)
            await self.supervisor.finish(self._writing)
            self._writing = None
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

    @asynccontextmanager
    async def transaction(self, actor: Actor = SYSTEM) -> AsyncIterator[Transaction]:
        """A turn at the writer. Left normally, all is durable; left by an exception, nothing happened.

        No network and no other transaction inside. Raises `Unavailable` when the database cannot take it now, with the
        code MAY_BE_DONE where it is not known whether it did and somebody waits for the answer to a request.
        """
        if self._closing:
            raise Unavailable("OpenAlert is shutting down. Try again in a few seconds.", retry_after=5)
        until = patience()
        member = Member(actor)
        self._queue.put_nowait(member)
        transaction = await self._wait_for_turn(member)
        assert transaction is not None  # noqa: S101 - only an `Act` makes its own
        try:
            async with asyncio.timeout(BODY_SECONDS):
                yield transaction
                await transaction.seal()
        except BaseException as error:
            member.ended.set_result(False)
            if isinstance(error, Exception) and not isinstance(error, OpenAlertError):
                raise self.translate(error) or error from error
            raise
        member.ended.set_result(True)
        await self.standstill.confirmed(member.durable, until)

    async def act(self, body: Callable[[Transaction], Coroutine[Any, Any, T]], actor: Actor = SYSTEM) -> T:
        """As `transaction` around `body`, whose result is returned, without a trip for each of its statements.

        The body may await nothing but its transaction, because on SQLite it runs in the writer's thread, and it
        must not touch what belongs to the event loop. Once begun it cannot be cancelled. On Postgres it is run again
        where another transaction was in its way (a deadlock, a serialization failure).
        """
        for _ in range(TRIES - 1):
            try:
                return await self._act(body, actor)
            except Exception as error:
                if not self.is_worth_another_try(error):
                    raise
        return await self._act(body, actor)

    async def _act(self, body: Callable[[Transaction], Coroutine[Any, Any, T]], actor: Actor) -> T:
        if self._closing:
            raise Unavailable("OpenAlert is shutting down. Try again in a few seconds.", retry_after=5)
        until = patience()
        member = Act(actor, body)
        self._queue.put_nowait(member)
        await self._wait_for_turn(member)
        try:
            await self.standstill.confirmed(member.durable, until)
        except OpenAlertError:
            raise
        except Exception as error:
            reason = None if self.is_worth_another_try(error) else self.translate(error)
            raise reason or error from error
        result: T = member.result
        return result

    async def _wait_for_turn(self, member: Member) -> Transaction | None:
        try:
            # Not `wait_for`, which before Python 3.12 forgets a cancellation in the moment in which the turn comes.
            async with asyncio.timeout(WAIT_SECONDS):
                return await asyncio.shield(member.turn)
        except TimeoutError:
            if member.turn.done() and not member.turn.cancelled():
                return member.turn.result()
            member.turn.cancel()
            raise self.standstill.refusal("The database is busy. Try again in a few seconds.") from None
        except asyncio.CancelledError:
            if not member.turn.cancel() and not member.ended.done():
                member.ended.set_result(False)
            raise

    async def _take_turns(self, watched: Watched) -> None:
        while (member := await self._queue.get()) is not None:
            with watched.step():
                await self._follow_the_clock()
                await self._commit_group(member)

    async def _follow_the_clock(self) -> None:
        """Whoever comes next writes by a clock that was set: first, what is pending moves along with it."""
        if self._when_set is None or not (step := self.clocks.step):
            return
        before = self.clocks.ahead
        moved = self.clocks.follow(step)
        telemetry.CLOCK_STEPS.inc()
        log.warning("the clock was set", by_seconds=step / SECOND)
        if not moved:
            return
        act = Act(SYSTEM, partial(self._when_set, by=moved))
        await self._commit_group(act)
        if act.durable.exception() is not None:
            self.clocks.unfollow(step, before)

    async def _commit_group(self, first: Member) -> None:
        """One database transaction for `first` and for whoever is waiting when it is done."""
        done: list[Member] = []
        member: Member | None = first
        is_closing = False
        try:
            connection = await self.writer()
            opening: tuple[str, ...] = self.begin
            deadline = time.monotonic() + GROUP_SECONDS
            committed = False
            while member is not None:
                if await self._serve(connection, member, opening):
                    done.append(member)
                committed = isinstance(member, Act) and member.committed
                opening = ("RELEASE member",)
                full = committed or len(done) >= GROUP_MEMBERS or time.monotonic() > deadline
                member = None if full else self._next_waiting()
            if not committed and done:
                is_closing = True
                await connection.run(*opening, *self.closing())
            elif not committed:
                await connection.run(*opening, "ROLLBACK")
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must hear of it
            if isinstance(member, Act) and member.is_closing:
                is_closing = True
                done.append(member)
            there = await self._is_there(error) if is_closing else False
            if not there:
                await self._abandon(self.standstill.doubt() if there is None else error, done, member)
                return
        except BaseException:
            # The writer itself ends here and is begun again: those who wait are not left to wait for ever.
            await self._abandon(Unavailable("The database's writer broke off.", retry_after=5), done, member)
            raise
        if done:
            self.commits += 1
            self.disk.trouble = ""
            self.standstill.found("")
        for finished in done:
            self._announce(finished)

    async def _is_there(self, error: Exception) -> bool | None:
        """Whether a commit was made although it ended in this error: its answer alone may have been lost. None: nobody
        knows, and those who wait are told to look and to come again.
        """
        try:
            there = await self.was_committed()
        except Exception as broken:
            log.exception("a commit stays in doubt", error=type(broken).__name__)
            return None
        log.warning("the answer to a commit was lost", was_made=there, error=str(error))
        return there

    def _next_waiting(self) -> Member | None:
        """Whoever waits already; the mark that ends the queue stays in it."""
        if self._queue.empty() or (self._when_set is not None and self.clocks.step):
            return None
        member = self._queue.get_nowait()
        if member is None:
            self._queue.put_nowait(None)
        return member

    async def _serve(self, connection: Connection, member: Member, opening: tuple[str, ...]) -> bool:
        """Let one member work inside a savepoint, which stays open; True if its work is to be kept.

        `opening` begins the transaction, or ends the savepoint of the member before.
        """
        if isinstance(member, Act) and not member.turn.cancelled():
            return await self._serve_act(connection, member, opening)
        now = self.clock()  # before anything is waited for: nobody has set the clock since it was looked at
        await connection.run(*opening, "SAVEPOINT member")
        if member.turn.cancelled():
            return False
        member.transaction = Transaction(connection, self, now, member.actor)
        member.turn.set_result(member.transaction)
        if await member.ended:
            return True
        await connection.run("ROLLBACK TO member")
        return False

    async def _serve_act(self, connection: Connection, act: Act, opening: tuple[str, ...]) -> bool:
        now = self.clock()

        async def work(connection: Connection) -> Exception | None:
            await connection.run(*opening, "SAVEPOINT member")
            transaction = Transaction(connection, self, now, act.actor)
            try:
                act.result = await act.body(transaction)
                await transaction.seal()
            except Exception as error:  # noqa: BLE001 - whatever it is, whoever asked for the act hears of it
                await connection.run("ROLLBACK TO member")
                return error
            act.transaction = transaction
            if self._queue.empty():
                # The usual group has one member: a trip less. Whoever comes from now on begins the next group.
                act.is_closing = True
                await connection.run("RELEASE member", *self.closing())
                act.committed = True
            return None

        act.turn.set_result(None)
        failure = await connection.together(work)
        if failure is not None:
            act.durable.set_exception(failure)
            act.durable.exception()
        return failure is None

    def _announce(self, member: Member) -> None:
        assert member.transaction is not None  # noqa: S101 - it had its turn
        member.durable.set_result(None)
        if events := member.transaction.committed():
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

    async def _abandon(self, error: Exception, done: list[Member], current: Member | None) -> None:
        """The group is lost as a whole: nobody's work is there, and everybody is told so."""
        with suppress(Exception):
            await self.clear_writer()
        reason = self.translate(error) or error
        for member in done:
            if not member.durable.done():
                member.durable.set_exception(reason)
                member.durable.exception()
        if current is None:
            return
        waited_for = current.durable if current.turn.done() else current.turn
        if not waited_for.done():
            waited_for.set_exception(reason)
            waited_for.exception()
