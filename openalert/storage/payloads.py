"""SQL for inbound messages as they came."""

from openalert.domain.service import Payload
from openalert.storage.database import Reader, Transaction

LAST = "~"
"""Sorts after every id."""


async def insert(tx: Transaction, payload: Payload) -> None:
    """Keep a message."""
    await tx.insert("payloads", payload)


async def get(reader: Reader, integration_id: str, payload_id: str) -> Payload | None:
    """One message of the integration."""
    return await reader.one(
        Payload,
        "SELECT * FROM payloads WHERE id = :id AND integration_id = :integration",
        id=payload_id,
        integration=integration_id,
    )


async def page(reader: Reader, integration_id: str, *, before: str = LAST, limit: int) -> list[Payload]:
    """The messages of the integration that came before one of them, the newest first."""
    return await reader.all(
        Payload,
        """
        SELECT * FROM payloads WHERE integration_id = :integration AND id < :before
        ORDER BY id DESC LIMIT :limit
        """,
        integration=integration_id,
        before=before,
        limit=limit,
    )


async def counts(reader: Reader, integration_id: str) -> dict[str, int]:
    """How many messages of the integration had each outcome."""
    rows = await reader.rows(
        """
        SELECT outcome, sum(seen_count) FROM payloads WHERE integration_id = :integration GROUP BY outcome
        """,
        integration=integration_id,
    )
    return {row[0]: int(row[1]) for row in rows}
