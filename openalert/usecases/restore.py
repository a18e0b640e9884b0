"""Putting a backup in the place of the database, so that nobody is paged for the past (promise DB-5)."""

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from openalert.domain.access import SYSTEM, command
from openalert.domain.audit import Head
from openalert.domain.errors import OpenAlertError
from openalert.domain.instant import MINUTE, Instant
from openalert.storage import (
    Database,
    backup,
    canary,
    incidents,
    leftovers,
    maintenance_windows,
    open_database,
    open_reading,
    outages,
    restoring,
    runs,
    silences,
    status_incidents,
    swaps,
    weekly_reports,
    witness,
)
from openalert.storage import audit as chain
from openalert.storage.keyring import KeyRing
from openalert.storage.lock_file import LockFile
from openalert.storage.transaction import Transaction
from openalert.usecases import audit, holding, vault
from openalert.usecases import maintenance_windows as windows
from openalert.usecases import silences as silencing
from openalert.usecases import status_incidents as told
from openalert.usecases import swaps as offers
from openalert.usecases import weekly_reports as reports
from openalert.usecases.work import Work

STALE_AFTER = 15 * MINUTE
"""What was due longer ago than this is held: its time is over, and sources send again what is still true."""
BATCH = 100
WITHOUT_SECRETS = "--without-secrets"
"""What one says to `openalert restore` who has lost the key."""
Step = Callable[[Transaction], Coroutine[Any, Any, Any]]
Key = tuple[str, Instant | None]


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """What does not happen any more."""

    incidents: int
    """Open ones whose next step was due in the past; they stay open and page nobody."""
    alerts: int
    """Those that were held back until some time in the past; they ended without an incident."""
    messages: int
    """To people and channels; they were due in the past, or nobody knows whether they left."""


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """What a restore did."""

    held: int
    """Open incidents whose next step was due in the past; they stay open and page nobody."""
    kept: Path | None
    """Where the database is that was there before."""
    moment: Instant | None
    """When the backup was last written to."""
    sessions: int
    """People's sessions that ended: some may have been ended since, and nobody knows which."""
    revoked: int
    """API keys that were revoked, or gone, in the database before."""
    lost: dict[str, int] = {}
    """Stored secrets that no key here opens, by what they are of; they have to be given anew."""


class SealedOtherwise(OpenAlertError):
    """Secrets in the backup are sealed with a key that is not here; nothing was changed."""


class Replaced(msgspec.Struct, frozen=True):
    """What is known of the database that is replaced."""

    head: Head
    """Where its audit log ends, so that the two can be held side by side."""
    live_keys: list[str]


def check_keys(backup: Path, keys: KeyRing, *, without_secrets: bool) -> dict[str, int]:
    """The secrets in a whole file that none of our keys opens, by kind; `without_secrets`: whoever restores it knows.

    Else `SealedOtherwise` says what there is to do.
    """
    lost = vault.lost_in(backup, keys.vault.known)
    if lost and not without_secrets:
        raise SealedOtherwise(
            f"{sum(lost.values())} stored secret(s) in this backup are sealed with a key that is not here "
            f"({counted(lost)}). Nothing was changed.\n"
            f"Add the key of that installation as a further line of {keys.where}, which on a new machine is its only "
            "one; restart OpenAlert if it runs, and restore it again.\n"
            f"Where that key is lost: openalert restore {WITHOUT_SECRETS} FILE. What needs one of them sends nothing "
            "and lets nobody in until it is given anew."
        )
    return lost


def counted(lost: dict[str, int]) -> str:
    """`channels: 3, authenticator apps: 1`."""
    return ", ".join(f"{kind}: {count}" for kind, count in lost.items())


async def restore(
    source: Path, database: Path, keys: KeyRing | None = None, *, without_secrets: bool = False
) -> Restored:
    """Check `source`, bring its schema up to date, hold what is past, then let it take the place of `database`.

    DatabaseInUse while a server runs on it; BrokenBackup when the file is not whole; SealedOtherwise when it has
    secrets that `keys` do not open, unless it is to go on `without_secrets`. Nothing changed in any of these cases.
    """
    lock = LockFile(database.with_name(database.name + ".lock"))
    lock.take()
    try:
        leftovers.undo_restore(database)
        replaced = await _known(database)
        async with _staged(source, database) as (opened, staged):
            lost = check_keys(staged, keys, without_secrets=without_secrets) if keys is not None else {}
            async with opened.read() as reader:
                moment = await restoring.last_word(reader)
            held = await hold(opened)
            async with opened.transaction(command("restore")) as tx:
                sessions = await restoring.end_sessions(tx)
                revoked = await restoring.revoke_others(tx, replaced.live_keys) if replaced else 0
                await _record(tx, source.name, held, replaced, sum(lost.values()))
            await opened.close()
            kept = backup.replace(staged, database)
            witness.forget(database)
            lock.mark(None)
        return Restored(
            held=held.incidents, kept=kept, moment=moment, sessions=sessions, revoked=revoked, lost=lost
        )
    finally:
        lock.release()


@asynccontextmanager
async def _staged(source: Path, beside: Path) -> AsyncIterator[tuple[Database, Path]]:
    """A copy of the backup beside the database, opened with its schema up to date; nothing of it is left."""
    staged = backup.stage(source, beside)
    try:
        opened = await open_database(f"sqlite:///{staged}", keeps_copy=False)
        try:
            yield opened, staged
        finally:
            await opened.close()
    finally:
        leftovers.remove(staged)


async def _known(database: Path) -> Replaced | None:
    """None without a database that can be read."""
    try:
        replaced = await open_reading(f"sqlite:///{database}")
    except OpenAlertError:
        return None
    try:
        async with replaced.read() as reader:
            return Replaced(await chain.head(reader), await restoring.live_keys(reader))
    except OpenAlertError:
        return None
    finally:
        await replaced.close()


async def _record(
    tx: Transaction, file: str, held: Held, replaced: Replaced | None, unreadable: int = 0
) -> None:
    facts: dict[str, Any] = {"file": file, "incidents_held": held.incidents}
    if unreadable:
        facts["unreadable"] = unreadable
    if replaced is not None:
        facts |= {"replaced_log_entries": replaced.head.seq, "replaced_log_head": replaced.head.hash}
    await audit.record_installation(
        tx, "database.restored", kind="database", name="the database", after=facts
    )


async def hold_here(database: Database, how: str) -> Held:
    """The database was put back to an earlier time by other hands: hold what is past in it, and note it.

    `how`: what stands in the audit log in place of a file.
    """
    held = await hold(database)
    async with database.transaction(command("restore")) as tx:
        await restoring.end_sessions(tx)
        await _record(tx, how, held, None)
    return held


async def notice(database: Database, file: Path) -> Held | None:
    """At a start: hold what is past if the file was put back to an earlier time by other hands; None if it was not."""
    async with database.read() as reader:
        last = await runs.last(reader)
    if not witness.contradicts(file, last):
        return None
    held = await hold_here(database, "put back by hand")
    witness.forget(file)
    return held


async def hold(database: Database) -> Held:
    """Stop what was due too long ago, and say so in the timelines. Nothing else may write the while.

    What only time moves on (maintenance windows, offers of shifts) is moved on, and nobody is told of it. In several
    transactions, as there may be more to hold than one can take; done again it goes on where it stopped.
    """
    begun = database.clock()
    before = begun - STALE_AFTER
    moment = await database.look(restoring.last_word)
    # One that was under way is nobody's incident: nobody is asked to look at it.
    await database.act(partial(canary.remove, incident_id=None, before=begun))
    held = await _all(database, partial(_hold_incidents, before=before))
    alerts = await _all(database, partial(holding.end_overdue, before=before))
    await _let_time_pass(database)
    async with database.transaction() as tx:
        messages = await restoring.silence(tx, before, begun)
        await restoring.skip(tx, before)
        if moment is None or moment < before:
            await restoring.forget_duties(tx)
        await outages.restored(tx)
    return Held(incidents=held, alerts=alerts, messages=messages)


async def _hold_incidents(tx: Transaction, before: Instant) -> int:
    held = await restoring.hold_overdue(tx, before)
    work = Work(tx)
    for incident in (await incidents.get_many(tx, held)).values():
        work.tell(incident, "held_after_restore", SYSTEM)
        work.touch(incident)
    await work.flush()
    return len(held)


async def _all(database: Database, some: Callable[[Transaction], Coroutine[Any, Any, int]]) -> int:
    """Until there is none left; how many there were."""
    done = 0
    while found := await database.act(some):
        done += found
    return done


async def _let_time_pass(database: Database) -> None:
    """What begins or ends by itself has done so; its messages are among those that are silenced afterwards."""
    done: set[Key] = set()
    while steps := {key: step for key, step in await _due(database) if key not in done}:
        for key, step in steps.items():
            await database.act(step)
            done.add(key)


async def _due(database: Database) -> list[tuple[Key, Step]]:
    """Each with what tells it from another that is due: one that does not get on is not done again and again."""
    async with database.read() as reader:
        windows_due = await maintenance_windows.due(reader, BATCH)
        silences_due = await silences.due(reader, BATCH)
        incidents_due = await status_incidents.due(reader, BATCH)
        swaps_due = await swaps.due(reader, BATCH)
        reports_due = await weekly_reports.due(reader, BATCH)
    found: list[tuple[Key, Step]] = []
    found += [((each.id, None), partial(windows.turn, window=each)) for each in windows_due]
    found += [((each.id, None), partial(silencing.turn, silence=each)) for each in silences_due]
    found += [((each.id, each.due_at), partial(told.advance, incident_id=each.id)) for each in incidents_due]
    found += [
        ((swap, None), partial(offers.expire, schedule_id=schedule, swap_id=swap))
        for schedule, swap in swaps_due
    ]
    found += [
        ((each.user_id, each.due_at), partial(reports.send, due=each, outlook=None)) for each in reports_due
    ]
    return found
