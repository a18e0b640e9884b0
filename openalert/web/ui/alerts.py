"""Pages of alerts: the list, and one alert with the reasons for what became of it."""

import base64
import json
from collections.abc import Sequence
from typing import Any

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery

from openalert.domain.access import Actor, Permission, can
from openalert.domain.alert import Alert, AlertStatus
from openalert.domain.alert_filter import ME, NOBODY, AlertFilter, Listing
from openalert.domain.service import Payload
from openalert.domain.trace import held_words
from openalert.storage import incidents, payloads, saved_views, services, users
from openalert.storage.database import Database
from openalert.storage.transaction import Reader
from openalert.usecases import alerts as acts
from openalert.usecases import manual_alerts, traces
from openalert.usecases.access import sees
from openalert.web.ui import alert_deeds, alert_lists, alert_story, choices
from openalert.web.ui import saved_views as saved_view_pages
from openalert.web.ui.alert_lists import asked
from openalert.web.ui.frame import Values, Web, answer, go, shell
from openalert.web.ui.origins import origin

RAW_SHOWN = 20_000
_HELD = 50
"""Rows that a page asks to be kept in their places."""


@get("/alerts", include_in_schema=False)
async def index(
    request: Web,
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    view: FromQuery[str] = "",
    cursor: FromQuery[str | None] = None,
    rows: FromQuery[str] = "",
    top: FromQuery[str] = "",
) -> Response[Any]:
    """What the sources say, narrowed by the address; without one, what the reader's own list begins with."""
    async with db.read() as reader:
        if not request.query_params:
            first = await saved_views.first_of(reader, actor)
            if first is not None:
                return go(saved_view_pages.href(first))
        context = await shell(request, reader, actor, "/alerts")
        listing = asked(request.query_params.multi_items(), context["zone"])
        held = [each for each in rows.split(",") if each][:_HELD]
        context |= await _list(reader, actor, listing, cursor, held, top, context["zone"])
        context |= await saved_view_pages.menu(reader, actor, listing, view)
    return answer(request, "alerts/list.html", context)


async def _list(
    reader: Reader, actor: Actor, listing: Listing, cursor: str | None, held: list[str], top: str, zone: Any
) -> Values:
    called = await alert_lists.names(reader, actor)
    about = listing.filter.incident_id
    of = {
        each.id: f"#{each.number}"
        for each in (await incidents.get_many(reader, [about] if about else [])).values()
        if sees(actor, each.organization_id, each.team_id)
    }
    found: Values = {"alerts": [], "hold": alert_lists.href(listing), "fresh": "", "older": None}
    found |= {"looked_back_to": None, "grouped": None}
    if listing.group is not None and listing.filter.is_open:
        found["grouped"] = await alert_lists.grouped(reader, actor, listing, listing.group, called)
    else:
        found |= await alert_lists.rows(reader, actor, listing, cursor, held, top)
    labels = {name: None for each in found["alerts"] for name in each["label_names"]}
    return {
        **found,
        **await alert_lists.tabs(reader, actor, listing),
        "chips": alert_lists.narrowing(listing, called, of),
        "form_of": alert_lists.choices(listing, called, zone),
        "query": listing.filter.text or "",
        "sorts": alert_lists.orders(listing),
        "gatherings": alert_lists.gatherings(listing, list(labels)[:8]),
        "ungrouped": alert_lists.href(listing, group=None),
        "listing_query": listing.query(),
        "newest": alert_lists.href(listing) if cursor else None,
        "snoozes": alert_deeds.SNOOZES,
        "people": [pair for pair in called.assignee.items() if pair[0] not in (ME, NOBODY)],
        "raisable": sorted(called.service.items(), key=lambda pair: pair[1].casefold()),
        "here": alert_lists.href(listing, cursor=cursor),
        "is_narrowed": not listing.filter.is_plain,
        "cleared": alert_lists.href(Listing(filter=AlertFilter(statuses=listing.filter.statuses))),
    }


@get("/alerts/{alert_id:str}", include_in_schema=False)
async def show(
    request: Web, alert_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[str]:
    """One alert, what was sent, and why it did what it did."""
    async with db.read() as reader:
        alert = await acts.see(reader, actor, alert_id)
        incident = await incidents.get(reader, alert.incident_id) if alert.incident_id else None
        service = (await services.named(reader, actor, [alert.service_id])).get(alert.service_id)
        source = await origin(reader, actor, alert.integration_id)
        payload = await _payload(reader, alert)
        owners = await users.named(reader, actor, [alert.assignee_id] if alert.assignee_id else [])
        story = await alert_story.of_alert(reader, actor, alert, incident)
        held = await traces.holding(reader, actor, alert_id)
        everybody = await choices.people(reader, actor)
        context = await shell(request, reader, actor, "/alerts")
    of = {incident.id: incident} if incident else {}
    name = service.name if service else "a deleted service"
    context |= {
        "alert": alert_lists.row(alert, of, name, owners)
        | {
            "description": alert.description,
            "service_href": f"/services/{alert.service_id}",
            "integration": _brought(alert, source),
            "can_silence": can(actor, Permission.RESPOND, alert.team_id),
            "fingerprint": alert.fingerprint,
            "resolved_at": alert.resolved_at,
            "labels": sorted(alert.labels.items()),
            "annotations": sorted(alert.annotations.items()),
            "links": alert.links,
            "raw": _readable(payload) if payload else None,
        },
        "may_act": can(actor, Permission.RESPOND, alert.team_id),
        "is_over": alert.status is AlertStatus.RESOLVED,
        "held_by": [
            {
                "words": held_words(row.kind, row.name),
                "until": row.until,
                "by_person": row.kind in acts.BY_PEOPLE,
            }
            for row in held
        ],
        "snoozes": alert_deeds.SNOOZES,
        "people": everybody,
        "story": story,
    }
    return answer(request, "alerts/show.html", context)


def _brought(alert: Alert, source: Values | None) -> str:
    if source is not None:
        return str(source["words"])
    return "raised by hand" if alert.source == manual_alerts.SOURCE else "a deleted integration"


async def _payload(reader: Reader, alert: Alert) -> Payload | None:
    if alert.payload_id is None:
        return None
    return await payloads.get(reader, alert.integration_id, alert.payload_id)


def _readable(payload: Payload) -> str:
    """The message as it came, set out over lines when it is JSON."""
    if payload.body_encoding == "base64":
        return f"{len(base64.b64decode(payload.body))} bytes that are not text."
    try:
        text = json.dumps(json.loads(payload.body), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        text = payload.body
    return text if len(text) <= RAW_SHOWN else text[:RAW_SHOWN] + "\n…"


ROUTES: Sequence[HTTPRouteHandler] = [index, show]
