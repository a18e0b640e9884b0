"""Putting a backup in the place of the database, so that nobody is paged for the past (promise DB-5)."""

from pathlib import Path

import msgspec

from openalert.domain.access import SYSTEM, command
from openalert.domain.audit import Head
from openalert.domain.errors import OpenAlertError
from openalert.domain.instant import MINUTE
from openalert.storage import audit as chain
from openalert.storage import backup, incidents, open_database, open_reading
from openalert.storage.sqlite import LockFile
from openalert.storage.transaction import Transaction
from openalert.usecases import audit
from openalert.usecases.work import Work

STALE_AFTER = 15 * MINUTE
"""What was due longer ago than this is held: its time is over, and sources send again what is still true."""


class Restored(msgspec.Struct, frozen=True):
    """What a restore did."""

    held: int
    """Open incidents whose next step was due in the past; they stay open and page nobody."""
    kept: Path | None
    """Where the database is that was there before."""


async def restore(source: Path, database: Path) -> Restored:
    """Check `source`, bring its schema up to date, hold what is past, then let it take the place of `database`.

    DatabaseInUse while a server runs on it; BrokenBackup when the file is not whole. Either way nothing changed.
    """
    lock = LockFile(database.with_name(database.name + ".lock"))
    lock.take()
    try:
        replaced = await _head_of(database)
        staged = backup.stage(source, database)
        try:
            opened = await open_database(f"sqlite:///{staged}")
            try:
                async with opened.transaction(command("restore")) as tx:
                    held = await hold(tx)
                    await _record(tx, source, held, replaced)
            finally:
                await opened.close()
            return Restored(held, backup.replace(staged, database))
        finally:
            backup.remove(staged)
    finally:
        lock.release()


async def _head_of(database: Path) -> Head | None:
    """Where the audit log ends that is replaced, so that the two can be held side by side; None without one."""
    try:
        replaced = await open_reading(f"sqlite:///{database}")
    except OpenAlertError:
        return None
    try:
        async with replaced.read() as reader:
            return await chain.head(reader)
    finally:
        await replaced.close()


async def _record(tx: Transaction, source: Path, held: int, replaced: Head | None) -> None:
    facts = {"file": source.name, "incidents_held": held}
    if replaced is not None:
        facts |= {"replaced_log_entries": replaced.seq, "replaced_log_head": replaced.hash}
    await audit.record_installation(
        tx, "database.restored", kind="database", name="the database", after=facts
    )


async def hold(tx: Transaction) -> int:
    """Stop what was due too long ago, and say so in the timelines; the number of incidents it concerns."""
    held = await backup.hold_past(tx, tx.now - STALE_AFTER)
    work = Work(tx)
    for incident in (await incidents.get_many(tx, held)).values():
        work.tell(incident, "held_after_restore", SYSTEM)
        work.touch(incident)
    await work.flush()
    return len(held)
