"""SQL for what outgoing webhooks are told: written once for each event, claimed before it leaves, settled after."""

from collections.abc import Collection, Sequence
from typing import Any

import msgspec

from openalert.domain.event import Event
from openalert.domain.ids import first_id
from openalert.domain.instant import HOUR, Instant
from openalert.domain.outgoing_webhook import (
    OVERTAKEN_AFTER,
    DeliveryStatus,
    OutgoingAttempt,
    OutgoingDelivery,
)
from openalert.storage.rows import columns_of
from openalert.storage.runs import GONE, MAY_CLAIM
from openalert.storage.transaction import Reader, Transaction

COLUMNS = ", ".join(columns_of(OutgoingDelivery))
MOST_AT_ONCE = 2_000
"""Rows that one transaction changes: a long one would keep others from writing, pages among them."""
SWITCHED_OFF = "switched_off"
"""Why a delivery failed that waited when its webhook was switched off."""

# Earlier news of the same incident or alert goes first, while it has not failed too often.
_ITS_TURN = (
    "NOT EXISTS (SELECT 1 FROM outgoing_deliveries e WHERE e.webhook_id = outgoing_deliveries.webhook_id "
    "AND e.object_id = outgoing_deliveries.object_id AND e.sequence < outgoing_deliveries.sequence "
    f"AND e.due_at IS NOT NULL AND e.attempts < {OVERTAKEN_AFTER})"
)


class Tally(msgspec.Struct, kw_only=True):
    """How the deliveries of a webhook are."""

    hours: list[int]
    """How many were made in each of the last hours, the newest last."""
    waiting: int = 0
    failed: int = 0
    """Of all that are kept."""


async def cursor(reader: Reader) -> int:
    """The number of the last event that was looked at."""
    seq: int = await reader.value("SELECT value FROM counters WHERE name = 'outgoing_event'")
    return seq


async def has_news(reader: Reader) -> bool:
    """Whether there are events that were not looked at."""
    rows = await reader.rows(
        "SELECT value FROM counters WHERE name IN ('event', 'outgoing_event') ORDER BY name"
    )
    return bool(rows[0][0] > rows[1][0])


async def advance(tx: Transaction, before: int, seq: int) -> bool:
    """Everything up to this event has been looked at; False when somebody else was quicker."""
    won = await tx.changed(
        "UPDATE counters SET value = :seq WHERE name = 'outgoing_event' AND value = :before RETURNING value",
        seq=seq,
        before=before,
    )
    return bool(won)


async def events_after(reader: Reader, seq: int, limit: int) -> list[Event]:
    """The next events, in the order of their commits."""
    return await reader.all(
        Event, "SELECT * FROM events WHERE seq > :seq ORDER BY seq LIMIT :limit", seq=seq, limit=limit
    )


async def insert(tx: Transaction, deliveries: Sequence[OutgoingDelivery]) -> None:
    """New deliveries; what a webhook was told of an event before is left as it is."""
    await tx.insert_with("outgoing_deliveries", deliveries, {}, " ON CONFLICT DO NOTHING")


async def waiting_webhooks(reader: Reader, now: Instant) -> list[str]:
    """The webhooks for which something is due."""
    rows = await reader.rows(
        "SELECT w.id FROM outgoing_webhooks w WHERE w.is_enabled AND EXISTS (SELECT 1 FROM outgoing_deliveries d "
        "WHERE d.webhook_id = w.id AND d.due_at <= :now AND d.status = 'pending') ORDER BY w.id",
        now=now,
    )
    return [row[0] for row in rows]


async def claim(tx: Transaction, webhook_id: str, limit: int, run_id: str) -> list[OutgoingDelivery]:
    """Take what is due for sending, the oldest events first."""
    # Nothing is added to the time when it is due: it is only looked for by its order, of which a few are enough.
    due = await tx.rows(
        "SELECT id FROM outgoing_deliveries WHERE webhook_id = :webhook AND due_at IS NOT NULL "
        "AND due_at + 0 <= :now AND status = 'pending' "
        f"AND {_ITS_TURN} ORDER BY sequence LIMIT :limit",
        webhook=webhook_id,
        now=tx.now,
        limit=limit,
    )
    claimed = await tx.all(
        OutgoingDelivery,
        "UPDATE outgoing_deliveries SET status = 'sending', attempts = attempts + 1, run_id = :run_id, "
        "claimed_at = :now, updated_at = :now "
        f"WHERE {tx.any_of('id', 'ids')} AND status = 'pending' AND {MAY_CLAIM} RETURNING {COLUMNS}",
        run_id=run_id,
        now=tx.now,
        ids=[row[0] for row in due],
    )
    return sorted(claimed, key=lambda each: each.sequence)


async def settle(tx: Transaction, delivery: OutgoingDelivery) -> bool:
    """Write what became of an attempt; False when the delivery was taken from it."""
    won = await tx.changed(
        """
        UPDATE outgoing_deliveries SET status = :status, due_at = :due_at, status_code = :status_code,
            failure_reason = :failure_reason, delivered_at = :delivered_at, updated_at = :now
        WHERE id = :id AND status = 'sending' AND run_id = :run_id AND claimed_at = :claimed_at RETURNING id
        """,
        status=delivery.status.value,
        due_at=delivery.due_at,
        status_code=delivery.status_code,
        failure_reason=delivery.failure_reason,
        delivered_at=delivery.delivered_at,
        now=tx.now,
        id=delivery.id,
        run_id=delivery.run_id,
        claimed_at=delivery.claimed_at,
    )
    return bool(won)


async def note(tx: Transaction, attempt: OutgoingAttempt) -> None:
    """One more try."""
    await tx.insert("outgoing_attempts", attempt)


async def release(tx: Transaction, ids: Sequence[str]) -> None:
    """Give back what was claimed and did not leave; it was no attempt."""
    await tx.execute(
        "UPDATE outgoing_deliveries SET status = 'pending', attempts = attempts - 1, updated_at = :now "
        f"WHERE {tx.any_of('id', 'ids')} AND status = 'sending'",
        ids=list(ids),
        now=tx.now,
    )


async def recover(tx: Transaction, run_id: str, claimed_before: Instant) -> int:
    """Take back what a sender that is gone had claimed; it may have arrived, and goes out again with the same id."""
    back = await tx.changed(
        "UPDATE outgoing_deliveries SET status = 'pending', due_at = :now, updated_at = :now "
        "WHERE status = 'sending' AND due_at IS NOT NULL "
        f"AND ({GONE} OR run_id = :run_id AND claimed_at < :claimed_before) "
        "RETURNING id",
        now=tx.now,
        run_id=run_id,
        claimed_before=claimed_before,
    )
    return len(back)


async def fail_waiting(tx: Transaction) -> bool:
    """Nothing more is sent to webhooks that are off: what waits has failed, at most `MOST_AT_ONCE` of it.

    Whether there may be more.
    """
    failed = await tx.changed(
        "UPDATE outgoing_deliveries SET status = 'failed', due_at = NULL, failure_reason = :reason, "
        "updated_at = :now WHERE id IN (SELECT d.id FROM outgoing_webhooks w "
        "JOIN outgoing_deliveries d ON d.webhook_id = w.id WHERE NOT w.is_enabled AND d.due_at IS NOT NULL "
        "AND d.status = 'pending' LIMIT :most) RETURNING id",
        reason=SWITCHED_OFF,
        now=tx.now,
        most=MOST_AT_ONCE,
    )
    return len(failed) == MOST_AT_ONCE


async def replay(tx: Transaction, webhook_id: str, delivery_id: str) -> bool:
    """Send one again, now; False while it is on its way."""
    won = await tx.changed(
        "UPDATE outgoing_deliveries SET status = 'pending', attempts = 0, due_at = :now, updated_at = :now "
        "WHERE id = :id AND webhook_id = :webhook AND status <> 'sending' RETURNING id",
        id=delivery_id,
        webhook=webhook_id,
        now=tx.now,
    )
    return bool(won)


async def replay_failed(tx: Transaction, webhook_id: str, since: Instant) -> int:
    """Send again what failed and was made at or after `since`, the oldest first, at most `MOST_AT_ONCE`; how many."""
    again = await tx.changed(
        "UPDATE outgoing_deliveries SET status = 'pending', attempts = 0, due_at = :now, updated_at = :now "
        "WHERE id IN (SELECT id FROM outgoing_deliveries WHERE webhook_id = :webhook AND status = 'failed' "
        "AND created_at >= :since ORDER BY created_at LIMIT :most) RETURNING id",
        webhook=webhook_id,
        since=since,
        now=tx.now,
        most=MOST_AT_ONCE,
    )
    return len(again)


async def count_failed(reader: Reader, webhook_id: str, since: Instant) -> int:
    """How many have failed that were made at or after `since`."""
    counted: int = await reader.value(
        "SELECT count(*) FROM outgoing_deliveries WHERE webhook_id = :webhook AND status = 'failed' "
        "AND created_at >= :since",
        webhook=webhook_id,
        since=since,
    )
    return counted


async def get(reader: Reader, webhook_id: str, delivery_id: str) -> OutgoingDelivery | None:
    """One delivery of the webhook."""
    return await reader.one(
        OutgoingDelivery,
        f"SELECT {COLUMNS} FROM outgoing_deliveries WHERE id = :id AND webhook_id = :webhook",
        id=delivery_id,
        webhook=webhook_id,
    )


async def search(
    reader: Reader,
    webhook_id: str,
    *,
    statuses: Sequence[DeliveryStatus] | None = None,
    type: str | None = None,  # noqa: A002 - the member's name
    before: str | None = None,
    limit: int,
) -> list[OutgoingDelivery]:
    """Its deliveries, the newest first."""
    conditions, parameters = ["webhook_id = :webhook"], dict[str, Any](webhook=webhook_id, limit=limit)
    if statuses is not None:
        conditions.append(reader.any_of("status", "statuses"))
        parameters["statuses"] = [status.value for status in statuses]
    if type is not None:
        conditions.append("type = :type")
        parameters["type"] = type
    if before is not None:
        conditions.append("id < :before")
        parameters["before"] = before
    return await reader.all(
        OutgoingDelivery,
        f"SELECT {COLUMNS} FROM outgoing_deliveries WHERE {' AND '.join(conditions)} ORDER BY id DESC LIMIT :limit",
        **parameters,
    )


async def attempts_of(reader: Reader, ids: Collection[str]) -> list[OutgoingAttempt]:
    """The tries of these deliveries, the oldest first."""
    return await reader.all(
        OutgoingAttempt,
        f"SELECT * FROM outgoing_attempts WHERE {reader.any_of('delivery_id', 'ids')} ORDER BY id",
        ids=list(ids),
    )


async def tallies(reader: Reader, webhook_ids: Collection[str], hours: int) -> dict[str, Tally]:
    """How the deliveries of these webhooks are, with so many last hours."""
    ids = list(webhook_ids)
    found = {webhook_id: Tally(hours=[0] * hours) for webhook_id in ids}
    made = await reader.rows(
        "SELECT webhook_id, (:now - created_at) / :hour, count(*) FROM outgoing_deliveries "
        f"WHERE {reader.any_of('webhook_id', 'ids')} AND id >= :first AND created_at > :since GROUP BY 1, 2",
        ids=ids,
        now=reader.now,
        hour=HOUR,
        since=reader.now - hours * HOUR,
        first=first_id(reader.now - hours * HOUR),
    )
    for webhook_id, ago, count in made:
        found[webhook_id].hours[hours - 1 - max(0, int(ago))] = int(count)
    for webhook_id, count in await reader.rows(
        "SELECT webhook_id, count(*) FROM outgoing_deliveries "
        f"WHERE {reader.any_of('webhook_id', 'ids')} AND due_at IS NOT NULL GROUP BY webhook_id",
        ids=ids,
    ):
        found[webhook_id].waiting = int(count)
    for webhook_id, count in await reader.rows(
        "SELECT webhook_id, count(*) FROM outgoing_deliveries "
        f"WHERE {reader.any_of('webhook_id', 'ids')} AND status = 'failed' GROUP BY webhook_id",
        ids=ids,
    ):
        found[webhook_id].failed = int(count)
    return found


async def backlog(reader: Reader) -> tuple[int, Instant | None]:
    """How many deliveries wait, and since when the oldest of them does."""
    row = (
        await reader.rows(
            "SELECT count(*), min(created_at) FROM outgoing_deliveries WHERE due_at IS NOT NULL"
        )
    )[0]
    return int(row[0]), row[1]


async def forget(tx: Transaction, before: Instant) -> bool:
    """Drop what is over and was made before, at most `MOST_AT_ONCE`; whether there may be more."""
    gone = await tx.changed(
        "DELETE FROM outgoing_deliveries WHERE id IN "
        "(SELECT id FROM outgoing_deliveries WHERE due_at IS NULL AND created_at < :before LIMIT :most) "
        "RETURNING id",
        before=before,
        most=MOST_AT_ONCE,
    )
    return len(gone) == MOST_AT_ONCE


async def shift(tx: Transaction, by: int) -> None:
    """The wall clock was stepped by `by` milliseconds: waits are elapsed time, see `clock_steps`."""
    await tx.execute(
        "UPDATE outgoing_deliveries SET due_at = due_at + :by, claimed_at = claimed_at + :by "
        "WHERE due_at IS NOT NULL",
        by=by,
    )
