"""Pages of escalation policies: the ladder with the people of this moment, and the one form that edits it."""

from collections.abc import Sequence
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery

from openalert.domain.access import Actor, Permission, can
from openalert.domain.errors import Invalid
from openalert.domain.escalation import MOST_LEVELS
from openalert.domain.instant import DAY, Instant
from openalert.domain.severity import Severity
from openalert.storage import services
from openalert.storage.database import Database
from openalert.storage.escalation_policies import Document
from openalert.storage.transaction import Transaction
from openalert.usecases import escalation_policies
from openalert.usecases.access import require
from openalert.web.ui import choices, ladders, moves, policy_forms
from openalert.web.ui.forms import (
    Errors,
    attempt,
    local_instant,
    local_text,
    minutes,
    whole,
)
from openalert.web.ui.frame import Web, address, answer, go, shell
from openalert.web.ui.policy_forms import Typed

PAGE = 50
FAR_AHEAD: Instant = 130 * 365 * DAY
"""Nobody asks who is called after the year 2099."""


@get("/escalation-policies", include_in_schema=False)
async def index(
    request: Web,
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    cursor: FromQuery[str] = "",
) -> Response[Any]:
    """Every policy in view, drawn."""
    async with db.read() as reader:
        rows = await escalation_policies.page(reader, actor, after=cursor[:64], limit=PAGE + 1)
        shown = rows[:PAGE]
        team_names = await choices.names_of_teams(reader, actor)
        by_policy: dict[str | None, list[str]] = {}
        for service in await services.page(reader, actor, after="", limit=choices.MOST):
            by_policy.setdefault(service.escalation_policy_id, []).append(service.name)
        drawn = [
            {
                "href": f"/escalation-policies/{each.policy.id}",
                "name": each.policy.name,
                "team": team_names.get(each.policy.team_id, ""),
                "steps": await ladders.steps(reader, actor, each.version.levels),
                "repeat": ladders.repeat_words(each.version.repeat_count, each.version.repeat_delay),
                "services": by_policy.get(each.policy.id, []),
            }
            for each in shown
        ]
        context = await shell(
            request,
            reader,
            actor,
            "/escalation-policies",
            policies=drawn,
            can_create=bool(await choices.teams_to_configure(reader, actor)),
            older=address("/escalation-policies", cursor=shown[-1].policy.id) if len(rows) > PAGE else None,
            newest="/escalation-policies" if cursor else None,
        )
    return answer(request, "escalation_policies/list.html", context)


@get("/escalation-policies/{policy_id:str}", include_in_schema=False)
async def show(
    request: Web,
    policy_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    at: FromQuery[str] = "",
    severity: FromQuery[str] = "",
) -> Response[Any]:
    """One policy: who would get what, and when, of an incident that begins now or at another time."""
    async with db.read() as reader:
        found = await escalation_policies.get(reader, actor, policy_id)
        context = await shell(request, reader, actor, "/escalation-policies")
        asked = _asked(at, context["zone"])
        as_for = _severity(severity)
        rungs = await ladders.timed(reader, actor, found.version.levels, as_for, asked)
        using = await services.by_policy(reader, found.policy.id)
        team_names = await choices.names_of_teams(reader, actor)
        seen = await services.named(reader, actor, [each.id for each in using])
        context |= {
            "policy": {
                "id": found.policy.id,
                "name": found.policy.name,
                "team": team_names.get(found.policy.team_id, ""),
                "team_href": f"/teams/{found.policy.team_id}",
                "repeat": ladders.repeat_words(found.version.repeat_count, found.version.repeat_delay),
                "can_edit": can(actor, Permission.CONFIGURE, found.policy.team_id),
            },
            "rungs": rungs,
            "severity": as_for.value,
            "severities": [each.value for each in Severity],
            "at": asked,
            "at_value": local_text(asked if asked is not None else reader.now, context["zone"]),
            "warnings": ladders.warnings(rungs),
            "services": [{"name": each.name, "href": f"/services/{each.id}"} for each in seen.values()],
        }
    return answer(request, "escalation_policies/show.html", context)


def _asked(text: str, zone: Any) -> Instant | None:
    """The time in the address; None when it holds none, or one at which there are no schedules."""
    try:
        asked = local_instant(text, zone, "at") if text else None
    except Invalid:
        return None
    return asked if asked is not None and 0 <= asked < FAR_AHEAD else None


def _severity(text: str) -> Severity:
    """How bad the incident asked about is; critical unless the address says otherwise."""
    return Severity(text) if text in set(Severity) else Severity.CRITICAL


@get("/escalation-policies/new", include_in_schema=False)
async def new(request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]) -> Response[Any]:
    """The form of a new policy: two levels, five minutes apart."""
    return await _form(request, db, actor, None, Typed(levels=[("0", []), ("5", [])]), {})


@get("/escalation-policies/{policy_id:str}/edit", include_in_schema=False)
async def edit(
    request: Web,
    policy_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[Any]:
    """The form of a policy that is there."""
    return await _form(request, db, actor, policy_id, None, {})


@post("/escalation-policies", include_in_schema=False)
async def create(request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]) -> Response[Any]:
    """Make the policy, or show the form with a level more or less."""
    typed, verb = await policy_forms.read(request)
    if verb != "save":
        return await _form(request, db, actor, None, policy_forms.reshaped(typed, verb), {})

    async def body(tx: Transaction) -> Document:
        return await escalation_policies.create(
            tx,
            team_id=typed.team_id,
            name=typed.name,
            levels=policy_forms.levels_of(typed),
            repeat_count=whole(typed.repeat_count or "0", "repeat_count"),
            repeat_delay=minutes(typed.repeat_delay, "repeat_delay"),
        )

    made, errors = await attempt(db, actor, body, policy_forms.fields_of(typed))
    if made is None:
        return await _form(request, db, actor, None, typed, errors)
    return go(f"/escalation-policies/{made.policy.id}", "The policy is there. Choose it on a service's page.")


@post("/escalation-policies/{policy_id:str}", include_in_schema=False)
async def update(
    request: Web,
    policy_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[Any]:
    """Change the policy, delete it, or show the form with a level more or less."""
    typed, verb = await policy_forms.read(request)
    if verb == "delete":
        return await _delete(db, actor, policy_id)
    if verb != "save":
        return await _form(request, db, actor, policy_id, policy_forms.reshaped(typed, verb), {})

    async def body(tx: Transaction) -> Document:
        return await escalation_policies.update(
            tx,
            policy_id,
            name=typed.name,
            levels=policy_forms.levels_of(typed),
            repeat_count=whole(typed.repeat_count or "0", "repeat_count"),
            repeat_delay=minutes(typed.repeat_delay, "repeat_delay"),
        )

    changed, errors = await attempt(db, actor, body, policy_forms.fields_of(typed))
    if changed is None:
        return await _form(request, db, actor, policy_id, typed, errors)
    return go(
        f"/escalation-policies/{policy_id}", "Saved. Escalations that run keep the policy they began with."
    )


async def _delete(db: Database, actor: Actor, policy_id: str) -> Response[None]:
    _, errors = await attempt(db, actor, lambda tx: escalation_policies.delete(tx, policy_id))
    if errors:
        return go(f"/escalation-policies/{policy_id}", " ".join(errors.values()), "bad")
    return go("/escalation-policies", "The policy is deleted.")


async def _form(
    request: Web, db: Database, actor: Actor, policy_id: str | None, typed: Typed | None, errors: Errors
) -> Response[Any]:
    async with db.read() as reader:
        found = await escalation_policies.get(reader, actor, policy_id) if policy_id else None
        if found:
            require(actor, Permission.CONFIGURE, found.policy.team_id)
        held = typed or (policy_forms.stored(found) if found else Typed(levels=[("0", [])]))
        name = found.policy.name if found else ""
        href = f"/escalation-policies/{found.policy.id}" if found else "/escalation-policies"
        targets = await policy_forms.targets_of(
            reader, actor, held, policy_forms.stored(found) if found else None
        )
        context = await shell(
            request,
            reader,
            actor,
            "/escalation-policies",
            title=f"Edit {name}" if found else "New policy",
            move=await moves.offered(
                reader, actor, "escalation-policies", found.policy.id, found.policy.team_id
            )
            if found
            else None,
            action=href,
            back={"words": name if found else "Escalation", "href": href},
            values=held.values(),
            errors=errors,
            is_new=found is None,
            teams=await choices.teams_to_configure(reader, actor),
            targets=targets,
            picture=await policy_forms.picture(reader, actor, held, targets),
            most=len(held.levels) >= MOST_LEVELS,
            delete={
                "confirm": f"Delete {name}?",
                "text": "Escalations that run keep it. A policy that a service uses stays.",
            }
            if found and can(actor, Permission.CONFIGURE, found.policy.team_id)
            else None,
        )
    return answer(request, "escalation_policies/edit.html", context, 422 if errors else 200)


ROUTES: Sequence[HTTPRouteHandler] = [index, new, create, show, edit, update]
