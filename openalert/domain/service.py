"""Service: the monitored thing. Integration: an inbound key of it. Payload: what came in by one."""

import msgspec

from openalert.domain.instant import Instant
from openalert.domain.noise import AS_SENT, AT_ONCE, Grouping, Noise
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


class IntegrationConfig(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """How an integration reads what comes in."""

    default_severity: Severity = Severity.MEDIUM
    """What an alert gets that says nothing we understand."""


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
    """`accepted`, `partial` (some items skipped), `ignored`, `quarantined`, `replayed`."""
    reason: str = ""
    alert_count: int = 0
    repeat_key: str | None = None
    """Integration and body hash of a quarantined message: the same one again is counted, not kept twice."""
    seen_count: int = 1
    trace_id: str
