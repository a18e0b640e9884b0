"""Subscribers of status pages, and what is on its way to them.

Nobody is written to who did not say in their own mailbox that they want it, and whoever says that they want it no
longer is not written to again, however often somebody types their address. Sources: RFC 8058 (one-click unsubscribe).
"""

import hashlib
from enum import StrEnum

import msgspec

from openalert.domain.instant import DAY, HOUR, MINUTE, SECOND, Instant
from openalert.domain.link import LinkClaims, Purpose
from openalert.domain.user import email_key


class SubscriberKind(StrEnum):
    """How a subscriber is told."""

    EMAIL = "email"
    WEBHOOK = "webhook"
    SLACK = "slack"
    TEAMS = "teams"


class SubscriberState(StrEnum):
    """Whether they are told."""

    PENDING = "pending"
    """Somebody asked for it; it is not confirmed."""
    ACTIVE = "active"
    QUARANTINED = "quarantined"
    """What was sent was refused for good."""
    UNSUBSCRIBED = "unsubscribed"
    """They left. Nothing is kept but that they did."""


class MailingKind(StrEnum):
    """What is sent."""

    UPDATE = "update"
    """Something that a page tells, to all whom it concerns."""
    CONFIRMATION = "confirmation"
    """Asks one of them to confirm."""
    REMINDER = "reminder"
    """Tells one of them that they are subscribed, with the link to what they chose."""
    FAILING = "failing"
    """Tells whoever gave a webhook that it takes nothing any more."""
    MOVED = "moved"
    """Tells one who was imported that they are told from here now, and how to leave."""


class DeliveryState(StrEnum):
    """How far one delivery is."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    UNKNOWN = "unknown"
    """It left, twice, and nobody said whether it arrived."""
    FAILED = "failed"
    SKIPPED = "skipped"
    """It was not wanted any more when its turn came: they left, or something newer had been told."""


CONFIRM_WITHIN = DAY
FORGET_AFTER = 7 * DAY
"""So long it is kept that somebody asked for an address and nobody confirmed."""
ASK_AGAIN_AFTER = HOUR
MOST_ASKS = 5
"""Mails to an address that nobody confirms: strangers can cause no more of them in `FORGET_AFTER`."""
GIVE_UP_AFTER = DAY
TRIES = 3
WAITS = (MINUTE, 10 * MINUTE)
"""After the first and the second refusal that may pass."""
LOST_WAIT = 30 * SECOND
"""After an answer that was lost."""
DELIVERIES_KEPT_FOR = 30 * DAY
MOST_SUBSCRIBERS = 100_000
"""Of one page."""
NEVER: Instant = 1 << 53
"""The end of a link that has none."""

FIRST, USUAL, LAST = 0, 1, 2
"""Places in the queue: letters that somebody waits for, the many, and what has time."""
MOST_FAILURES = 5
"""Deliveries in a row that a webhook or a channel may refuse before it is left alone."""


class Subscriber(msgspec.Struct, kw_only=True):
    """A row of `status_subscribers`, without the URL of kinds that have one: it is sealed."""

    id: str
    page_id: str
    public_id: str
    kind: SubscriberKind = SubscriberKind.EMAIL
    address: str
    address_key: str
    contact: str = ""
    state: SubscriberState = SubscriberState.PENDING
    is_selective: bool = False
    incident_id: str | None = None
    language: str | None = None
    origin: str = "form"
    asks: int = 0
    asked_at: Instant | None = None
    confirm_until: Instant | None = None
    confirmed_at: Instant | None = None
    quarantined_at: Instant | None = None
    quarantine_reason: str | None = None
    unsubscribed_at: Instant | None = None
    failures: int = 0
    forget_at: Instant | None = None
    created_at: Instant
    updated_at: Instant

    @property
    def mailbox(self) -> str:
        """Where letters about the subscription itself go; empty: there is none."""
        return self.address if self.kind is SubscriberKind.EMAIL else self.contact


class Mailing(msgspec.Struct, kw_only=True):
    """A row of `status_mailings`."""

    id: str
    page_id: str
    kind: MailingKind
    incident_id: str | None = None
    update_id: str | None = None
    reached: str = ""
    spread_at: Instant | None = None
    created_at: Instant


class Delivery(msgspec.Struct, kw_only=True):
    """A row of `status_deliveries`: one mailing on its way to one subscriber."""

    mailing_id: str
    subscriber_id: str
    channel: str
    place: int = USUAL
    status: DeliveryState = DeliveryState.PENDING
    attempts: int = 0
    due_at: Instant | None
    give_up_at: Instant
    is_repeat: bool = False
    run_id: str | None = None
    claimed_at: Instant | None = None
    sent_at: Instant | None = None
    failure_reason: str | None = None
    updated_at: Instant


def address_key(kind: SubscriberKind, address: str) -> str:
    """What tells subscribers of a page apart: look-alike spellings of a mail address are one."""
    folded = email_key(address) if kind is SubscriberKind.EMAIL else address
    return hashlib.sha256(f"{kind}\0{folded}".encode(errors="surrogatepass")).hexdigest()


def may_ask(subscriber: Subscriber, now: Instant) -> bool:
    """Whether a mail may go out because somebody typed this address, whoever they are."""
    is_over = subscriber.asked_at is not None and now - subscriber.asked_at >= FORGET_AFTER
    return is_over or (
        subscriber.asks < MOST_ASKS
        and (subscriber.asked_at is None or not 0 <= now - subscriber.asked_at < ASK_AGAIN_AFTER)
    )


def confirms(subscriber: Subscriber) -> LinkClaims:
    """What the link proves that confirms a subscription; one that was sent later ends those before."""
    return LinkClaims(
        Purpose.CONFIRMATION, subscriber.id, "", subscriber.address_key, subscriber.confirm_until or 0
    )


def manages(subscriber_id: str) -> LinkClaims:
    """What the link proves by which somebody changes or ends a subscription, for as long as there is one."""
    return LinkClaims(Purpose.SUBSCRIPTION, subscriber_id, "", "", NEVER)
