"""Follower: a team's channel that hears what becomes of a service's incidents; what it hears, and in which words."""

from collections.abc import Collection

import msgspec

from openalert.domain.errors import Invalid
from openalert.domain.incident import Incident
from openalert.domain.instant import Instant
from openalert.domain.severity import Severity
from openalert.domain.timeline import Data, TimelineEntry

MAINTENANCE = "maintenance"
EVENTS = {
    "triggered": "Triggered",
    "acknowledged": "Acknowledged",
    "escalated": "Escalated to a further level",
    "resolved": "Resolved",
    "reopened": "Reopened",
    "note": "Notes",
    MAINTENANCE: "Maintenance windows",
}
"""What can be followed: kinds of timeline entries and the begin and end of maintenance, in words for people."""
USUAL = ("triggered", "acknowledged", "escalated", "resolved", "reopened")


class Follower(msgspec.Struct, kw_only=True):
    """A row of `service_followers`."""

    service_id: str
    channel_id: str
    min_severity: Severity = Severity.INFO
    events: tuple[str, ...] = USUAL
    created_at: Instant

    def hears(self, incident: Incident, entry: TimelineEntry) -> bool:
        """Whether this is news for it: that level 1 is paged goes without saying."""
        if entry.kind not in self.events or incident.severity.rank < self.min_severity.rank:
            return False
        return entry.kind != "escalated" or entry.data["level"] > 1 or entry.data["cycle"] > 0


def check_events(events: Collection[str]) -> tuple[str, ...]:
    """The events in their order, or Invalid with what there is."""
    if not events or set(events) - set(EVENTS):
        raise Invalid(f"events must be some of {', '.join(EVENTS)}.", field="events", allowed=list(EVENTS))
    return tuple(name for name in EVENTS if name in events)


def headline(entry: TimelineEntry) -> str:
    """What happened, in a few words: `Acknowledged by Bea`."""
    who, data = entry.actor_name, entry.data
    match entry.kind:
        case "acknowledged":
            return f"Acknowledged by {who}"
        case "resolved":
            return "Resolved" if data.get("automatic") else f"Resolved by {who}"
        case "reopened":
            return f"Reopened by {who}" if entry.actor_kind == "user" else "Reopened"
        case "escalated":
            return f"Escalated to level {data['level']}"
        case "note":
            return f"Note by {who}"
        case _:
            return EVENTS.get(entry.kind, entry.kind.capitalize())


def body(entry: TimelineEntry) -> str:
    """What else belongs to it: the words of a note, what it was, who is paged; empty for most."""
    return _BODIES[entry.kind](entry.data) if entry.kind in _BODIES else ""


def _people(data: Data) -> str:
    return f"{', '.join(data['people'])} to be paged." if data.get("people") else ""


_BODIES = {
    "note": lambda data: str(data.get("body", "")),
    "resolved": lambda data: str(data.get("resolution") or ""),
    "reopened": lambda data: str(data.get("reason") or ""),
    "escalated": _people,
}
