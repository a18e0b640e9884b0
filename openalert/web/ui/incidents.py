"""Pages of incidents and what people do there; also the first page after signing in."""

from collections.abc import Iterable, Sequence
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery

from openalert.domain.access import Actor
from openalert.domain.errors import Conflict, Invalid, NotFound, Unavailable
from openalert.domain.instant import DAY, MINUTE, Instant
from openalert.domain.oncall import on_call, shifts
from openalert.domain.plan import Plan
from openalert.domain.severity import Severity
from openalert.storage import incidents, schedules, services, users
from openalert.storage.database import Database
from openalert.storage.incidents import IncidentFilter
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import incidents as acts
from openalert.usecases import postmortems, warnings
from openalert.usecases import schedules as duty
from openalert.usecases.ladders import in_words, ladder
from openalert.usecases.merging import undo
from openalert.web.ui import incident_rows, incident_story, incident_timeline, merging, responders
from openalert.web.ui.frame import OPEN, Values, Web, act, address, answer, chips, go, sent, sent_all, shell

PAGE = 50
LOOK_AHEAD = 30 * DAY
_FIRST_SCHEDULES = 6
_MOST_SCHEDULES = 100


@get("/", include_in_schema=False)
async def home() -> Response[None]:
    """The first page is the incidents."""
    return go("/incidents")


@get("/incidents", include_in_schema=False)
async def index(
    request: Web,
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    tab: FromQuery[str] = "open",
    q: FromQuery[str] = "",
    severity: FromQuery[str | None] = None,
    service: FromQuery[str | None] = None,
    cursor: FromQuery[str | None] = None,
) -> Response[Any]:
    """What is open, what is mine, what was resolved; a number in the search goes straight to its incident."""
    async with db.read() as reader:
        direct = await _by_number(reader, actor, q)
        if direct is not None:
            return go(f"/incidents/{direct}")
        context = await _list(request, reader, actor, tab, q.strip()[:200], severity, service, cursor)
    return answer(request, "incidents/list.html", context)


async def _by_number(reader: Reader, actor: Actor, q: str) -> str | None:
    digits = q.strip().removeprefix("#")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 10):
        return None
    found = await incidents.get_by_number(reader, actor.organization_id or "", int(digits))
    try:
        return (await acts.see(reader, actor, found.id)).id if found else None
    except NotFound:
        return None


async def _list(
    request: Web,
    reader: Reader,
    actor: Actor,
    tab: str,
    q: str,
    severity: str | None,
    service: str | None,
    cursor: str | None,
) -> Values:
    watched = await services.page(reader, actor, after="", limit=100)
    names = {each.id: each.name for each in watched}
    severity = severity if severity in {level.value for level in Severity} else None
    service = service if service in names else None
    wanted = IncidentFilter(
        statuses=("resolved",) if tab == "resolved" else OPEN,
        severities=(severity,) if severity else None,
        service_id=service,
        mine=actor.user_id if tab == "mine" else None,
        text=q or None,
    )
    found = await incidents.search(reader, actor, wanted, limit=PAGE + 1, before=cursor)
    shown = found[:PAGE]
    mine = await incidents.count(
        reader, actor, IncidentFilter(statuses=OPEN, mine=actor.user_id or ""), at_most=100
    )
    context = await shell(request, reader, actor, "/incidents")
    kept = {"tab": tab if tab != "open" else None, "q": q or None}
    filters = {"severity": severity, "service": service}
    return {
        **context,
        "tab": tab if tab in ("mine", "resolved") else "open",
        "tabs": [
            {"key": "open", "word": "Open", "number": context["frame"]["open_count"], "href": "/incidents"},
            {"key": "mine", "word": "Mine", "number": mine, "href": "/incidents?tab=mine"},
            {"key": "resolved", "word": "Resolved", "number": None, "href": "/incidents?tab=resolved"},
        ],
        "duty": await _duty(reader, actor),
        "pressing": _pressing(request, actor),
        "chips": chips(
            "/incidents",
            {
                "severity": (severity, severity.capitalize()) if severity else None,
                "service": (service, names[service]) if service else None,
            },
            **kept,
        ),
        "filters": _filters(names, filters, kept),
        "groups": await incident_rows.groups(reader, actor, shown),
        "older": address("/incidents", **kept, **filters, cursor=shown[-1].id) if len(found) > PAGE else None,
        "newest": address("/incidents", **kept, **filters) if cursor else None,
        "query": q,
        "without_query": address("/incidents", tab=kept["tab"], **filters),
        "has_services": bool(watched),
        "badge": mine,
    }


def _pressing(request: Web, actor: Actor) -> Values | None:
    """What the reader should mend, as it was found lately: this page never waits for a look of its own."""
    outlook = request.app.state.engine.outlook
    found = warnings.to_mend(outlook.findings, actor) if outlook is not None else []
    return {"worst": found[0].words, "more": len(found) - 1} if found else None


def _filters(
    names: dict[str, str], chosen: dict[str, str | None], kept: dict[str, str | None]
) -> list[Values]:
    """Filters that may still be added, each choice as the address that adds it."""
    offered = [
        ("severity", "Severity", [(level.value, level.value.capitalize()) for level in Severity]),
        ("service", "Service", sorted(names.items(), key=lambda pair: pair[1])),
    ]
    return [
        {
            "name": name,
            "words": words,
            "options": [
                (address("/incidents", **kept, **(chosen | {name: value})), label) for value, label in options
            ],
        }
        for name, words, options in offered
        if not chosen[name] and options
    ]


async def _duty(reader: Reader, actor: Actor) -> Values:
    """Am I on call, when am I next, and who is it now: where I am first, then where nobody is, then some others."""
    seen = await schedules.page(reader, actor, after="", limit=_MOST_SCHEDULES)
    plans = await schedules.plans(reader, seen, reader.now)
    answers = [(each, on_call(plans[each.id], reader.now)) for each in seen]
    mine = [pair for pair in answers if actor.user_id in {person.user_id for person in pair[1].people}]
    others = sorted((pair for pair in answers if pair not in mine), key=lambda pair: bool(pair[1].people))
    shown = [*mine, *others][:_FIRST_SCHEDULES]
    people = await users.named(reader, actor, duty.people_of(each for _, each in shown))
    return {
        "mine": [{"schedule": schedule.name, "until": each.until} for schedule, each in mine],
        "next": None if mine else _next_shift(plans.values(), actor.user_id or "", reader.now),
        "now": [
            {
                "schedule": schedule.name,
                "href": f"/schedules/{schedule.id}",
                "names": [people[each.user_id].name for each in now.people if each.user_id in people],
            }
            for schedule, now in shown
        ],
        "more": len(answers) - len(shown),
    }


def _next_shift(plans: Iterable[Plan], user_id: str, now: Instant) -> Values | None:
    """The person's first shift within the next month."""
    coming = [
        (shift.start, plan.schedule.name)
        for plan in plans
        if user_id in plan.people
        for shift in shifts(plan, now, now + LOOK_AHEAD).items
        if user_id in {one.user_id for one in shift.people}
    ]
    if not coming:
        return None
    at, name = min(coming)
    return {"schedule": name, "at": at}


@get("/incidents/{incident_id:str}", include_in_schema=False)
async def show(
    request: Web,
    incident_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    show: FromQuery[str] = "all",
) -> Response[Any]:
    """One incident."""
    async with db.read() as reader:
        number = await _by_number(reader, actor, incident_id)
        if number is not None:
            return go(f"/incidents/{number}")
        incident = await acts.see(reader, actor, incident_id)
        context = await shell(request, reader, actor, "/incidents")
        shown = show if show in incident_timeline.FILTERS else "all"
        context |= await incident_story.story(reader, actor, incident, shown, context["zone"])
    return answer(request, "incidents/show.html", context)


@post("/incidents/bulk", include_in_schema=False)
async def bulk(request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]) -> Response[None]:
    """The same act on every incident selected: each is answered for on its own, all in one transaction."""
    chosen, wanted = await sent_all(request, "id"), (await sent(request)).get("act")
    if wanted == "merge":
        return await _put_together(db, actor, chosen)
    if wanted == "unmerge":
        return await _take_apart(db, actor, chosen)
    do = {"acknowledge": acts.acknowledge, "resolve": acts.resolve}.get(wanted or "")

    async def body(tx: Transaction) -> str:
        if do is None or not chosen:
            return "Nothing was selected."
        done = [await do(tx, each) for each in dict.fromkeys(chosen[:PAGE])]
        return f"{wanted}d: ".capitalize() + ", ".join(f"#{each.incident.number}" for each in done) + "."

    return await act(db, actor, "/incidents", body)


async def _put_together(db: Database, actor: Actor, chosen: list[str]) -> Response[None]:
    """To the incident that the others went into, where the notice offers to undo it."""
    try:
        async with db.transaction(actor) as tx:
            target = await merging.put_together(tx, chosen[:PAGE])
    except (Invalid, Conflict, Unavailable) as refused:
        return go("/incidents", refused.message, "bad")
    others = len(set(chosen[:PAGE])) - 1
    said = f"{others} incident{'' if others == 1 else 's'} merged into #{target.number}."
    return go(f"/incidents/{target.id}", said)


async def _take_apart(db: Database, actor: Actor, chosen: list[str]) -> Response[None]:
    async def body(tx: Transaction) -> str:
        done = [await undo(tx, each) for each in dict.fromkeys(chosen[:PAGE])]
        return "On their own again: " + ", ".join(f"#{each.number}" for each in done) + "."

    return await act(db, actor, "/incidents", body)


@post("/incidents/{incident_id:str}/{verb:str}", include_in_schema=False)
async def do(
    request: Web,
    incident_id: FromPath[str],
    verb: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[None]:
    """One act on one incident; back to its page, or to the list if the button was there."""
    perform = _VERBS.get(verb)
    if perform is None:
        raise NotFound("page")
    fields = await sent(request) | {"alerts": ",".join(await sent_all(request, "alert"))}
    here = "/incidents" if request.headers.get("referer", "").partition("?")[0].endswith("/incidents") else ""
    return await act(
        db, actor, here or f"/incidents/{incident_id}", lambda tx: perform(tx, incident_id, fields)
    )


Fields = dict[str, str]


async def _acknowledge(tx: Transaction, incident_id: str, _: Fields) -> str:
    before = await acts.see(tx, tx.actor, incident_id)
    planned = (await ladder(tx, before, tx.actor)).next_rung
    done = await acts.acknowledge(tx, incident_id)
    if not done.changed:
        return f"#{done.incident.number} was acknowledged already; that stays."
    spared = f" {', '.join(planned.people[:3])} will not be paged." if planned and planned.people else ""
    late = " A page was just leaving and may still arrive." if done.in_flight else ""
    return f"You have #{done.incident.number}. The escalation stopped.{spared}{late}"


async def _resolve(tx: Transaction, incident_id: str, fields: Fields) -> str:
    done = await acts.resolve(tx, incident_id, resolution=fields.get("resolution") or None)
    return (
        f"#{done.incident.number} is resolved."
        if done.changed
        else f"#{done.incident.number} was resolved already."
    )


async def _snooze(tx: Transaction, incident_id: str, fields: Fields) -> str:
    minutes = fields.get("minutes", "")
    length = int(minutes) * MINUTE if minutes.isascii() and minutes.isdigit() else 0
    done = await acts.snooze(tx, incident_id, until=tx.now + length)
    return f"#{done.incident.number} is silent now and pages again if it is still open then."


async def _reassign(tx: Transaction, incident_id: str, fields: Fields) -> str:
    done = await acts.reassign(tx, incident_id, user_id=fields.get("user_id", ""))
    return f"#{done.number} was reassigned."


async def _reopen(tx: Transaction, incident_id: str, fields: Fields) -> str:
    done = await acts.reopen(tx, incident_id, reason=fields.get("reason", ""))
    said = in_words(await ladder(tx, done, tx.actor), done)
    return f"#{done.number} is open again. {said}".strip()


async def _escalate(tx: Transaction, incident_id: str, _: Fields) -> str:
    done = await acts.escalate(tx, incident_id)
    return f"#{done.number} goes to the next level now."


async def _hand_on(tx: Transaction, incident_id: str, _: Fields) -> str:
    done = await acts.hand_on(tx, incident_id)
    return f"You are out of #{done.number}. The next one is paged now."


async def _note(tx: Transaction, incident_id: str, fields: Fields) -> str:
    await acts.note(tx, incident_id, body=fields.get("body", ""))
    return ""


async def _postmortem(tx: Transaction, incident_id: str, fields: Fields) -> str:
    await postmortems.write(tx, incident_id, body=fields.get("body", ""))
    return "The postmortem is saved."


_VERBS = {
    "acknowledge": _acknowledge,
    "resolve": _resolve,
    "snooze": _snooze,
    "reassign": _reassign,
    "reopen": _reopen,
    "escalate": _escalate,
    "hand-on": _hand_on,
    "notes": _note,
    "postmortem": _postmortem,
    **responders.VERBS,
    **merging.VERBS,
}

ROUTES: Sequence[HTTPRouteHandler] = [home, index, show, bulk, do]
