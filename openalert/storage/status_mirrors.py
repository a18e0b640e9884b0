"""SQL for mirrors of status pages: how each stands, and what lies in it by our hand."""

from collections.abc import Collection, Mapping

import msgspec

from openalert.domain.instant import Instant
from openalert.domain.status_copy import MirrorState
from openalert.storage.transaction import Reader, Transaction


class _File(msgspec.Struct):
    mirror: str
    path: str
    digest: str


async def get(reader: Reader, name: str) -> MirrorState | None:
    """How this mirror stands; None: nothing was ever done about it."""
    return await reader.one(MirrorState, "SELECT * FROM status_mirrors WHERE name = :name", name=name)


async def every(reader: Reader) -> list[MirrorState]:
    """All of them, by name."""
    return await reader.all(MirrorState, "SELECT * FROM status_mirrors ORDER BY name")


async def put(tx: Transaction, state: MirrorState) -> None:
    """It stands so now."""
    await tx.insert_with(
        "status_mirrors",
        [state],
        {},
        " ON CONFLICT (name) DO UPDATE SET target = excluded.target, versions = excluded.versions, "
        "due_at = excluded.due_at, refresh_at = excluded.refresh_at, done_at = excluded.done_at, "
        "failing_since = excluded.failing_since, attempts = excluded.attempts, error = excluded.error",
    )


async def forget_others(tx: Transaction, names: Collection[str]) -> None:
    """Mirrors that are configured no more are owed nothing."""
    known = await tx.rows("SELECT name FROM status_mirrors")
    for (name,) in known:
        if name not in names:
            await forget_files(tx, name)
            await tx.execute("DELETE FROM status_mirrors WHERE name = :name", name=name)


async def files(reader: Reader, name: str) -> dict[str, str]:
    """What lies in it by our hand: digests by path, empty where nobody knows what arrived."""
    rows = await reader.rows("SELECT path, digest FROM status_mirror_files WHERE mirror = :name", name=name)
    return {row[0]: row[1] for row in rows}


async def put_files(tx: Transaction, name: str, digests: Mapping[str, str]) -> None:
    """These lie in it now."""
    await tx.insert_with(
        "status_mirror_files",
        [_File(name, path, digest) for path, digest in digests.items()],
        {},
        " ON CONFLICT (mirror, path) DO UPDATE SET digest = excluded.digest",
    )


async def drop_files(tx: Transaction, name: str, paths: Collection[str]) -> None:
    """These lie in it no more."""
    for path in paths:
        await tx.execute(
            "DELETE FROM status_mirror_files WHERE mirror = :name AND path = :path", name=name, path=path
        )


async def forget_files(tx: Transaction, name: str) -> None:
    """Nothing is known of what lies in it."""
    await tx.execute("DELETE FROM status_mirror_files WHERE mirror = :name", name=name)


async def late(reader: Reader, since: Instant) -> list[MirrorState]:
    """Those that have failed since then or longer."""
    return await reader.all(
        MirrorState, "SELECT * FROM status_mirrors WHERE failing_since <= :since ORDER BY name", since=since
    )


async def shift(tx: Transaction, by: int) -> None:
    """The wall clock was stepped by `by` milliseconds: waits are elapsed time, see `clock_steps`."""
    await tx.execute("UPDATE status_mirrors SET due_at = due_at + :by, refresh_at = refresh_at + :by", by=by)
