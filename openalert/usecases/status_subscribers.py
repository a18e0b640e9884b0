"""Subscribers of status pages: who asks to be told, who confirms, chooses and leaves, and whom admins bring in.

What strangers may do is answered alike whether or not an address is known, and puts at most a mail an hour into
anybody's mailbox. Addresses are people's: only admins of the team see them, and the audit log has none.
"""

from collections.abc import Collection, Sequence

import msgspec
from msgspec import UNSET, UnsetType

from openalert.domain import link
from openalert.domain.access import SYSTEM, Actor, Permission, program_of
from openalert.domain.errors import Conflict, Invalid, NotFound, RateLimited
from openalert.domain.ids import new_id
from openalert.domain.instant import HOUR, MINUTE, Instant
from openalert.domain.languages import KNOWN
from openalert.domain.status_page import StatusPage, new_public_id
from openalert.domain.status_subscriber import (
    CONFIRM_WITHIN,
    FORGET_AFTER,
    MOST_SUBSCRIBERS,
    MailingKind,
    Subscriber,
    SubscriberKind,
    SubscriberState,
    confirms,
    manages,
    may_ask,
)
from openalert.storage import status_incidents, status_pages, status_subscriber_lists, status_subscribers
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import audit, status_mailings, throttle
from openalert.usecases.access import found, require, unknown
from openalert.usecases.status_pages import get as page_in_view
from openalert.usecases.status_pages import to_configure
from openalert.usecases.status_targets import Target, mailbox

PER_ASKER, PER_ASKER_PERIOD = 5, 10 * MINUTE
PER_ASKED, PER_ASKED_PERIOD = 3, HOUR
"""Webhooks that may name one mailbox, and spellings of one channel."""
PER_PAGE, PER_PAGE_PERIOD = 1_000, HOUR
"""Sign-ups by strangers that cause a mail: what a rush of customers needs, and no flood."""
GONE = "The link is not good: it was cut off on its way, or ended when another was sent."


class Known(msgspec.Struct):
    """A subscriber with what they chose."""

    subscriber: Subscriber
    component_ids: list[str]


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants to be told."""

    component_ids: tuple[str, ...] | None = None
    """None: all of the page."""
    incident_id: str | None = None
    """Only this incident."""


EVERYTHING = Choice()


async def listed(
    reader: Reader,
    actor: Actor,
    page_id: str,
    *,
    states: Sequence[SubscriberState] | None = None,
    kinds: Sequence[SubscriberKind] | None = None,
    before: str = "~",
    limit: int,
) -> list[Known]:
    """The subscribers of a page, the newest first; for admins of its team."""
    page = await page_in_view(reader, actor, page_id)
    require(actor, Permission.CONFIGURE, page.team_id, "status page")
    some = await status_subscribers.of_page(
        reader, page.id, states=states, kinds=kinds, before=before or "~", limit=limit
    )
    return await _with_choices(reader, some)


async def counts(
    reader: Reader, actor: Actor, page_id: str
) -> dict[tuple[SubscriberKind, SubscriberState], int]:
    """How many a page has, by kind and state; for whoever sees the page."""
    page = await page_in_view(reader, actor, page_id)
    return await status_subscribers.counts(reader, page.id)


async def get(reader: Reader, actor: Actor, subscriber_id: str) -> Known:
    """One of them, for admins of the page's team."""
    subscriber, _ = await _in_view(reader, actor, subscriber_id)
    return (await _with_choices(reader, [subscriber]))[0]


async def add(
    tx: Transaction,
    page_id: str,
    *,
    email: str = "",
    target: Target | None = None,
    choice: Choice = EVERYTHING,
    is_confirmed: bool = False,
    language: str | None = None,
) -> Known:
    """Subscribe an address, or a `target`, for somebody: they are asked, or have confirmed elsewhere (`is_confirmed`).

    Conflict for one who left: only they themselves can come back.
    """
    page = await to_configure(tx, page_id)
    target = target or mailbox(email)
    present = await status_subscribers.by_address(tx, page.id, target.key)
    if present is not None and present.unsubscribed_at is not None:
        raise Conflict(
            "Whoever has this address left and was not heard of again; they can subscribe on the page.",
            code="SUBSCRIBER_LEFT",
        )
    if present is not None and present.state is not SubscriberState.PENDING:
        raise Conflict("The page has this subscriber.", code="ALREADY_SUBSCRIBED", id=present.id)
    subscriber = present or await _new(tx, page, target, origin="admin")
    subscriber.contact = target.contact
    subscriber.language, subscriber.updated_at = _check_language(language), tx.now
    await _set_choice(tx, page, subscriber, choice)
    if is_confirmed:
        _confirmed(subscriber, tx.now)
    elif present is None or may_ask(present, tx.now):
        await _ask(tx, subscriber)
    await status_subscribers.update(tx, subscriber)
    _record(tx, "added", page, subscriber)
    return await get(tx, tx.actor, subscriber.id)


async def change(
    tx: Transaction,
    subscriber_id: str,
    *,
    component_ids: Sequence[str] | UnsetType | None = UNSET,
    language: str | UnsetType | None = UNSET,
) -> Known:
    """Change what somebody is told, and in which language; `component_ids` None: all of the page."""
    subscriber, page = await _in_view(tx, tx.actor, subscriber_id)
    if component_ids is not UNSET:
        chosen = tuple(component_ids) if component_ids is not None else None
        choice = Choice(component_ids=chosen, incident_id=subscriber.incident_id)
        await _set_choice(tx, page, subscriber, choice)
    if language is not UNSET:
        subscriber.language = _check_language(language)
    subscriber.updated_at = tx.now
    await status_subscribers.update(tx, subscriber)
    _record(tx, "updated", page, subscriber)
    return await get(tx, tx.actor, subscriber.id)


async def ask_again(tx: Transaction, subscriber_id: str) -> Subscriber:
    """Ask somebody once more to confirm; RateLimited while the question before is fresh, or was asked too often."""
    subscriber, page = await _in_view(tx, tx.actor, subscriber_id)
    if subscriber.state is not SubscriberState.PENDING:
        raise Conflict("Only somebody who has not confirmed can be asked again.", code="NOT_PENDING")
    if not may_ask(subscriber, tx.now):
        raise RateLimited("They were asked within the last hour, or five times this week.", retry_after=3600)
    await _ask(tx, subscriber)
    await status_subscribers.update(tx, subscriber)
    _record(tx, "asked_again", page, subscriber)
    return subscriber


async def delete(tx: Transaction, subscriber_id: str) -> None:
    """Forget everything about one, also that they ever left."""
    subscriber, page = await _in_view(tx, tx.actor, subscriber_id)
    await status_subscribers.delete(tx, subscriber.id)
    _record(tx, "deleted", page, subscriber)


async def sign_up(
    tx: Transaction,
    page_id: str,
    *,
    email: str = "",
    target: Target | None = None,
    choice: Choice = EVERYTHING,
    origin: str = "form",
) -> None:
    """A stranger types an address: whoever reads its mails is asked, and nobody learns whether it was known.

    A `target` is asked in its place: a webhook by the mailbox that answers for it, a channel by a post there.

    The transaction's actor is the stranger, whose address is limited: RateLimited.
    """
    page = found(await status_pages.one(tx, page_id), "status page")
    target = target or mailbox(email)
    if target.kind in await status_subscriber_lists.kinds_off(tx, page.id):
        raise Invalid("This page takes no new subscriptions of this kind.", field="kind")
    await _limit(tx, page, target)
    subscriber = await status_subscribers.by_address(tx, page.id, target.key)
    if subscriber is None:
        if await status_subscribers.count(tx, page.id) >= MOST_SUBSCRIBERS:
            raise Conflict("This page takes no more subscribers.", code="TOO_MANY_SUBSCRIBERS")
        subscriber = await _new(tx, page, target, origin=origin)
    elif not may_ask(subscriber, tx.now):
        return
    if subscriber.state is SubscriberState.ACTIVE:
        # What they chose is theirs to change, by the link that only their mailbox gets.
        await _note_ask(tx, subscriber)
        await status_mailings.write_to(tx, subscriber, MailingKind.REMINDER)
    else:
        subscriber.address, subscriber.state = target.address, SubscriberState.PENDING
        # Nobody is known to own a channel: it is asked where everybody in it reads.
        subscriber.contact = target.contact if target.kind is SubscriberKind.WEBHOOK else ""
        if target.url is not None:
            await status_subscribers.put_url(tx, subscriber.id, target.url)
        await _set_choice(tx, page, subscriber, choice)
        await _ask(tx, subscriber)
    await status_subscribers.update(tx, subscriber)


async def confirm(tx: Transaction, secret: bytes, token: str) -> tuple[StatusPage, Subscriber]:
    """Whoever reads the mails of the address wants it; NotFound for a link that is not good."""
    subscriber = await status_subscribers.get(tx, link.row_of(token))
    if subscriber is None or not link.is_good(secret, token, confirms(subscriber), tx.now):
        raise NotFound("subscription")
    page = found(await status_pages.one(tx, subscriber.page_id), "subscription")
    if subscriber.state is not SubscriberState.ACTIVE:
        _confirmed(subscriber, tx.now)
        await status_subscribers.update(tx, subscriber)
        _record_their_own(tx, "confirmed", page, subscriber)
    return page, subscriber


async def by_link(reader: Reader, secret: bytes, token: str) -> tuple[StatusPage, Known]:
    """The subscription that somebody may change by this link; NotFound for a link that is not good."""
    subscriber, page = await _by_link(reader, secret, token)
    return page, (await _with_choices(reader, [subscriber]))[0]


async def choose_by_link(
    tx: Transaction, secret: bytes, token: str, choice: Choice
) -> tuple[StatusPage, Known]:
    """They change what they are told."""
    subscriber, page = await _by_link(tx, secret, token)
    await _set_choice(tx, page, subscriber, choice)
    subscriber.updated_at = tx.now
    await status_subscribers.update(tx, subscriber)
    return await by_link(tx, secret, token)


async def leave(tx: Transaction, secret: bytes, token: str) -> None:
    """They want nothing more: all that is kept is that they left. Nothing to do for one who is gone already."""
    row_id = link.row_of(token)
    if not link.is_good(secret, token, manages(row_id), tx.now):
        raise NotFound("subscription")
    subscriber = await status_subscribers.get(tx, row_id)
    page = await status_pages.one(tx, subscriber.page_id) if subscriber is not None else None
    if subscriber is None or page is None or subscriber.state is SubscriberState.UNSUBSCRIBED:
        return
    subscriber.state, subscriber.unsubscribed_at, subscriber.updated_at = (
        SubscriberState.UNSUBSCRIBED,
        tx.now,
        tx.now,
    )
    subscriber.address = subscriber.contact = ""
    subscriber.confirmed_at = subscriber.confirm_until = subscriber.forget_at = None
    await status_subscribers.put_url(tx, subscriber.id, None)
    await status_subscribers.choose(tx, subscriber.id, ())
    await status_subscribers.update(tx, subscriber)
    _record_their_own(tx, "left", page, subscriber)


def manage_token(secret: bytes, subscriber: Subscriber) -> str:
    """What the link holds by which somebody changes or ends their subscription."""
    return link.sign(secret, manages(subscriber.id))


def is_way_out(secret: bytes, token: str, now: Instant) -> bool:
    """Whether this is a link by which somebody may leave, whether or not there is still anything to leave."""
    return link.is_good(secret, token, manages(link.row_of(token)), now)


async def _by_link(reader: Reader, secret: bytes, token: str) -> tuple[Subscriber, StatusPage]:
    subscriber = await status_subscribers.get(reader, link.row_of(token))
    if subscriber is None or not link.is_good(secret, token, manages(subscriber.id), reader.now):
        raise NotFound("subscription")
    page = await status_pages.one(reader, subscriber.page_id)
    if page is None or subscriber.state not in (SubscriberState.ACTIVE, SubscriberState.QUARANTINED):
        raise NotFound("subscription")
    return subscriber, page


async def _limit(tx: Transaction, page: StatusPage, target: Target) -> None:
    asker = throttle.network_of(tx.actor.address)
    await throttle.count(tx, f"subscribe:{asker}", limit=PER_ASKER, period=PER_ASKER_PERIOD)
    if target.url is not None:
        # Any number of addresses can be invented that lead to one mailbox or one channel.
        await throttle.count(tx, f"subscribe asks:{target.asked}", limit=PER_ASKED, period=PER_ASKED_PERIOD)
    await throttle.count(tx, f"subscribe to:{page.id}", limit=PER_PAGE, period=PER_PAGE_PERIOD)


def _check_language(language: str | None) -> str | None:
    if language is not None and language not in KNOWN:
        raise Invalid(f"language is one of {', '.join(KNOWN)}, or null: that of the page.", field="language")
    return language


async def _new(tx: Transaction, page: StatusPage, target: Target, *, origin: str) -> Subscriber:
    subscriber = Subscriber(
        id=new_id(tx.now),
        page_id=page.id,
        public_id=new_public_id(),
        kind=target.kind,
        address=target.address,
        address_key=target.key,
        contact=target.contact,
        origin=origin,
        created_at=tx.now,
        updated_at=tx.now,
    )
    await status_subscribers.insert(tx, subscriber)
    if target.url is not None:
        await status_subscribers.put_url(tx, subscriber.id, target.url)
    return subscriber


async def _ask(tx: Transaction, subscriber: Subscriber) -> None:
    """Ask the mailbox; the link that was sent before is over."""
    await _note_ask(tx, subscriber)
    subscriber.confirm_until = tx.now + CONFIRM_WITHIN
    subscriber.forget_at = tx.now + FORGET_AFTER
    await status_mailings.write_to(tx, subscriber, MailingKind.CONFIRMATION)


async def _note_ask(tx: Transaction, subscriber: Subscriber) -> None:
    last = subscriber.asked_at
    subscriber.asks = 1 if last is None or tx.now - last >= FORGET_AFTER else subscriber.asks + 1
    subscriber.asked_at = subscriber.updated_at = tx.now


def _confirmed(subscriber: Subscriber, now: Instant) -> None:
    subscriber.state, subscriber.confirmed_at, subscriber.updated_at = SubscriberState.ACTIVE, now, now
    subscriber.confirm_until = subscriber.forget_at = subscriber.asked_at = None
    subscriber.quarantined_at = subscriber.quarantine_reason = subscriber.unsubscribed_at = None
    subscriber.asks = subscriber.failures = 0


async def _set_choice(tx: Transaction, page: StatusPage, subscriber: Subscriber, choice: Choice) -> None:
    """Keep what they chose, all of it of this page: Invalid."""
    chosen = choice.component_ids
    if chosen is not None and not chosen:
        raise Invalid(
            "componentIds names at least one component; null: all of the page.", field="componentIds"
        )
    if chosen is not None:
        known = {each.id for each in await status_pages.components(tx, page.id)}
        for each in chosen:
            if each not in known:
                raise unknown("componentIds", "component of this page", each)
    if choice.incident_id is not None:
        incident = await status_incidents.get(tx, choice.incident_id)
        if incident is None or incident.page_id != page.id or incident.published_at is None:
            raise unknown("incidentId", "incident of this page", choice.incident_id)
    subscriber.is_selective, subscriber.incident_id = bool(chosen), choice.incident_id
    await status_subscribers.choose(tx, subscriber.id, chosen or ())


async def _in_view(reader: Reader, actor: Actor, subscriber_id: str) -> tuple[Subscriber, StatusPage]:
    subscriber = found(await status_subscribers.get(reader, subscriber_id), "subscriber")
    page = await status_pages.get(reader, actor, subscriber.page_id)
    if page is None:
        raise NotFound("subscriber")
    require(actor, Permission.CONFIGURE, page.team_id, "subscriber")
    return subscriber, page


async def _with_choices(reader: Reader, some: Collection[Subscriber]) -> list[Known]:
    chosen = await status_subscribers.choices(reader, [each.id for each in some])
    return [Known(each, chosen.get(each.id, [])) for each in some]


def _record(tx: Transaction, what: str, page: StatusPage, subscriber: Subscriber) -> None:
    """Noted on the page, by the subscriber's id: their address is not for everybody who reads the audit log."""
    audit.record(
        tx,
        f"status_page.subscriber_{what}",
        kind="status_page",
        id=page.id,
        name=page.name,
        team_id=page.team_id,
        after={"subscriber": subscriber.id, "kind": subscriber.kind, "state": subscriber.state},
        organization_id=page.organization_id,
    )


def _record_their_own(tx: Transaction, what: str, page: StatusPage, subscriber: Subscriber) -> None:
    """What subscribers do themselves is noted without who they are or from where."""
    audit.record(
        tx,
        f"status_page.subscriber_{what}",
        kind="status_page",
        id=page.id,
        name=page.name,
        team_id=page.team_id,
        after={"subscriber": subscriber.id, "kind": subscriber.kind, "state": subscriber.state},
        actor=program_of(page.organization_id, SYSTEM),
        organization_id=page.organization_id,
    )
