"""GroupCommit: the queue of those who write, and one commit for many of them.

All writing goes through one queue. Whoever waits for the writer at the same moment shares one database transaction
and so one flush to disk; each works inside a savepoint of its own and is answered only after the COMMIT. A body that
fails is rolled back alone. The same holds on SQLite, which has one writer anyway, and on Postgres, where an advisory
lock makes the nodes take turns: docs/decisions/0001.
"""

import asyncio
import time
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
from openalert.storage.clock import Clock
from openalert.storage.connection import Connection
from openalert.storage.disk import Disk
from openalert.storage.member import Act, Member
from openalert.storage.standstill import Standstill, patience
from openalert.storage.transaction import Behind, Transaction
from openalert.supervisor import Supervisor, Watched

log = structlog.get_logger(__name__)
T = TypeVar("T")

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


class WhenSet(Protocol):
    """What is done when the clock was set by so many milliseconds."""

    def __call__(self, tx: Transaction, by: int) -> Coroutine[Any, Any, None]:
        """In the writer's turn, see `GroupCommit.act`."""


class Written(Behind, Protocol):
    """What the queue asks of the database that it writes to."""

    begin: ClassVar[tuple[str, ...]]
    """The statements that begin a transaction of the writer."""
    disk: Disk
    standstill: Standstill
    supervisor: Supervisor

    @property
    def clock(self) -> Clock:
        """What tells the current instant."""

    async def writer(self) -> Connection:
        """The writing connection, opened anew when it was lost; `Unavailable` when that fails."""

    def closing(self) -> tuple[str, ...]:
        """The statements that end a transaction of the writer for good; sent together, and once."""

    async def is_there(self, error: Exception) -> bool | None:
        """Whether a commit was made although it ended in this error; None: nobody knows."""

    def is_worth_another_try(self, error: Exception) -> bool:
        """Whether the same body may well succeed at once: another transaction was in its way."""

    async def clear_writer(self) -> None:
        """Leave no transaction open on the writing connection, whatever happened to it."""

    def translate(self, error: Exception) -> OpenAlertError | None:
        """`Unavailable` for faults that may pass (full, locked, lost); None for all others."""


class GroupCommit:
    """Those who write to one database, in the order in which they came."""

    def __init__(self, database: Written, tell: Callable[[list[Event]], None]) -> None:
        """`tell`: who hears of the events of each commit, in order, on the event loop."""
        self._database = database
        self._told = tell
        self.when_set: WhenSet | None = None
        """Moves what is pending whenever the clock was set, before anybody writes by the new time."""
        self.commits = 0
        """Commits since the start: one may carry many transactions."""
        self.is_closing = False
        self._queue: asyncio.Queue[Member | None] = asyncio.Queue()
        self._writing: Watched | None = None

    @property
    def age(self) -> float | None:
        """Seconds that the group under way has taken, about; None: there is none."""
        return self._writing.age if self._writing is not None else None

    @property
    def waiting(self) -> int:
        """How many transactions wait for their turn."""
        return self._queue.qsize()

    def start(self) -> None:
        """Begin to take turns."""
        self._writing = self._database.supervisor.start(
            "database writer", self._take_turns, most_seconds=LONGEST_GROUP, cure=False
        )

    async def close(self) -> None:
        """Let nobody else in, and finish what is queued."""
        self.is_closing = True
        if self._writing is not None:
            self._queue.put_nowait(None)
            await self._database.supervisor.finish(self._writing)
            self._writing = None

    @asynccontextmanager
    async def transaction(self, actor: Actor = SYSTEM) -> AsyncIterator[Transaction]:
        """See `Database.transaction`."""
        if self.is_closing:
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
                raise self._database.translate(error) or error from error
            raise
        member.ended.set_result(True)
        await self._database.standstill.confirmed(member.durable, until)

    async def act(self, body: Callable[[Transaction], Coroutine[Any, Any, T]], actor: Actor = SYSTEM) -> T:
        """See `Database.act`."""
        for _ in range(TRIES - 1):
            try:
                return await self._act(body, actor)
            except Exception as error:
                if not self._database.is_worth_another_try(error):
                    raise
        return await self._act(body, actor)

    async def _act(self, body: Callable[[Transaction], Coroutine[Any, Any, T]], actor: Actor) -> T:
        if self.is_closing:
            raise Unavailable("OpenAlert is shutting down. Try again in a few seconds.", retry_after=5)
        until = patience()
        member = Act(actor, body)
        self._queue.put_nowait(member)
        await self._wait_for_turn(member)
        try:
            await self._database.standstill.confirmed(member.durable, until)
        except OpenAlertError:
            raise
        except Exception as error:
            reason = None if self._database.is_worth_another_try(error) else self._database.translate(error)
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
            raise self._database.standstill.refusal(
                "The database is busy. Try again in a few seconds."
            ) from None
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
        if self.when_set is None or not (step := self._database.clocks.step):
            return
        before = self._database.clocks.ahead
        moved = self._database.clocks.follow(step)
        telemetry.CLOCK_STEPS.inc()
        log.warning("the clock was set", by_seconds=step / SECOND)
        if not moved:
            return
        act = Act(SYSTEM, partial(self.when_set, by=moved))
        await self._commit_group(act)
        if act.durable.exception() is not None:
            self._database.clocks.unfollow(step, before)

    async def _commit_group(self, first: Member) -> None:
        """One database transaction for `first` and for whoever is waiting when it is done."""
        done: list[Member] = []
        member: Member | None = first
        is_closing = False
        try:
            connection = await self._database.writer()
            opening: tuple[str, ...] = self._database.begin
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
                await connection.run(*opening, *self._database.closing())
            elif not committed:
                await connection.run(*opening, "ROLLBACK")
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must hear of it
            if isinstance(member, Act) and member.is_closing:
                is_closing = True
                done.append(member)
            there = await self._database.is_there(error) if is_closing else False
            if not there:
                await self._abandon(
                    self._database.standstill.doubt() if there is None else error, done, member
                )
                return
        except BaseException:
            # The writer itself ends here and is begun again: those who wait are not left to wait for ever.
            await self._abandon(Unavailable("The database's writer broke off.", retry_after=5), done, member)
            raise
        if done:
            self.commits += 1
            self._database.disk.trouble = ""
            self._database.standstill.found("")
        for finished in done:
            self._announce(finished)

    def _next_waiting(self) -> Member | None:
        """Whoever waits already; the mark that ends the queue stays in it."""
        if self._queue.empty() or (self.when_set is not None and self._database.clocks.step):
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
        now = (
            self._database.clock()
        )  # before anything is waited for: nobody has set the clock since it was looked at
        await connection.run(*opening, "SAVEPOINT member")
        if member.turn.cancelled():
            return False
        member.transaction = Transaction(connection, self._database, now, member.actor)
        member.turn.set_result(member.transaction)
        if await member.ended:
            return True
        await connection.run("ROLLBACK TO member")
        return False

    async def _serve_act(self, connection: Connection, act: Act, opening: tuple[str, ...]) -> bool:
        now = self._database.clock()

        async def work(connection: Connection) -> Exception | None:
            await connection.run(*opening, "SAVEPOINT member")
            transaction = Transaction(connection, self._database, now, act.actor)
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
                await connection.run("RELEASE member", *self._database.closing())
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
            self._told(events)

    async def _abandon(self, error: Exception, done: list[Member], current: Member | None) -> None:
        """The group is lost as a whole: nobody's work is there, and everybody is told so."""
        with suppress(Exception):
            await self._database.clear_writer()
        reason = self._database.translate(error) or error
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
