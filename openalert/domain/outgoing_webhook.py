"""OutgoingWebhook: a program of others that is told what happens to incidents and alerts; which of it, and how often.

What an attempt sends and how it is signed is the Standard Webhooks specification's, version 1
(https://github.com/standard-webhooks/standard-webhooks): symmetric signatures, one id for all attempts.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from urllib.parse import urlsplit

import msgspec

from openalert.domain import matching
from openalert.domain.errors import Invalid
from openalert.domain.instant import DAY, HOUR, MINUTE, SECOND, Instant
from openalert.domain.severity import Severity

EVENTS = (
    "incident.created",
    "incident.updated",
    "incident.acknowledged",
    "incident.resolved",
    "incident.reopened",
    "incident.escalated",
    "incident.note_added",
    "incident.responder_added",
    "incident.responder_removed",
    "incident.alert_linked",
    "incident.alert_unlinked",
    "alert.created",
    "alert.updated",
    "alert.acknowledged",
    "alert.resolved",
    "alert.suppressed",
)
"""What can be told, by the names of the live events."""
EVERY = ("*", "incident.*", "alert.*")
"""Further words for several of them, those of the future included."""
TEST_EVENT = "test"

WAITS = (
    5 * SECOND,
    30 * SECOND,
    5 * MINUTE,
    30 * MINUTE,
    2 * HOUR,
    5 * HOUR,
    10 * HOUR,
    14 * HOUR,
    20 * HOUR,
    DAY,
)
"""How long after the first, second … failed attempt the next one comes; further ones a day apart."""
JITTER = 0.1
"""By which share of itself each wait is shorter or longer."""
MOST_ATTEMPTS = 20
USUAL_ATTEMPTS = 10
"""The last of them comes 52 hours after the first."""
LONGEST_WAIT = DAY
"""What a receiver's Retry-After can ask for."""
OVERTAKEN_AFTER = 5
"""An event waits for earlier ones of its incident or alert until these have failed so often."""
DISABLED_AFTER = 5 * DAY
"""A webhook that answered nothing with 2xx for so long is switched off."""
FORGETS_FAILURE_AFTER = 2 * DAY
"""Failures further apart than this do not belong together; attempts of one delivery come at most 27 hours apart."""
TWO_SECRETS_FOR = DAY
"""After a rotation both secrets sign for so long."""

MOST_WEBHOOKS = 50
"""Of one organization."""
MOST_HEADERS = 20
LONGEST_HEADER = 4_000
MOST_NARROWED = 200
"""Teams, or services, that one webhook names."""
LONGEST_TIMEOUT = 30
SHOWN_SECRET = "********"  # noqa: S105 - stands in the place of a secret
"""What is shown, and may be sent back, in the place of a header's secret value."""

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_SECRET_HEADER = re.compile(
    r"(?i)authori[sz]ation|cookie|token|secret|password|credential|signature|api-?key|(^|-)(key|auth)(-|$)"
)
_OURS = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
    }
)


class DeliveryStatus(StrEnum):
    """How far a delivery is."""

    PENDING = "pending"
    """It waits for its next attempt."""
    SENDING = "sending"
    DELIVERED = "delivered"
    """The receiver answered with 2xx."""
    FAILED = "failed"
    """Its attempts are over, or its webhook was switched off; it can be replayed."""


class OutgoingWebhook(msgspec.Struct, kw_only=True):
    """A row of `outgoing_webhooks`, without what is sealed."""

    id: str
    organization_id: str
    name: str
    url: str
    events: list[str]
    """Names of `EVENTS` or `EVERY`."""
    team_ids: list[str] = []
    service_ids: list[str] = []
    severities: list[Severity] = []
    matchers: list[str] = []
    """As Prometheus writes them; empty lists narrow nothing."""
    headers: dict[str, str] = {}
    """What may be seen."""
    secret_headers: list[str] = []
    """Names of headers whose values are sealed."""
    timeout_seconds: int = 10
    max_attempts: int = USUAL_ATTEMPTS
    is_enabled: bool = True
    from_sequence: int = 0
    previous_secret_until: Instant | None = None
    failing_since: Instant | None = None
    """The first failed attempt since the last success."""
    last_failure_at: Instant | None = None
    last_success_at: Instant | None = None
    disabled_reason: str | None = None
    disabled_at: Instant | None = None
    created_at: Instant
    updated_at: Instant


class OutgoingDelivery(msgspec.Struct, kw_only=True):
    """What one webhook is told of one event; a row of `outgoing_deliveries`. Its id is the `webhook-id`."""

    id: str
    webhook_id: str
    type: str
    sequence: int
    object_id: str
    body: str
    """JSON, as it is sent."""
    status: DeliveryStatus = DeliveryStatus.PENDING
    attempts: int = 0
    """Since it was made, or replayed."""
    due_at: Instant | None
    run_id: str | None = None
    claimed_at: Instant | None = None
    status_code: int | None = None
    failure_reason: str | None = None
    delivered_at: Instant | None = None
    hops: int = 0
    """How many OpenAlert instances what it is about had passed; see `domain.hops`."""
    created_at: Instant
    updated_at: Instant


class OutgoingAttempt(msgspec.Struct, kw_only=True):
    """One try of a delivery; a row of `outgoing_attempts`."""

    id: str
    delivery_id: str
    at: Instant
    duration_ms: int
    outcome: str
    """`delivered`, or why not: `refused`, `timeout` …, see docs/outgoing-webhooks.md."""
    status_code: int | None
    detail: str


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What filters ask of an event's incident or alert."""

    type: str
    team_id: str
    service_id: str
    severity: Severity
    labels: Sequence[Mapping[str, str]]
    """Labels and facts of the alert; for an incident of each of its alerts."""


Wants = Callable[[Subject], bool]


def wants(webhook: OutgoingWebhook) -> Wants:
    """A test of whether the webhook is told; of an incident's alerts one that fits its matchers is enough."""
    types = names_of(webhook.events)
    teams, services, severities = (
        frozenset(webhook.team_ids),
        frozenset(webhook.service_ids),
        frozenset(webhook.severities),
    )
    fits = matching.fits(matching.parse_all(webhook.matchers)) if webhook.matchers else None

    def test(subject: Subject) -> bool:
        return (
            types(subject.type)
            and (not teams or subject.team_id in teams)
            and (not services or subject.service_id in services)
            and (not severities or subject.severity in severities)
            and (fits is None or any(fits(labels) for labels in subject.labels))
        )

    return test


def names_of(events: Iterable[str]) -> Callable[[str], bool]:
    """A test of whether an event's name is among those that a webhook lists."""
    named = frozenset(events)

    def test(name: str) -> bool:
        noun = name.partition(".")[0]
        return name in named or f"{noun}.*" in named or ("*" in named and noun in ("incident", "alert"))

    return test


def next_attempt(attempts: int, now: Instant, retry_after: float | None, chance: float) -> Instant:
    """When to try again after so many failed attempts; `retry_after` in seconds, `chance` from 0 to 1 spreads it."""
    wait = WAITS[min(attempts, len(WAITS)) - 1] * (1 - JITTER + 2 * JITTER * chance)
    asked = min((retry_after or 0) * SECOND, LONGEST_WAIT)
    return now + int(max(wait, asked))


def is_given_up(webhook: OutgoingWebhook, now: Instant) -> bool:
    """Whether a webhook that just failed has failed for so long that it is to be switched off."""
    return webhook.failing_since is not None and now - webhook.failing_since >= DISABLED_AFTER


def failing_since(webhook: OutgoingWebhook, now: Instant) -> Instant:
    """Since when a webhook that just failed is failing: failures far apart are not one."""
    last = webhook.last_failure_at
    if webhook.failing_since is None or last is None or now - last > FORGETS_FAILURE_AFTER:
        return now
    return webhook.failing_since


def check_url(url: str) -> str:
    """An address that requests may go to, or Invalid with the field `url`."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not url.isascii() or not url.isprintable() or " " in url or len(url) > 2_000:
        raise Invalid("url must be an address that begins with https:// or http://.", field="url")
    if "@" in urlsplit(url).netloc:
        raise Invalid("url must hold no user name or password; put them into a header.", field="url")
    return url


def check_events(events: Sequence[str]) -> list[str]:
    """The names without repetitions in our order, or Invalid naming the first that is not known."""
    known = (*EVERY, *EVENTS)
    for name in events:
        if name not in known:
            raise Invalid(
                f"events: {name[:60]!r} is not known; docs/outgoing-webhooks.md lists them.",
                field="events",
                allowed=list(known),
            )
    if not events:
        raise Invalid("events must name at least one; `*` names all.", field="events")
    return [name for name in known if name in events]


def check_headers(
    headers: Mapping[str, str], secret: Iterable[str], kept: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Headers that may be seen, and those that may not; Invalid names one that cannot be sent, or that is ours.

    Secret are those that `secret` names, and those whose names say so. `kept` holds the values that stand for
    `SHOWN_SECRET`.
    """
    if len(headers) > MOST_HEADERS:
        raise Invalid(f"There can be at most {MOST_HEADERS} headers.", field="headers")
    if len({name.lower() for name in headers}) < len(headers):
        raise Invalid("headers names one of them twice.", field="headers")
    hidden = {name.lower() for name in secret}
    known = {name.lower(): value for name, value in kept.items()}
    shown: dict[str, str] = {}
    sealed: dict[str, str] = {}
    for name, given in headers.items():
        _check_header_name(name)
        lower = name.lower()
        if given == SHOWN_SECRET and lower not in known:
            raise Invalid(f"headers.{name}: give its value, of which none is kept.", field="headers")
        value = known[lower] if given == SHOWN_SECRET else given
        if (
            not value.isascii()
            or not value.isprintable()
            or len(value) > LONGEST_HEADER
            or value != value.strip()
        ):
            raise Invalid(f"headers.{name}: a value is one line of ASCII characters.", field="headers")
        (sealed if lower in hidden or _SECRET_HEADER.search(name) else shown)[name] = value
    return shown, sealed


def _check_header_name(name: str) -> None:
    if not _HEADER_NAME.fullmatch(name):
        raise Invalid(f"headers: {name[:60]!r} is no name of a header.", field="headers")
    if name.lower() in _OURS or name.lower().startswith(("webhook-", "x-openalert-", "proxy-")):
        raise Invalid(f"headers: {name} is set by OpenAlert itself.", field="headers")


def check_matchers(texts: Sequence[str]) -> list[str]:
    """The matchers in one spelling, or Invalid with what is wrong."""
    return [str(matcher) for matcher in matching.parse_all(texts)]


def check_numbers(timeout_seconds: int, max_attempts: int) -> None:
    """Pass, or Invalid for a time or a number of attempts that is not allowed."""
    if not 1 <= timeout_seconds <= LONGEST_TIMEOUT:
        raise Invalid(f"timeoutSeconds must be between 1 and {LONGEST_TIMEOUT}.", field="timeoutSeconds")
    if not 1 <= max_attempts <= MOST_ATTEMPTS:
        raise Invalid(f"maxAttempts must be between 1 and {MOST_ATTEMPTS}.", field="maxAttempts")
