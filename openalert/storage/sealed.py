"""SQL for the columns that hold sealed text: found by the key they were sealed with, and sealed anew."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import msgspec

from openalert.domain.vault import FORM
from openalert.storage.transaction import Reader, Transaction

KEY_AT = len(FORM) + 2
"""Where in the text its key's id begins, counted from 1 as SQL does."""


class SealedColumn(msgspec.Struct, frozen=True):
    """A nullable TEXT column that holds what `Vault.seal` made, or nothing."""

    table: str
    column: str
    key: str = "id"
    """The column that names the row."""

    def place(self, row_id: str) -> str:
        """What the sealed text of this row is bound to."""
        return f"{self.table}:{row_id}:{self.column}"


CHANNEL_SECRETS = SealedColumn("channels", "sealed")
CONTACT_SECRETS = SealedColumn("contact_methods", "sealed")
FEED_SECRETS = SealedColumn("calendar_feeds", "sealed")
INTEGRATION_SECRETS = SealedColumn("integrations", "sealed")
KEPT_ANSWERS = SealedColumn("kept_answers", "sealed")
OUTGOING_SECRETS = SealedColumn("outgoing_webhooks", "sealed")
SETTING_SECRETS = SealedColumn("settings", "sealed", key="name")
SUBSCRIBER_URLS = SealedColumn("status_subscribers", "sealed")
TOTP_SECRETS = SealedColumn("totp", "sealed", key="user_id")
COLUMNS = (
    CHANNEL_SECRETS,
    CONTACT_SECRETS,
    FEED_SECRETS,
    INTEGRATION_SECRETS,
    KEPT_ANSWERS,
    OUTGOING_SECRETS,
    SETTING_SECRETS,
    SUBSCRIBER_URLS,
    TOTP_SECRETS,
)
"""Every sealed column. One that is missing here is lost when keys change; tests/storage/test_sealed.py looks."""


LASTING = tuple(each for each in COLUMNS if each is not KEPT_ANSWERS)
"""Without answers that are kept for a repeated request: nobody misses those after a day."""


async def by_key(reader: Reader, columns: Sequence[SealedColumn] = COLUMNS) -> dict[str, int]:
    """How many sealed texts there are, by the id of their key."""
    counted: dict[str, int] = {}
    for where in columns:
        table, column = where.table, where.column
        rows = await reader.rows(
            f"SELECT substr({column}, {KEY_AT}, 8), count(*) FROM {table} "
            f"WHERE {column} IS NOT NULL GROUP BY 1"
        )
        for key, count in rows:
            counted[key] = counted.get(key, 0) + count
    return counted


def in_file(database: Path) -> dict[SealedColumn, dict[str, int]]:
    """The same of a whole SQLite file, by column, whatever its schema; what lasts alone."""
    found: dict[SealedColumn, dict[str, int]] = {}
    with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as raw:
        for where in LASTING:
            table, column = where.table, where.column
            known = raw.execute("SELECT name FROM pragma_table_info(:table)", {"table": table}).fetchall()
            if (column,) in known:
                rows = raw.execute(
                    f"SELECT substr({column}, {KEY_AT}, 8), count(*) FROM {table} "
                    f"WHERE {column} IS NOT NULL GROUP BY 1"
                )
                found[where] = {str(key): int(count) for key, count in rows}
    return found


async def under_other_keys(
    reader: Reader, where: SealedColumn, key_id: str, *, after: str, limit: int
) -> list[tuple[str, str]]:
    """The next rows sealed with another key than this: row id and sealed text."""
    table, column, key = where.table, where.column, where.key
    rows = await reader.rows(
        f"SELECT {key}, {column} FROM {table} "
        f"WHERE {key} > :after AND {column} IS NOT NULL AND {column} NOT LIKE :prefix ORDER BY {key} LIMIT :limit",
        after=after,
        prefix=f"{FORM}.{key_id}.%",
        limit=limit,
    )
    return [(str(row[0]), str(row[1])) for row in rows]


async def replace(tx: Transaction, where: SealedColumn, row_id: str, sealed: str) -> None:
    """The row's text, sealed anew."""
    table, column, key = where.table, where.column, where.key
    await tx.execute(f"UPDATE {table} SET {column} = :sealed WHERE {key} = :id", sealed=sealed, id=row_id)
