"""Databases as earlier versions of the program left them: the schema of then, with a row in every table."""

import re
import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any

from openalert.storage import migrate
from openalert.storage.migrate import Migration

Row = dict[str, Any]
_CHOICES = re.compile(r"\b(\w+)\b[^,()]*CHECK \(\1 IN \(([^)]*)\)")


def up_to(version: int, dialect: str) -> list[Migration]:
    """The migrations that a program of that version knew."""
    return [each for each in migrate.migrations(dialect) if each.version <= version]


def build(version: int) -> sqlite3.Connection:
    """An SQLite database in memory with the schema of that version."""
    raw = sqlite3.connect(":memory:", isolation_level=None)
    raw.execute("PRAGMA foreign_keys=ON")
    for migration in up_to(version, "sqlite"):
        for statement in migration.statements:
            raw.execute(statement)
    return raw


def a_row_in_every_table(raw: sqlite3.Connection) -> dict[str, Row]:
    """Insert one row into each table, and answer them in an order in which references are there before they are needed.

    A row that a migration has put there itself stays as it is, and the audit log takes none that is made up.
    """
    waiting = dict(_tables(raw))
    done: dict[str, Row] = {}
    while waiting:
        ready = [name for name in waiting if _parents(raw, name) <= done.keys() | {name}]
        assert ready, f"these refer to each other: {sorted(waiting)}"
        for name in ready:
            statement = waiting.pop(name)
            row = _row(raw, name, statement, done)
            if not raw.execute(f'SELECT 1 FROM "{name}"').fetchone():
                insert(raw, name, row)
            names = [column[1] for column in raw.execute(f'PRAGMA table_info("{name}")')]
            found = raw.execute(f'SELECT * FROM "{name}"').fetchone()
            done[name] = dict(zip(names, found, strict=True))
    return done


def insert(raw: sqlite3.Connection, table: str, row: Mapping[str, Any]) -> None:
    """As it stands."""
    marks = ", ".join("?" * len(row))
    raw.execute(f'INSERT INTO "{table}" ({", ".join(row)}) VALUES ({marks})', list(row.values()))


def _tables(raw: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    yield from raw.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' "
        "AND name NOT IN ('schema_migrations', 'audit_log') ORDER BY name"
    ).fetchall()


def _parents(raw: sqlite3.Connection, table: str) -> set[str]:
    return {row[2] for row in raw.execute(f'PRAGMA foreign_key_list("{table}")')}


def _row(raw: sqlite3.Connection, table: str, statement: str, done: Mapping[str, Row]) -> Row:
    choices = {name: words.split(",")[0].strip(" '") for name, words in _CHOICES.findall(statement)}
    references = {
        row[3]: done[row[2]][row[4] or "id"]
        for row in raw.execute(f'PRAGMA foreign_key_list("{table}")')
        if row[2] in done
    }
    row: Row = {}
    for _, name, kind, is_needed, default, key in raw.execute(f'PRAGMA table_info("{table}")'):
        if name in references:
            row[name] = references[name]
        elif name in choices and (is_needed or key):
            row[name] = choices[name]
        elif (is_needed or key) and default is None:
            row[name] = f"{table} {name}" if "TEXT" in kind and key else _value(name, kind)
    return row


def _value(name: str, kind: str) -> Any:
    if "TEXT" not in kind:
        return 1
    return "[]" if name.endswith("s") else "{}"
