"""SQL for what providers report back: a message moves on by it, and never back."""

from openalert.domain.notification import Notification, NotificationStatus
from openalert.storage.rows import columns_of
from openalert.storage.transaction import Reader, Transaction

_COLUMNS = ", ".join(columns_of(Notification))


async def accept(tx: Transaction, row: Notification, provider_id: str) -> bool:
    """The provider has it after all, though its answer was lost: it is not sent again. False if that is known."""
    won = await tx.changed(
        "UPDATE notifications SET status = 'sent', due_at = NULL, sent_at = :now, provider_id = :provider_id, "
        "failure_reason = NULL, updated_at = :now WHERE id = :id AND status = 'unknown' RETURNING id",
        id=row.id,
        provider_id=provider_id,
        now=tx.now,
    )
    return bool(won)


async def send_elsewhere(tx: Transaction, row: Notification, provider: int, why: str) -> bool:
    """It did not arrive: due now at this provider, which is the only one to try it; False when it has its end already,
    its time is over, or more than one message may have left.
    """
    won = await tx.changed(
        "UPDATE notifications SET status = 'pending', due_at = :now, sent_at = :now, provider = :provider, "
        "provider_id = NULL, failure_reason = :why, updated_at = :now "
        "WHERE id = :id AND status IN ('sending', 'sent', 'unknown') AND attempts = :attempts "
        "AND provider < :provider AND possible_repeat = :no AND give_up_at > :now RETURNING id",
        id=row.id,
        attempts=row.attempts,
        provider=provider,
        why=why,
        no=False,
        now=tx.now,
    )
    if won:
        await tx.execute(
            "UPDATE notification_attempts SET ended_at = :now, outcome = 'retry', detail = :why "
            "WHERE notification_id = :id AND attempt = :attempt",
            id=row.id,
            attempt=row.attempts,
            why=why[:1000],
            now=tx.now,
        )
    return bool(won)


async def finish(tx: Transaction, row: Notification, status: NotificationStatus, why: str | None) -> bool:
    """Move it to `delivered` or `failed`; False when it has its end already.

    Also while its sender still waits for the answer, or has lost it: the report is the surer word. What is to be
    tried again is delivered by the report of an earlier attempt, but not failed by it. That it arrived is proven by one
    report; that it did not, a later one may put right, so that the order of both does not matter.
    """
    won = await tx.changed(
        "UPDATE notifications SET status = :status, due_at = NULL, sent_at = COALESCE(sent_at, :now), "
        "delivered_at = CASE WHEN :status = 'delivered' THEN CAST(:now AS BIGINT) END, "
        "provider_id = COALESCE(provider_id, :provider_id), failure_reason = :why, updated_at = :now "
        "WHERE id = :id AND (status IN ('sending', 'sent', 'unknown') "
        "OR status IN ('pending', 'failed') AND :status = 'delivered') "
        "RETURNING id",
        id=row.id,
        status=status,
        provider_id=row.provider_id,
        why=why,
        now=tx.now,
    )
    return bool(won)


async def last_reader(reader: Reader, channel: str, address: str) -> str | None:
    """The person to whom the newest message at this address went: several may share a telephone."""
    user_id: str | None = await reader.value(
        "SELECT user_id FROM notifications WHERE channel = :channel AND address = :address AND user_id IS NOT NULL "
        "ORDER BY id DESC LIMIT 1",
        channel=channel,
        address=address,
    )
    return user_id
