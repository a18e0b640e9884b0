"""Pages of escalation policies: the ladder with the people of this moment, and the one form that edits it."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery

from openalert.domain.access import Actor, Permission, can
from openalert.domain.errors import Invalid
from openalert.domain.escalation import MOST_LEVELS, Level, Target, TargetType
from openalert.domain.instant import DAY, Instant
from openalert.domain.severity import Severity
from openalert.storage import channels, recipients, schedules, services
from openalert.storage.database import Database
from openalert.storage.escalation_policies import Document
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import escalation_policies, notify
from openalert.usecases.access import require
from openalert.web.ui import choices, ladders, moves
from openalert.web.ui.forms import (
    Errors,
    attempt,
    local_instant,
    local_text,
    minutes,
    minutes_text,
    whole,
)
from openalert.web.ui.frame import Values, Web, address, answer, go, sent, sent_all, shell

PAGE = 50
FAR_AHEAD: Instant = 130 * 365 * DAY
"""Nobody asks who is called after the year 2099."""
_FIELDS = {
    "name": ("name", "The name"),
    "teamId": ("team_id", "Team"),
    "repeatCount": ("repeat_count", "The number of repetitions"),
    "repeatDelayMinutes": ("repeat_delay", "The minutes"),
}


class _Typed(msgspec.Struct, kw_only=True):
    """What the form holds."""

    name: str = ""
    team_id: str = ""
    repeat_count: str = "2"
    repeat_delay: str = "5"
    levels: list[tuple[str, list[str]]]
    """The delay and the targets, `type:id` each."""

    def values(self) -> Values:
        """As the template takes it."""
        levels = [{"delay": delay, "targets": targets} for delay, targets in self.levels]
        return msgspec.structs.asdict(self) | {"levels": levels}


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
                "repeat": ladders.repeat_words(each.version),
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
                "repeat": ladders.repeat_words(found.version),
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
    return await _form(request, db, actor, None, _Typed(levels=[("0", []), ("5", [])]), {})


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
    typed, verb = await _read(request)
    if verb != "save":
        return await _form(request, db, actor, None, _reshaped(typed, verb), {})

    async def body(tx: Transaction) -> Document:
        return await escalation_policies.create(
            tx,
            team_id=typed.team_id,
            name=typed.name,
            levels=_levels(typed),
            repeat_count=whole(typed.repeat_count or "0", "repeat_count"),
            repeat_delay=minutes(typed.repeat_delay, "repeat_delay"),
        )

    made, errors = await attempt(db, actor, body, _fields(typed))
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
    typed, verb = await _read(request)
    if verb == "delete":
        return await _delete(db, actor, policy_id)
    if verb != "save":
        return await _form(request, db, actor, policy_id, _reshaped(typed, verb), {})

    async def body(tx: Transaction) -> Document:
        return await escalation_policies.update(
            tx,
            policy_id,
            name=typed.name,
            levels=_levels(typed),
            repeat_count=whole(typed.repeat_count or "0", "repeat_count"),
            repeat_delay=minutes(typed.repeat_delay, "repeat_delay"),
        )

    changed, errors = await attempt(db, actor, body, _fields(typed))
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


async def _read(request: Web) -> tuple[_Typed, str]:
    """The form, and which of its buttons was pressed."""
    fields = await sent(request)
    delays = (await sent_all(request, "delay"))[: MOST_LEVELS + 1]
    levels = [
        (delay, [each for each in await sent_all(request, f"target-{number}") if each])
        for number, delay in enumerate(delays, start=1)
    ]
    typed = _Typed(
        name=fields.get("name", ""),
        team_id=fields.get("team_id", ""),
        repeat_count=fields.get("repeat_count", "0"),
        repeat_delay=fields.get("repeat_delay", "0"),
        levels=levels,
    )
    return typed, fields.get("act", "save")


def _reshaped(typed: _Typed, verb: str) -> _Typed:
    """The form after its button: a level more, or one less."""
    if verb == "add" and len(typed.levels) < MOST_LEVELS:
        typed.levels.append(("5", []))
    number = verb.removeprefix("remove-")
    if number.isascii() and number.isdigit() and 1 <= int(number) <= len(typed.levels) > 1:
        del typed.levels[int(number) - 1]
    return typed


def _levels(typed: _Typed) -> list[Level]:
    levels = []
    for number, (delay, chosen) in enumerate(typed.levels, start=1):
        field = f"level-{number}"
        if not chosen:
            raise Invalid("Choose whom this level calls, or remove it.", field=field)
        targets = tuple(dict.fromkeys(_target(each, field) for each in chosen))
        levels.append(Level(level=number, delay=minutes(delay, field), targets=targets))
    return levels


def _target(text: str, field: str) -> Target:
    kind, _, target_id = text.partition(":")
    try:
        return Target(type=TargetType(kind), id=target_id)
    except ValueError:
        raise Invalid("Choose somebody of the list.", field=field) from None


def _fields(typed: _Typed) -> Mapping[str, tuple[str, str]]:
    """Where each field of the use case stands in this form, its levels among them."""
    known = dict(_FIELDS)
    for position, (_, targets) in enumerate(typed.levels):
        here = (f"level-{position + 1}", "This level")
        known[f"level-{position + 1}"] = here
        known[f"levels[{position}].delayMinutes"] = (here[0], "The minutes")
        known[f"levels[{position}].targets"] = here
        for place in range(len(targets)):
            known[f"levels[{position}].targets[{place}].id"] = here
    return known


def _stored(found: Document) -> _Typed:
    version = found.version
    return _Typed(
        name=found.policy.name,
        team_id=found.policy.team_id,
        repeat_count=str(version.repeat_count),
        repeat_delay=minutes_text(version.repeat_delay),
        levels=[
            (minutes_text(level.delay), [f"{each.type.value}:{each.id}" for each in level.targets])
            for level in version.levels
        ],
    )


async def _form(
    request: Web, db: Database, actor: Actor, policy_id: str | None, typed: _Typed | None, errors: Errors
) -> Response[Any]:
    async with db.read() as reader:
        found = await escalation_policies.get(reader, actor, policy_id) if policy_id else None
        if found:
            require(actor, Permission.CONFIGURE, found.policy.team_id)
        held = typed or (_stored(found) if found else _Typed(levels=[("0", [])]))
        name = found.policy.name if found else ""
        href = f"/escalation-policies/{found.policy.id}" if found else "/escalation-policies"
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
            targets=await _targets(reader, actor, held, _stored(found) if found else None),
            most=len(held.levels) >= MOST_LEVELS,
            delete={
                "confirm": f"Delete {name}?",
                "text": "Escalations that run keep it. A policy that a service uses stays.",
            }
            if found and can(actor, Permission.CONFIGURE, found.policy.team_id)
            else None,
        )
    return answer(request, "escalation_policies/edit.html", context, 422 if errors else 200)


async def _targets(reader: Reader, actor: Actor, held: _Typed, stored: _Typed | None) -> list[Values]:
    """Everything that a level can call, in groups; what the policy calls already although out of sight stays."""
    rotas = [(each.id, each.name) for each in await schedules.page(reader, actor, limit=choices.MOST)]
    places = [(each.id, each.name) for each in await channels.page(reader, actor, limit=choices.MOST)]
    groups = [
        ("On call for", "schedule", rotas),
        ("People", "user", await choices.people(reader, actor)),
        ("Everybody of", "team", list((await choices.names_of_teams(reader, actor)).items())),
        ("Channels", "channel", places),
    ]
    offered = {f"{kind}:{key}" for _, kind, pairs in groups for key, _ in pairs}
    # Only what is stored is named: whoever types a foreign id into the form must not learn what it is called.
    already = _chosen(stored) if stored else []
    hidden = [one for one in already if one not in offered]
    ids = [one.partition(":")[2] for one in hidden]
    names = await recipients.names(reader, ids) if ids else {}
    by_kind = {
        kind: [one.partition(":")[2] for one in hidden if one.startswith(f"{kind}:")] for kind in TargetType
    }
    names |= await notify.out_of_sight(reader, actor, by_kind)
    kept = [
        (one, names.get(target_id, "something that is gone"))
        for one, target_id in zip(hidden, ids, strict=True)
    ]
    kept += [(one, "unknown") for one in _chosen(held) if one not in offered and one not in already]
    drawn: list[Values] = [
        {"words": words, "options": [(f"{kind}:{key}", name) for key, name in pairs]}
        for words, kind, pairs in groups
        if pairs
    ]
    return [*drawn, {"words": "Already called", "options": kept}] if kept else drawn


def _chosen(typed: _Typed) -> list[str]:
    """Every target of every level, each once."""
    return list(dict.fromkeys(one for _, some in typed.levels for one in some))


ROUTES: Sequence[HTTPRouteHandler] = [index, new, create, show, edit, update]
