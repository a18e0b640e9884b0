"""What becomes of maintenance windows, told to the channels that follow their services and want to hear of it."""

from openalert.domain import maintenance_window as windows
from openalert.domain.channel import channel_kind
from openalert.domain.follower import MAINTENANCE
from openalert.domain.ids import new_id
from openalert.domain.instant import HOUR, Instant, to_datetime
from openalert.domain.maintenance_window import MaintenanceWindow, Occurrence
from openalert.domain.notification import Notification, NotificationKind, give_up_at, leading_to, priority_of
from openalert.storage import followers, notifications, services
from openalert.storage.followers import Following
from openalert.storage.transaction import Transaction

STALE = HOUR
"""The end of a window that passed longer ago, while the server was away, is no news any more."""
_NAMED = 5


async def tell(tx: Transaction, window: MaintenanceWindow) -> None:
    """Tell of the time that runs now, or of the one that is over, once whoever says it and however often."""
    present = windows.running(window, tx.now)
    if present is not None:
        await _tell(tx, window, present, "began")
        return
    over = [each for each in windows.between(window, tx.now - STALE, tx.now, 10) if each.ends_at <= tx.now]
    if over:
        await _tell(tx, window, max(over, key=lambda each: each.ends_at), "is over")


async def _tell(tx: Transaction, window: MaintenanceWindow, time: Occurrence, what: str) -> None:
    meant = {each.id: each.name for each in await services.of_team(tx, window.team_id)}
    if window.service_ids:
        meant = {key: name for key, name in meant.items() if key in window.service_ids}
    found = {
        each.channel_id: each for each in await followers.listening(tx, meant) if MAINTENANCE in each.events
    }
    if not found:
        return
    names = sorted(meant.values(), key=str.casefold)
    about = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
    body = (
        f"Alerts of {about} page nobody until {_clock(time.ends_at)}. Incidents that are open go on."
        if what == "began"
        else f"Alerts of {about} page again, also those that it held and that still fire."
    )
    rows = [
        _row(tx, window, time, each, f"Maintenance {what}: {window.name}", body) for each in found.values()
    ]
    await notifications.enqueue(tx, rows)


def _row(
    tx: Transaction, window: MaintenanceWindow, time: Occurrence, to: Following, headline: str, body: str
) -> Notification:
    kind, phase = NotificationKind.NOTICE, "begun" if time.ends_at > tx.now else "over"
    return Notification(
        id=new_id(tx.now),
        effect_key=f"maintenance:{window.id}:{time.planned_at}:{phase}:{to.channel_id}",
        organization_id=window.organization_id,
        team_id=window.team_id,
        incident_id=None,
        kind=kind,
        priority=priority_of(kind),
        channel_id=to.channel_id,
        channel=to.type,
        address=str(to.config.get(channel_kind(to.type).field) or ""),
        reason="This channel follows a service of the window.",
        content={"headline": headline, "body": body}
        | leading_to(("Open the window", f"/maintenance/{window.id}")),
        due_at=tx.now,
        give_up_at=give_up_at(kind, tx.now),
        created_at=tx.now,
        updated_at=tx.now,
    )


def _clock(instant: Instant) -> str:
    return f"{to_datetime(instant):%Y-%m-%d %H:%M} UTC"
