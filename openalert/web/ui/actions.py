"""`/a/{token}`: the page behind a button in a message. Looking changes nothing; pressing does, without sign-in."""

from collections.abc import Sequence
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from openalert.domain import action
from openalert.domain.access import SYSTEM
from openalert.domain.action import Verb
from openalert.domain.errors import Conflict, NotFound
from openalert.domain.incident import Incident, IncidentStatus
from openalert.domain.walltime import zone_named
from openalert.storage import recipients, services, users
from openalert.storage.database import Database
from openalert.storage.transaction import Reader
from openalert.usecases import escalation, replies
from openalert.usecases.replies import Invitation
from openalert.web.guards import stranger
from openalert.web.ui.frame import Values, Web, answer, go, plain

_WORDS = {
    Verb.ACKNOWLEDGE: ("Acknowledge", "acknowledged"),
    Verb.RESOLVE: ("Resolve", "resolved"),
    Verb.ESCALATE: ("Escalate", "escalated"),
    Verb.SNOOZE: ("Snooze for an hour", "snoozed"),
    Verb.HAND_ON: ("Hand it on", "handed on"),
}


def _secret(request: Web) -> bytes:
    """What signs the links; the application puts it on its state."""
    secret: bytes = request.app.state.secret
    return secret


@get("/a/{token:str}", opt={"public": True}, include_in_schema=False)
async def show(request: Web, token: FromPath[str], db: NamedDependency[Database]) -> Response[str]:
    """The incident and one button; or what became of it."""
    async with db.read() as reader:
        try:
            offered = await replies.invitation(reader, _secret(request), token)
        except NotFound:
            return _expired(request, db)
        if offered.has_expired:
            return _expired(request, db)
        context = plain(request, db.clock(), **await _offer(reader, request, token, offered))
        person = await recipients.people(reader, [offered.claims.user_id])
    context["zone"] = zone_named(person[0].timezone if person else "UTC")
    return answer(request, "actions/show.html", context)


@post("/a/{token:str}", opt={"public": True}, include_in_schema=False)
async def do(request: Web, token: FromPath[str], db: NamedDependency[Database]) -> Response[Any]:
    """Press it; pressing twice is harmless."""
    try:
        async with db.transaction(stranger(request)) as tx:
            await replies.accept(tx, _secret(request), token)
    except (NotFound, Conflict):
        return _expired(request, db)
    return go(f"/a/{token}")


def _expired(request: Web, db: Database) -> Response[str]:
    return answer(
        request, "actions/show.html", plain(request, db.clock(), state="expired", incident=None), 404
    )


async def _offer(reader: Reader, request: Web, token: str, offered: Invitation) -> Values:
    """The context of the page: to be asked, done by this person, or done by somebody else."""
    incident, claims = offered.incident, offered.claims
    word, past = _WORDS[claims.verb]
    state, by_id, at = _state(incident, claims.verb, claims.user_id)
    first = await users.named(reader, SYSTEM, [by_id]) if by_id else {}
    service = (await services.named(reader, SYSTEM, [incident.service_id])).get(incident.service_id)
    more = []
    if claims.verb is Verb.ACKNOWLEDGE and incident.is_open and state != "ask":
        other = action.sign(_secret(request), incident.id, claims.user_id, Verb.RESOLVE, reader.now)
        more.append({"word": "Resolve", "path": f"/a/{other}"})
    return {
        "state": state,
        "verb": {"word": word, "past": past, "path": f"/a/{token}"},
        "who": offered.person_name,
        "effect": await _effect(reader, incident, claims.verb, state),
        "first": {"name": first[by_id].name if by_id in first else None, "at": at}
        if state == "already"
        else None,
        "more": more,
        "incident": {
            "number": incident.number,
            "title": incident.title,
            "severity": incident.severity.value,
            "status": incident.status.value,
            "service": service.name if service else "a deleted service",
            "triggered_at": incident.triggered_at,
            "alert_count": incident.alert_count,
            "runbook": service.runbook_url if service else None,
            "href": f"/incidents/{incident.id}",
        },
    }


def _state(incident: Incident, verb: Verb, user_id: str) -> tuple[str, str | None, int]:
    """ask, done or already; and who was first, when."""
    if incident.status is IncidentStatus.RESOLVED:
        by_id, at = incident.resolved_by_id, incident.resolved_at or incident.updated_at
    elif incident.status is IncidentStatus.ACKNOWLEDGED and verb is Verb.ACKNOWLEDGE:
        by_id, at = incident.acknowledged_by_id, incident.acknowledged_at or incident.updated_at
    else:
        return "ask", None, incident.triggered_at
    wanted = incident.status is IncidentStatus.RESOLVED if verb is Verb.RESOLVE else True
    return ("done" if by_id == user_id and wanted else "already"), by_id, at


async def _effect(reader: Reader, incident: Incident, verb: Verb, state: str) -> str:
    """One sentence on what pressing does, or has done."""
    if state == "already":
        return "You need not do anything."
    if state == "done":
        return "Nobody else is paged for it. Everybody who had been told gets the news."
    rung = (await escalation.ladder(reader, incident)).next_rung
    spared = f" {', '.join(rung.people[:3])} will not be paged." if rung and rung.people else ""
    if verb is Verb.RESOLVE:
        return f"The incident ends, with all its alerts.{spared}"
    return f"You take it and the escalation stops.{spared}"


ROUTES: Sequence[HTTPRouteHandler] = [show, do]
