"""The public shapes of incidents: what the API shows of one, and what it takes."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from openalert.domain.errors import Invalid
from openalert.domain.incident import EscalationState, Incident, IncidentStatus, Phase
from openalert.domain.instant import to_datetime
from openalert.domain.severity import Severity
from openalert.domain.timeline import TimelineEntry, sentence
from openalert.usecases.incidents import Answered
from openalert.web.api.wire import Input, moment_or_none


class Priority(StrEnum):
    """The severities by their other names: P1 is critical, P5 info."""

    P1 = "P1"
    P2 = "P2"
    P3 = "P3"
    P4 = "P4"
    P5 = "P5"


class EscalationOut(msgspec.Struct, rename="camel"):
    """Where the escalation of an incident is."""

    policy_id: str | None
    state: EscalationState
    level: int
    cycle: int
    next_at: datetime | None


class IncidentOut(msgspec.Struct, rename="camel", kw_only=True):
    """An incident as the API shows it."""

    id: str
    number: int
    title: str
    status: IncidentStatus
    phase: Phase
    severity: Severity
    priority: str
    service_id: str
    team_id: str
    assignee_id: str | None
    alert_count: int
    firing_count: int
    triggered_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by_id: str | None
    resolved_at: datetime | None
    resolved_by_id: str | None
    resolution: str | None
    snoozed_until: datetime | None
    merged_into_id: str | None
    escalation: EscalationOut


class AnsweredOut(IncidentOut, kw_only=True):
    """The incident after an act, and the pages that were with a provider and may still arrive."""

    changed: bool
    in_flight: list[str]


class TimelineOut(msgspec.Struct, rename="camel"):
    """One entry of the timeline."""

    seq: int
    at: datetime
    kind: str
    message: str
    actor: dict[str, str | None]
    data: dict[str, Any]


class NewIncident(Input):
    """What is needed to open an incident by hand."""

    service_id: str
    title: str
    severity: Severity = Severity.HIGH
    description: str = ""


class Resolution(Input):
    """How it was resolved, if anybody wants to say."""

    resolution: str | None = None


class Reason(Input):
    """Why, if anybody wants to say."""

    reason: str = ""


class Snooze(Input):
    """Until when, or for how many minutes."""

    until: datetime | None = None
    duration_minutes: float | None = None


class Reassign(Input):
    """To whom."""

    user_id: str


class Note(Input):
    """What the next reader should know."""

    body: str


class Change(Input):
    """What PATCH may change; only what is given changes."""

    title: str | msgspec.UnsetType = msgspec.UNSET
    phase: Phase | msgspec.UnsetType = msgspec.UNSET
    status: IncidentStatus | msgspec.UnsetType = msgspec.UNSET
    assignee_id: str | msgspec.UnsetType = msgspec.UNSET
    resolution: str | msgspec.UnsetType = msgspec.UNSET
    severity: Severity | msgspec.UnsetType = msgspec.UNSET
    priority: Priority | msgspec.UnsetType = msgspec.UNSET

    def judged(self) -> Severity | None:
        """The severity that is asked for, by either name; Invalid when they say different things."""
        named = [each for each in Severity if each.priority == self.priority]
        if self.severity is msgspec.UNSET:
            return named[0] if named else None
        if named and named[0] is not self.severity:
            raise Invalid(f"{self.priority} is {named[0]}: give one of the two.", field="priority")
        return self.severity


def _facts(incident: Incident) -> dict[str, Any]:
    return {
        "id": incident.id,
        "number": incident.number,
        "title": incident.title,
        "status": incident.status,
        "phase": incident.phase,
        "severity": incident.severity,
        "priority": incident.severity.priority,
        "service_id": incident.service_id,
        "team_id": incident.team_id,
        "assignee_id": incident.assignee_id,
        "alert_count": incident.alert_count,
        "firing_count": incident.firing_count,
        "triggered_at": to_datetime(incident.triggered_at),
        "acknowledged_at": moment_or_none(incident.acknowledged_at),
        "acknowledged_by_id": incident.acknowledged_by_id,
        "resolved_at": moment_or_none(incident.resolved_at),
        "resolved_by_id": incident.resolved_by_id,
        "resolution": incident.resolution,
        "snoozed_until": moment_or_none(incident.snoozed_until),
        "merged_into_id": incident.merged_into_id,
        "escalation": EscalationOut(
            policy_id=incident.policy_id,
            state=incident.escalation_state,
            level=incident.escalation_level,
            cycle=incident.escalation_cycle,
            next_at=moment_or_none(incident.escalation_next_at),
        ),
    }


def incident_out(incident: Incident) -> IncidentOut:
    """The incident's public shape."""
    return IncidentOut(**_facts(incident))


def answered_out(answered: Answered) -> AnsweredOut:
    """The incident after an act."""
    in_flight = [notification.id for notification in answered.in_flight]
    return AnsweredOut(**_facts(answered.incident), changed=answered.changed, in_flight=in_flight)


def entry_out(entry: TimelineEntry) -> TimelineOut:
    """A timeline entry with its sentence."""
    return TimelineOut(
        seq=entry.seq,
        at=to_datetime(entry.at),
        kind=entry.kind,
        message=sentence(entry),
        actor={"kind": entry.actor_kind, "id": entry.actor_id, "name": entry.actor_name},
        data=entry.data,
    )
