"""JSON `/outgoing-webhooks`: programs of others that are told what happens, and the log of what they were told."""

from datetime import datetime
from functools import partial
from typing import Annotated, Any

import msgspec
from litestar import Router, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import UNSET, UnsetType

from openalert.domain.access import Actor
from openalert.domain.outgoing_webhook import (
    USUAL_ATTEMPTS,
    DeliveryStatus,
    OutgoingAttempt,
    OutgoingDelivery,
    OutgoingWebhook,
)
from openalert.domain.severity import Severity
from openalert.notifiers.outgoing_webhook import sent_headers
from openalert.storage.database import Database
from openalert.usecases import outgoing_deliveries, outgoing_webhooks
from openalert.usecases.outgoing_webhooks import Wish
from openalert.web.api.wire import (
    READS,
    SHOWN_ONCE,
    WRITES,
    Input,
    Moment,
    Output,
    Words,
    instant_or_none,
    moment,
    moment_or_none,
    words,
)
from openalert.web.paging import DEFAULT, Cursor, Limit, Page, paged

EventName = Annotated[
    str | None, QueryParameter(name="type", description="Only what was told of this event.")
]


class OutgoingWebhookOut(Output):
    """An outgoing webhook; `secret` is only in the answers that made one."""

    id: str
    name: str
    url: str
    events: list[str]
    team_ids: list[str]
    service_ids: list[str]
    severities: list[Severity]
    matchers: list[str]
    headers: dict[str, str]
    secret_headers: list[str]
    timeout_seconds: int
    max_attempts: int
    is_enabled: bool
    failing_since: datetime | None
    last_success_at: datetime | None
    last_failure_at: datetime | None
    disabled_at: datetime | None
    disabled_reason: str | None
    previous_secret_until: datetime | None
    created_at: datetime
    updated_at: datetime
    secret: str | UnsetType = UNSET


class OutgoingWebhookIn(Input):
    """A new outgoing webhook; a filter that is left out, or empty, narrows nothing."""

    name: str
    url: str
    events: list[str] = msgspec.field(default_factory=lambda: ["*"])
    team_ids: list[str] = msgspec.field(default_factory=list)
    service_ids: list[str] = msgspec.field(default_factory=list)
    severities: list[Severity] = msgspec.field(default_factory=list)
    matchers: list[str] = msgspec.field(default_factory=list)
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    secret_headers: list[str] = msgspec.field(default_factory=list)
    timeout_seconds: int = 10
    max_attempts: int = USUAL_ATTEMPTS
    is_enabled: bool = True


class OutgoingWebhookPatch(Input):
    """What to change of an outgoing webhook; `headers` replaces all of them, and `********` keeps a secret value."""

    name: str | UnsetType = UNSET
    url: str | UnsetType = UNSET
    events: list[str] | UnsetType = UNSET
    team_ids: list[str] | UnsetType = UNSET
    service_ids: list[str] | UnsetType = UNSET
    severities: list[Severity] | UnsetType = UNSET
    matchers: list[str] | UnsetType = UNSET
    headers: dict[str, str] | UnsetType = UNSET
    secret_headers: list[str] | UnsetType = UNSET
    timeout_seconds: int | UnsetType = UNSET
    max_attempts: int | UnsetType = UNSET
    is_enabled: bool | UnsetType = UNSET


class OutgoingDeliveryOut(Output):
    """What a webhook was told of one event; `id` is the `webhook-id` of every attempt."""

    id: str
    webhook_id: str
    type: str
    sequence: int
    object_id: str
    status: DeliveryStatus
    attempts: int
    status_code: int | None
    failure_reason: str | None
    next_attempt_at: datetime | None
    delivered_at: datetime | None
    created_at: datetime


class OutgoingAttemptOut(Output):
    """One try: when, how long it took, and what came back."""

    at: datetime
    duration_ms: int
    outcome: str
    status_code: int | None
    response: str


class OutgoingDeliveryWithBody(OutgoingDeliveryOut, kw_only=True):
    """One delivery with what is sent, and each try of it."""

    request_headers: dict[str, Any]
    request_body: Any
    attempt_log: list[OutgoingAttemptOut]


class ReplayIn(Input):
    """What to send again: all that failed, or what did since an instant."""

    since: Moment | None = None


class ReplayOut(Output):
    """How many deliveries are sent again, at most 2,000, and how many are left to be asked for."""

    replayed: int
    remaining: int


def show(webhook: OutgoingWebhook, secret: str | None = None) -> OutgoingWebhookOut:
    """A webhook as it is answered; `secret` is what signs its requests."""
    return OutgoingWebhookOut(
        id=webhook.id,
        name=webhook.name,
        url=webhook.url,
        events=webhook.events,
        team_ids=webhook.team_ids,
        service_ids=webhook.service_ids,
        severities=webhook.severities,
        matchers=webhook.matchers,
        headers=outgoing_webhooks.shown_headers(webhook),
        secret_headers=webhook.secret_headers,
        timeout_seconds=webhook.timeout_seconds,
        max_attempts=webhook.max_attempts,
        is_enabled=webhook.is_enabled,
        failing_since=moment_or_none(webhook.failing_since),
        last_success_at=moment_or_none(webhook.last_success_at),
        last_failure_at=moment_or_none(webhook.last_failure_at),
        disabled_at=moment_or_none(webhook.disabled_at),
        disabled_reason=webhook.disabled_reason,
        previous_secret_until=moment_or_none(webhook.previous_secret_until),
        created_at=moment(webhook.created_at),
        updated_at=moment(webhook.updated_at),
        secret=UNSET if secret is None else secret,
    )


def _members(delivery: OutgoingDelivery) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "webhook_id": delivery.webhook_id,
        "type": delivery.type,
        "sequence": delivery.sequence,
        "object_id": delivery.object_id,
        "status": delivery.status,
        "attempts": delivery.attempts,
        "status_code": delivery.status_code,
        "failure_reason": delivery.failure_reason,
        "next_attempt_at": moment_or_none(delivery.due_at),
        "delivered_at": moment_or_none(delivery.delivered_at),
        "created_at": moment(delivery.created_at),
    }


def show_delivery(delivery: OutgoingDelivery) -> OutgoingDeliveryOut:
    """A delivery as the list has it."""
    return OutgoingDeliveryOut(**_members(delivery))


def _attempt(attempt: OutgoingAttempt) -> OutgoingAttemptOut:
    return OutgoingAttemptOut(
        at=moment(attempt.at),
        duration_ms=attempt.duration_ms,
        outcome=attempt.outcome,
        status_code=attempt.status_code,
        response=attempt.detail,
    )


@get("/", responses=READS)
async def list_outgoing_webhooks(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    limit: Limit = DEFAULT,
    cursor: Cursor = None,
) -> Page[OutgoingWebhookOut]:
    """The outgoing webhooks of the organization, for its admins."""
    async with db.read() as reader:
        return await paged(partial(outgoing_webhooks.page, reader, actor), show, limit, cursor)


@post("/", responses=WRITES, opt=SHOWN_ONCE)
async def create_outgoing_webhook(
    db: NamedDependency[Database], actor: NamedDependency[Actor], data: JSONBody[OutgoingWebhookIn]
) -> OutgoingWebhookOut:
    """Make an outgoing webhook. Its requests are signed with `secret`, which is shown this once."""
    async with db.transaction(actor) as tx:
        return show(*await outgoing_webhooks.create(tx, Wish(**data.members())))


@get("/{webhook_id:str}", responses=READS)
async def get_outgoing_webhook(
    db: NamedDependency[Database], actor: NamedDependency[Actor], webhook_id: FromPath[str]
) -> OutgoingWebhookOut:
    """One outgoing webhook."""
    async with db.read() as reader:
        return show(await outgoing_webhooks.get(reader, actor, webhook_id))


@patch("/{webhook_id:str}", responses=WRITES)
async def update_outgoing_webhook(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    webhook_id: FromPath[str],
    data: JSONBody[OutgoingWebhookPatch],
) -> OutgoingWebhookOut:
    """Change an outgoing webhook. Switched on, it is told what happens from then on."""
    async with db.transaction(actor) as tx:
        return show(await outgoing_webhooks.update(tx, webhook_id, Wish(**data.members())))


@delete("/{webhook_id:str}", responses=WRITES)
async def delete_outgoing_webhook(
    db: NamedDependency[Database], actor: NamedDependency[Actor], webhook_id: FromPath[str]
) -> None:
    """Delete an outgoing webhook, and with it the log of what it was told."""
    async with db.transaction(actor) as tx:
        await outgoing_webhooks.delete(tx, webhook_id)


@post("/{webhook_id:str}/rotate-secret", status_code=200, responses=WRITES, opt=SHOWN_ONCE)
async def rotate_outgoing_webhook_secret(
    db: NamedDependency[Database], actor: NamedDependency[Actor], webhook_id: FromPath[str]
) -> OutgoingWebhookOut:
    """Make a new signing secret, shown this once; for a day the one before signs too."""
    async with db.transaction(actor) as tx:
        return show(*await outgoing_webhooks.rotate_secret(tx, webhook_id))


@post("/{webhook_id:str}/test", status_code=202, responses=WRITES)
async def test_outgoing_webhook(
    db: NamedDependency[Database], actor: NamedDependency[Actor], webhook_id: FromPath[str]
) -> OutgoingDeliveryOut:
    """Send the event `test`, which is tried once; the delivery that is answered tells how it ended."""
    async with db.transaction(actor) as tx:
        return show_delivery(await outgoing_deliveries.send_test(tx, webhook_id))


@get("/{webhook_id:str}/deliveries", responses=READS)
async def list_outgoing_deliveries(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    webhook_id: FromPath[str],
    limit: Limit = DEFAULT,
    cursor: Cursor = None,
    status: Words = None,
    event: EventName = None,
) -> Page[OutgoingDeliveryOut]:
    """What a webhook was told, the newest first."""
    chosen = words(status, list(DeliveryStatus), "status")
    statuses = None if chosen is None else [DeliveryStatus(each) for each in chosen]
    async with db.read() as reader:

        async def read(after: str, limit: int) -> list[OutgoingDelivery]:
            return await outgoing_deliveries.search(
                reader, actor, webhook_id, statuses=statuses, type=event, before=after, limit=limit
            )

        return await paged(read, show_delivery, limit, cursor)


@get("/{webhook_id:str}/deliveries/{delivery_id:str}", responses=READS)
async def get_outgoing_delivery(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    webhook_id: FromPath[str],
    delivery_id: FromPath[str],
) -> OutgoingDeliveryWithBody:
    """One delivery with its body, and what came back at each attempt."""
    async with db.read() as reader:
        webhook = await outgoing_webhooks.get(reader, actor, webhook_id)
        delivery, attempts = await outgoing_deliveries.get(reader, actor, webhook_id, delivery_id)
    return OutgoingDeliveryWithBody(
        **_members(delivery),
        request_headers=sent_headers(delivery.id, webhook.headers, webhook.secret_headers),
        request_body=msgspec.json.decode(delivery.body),
        attempt_log=[_attempt(each) for each in attempts],
    )


@post("/{webhook_id:str}/deliveries/{delivery_id:str}/replay", status_code=202, responses=WRITES)
async def replay_outgoing_delivery(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    webhook_id: FromPath[str],
    delivery_id: FromPath[str],
) -> OutgoingDeliveryOut:
    """Send one delivery again, with the same id and body, whatever became of it."""
    async with db.transaction(actor) as tx:
        return show_delivery(await outgoing_deliveries.replay(tx, webhook_id, delivery_id))


@post("/{webhook_id:str}/replay", status_code=202, responses=WRITES)
async def replay_failed_deliveries(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    webhook_id: FromPath[str],
    data: JSONBody[ReplayIn],
) -> ReplayOut:
    """Send again what failed, the oldest first, with the same ids and bodies: all, or since an instant."""
    async with db.transaction(actor) as tx:
        since = instant_or_none(data.since) or 0
        replayed, remaining = await outgoing_deliveries.replay_failed(tx, webhook_id, since)
        return ReplayOut(replayed=replayed, remaining=remaining)


routes = Router(
    path="/outgoing-webhooks",
    tags=["outgoing webhooks"],
    route_handlers=[
        list_outgoing_webhooks,
        create_outgoing_webhook,
        get_outgoing_webhook,
        update_outgoing_webhook,
        delete_outgoing_webhook,
        rotate_outgoing_webhook_secret,
        test_outgoing_webhook,
        list_outgoing_deliveries,
        get_outgoing_delivery,
        replay_outgoing_delivery,
        replay_failed_deliveries,
    ],
)
