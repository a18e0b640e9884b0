"""SQL for inbound messages as they came."""

from collections.abc import Sequence

import msgspec

from openalert.domain.ids import first_id
from openalert.domain.instant import Instant
from openalert.domain.service import Payload, PayloadContext
from openalert.storage.transaction import Reader, Transaction

MOST_AT_ONCE = 1_000
"""Messages that one transaction forgets."""
LAST = "~"
"""Sorts after every id."""


async def insert(tx: Transaction, payload: Payload) -> None:
    """Keep a message."""
    await tx.insert("payloads", payload)


async def insert_many(tx: Transaction, payloads: Sequence[Payload]) -> None:
    """Keep several messages."""
    await tx.insert("payloads", *payloads)


async def quarantine(tx: Transaction, payload: Payload) -> None:
    """Keep a message that could not be read; the same one again (`repeat_key`) is counted."""
    await tx.insert_with(
        "payloads",
        [payload],
        {},
        " ON CONFLICT (repeat_key) DO UPDATE SET seen_count = payloads.seen_count + 1, "
        "received_at = excluded.received_at, trace_id = excluded.trace_id, settled_at = NULL",
    )


async def keep_newest_refused(tx: Transaction, integration_id: str, most: int) -> None:
    """Drop what was refused longest ago: whoever knows only the address must not fill the disk."""
    await tx.execute(
        """
        DELETE FROM payloads WHERE integration_id = :integration AND outcome = 'refused' AND id <= (
            SELECT id FROM payloads WHERE integration_id = :integration AND outcome = 'refused'
            ORDER BY id DESC LIMIT 1 OFFSET :most
        )
        """,
        integration=integration_id,
        most=most,
    )


async def services_named(reader: Reader, ids: Sequence[str]) -> dict[str, str]:
    """By message: the service that its address named, of those that named one and are kept still."""
    rows = await reader.rows(
        f"SELECT id, context FROM payloads WHERE {reader.any_of('id', 'ids')} AND context LIKE '%\"service\"%'",
        ids=list(dict.fromkeys(ids)),
    )
    contexts = {row[0]: msgspec.json.decode(row[1], type=PayloadContext) for row in rows}
    return {key: named for key, each in contexts.items() if (named := each.query.get("service"))}


async def settle(tx: Transaction, payload_id: str) -> None:
    """Note that a message was sent through again with success."""
    await tx.execute("UPDATE payloads SET settled_at = :now WHERE id = :id", now=tx.now, id=payload_id)


async def unsettled(reader: Reader, integration_id: str, *, limit: int) -> list[Payload]:
    """What could not be read and was not sent through again since, the oldest first."""
    return await reader.all(
        Payload,
        """
        SELECT * FROM payloads WHERE integration_id = :integration AND outcome = 'quarantined'
            AND settled_at IS NULL ORDER BY id LIMIT :limit
        """,
        integration=integration_id,
        limit=limit,
    )


async def get(reader: Reader, integration_id: str, payload_id: str) -> Payload | None:
    """One message of the integration."""
    return await reader.one(
        Payload,
        "SELECT * FROM payloads WHERE id = :id AND integration_id = :integration",
        id=payload_id,
        integration=integration_id,
    )


async def page(
    reader: Reader, integration_id: str, *, outcome: str | None = None, before: str = LAST, limit: int
) -> list[Payload]:
    """The messages of the integration that came before one of them, the newest first; of one outcome, or of all."""
    return await reader.all(
        Payload,
        """
        SELECT * FROM payloads WHERE integration_id = :integration AND id < :before
            AND (CAST(:outcome AS TEXT) IS NULL OR outcome = :outcome)
        ORDER BY id DESC LIMIT :limit
        """,
        integration=integration_id,
        outcome=outcome,
        before=before,
        limit=limit,
    )


async def explain(tx: Transaction, payload_id: str, reason: str) -> None:
    """Say anew what became of a message."""
    await tx.execute("UPDATE payloads SET reason = :reason WHERE id = :id", reason=reason, id=payload_id)


async def recent_counts(reader: Reader, integration_id: str, *, limit: int) -> dict[str, int]:
    """How many of the integration's newest messages had each outcome."""
    rows = await reader.rows(
        """
        SELECT outcome, count(*) FROM (
            SELECT outcome FROM payloads WHERE integration_id = :integration ORDER BY id DESC LIMIT :limit
        ) newest GROUP BY outcome
        """,
        integration=integration_id,
        limit=limit,
    )
    return {row[0]: int(row[1]) for row in rows}


async def unsettled_counts(reader: Reader, integration_ids: Sequence[str]) -> dict[str, int]:
    """How many messages of each integration could not be read, and were not sent through again since."""
    if not integration_ids:
        return {}
    rows = await reader.rows(
        "SELECT integration_id, sum(seen_count) FROM payloads WHERE outcome = 'quarantined' "
        f"AND settled_at IS NULL AND {reader.any_of('integration_id', 'ids')} GROUP BY integration_id",
        ids=list(integration_ids),
    )
    return {row[0]: int(row[1]) for row in rows}


async def forget(tx: Transaction, before: Instant) -> bool:
    """Drop messages older than `before` that no unresolved alert was read from, at most `MOST_AT_ONCE`.

    Whether there may be more.
    """
    # Ids sort by the time they were made, so that none of what is younger is looked at. Which messages are still wanted
    # is gathered once: asked for each of them, it would be a look through all alerts that there are.
    gone = await tx.changed(
        """
        DELETE FROM payloads WHERE id IN (
            SELECT p.id FROM payloads p WHERE p.id < :youngest AND p.received_at < :before AND p.id NOT IN (
                SELECT a.payload_id FROM alerts a WHERE a.status <> 'resolved' AND a.payload_id IS NOT NULL
            ) ORDER BY p.id LIMIT :most
        ) RETURNING id
        """,
        youngest=first_id(before),
        before=before,
        most=MOST_AT_ONCE,
    )
    return len(gone) == MOST_AT_ONCE
