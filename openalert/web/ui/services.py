"""Pages of services: what can break, who is called for it, and how alerts come in."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery

from openalert.domain.access import Actor, Permission, can
from openalert.domain.channel import channel_kind
from openalert.domain.follower import EVENTS, USUAL
from openalert.domain.heartbeat import Heartbeat
from openalert.domain.instant import Instant
from openalert.domain.service import Integration, Service
from openalert.domain.severity import Severity
from openalert.storage import escalation_policies, incidents, integrations, teams
from openalert.storage import heartbeats as stored_heartbeats
from openalert.storage.database import Database
from openalert.storage.heartbeats import HeartbeatFilter
from openalert.storage.incidents import IncidentFilter
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import cadences, channels, followers, services
from openalert.usecases.access import require
from openalert.web.ui import choices, heartbeats, ladders, moves
from openalert.web.ui.forms import Errors, attempt, forget_shown, shown_once, values_of
from openalert.web.ui.frame import OPEN, Values, Web, act, address, answer, go, sent, sent_all, shell
from openalert.web.ui.integrations import connected, heard
from openalert.web.ui.kinds import categories

PAGE = 100
_MOST_OPEN = 500
_NAMES = ("name", "description", "team_id", "escalation_policy_id", "runbook_url")
_FIELDS = {
    "name": ("name", "The name"),
    "description": ("description", "The description"),
    "teamId": ("team_id", "Team"),
    "escalationPolicyId": ("escalation_policy_id", "Escalation policy"),
    "runbookUrl": ("runbook_url", "The runbook"),
}


@get("/services", include_in_schema=False)
async def index(
    request: Web,
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    cursor: FromQuery[str] = "",
) -> Response[Any]:
    """Every service in view, what is broken first."""
    async with db.read() as reader:
        rows = await services.page(reader, actor, after=cursor[:64], limit=PAGE + 1)
        shown = rows[:PAGE]
        context = await shell(
            request,
            reader,
            actor,
            "/services",
            services=await _listed(reader, actor, shown),
            can_create=bool(await choices.teams_to_configure(reader, actor)),
            older=address("/services", cursor=shown[-1].id) if len(rows) > PAGE else None,
            newest="/services" if cursor else None,
        )
    return answer(request, "services/list.html", context)


async def _listed(reader: Reader, actor: Actor, shown: Sequence[Service]) -> list[Values]:
    team_names = await choices.names_of_teams(reader, actor)
    policies = await escalation_policies.named(
        reader, actor, [each.escalation_policy_id for each in shown if each.escalation_policy_id]
    )
    ways: dict[str, list[Integration]] = {}
    for integration in await integrations.page(reader, actor, after="", limit=choices.MOST):
        ways.setdefault(integration.service_id, []).append(integration)
    silent = await cadences.silent(reader, [each.id for own in ways.values() for each in own])
    worst: dict[str, list[Severity]] = {}
    for incident in await incidents.search(reader, actor, IncidentFilter(statuses=OPEN), limit=_MOST_OPEN):
        worst.setdefault(incident.service_id, []).append(incident.severity)
    listed = []
    for each in shown:
        severities = sorted(worst.get(each.id, []), key=list(Severity).index)
        policy = policies.get(each.escalation_policy_id or "")
        own = ways.get(each.id, [])
        listed.append(
            {
                "href": f"/services/{each.id}",
                "name": each.name,
                "team": team_names.get(each.team_id, ""),
                "policy": policy.name if policy else None,
                "open": len(severities),
                "worst": severities[0].value if severities else None,
                "last_at": max((one.last_received_at or 0 for one in own), default=0) or None,
                "warning": _warning(policy is not None, own, silent),
                "order": list(Severity).index(severities[0]) if severities else len(Severity),
            }
        )
    return sorted(listed, key=lambda row: (row["order"], str(row["name"]).casefold()))


def _warning(has_policy: bool, ways: Sequence[Integration], silent: Collection[str]) -> str:
    """What keeps this service from waking anybody."""
    if not has_policy:
        return "No escalation policy: only the owners get mail."
    if not any(each.is_active for each in ways):
        return "Nothing is connected, so it can never raise an alert."
    gone = [each.name for each in ways if each.is_active and each.id in silent]
    return f"{gone[0]} has gone silent." if gone else ""


@get("/services/new", include_in_schema=False)
async def new(request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]) -> Response[Any]:
    """The form of a new service."""
    return await _form(request, db, actor, None, {}, {})


@post("/services", include_in_schema=False)
async def create(request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]) -> Response[Any]:
    """Make the service, then go to its page, where it gets its first address."""
    typed = await sent(request)

    async def body(tx: Transaction) -> str:
        made = await services.create(
            tx,
            team_id=typed.get("team_id", ""),
            name=typed.get("name", ""),
            description=typed.get("description", ""),
            escalation_policy_id=typed.get("escalation_policy_id") or None,
            runbook_url=typed.get("runbook_url") or None,
        )
        return made.id

    made, errors = await attempt(db, actor, body, _FIELDS)
    if made is None:
        return await _form(request, db, actor, None, typed, errors)
    return go(f"/services/{made}", "The service is there. Connect what watches it.")


@get("/services/{service_id:str}", include_in_schema=False)
async def show(
    request: Web,
    service_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[Any]:
    """One service."""
    async with db.read() as reader:
        service = await services.get(reader, actor, service_id)
        team = await teams.get(reader, actor, service.team_id)
        opened = await incidents.search(
            reader, actor, IncidentFilter(statuses=OPEN, service_id=service.id), limit=20
        )
        context = await shell(
            request,
            reader,
            actor,
            "/services",
            service=_facts(service, actor, team.name if team else ""),
            open=[
                {
                    "href": f"/incidents/{each.id}",
                    "number": each.number,
                    "title": each.title,
                    "severity": each.severity.value,
                    "status": each.status.value,
                }
                for each in opened
            ],
            integrations=await connected(reader, request, actor, service, shown_once(request)),
            types=categories(),
            heartbeats=await heartbeats.listed(reader, actor, await _heartbeats(reader, actor, service)),
            **await _called(reader, actor, service),
            **await _followers(reader, actor, service),
        )
    return forget_shown(request, answer(request, "services/show.html", context))


async def _heartbeats(reader: Reader, actor: Actor, service: Service) -> Sequence[Heartbeat]:
    """What must be heard of for the service to be well."""
    wanted = HeartbeatFilter(service_id=service.id)
    return await stored_heartbeats.page(reader, actor, wanted, limit=choices.MOST)


def _facts(service: Service, actor: Actor, team: str) -> Values:
    return {
        "id": service.id,
        "name": service.name,
        "description": service.description,
        "team": team,
        "team_href": f"/teams/{service.team_id}",
        "runbook": service.runbook_url,
        "can_edit": can(actor, Permission.CONFIGURE, service.team_id),
        "can_respond": can(actor, Permission.RESPOND, service.team_id),
    }


async def _called(reader: Reader, actor: Actor, service: Service) -> Values:
    """The ladder of now, and the policy it comes from."""
    found = (
        await escalation_policies.get(reader, actor, service.escalation_policy_id)
        if service.escalation_policy_id
        else None
    )
    if found is None:
        return {"policy": None, "steps": []}
    steps = await ladders.steps(reader, actor, found.version.levels)
    return {
        "policy": {"name": found.policy.name, "href": f"/escalation-policies/{found.policy.id}"},
        "steps": steps,
    }


async def _followers(reader: Reader, actor: Actor, service: Service) -> Values:
    """The channels that hear of its incidents, and those of the team that could."""
    following = await followers.of_service(reader, actor, service.id)
    known = {each.channel_id for each in following}
    own = await channels.page(reader, actor, team_id=service.team_id, limit=choices.MOST)
    return {
        "followers": [
            {
                "id": each.channel_id,
                "name": each.name,
                "words": channel_kind(each.type).words,
                "is_enabled": each.is_enabled,
                "from": each.min_severity.value,
                "events": ", ".join(EVENTS[name].lower() for name in each.events),
            }
            for each in following
        ],
        "channels": [(each.id, each.name) for each in own if each.id not in known],
        "has_channels": bool(own),
        "events": [(name, words, name in USUAL) for name, words in EVENTS.items()],
        "severities": [each.value for each in sorted(Severity, key=lambda each: -each.rank)],
    }


@post("/services/{service_id:str}/followers", include_in_schema=False)
async def follow(
    request: Web,
    service_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[None]:
    """Let a channel follow the service."""
    typed, events = await sent(request), await sent_all(request, "event")
    severity = typed.get("min_severity", "")

    async def body(tx: Transaction) -> str:
        made = await followers.put(
            tx,
            service_id,
            typed.get("channel_id", ""),
            min_severity=Severity(severity) if severity in list(Severity) else Severity.INFO,
            events=events,
        )
        return f"{made.name} hears of what happens here from now on."

    return await act(db, actor, f"/services/{service_id}", body)


@post("/services/{service_id:str}/followers/{channel_id:str}/delete", include_in_schema=False)
async def unfollow(
    service_id: FromPath[str],
    channel_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[None]:
    """Let it follow no more."""

    async def body(tx: Transaction) -> str:
        await followers.remove(tx, service_id, channel_id)
        return "The channel follows this service no more."

    return await act(db, actor, f"/services/{service_id}", body)


@get("/services/{service_id:str}/connect", include_in_schema=False)
async def connect(
    request: Web,
    service_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    q: FromQuery[str] = "",
) -> Response[Any]:
    """Every kind of sender, by what it does, to look through and to search."""
    query = " ".join(q[:80].split())
    async with db.read() as reader:
        service = await services.get(reader, actor, service_id)
        require(actor, Permission.CONFIGURE, service.team_id)
        about = {"id": service.id, "name": service.name}
        found = categories(query)
        context = await shell(
            request,
            reader,
            actor,
            "/services",
            service=about,
            query=query,
            categories=found,
            connected=await heard(reader, actor, service.id),
        )
    return answer(request, "services/connect.html", context)


@get("/services/{service_id:str}/edit", include_in_schema=False)
async def edit(
    request: Web,
    service_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[Any]:
    """The form of a service that is there."""
    return await _form(request, db, actor, service_id, {}, {})


@post("/services/{service_id:str}", include_in_schema=False)
async def update(
    request: Web,
    service_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[Any]:
    """Change the service."""
    typed = await sent(request)

    async def body(tx: Transaction) -> Instant:
        changed = await services.update(
            tx,
            service_id,
            name=typed.get("name", ""),
            description=typed.get("description", ""),
            escalation_policy_id=typed.get("escalation_policy_id") or None,
            runbook_url=typed.get("runbook_url") or None,
        )
        return changed.updated_at

    done, errors = await attempt(db, actor, body, _FIELDS)
    if done is None:
        return await _form(request, db, actor, service_id, typed, errors)
    return go(f"/services/{service_id}", "Saved. Open incidents keep the policy with which they began.")


@post("/services/{service_id:str}/delete", include_in_schema=False)
async def delete(
    service_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[None]:
    """Delete the service with its addresses."""

    async def body(tx: Transaction) -> str:
        await services.delete(tx, service_id)
        return "The service is deleted; what it caused stays in the history."

    return await act(db, actor, "/services", body)


async def _form(
    request: Web,
    db: Database,
    actor: Actor,
    service_id: str | None,
    typed: Mapping[str, str],
    errors: Errors,
) -> Response[Any]:
    """The form with what is stored or was typed, and what was wrong with it."""
    async with db.read() as reader:
        service = await services.get(reader, actor, service_id) if service_id else None
        if service:
            require(actor, Permission.CONFIGURE, service.team_id)
        stored = {
            name: value or ""
            for name, value in (msgspec.structs.asdict(service) if service else {}).items()
            if name in _NAMES
        }
        own = await choices.teams_to_configure(reader, actor)
        context = await shell(
            request,
            reader,
            actor,
            "/services",
            title=f"Edit {service.name}" if service else "New service",
            move=await moves.offered(reader, actor, "services", service.id, service.team_id)
            if service
            else None,
            action=f"/services/{service.id}" if service else "/services",
            back={"words": service.name, "href": f"/services/{service.id}"}
            if service
            else {"words": "Services", "href": "/services"},
            values=values_of(typed, _NAMES, **stored),
            errors=errors,
            is_new=service is None,
            teams=own,
            policies=await choices.policies(reader, actor),
            delete=_delete(service)
            if service and can(actor, Permission.CONFIGURE, service.team_id)
            else None,
        )
    return answer(request, "services/edit.html", context, 422 if errors else 200)


def _delete(service: Service) -> Values:
    return {
        "path": f"/services/{service.id}/delete",
        "confirm": f"Delete {service.name}?",
        "text": "Its addresses stop working at once: whatever posts to them is refused.",
    }


ROUTES: Sequence[HTTPRouteHandler] = [
    index,
    new,
    create,
    show,
    connect,
    follow,
    unfollow,
    edit,
    update,
    delete,
]
