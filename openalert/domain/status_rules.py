"""What may be told: the limits of titles, messages and times, and when the next step of a maintenance is due."""

import msgspec
from msgspec import UNSET, UnsetType

from openalert.domain.errors import Invalid
from openalert.domain.instant import DAY, Instant
from openalert.domain.status_page import OF_INCIDENT, OF_MAINTENANCE, PublicKind, PublicStatus, StatusIncident

LONGEST_TITLE = 255
LONGEST_MESSAGE = 25_000
LONGEST_MAINTENANCE = 90 * DAY
FURTHEST = 3 * 366 * DAY


def check_times(
    kind: PublicKind,
    begins: Instant | None,
    ends: Instant | None,
    started_at: Instant | None,
    now: Instant,
) -> None:
    """The times of what is told, or Invalid with the one that is wrong."""
    if kind is PublicKind.INCIDENT:
        if started_at is not None and started_at > now:
            raise Invalid("startedAt lies in the future; plan a maintenance instead.", field="startedAt")
        return
    if begins is None or ends is None:
        raise Invalid("A maintenance needs scheduledFor and scheduledUntil.", field="scheduledUntil")
    if ends <= begins:
        raise Invalid("scheduledUntil must be later than scheduledFor.", field="scheduledUntil")
    if ends - begins > LONGEST_MAINTENANCE:
        raise Invalid("A maintenance lasts at most 90 days.", field="scheduledUntil")
    if begins > now + FURTHEST:
        raise Invalid("A maintenance is planned at most three years ahead.", field="scheduledFor")


def moved(
    incident: StatusIncident, begins: Instant | UnsetType, ends: Instant | UnsetType, now: Instant
) -> StatusIncident:
    """The maintenance at other times, or Invalid; what has begun keeps its beginning, what is over its end."""
    if incident.kind is not PublicKind.MAINTENANCE:
        raise Invalid("Only a maintenance is planned; this is an incident.", field="scheduledFor")
    if begins not in (UNSET, incident.scheduled_for) and incident.status is not PublicStatus.SCHEDULED:
        raise Invalid("It has begun; only its end can be moved.", field="scheduledFor")
    if ends not in (UNSET, incident.scheduled_until) and incident.resolved_at is not None:
        raise Invalid("It is over; its end cannot be moved.", field="scheduledUntil")
    found = msgspec.structs.replace(incident)
    if begins not in (UNSET, incident.scheduled_for):
        found.scheduled_for = found.started_at = begins
    if ends is not UNSET:
        found.scheduled_until = ends
    check_times(found.kind, found.scheduled_for, found.scheduled_until, None, now)
    return found


def check_end(
    kind: PublicKind, started_at: Instant | None, resolved_at: Instant | None, now: Instant
) -> None:
    """The end of what is over when it is told, or Invalid."""
    if resolved_at is None:
        return
    if kind is PublicKind.MAINTENANCE:
        raise Invalid("A maintenance ends at scheduledUntil.", field="resolvedAt")
    if started_at is None:
        raise Invalid("With resolvedAt say when it began, in startedAt.", field="startedAt")
    if resolved_at > now:
        raise Invalid("resolvedAt lies in the future.", field="resolvedAt")
    if resolved_at <= started_at:
        raise Invalid("resolvedAt must be later than startedAt.", field="resolvedAt")


def check_status(kind: PublicKind, status: PublicStatus) -> PublicStatus:
    """The status, or Invalid when it is none of this kind."""
    allowed = OF_MAINTENANCE if kind is PublicKind.MAINTENANCE else OF_INCIDENT
    if status not in allowed:
        raise Invalid(f"status of a {kind} is one of {', '.join(allowed)}.", field="status")
    return status


def check_title(text: str) -> str:
    """The title on one line, or Invalid."""
    title = " ".join(text.split())
    if not 1 <= len(title) <= LONGEST_TITLE or not title.isprintable():
        raise Invalid(f"title needs 1 to {LONGEST_TITLE} printable characters.", field="title")
    return title


def check_message(text: str, field: str = "message") -> str:
    """The trimmed Markdown, or Invalid when it is too long."""
    if len(text) > LONGEST_MESSAGE:
        raise Invalid(f"{field} holds at most {LONGEST_MESSAGE} characters.", field=field)
    return text.strip()


def due(incident: StatusIncident) -> Instant | None:
    """When the next step happens by itself; None: none does."""
    if not incident.is_automatic or incident.published_at is None or incident.resolved_at is not None:
        return None
    return incident.scheduled_for if incident.status is PublicStatus.SCHEDULED else incident.scheduled_until
