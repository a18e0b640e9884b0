"""SQL for runs: one row per start of the server."""

import msgspec

from openalert.domain.instant import Instant
from openalert.storage.transaction import Reader, Transaction


class Run(msgspec.Struct, kw_only=True):
    """From one start to its end; without `stopped_at` it was killed, or is the one that runs."""

    id: str
    started_at: Instant
    last_seen_at: Instant
    """When it last committed its sign of life: until then it heard everybody, also where it stopped later."""
    stopped_at: Instant | None = None


COLUMNS = ", ".join(Run.__struct_fields__)


async def begin(tx: Transaction, run_id: str) -> Run | None:
    """Note the start of a run; the one before it."""
    previous = await last(tx)
    await tx.insert("runs", Run(id=run_id, started_at=tx.now, last_seen_at=tx.now))
    return previous


async def seen(tx: Transaction, run_id: str) -> None:
    """It lives."""
    await tx.execute("UPDATE runs SET last_seen_at = :now WHERE id = :id", id=run_id, now=tx.now)


async def end(tx: Transaction, run_id: str) -> None:
    """It stops of its own accord."""
    await tx.execute("UPDATE runs SET stopped_at = :now WHERE id = :id", id=run_id, now=tx.now)


async def last(reader: Reader) -> Run | None:
    """The run that began last."""
    return await reader.one(Run, f"SELECT {COLUMNS} FROM runs ORDER BY started_at DESC, id DESC LIMIT 1")
