"""Sending a message once more by hand, after it ended without reaching anybody."""

from typing import Any

import msgspec

from openalert.domain.access import Actor, Permission
from openalert.domain.errors import Conflict, NotFound
from openalert.domain.ids import new_id
from openalert.domain.incident import Incident
from openalert.domain.notification import (
    Notification,
    NotificationKind,
    NotificationStatus,
    give_up_at,
    priority_of,
)
from openalert.storage import incidents, notifications
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import access, audit

_MADE_ANEW = (NotificationKind.CODE, NotificationKind.LINK, NotificationKind.DIGEST)
"""What would say something that is no longer so: whoever wants it asks for a new one."""


async def see(reader: Reader, actor: Actor, notification_id: str) -> Notification:
    """The message, or NotFound for what belongs to a team the actor is not in, or to another person."""
    row = await notifications.get(reader, notification_id)
    if row is None or not _may_see(actor, row):
        raise NotFound("notification")
    return row


def _may_see(actor: Actor, row: Notification) -> bool:
    if row.team_id is None:
        return actor.organization_id == row.organization_id and (
            actor.sees_all_teams or actor.user_id == row.user_id
        )
    return access.sees(actor, row.organization_id, row.team_id)


def can_be_resent(row: Notification) -> bool:
    """Whether nothing more will become of it by itself, and its words are still true."""
    is_over = row.due_at is None and row.status is not NotificationStatus.SENDING
    return is_over and row.kind not in _MADE_ANEW and row.team_id is not None


async def resend(tx: Transaction, notification_id: str) -> Notification:
    """A new message to the same address; the old one keeps its end.

    A page pages again only while its incident still wants that; after it, whoever gets it is told how things stand.
    """
    row = await see(tx, tx.actor, notification_id)
    access.require(tx.actor, Permission.RESPOND, row.team_id)
    if not can_be_resent(row):
        raise Conflict("Only a message that has its end can be sent again.", code="NOT_FINAL")
    incident = await incidents.get(tx, row.incident_id) if row.incident_id else None
    again = _again(row, tx.now, _as_things_stand(row, incident, tx.now))
    await notifications.enqueue(tx, [again])
    audit.record(
        tx,
        "notification.resent",
        kind="notification",
        id=row.id,
        name=f"#{incident.number} {incident.title}" if incident else str(row.content.get("headline", "")),
        team_id=row.team_id,
        organization_id=row.organization_id,
        after={"channel": row.channel, "kind": again.kind.value},
    )
    return again


def _as_things_stand(row: Notification, incident: Incident | None, now: int) -> dict[str, Any]:
    """What of the message is different now."""
    if row.kind is not NotificationKind.PAGE or incident is None:
        return {}
    if incident.wants_pages(now) and incident.episode == row.episode:
        return {
            "kind": NotificationKind.PAGE,
            "priority": priority_of(NotificationKind.PAGE, incident.severity),
        }
    return {
        "kind": NotificationKind.UPDATE,
        "priority": priority_of(NotificationKind.UPDATE),
        "content": {"headline": incident.status.value.capitalize()},
        "reason": "You were to be paged for this incident, and it did not reach you.",
    }


def _again(row: Notification, now: int, changes: dict[str, Any]) -> Notification:
    fresh_id = new_id(now)
    new = msgspec.structs.replace(
        row,
        id=fresh_id,
        effect_key=f"resend:{row.id}:{fresh_id}",
        status=NotificationStatus.PENDING,
        possible_repeat=row.possible_repeat or row.status is NotificationStatus.UNKNOWN,
        attempts=0,
        due_at=now,
        held_until=None,
        run_id=None,
        claimed_at=None,
        sent_at=None,
        delivered_at=None,
        failure_reason=None,
        provider=0,
        provider_id=None,
        bundle_id=None,
        created_at=now,
        updated_at=now,
        **changes,
    )
    return msgspec.structs.replace(new, give_up_at=give_up_at(new.kind, now))
