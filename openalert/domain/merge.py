"""Merge: one incident put into another by people, and what it takes to undo that."""

import msgspec

from openalert.domain.incident import EscalationState, IncidentStatus
from openalert.domain.instant import DAY, Instant

UNDO_WITHIN = DAY
"""So long after it a merge can be undone."""


class Standing(msgspec.Struct, kw_only=True):
    """How an incident stood before it was merged."""

    status: IncidentStatus
    acknowledged_at: Instant | None
    acknowledged_by_id: str | None
    snoozed_until: Instant | None
    escalation_state: EscalationState
    cycle: int = 0
    level: int | None = None
    """The level that was next; None: none was."""
    left: Instant = 0
    """Milliseconds until that level."""


class Merge(msgspec.Struct, kw_only=True):
    """A row of `incident_merges`."""

    id: str
    source_id: str
    target_id: str
    source_key: str
    """`domain.incident.open_key` of the source: new alerts of its group go to the target while that is open."""
    standing: Standing
    merged_at: Instant
    merged_by_id: str | None
    undone_at: Instant | None = None

    def can_be_undone(self, now: Instant) -> bool:
        """Whether it is in force and recent enough."""
        return self.undone_at is None and now - self.merged_at <= UNDO_WITHIN
