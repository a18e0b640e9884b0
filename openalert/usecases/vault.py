"""Changing the key that stored secrets are sealed with, beside a running server and after a crash half-way."""

from collections.abc import Collection
from pathlib import Path

import msgspec

from openalert.domain.vault import Unreadable
from openalert.storage import sealed
from openalert.storage.database import Database
from openalert.storage.sealed import SealedColumn
from openalert.storage.transaction import Reader, Transaction

BATCH = 200
_KINDS = {
    sealed.CHANNEL_SECRETS: "channels",
    sealed.CONTACT_SECRETS: "contact methods",
    sealed.FEED_SECRETS: "imported calendars",
    sealed.INTEGRATION_SECRETS: "integrations",
    sealed.OUTGOING_SECRETS: "outgoing webhooks",
    sealed.SETTING_SECRETS: "settings",
    sealed.SUBSCRIBER_URLS: "webhooks of subscribers",
    sealed.TOTP_SECRETS: "authenticator apps",
}
"""What people call the things that keep a secret."""


class Changed(msgspec.Struct):
    """What a change of keys did."""

    sealed_anew: int = 0
    unreadable: int = 0
    """Secrets whose key is lost: they were unreadable before, and are left as they are."""
    forgot_old: bool = False


async def change_key(database: Database) -> Changed:
    """Seal everything with a fresh key, a batch at a time; the old one is forgotten when nothing needs it."""
    done = Changed()
    database.keys.begin_change()
    for where in sealed.COLUMNS:
        after: str | None = ""
        while after is not None:
            async with database.transaction() as tx:
                after = await _next_batch(tx, where, after, done)
    done.forgot_old = database.keys.end_change()
    return done


async def _next_batch(tx: Transaction, where: SealedColumn, after: str, done: Changed) -> str | None:
    """Seal the next rows anew; the last row's id, or None when there was nothing left."""
    vault = tx.database.vault
    rows = await sealed.under_other_keys(tx, where, vault.active, after=after, limit=BATCH)
    for row_id, text in rows:
        place = where.place(row_id)
        try:
            plain = vault.open(text, place)
        except Unreadable:
            done.unreadable += 1
            continue
        await sealed.replace(tx, where, row_id, vault.seal(plain, place))
        done.sealed_anew += 1
    return rows[-1][0] if rows else None


async def lost(reader: Reader) -> int:
    """How many stored secrets no key of ours opens."""
    known = reader.database.vault.known
    found = await sealed.by_key(reader, sealed.LASTING)
    return sum(count for key, count in found.items() if key not in known)


def lost_in(database: Path, known: Collection[str]) -> dict[str, int]:
    """How many secrets of each kind in a whole SQLite file none of the keys with these ids opens."""
    lost: dict[str, int] = {}
    for where, keys in sealed.in_file(database).items():
        count = sum(number for key, number in keys.items() if key not in known)
        if count:
            lost[_KINDS[where]] = count
    return lost
