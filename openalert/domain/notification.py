"""Notification: one message to one person or channel; its states, its retries, and its unique effect."""

from enum import IntEnum, StrEnum
from typing import Any

import msgspec

from openalert.domain.instant import HOUR, MINUTE, SECOND, Instant
from openalert.domain.severity import Severity

OPENS = "opens"
"""The member of a content that holds the words and the path of a page of ours that the message leads to."""


class NotificationKind(StrEnum):
    """Why it is sent."""

    PAGE = "page"
    """Somebody is to act; claimed only while the incident still wants it."""
    UPDATE = "update"
    """Somebody who was paged hears how it ended."""
    TEST = "test"
    NOTICE = "notice"
    """An owner is told that nobody was reached, or nobody answered."""
    CODE = "code"
    """Proves that an address is its owner's."""
    LINK = "link"
    """Lets its reader in once: an invitation, or the way to a new password."""
    FOLLOW = "follow"
    """A channel that follows a service hears what becomes of its incidents; nobody there is asked to act."""
    HANDOFF = "handoff"
    """Somebody's turn begins or ends."""
    DIGEST = "digest"
    """What was held back, or what an owner should know once a week."""


class NotificationPriority(IntEnum):
    """Whose turn it is among those that are due; within one, the longest waiting first."""

    CRITICAL = 0
    """A page for a critical incident."""
    HIGH = 1
    """Every other page, and what somebody sits and waits for: a code, a link, a test."""
    MEDIUM = 2
    """News: updates, notices, what followers hear."""
    LOW = 3
    """What can wait until all else has gone: digests and handoffs."""


_PRIORITY = {
    NotificationKind.UPDATE: NotificationPriority.MEDIUM,
    NotificationKind.NOTICE: NotificationPriority.HIGH,
    NotificationKind.FOLLOW: NotificationPriority.MEDIUM,
    NotificationKind.HANDOFF: NotificationPriority.LOW,
    NotificationKind.DIGEST: NotificationPriority.LOW,
}


def priority_of(kind: NotificationKind, severity: Severity | None = None) -> NotificationPriority:
    """The priority of a message of this kind about an incident this severe, or about none."""
    if kind is NotificationKind.PAGE and severity is Severity.CRITICAL:
        return NotificationPriority.CRITICAL
    return _PRIORITY.get(kind, NotificationPriority.HIGH)


class NotificationStatus(StrEnum):
    """Where it is: see docs/architecture.md for the arrows."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"
    """The provider may have it and never said so. Sent once more, marked; then left at this."""


class Notification(msgspec.Struct, kw_only=True):
    """A row of `notifications`: one per page and person and channel."""

    id: str
    effect_key: str
    """Unique: what is sent once however often the step that causes it runs."""
    organization_id: str
    team_id: str | None
    incident_id: str | None
    episode: int = 0
    cycle: int = 0
    level: int = 0
    step: int = 0
    """Which step of the person's rules it is, counted from 0."""
    kind: NotificationKind
    priority: NotificationPriority = NotificationPriority.HIGH
    service_id: str | None = None
    user_id: str | None = None
    contact_method_id: str | None = None
    channel_id: str | None = None
    channel: str
    """The notifier's name: `email`, `sms`, `webhook`."""
    address: str
    reason: str
    """Why this person gets it, as one sentence."""
    content: dict[str, Any] = {}
    """What the message says beyond the facts of the incident."""
    status: NotificationStatus = NotificationStatus.PENDING
    possible_repeat: bool = False
    attempts: int = 0
    due_at: Instant | None
    held_until: Instant | None = None
    """Not None: the person's quiet hours or do-not-disturb hold it, or what it tells of, until then."""
    give_up_at: Instant
    run_id: str | None = None
    claimed_at: Instant | None = None
    sent_at: Instant | None = None
    """When a provider took it. Not None while it waits or is tried: that one reported then that it did not arrive."""
    delivered_at: Instant | None = None
    failure_reason: str | None = None
    provider: int = 0
    """Which of the channel's providers took it: 0 the first."""
    provider_id: str | None = None
    bundle_id: str | None = None
    """Equal for pages that leave together, as one message; None: it leaves alone."""
    ask_id: str | None = None
    """Not None: it asks somebody for help, and by which asking (`Responder.ask_id`); no step of the escalation."""
    created_at: Instant
    updated_at: Instant

    @property
    def first_due_at(self) -> Instant:
        """When it was first to be sent, however often it was put off since."""
        return self.give_up_at - budget(self.kind)

    @property
    def is_reminder(self) -> bool:
        """A page that comes again: in a further round of the policy, or repeated until somebody answers."""
        return self.kind is NotificationKind.PAGE and (self.cycle > 0 or bool(self.content.get("again")))

    @property
    def is_silent(self) -> bool:
        """It only changes what its reader has before them: nothing rings, and nobody is told of it."""
        return bool(self.content.get("silent"))


class Attempt(msgspec.Struct, kw_only=True):
    """One try to send it; a row of `notification_attempts`."""

    notification_id: str
    attempt: int
    started_at: Instant
    ended_at: Instant | None
    outcome: str
    """`sending`, `sent`, `retry`, `failed`, `unknown`."""
    detail: str
    provider: int = 0


_BUDGET = {NotificationKind.PAGE: 5 * MINUTE, NotificationKind.CODE: 10 * MINUTE}
_FIRST_WAIT = 2 * SECOND
_GROWS = 4
_LONGEST_WAIT = 15 * MINUTE


def budget(kind: NotificationKind) -> Instant:
    """For how long it is tried: pages 5 minutes (the ladder goes on), codes 10 minutes, all else 6 hours."""
    return _BUDGET.get(kind, 6 * HOUR)


def give_up_at(kind: NotificationKind, due_at: Instant) -> Instant:
    """Until when something that is first due then is tried."""
    return due_at + budget(kind)


def retry_at(attempts: int, now: Instant, retry_after: float | None) -> Instant:
    """When to try again after `attempts` tries: 2, 8, 32, 128, 512 s, then every 15 minutes.

    It grows fourfold, so that the few tries of a channel are spread over the five minutes of a page. `retry_after`
    (seconds) is what the provider asked for; it is honoured between 1 s and 15 minutes.
    """
    if retry_after is not None:
        return now + min(max(int(retry_after * SECOND), SECOND), _LONGEST_WAIT)
    grown: int = _FIRST_WAIT * _GROWS ** min(max(attempts, 1) - 1, 9)
    return now + min(grown, _LONGEST_WAIT)


ASKED = -1
"""The level of a page that asks somebody for help: none of the ladder's."""


def page_key(incident_id: str, episode: int, cycle: int, level: int, recipient: str, step: int = 0) -> str:
    """The effect of a level on one recipient (contact method or channel), at one step of a person's rules."""
    key = f"page:{incident_id}:{episode}:{cycle}:{level}:{recipient}"
    return f"{key}:{step}" if step else key


def leading_to(opens: tuple[str, str] | None) -> dict[str, Any]:
    """The member of the content that lets a message lead to a page of ours, by its words and path."""
    return {OPENS: list(opens)} if opens else {}
