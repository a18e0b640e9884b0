"""JSON /api/v1/alerts."""

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Router, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, QueryParameter

from openalert.domain.access import Actor
from openalert.domain.alert import AlertStatus
from openalert.domain.alert_filter import LONGEST_WORD, MOST_MATCHES, AlertFilter, LabelMatch
from openalert.domain.errors import Invalid
from openalert.domain.instant import to_datetime
from openalert.domain.service import Payload
from openalert.domain.severity import Severity
from openalert.domain.trace import sentence
from openalert.storage import alert_lists, payloads
from openalert.storage.database import Database
from openalert.usecases import alerts as acts
from openalert.usecases import traces
from openalert.web.api import alert_deeds
from openalert.web.api.alert_shapes import AlertOut, AlertWithPayload, alert_out, facts_of
from openalert.web.api.wire import READS, WRITES, Words, instant_or_none, words
from openalert.web.paging import Cursor, Limit, Page, check

OneId = Annotated[str | None, QueryParameter()]
Several = Annotated[list[str] | None, QueryParameter()]
Since = Annotated[datetime | None, QueryParameter(name="from", description="Those that came then or later.")]
Until = Annotated[datetime | None, QueryParameter(name="to", description="Those that came before.")]


def _raw(payload: Payload | None) -> Any:
    """The message as JSON where it is JSON, else as text; None once it is no longer kept."""
    if payload is None:
        return None
    body = base64.b64decode(payload.body) if payload.body_encoding == "base64" else payload.body.encode()
    try:
        return msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return body.decode(errors="replace")


@get("/", responses=READS)
async def list_alerts(
    actor: NamedDependency[Actor],
    db: NamedDependency[Database],
    limit: Limit = 50,
    cursor: Cursor = None,
    status: Words = None,
    severity: Words = None,
    serviceId: OneId = None,  # noqa: N803 - the parameter's public name
    teamId: OneId = None,  # noqa: N803 - the parameter's public name
    integrationId: OneId = None,  # noqa: N803 - the parameter's public name
    incidentId: OneId = None,  # noqa: N803 - the parameter's public name
    source: OneId = None,
    label: Several = None,
    tag: Several = None,
    assigneeId: OneId = None,  # noqa: N803 - the parameter's public name
    since: Since = None,
    until: Until = None,
    q: OneId = None,
) -> Page[AlertOut]:
    """Alerts, newest first; a page may hold fewer than `limit` of them, also none, while `nextCursor` leads on."""
    check(limit, cursor)
    wanted = AlertFilter(
        statuses=words(status, list(AlertStatus), "status"),
        severities=words(severity, list(Severity), "severity"),
        service_id=serviceId,
        team_id=teamId,
        integration_id=integrationId,
        incident_id=incidentId,
        source=source,
        labels=_matches(label or []),
        tags=tuple(each[:LONGEST_WORD] for each in (tag or [])[:MOST_MATCHES]),
        assignee=assigneeId,
        text=q or None,
        since=instant_or_none(since),
        until=instant_or_none(until),
    )
    async with db.read() as reader:
        found = await alert_lists.search(reader, actor, wanted, limit=limit, after=cursor)
    return Page(items=[alert_out(each) for each in found.items], next_cursor=found.next)


def _matches(given: Sequence[str]) -> tuple[LabelMatch, ...]:
    read = [LabelMatch.read(each[:LONGEST_WORD]) for each in given]
    if len(read) > MOST_MATCHES or None in read:
        raise Invalid(
            f"label names what a label holds, like instance=db1; at most {MOST_MATCHES} of them.",
            field="label",
        )
    return tuple(each for each in read if each is not None)


@get("/{alert_id:str}", responses=READS)
async def get_alert(
    actor: NamedDependency[Actor], db: NamedDependency[Database], alert_id: FromPath[str]
) -> AlertWithPayload:
    """One alert, with the message that it was read from."""
    async with db.read() as reader:
        alert = await acts.see(reader, actor, alert_id)
        payload = None
        if alert.payload_id is not None:
            payload = await payloads.get(reader, alert.integration_id, alert.payload_id)
    return AlertWithPayload(**facts_of(alert), raw_payload=_raw(payload))


class TraceStepOut(msgspec.Struct, rename="camel", kw_only=True):
    """One thing that was decided about an alert, or happened to it."""

    at: datetime
    code: str
    text: str
    data: dict[str, Any]


class TraceOut(msgspec.Struct, rename="camel", kw_only=True):
    """Why an alert did or did not page, in the order in which it happened."""

    items: list[TraceStepOut]


@get("/{alert_id:str}/trace", responses=READS)
async def trace_alert(
    actor: NamedDependency[Actor], db: NamedDependency[Database], alert_id: FromPath[str]
) -> TraceOut:
    """Why it was routed, grouped, held or paged."""
    async with db.read() as reader:
        steps = await traces.of_alert(reader, actor, alert_id)
    return TraceOut(
        items=[
            TraceStepOut(at=to_datetime(step.at), code=step.code, text=sentence(step), data=step.data)
            for step in steps
        ]
    )


async def _acknowledge(
    actor: NamedDependency[Actor], db: NamedDependency[Database], alert_id: FromPath[str]
) -> AlertOut:
    """You have it, and with it its incident."""
    async with db.transaction(actor) as tx:
        alert = await acts.acknowledge(tx, alert_id)
    return alert_out(alert)


async def _resolve(
    actor: NamedDependency[Actor], db: NamedDependency[Database], alert_id: FromPath[str]
) -> AlertOut:
    """It is over; the last one to be over resolves the incident."""
    async with db.transaction(actor) as tx:
        alert = await acts.resolve(tx, alert_id)
    return alert_out(alert)


def _operation(_: HTTPRouteHandler, method: str, path: list[Any]) -> str:
    """One name for each method of an act: PATCH is an older spelling of POST."""
    return f"{method.lower()}_alert_{path[-1]}"


acknowledge = HTTPRouteHandler(
    "/{alert_id:str}/acknowledge",
    http_method=["POST", "PATCH"],
    status_code=200,
    operation_id=_operation,
    responses=WRITES,
)(_acknowledge)
resolve = HTTPRouteHandler(
    "/{alert_id:str}/resolve",
    http_method=["POST", "PATCH"],
    status_code=200,
    operation_id=_operation,
    responses=WRITES,
)(_resolve)

routes = Router(
    path="/alerts",
    route_handlers=[list_alerts, get_alert, trace_alert, acknowledge, resolve, *alert_deeds.handlers],
    tags=["alerts"],
)
