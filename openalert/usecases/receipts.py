"""What providers report back about a message: that they have it, that it arrived, or that it did not.

Reports come late, twice, in any order, and at times before the answer to our own request. A message moves forward by
them and never back, and who reports something has been verified by whoever calls this.
"""

from collections.abc import Collection, Sequence

import msgspec

from openalert.domain.notification import Notification, NotificationKind, NotificationStatus
from openalert.domain.reachability import WITH_RECEIPTS
from openalert.notifiers.notifier import LostAnswer, NotifierError, Receipt
from openalert.storage import bundles, contact_methods, incidents, notifications, provider_events
from openalert.storage import receipts as stored
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import deliveries
from openalert.usecases.deliveries import Terms


class _Early(msgspec.Struct, frozen=True):
    """That a message did not arrive, as it was reported before its sender knew what the provider calls it."""

    detail: str
    is_address_broken: bool
    others: list[int]


async def settle(
    tx: Transaction,
    rows: Sequence[Notification],
    result: Receipt | NotifierError | LostAnswer,
    terms: Terms,
) -> None:
    """Write what became of an attempt, then what its provider has reported of it before it answered."""
    await deliveries.settle_all(tx, rows, result, terms)
    row = rows[0]
    if not isinstance(result, Receipt) or row.channel not in WITH_RECEIPTS or row.attempts == 1:
        return
    early = await provider_events.take(tx, _early(row.channel), result.provider_id, _Early)
    if early is not None:
        await record(
            tx,
            channel=row.channel,
            provider_id=result.provider_id,
            delivered=False,
            detail=early.detail,
            notification_id=row.id,
            is_address_broken=early.is_address_broken,
            others=early.others,
        )


def _early(channel: str) -> str:
    return f"{channel} too early"


async def record(
    tx: Transaction,
    *,
    channel: str,
    provider_id: str,
    delivered: bool,
    detail: str,
    notification_id: str | None = None,
    is_address_broken: bool = False,
    others: Collection[int] = (),
) -> bool:
    """It arrived, or it did not: a page that did not goes to the next provider at once, else the next way to the person
    begins, else the next level.

    False when nothing changes: it is no message of ours, or has its end already. `notification_id` names the row where
    the provider quotes it, which finds it also while the answer that holds its `provider_id` is still on its way.
    `detail` is one line for people; `is_address_broken`: no further message will arrive there either. `others`: the
    providers of the channel that may try what did not arrive; none where they would fare no better.
    """
    row = await _meant(tx, channel, provider_id, notification_id)
    if row is None:
        return False
    if not delivered and row.provider_id != provider_id and row.attempts > 1:
        # Of an earlier attempt, or of the one that is on its way: which of both, the provider's answer will tell.
        if row.status is NotificationStatus.SENDING:
            early = _Early(detail, is_address_broken, list(others))
            await provider_events.keep(tx, _early(channel), provider_id, early)
        return False
    moved, again = False, False
    for each in [row, *await bundles.together(tx, row)]:
        if not delivered and each.provider != row.provider:
            # It has gone on to another provider since they left together.
            continue
        if not delivered and await _elsewhere(tx, each, others, detail):
            again = True
            continue
        each.provider_id = each.provider_id or provider_id
        moved |= await _finish(tx, each, delivered=delivered, detail=detail)
    if moved and row.contact_method_id is not None:
        if delivered:
            await contact_methods.prove(tx, row.contact_method_id)
        elif is_address_broken and not again:
            await contact_methods.fail(tx, row.contact_method_id, detail)
    return moved or again


async def _elsewhere(tx: Transaction, row: Notification, others: Collection[int], detail: str) -> bool:
    """Let the next provider try a page at once that is still wanted; False if there is none, or its time is over."""
    provider = min((each for each in others if each > row.provider), default=None)
    if provider is None or row.kind is not NotificationKind.PAGE:
        return False
    incident = await incidents.get(tx, row.incident_id or "")
    if incident is None or not incident.wants_pages(tx.now) or incident.episode != row.episode:
        return False
    if not await stored.send_elsewhere(tx, row, provider, detail):
        return False
    pending = msgspec.structs.replace(
        row, status=NotificationStatus.PENDING, provider=provider, provider_id=None, due_at=tx.now
    )
    await deliveries.ended(tx, pending, detail)
    return True


async def _finish(tx: Transaction, row: Notification, *, delivered: bool, detail: str) -> bool:
    """The end of one of the pages that the message told."""
    status = NotificationStatus.DELIVERED if delivered else NotificationStatus.FAILED
    why = None if delivered else detail
    if not await stored.finish(tx, row, status, why):
        return False
    ended = msgspec.structs.replace(row, status=status, due_at=None, failure_reason=why, updated_at=tx.now)
    if row.kind is NotificationKind.PAGE or not delivered:
        await deliveries.ended(tx, ended, detail)
    return True


async def accept(tx: Transaction, *, channel: str, provider_id: str, notification_id: str) -> bool:
    """The provider works on a message whose answer was lost: it is not sent once more."""
    row = await _meant(tx, channel, provider_id, notification_id)
    # What was given to a second provider may be known to the first as well: whose word this is, nobody can tell.
    if row is None or row.status is not NotificationStatus.UNKNOWN or row.sent_at is not None:
        return False
    for each in [row, *await bundles.together(tx, row)]:
        if await stored.accept(tx, each, provider_id):
            each.status, each.provider_id, each.due_at = NotificationStatus.SENT, provider_id, None
            await deliveries.ended(tx, each, "")
    return True


async def _meant(
    reader: Reader, channel: str, provider_id: str, notification_id: str | None
) -> Notification | None:
    if notification_id is None:
        return await notifications.by_provider_id(reader, channel, provider_id)
    row = await notifications.get(reader, notification_id)
    return row if row is not None and row.channel == channel else None
