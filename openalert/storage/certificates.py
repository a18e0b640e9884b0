"""SQL for certificates of addresses that teams have named, as they were seen last."""

from collections.abc import Collection, Sequence

import msgspec

from openalert.domain.instant import Instant
from openalert.storage.transaction import Reader, Transaction

Door = tuple[str, int]
"""Host and port."""


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `certificates_elsewhere`."""

    host: str
    port: int
    looked_at: Instant
    starts_at: Instant | None = None
    ends_at: Instant | None = None
    """None: it was never seen."""

    @property
    def door(self) -> Door:
        """Where it was seen."""
        return self.host, self.port


async def every(reader: Reader) -> list[Seen]:
    """All of them, whoever has named them: for the engine."""
    return await reader.all(Seen, "SELECT * FROM certificates_elsewhere ORDER BY looked_at, host, port")


async def ending(reader: Reader, before: Instant) -> list[Seen]:
    """Those that end before then, or have ended."""
    return await reader.all(
        Seen,
        "SELECT * FROM certificates_elsewhere WHERE ends_at < :before ORDER BY ends_at, host, port",
        before=before,
    )


async def put(tx: Transaction, seen: Sequence[Seen]) -> None:
    """They were seen so; of one that could not be looked at what was known still stands."""
    await tx.insert_with(
        "certificates_elsewhere",
        seen,
        {},
        " ON CONFLICT (host, port) DO UPDATE SET looked_at = excluded.looked_at, "
        "starts_at = COALESCE(excluded.starts_at, certificates_elsewhere.starts_at), "
        "ends_at = COALESCE(excluded.ends_at, certificates_elsewhere.ends_at)",
    )


async def forget(tx: Transaction, doors: Collection[Door]) -> None:
    """Nobody names them any more."""
    for host, port in doors:
        await tx.execute(
            "DELETE FROM certificates_elsewhere WHERE host = :host AND port = :port", host=host, port=port
        )
