"""What subscribers of status pages are sent: noted with what is told, composed when it leaves, settled after."""

from collections.abc import Collection, Mapping
from typing import TypeAlias

import msgspec

from openalert.domain import link
from openalert.domain.access import Actor
from openalert.domain.ids import new_id
from openalert.domain.instant import SECOND, Instant
from openalert.domain.links_back import LinksBack
from openalert.domain.status_letter import Bulletin, Letter, page_url
from openalert.domain.status_page import StatusPage, indicator
from openalert.domain.status_subscriber import (
    FIRST,
    GIVE_UP_AFTER,
    LOST_WAIT,
    MOST_FAILURES,
    TRIES,
    WAITS,
    Delivery,
    DeliveryState,
    Mailing,
    MailingKind,
    Subscriber,
    SubscriberKind,
    SubscriberState,
    confirms,
    manages,
)
from openalert.domain.vault import Unreadable
from openalert.notifiers.notifier import LostAnswer, NotifierError, Reason, Receipt
from openalert.storage import (
    status_deliveries,
    status_incidents,
    status_pages,
    status_subscriber_lists,
    status_subscribers,
)
from openalert.storage.status_deliveries import Tally
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import status_incidents as told
from openalert.usecases import status_updates
from openalert.usecases.status_pages import with_effects

Result: TypeAlias = Receipt | NotifierError | LostAnswer
OF_THE_WAY = frozenset(
    {
        Reason.UNREACHABLE,
        Reason.TIMEOUT,
        Reason.TLS_FAILED,
        Reason.AUTH_FAILED,
        Reason.PROVIDER_FAILED,
        Reason.BAD_RESPONSE,
        Reason.MISCONFIGURED,
        Reason.RATE_LIMITED,
    }
)
"""Failures that say nothing about the one who is written to: where all go the same way, none of their tries is used."""
ONE_WAY = frozenset({SubscriberKind.EMAIL.value})
"""Channels on which everybody is reached over one server of ours."""
_HELD = SECOND * 30
"""So long what could not leave because of the way is put off; its lane waits besides."""


class Unwanted(msgspec.Struct, frozen=True):
    """A delivery that is not sent, and why."""

    why: str


async def update_of(reader: Reader, actor: Actor, update_id: str) -> Tally:
    """How far subscribers were told of an update of a page in view."""
    await status_updates.one(reader, actor, update_id)
    return await status_deliveries.tally(reader, update_id)


async def write_to(tx: Transaction, subscriber: Subscriber, kind: MailingKind) -> None:
    """Send a letter about the subscription itself to a mailbox, or into the channel that is told and has none."""
    mailing = Mailing(
        id=new_id(tx.now), page_id=subscriber.page_id, kind=kind, spread_at=tx.now, created_at=tx.now
    )
    delivery = Delivery(
        mailing_id=mailing.id,
        subscriber_id=subscriber.id,
        channel=SubscriberKind.EMAIL.value if subscriber.mailbox else subscriber.kind.value,
        place=FIRST,
        due_at=tx.now,
        give_up_at=tx.now + GIVE_UP_AFTER,
        updated_at=tx.now,
    )
    await status_deliveries.insert(tx, mailing, delivery)


class Composer:
    """Makes letters of claimed deliveries; what is the same for many is read once for each batch."""

    def __init__(self, reader: Reader, links_back: LinksBack) -> None:
        self._reader = reader
        self._links_back = links_back
        self._pages: dict[str, StatusPage | None] = {}
        self._bulletins: dict[str, Bulletin | None] = {}

    async def letters(self, deliveries: Collection[Delivery]) -> list[Letter | Unwanted | NotifierError]:
        """For each its letter, that it is not wanted any more, or why it cannot be written."""
        mailings = await status_deliveries.mailings(self._reader, [each.mailing_id for each in deliveries])
        ids = [each.subscriber_id for each in deliveries]
        people = await status_subscribers.some(self._reader, ids)
        choices = await status_subscribers.choices(self._reader, ids)
        return [
            await self._letter(
                each,
                mailings[each.mailing_id],
                people.get(each.subscriber_id),
                choices.get(each.subscriber_id, []),
            )
            for each in deliveries
        ]

    async def _letter(
        self, delivery: Delivery, mailing: Mailing, subscriber: Subscriber | None, chosen: Collection[str]
    ) -> Letter | Unwanted | NotifierError:
        page = await self._page(mailing.page_id)
        if subscriber is None or page is None:
            return Unwanted("gone")
        if not _is_wanted(mailing.kind, subscriber, self._reader.now):
            return Unwanted(subscriber.state.value)
        bulletin = None
        if mailing.kind is MailingKind.UPDATE:
            bulletin = await self._bulletin(page, mailing)
            if bulletin is None:
                return Unwanted("gone")
            if await status_deliveries.newer_was_sent(self._reader, mailing, subscriber.id):
                return Unwanted("overtaken")
        try:
            to = await self._to(delivery, subscriber)
        except Unreadable as error:
            return NotifierError(Reason.GONE, error.message, permanent=True)
        base = page_url(page, self._links_back.base_url)
        token = link.sign(self._links_back.secret, manages(subscriber.id))
        proof = link.sign(self._links_back.secret, confirms(subscriber))
        return Letter(
            kind=mailing.kind,
            id=f"{mailing.id}.{subscriber.id}",
            page=page,
            page_url=base,
            subscriber=subscriber,
            to=to,
            chosen=await self._names(page, chosen) if subscriber.is_selective else (),
            bulletin=bulletin,
            manage_url=f"{base}/subscription/{token}",
            unsubscribe_url=f"{base}/unsubscribe/{token}",
            confirm_url=f"{base}/confirm/{proof}" if mailing.kind is MailingKind.CONFIRMATION else "",
            is_repeat=delivery.is_repeat,
        )

    async def _to(self, delivery: Delivery, subscriber: Subscriber) -> str:
        if delivery.channel == SubscriberKind.EMAIL:
            return subscriber.mailbox
        return await status_subscribers.url(self._reader, subscriber.id) or ""

    async def _page(self, page_id: str) -> StatusPage | None:
        if page_id not in self._pages:
            self._pages[page_id] = await status_pages.one(self._reader, page_id)
        return self._pages[page_id]

    async def _names(self, page: StatusPage, chosen: Collection[str]) -> tuple[str, ...]:
        known = {each.id: each.name for each in await status_pages.components(self._reader, page.id)}
        return tuple(known[each] for each in chosen if each in known)

    async def _bulletin(self, page: StatusPage, mailing: Mailing) -> Bulletin | None:
        if mailing.id not in self._bulletins:
            self._bulletins[mailing.id] = await self._read(page, mailing)
        return self._bulletins[mailing.id]

    async def _read(self, page: StatusPage, mailing: Mailing) -> Bulletin | None:
        incident = await status_incidents.get(self._reader, mailing.incident_id or "")
        if incident is None:
            return None
        known = (await told.with_words(self._reader, [incident], published=True))[0]
        update = next((each for each in known.updates if each.id == mailing.update_id), None)
        if update is None:
            return None
        about = {row.component_id for row in known.affected} | {each.component_id for each in update.changes}
        every = await with_effects(self._reader, page.id)
        return Bulletin(
            incident=incident,
            update=update,
            updates=tuple(known.updates),
            components=tuple(each for each in every if each.id in about),
            indicator=indicator(each.status for each in every),
            url=f"{page_url(page, self._links_back.base_url)}/incidents/{incident.public_id}",
        )


def _is_wanted(kind: MailingKind, subscriber: Subscriber, now: Instant) -> bool:
    if kind is MailingKind.CONFIRMATION:
        return subscriber.confirm_until is not None and now < subscriber.confirm_until
    if kind is MailingKind.FAILING:
        return bool(subscriber.mailbox)
    return subscriber.state is SubscriberState.ACTIVE


async def settle(tx: Transaction, delivery: Delivery, result: Result | Unwanted) -> DeliveryState:
    """Write what became of an attempt, and let an address that is refused for good rest; how the delivery is now."""
    # A copy: when the commit fails, what is judged anew is as it was before.
    after = msgspec.structs.replace(delivery)
    _judge(after, result, tx.now)
    won = await status_deliveries.settle(tx, after)
    if won and isinstance(result, Receipt) and after.channel not in ONE_WAY:
        await status_subscriber_lists.worked(tx, after.subscriber_id)
    if won and isinstance(result, NotifierError) and after.status is DeliveryState.FAILED:
        await _failed(tx, after, result)
    return after.status


async def _failed(tx: Transaction, delivery: Delivery, error: NotifierError) -> None:
    """Let an address rest that will never take anything, and a webhook or channel that took nothing for long.

    Whoever answers for a webhook is told of it.
    """
    subscriber = await status_subscribers.get(tx, delivery.subscriber_id)
    if subscriber is None or subscriber.state is not SubscriberState.ACTIVE:
        return
    if delivery.channel != subscriber.kind:
        # A letter to the mailbox that answers for it says nothing about a webhook.
        return
    subscriber.failures += delivery.channel not in ONE_WAY
    if _is_dead(delivery, error) or subscriber.failures >= MOST_FAILURES:
        subscriber.state, subscriber.updated_at = SubscriberState.QUARANTINED, tx.now
        subscriber.quarantined_at, subscriber.quarantine_reason = tx.now, error.reason.value
        if subscriber.contact:
            await write_to(tx, subscriber, MailingKind.FAILING)
    await status_subscribers.update(tx, subscriber)


def is_of_the_way(channel: str, result: Result | Unwanted) -> bool:
    """Whether the attempt failed for a reason that all others on the way would fail for, too."""
    return channel in ONE_WAY and isinstance(result, NotifierError) and result.reason in OF_THE_WAY


def _is_dead(delivery: Delivery, error: NotifierError) -> bool:
    """Whether the address will never take anything."""
    return error.reason in (Reason.REJECTED_RECIPIENT, Reason.GONE) and delivery.due_at is None


def _judge(delivery: Delivery, result: Result | Unwanted, now: Instant) -> None:
    """What the attempt makes of its delivery."""
    delivery.due_at, delivery.failure_reason = None, None
    if isinstance(result, Receipt):
        delivery.status, delivery.sent_at = DeliveryState.SENT, now
    elif isinstance(result, Unwanted):
        delivery.status, delivery.failure_reason = DeliveryState.SKIPPED, result.why
    elif isinstance(result, LostAnswer):
        delivery.failure_reason = "lost_answer"
        again = not delivery.is_repeat
        delivery.status = DeliveryState.PENDING if again else DeliveryState.UNKNOWN
        delivery.due_at, delivery.is_repeat = (now + LOST_WAIT if again else None), True
    else:
        _judge_refusal(delivery, result, now)
    if delivery.due_at is not None and delivery.due_at >= delivery.give_up_at:
        delivery.status, delivery.due_at = DeliveryState.FAILED, None


def _judge_refusal(delivery: Delivery, error: NotifierError, now: Instant) -> None:
    delivery.failure_reason = error.reason.value
    wait = int(error.retry_after * SECOND) if error.retry_after is not None else 0
    if is_of_the_way(delivery.channel, error):
        delivery.attempts -= 1
        delivery.status, delivery.due_at = DeliveryState.PENDING, now + max(wait, _HELD)
    elif error.permanent or delivery.attempts >= TRIES:
        delivery.status = DeliveryState.FAILED
    else:
        delivery.status = DeliveryState.PENDING
        delivery.due_at = now + max(wait, WAITS[min(delivery.attempts, len(WAITS)) - 1])
    if error.is_in_doubt:
        delivery.is_repeat = True


def counted(states: Mapping[DeliveryState, int]) -> dict[str, int]:
    """Queued, sent, failed and skipped, of how many."""
    waiting = states.get(DeliveryState.PENDING, 0) + states.get(DeliveryState.SENDING, 0)
    return {
        "total": sum(states.values()),
        "queued": waiting,
        "sent": states.get(DeliveryState.SENT, 0),
        "unknown": states.get(DeliveryState.UNKNOWN, 0),
        "failed": states.get(DeliveryState.FAILED, 0),
        "skipped": states.get(DeliveryState.SKIPPED, 0),
    }
