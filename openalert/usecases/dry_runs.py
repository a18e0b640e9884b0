"""Dry runs: rules that are not saved, asked about the alerts of the last 30 days while everything goes on as it is."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Mapping

import msgspec
import structlog

from openalert.domain.access import Actor, Permission
from openalert.domain.backtest import Backtest, PastIncident, Trial
from openalert.domain.counts import Counts
from openalert.domain.errors import NotFound, Unavailable
from openalert.domain.ids import first_id, new_id
from openalert.domain.instant import DAY, Instant
from openalert.domain.routing import MOST_RULES, RoutingRule, RuleBody, Subject
from openalert.domain.routing_decide import Decision, RuleList
from openalert.domain.routing_explain import Reason, reasons
from openalert.domain.routing_words import Names
from openalert.storage import incidents, past_alerts, routing_rules
from openalert.storage.database import Database
from openalert.storage.transaction import Reader
from openalert.usecases import access
from openalert.usecases import alerts as acts
from openalert.usecases.routing_rules import (
    check_integration,
    drafted,
    names,
    team_to_configure,
    to_configure,
)

log = structlog.get_logger(__name__)

LATELY = 30 * DAY
MOST_ALERTS = 50_000
"""The newest so many are looked at."""
PER_READ = 500
SHARE = 0.02
"""Seconds of work before others have their turn."""
MOST_AT_ONCE = 4
MOST_KEPT = 100
PATIENCE = 2.0
"""Seconds for which a caller waits for the result; longer ones are asked for again."""


class Draft(msgspec.Struct, kw_only=True):
    """The list as it would be."""

    rules: list[RoutingRule]
    organization_id: str
    team_id: str
    rule: RoutingRule | None
    """The rule in question; None: the list as it is."""
    names: Names


class Run(msgspec.Struct, kw_only=True):
    """A dry run, under way or over."""

    id: str
    organization_id: str
    team_id: str
    since: Instant
    total: int = 0
    done: int = 0
    is_short: bool = False
    """Whether there were more alerts than are looked at, so that it goes back less than 30 days."""
    result: Backtest | None = None
    has_failed: bool = False

    @property
    def is_over(self) -> bool:
        """Whether there is nothing to wait for."""
        return self.result is not None or self.has_failed


async def draft(
    reader: Reader,
    actor: Actor,
    *,
    team_id: str,
    name: str = "Draft",
    body: RuleBody | None = None,
    integration_id: str | None = None,
    rule_id: str | None = None,
    position: int | None = None,
) -> Draft:
    """The team's list with a rule put in, or in the place of the one with `rule_id`; checked, and not saved."""
    team = await team_to_configure(reader, actor, team_id)
    every = await routing_rules.of_team(reader, team.id)
    rule = None
    if rule_id is not None:
        kept = await to_configure(reader, actor, rule_id)
        if kept.team_id != team.id:
            raise access.unknown("routingRuleId", "routing rule of the team", rule_id)
        integration_id, position = kept.integration_id, kept.position
        if body is None:
            rule = kept
        else:
            every = [each for each in every if each.id != kept.id]
    elif integration_id is not None:
        await check_integration(reader, actor, integration_id, team.id)
    if body is not None:
        rule = await drafted(
            reader, actor, team_id=team.id, name=name, body=body, integration_id=integration_id
        )
        rule.position = MOST_RULES + 1 if position is None else position
        if rule_id is None:
            for each in every:
                each.position += each.integration_id == integration_id and each.position >= rule.position
        every.append(rule)
    known = await names(reader, actor, [each.body for each in every])
    return Draft(rules=every, organization_id=team.organization_id, team_id=team.id, rule=rule, names=known)


class Tried(msgspec.Struct, kw_only=True):
    """A list of rules asked about one alert."""

    subject: Subject
    """As the alert came."""
    decision: Decision
    reasons: list[Reason]
    """Each condition of the rule in question, and whether it held."""


def tried(of: Draft, subject: Subject) -> Tried:
    """What the list would make of one alert, and why the rule in question applies or does not."""
    before = msgspec.structs.replace(subject, tags=list(subject.tags))
    decision = RuleList(of.rules).decide(subject, Counts({}))
    why = reasons(of.rule.body, before, of.names) if of.rule else []
    return Tried(subject=before, decision=decision, reasons=why)


async def subject_of(reader: Reader, actor: Actor, alert_id: str, team_id: str) -> Subject:
    """A stored alert as it came in; NotFound for one that the actor may not see, or that came in elsewhere."""
    alert = await acts.see(reader, actor, alert_id)
    came_by = await past_alerts.integrations_of(reader, team_id)
    if alert.integration_id not in came_by:
        raise NotFound("alert")
    return Subject(
        source=alert.source,
        severity=alert.severity,
        title=alert.title,
        description=alert.description,
        labels=alert.labels,
        tags=[],
        integration_id=alert.integration_id,
        service_id=came_by[alert.integration_id],
        at=alert.fired_at,
    )


class DryRuns:
    """Those under way and the last that are over, of one process."""

    def __init__(self) -> None:
        self._runs: OrderedDict[str, Run] = OrderedDict()
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def begin(self, db: Database, of: Draft, *, patience: float = PATIENCE) -> Run:
        """Begin one; it is returned when it is over, or when the caller has waited long enough."""
        if len(self._tasks) >= MOST_AT_ONCE:
            raise Unavailable("Other dry runs are under way; try again in a few seconds.", retry_after=5)
        now = db.clock()
        run = Run(
            id=new_id(now),
            organization_id=of.organization_id,
            team_id=of.team_id,
            since=now - LATELY,
        )
        self._runs[run.id] = run
        while len(self._runs) > MOST_KEPT:
            self._runs.popitem(last=False)
        task = asyncio.create_task(self._work(db, run, of))
        self._tasks[run.id] = task
        task.add_done_callback(lambda _: self._tasks.pop(run.id, None))
        await self.wait(run.id, patience)
        return run

    async def wait(self, run_id: str, patience: float = PATIENCE) -> None:
        """Until it is over, but not longer than so many seconds."""
        if task := self._tasks.get(run_id):
            await asyncio.wait([task], timeout=patience)

    def get(self, actor: Actor, run_id: str) -> Run:
        """One about a team whose rules the actor may change."""
        run = self._runs.get(run_id)
        if run is None or actor.organization_id not in (None, run.organization_id):
            raise NotFound("dry run")
        access.require(actor, Permission.CONFIGURE, run.team_id, "dry run")
        return run

    async def _work(self, db: Database, run: Run, of: Draft) -> None:
        try:
            run.result = await backtest(db, run, of)
        except Exception:
            log.exception("dry run failed", run_id=run.id)
            run.has_failed = True


RUNS = DryRuns()
"""Those of this process: whoever begins one asks the same process for it."""


async def backtest(db: Database, run: Run, of: Draft) -> Backtest:
    """Ask the list about every alert of the time, some at a time, each batch from a snapshot of its own."""
    trial = Trial(RuleList(of.rules), of.rule.id if of.rule else None)
    async with db.read() as reader:
        came_by = await past_alerts.integrations_of(reader, of.team_id)
        begin = first_id(run.since)
        after = await past_alerts.first_of_newest(reader, list(came_by), begin, MOST_ALERTS)
        run.total = await past_alerts.count(reader, list(came_by), after, MOST_ALERTS)
    run.is_short = after != begin
    turn = time.monotonic()
    while True:
        async with db.read() as reader:
            batch = await past_alerts.page(reader, came_by, after, limit=PER_READ)
        if run.is_short and batch and not run.done:
            run.since = batch[0].subject.at
        for past in batch:
            trial.look(past)
            if time.monotonic() - turn > SHARE:
                await asyncio.sleep(0)
                turn = time.monotonic()
        run.done += len(batch)
        if len(batch) < PER_READ or run.done >= MOST_ALERTS:
            break
        after = batch[-1].id
    had: dict[str, PastIncident] = {}
    ids = sorted(trial.incident_ids)
    for at in range(0, len(ids), PER_READ):
        async with db.read() as reader:
            had |= await past_alerts.incidents(reader, ids[at : at + PER_READ])
    return trial.result(had)


async def visible_titles(reader: Reader, actor: Actor, result: Backtest) -> Mapping[str, str]:
    """The titles of those incidents of a result that the actor may see, by id."""
    ids = [each.incident.id for each in (*result.hidden, *result.saved)]
    found = await incidents.get_many(reader, ids)
    return {
        each.id: each.title
        for each in found.values()
        if access.sees(actor, each.organization_id, each.team_id)
    }
