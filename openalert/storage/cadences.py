"""SQL for cadences: how regularly integrations send."""

from collections.abc import Sequence

import msgspec

from openalert.domain.cadence import Cadence
from openalert.domain.instant import Instant
from openalert.storage.transaction import Reader, Transaction


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """An integration by which something came since it was last looked at, or whose alerts have changed."""

    id: str
    last_received_at: Instant
    is_firing: bool


async def heard(reader: Reader, limit: int) -> list[Heard]:
    """Active integrations of which there is something to note."""
    return await reader.all(
        Heard,
        """
        SELECT id, last_received_at, is_firing FROM (
            SELECT i.id, i.last_received_at, c.last_at, c.was_firing,
                EXISTS (SELECT 1 FROM alerts a WHERE a.integration_id = i.id AND a.status <> 'resolved') AS is_firing
            FROM integrations i LEFT JOIN cadences c ON c.integration_id = i.id
            WHERE i.deleted_at IS NULL AND i.is_active = :active AND i.last_received_at IS NOT NULL
        ) AS seen
        WHERE last_at IS NULL OR last_received_at > last_at OR is_firing <> was_firing
        ORDER BY id LIMIT :limit
        """,
        active=True,
        limit=limit,
    )


async def of(reader: Reader, integration_ids: Sequence[str]) -> dict[str, Cadence]:
    """What is known of these integrations."""
    found = await reader.all(
        Cadence,
        f"SELECT * FROM cadences WHERE {reader.any_of('integration_id', 'ids')}",
        ids=list(integration_ids),
    )
    return {each.integration_id: each for each in found}


async def put(tx: Transaction, cadences: Sequence[Cadence]) -> None:
    """Write down what is known now."""
    await tx.insert_with(
        "cadences",
        cadences,
        {},
        " ON CONFLICT (integration_id) DO UPDATE SET last_at = excluded.last_at, "
        "was_firing = excluded.was_firing, firing_gaps = excluded.firing_gaps, quiet_gaps = excluded.quiet_gaps",
    )
