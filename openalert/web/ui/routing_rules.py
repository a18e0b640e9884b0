"""Pages of routing rules: the list in its order, and the editor that tries a rule before it is saved."""

from collections.abc import Sequence
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery

from openalert.domain.access import Actor, Permission, can
from openalert.domain.errors import Invalid
from openalert.domain.instant import DAY
from openalert.domain.routing import RoutingRule, RuleBody
from openalert.domain.routing_words import sentence
from openalert.storage import routing_counts
from openalert.storage.database import Database
from openalert.storage.routing_counts import Hits
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import routing_rules
from openalert.web.ui import choices, rule_choices, rule_forms, rule_trials
from openalert.web.ui.forms import Errors, attempt, refused
from openalert.web.ui.frame import Values, Web, act, answer, go, sent, sent_all, shell
from openalert.web.ui.rule_forms import Typed

PATH = "/routing-rules"
LATELY = 30 * DAY
MOST = 1_000


@get(PATH, include_in_schema=False)
async def index(request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]) -> Response[Any]:
    """Every rule in view, list by list, in order."""
    async with db.read() as reader:
        rules = await routing_rules.page(reader, actor, limit=MOST)
        names = await routing_rules.names(reader, actor, [rule.body for rule in rules])
        hits = await routing_counts.hits(reader, [rule.id for rule in rules], reader.now - LATELY)
        team_names = await choices.names_of_teams(reader, actor)
        by = dict((await rule_choices.offered(reader, actor))["integrations"])
        lists: dict[tuple[str, str | None], list[RoutingRule]] = {}
        for rule in rules:
            lists.setdefault((rule.team_id, rule.integration_id), []).append(rule)
        context = await shell(
            request,
            reader,
            actor,
            PATH,
            lists=[
                {
                    "team_id": team_id,
                    "integration_id": integration_id or "",
                    "team": team_names.get(team_id, ""),
                    "integration": by.get(integration_id, "an integration") if integration_id else "",
                    "can_edit": can(actor, Permission.CONFIGURE, team_id),
                    "rules": [_row(rule, sentence(rule.body, names), hits.get(rule.id)) for rule in some],
                }
                for (team_id, integration_id), some in lists.items()
            ],
            can_create=bool(await choices.teams_to_configure(reader, actor)),
        )
    return answer(request, "routing_rules/list.html", context)


def _row(rule: RoutingRule, words: str, lately: Hits | None) -> Values:
    return {
        "id": rule.id,
        "href": f"{PATH}/{rule.id}",
        "name": rule.name,
        "words": words,
        "is_enabled": rule.is_enabled,
        "hits": lately.count if lately else 0,
        "last_at": lately.last_at if lately else None,
    }


@get(f"{PATH}/new", include_in_schema=False)
async def new(
    request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor], alert: FromQuery[str] = ""
) -> Response[Any]:
    """The form of a new rule, with one line to begin with."""
    typed = Typed(lines=[rule_forms.Line(kind="severity", values=["low", "info"])], alert=alert[:64])
    return await _form(request, db, actor, None, typed, {})


@get(f"{PATH}/{{routing_rule_id:str}}", include_in_schema=False)
async def show(
    request: Web, routing_rule_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[Any]:
    """The form of a rule that is there; who may not change it reads it."""
    return await _form(request, db, actor, routing_rule_id, None, {})


@post(PATH, include_in_schema=False)
async def create(request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]) -> Response[Any]:
    """Make the rule, or show the form changed or tried."""
    typed, verb = await rule_forms.read(request)
    if verb != "save":
        return await _form(request, db, actor, None, typed, {}, verb)

    async def body(tx: Transaction) -> RoutingRule:
        team_id, integration_id = await place_of(tx, actor, typed)
        return await routing_rules.create(
            tx,
            team_id=team_id,
            integration_id=integration_id,
            name=typed.name,
            body=rule_forms.body_of(typed),
            is_enabled=typed.is_enabled,
        )

    made, errors = await attempt(db, actor, body, rule_forms.fields_of(typed))
    if made is None:
        return await _form(request, db, actor, None, typed, errors)
    return go(PATH, f"“{made.name}” is there. It counts from the next message on.")


@post(f"{PATH}/{{routing_rule_id:str}}", include_in_schema=False)
async def update(
    request: Web, routing_rule_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[Any]:
    """Change the rule, delete it, or show the form changed or tried."""
    typed, verb = await rule_forms.read(request)
    if verb == "delete":
        return await act(db, actor, PATH, lambda tx: _delete(tx, routing_rule_id))
    if verb != "save":
        return await _form(request, db, actor, routing_rule_id, typed, {}, verb)

    async def body(tx: Transaction) -> RoutingRule:
        before = await routing_rules.to_configure(tx, actor, routing_rule_id)
        kept = _stored(before) is None
        return await routing_rules.update(
            tx,
            routing_rule_id,
            name=typed.name,
            body=before.body if kept else rule_forms.body_of(typed),
            is_enabled=typed.is_enabled,
        )

    changed, errors = await attempt(db, actor, body, rule_forms.fields_of(typed))
    if changed is None:
        return await _form(request, db, actor, routing_rule_id, typed, errors)
    return go(PATH, f"“{changed.name}” is saved. What it holds no more is let go.")


async def _delete(tx: Transaction, rule_id: str) -> str:
    await routing_rules.delete(tx, rule_id)
    return "The rule is deleted. What it alone held is let go."


@post(f"{PATH}/{{routing_rule_id:str}}/up", include_in_schema=False)
async def up(
    routing_rule_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[None]:
    """Ask the rule earlier, by one place."""
    return await _step(db, actor, routing_rule_id, -1)


@post(f"{PATH}/{{routing_rule_id:str}}/down", include_in_schema=False)
async def down(
    routing_rule_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[None]:
    """Ask the rule later, by one place."""
    return await _step(db, actor, routing_rule_id, 1)


async def _step(db: Database, actor: Actor, rule_id: str, places: int) -> Response[None]:
    async def body(tx: Transaction) -> str:
        await routing_rules.step(tx, rule_id, places)
        return ""

    return await act(db, actor, f"{PATH}#rule-{rule_id}", body)


@post(f"{PATH}/order", include_in_schema=False)
async def order(request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]) -> Response[None]:
    """Put a whole list in order, as it was dragged."""
    fields, ids = await sent(request), await sent_all(request, "ids")
    async with db.transaction(actor) as tx:
        await routing_rules.reorder(
            tx,
            team_id=fields.get("team_id", ""),
            integration_id=fields.get("integration_id") or None,
            rule_ids=ids,
        )
    return go(PATH, "The order is saved.")


async def place_of(reader: Reader, actor: Actor, typed: Typed) -> tuple[str, str | None]:
    """Team and integration that were chosen as the place of a new rule."""
    kind, _, chosen = typed.place.partition(":")
    if kind == "integration":
        team_id = await rule_choices.team_of_integration(reader, actor, chosen)
        if team_id is not None:
            return team_id, chosen
    elif kind == "team" and chosen:
        return chosen, None
    raise Invalid("Choose whose alerts it is about.", field="place")


def _stored(rule: RoutingRule) -> Typed | None:
    place = f"integration:{rule.integration_id}" if rule.integration_id else f"team:{rule.team_id}"
    return rule_forms.shown(rule.name, rule.body, place=place, is_enabled=rule.is_enabled)


async def _form(
    request: Web,
    db: Database,
    actor: Actor,
    rule_id: str | None,
    typed: Typed | None,
    errors: Errors,
    verb: str = "",
) -> Response[Any]:
    async with db.read() as reader:
        found = await routing_rules.get(reader, actor, rule_id) if rule_id else None
        context = await shell(request, reader, actor, PATH)
        stored = _stored(found) if found else None
        held = (
            typed
            or stored
            or Typed(name=found.name if found else "", is_enabled=bool(found and found.is_enabled))
        )
        held = rule_forms.reshaped(held, verb, str(context["zone"]))
        if found:
            held.place = stored.place if stored else ""
        names = await routing_rules.names(reader, actor, [found.body] if found else [])
        body = _body(held, errors) if verb in ("try", "dry-run") else None
        team_id = found.team_id if found else (await _team(reader, actor, held))
        context |= {
            "title": found.name if found else "New routing rule",
            "action": f"{PATH}/{found.id}" if found else PATH,
            "is_new": found is None,
            "can_edit": found is None or can(actor, Permission.CONFIGURE, found.team_id),
            "said": sentence(found.body, names) if found else "",
            "has_form": found is None or stored is not None,
            "values": held.values(),
            "errors": errors,
            "kinds": list(rule_forms.KINDS.items()),
            "paging": list(rule_forms.PAGING.items()),
            "thresholds": list(rule_forms.THRESHOLDS.items()),
            "whose": await rule_choices.places(reader, actor) if found is None else [],
            **await rule_choices.offered(reader, actor),
            "alerts": await rule_trials.recent(reader, actor, team_id) if team_id else [],
            "tried": None,
            "run": None,
        }
        if body is not None and team_id and not errors:
            try:
                of = await rule_trials.draft(reader, actor, held, body, team_id, found)
                if verb == "try":
                    context["tried"] = await rule_trials.tried(reader, actor, of, held.alert)
                    if context["tried"] is None:
                        context["errors"] = {"": "No such alert came in for this team; choose another."}
            except Invalid as error:
                context["errors"] = errors | refused(error, rule_forms.fields_of(held))
                of = None
        else:
            of = None
    if verb == "dry-run" and of is not None:
        context["run"] = await rule_trials.run(db, actor, of)
    status = 422 if context["errors"] else 200
    return answer(request, "routing_rules/edit.html", context, status)


async def _team(reader: Reader, actor: Actor, held: Typed) -> str | None:
    try:
        return (await place_of(reader, actor, held))[0]
    except Invalid:
        teams = await choices.teams_to_configure(reader, actor)
        return teams[0][0] if len(teams) == 1 else None


def _body(held: Typed, errors: Errors) -> RuleBody | None:
    try:
        return rule_forms.body_of(held)
    except Invalid as error:
        errors |= refused(error, rule_forms.fields_of(held))
        return None


ROUTES: Sequence[HTTPRouteHandler] = [index, new, create, show, update, order, up, down]
