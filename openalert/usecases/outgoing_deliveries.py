"""Deliveries of outgoing webhooks: claimed, sent, settled; looked at, replayed and tested by admins."""

from collections.abc import Mapping, Sequence

import msgspec

from openalert.domain import outgoing_webhook as rules
from openalert.domain.access import Actor
from openalert.domain.errors import Conflict, Invalid
from openalert.domain.ids import new_id
from openalert.domain.instant import DAY, Instant
from openalert.domain.outgoing_webhook import (
    EVENTS,
    TEST_EVENT,
    DeliveryStatus,
    OutgoingAttempt,
    OutgoingDelivery,
    OutgoingWebhook,
)
from openalert.domain.vault import Unreadable
from openalert.notifiers.outgoing_webhook import Reply, Request
from openalert.storage import outgoing_deliveries as stored
from openalert.storage import outgoing_webhooks
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import audit, owner_notices
from openalert.usecases import outgoing_webhooks as webhooks
from openalert.usecases.access import found
from openalert.usecases.outgoing_events import test_delivery


class Leaving(msgspec.Struct, frozen=True):
    """A claimed delivery with the webhook that it goes to, as both are now."""

    delivery: OutgoingDelivery
    webhook: OutgoingWebhook
    request: Request


async def claim(tx: Transaction, room: Mapping[str, int], usual: int, run_id: str) -> list[Leaving]:
    """Take what is due for sending: of each webhook as many as it has room for, `usual` where nothing is said."""
    waiting = await stored.waiting_webhooks(tx, tx.now)
    leaving = []
    for webhook in await outgoing_webhooks.enabled_of(tx, waiting):
        limit = room.get(webhook.id, usual)
        if limit <= 0:
            continue
        try:
            secrets = await outgoing_webhooks.secrets(tx, webhook.id)
        except Unreadable:
            await _switch_off(tx, webhook, "Its secrets cannot be opened: the key that sealed them is lost.")
            continue
        claimed = await stored.claim(tx, webhook.id, limit, run_id)
        leaving += [Leaving(each, webhook, _request(each, webhook, secrets, tx.now)) for each in claimed]
    return leaving


def _request(
    delivery: OutgoingDelivery, webhook: OutgoingWebhook, secrets: outgoing_webhooks.Secrets, now: Instant
) -> Request:
    return Request(
        receiver=webhook.id,
        url=webhook.url,
        webhook_id=delivery.id,
        body=delivery.body.encode(),
        headers=webhook.headers | secrets.headers,
        secrets=webhooks.signs(webhook, secrets, now),
        hidden=list(secrets.headers.values()),
        timeout_seconds=webhook.timeout_seconds,
        hops=delivery.hops,
    )


async def settle(
    tx: Transaction, delivery: OutgoingDelivery, reply: Reply, *, began_at: Instant, chance: float
) -> None:
    """Write what became of an attempt; a webhook that takes nothing for days, or ever again, is switched off."""
    webhook = next(iter(await outgoing_webhooks.enabled_of(tx, [delivery.webhook_id])), None)
    _judge(delivery, webhook, reply, tx.now, chance)
    if not await stored.settle(tx, delivery):
        return
    await stored.note(
        tx,
        OutgoingAttempt(
            id=new_id(tx.now),
            delivery_id=delivery.id,
            at=began_at,
            duration_ms=max(0, tx.now - began_at),
            outcome=reply.outcome,
            status_code=reply.status_code,
            detail=reply.detail,
        ),
    )
    if webhook is None:
        return
    if reply.is_delivered:
        await outgoing_webhooks.note_success(tx, webhook.id)
    elif delivery.type != TEST_EVENT:
        webhook.failing_since = rules.failing_since(webhook, tx.now)
        await outgoing_webhooks.note_failure(tx, webhook.id, webhook.failing_since)
        await _give_up(tx, webhook, reply)


def _judge(
    delivery: OutgoingDelivery, webhook: OutgoingWebhook | None, reply: Reply, now: Instant, chance: float
) -> None:
    """What the attempt makes of its delivery; `webhook` None: it was switched off meanwhile."""
    delivery.status_code = reply.status_code
    delivery.failure_reason = None if reply.is_delivered else reply.outcome
    delivery.due_at = None
    if reply.is_delivered:
        delivery.status, delivery.delivered_at = DeliveryStatus.DELIVERED, now
    elif webhook is None or delivery.type == TEST_EVENT or delivery.attempts >= webhook.max_attempts:
        delivery.status = DeliveryStatus.FAILED
    else:
        delivery.status = DeliveryStatus.PENDING
        delivery.due_at = rules.next_attempt(delivery.attempts, now, reply.retry_after, chance)


async def _give_up(tx: Transaction, webhook: OutgoingWebhook, reply: Reply) -> None:
    if reply.is_gone:
        why = "The receiver answered 410 Gone: it wants nothing more."
    elif rules.is_given_up(webhook, tx.sure):
        days = (tx.sure - (webhook.failing_since or tx.sure)) // DAY
        why = f"Nothing was taken for {days} days. The last attempt ended with: {_ending(reply)}."
    else:
        return
    await _switch_off(tx, webhook, why)


async def _switch_off(tx: Transaction, webhook: OutgoingWebhook, why: str) -> None:
    if await webhooks.switched_off(tx, webhook, why):
        await _tell_owners(tx, webhook, why)


def _ending(reply: Reply) -> str:
    said = f"status {reply.status_code}" if reply.status_code is not None else reply.detail.rstrip(".")
    return said or reply.outcome.replace("_", " ")


async def _tell_owners(tx: Transaction, webhook: OutgoingWebhook, why: str) -> None:
    await owner_notices.tell(
        tx,
        webhook.organization_id,
        headline=f"The outgoing webhook {webhook.name} was switched off",
        body=f"{why}\n\nIt is told nothing more until somebody switches it on again. "
        "What it missed until now stands in its log and can be sent again from there.",
        opens=("Open the webhook", f"/settings/outgoing-webhooks/{webhook.id}"),
        prefers="email",
    )


async def search(
    reader: Reader,
    actor: Actor,
    webhook_id: str,
    *,
    statuses: Sequence[DeliveryStatus] | None = None,
    type: str | None = None,  # noqa: A002 - the member's name
    before: str | None = None,
    limit: int,
) -> list[OutgoingDelivery]:
    """What a webhook was told, the newest first."""
    webhook = await webhooks.get(reader, actor, webhook_id)
    if type is not None and type not in (*EVENTS, TEST_EVENT):
        raise Invalid("type must be the name of an event.", field="type", allowed=[*EVENTS, TEST_EVENT])
    return await stored.search(
        reader, webhook.id, statuses=statuses, type=type, before=before or None, limit=limit
    )


async def get(
    reader: Reader, actor: Actor, webhook_id: str, delivery_id: str
) -> tuple[OutgoingDelivery, list[OutgoingAttempt]]:
    """One delivery and its attempts, the oldest first."""
    webhook = await webhooks.get(reader, actor, webhook_id)
    delivery = found(await stored.get(reader, webhook.id, delivery_id), "delivery")
    return delivery, await stored.attempts_of(reader, [delivery.id])


async def replay(tx: Transaction, webhook_id: str, delivery_id: str) -> OutgoingDelivery:
    """Send one again, with the same body and id; Conflict while it is on its way."""
    webhook = await _switched_on(tx, webhook_id)
    delivery = found(await stored.get(tx, webhook.id, delivery_id), "delivery")
    if not await stored.replay(tx, webhook.id, delivery.id):
        raise Conflict("It is on its way at this moment.")
    _record_replay(tx, webhook, {"delivery_id": delivery.id})
    return found(await stored.get(tx, webhook.id, delivery_id), "delivery")


async def replay_failed(tx: Transaction, webhook_id: str, since: Instant) -> tuple[int, int]:
    """Send again what failed and was made since then, the oldest first: how many, and how many are left to ask for."""
    webhook = await _switched_on(tx, webhook_id)
    count = await stored.replay_failed(tx, webhook.id, since)
    _record_replay(tx, webhook, {"count": count, "since": since})
    return count, await stored.count_failed(tx, webhook.id, since)


async def send_test(tx: Transaction, webhook_id: str) -> OutgoingDelivery:
    """One delivery about nothing; it is tried once."""
    webhook = await _switched_on(tx, webhook_id)
    delivery = test_delivery(webhook, tx.actor.name, tx.now)
    await stored.insert(tx, [delivery])
    audit.record(tx, "outgoing_webhook.tested", kind="outgoing_webhook", id=webhook.id, name=webhook.name)
    return delivery


def _record_replay(tx: Transaction, webhook: OutgoingWebhook, facts: dict[str, str | int]) -> None:
    audit.record(
        tx,
        "outgoing_webhook.replayed",
        kind="outgoing_webhook",
        id=webhook.id,
        name=webhook.name,
        after=facts,
    )


async def _switched_on(tx: Transaction, webhook_id: str) -> OutgoingWebhook:
    webhook = await webhooks.get(tx, tx.actor, webhook_id)
    if not webhook.is_enabled:
        raise Conflict("The webhook is switched off; switch it on first.")
    return webhook
