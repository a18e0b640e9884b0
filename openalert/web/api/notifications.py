"""JSON /api/v1/notifications."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from openalert.domain.access import Actor
from openalert.domain.errors import Invalid
from openalert.domain.instant import to_datetime
from openalert.domain.notification import Notification, NotificationKind, NotificationStatus
from openalert.storage import notifications
from openalert.storage.database import Database
from openalert.usecases import resending
from openalert.web.api.wire import READS, WRITES, moment_or_none
from openalert.web.paging import Cursor, Limit, Page, paged

OneId = Annotated[str | None, QueryParameter()]


class NotificationOut(msgspec.Struct, rename="camel", kw_only=True):
    """A message as the API shows it; its address is not among the members."""

    id: str
    incident_id: str | None
    user_id: str | None
    channel_id: str | None
    channel: str
    kind: NotificationKind
    status: NotificationStatus
    level: int
    cycle: int
    reason: str
    possible_repeat: bool
    attempts: int
    created_at: datetime
    due_at: datetime | None
    sent_at: datetime | None
    delivered_at: datetime | None
    failure_reason: str | None
    provider_id: str | None


class AttemptOut(msgspec.Struct, rename="camel"):
    """One try to send it."""

    attempt: int
    started_at: datetime
    ended_at: datetime | None
    outcome: str
    detail: str


class NotificationWithAttempts(NotificationOut, kw_only=True):
    """One message with every try."""

    attempt_log: list[AttemptOut]


def _facts(row: Notification) -> dict[str, Any]:
    return {
        "id": row.id,
        "incident_id": row.incident_id,
        "user_id": row.user_id,
        "channel_id": row.channel_id,
        "channel": row.channel,
        "kind": row.kind,
        "status": row.status,
        "level": row.level,
        "cycle": row.cycle,
        "reason": row.reason,
        "possible_repeat": row.possible_repeat,
        "attempts": row.attempts,
        "created_at": to_datetime(row.created_at),
        "due_at": moment_or_none(row.due_at),
        "sent_at": moment_or_none(row.sent_at),
        "delivered_at": moment_or_none(row.delivered_at),
        "failure_reason": row.failure_reason,
        "provider_id": row.provider_id,
    }


def notification_out(row: Notification) -> NotificationOut:
    """The message's public shape."""
    return NotificationOut(**_facts(row))


@get("/", responses=READS)
async def list_notifications(
    actor: NamedDependency[Actor],
    db: NamedDependency[Database],
    limit: Limit = 50,
    cursor: Cursor = None,
    incidentId: OneId = None,  # noqa: N803 - the parameter's public name
    userId: OneId = None,  # noqa: N803 - the parameter's public name
    status: OneId = None,
    channel: OneId = None,
    kind: OneId = None,
) -> Page[NotificationOut]:
    """Messages to people and channels, newest first."""
    if status is not None and status not in list(NotificationStatus):
        allowed = [each.value for each in NotificationStatus]
        raise Invalid(f"status must be one of {', '.join(allowed)}.", field="status", allowed=allowed)
    if kind is not None and kind not in list(NotificationKind):
        kinds = [each.value for each in NotificationKind]
        raise Invalid(f"kind must be one of {', '.join(kinds)}.", field="kind", allowed=kinds)
    given = {"incident_id": incidentId, "user_id": userId, "status": status, "channel": channel, "kind": kind}
    wanted = {name: value for name, value in given.items() if value is not None}
    async with db.read() as reader:

        async def read(after: str, limit: int) -> list[Notification]:
            return await notifications.search(reader, actor, wanted, limit=limit, before=after or None)

        return await paged(read, notification_out, limit, cursor)


@get("/{notification_id:str}", responses=READS)
async def get_notification(
    actor: NamedDependency[Actor], db: NamedDependency[Database], notification_id: FromPath[str]
) -> NotificationWithAttempts:
    """One message with every try to send it."""
    async with db.read() as reader:
        row = await resending.see(reader, actor, notification_id)
        tries = await notifications.attempts_of(reader, [row.id])
    log = [
        AttemptOut(
            each.attempt,
            to_datetime(each.started_at),
            moment_or_none(each.ended_at),
            each.outcome,
            each.detail,
        )
        for each in tries
    ]
    return NotificationWithAttempts(**_facts(row), attempt_log=log)


@post("/{notification_id:str}/resend", status_code=201, responses=WRITES)
async def resend_notification(
    actor: NamedDependency[Actor], db: NamedDependency[Database], notification_id: FromPath[str]
) -> NotificationOut:
    """A message that has its end, once more; what is answered is the new one.

    A page pages again while its incident still wants that, else it tells how things stand.
    """
    async with db.transaction(actor) as tx:
        row = await resending.resend(tx, notification_id)
    return notification_out(row)


routes = Router(
    path="/notifications",
    route_handlers=[list_notifications, get_notification, resend_notification],
    tags=["notifications"],
)
