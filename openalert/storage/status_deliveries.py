"""SQL for what subscribers of status pages are sent: written with what is told, spread in batches, claimed, settled."""

from collections.abc import Collection, Mapping, Sequence

import msgspec

from openalert.domain.ids import new_id
from openalert.domain.instant import Instant
from openalert.domain.status_page import StatusUpdate
from openalert.domain.status_subscriber import (
    GIVE_UP_AFTER,
    USUAL,
    Delivery,
    DeliveryState,
    Mailing,
    MailingKind,
)
from openalert.storage.rows import columns_of
from openalert.storage.runs import GONE, MAY_CLAIM
from openalert.storage.transaction import Reader, Transaction

COLUMNS = ", ".join(columns_of(Delivery))
MOST_AT_ONCE = 2_000
"""Subscribers that one transaction makes deliveries for: a longer one would keep pages from being written down."""
EXPIRED = "expired"
"""Why a delivery failed that found no way within its day."""

# Whom an update concerns: all who did not choose; those who chose one of its components, or this incident; those who
# heard of the incident before, so that they hear its end. What names no component concerns everybody.
_IS_CONCERNED = (
    "s.state = 'active' AND s.confirmed_at <= m.created_at "
    "AND (s.incident_id IS NULL OR s.incident_id = m.incident_id) "
    "AND (NOT s.is_selective OR NOT EXISTS (SELECT 1 FROM status_incident_components a "
    "WHERE a.incident_id = m.incident_id) "
    "OR EXISTS (SELECT 1 FROM status_incident_components a JOIN status_subscriber_components c "
    "ON c.component_id = a.component_id WHERE a.incident_id = m.incident_id AND c.subscriber_id = s.id) "
    "OR EXISTS (SELECT 1 FROM status_mailings e JOIN status_deliveries d ON d.mailing_id = e.id "
    "WHERE e.incident_id = m.incident_id AND e.id < m.id AND d.subscriber_id = s.id))"
)


class Tally(msgspec.Struct, kw_only=True):
    """How far the mailing of an update is."""

    created_at: Instant | None = None
    """None: nobody is told of it."""
    is_spread: bool = True
    """Whether everybody whom it concerns has their delivery."""
    states: Mapping[DeliveryState, int] = {}


async def tell_of(tx: Transaction, page_id: str, update: StatusUpdate) -> None:
    """Note that subscribers are to be told of an update, if the page has any; told of it once, whatever happens."""
    await tx.execute(
        """
        INSERT INTO status_mailings (id, page_id, kind, incident_id, update_id, reached, created_at)
        SELECT CAST(:id AS TEXT), CAST(:page_id AS TEXT), CAST(:kind AS TEXT), CAST(:incident_id AS TEXT),
            CAST(:update_id AS TEXT), '', CAST(:created_at AS BIGINT)
        WHERE EXISTS (SELECT 1 FROM status_subscribers WHERE page_id = :page_id AND state = 'active')
        ON CONFLICT DO NOTHING
        """,
        id=new_id(tx.now),
        page_id=page_id,
        kind=MailingKind.UPDATE.value,
        incident_id=update.incident_id,
        update_id=update.id,
        created_at=tx.now,
    )


async def insert(tx: Transaction, mailing: Mailing, delivery: Delivery) -> None:
    """A letter to one subscriber."""
    await tx.insert("status_mailings", mailing)
    await tx.insert("status_deliveries", delivery)


async def to_spread(reader: Reader, limit: int) -> list[Mailing]:
    """Mailings that are not spread over all whom they concern, the oldest first."""
    return await reader.all(
        Mailing, "SELECT * FROM status_mailings WHERE spread_at IS NULL ORDER BY id LIMIT :limit", limit=limit
    )


async def spread(tx: Transaction, mailing_id: str) -> bool:
    """Make the deliveries of a mailing for the next subscribers of its page; False when it is done.

    How far it had come is in the same commit as what was made: whatever breaks off, nobody is left out or twice in.
    """
    mailing = await tx.one(
        Mailing, "SELECT * FROM status_mailings WHERE id = :id AND spread_at IS NULL", id=mailing_id
    )
    if mailing is None:
        return False
    rows = await tx.rows(
        "SELECT id FROM status_subscribers WHERE page_id = :page_id AND id > :reached ORDER BY id LIMIT 1 OFFSET :most",
        page_id=mailing.page_id,
        reached=mailing.reached,
        most=MOST_AT_ONCE - 1,
    )
    last = rows[0][0] if rows else "~"
    await tx.execute(
        f"""
        INSERT INTO status_deliveries (mailing_id, subscriber_id, channel, place, status, attempts, due_at,
            give_up_at, is_repeat, updated_at)
        SELECT m.id, s.id, s.kind, CAST(:place AS BIGINT), 'pending', 0, CAST(:now AS BIGINT),
            m.created_at + CAST(:lasts AS BIGINT), FALSE, CAST(:now AS BIGINT)
        FROM status_mailings m JOIN status_subscribers s ON s.page_id = m.page_id
        WHERE m.id = :id AND s.id > :reached AND s.id <= :last AND {_IS_CONCERNED}
        ON CONFLICT DO NOTHING
        """,
        id=mailing.id,
        place=USUAL,
        lasts=GIVE_UP_AFTER,
        reached=mailing.reached,
        last=last,
        now=tx.now,
    )
    await tx.execute(
        "UPDATE status_mailings SET reached = :last, spread_at = :spread_at WHERE id = :id",
        id=mailing.id,
        last=last,
        spread_at=None if rows else tx.now,
    )
    return bool(rows)


async def has_due(reader: Reader, channels: Collection[str]) -> list[str]:
    """Those of these channels by which something may leave now."""
    return [
        channel
        for channel in channels
        if await reader.value(
            "SELECT 1 FROM status_deliveries WHERE channel = :channel AND due_at <= :now LIMIT 1",
            channel=channel,
            now=reader.now,
        )
    ]


async def claim(tx: Transaction, channel: str, limit: int, run_id: str) -> list[Delivery]:
    """Take what may leave by a channel, letters that somebody waits for before all else, then the oldest."""
    due = await tx.rows(
        "SELECT mailing_id, subscriber_id FROM status_deliveries WHERE channel = :channel AND due_at <= :now "
        "ORDER BY place, due_at, mailing_id, subscriber_id LIMIT :limit",
        channel=channel,
        now=tx.now,
        limit=limit,
    )
    claimed = []
    for mailing_id, subscriber_id in due:
        claimed += await tx.all(
            Delivery,
            "UPDATE status_deliveries SET status = 'sending', due_at = NULL, attempts = attempts + 1, "
            "run_id = :run_id, claimed_at = :now, updated_at = :now "
            "WHERE mailing_id = :mailing_id AND subscriber_id = :subscriber_id AND due_at IS NOT NULL "
            f"AND {MAY_CLAIM} RETURNING {COLUMNS}",
            mailing_id=mailing_id,
            subscriber_id=subscriber_id,
            run_id=run_id,
            now=tx.now,
        )
    return claimed


async def settle(tx: Transaction, delivery: Delivery) -> bool:
    """Write what became of an attempt; False when the delivery was taken from it."""
    won = await tx.changed(
        """
        UPDATE status_deliveries SET status = :status, due_at = :due_at, attempts = :attempts,
            is_repeat = :is_repeat, sent_at = :sent_at, failure_reason = :failure_reason, updated_at = :now
        WHERE mailing_id = :mailing_id AND subscriber_id = :subscriber_id AND status = 'sending'
            AND run_id = :run_id AND claimed_at = :claimed_at RETURNING mailing_id
        """,
        status=delivery.status.value,
        due_at=delivery.due_at,
        attempts=delivery.attempts,
        is_repeat=delivery.is_repeat,
        sent_at=delivery.sent_at,
        failure_reason=delivery.failure_reason,
        now=tx.now,
        mailing_id=delivery.mailing_id,
        subscriber_id=delivery.subscriber_id,
        run_id=delivery.run_id,
        claimed_at=delivery.claimed_at,
    )
    return bool(won)


async def recover(
    tx: Transaction, run_id: str, claimed_before: Instant, held: Collection[tuple[str, str]] = ()
) -> int:
    """Take back what a sender that is gone had claimed: once more, as what may be a repeat; then nobody knows.

    Not those `held`, by mailing and subscriber: their sender is there, and about to write down what became of them.
    """
    claimed = await tx.rows(
        "SELECT mailing_id, subscriber_id FROM status_deliveries "
        f"WHERE status = 'sending' AND ({GONE} OR run_id = :run_id AND claimed_at < :claimed_before)",
        run_id=run_id,
        claimed_before=claimed_before,
    )
    lost = [(mailing, subscriber) for mailing, subscriber in claimed if (mailing, subscriber) not in held]
    await tx.many(
        "UPDATE status_deliveries SET status = CASE WHEN is_repeat THEN 'unknown' ELSE 'pending' END, "
        "due_at = CASE WHEN is_repeat THEN NULL ELSE CAST(:now AS BIGINT) END, is_repeat = TRUE, updated_at = :now "
        "WHERE mailing_id = :mailing_id AND subscriber_id = :subscriber_id AND status = 'sending'",
        [{"mailing_id": mailing, "subscriber_id": subscriber, "now": tx.now} for mailing, subscriber in lost],
    )
    return len(lost)


async def expire(tx: Transaction) -> bool:
    """What found no way in its time has failed, at most `MOST_AT_ONCE` of it; whether there may be more."""
    over = await tx.rows(
        "SELECT mailing_id, subscriber_id FROM status_deliveries WHERE due_at IS NOT NULL AND give_up_at <= :now "
        "LIMIT :most",
        now=tx.now,
        most=MOST_AT_ONCE,
    )
    await tx.many(
        "UPDATE status_deliveries SET status = 'failed', due_at = NULL, updated_at = :now, "
        "failure_reason = coalesce(failure_reason, :reason) "
        "WHERE mailing_id = :mailing_id AND subscriber_id = :subscriber_id AND due_at IS NOT NULL",
        [
            {"mailing_id": mailing, "subscriber_id": subscriber, "reason": EXPIRED, "now": tx.now}
            for mailing, subscriber in over
        ],
    )
    return len(over) == MOST_AT_ONCE


async def mailings(reader: Reader, ids: Collection[str]) -> dict[str, Mailing]:
    """These mailings, by id."""
    found = await reader.all(
        Mailing,
        f"SELECT * FROM status_mailings WHERE {reader.any_of('id', 'ids')}",
        ids=sorted(set(ids)),
    )
    return {each.id: each for each in found}


async def newer_was_sent(reader: Reader, mailing: Mailing, subscriber_id: str) -> bool:
    """Whether the subscriber was told something of the incident that was published later."""
    return bool(
        await reader.value(
            "SELECT 1 FROM status_mailings m JOIN status_deliveries d ON d.mailing_id = m.id "
            "WHERE m.incident_id = :incident_id AND m.id > :id AND d.subscriber_id = :subscriber_id "
            "AND d.status = 'sent' LIMIT 1",
            incident_id=mailing.incident_id,
            id=mailing.id,
            subscriber_id=subscriber_id,
        )
    )


async def tally(reader: Reader, update_id: str) -> Tally:
    """How far subscribers were told of an update."""
    mailing = await reader.one(
        Mailing, "SELECT * FROM status_mailings WHERE update_id = :update_id", update_id=update_id
    )
    if mailing is None:
        return Tally()
    rows = await reader.rows(
        "SELECT status, count(*) FROM status_deliveries WHERE mailing_id = :id GROUP BY status", id=mailing.id
    )
    return Tally(
        created_at=mailing.created_at,
        is_spread=mailing.spread_at is not None,
        states={DeliveryState(status): int(count) for status, count in rows},
    )


async def backlog(reader: Reader) -> tuple[int, Instant | None]:
    """How many deliveries wait, and since when the oldest of them may leave."""
    row = (await reader.rows("SELECT count(*), min(due_at) FROM status_deliveries WHERE due_at IS NOT NULL"))[
        0
    ]
    return int(row[0]), row[1]


async def forget(tx: Transaction, before: Instant) -> bool:
    """Drop what is over of mailings made before, then mailings that have nothing left; whether there may be more."""
    gone: Sequence[Sequence[str]] = await tx.rows(
        "SELECT d.mailing_id, d.subscriber_id FROM status_mailings m JOIN status_deliveries d ON d.mailing_id = m.id "
        "WHERE m.created_at < :before AND d.due_at IS NULL AND d.status <> 'sending' LIMIT :most",
        before=before,
        most=MOST_AT_ONCE,
    )
    await tx.many(
        "DELETE FROM status_deliveries WHERE mailing_id = :mailing_id AND subscriber_id = :subscriber_id",
        [{"mailing_id": mailing, "subscriber_id": subscriber} for mailing, subscriber in gone],
    )
    await tx.execute(
        "DELETE FROM status_mailings WHERE created_at < :before AND spread_at IS NOT NULL "
        "AND NOT EXISTS (SELECT 1 FROM status_deliveries d WHERE d.mailing_id = status_mailings.id)",
        before=before,
    )
    return len(gone) == MOST_AT_ONCE


async def shift(tx: Transaction, by: int) -> None:
    """The wall clock was stepped by `by` milliseconds: waits are elapsed time, see `clock_steps`."""
    await tx.execute(
        "UPDATE status_deliveries SET due_at = due_at + :by, claimed_at = claimed_at + :by, "
        "give_up_at = give_up_at + :by WHERE due_at IS NOT NULL OR status = 'sending'",
        by=by,
    )
