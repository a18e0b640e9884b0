"""Pages of alerts: the list, and one alert with the reasons for what became of it."""

import base64
import json
from collections.abc import Sequence

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery

from openalert.domain.access import Actor
from openalert.domain.alert import Alert
from openalert.domain.incident import Incident
from openalert.domain.instant import Instant
from openalert.domain.service import Payload
from openalert.domain.severity import Severity
from openalert.storage import alerts, incidents, integrations, payloads, services
from openalert.storage.alerts import AlertFilter
from openalert.storage.database import Database
from openalert.storage.transaction import Reader
from openalert.usecases import alerts as acts
from openalert.web.ui.frame import Values, Web, address, answer, chips, shell

PAGE = 50
RAW_SHOWN = 20_000
UNRESOLVED = ("firing", "acknowledged", "suppressed")


@get("/alerts", include_in_schema=False)
async def index(
    request: Web,
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    tab: FromQuery[str] = "firing",
    q: FromQuery[str] = "",
    severity: FromQuery[str | None] = None,
    incident: FromQuery[str | None] = None,
    cursor: FromQuery[str | None] = None,
) -> Response[str]:
    """What the sources say, newest first."""
    tab = tab if tab in ("firing", "all") else "firing"
    severity = severity if severity in {level.value for level in Severity} else None
    kept = {"tab": tab, "q": q.strip()[:200] or None}
    wanted = AlertFilter(
        statuses=None if tab == "all" else UNRESOLVED,
        severities=(severity,) if severity else None,
        incident_id=incident,
        text=kept["q"],
    )
    async with db.read() as reader:
        found = await alerts.search(reader, actor, wanted, limit=PAGE + 1, before=cursor)
        shown = found[:PAGE]
        of = await incidents.get_many(reader, list({each.incident_id for each in shown if each.incident_id}))
        watched = await services.named(reader, actor, {each.service_id for each in shown})
        context = await shell(request, reader, actor, "/alerts")
    names = {service.id: service.name for service in watched.values()}
    chosen = {"severity": severity, "incident": incident}
    named = {
        "severity": (severity, severity.capitalize()) if severity else None,
        "incident": (incident, f"Incident #{of[incident].number}" if incident in of else "One incident")
        if incident
        else None,
    }
    context |= {
        "tab": tab,
        "tabs": [
            {"key": "firing", "word": "Not resolved", "number": None, "href": "/alerts"},
            {"key": "all", "word": "All", "number": None, "href": "/alerts?tab=all"},
        ],
        "chips": chips("/alerts", named, **kept),
        "filters": []
        if severity
        else [
            {
                "name": "severity",
                "words": "Severity",
                "options": [
                    (
                        address("/alerts", **kept, **(chosen | {"severity": level.value})),
                        level.value.capitalize(),
                    )
                    for level in Severity
                ],
            }
        ],
        "query": kept["q"] or "",
        "without_query": address("/alerts", tab=tab, **chosen),
        "older": address("/alerts", **kept, **chosen, cursor=shown[-1].id) if len(found) > PAGE else None,
        "newest": address("/alerts", **kept, **chosen) if cursor else None,
        "alerts": [_row(each, of, names.get(each.service_id, "")) for each in shown],
    }
    return answer(request, "alerts/list.html", context)


def _row(alert: Alert, of: dict[str, Incident], service: str) -> Values:
    incident = of.get(alert.incident_id or "")
    return {
        "id": alert.id,
        "href": f"/alerts/{alert.id}",
        "title": alert.title,
        "severity": alert.severity.value,
        "status": alert.status.value,
        "service": service,
        "source": alert.source,
        "times": alert.count,
        "fired_at": alert.fired_at,
        "last_seen_at": alert.last_seen_at,
        "incident": {"number": incident.number, "href": f"/incidents/{incident.id}", "title": incident.title}
        if incident
        else None,
        "reason": "" if incident else "came as resolved: nobody was paged",
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
        source = await integrations.get(reader, actor, alert.integration_id)
        payload = await _payload(reader, alert)
        context = await shell(request, reader, actor, "/alerts")
    of = {incident.id: incident} if incident else {}
    name = service.name if service else "a deleted service"
    context |= {
        "alert": _row(alert, of, name)
        | {
            "description": alert.description,
            "service_href": f"/services/{alert.service_id}",
            "integration": source.name if source else "a deleted integration",
            "fingerprint": alert.fingerprint,
            "resolved_at": alert.resolved_at,
            "labels": sorted(alert.labels.items()),
            "annotations": sorted(alert.annotations.items()),
            "links": alert.links,
            "raw": _readable(payload) if payload else None,
        },
        "trace": _trace(alert, incident, name, source.name if source else "a deleted integration"),
    }
    return answer(request, "alerts/show.html", context)


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


def _trace(alert: Alert, incident: Incident | None, service: str, integration: str) -> list[Values]:
    """What was decided about it, in order."""
    came = _made_at(alert.id)
    if incident is None:
        joined = "It was over when it came, so no incident was opened."
    elif _made_at(incident.id) == came:
        joined = f"Opened incident #{incident.number}: none was open for its group."
    else:
        joined = f"Joined incident #{incident.number}, open for the same group."
    steps = [
        {"words": f"Came in by {integration}, read as {alert.source}.", "at": came},
        {"words": f"Belongs to service {service}, severity {alert.severity.value}.", "at": came},
        {"words": joined, "at": came},
    ]
    if alert.count > 1:
        steps.append(
            {"words": f"Reported {alert.count} times; repeats page nobody.", "at": alert.last_seen_at}
        )
    if alert.resolved_at is not None:
        steps.append({"words": "Resolved.", "at": alert.resolved_at})
    return steps


def _made_at(made_id: str) -> Instant:
    """When a row was made: the first 48 bits of its id (RFC 9562, version 7)."""
    return int(made_id[:8] + made_id[9:13], 16)


ROUTES: Sequence[HTTPRouteHandler] = [index, show]
