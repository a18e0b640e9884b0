"""Many rows for Postgres by one statement, which takes an array for each column: half of what a row each costs it.

Inserts that follow each other travel as one statement too: a trip costs both sides as much as some rows.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from openalert.storage.connection import Parameters, Writes

Insert = tuple[str, Sequence[Parameters]]
"""A statement of `rows.insert_statement`, whatever follows it, with its rows."""

_VALUES = " VALUES "
_TOUCHES = "DO UPDATE"
_KEY = re.compile(r"ON CONFLICT \(([^)]*)\) DO UPDATE")


def from_arrays(statement: str, kinds: Sequence[str], first: int = 1) -> str:
    """An `insert_statement`, whatever follows it, for an array of this kind of value for each column.

    `first`: the number of the first array among the parameters.
    """
    head, _, rest = statement.partition(_VALUES)
    conflict = rest.partition(")")[2]
    arrays = ", ".join(f"${at}::{kind}[]" for at, kind in enumerate(kinds, start=first))
    return head + " SELECT * FROM unnest(" + arrays + ")" + conflict


def in_one(statements: Sequence[str]) -> str:
    """Inserts into different tables as one statement; what refers from one to the other is checked at its end."""
    if len(statements) == 1:
        return statements[0]
    parts = ", ".join("w" + str(at) + " AS (" + each + ")" for at, each in enumerate(statements[:-1]))
    return "WITH " + parts + " " + statements[-1]


def gathered(writes: Writes) -> Iterator[tuple[Sequence[Insert], Insert]]:
    """What is written one after the other: inserts into different tables that go together, and the last of them; or
    none, and a write that goes alone.
    """
    together: dict[str, Insert] = {}
    last: Insert = ("", ())
    for write in writes:
        table = write[0].partition(" (")[0]
        fits = _fits(*write)
        if together and (not fits or table in together):
            yield list(together.values()), last
            together = {}
        if fits:
            together[table] = last = write
        else:
            yield (), write
    if together:
        yield list(together.values()), last


def _fits(statement: str, rows: Sequence[Parameters]) -> bool:
    """Whether one statement may write all of these rows: it must not change one of the table twice."""
    if _VALUES not in statement or isinstance(rows[0], Mapping):
        return False
    if _TOUCHES not in statement or len(rows) == 1:
        return True
    places = _places_of_key(statement)
    return bool(places) and len({tuple([row[place] for place in places]) for row in rows}) == len(rows)  # type: ignore[index]


@lru_cache(maxsize=512)
def _places_of_key(statement: str) -> tuple[int, ...]:
    """By which columns it is known what row is changed in place of inserting one; empty: by something else."""
    found = _KEY.search(statement)
    names = [name.strip() for name in statement.partition("(")[2].partition(")")[0].split(",")]
    keys = [name.strip() for name in found.group(1).split(",")] if found else []
    return tuple(names.index(key) for key in keys) if set(keys) <= set(names) else ()
