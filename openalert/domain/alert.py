"""Signal: what a source said. Alert: what we keep of it, one row per identity and occurrence."""

import zlib
from enum import StrEnum

import msgspec

from openalert.domain.instant import Instant
from openalert.domain.severity import Severity
from openalert.domain.trace import Step


class SignalStatus(StrEnum):
    """What a source says about its alert in one message."""

    FIRING = "firing"
    RESOLVED = "resolved"
    ACKNOWLEDGED = "acknowledged"


class AlertStatus(StrEnum):
    """The state of an alert that we keep."""

    FIRING = "firing"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    SUPPRESSED = "suppressed"
    """Firing, and held: see `domain.handling`."""


class Signal(msgspec.Struct, kw_only=True):
    """One alert inside one inbound message, normalised: made by `sources`, merged by `usecases.ingest`."""

    source: str
    """The name of the source that read it: `prometheus`, `generic`, …"""
    status: SignalStatus
    severity: Severity | None
    """None: the source said nothing that we understand; the integration's default applies to a new alert."""
    title: str
    """One line, whitespace collapsed, no control characters, at most 255 characters, never empty."""
    fingerprint: str
    """Identity within the integration, at most 128 characters: the same problem has the same one in every message, so
    it never depends on times, values, texts or delivery ids."""
    group: str
    """The source's own group, without severity: alerts of one service with equal groups are one incident."""
    description: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    links: list[dict[str, str]] = []
    """`{"label": …, "href": …}`, http and https only."""
    starts_at: Instant | None = None
    """When it began, by the source's clock; None: not said. Orders occurrences (promise IN-5)."""
    ends_at: Instant | None = None
    """When it ended, by the source's clock; only meaningful when resolved."""
    words_stay: bool = False
    """A repeat changes neither what the first said nor makes it less bad, as senders made for Opsgenie expect."""


class Alert(msgspec.Struct, kw_only=True):
    """One occurrence of one identity; a row of `alerts`."""

    id: str
    organization_id: str
    team_id: str
    service_id: str
    integration_id: str
    incident_id: str | None
    fingerprint: str
    status: AlertStatus
    severity: Severity
    title: str
    description: str
    source: str
    labels: dict[str, str]
    annotations: dict[str, str]
    links: list[dict[str, str]]
    payload_id: str | None
    """The inbound message that opened or last changed it; its body is the alert's `rawPayload`."""
    content_sum: int = 0
    """CRC-32 of the texts as the source last sent them: see `content_sum`."""
    count: int
    """How often the source has reported it firing."""
    starts_at: Instant | None
    fired_at: Instant
    last_seen_at: Instant
    acknowledged_at: Instant | None = None
    resolved_at: Instant | None = None
    resolved_by_id: str | None = None
    """The person who resolved it; None: its source did, or an incident's end."""
    snoozed_until: Instant | None = None
    tags: list[str] = []
    assignee_id: str | None = None
    """Whose it is; None: whoever has the incident."""
    group_key: str | None = None
    """The group that it goes to once nothing holds it any more; None while it has an incident, or is over."""
    began: list[Instant] = []
    """When earlier occurrences of its identity began, the newest last; see `domain.noise`."""
    trace: list[Step] = []
    """What rules, windows and people decided about it; empty: nothing but the ordinary way."""
    hops: int = 0
    """How many OpenAlert instances the news of it had passed; see `domain.hops`."""
    updated_at: Instant


class Occurrence(msgspec.Struct):
    """What deciding about a signal needs to know of the newest occurrence of its identity."""

    id: str
    incident_id: str | None
    status: AlertStatus
    severity: Severity
    content_sum: int
    starts_at: Instant | None
    resolved_by_id: str | None
    fired_at: Instant = 0
    began: list[Instant] = []


class Ended(msgspec.Struct, frozen=True):
    """What listeners are told of an alert that is over."""

    id: str
    severity: Severity
    title: str


class Verdict(StrEnum):
    """What a signal means for the newest occurrence of its identity."""

    OPEN = "open"
    """A new occurrence: it pages."""
    REPEAT = "repeat"
    """Still firing: a heartbeat, not an event."""
    RESOLVE = "resolve"
    STORE_RESOLVED = "store_resolved"
    """The end of an occurrence whose beginning never came, or has not come yet: kept, pages nobody."""
    ACKNOWLEDGE = "acknowledge"
    STALE = "stale"
    """Late news of something that is over, or an end that is known: changes nothing."""


def judge(signal: Signal, known: Occurrence | None) -> Verdict:
    """What a signal means; orders occurrences by the source's own times only (promises IN-4, IN-5).

    Without times a firing after a resolve is a new occurrence: in doubt somebody is paged. What a person resolved
    while its source goes on reporting it opens again, because it is not over.
    """
    if signal.status is SignalStatus.FIRING:
        return _judge_firing(signal, known)
    if signal.status is SignalStatus.ACKNOWLEDGED:
        open_now = known is not None and known.status is not AlertStatus.RESOLVED
        return Verdict.ACKNOWLEDGE if open_now else Verdict.STALE
    if known is None:
        return Verdict.STORE_RESOLVED
    order = _order(signal.starts_at, known.starts_at)
    if known.status is AlertStatus.RESOLVED:
        return Verdict.STORE_RESOLVED if order > 0 else Verdict.STALE
    return Verdict.STALE if order < 0 else Verdict.RESOLVE


def _judge_firing(signal: Signal, known: Occurrence | None) -> Verdict:
    if known is None:
        return Verdict.OPEN
    if known.status is not AlertStatus.RESOLVED:
        return Verdict.REPEAT
    if known.resolved_by_id is not None or signal.starts_at is None or known.starts_at is None:
        return Verdict.OPEN
    return Verdict.OPEN if signal.starts_at > known.starts_at else Verdict.STALE


def _order(one: Instant | None, other: Instant | None) -> int:
    """1 when the first is later, -1 when it is earlier, 0 when equal or not known."""
    if one is None or other is None or one == other:
        return 0
    return 1 if one > other else -1


def later(one: Instant | None, other: Instant | None) -> Instant | None:
    """The later of two beginnings.

    A repeat that began later than the occurrence we know means that an end and a new beginning were missed;
    should that end still arrive, it must not close what began after it.
    """
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)


def content_sum(signal: Signal) -> int:
    """CRC-32 of the texts that a repeat may change."""
    texts = (signal.title, signal.description, signal.annotations, signal.links)
    return zlib.crc32(msgspec.msgpack.encode(texts))
