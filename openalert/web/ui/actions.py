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
from openalert.domain.errors import Conflict, Invalid, NotFound
from openalert.domain.instant import MINUTE
from openalert.domain.walltime import zone_named
from openalert.storage import recipients, responders, services, users
from openalert.storage.database import Database
from openalert.storage.transaction import Reader
from openalert.usecases import ladders, offers, replies, standing
from openalert.usecases.ladders import Rung
from openalert.usecases.replies import SNOOZE_FOR, LinkOffer
from openalert.usecases.standing import Standing, State
from openalert.web.guards import stranger
from openalert.web.ui.frame import Values, Web, answer, go, plain, sent

_WORDS = {
    Verb.ACKNOWLEDGE: "Acknowledge",
    Verb.RESOLVE: "Resolve",
    Verb.ESCALATE: "Escalate",
    Verb.SNOOZE: "Snooze",
    Verb.HAND_ON: "Hand it on",
    Verb.JOIN: "I am coming",
    Verb.DECLINE: "I cannot come",
}
_BRIEFLY = {
    Verb.ACKNOWLEDGE: "You take it, and the escalation stops.",
    Verb.RESOLVE: "It is over, with all its alerts.",
    Verb.ESCALATE: "The next level is paged now.",
    Verb.SNOOZE: "Then it pages again if it is still open.",
    Verb.HAND_ON: "The next level is paged instead of you.",
    Verb.JOIN: "Whoever works on it sees that you will be there.",
    Verb.DECLINE: "Whoever asked you sees it, and can ask somebody else.",
}
"""What else could be done, in few words: the page is read on a telephone at night."""
_SNOOZES = [(60, "1 hour"), (30, "30 min"), (240, "4 hours"), (480, "8 hours")]
"""Minutes, and what they are called; the first is the main button's."""


def _secret(request: Web) -> bytes:
    """What signs the links; the application puts it on its state."""
    secret: bytes = request.app.state.secret
    return secret


@get("/a/{token:str}", opt={"public": True}, include_in_schema=False)
async def show(request: Web, token: FromPath[str], db: NamedDependency[Database]) -> Response[str]:
    """The incident, what this link does, and what else can be done; or what became of it."""
    async with db.read() as reader:
        try:
            offered = await replies.link_offer(reader, _secret(request), token)
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
    given = (await sent(request)).get("minutes", "")
    snooze_for = int(given) * MINUTE if given.isascii() and given.isdigit() and len(given) < 6 else SNOOZE_FOR
    try:
        async with db.transaction(stranger(request)) as tx:
            await replies.accept(tx, _secret(request), token, snooze_for=snooze_for)
    except NotFound:
        return _expired(request, db)
    except (Conflict, Invalid) as refused:
        if refused.code == "ACTION_EXPIRED":
            return _expired(request, db)
        # What cannot be done any more, or never could: the page says how it stands.
    return go(f"/a/{token}")


def _expired(request: Web, db: Database) -> Response[str]:
    return answer(
        request, "actions/show.html", plain(request, db.clock(), state="expired", incident=None), 404
    )


async def _offer(reader: Reader, request: Web, token: str, offered: LinkOffer) -> Values:
    """The context of the page: to be asked, done by this person, or done by somebody else."""
    incident, claims = offered.incident, offered.claims
    stands = await standing.of(reader, incident, claims.verb, claims.user_id)
    waits = [
        other
        for other in offered.others
        if (await standing.of(reader, other, claims.verb, claims.user_id)).state is State.ASK
    ]
    first = await users.named(reader, SYSTEM, [stands.by_id]) if stands.by_id else {}
    service = (await services.named(reader, SYSTEM, [incident.service_id])).get(incident.service_id)
    rung = (await ladders.ladder(reader, incident)).next_rung if incident.is_open else None
    was_asked = await responders.get(reader, incident.id, claims.user_id) is not None
    return {
        "state": (State.ASK if waits else stands.state).value,
        "others": [
            {"number": each.number, "title": each.title, "waits": each in waits} for each in offered.others
        ],
        "verb": _verb(claims.verb, f"/a/{token}", _effect(claims.verb, rung)),
        "past": stands.past,
        "who": offered.person_name,
        "so": _so(stands),
        "until": stands.until,
        "first": first[stands.by_id].name if stands.by_id in first else None,
        "at": stands.at or incident.updated_at,
        "more": [
            _verb(verb, f"/a/{action.other(_secret(request), claims, verb)}", _BRIEFLY[verb])
            for verb in offers.verbs(incident, reader.now, asked=was_asked)
            if verb is not claims.verb
        ],
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


def _verb(verb: Verb, path: str, effect: str) -> Values:
    """A button, where it leads, and one sentence on what pressing does."""
    choices = _SNOOZES if verb is Verb.SNOOZE else []
    return {"word": _WORDS[verb], "path": path, "effect": effect, "choices": choices}


def _effect(verb: Verb, rung: Rung | None) -> str:
    people = ", ".join(rung.people[:3]) if rung else ""
    more = f" and {len(rung.people) - 3} more" if rung and len(rung.people) > 3 else ""
    spared = f" {people}{more} will not be paged." if people else ""
    are = "are" if rung and len(rung.people) > 1 else "is"
    next_ = f"{people}{more} {are} paged now" if people else "The next level is paged now"
    if rung is None:
        next_ = "The owners are told now"
    match verb:
        case Verb.ACKNOWLEDGE:
            return f"You take it and the escalation stops.{spared}"
        case Verb.RESOLVE:
            return f"The incident ends, with all its alerts.{spared}"
        case Verb.SNOOZE:
            return "Nobody is paged until then. If it is still open, the first level is paged again."
        case Verb.ESCALATE:
            return f"{next_}. What was sent to you still holds."
        case Verb.HAND_ON:
            return f"You cannot take it. {next_}, and nothing more of this level comes to you."
        case Verb.JOIN:
            return "Whoever works on it sees that you will be there. The incident stays as it is."
        case Verb.DECLINE:
            return "Whoever asked you sees it at once, and can ask somebody else."


def _so(stands: Standing) -> str:
    """What follows from how it stands."""
    if stands.state is State.NOBODY:
        return "Everybody in the escalation policy has been paged, and the owners know."
    if stands.past in ("escalated", "handed on"):
        return "The next level is paged. It stays open until somebody takes it."
    if stands.past == "joined":
        return "You are listed as a responder, and whoever works on it sees that you will be there."
    if stands.past == "declined":
        return "Whoever asked you sees it, and can ask somebody else."
    if stands.until is not None:
        return "Nobody is paged until then."
    if stands.state is State.DONE:
        return "Nobody else is paged for it. Everybody who had been told gets the news."
    return "You need not do anything."


ROUTES: Sequence[HTTPRouteHandler] = [show, do]
