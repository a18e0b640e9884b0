"""SQL for runs: one row per start of the server, and so the list of the nodes that share a database.

A run holds a lease by the clock of the database, and renews it. Whoever finds it over may fence the run, and only then
takes over what that had claimed; a run that was fenced claims nothing more, so its process begins another one.
"""

from collections.abc import Sequence

import msgspec

from openalert.domain.instant import Instant
from openalert.storage.transaction import Reader, Transaction

_LIVES = "stopped_at IS NULL AND fenced_at IS NULL"
MAY_CLAIM = (
    "NOT EXISTS (SELECT 1 FROM runs r WHERE r.id = :run_id "
    "AND (r.fenced_at IS NOT NULL OR r.stopped_at IS NOT NULL))"
)
"""That the run `:run_id` was not fenced: a part of every claim, as only its commit shows who was first."""
GONE = (
    "NOT EXISTS (SELECT 1 FROM runs r WHERE r.id = run_id AND r.fenced_at IS NULL AND r.stopped_at IS NULL)"
)
"""That the run in the column `run_id` of what was claimed is no node any more."""


class Run(msgspec.Struct, kw_only=True):
    """From one start to its end; without `stopped_at` it was killed, or is one that runs."""

    id: str
    started_at: Instant
    last_seen_at: Instant
    """When it last committed its sign of life: until then it heard everybody, also where it stopped later."""
    stopped_at: Instant | None = None
    node: str = ""
    """Where it runs, for people."""
    place: str = ""
    """Where it runs, as only one process can at a time: of two runs with the same one, the older is gone."""
    keys: str = ""
    """Marks of the keys it works with."""
    lease_until: Instant = 0
    fenced_at: Instant | None = None
    """When another node took over what it had claimed."""


COLUMNS = ", ".join(Run.__struct_fields__)


class Standing(msgspec.Struct, kw_only=True):
    """How a run stands among the nodes."""

    is_ours: bool
    """Whether it still is a node; else it was fenced, or stopped."""
    leads: bool
    """Whether it is the oldest of the living: what one node alone does is done by it."""


async def begin(tx: Transaction, run_id: str, *, like: Run | None = None, lease: Instant = 0) -> Run | None:
    """Note the start of a run at the place of `like`; of whom there was the last sign of life before it."""
    previous = await last(tx)
    where = like or Run(id="", started_at=0, last_seen_at=0)
    await tx.execute(
        f"UPDATE runs SET fenced_at = :now WHERE {_LIVES} AND (place = :place OR CAST(:alone AS BOOLEAN))",
        now=tx.now,
        place=where.place,
        # Of a file there is one process at a time: it is locked.
        alone=tx.database.dialect == "sqlite",
    )
    await tx.insert(
        "runs",
        Run(
            id=run_id,
            started_at=tx.now,
            last_seen_at=tx.now,
            node=where.node,
            place=where.place,
            keys=where.keys,
            lease_until=tx.now + lease,
        ),
    )
    return previous


async def renew(tx: Transaction, run_id: str, lease: Instant) -> Standing:
    """It lives: prolong its lease, unless it was fenced."""
    ours = await tx.changed(
        f"UPDATE runs SET last_seen_at = :now, lease_until = :until WHERE id = :id AND {_LIVES} RETURNING id",
        id=run_id,
        now=tx.now,
        until=tx.now + lease,
    )
    oldest = await tx.value(f"SELECT min(id) FROM runs WHERE {_LIVES}")
    return Standing(is_ours=bool(ours), leads=oldest == run_id)


async def fence(tx: Transaction) -> list[str]:
    """End the runs whose lease is over; their nodes, by name."""
    return await tx.changed(
        f"UPDATE runs SET fenced_at = :now WHERE {_LIVES} AND lease_until < :now RETURNING node", now=tx.now
    )


async def over(reader: Reader, run_id: str) -> bool:
    """Whether another run than this one has a lease that is over."""
    found = await reader.value(
        f"SELECT 1 FROM runs WHERE {_LIVES} AND lease_until < :now AND id <> :id LIMIT 1",
        now=reader.now,
        id=run_id,
    )
    return found is not None


async def living(reader: Reader) -> Sequence[Run]:
    """The nodes whose lease is not over, the oldest first."""
    return await reader.all(
        Run, f"SELECT {COLUMNS} FROM runs WHERE {_LIVES} AND lease_until >= :now ORDER BY id", now=reader.now
    )


async def first_start(reader: Reader) -> Instant | None:
    """When the first run began that is known; None: none did."""
    found: Instant | None = await reader.value("SELECT min(started_at) FROM runs")
    return found


async def end(tx: Transaction, run_id: str) -> None:
    """It stops of its own accord."""
    await tx.execute("UPDATE runs SET stopped_at = :now WHERE id = :id", id=run_id, now=tx.now)


async def last(reader: Reader) -> Run | None:
    """The run of which there was a sign of life last."""
    return await reader.one(
        Run, f"SELECT {COLUMNS} FROM runs ORDER BY COALESCE(stopped_at, last_seen_at) DESC, id DESC LIMIT 1"
    )


async def listening_since(reader: Reader) -> Instant:
    """Since when there has been a node at any time; 0: there is none."""
    since = await reader.value(f"SELECT min(started_at) FROM runs WHERE {_LIVES}")
    return since or 0


async def heard_by_others(reader: Reader, run_id: str) -> Instant:
    """When any other node gave its last sign of life; 0: never."""
    seen = await reader.value("SELECT max(last_seen_at) FROM runs WHERE id <> :id", id=run_id)
    return seen or 0
