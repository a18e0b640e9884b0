"""Rules that are tried on their page: on one recent alert, and on those of the last 30 days."""

from collections.abc import Sequence
from typing import Any

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from openalert.domain.access import Actor
from openalert.domain.alert_filter import AlertFilter
from openalert.domain.backtest import Backtest, Saved
from openalert.domain.errors import NotFound, Unavailable
from openalert.domain.routing import RoutingRule, RuleBody
from openalert.domain.routing_words import done_words
from openalert.storage import alert_lists
from openalert.storage.database import Database
from openalert.storage.transaction import Reader
from openalert.usecases import dry_runs
from openalert.usecases.dry_runs import RUNS, Draft, Run
from openalert.web.api.routing_trials import summary
from openalert.web.ui.frame import Values, Web, answer, shell
from openalert.web.ui.rule_forms import Typed

RECENT = 30


async def recent(reader: Reader, actor: Actor, team_id: str) -> list[tuple[str, str]]:
    """The newest alerts in view that came in for the team, to try a rule on."""
    found = await alert_lists.search(reader, actor, AlertFilter(team_id=team_id), limit=RECENT)
    return [(each.id, f"{each.title} ({each.severity.value})") for each in found.items]


async def draft(
    reader: Reader, actor: Actor, held: Typed, body: RuleBody, team_id: str, found: RoutingRule | None
) -> Draft:
    """The list with what the form holds."""
    kind, _, chosen = held.place.partition(":")
    return await dry_runs.draft(
        reader,
        actor,
        team_id=team_id,
        name=held.name or "This rule",
        body=body,
        integration_id=chosen if kind == "integration" and found is None else None,
        rule_id=found.id if found else None,
    )


async def tried(reader: Reader, actor: Actor, of: Draft, alert_id: str) -> Values | None:
    """What the list makes of one alert; None when there is no such alert."""
    try:
        subject = await dry_runs.subject_of(reader, actor, alert_id, of.team_id)
    except NotFound:
        return None
    result = dry_runs.tried(of, subject)
    decision = result.decision
    applied = of.rule is not None and any(
        done.rule_id == of.rule.id and done.actions is not None for done in decision.done
    )
    ends = [wait.until for wait in decision.waiting]
    known = [until for until in ends if until is not None]
    return {
        "title": subject.title,
        "applies": applied,
        "reasons": [
            {"words": each.words, "holds": each.holds, "depth": each.depth, "has": each.has}
            for each in result.reasons
        ],
        "steps": [done_words(done, of.names) for done in decision.done],
        "dropped": decision.dropped_by is not None,
        "held": bool(ends),
        "until": max(known) if ends and len(known) == len(ends) else None,
        "severity": decision.severity.value,
        "tags": decision.tags,
    }


async def run(db: Database, actor: Actor, of: Draft) -> Values:
    """Begin a dry run: its result, or how far it is."""
    try:
        begun = await RUNS.begin(db, of)
    except Unavailable as error:
        return {"refused": error.message, "href": "", "is_over": True}
    async with db.read() as reader:
        return await shown(reader, actor, begun)


async def shown(reader: Reader, actor: Actor, begun: Run) -> Values:
    """A dry run as its page tells it."""
    values: Values = {
        "refused": "",
        "href": f"/routing-rules/dry-run/{begun.id}",
        "since": begun.since,
        "done": begun.done,
        "total": begun.total,
        "is_short": begun.is_short,
        "is_over": begun.is_over,
        "has_failed": begun.has_failed,
        "result": None,
    }
    if begun.result is not None:
        values["result"] = await _result(reader, actor, begun.result)
    return values


async def _result(reader: Reader, actor: Actor, result: Backtest) -> Values:
    titles = await dry_runs.visible_titles(reader, actor, result)

    def row(saved: Saved) -> Values:
        title = titles.get(saved.incident.id)
        return {
            "href": f"/incidents/{saved.incident.id}" if title is not None else "",
            "number": saved.incident.number,
            "title": title if title is not None else "of a team that you are not in",
            "pages": saved.incident.pages,
        }

    return {
        "summary": summary(result),
        "alerts": result.alerts,
        "matched": result.matched,
        "pages": result.pages,
        "pages_left": result.pages_left,
        "incidents": result.incidents,
        "incidents_left": result.incidents_left,
        "hidden": [row(each) for each in result.hidden],
        "hidden_count": result.hidden_count,
        "saved": [row(each) for each in result.saved],
        "saved_count": result.saved_count,
        "joined": result.joined,
        "later": result.later,
        "routed": result.routed,
        "rated": result.rated,
        "more": result.more,
        "failed": result.failed,
    }


@get("/routing-rules/dry-run/{dry_run_id:str}", include_in_schema=False)
async def show(
    request: Web, dry_run_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[Any]:
    """How far a dry run is, and what came of it."""
    begun = RUNS.get(actor, dry_run_id)
    async with db.read() as reader:
        context = await shell(request, reader, actor, "/routing-rules", run=await shown(reader, actor, begun))
    return answer(request, "routing_rules/dry_run.html", context)


ROUTES: Sequence[HTTPRouteHandler] = [show]
