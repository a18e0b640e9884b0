"""Service: the monitored thing. Integration: an inbound key of it. Payload: what came in by one."""

import msgspec

from openalert.domain.instant import Instant
from openalert.domain.mapping import Mapping
from openalert.domain.noise import AS_SENT, AT_ONCE, Grouping, Noise
from openalert.domain.sender_check import SenderCheck
from openalert.domain.severity import Severity


class Service(msgspec.Struct, kw_only=True):
    """Something a team answers for; a row of `services`."""

    id: str
    organization_id: str
    team_id: str
    name: str
    slug: str
    description: str = ""
    escalation_policy_id: str | None = None
    runbook_url: str | None = None
    grouping: Grouping = AS_SENT
    """Which of its alerts are one incident."""
    noise: Noise = AT_ONCE
    """Which of its alerts get a moment to end by themselves."""
    created_at: Instant
    updated_at: Instant
    deleted_at: Instant | None = None


class AutoClose(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True
):
    """For senders that never say that something is over: an alert without a repeat for so long is."""

    after_minutes: float
    acknowledged_too: bool = False
    """Whether also what somebody has acknowledged is closed."""


class IntegrationConfig(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True
):
    """How an integration reads what comes in, and from whom it takes it."""

    default_severity: Severity = Severity.MEDIUM
    """What an alert gets that says nothing we understand."""
    severities: dict[str, Severity] = {}
    """The sender's own words for how bad it is; they go before everything that its source knows."""
    mapping: Mapping | None = None
    """Where alerts are in bodies that no source knows."""
    auto_close: AutoClose | None = None
    sender_check: SenderCheck | None = None
    """None: whoever knows the address is let in."""


class Integration(msgspec.Struct, kw_only=True):
    """An inbound key of a service; a row of `integrations`. The key itself is not kept, only its SHA-256."""

    id: str
    service_id: str
    name: str
    type: str
    key_hash: str
    key_hint: str
    """The last four characters of the key, so that people can tell keys apart."""
    is_active: bool = True
    config: IntegrationConfig = IntegrationConfig()
    last_received_at: Instant | None = None
    created_at: Instant
    updated_at: Instant
    deleted_at: Instant | None = None


class PayloadContext(msgspec.Struct, frozen=True, omit_defaults=True):
    """What reading a message again needs besides its body."""

    headers: dict[str, str] = {}
    """Those that sources look at, in lower case."""
    query: dict[str, str] = {}
    """The overrides in its address."""


class ReadAs(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """One alert as it was read in a message, and what it led to."""

    title: str
    status: str
    severity: Severity | None
    """None: the message did not say."""
    became: str
    """What it meant: a word of `Verdict`."""
    alert_id: str | None = None
    incident_id: str | None = None


OUTCOMES = ("accepted", "partial", "ignored", "quarantined", "refused", "replayed", "closed")
"""What may become of a message: see `Payload.outcome`."""


class Payload(msgspec.Struct, kw_only=True):
    """One inbound message as it came; a row of `payloads`."""

    id: str
    integration_id: str
    received_at: Instant
    source: str
    content_type: str
    body: str
    """The first 64 KiB when quarantined, all of it otherwise."""
    body_encoding: str
    """`utf-8`, or `base64` for what is not text."""
    body_size: int
    """Bytes that came, also when not all are kept."""
    outcome: str
    """`accepted`, `partial` (some items skipped), `ignored`, `quarantined` (it could not be read), `refused` (its
    sender did not prove itself), `replayed`, or `closed`: it did not come, we closed what nobody repeated."""
    reason: str = ""
    alert_count: int = 0
    repeat_key: str | None = None
    """Integration and body hash of a quarantined message: the same one again is counted, not kept twice."""
    seen_count: int = 1
    trace_id: str
    context: PayloadContext = PayloadContext()
    read_as: list[ReadAs] = []
    """The first alerts that were read in it."""
    settled_at: Instant | None = None
    """When it was sent through again with success, after it could not be read, or was refused."""
