"""What a move of the data carries from one database to another: tables, plain rows, and their sums."""

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from graphlib import TopologicalSorter
from typing import Any, Protocol

import msgspec

from openalert.domain.errors import OpenAlertError

Row = Sequence[Any]
"""The values of a row in the order of its table's columns, as SQLite has them: a boolean is 0 or 1."""

SCHEMA = "schema_migrations"
OWN = frozenset({SCHEMA, "commit_receipts"})
"""What each database says of itself: steps of its schema, which the two write differently; commits of its writers."""
COUNTERS, LOG, HEAD = "counters", "audit_log", "audit_head"
"""The entries go over in the order of their chain, and each moves the head by itself, as when they were written."""
FRESH = OWN | {COUNTERS, HEAD}
"""The tables in which a database has rows before anybody used it."""


class MoveRefused(OpenAlertError):
    """The data cannot be moved there, or it did not arrive as it was; nothing was changed."""


class Table(msgspec.Struct, frozen=True):
    """A table as both databases have it."""

    name: str
    columns: tuple[str, ...]
    booleans: frozenset[int]
    """The positions of the columns that are true or false."""
    needs: frozenset[str]
    """The tables that its rows refer to."""

    @property
    def reading(self) -> str:
        """A statement for all its rows; those of the audit log one behind the other."""
        name, listed = self.name, self.columns
        order = " ORDER BY seq" if name == LOG else ""
        return f"SELECT {', '.join(listed)} FROM {name}{order}"


class Sum(msgspec.Struct):
    """How many rows, and the sum of their hashes: the same for the same rows, in whatever order they come."""

    count: int = 0
    total: int = 0

    def add(self, row: Row) -> None:
        """One more row."""
        digest = hashlib.blake2b(msgspec.msgpack.encode(tuple(row)), digest_size=16).digest()
        self.count += 1
        self.total = (self.total + int.from_bytes(digest)) % (1 << 128)

    @property
    def words(self) -> str:
        """The sum as people compare it."""
        return f"{self.total:032x}"


class Side(Protocol):
    """One of the two databases."""

    async def tables(self) -> dict[str, Table]:
        """Its tables by name; none where there is nothing yet."""
        ...

    async def versions(self) -> list[int]:
        """The steps of the schema that were applied; none where there is no schema."""
        ...

    async def count(self, table: str) -> int:
        """How many rows a table has."""
        ...

    async def is_used(self, table: str) -> bool:
        """Whether it has a row."""
        ...

    def rows(self, table: Table) -> AsyncIterator[Row]:
        """Every row of a table."""
        ...


class Destination(Side, Protocol):
    """The database that takes the rows: all of them or none."""

    async def begin(self) -> None:
        """Bring its schema up to date, keep others out, and clear the rows that every fresh database has."""
        ...

    async def load(self, table: Table, rows: AsyncIterator[Row]) -> None:
        """Write rows into an empty table."""
        ...

    async def keep(self) -> None:
        """From now on all of it is there."""
        ...


def in_order(tables: Mapping[str, Table]) -> list[Table]:
    """The tables to move, those that others refer to first."""
    sorter = TopologicalSorter({table.name: table.needs for table in tables.values()})
    return [tables[name] for name in sorter.static_order() if name not in OWN | {HEAD}]
