"""JSON `/integrations/{id}/payloads`: what came in by an integration, and how it was read or would be."""

from datetime import datetime
from functools import partial
from typing import Annotated, Any

import msgspec
from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from openalert.domain.access import Actor
from openalert.domain.errors import Invalid
from openalert.domain.service import OUTCOMES, IntegrationConfig, Payload
from openalert.domain.severity import Severity
from openalert.storage.database import Database
from openalert.storage.transaction import Reader
from openalert.usecases import integrations, readings
from openalert.usecases.inbound import Outcome
from openalert.usecases.readings import Preview
from openalert.usecases.replay import replay, replay_all
from openalert.web.api.wire import READS, WRITES, Input, Output, moment, moment_or_none
from openalert.web.paging import DEFAULT, Cursor, Limit, Page, paged

PREVIEWED_ALERTS = 20


class PayloadOut(Output):
    """An inbound message, how it was read, and what kept it from being read."""

    id: str
    received_at: datetime
    source: str
    content_type: str
    body: str
    body_encoding: str
    body_size: int
    outcome: str
    reason: str
    alert_count: int
    seen_count: int
    trace_id: str
    read_as: list["ReadAsOut"]
    settled_at: datetime | None


class ReadAsOut(Output):
    """One alert as it was read in a message, and what it led to."""

    title: str
    status: str
    severity: Severity | None
    became: str
    alert_id: str | None
    incident_id: str | None


class LookedOut(Output):
    """What one expression of a mapping found in the first alert of a message."""

    member: str
    written: str
    found: str
    problem: str


class PreviewAlertOut(Output):
    """An alert as it would be read."""

    title: str
    description: str
    status: str
    severity: Severity | None
    fingerprint: str
    group: str
    labels: dict[str, str]
    links: list[dict[str, str]]
    starts_at: datetime | None


class ReadingPreviewOut(Output):
    """How a kept message would be read."""

    payload_id: str
    received_at: datetime
    source: str
    reason: str
    alert_count: int
    alerts: list[PreviewAlertOut]
    found: list[LookedOut]


class ReadingPreviewsOut(Output):
    """How kept messages would be read."""

    items: list[ReadingPreviewOut]


class ReadingPreviewIn(Input):
    """What to try: a configuration, and a message of the integration; without one, its last messages."""

    config: IntegrationConfig | None = None
    payload_id: str | None = None


class ReplayedOut(Output):
    """What became of the messages that could not be read."""

    read: int
    still_unread: int
    left: int
    incidents: list["IncidentRef"]


class IncidentRef(Output):
    """An incident that a message concerned."""

    id: str
    number: int


class ReplayOut(Output):
    """What became of a message that was sent through by us; the members are those of ingestion."""

    status: str
    alerts_processed: int
    deduplicated: int
    incidents: list[IncidentRef]
    trace_id: str


def show_payload(payload: Payload) -> PayloadOut:
    """An inbound message as it is answered."""
    return PayloadOut(
        id=payload.id,
        received_at=moment(payload.received_at),
        source=payload.source,
        content_type=payload.content_type,
        body=payload.body,
        body_encoding=payload.body_encoding,
        body_size=payload.body_size,
        outcome=payload.outcome,
        reason=payload.reason,
        alert_count=payload.alert_count,
        seen_count=payload.seen_count,
        trace_id=payload.trace_id,
        read_as=[ReadAsOut(**msgspec.structs.asdict(each)) for each in payload.read_as],
        settled_at=moment_or_none(payload.settled_at),
    )


def show_preview(preview: Preview) -> ReadingPreviewOut:
    """How a message would be read, as it is answered."""
    reading = preview.reading
    signals = reading.signals if reading else []
    return ReadingPreviewOut(
        payload_id=preview.payload.id,
        received_at=moment(preview.payload.received_at),
        source=reading.source if reading else "",
        reason=preview.reason,
        alert_count=len(signals),
        alerts=[
            PreviewAlertOut(
                title=signal.title,
                description=signal.description,
                status=signal.status.value,
                severity=signal.severity,
                fingerprint=signal.fingerprint,
                group=signal.group,
                labels=signal.labels,
                links=signal.links,
                starts_at=moment_or_none(signal.starts_at),
            )
            for signal in signals[:PREVIEWED_ALERTS]
        ],
        found=[LookedOut(**msgspec.structs.asdict(each)) for each in preview.found],
    )


def became(outcome: Outcome, trace_id: str) -> ReplayOut:
    """What became of a message that we sent through, as it is answered."""
    return ReplayOut(
        status="accepted",
        alerts_processed=outcome.processed,
        deduplicated=outcome.deduplicated,
        incidents=[IncidentRef(id=each, number=number) for each, number in outcome.incidents],
        trace_id=trace_id,
    )


@get("/{integration_id:str}/payloads", responses=READS)
async def list_payloads(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    integration_id: FromPath[str],
    outcome: Annotated[str | None, QueryParameter(description="Only messages that became this.")] = None,
    limit: Limit = DEFAULT,
    cursor: Cursor = None,
) -> Page[PayloadOut]:
    """What came in by the integration, the newest first, and what could not be read."""
    if outcome is not None and outcome not in OUTCOMES:
        raise Invalid(
            f"outcome must be one of {', '.join(OUTCOMES)}.", field="outcome", allowed=list(OUTCOMES)
        )
    async with db.read() as reader:
        read = partial(_received, reader, actor, integration_id, outcome)
        return await paged(read, show_payload, limit, cursor)


async def _received(
    reader: Reader, actor: Actor, integration_id: str, outcome: str | None, *, after: str, limit: int
) -> list[Payload]:
    """The list runs backwards in time, so what comes after the cursor was received before it."""
    return await integrations.received(
        reader, actor, integration_id, outcome=outcome, before=after, limit=limit
    )


@get("/{integration_id:str}/payloads/{payload_id:str}", responses=READS)
async def get_payload(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    integration_id: FromPath[str],
    payload_id: FromPath[str],
) -> PayloadOut:
    """One inbound message."""
    async with db.read() as reader:
        return show_payload((await integrations.payload(reader, actor, integration_id, payload_id))[1])


@post("/{integration_id:str}/payloads/{payload_id:str}/replay", status_code=202, responses=WRITES)
async def replay_payload(
    request: Request[Any, Any, Any],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    integration_id: FromPath[str],
    payload_id: FromPath[str],
) -> ReplayOut:
    """Send a kept message through again, after what kept it from being read has been mended."""
    trace_id = str(request.scope.get("request_id", ""))
    async with db.transaction(actor) as tx:
        outcome = await replay(tx, integration_id, payload_id, trace_id)
    return became(outcome, trace_id)


@post("/{integration_id:str}/payloads/replay", status_code=202, responses=WRITES)
async def replay_quarantined(
    request: Request[Any, Any, Any],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    integration_id: FromPath[str],
) -> ReplayedOut:
    """Send every message through again that could not be read: at most a hundred, the oldest first."""
    trace_id = str(request.scope.get("request_id", ""))
    async with db.transaction(actor) as tx:
        done = await replay_all(tx, integration_id, trace_id)
    return ReplayedOut(
        read=done.read,
        still_unread=done.still_unread,
        left=done.left,
        incidents=[IncidentRef(id=each, number=number) for each, number in done.incidents],
    )


@post("/{integration_id:str}/preview", status_code=200, responses=WRITES)
async def preview_reading(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    integration_id: FromPath[str],
    data: JSONBody[ReadingPreviewIn],
) -> ReadingPreviewsOut:
    """How kept messages would be read by a configuration, before it is saved. Nothing changes."""
    async with db.read() as reader:
        previews = await readings.preview(
            reader, actor, integration_id, config=data.config, payload_id=data.payload_id
        )
    return ReadingPreviewsOut(items=[show_preview(each) for each in previews])


ROUTES = (list_payloads, get_payload, replay_payload, replay_quarantined, preview_reading)
