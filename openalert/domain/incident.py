"""Incident: what people answer for, and its state machine.

Two states run side by side: `status` drives paging, `phase` drives what is told to others. Functions here
change an incident in memory and refuse what is not allowed; `usecases.transitions` writes, tells and pages.
"""

from enum import StrEnum

import msgspec

from openalert.domain.errors import Conflict
from openalert.domain.instant import DAY, Instant
from openalert.domain.severity import Severity

LONGEST_SNOOZE = 30 * DAY


class IncidentStatus(StrEnum):
    """Whether anybody answers for it."""

    TRIGGERED = "triggered"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class Phase(StrEnum):
    """How far the work is, in the words of a status page."""

    INVESTIGATING = "investigating"
    IDENTIFIED = "identified"
    MONITORING = "monitoring"
    RESOLVED = "resolved"


class EscalationState(StrEnum):
    """What the escalation of an incident is doing."""

    RUNNING = "running"
    """A timer row says when the next level is due."""
    STOPPED = "stopped"
    """Somebody answered, or snoozed it."""
    EXHAUSTED = "exhausted"
    """Every level and repetition has been paged and nobody answered; the owners were told."""
    NONE = "none"
    """The service has no escalation policy; the owners were told."""


class Incident(msgspec.Struct, kw_only=True):
    """A row of `incidents`."""

    id: str
    organization_id: str
    team_id: str
    service_id: str
    number: int
    """Counts 1, 2, 3 … within the organization: what people call it."""
    title: str
    status: IncidentStatus = IncidentStatus.TRIGGERED
    phase: Phase = Phase.INVESTIGATING
    severity: Severity
    """The worst that any of its alerts has been; it rises and never falls."""
    group_key: str
    open_key: str | None
    """Service and group while it is open; unique, so a group has one open incident."""
    episode: int = 1
    """Rises with each new start of the escalation: what belongs to an earlier one no longer pages."""
    assignee_id: str | None = None
    triggered_at: Instant
    acknowledged_at: Instant | None = None
    acknowledged_by_id: str | None = None
    resolved_at: Instant | None = None
    resolved_by_id: str | None = None
    resolution: str | None = None
    snoozed_until: Instant | None = None
    is_held: bool = False
    """Whether that is because every alert of it that fires is held, and no person's wish."""
    alert_count: int = 0
    firing_count: int = 0
    last_seq: int = 0
    policy_id: str | None = None
    policy_version_id: str | None = None
    escalation_state: EscalationState = EscalationState.NONE
    escalation_level: int = 0
    """The level paged last; 0 before the first."""
    escalation_cycle: int = 0
    """0 in the first run through the levels, then 1 for the first repetition …"""
    escalation_next_at: Instant | None = None
    escalation_reached: bool = False
    """Whether any level of this cycle reached somebody."""
    merged_into_id: str | None = None
    """The incident that people put it into; it is resolved as long as it is there."""
    hops: int = 0
    """How many OpenAlert instances the farthest travelled of its alerts had passed; see `domain.hops`."""
    updated_at: Instant

    @property
    def is_open(self) -> bool:
        """Not resolved."""
        return self.status is not IncidentStatus.RESOLVED

    def is_snoozed(self, now: Instant) -> bool:
        """Silent until later, although open."""
        return self.snoozed_until is not None and self.snoozed_until > now

    def is_quiet(self, now: Instant) -> bool:
        """Silent because every alert of it that fires is held."""
        return self.is_held and self.is_snoozed(now)

    def wants_pages(self, now: Instant) -> bool:
        """Whether anybody may still be paged for it."""
        return self.status is IncidentStatus.TRIGGERED and not self.is_snoozed(now)


def open_key(service_id: str, group_key: str) -> str:
    """What is unique among open incidents."""
    return f"{service_id}:{group_key}"


def acknowledge(incident: Incident, by_id: str | None, now: Instant) -> bool:
    """Somebody has it. False if somebody already had (repeating it is fine); Conflict once it is resolved."""
    if incident.status is IncidentStatus.RESOLVED:
        raise _not_allowed(incident, "acknowledged")
    if incident.status is IncidentStatus.ACKNOWLEDGED:
        return False
    incident.status = IncidentStatus.ACKNOWLEDGED
    incident.acknowledged_at, incident.acknowledged_by_id = now, by_id
    incident.snoozed_until = None
    incident.updated_at = now
    return True


def resolve(incident: Incident, by_id: str | None, resolution: str | None, now: Instant) -> bool:
    """It is over. False if it already was."""
    if incident.status is IncidentStatus.RESOLVED:
        return False
    incident.status, incident.phase = IncidentStatus.RESOLVED, Phase.RESOLVED
    incident.resolved_at, incident.resolved_by_id, incident.resolution = now, by_id, resolution
    incident.snoozed_until = None
    incident.open_key = None
    incident.updated_at = now
    return True


def merge(incident: Incident, into: Incident, by_id: str | None, now: Instant) -> None:
    """It goes on as a part of another, which has its alerts from now on."""
    resolve(incident, by_id, f"Merged into #{into.number}", now)
    incident.merged_into_id = into.id


def reopen(incident: Incident, now: Instant) -> bool:
    """It was not over, or nobody has it after all: back to triggered. False if it is triggered already."""
    if incident.status is IncidentStatus.TRIGGERED:
        return False
    incident.status, incident.phase = IncidentStatus.TRIGGERED, Phase.INVESTIGATING
    incident.acknowledged_at = incident.acknowledged_by_id = None
    incident.resolved_at = incident.resolved_by_id = incident.resolution = None
    incident.merged_into_id = None
    incident.snoozed_until = None
    incident.open_key = open_key(incident.service_id, incident.group_key)
    incident.updated_at = now
    return True


def snooze(incident: Incident, until: Instant, now: Instant) -> None:
    """Silent until `until`; then it is triggered again. Conflict once it is resolved."""
    if incident.status is IncidentStatus.RESOLVED:
        raise _not_allowed(incident, "snoozed")
    incident.snoozed_until, incident.is_held = until, False
    incident.updated_at = now


def raise_severity(incident: Incident, severity: Severity, now: Instant) -> bool:
    """Take over a worse severity; True if it rose."""
    if severity.rank <= incident.severity.rank:
        return False
    incident.severity = severity
    incident.updated_at = now
    return True


_ALLOWED = {
    IncidentStatus.TRIGGERED: ["acknowledged", "resolved", "snoozed"],
    IncidentStatus.ACKNOWLEDGED: ["resolved", "snoozed", "triggered"],
    IncidentStatus.RESOLVED: ["triggered"],
}


def _not_allowed(incident: Incident, wanted: str) -> Conflict:
    return Conflict(
        f"Incident #{incident.number} is {incident.status} and cannot be {wanted}; reopen it first.",
        code="INVALID_STATUS_TRANSITION",
        status=incident.status,
        allowed=_ALLOWED[incident.status],
    )
