"""JSON `/routing-rules/test` and `/routing-rules/dry-run`: rules tried on alerts before they are saved."""

from datetime import datetime
from typing import Annotated

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, UnsetType

from openalert.domain.access import Actor
from openalert.domain.backtest import Backtest, Saved
from openalert.domain.errors import Invalid
from openalert.domain.instant import DAY, Instant
from openalert.domain.routing import Actions, AllOf, Condition, RuleBody, Subject, Threshold
from openalert.domain.routing_words import done_words
from openalert.domain.severity import Severity
from openalert.storage import past_alerts
from openalert.storage.database import Database
from openalert.storage.transaction import Reader
from openalert.usecases import dry_runs
from openalert.usecases.dry_runs import RUNS, Draft, Run, Tried
from openalert.web.api.wire import (
    READS,
    WRITES,
    Input,
    Moment,
    Output,
    instant,
    moment,
    moment_or_none,
)

Text = Annotated[str, msgspec.Meta(max_length=10_000)]


class TrialIn(Input):
    """Rules to try: the team's list with a draft put in, or with one of its rules changed, or as it is."""

    team_id: str
    name: str = "Draft"
    integration_id: str | None = None
    routing_rule_id: str | None = None
    position: int | None = None
    condition: Condition | UnsetType = UNSET
    threshold: Threshold | None = None
    actions: Actions | UnsetType = UNSET
    stop: bool = False

    def body(self) -> RuleBody | None:
        """The draft; None: the rules as they are saved."""
        if self.condition is UNSET and self.actions is UNSET and self.threshold is None and not self.stop:
            return None
        return RuleBody(
            condition=AllOf() if self.condition is UNSET else self.condition,
            threshold=self.threshold,
            actions=Actions() if self.actions is UNSET else self.actions,
            stop=self.stop,
        )

    async def draft(self, reader: Reader, actor: Actor) -> Draft:
        """The list as it would be."""
        return await dry_runs.draft(
            reader,
            actor,
            team_id=self.team_id,
            name=self.name,
            body=self.body(),
            integration_id=self.integration_id,
            rule_id=self.routing_rule_id,
            position=self.position,
        )


class AlertToTest(Input):
    """An alert that never was."""

    title: Text
    source: Text = "generic"
    severity: Severity = Severity.MEDIUM
    description: Text = ""
    labels: dict[str, Text] = msgspec.field(default_factory=dict)
    integration_id: str | None = None
    at: Moment | UnsetType = UNSET


class RuleTestIn(TrialIn, kw_only=True):
    """Rules, and the alert to try them on: one that is stored, or one that never was."""

    alert_id: str | None = None
    alert: AlertToTest | None = None


class RuleReasonOut(Output):
    """One condition of the rule in question."""

    text: str
    holds: bool
    depth: int
    has: str


class RuleTest(Output):
    """What the rules make of the alert."""

    applies: bool | None
    reasons: list[RuleReasonOut]
    steps: list[str]
    pages: str
    pages_after: datetime | None
    service_id: str
    severity: Severity
    tags: list[str]
    group: str | None


class SavedIncident(Output):
    """An incident that would not have begun."""

    incident_id: str
    number: int
    title: str | None
    pages: int
    rules: list[str]


class BacktestOut(Output):
    """What the rules would have changed."""

    alerts: int
    matched: int
    pages_before: int
    pages_after: int
    incidents_before: int
    incidents_after: int
    joined: int
    later: int
    routed: int
    rated: int
    would_page: int
    failed: int
    hidden_acted_on: list[SavedIncident]
    hidden_acted_on_count: int
    hidden: list[SavedIncident]
    hidden_count: int
    sentence: str


class DryRun(Output):
    """A dry run; while it is under way, `result` is null."""

    id: str
    status: str
    since: datetime
    done: int
    total: int
    is_short: bool
    result: BacktestOut | None


def summary(result: Backtest) -> str:
    """The one sentence that people want: `It would have cut 212 pages to 31 …`."""
    if not result.pages:
        said = "It would have changed no page, as there was none"
    elif result.pages_left < result.pages:
        said = f"It would have cut {_pages(result.pages)} to {result.pages_left}"
    else:
        said = (
            "It would have saved no page"
            if result.pages == 1
            else f"It would have saved none of {_pages(result.pages)}"
        )
    if result.hidden_count:
        return f"{said}, and would have hidden {result.hidden_count} that people acted on."
    return f"{said}, and would have hidden nothing that people acted on."


def _pages(count: int) -> str:
    return f"{count} page" if count == 1 else f"{count} pages"


async def shown(reader: Reader, actor: Actor, run: Run) -> DryRun:
    """A dry run as it is answered."""
    status = "failed" if run.has_failed else "done" if run.result else "running"
    result = await _result(reader, actor, run.result) if run.result else None
    return DryRun(
        id=run.id,
        status=status,
        since=moment(run.since),
        done=run.done,
        total=run.total,
        is_short=run.is_short,
        result=result,
    )


async def _result(reader: Reader, actor: Actor, result: Backtest) -> BacktestOut:
    titles = await dry_runs.visible_titles(reader, actor, result)

    def incident(saved: Saved) -> SavedIncident:
        return SavedIncident(
            incident_id=saved.incident.id,
            number=saved.incident.number,
            title=titles.get(saved.incident.id),
            pages=saved.incident.pages,
            rules=list(saved.rules),
        )

    return BacktestOut(
        alerts=result.alerts,
        matched=result.matched,
        pages_before=result.pages,
        pages_after=result.pages_left,
        incidents_before=result.incidents,
        incidents_after=result.incidents_left,
        joined=result.joined,
        later=result.later,
        routed=result.routed,
        rated=result.rated,
        would_page=result.more,
        failed=result.failed,
        hidden_acted_on=[incident(each) for each in result.hidden],
        hidden_acted_on_count=result.hidden_count,
        hidden=[incident(each) for each in result.saved],
        hidden_count=result.saved_count,
        sentence=summary(result),
    )


@post("/test", responses=WRITES, status_code=200)
async def test_rules(
    db: NamedDependency[Database], actor: NamedDependency[Actor], data: JSONBody[RuleTestIn]
) -> RuleTest:
    """Ask rules about one alert: what they would make of it, and why a draft applies or does not. Nothing is saved."""
    async with db.read() as reader:
        of = await data.draft(reader, actor)
        if data.alert_id is not None:
            subject = await dry_runs.subject_of(reader, actor, data.alert_id, of.team_id)
        elif data.alert is not None:
            subject = await _subject(reader, data.alert, of.team_id)
        else:
            raise Invalid("Give an alertId, or an alert.", field="alertId")
        return _tested(of, dry_runs.tried(of, subject))


async def _subject(reader: Reader, alert: AlertToTest, team_id: str) -> Subject:
    came_by = await past_alerts.integrations_of(reader, team_id)
    if alert.integration_id is not None and alert.integration_id not in came_by:
        raise Invalid("integrationId: there is no such integration of the team.", field="alert.integrationId")
    integration = alert.integration_id or next(iter(came_by), "")
    at: Instant = reader.now if alert.at is UNSET else instant(alert.at)
    return Subject(
        source=alert.source,
        severity=alert.severity,
        title=alert.title,
        description=alert.description,
        labels=alert.labels,
        tags=[],
        integration_id=integration,
        service_id=came_by.get(integration, ""),
        at=min(max(at, 0), reader.now + 400 * DAY),
    )


def _tested(of: Draft, tried: Tried) -> RuleTest:
    decision = tried.decision
    applied = {done.rule_id for done in decision.done if done.actions is not None}
    ends = [wait.until for wait in decision.waiting]
    known = [until for until in ends if until is not None]
    later = max(known) if ends and len(known) == len(ends) else None
    if decision.dropped_by is not None:
        pages = "dropped"
    else:
        pages = "at_once" if not ends else "never" if later is None else "later"
    return RuleTest(
        applies=of.rule.id in applied if of.rule else None,
        reasons=[
            RuleReasonOut(text=each.words, holds=each.holds, depth=each.depth, has=each.has)
            for each in tried.reasons
        ],
        steps=[done_words(done, of.names) for done in decision.done],
        pages=pages,
        pages_after=moment_or_none(later if pages == "later" else None),
        service_id=decision.service_id,
        severity=decision.severity,
        tags=decision.tags,
        group=decision.group,
    )


@post("/dry-run", responses=WRITES, status_code=200)
async def begin_dry_run(
    db: NamedDependency[Database], actor: NamedDependency[Actor], data: JSONBody[TrialIn]
) -> DryRun:
    """Ask rules about the alerts of the last 30 days. Nothing is saved; what takes longer is asked for by its id."""
    async with db.read() as reader:
        of = await data.draft(reader, actor)
    run = await RUNS.begin(db, of)
    async with db.read() as reader:
        return await shown(reader, actor, run)


@get("/dry-run/{dry_run_id:str}", responses=READS)
async def get_dry_run(
    db: NamedDependency[Database], actor: NamedDependency[Actor], dry_run_id: FromPath[str]
) -> DryRun:
    """A dry run: how far it is, and what came of it."""
    async with db.read() as reader:
        return await shown(reader, actor, RUNS.get(actor, dry_run_id))


HANDLERS = [test_rules, begin_dry_run, get_dry_run]
