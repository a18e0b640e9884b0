"""What every channel is given and what it may answer: one message in, one receipt or one named failure out.

A notifier never retries, never waits for its turn and never touches the database. It makes one attempt within
its deadline and says exactly what became of it; the engine decides what that means:

    Receipt          the provider has accepted the message
    NotifierError    the provider certainly has not accepted it; `permanent`: trying again cannot help
    LostAnswer       the message may have arrived: its request went out and no complete answer came back
"""

from enum import StrEnum
from typing import Any, Protocol

import msgspec

from openalert.domain.incident import IncidentStatus
from openalert.domain.instant import Instant
from openalert.domain.notification import NotificationKind
from openalert.domain.severity import Severity


class Action(msgspec.Struct, kw_only=True, frozen=True):
    """One thing the reader may do from the message, by a signed link that needs no sign-in."""

    verb: str
    """`acknowledge`, `resolve`, …: what the link does; the first action of a message is its main button.

    A button that a provider sends back to us carries it beside the notification's id, in place of `url`.
    """
    label: str
    """The words on the button: `Acknowledge`."""
    url: str
    """Absolute, below the configured base URL."""


OPEN = "open"
"""The verb of an action that only leads to a page of ours: nothing is answered by it."""


class Link(msgspec.Struct, kw_only=True, frozen=True):
    """A link that a monitoring system or a service brought along; shown as text, never trusted as ours."""

    label: str
    href: str


class Point(msgspec.Struct, kw_only=True, frozen=True):
    """One thing of a list that a message tells."""

    tone: str
    """A severity: how bad it is."""
    words: str
    when: str = ""
    """From when until when, in words."""
    detail: str = ""
    url: str
    """Absolute, below the configured base URL: the page where it is mended."""


class IncidentFacts(msgspec.Struct, kw_only=True):
    """The incident as it was when the message was composed. Its texts come from outside and are hostile."""

    id: str
    number: int
    title: str
    severity: Severity
    status: IncidentStatus
    service_name: str
    words: str = ""
    """What the organization says in place of title and service by this channel, as hostile as they are."""
    description: str = ""
    labels: dict[str, str] = {}
    """What all alerts of the incident have in common."""
    links: list[Link] = []
    alert_count: int = 1
    started_at: Instant


class Message(msgspec.Struct, kw_only=True, repr_omit_defaults=True):
    """Everything that a channel needs to tell one recipient one thing, already decided and already worded."""

    notification_id: str
    """The row that this message settles; the provider's idempotency key is made from it, so it is equal on
    every attempt."""
    kind: NotificationKind
    to: str
    """The address in the channel's own form: an e-mail address, a URL, a telephone number."""
    recipient_name: str = ""
    organization: str
    incident: IncidentFacts | None = None
    """None for a test or notice about no incident."""
    headline: str = ""
    """What happened, without number and title: `Resolved`, `Acknowledged by Bea`; for a notice or a test its
    whole subject. Empty for a page."""
    body: str = ""
    """Plain text of a notice, test, code or update; blank lines separate paragraphs."""
    points: list[Point] = []
    """What a mail lists below the body; other channels have the most important of it in the body."""
    reason: str = ""
    """Why this recipient gets it, one sentence: `You are on call for Core (level 1 of Core policy).`"""
    escalation_note: str = ""
    """What happens next and when, one sentence: `Ana is called at 03:12 unless someone acknowledges.`"""
    incident_url: str = ""
    actions: list[Action] = []
    is_reminder: bool = False
    """A page that comes again, because nobody has answered."""
    is_request: bool = False
    """Somebody is asked for help by name: `escalation_note` says by whom and with what."""
    possible_repeat: bool = False
    """The answer to an earlier attempt was lost: the recipient may have this message already."""
    replaces: str = ""
    """The provider's id of the page that this news is about, at the same address: a channel that can change what it
    has sent changes that message. Empty: there is none."""
    is_silent: bool = False
    """Only what it replaces is to change: nothing rings or is written anew. Where that is gone, nothing is sent."""
    reply_code: int = 0
    """The number by which this person names this incident in an answer of a few characters; 0: there is none."""
    reply_to: str = ""
    """The mail address by which this very message can be answered; empty: it cannot."""
    thread_key: str = ""
    """Equal for all messages that belong together (the incident's id); empty: belongs to nothing."""
    attempt: int = 1
    """1 for the first attempt."""
    at: Instant
    """When the message was composed; equal on every attempt."""
    timezone: str = "UTC"
    """IANA name of the zone in which the recipient reads times."""
    bundle: list[str] = []
    """Numbers and titles of further incidents told by this same message."""
    provider: int = 0
    """Which of the channel's providers is to try it: 0 the first."""
    hop: int = 0
    """How many OpenAlert instances the news had already passed when it reached this one."""
    channel_config: dict[str, Any] = {}
    """What the channel's row holds beside the address: a webhook's `secret`. Never logged."""

    def __repr__(self) -> str:
        """Enough to find the row; never an address, a signed link or a secret."""
        return f"Message({self.kind} {self.notification_id}, attempt {self.attempt})"


class Receipt(msgspec.Struct, kw_only=True, frozen=True):
    """The provider accepted the message."""

    provider_id: str
    """What to quote to the provider when asking about it: a Message-ID, a webhook-id, a SID."""
    detail: str = ""
    """One line for the delivery log: the provider's own words, without secrets."""


EDITING = frozenset({"mattermost", "push", "slack", "telegram"})
"""Channels that can change what they have sent: they are told what a message `replaces`."""
CALLING = frozenset({"voice"})
"""Channels that ring until somebody answers: they page, and carry no news."""


class Reason(StrEnum):
    """Why an attempt failed: a small closed set, shown in the delivery log and used as a metric label."""

    UNREACHABLE = "unreachable"
    """No connection: unknown host, refused, no route."""
    TIMEOUT = "timeout"
    """The deadline passed before the message could have arrived."""
    TLS_FAILED = "tls_failed"
    """The certificate is not valid, or encryption was required and not offered."""
    REFUSED = "refused"
    """The provider answered that it does not take this message."""
    REJECTED_RECIPIENT = "rejected_recipient"
    """The provider knows that this address does not exist or may not be written to."""
    AUTH_FAILED = "auth_failed"
    """Our credentials are wrong, expired or not sufficient: every message of the channel is affected."""
    RATE_LIMITED = "rate_limited"
    """Too many at once; `retry_after` says how long to wait."""
    PROVIDER_FAILED = "provider_failed"
    """The provider answered that it is itself in trouble (5xx)."""
    BAD_RESPONSE = "bad_response"
    """The answer is not of the protocol, or redirects elsewhere."""
    GONE = "gone"
    """The address was valid once and never will be again (HTTP 410)."""
    BLOCKED_ADDRESS = "blocked_address"
    """The target lies in a network that this installation does not send to."""
    MISCONFIGURED = "misconfigured"
    """The channel lacks a setting, or the address is not of the channel's form."""
    LOOP = "loop"
    """The message has been through too many OpenAlert instances."""


class NotifierError(Exception):
    """The message was not accepted; `detail`: a sentence for the delivery log, without secrets."""

    def __init__(
        self,
        reason: Reason,
        detail: str,
        *,
        permanent: bool = False,
        retry_after: float | None = None,
        is_in_doubt: bool = False,
        is_certificate: bool = False,
    ) -> None:
        """`permanent`: the same message to the same address can never succeed; `retry_after` in seconds; `is_in_doubt`:
        it may have been accepted all the same, and nobody would know a repeat: the next try says what it is;
        `is_certificate`: the provider's is not valid, so nothing gets through until somebody renews it.
        """
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.permanent = permanent
        self.retry_after = retry_after
        self.is_in_doubt = is_in_doubt
        self.is_certificate = is_certificate


def in_doubt(status: int) -> bool:
    """Whether an HTTP server that answers so may have done what it was asked: it broke off, or a gateway speaks for it.

    503 is said instead of doing anything (RFC 9110 section 15.6.4).
    """
    return status >= 500 and status != 503


class LostAnswer(Exception):
    """The message may have been accepted: it went out, and no complete answer came back."""

    def __init__(self, detail: str) -> None:
        """`detail`: one sentence for the delivery log, without secrets."""
        super().__init__(detail)
        self.detail = detail


PRESSED = frozenset({"mattermost", "telegram"})
"""Channels whose buttons come back to us with who pressed them: they have buttons where several people read, too."""


class Notifier(Protocol):
    """One channel. An instance is shared by all sends of the process and may run many at once."""

    channel: str
    """`email`, `webhook`, …: as in contact methods, channels and metric labels."""

    async def send(self, message: Message, now: Instant) -> Receipt:
        """Makes one attempt; raises NotifierError or LostAnswer, and nothing else, within its deadline."""
        ...

    async def probe(self) -> str:
        """Proves as much as can be proven without sending: one sentence, or NotifierError."""
        ...

    async def close(self) -> None:
        """Gives back connections; no send is running and none will follow."""
        ...
