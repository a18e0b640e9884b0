"""Reader and Transaction: what a body sees of the database: one connection, one fixed `now`, events for later."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, ClassVar, Protocol, TypeVar

import msgspec

from openalert.domain.access import Actor
from openalert.domain.audit import AuditEntry, Head, link
from openalert.domain.event import Event
from openalert.domain.instant import Instant
from openalert.domain.vault import Vault
from openalert.storage.clock import Clocks
from openalert.storage.connection import Connection, Parameters, Rows
from openalert.storage.rows import from_row, insert_statement, values_of

T = TypeVar("T")


class Behind(Protocol):
    """What a reader asks of the database behind it."""

    dialect: ClassVar[str]
    url: str
    clocks: Clocks

    @property
    def vault(self) -> Vault:
        """What seals and opens stored secrets."""

    def any_of(self, expression: str, name: str) -> str:
        """SQL for "expression is one of the values in the list parameter `name`"."""


class Reader:
    """Reads from one consistent snapshot."""

    def __init__(self, connection: Connection, database: Behind, now: Instant) -> None:
        self._connection = connection
        self.database = database
        self.now = now
        """The one instant of this transaction: everything in it happens then."""

    @property
    def sure(self) -> Instant:
        """What surely is past: `now`, less what the clock leapt ahead within a day. Deletions go by it."""
        return self.now - self.database.clocks.doubt.at(self.now)

    def any_of(self, expression: str, name: str) -> str:
        """SQL for "expression is one of the values in the list parameter `name`"."""
        return self.database.any_of(expression, name)

    async def all(self, kind: type[T], sql: str, /, **parameters: Any) -> list[T]:
        """Every row as a `kind`."""
        columns, rows = await self._fetch(sql, parameters)
        return [from_row(kind, columns, row) for row in rows]

    async def one(self, kind: type[T], sql: str, /, **parameters: Any) -> T | None:
        """The first row as a `kind`, or None."""
        columns, rows = await self._fetch(sql, parameters)
        return from_row(kind, columns, rows[0]) if rows else None

    async def rows(self, sql: str, /, **parameters: Any) -> Rows:
        """Plain rows."""
        return (await self._fetch(sql, parameters))[1]

    async def value(self, sql: str, /, **parameters: Any) -> Any:
        """The first column of the first row, or None."""
        rows = await self.rows(sql, **parameters)
        return rows[0][0] if rows else None

    async def together(self, body: Callable[["Reader"], Coroutine[Any, Any, T]]) -> T:
        """The result of a body that awaits only the reader it is given; see `Database.look`."""
        return await self._connection.together(
            lambda connection: body(Reader(connection, self.database, self.now))
        )

    async def _fetch(self, sql: str, parameters: Mapping[str, Any]) -> tuple[Sequence[str], Rows]:
        return await self._connection.fetch(sql, parameters)


class Transaction(Reader):
    """Reads and writes; nothing of it is true before the commit, and all of it after.

    Statements whose result does not matter wait until the next read or the end and then go together, so that
    an act with ten of them makes one trip to the database. What one of them breaks shows then, not before.
    """

    def __init__(self, connection: Connection, database: Behind, now: Instant, actor: Actor) -> None:
        super().__init__(connection, database, now)
        self.actor = actor
        self._events: list[Event] = []
        self._entries: list[AuditEntry] = []
        self._waiting: list[tuple[str, Sequence[Parameters]]] = []

    async def _fetch(self, sql: str, parameters: Mapping[str, Any]) -> tuple[Sequence[str], Rows]:
        before, self._waiting = self._waiting, []
        return await self._connection.fetch(sql, parameters, before)

    async def execute(self, sql: str, /, **parameters: Any) -> None:
        """A statement whose result does not matter."""
        self._waiting.append((sql, [parameters]))

    async def changed(self, sql: str, /, **parameters: Any) -> list[str]:
        """The first column of what RETURNING gives: so a conditional change is seen to win or lose."""
        return [row[0] for row in await self.rows(sql, **parameters)]

    async def many(self, sql: str, parameters: Sequence[Parameters]) -> None:
        """The statement once for each set of parameters; nothing when there are none."""
        if parameters:
            self._waiting.append((sql, parameters))

    async def insert(self, table: str, *structs: msgspec.Struct) -> None:
        """Rows for structs of one type, whose fields are the table's columns."""
        await self.insert_with(table, structs, {})

    async def insert_with(
        self,
        table: str,
        structs: Sequence[msgspec.Struct],
        extra: Mapping[str, Callable[[Any], Any]],
        conflict: str = "",
    ) -> None:
        """As `insert`, with further columns computed from each struct, and what to do with one that is there."""
        if not structs:
            return
        kind = type(structs[0])
        statement = insert_statement(table, (*kind.__struct_fields__, *extra)) + conflict
        values = values_of(kind)
        rows = [
            [*values(struct), *(compute(struct) for compute in extra.values())] if extra else values(struct)
            for struct in structs
        ]
        self._waiting.append((statement, rows))

    def emit(self, event: Event) -> None:
        """Tell live listeners, once this is committed."""
        event.at = self.now
        self._events.append(event)

    def audit(self, entry: AuditEntry) -> None:
        """Add to the audit log what this transaction does; it is chained when all else is written."""
        self._entries.append(entry)

    async def seal(self) -> None:
        """Give events and audit entries their numbers and write what waits; the last act inside it."""
        if self._events or self._entries:
            await self._connection.together(self._seal)
        elif self._waiting:
            await self._write()

    async def _seal(self, connection: Connection) -> None:
        """What `seal` does, in one trip where possible."""
        outside, self._connection = self._connection, connection
        try:
            if self._events:
                await self._number_events()
            if self._entries:
                await self._chain_entries()
            await self._write()
        finally:
            self._connection = outside

    async def _write(self) -> None:
        writes, self._waiting = self._waiting, []
        await self._connection.write(writes)

    async def _number_events(self) -> None:
        # What waits goes on waiting: it has nothing to do with this, and goes with the events in one trip.
        _, rows = await self._connection.fetch(
            "UPDATE counters SET value = value + :count WHERE name = 'event' RETURNING value",
            {"count": len(self._events)},
        )
        last: int = rows[0][0]
        for seq, event in enumerate(self._events, start=last - len(self._events) + 1):
            event.seq = seq
        await self.insert("events", *self._events)

    async def _chain_entries(self) -> None:
        """Behind the last entry of whoever wrote before: writers take turns, so there is one chain."""
        head = await self.one(Head, "SELECT seq, hash FROM audit_head")
        link(self._entries, head or Head())
        await self.insert("audit_log", *self._entries)

    def committed(self) -> list[Event]:
        """The events that listeners must now hear."""
        return self._events
