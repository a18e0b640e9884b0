"""Signal: what a source said. Alert: what we keep of it, one row per identity and occurrence."""

from enum import StrEnum
from typing import Any

import msgspec

from openalert.domain.instant import Instant
from openalert.domain.severity import Severity


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
    """Identity within the integration (formats.md section 6), at most 128 characters; never depends on times,
    values, texts or delivery ids."""
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
    updated_at: Instant


JsonObject = dict[str, Any]
