"""Proving that the audit log is one unbroken chain, and that the database keeps its promises; nothing is written."""

from collections.abc import AsyncIterator

import msgspec

from openalert.domain.audit import Head, broken_link
from openalert.domain.errors import Invalid
from openalert.storage import audit, invariants
from openalert.storage.database import Database

_HASH_LENGTH = 64


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at."""

    about: str
    holds: bool
    words: str


class Extent(msgspec.Struct, frozen=True):
    """How far the log goes, at one moment: what comes later is not looked at."""

    head: Head
    count: int


async def extent(database: Database) -> Extent:
    """Where the chain ends now, and how many entries there are."""
    async with database.read() as reader:
        return Extent(await audit.head(reader), await audit.count(reader))


async def verify(
    database: Database, expected: str | None = None, until: Extent | None = None
) -> AsyncIterator[Finding]:
    """Everything that can be proven, one finding after the other.

    `expected` is a hash of the chain noted earlier; `until` an `extent` taken before, else that of now.
    """
    yield await chain(database, until)
    if expected is not None:
        yield await _noted(database, expected)
    async with database.read() as reader:
        missing = await audit.missing_triggers(reader)
    words = "changing or deleting entries is refused by the database"
    if missing:
        words = f"these triggers are gone, so entries can be changed: {', '.join(missing)}"
    yield Finding("audit log is append-only", not missing, words)
    for rule in invariants.RULES:
        async with database.read() as reader:
            broken = await invariants.breaks(reader, rule)
        yield Finding(rule.name, not broken, "; ".join(broken) or rule.holds)
    async with database.read() as reader:
        damage = await invariants.damage(reader)
    if database.dialect == "sqlite":
        yield Finding("file", not damage, "; ".join(damage) or "every page and reference is whole")


async def chain(database: Database, until: Extent | None = None) -> Finding:
    """Whether the audit log is one chain from its first entry to its head."""
    whole = until or await extent(database)
    head, count = whole.head, whole.count
    about = "audit log"
    at = Head()
    try:
        async for entry in audit.walk(database.read, head.seq):
            wrong = broken_link(entry, at)
            if wrong is not None:
                return Finding(about, False, wrong)
            at = Head(entry.seq, entry.hash)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        return Finding(about, False, f"an entry behind {at.seq} cannot be read any more: {error}")
    if at != head or count != head.seq:
        return Finding(
            about,
            False,
            f"the chain ends at entry {at.seq}, its head says {head.seq}, and there are {count}: "
            "entries were cut off or added",
        )
    return Finding(about, True, f"{count} entries form one unbroken chain")


async def _noted(database: Database, expected: str) -> Finding:
    wanted = expected.strip().lower()
    if len(wanted) != _HASH_LENGTH or any(sign not in "0123456789abcdef" for sign in wanted):
        raise Invalid("--expect takes a hash of 64 hexadecimal digits, as an earlier verify printed it.")
    async with database.read() as reader:
        seq = 0 if wanted == Head().hash else await audit.seq_of(reader, wanted)
    if seq is None:
        words = "the noted hash is not in the chain: this is not the log that it was taken from"
        return Finding("noted hash", False, words)
    return Finding("noted hash", True, f"is entry {seq}: nothing up to there was changed since it was noted")
