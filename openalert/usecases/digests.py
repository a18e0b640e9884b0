"""What was held for somebody during their quiet time, told when it is over."""

from openalert.domain.access import SYSTEM
from openalert.domain.incident import Incident, IncidentStatus
from openalert.domain.instant import Instant, to_datetime
from openalert.domain.notification import Notification
from openalert.domain.walltime import zone_named
from openalert.notifiers.notifier import OPEN, Action, Message, Point
from openalert.storage import incidents, users
from openalert.storage.transaction import Reader

MOST_LINES = 30


async def write(reader: Reader, row: Notification, message: Message, base_url: str) -> None:
    """Put into the message every incident whose page was held until then: what is open first, then what is over."""
    held = await incidents.held_for(reader, row.user_id or "", row.held_until or 0)
    held.sort(key=lambda incident: (not incident.is_open, -incident.severity.rank, incident.number))
    waiting = sum(incident.is_open for incident in held)
    pages = "1 page was" if len(held) == 1 else f"{len(held)} pages were"
    if len(held) == 1:
        state = "it is still open" if waiting else "it is over"
    else:
        state = f"{waiting} still open" if waiting else "all over"
    message.headline = f"{pages} held for you, {state}"
    people = await users.named(reader, SYSTEM, [_by(each) for each in held if _by(each)])
    names = {key: one.name for key, one in people.items()}
    told = [(each, _state(each, names, message.timezone)) for each in held[:MOST_LINES]]
    more = len(held) - len(told)
    message.actions = [Action(verb=OPEN, label="See all incidents", url=f"{base_url}/incidents")]
    if row.channel == "email":
        message.points = [_point(each, state, base_url) for each, state in told]
        message.body = f"And {more} more, which are not listed here." if more else ""
        return
    lines = [f"#{each.number} {each.title} ({each.severity}): {state}" for each, state in told]
    message.body = "\n\n".join([*lines, *([f"And {more} more."] if more else [])])


def _point(incident: Incident, state: str, base_url: str) -> Point:
    return Point(
        tone=incident.severity.value,
        words=f"#{incident.number} {incident.title}",
        detail=f"{state[0].upper()}{state[1:]}.",
        url=f"{base_url}/incidents/{incident.id}",
    )


def _by(incident: Incident) -> str:
    if incident.status is IncidentStatus.RESOLVED:
        return incident.resolved_by_id or ""
    return incident.acknowledged_by_id or ""


def _state(incident: Incident, names: dict[str, str], timezone: str) -> str:
    begun = f"since {_clock(incident.triggered_at, timezone)}"
    by = f" by {names[_by(incident)]}" if _by(incident) in names else ""
    if incident.status is IncidentStatus.RESOLVED:
        return f"{begun}, resolved{by} at {_clock(incident.resolved_at or 0, timezone)}"
    if incident.status is IncidentStatus.ACKNOWLEDGED:
        return f"{begun}, acknowledged{by} at {_clock(incident.acknowledged_at or 0, timezone)}"
    return f"{begun}, nobody has acknowledged it"


def _clock(at: Instant, timezone: str) -> str:
    return f"{to_datetime(at).astimezone(zone_named(timezone)):%a %H:%M}"
