"""JSON `/routing-rules`: ordered rules of a team or an integration, tried on alerts before and after they are saved."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

import msgspec
from litestar import Router, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, UnsetType

from openalert.domain.access import Actor
from openalert.domain.instant import DAY
from openalert.domain.routing import (
    MOST_RULES,
    Actions,
    AllOf,
    Condition,
    RoutingRule,
    RuleBody,
    Threshold,
)
from openalert.domain.routing_words import Names, sentence
from openalert.storage import routing_counts
from openalert.storage.database import Database
from openalert.storage.routing_counts import Hits
from openalert.storage.transaction import Reader
from openalert.usecases import routing_rules
from openalert.web.api import routing_trials
from openalert.web.api.wire import READS, WRITES, Input, Output, TeamFilter, moment, moment_or_none
from openalert.web.paging import DEFAULT, Cursor, Limit, Page, paged

LATELY = 30 * DAY
"""How far back the hits of a rule are counted."""


class RoutingRuleOut(Output):
    """A routing rule; `sentence` says the same in words."""

    id: str
    name: str
    team_id: str
    integration_id: str | None
    position: int
    is_enabled: bool
    condition: Condition
    threshold: Threshold | None
    actions: Actions
    stop: bool
    sentence: str
    hits: int
    last_hit_at: datetime | None
    created_at: datetime
    updated_at: datetime


class RuleIn(Input, kw_only=True):
    """What a rule says: when it applies, and what it does."""

    condition: Condition | UnsetType = UNSET
    threshold: Threshold | None = None
    actions: Actions | UnsetType = UNSET
    stop: bool = False

    def body(self) -> RuleBody:
        """As the domain has it."""
        return RuleBody(
            condition=AllOf() if self.condition is UNSET else self.condition,
            threshold=self.threshold,
            actions=Actions() if self.actions is UNSET else self.actions,
            stop=self.stop,
        )


class RoutingRuleIn(RuleIn, kw_only=True):
    """A new routing rule; without `position` it stands last."""

    name: str
    team_id: str
    integration_id: str | None = None
    is_enabled: bool = True
    position: int | None = None


class RoutingRulePatch(Input):
    """What to change of a rule; each member replaces the whole of what was there."""

    name: str | UnsetType = UNSET
    is_enabled: bool | UnsetType = UNSET
    condition: Condition | UnsetType = UNSET
    threshold: Threshold | UnsetType | None = UNSET
    actions: Actions | UnsetType = UNSET
    stop: bool | UnsetType = UNSET


class ReorderIn(Input):
    """The rules of one list in the order wanted, every one of them once."""

    team_id: str
    ids: list[str]
    integration_id: str | None = None


class RuleOrder(Output):
    """The rules of one list, in order."""

    items: list[RoutingRuleOut]


def show(rule: RoutingRule, names: Names, hits: Mapping[str, Hits]) -> RoutingRuleOut:
    """A rule as it is answered."""
    lately = hits.get(rule.id, Hits())
    return RoutingRuleOut(
        id=rule.id,
        name=rule.name,
        team_id=rule.team_id,
        integration_id=rule.integration_id,
        position=rule.position,
        is_enabled=rule.is_enabled,
        condition=rule.body.condition,
        threshold=rule.body.threshold,
        actions=rule.body.actions,
        stop=rule.body.stop,
        sentence=sentence(rule.body, names),
        hits=lately.count,
        last_hit_at=moment_or_none(lately.last_at),
        created_at=moment(rule.created_at),
        updated_at=moment(rule.updated_at),
    )


async def shown(reader: Reader, actor: Actor, rules: list[RoutingRule]) -> list[RoutingRuleOut]:
    """Rules as they are answered, with what they name and how often they applied."""
    names = await routing_rules.names(reader, actor, [rule.body for rule in rules])
    hits = await routing_counts.hits(reader, [rule.id for rule in rules], reader.now - LATELY)
    return [show(rule, names, hits) for rule in rules]


@get("/", responses=READS)
async def list_rules(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    team_id: TeamFilter = None,
    limit: Limit = DEFAULT,
    cursor: Cursor = None,
) -> Page[RoutingRuleOut]:
    """The routing rules of the teams in view, in order: those of integrations before those of their team."""
    async with db.read() as reader:
        read = partial(routing_rules.page, reader, actor, team_id=team_id)
        found: Page[RoutingRule] = await paged(read, _itself, limit, cursor)
        return Page(items=await shown(reader, actor, found.items), next_cursor=found.next_cursor)


def _itself(rule: RoutingRule) -> RoutingRule:
    return rule


@post("/", responses=WRITES)
async def create_rule(
    db: NamedDependency[Database], actor: NamedDependency[Actor], data: JSONBody[RoutingRuleIn]
) -> RoutingRuleOut:
    """Make a routing rule; it counts from the next message on."""
    async with db.transaction(actor) as tx:
        made = await routing_rules.create(
            tx,
            team_id=data.team_id,
            name=data.name,
            body=data.body(),
            integration_id=data.integration_id,
            is_enabled=data.is_enabled,
            position=data.position,
        )
        return (await shown(tx, actor, [made]))[0]


@get("/{routing_rule_id:str}", responses=READS)
async def get_rule(
    db: NamedDependency[Database], actor: NamedDependency[Actor], routing_rule_id: FromPath[str]
) -> RoutingRuleOut:
    """One routing rule."""
    async with db.read() as reader:
        return (await shown(reader, actor, [await routing_rules.get(reader, actor, routing_rule_id)]))[0]


@patch("/{routing_rule_id:str}", responses=WRITES)
async def update_rule(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    routing_rule_id: FromPath[str],
    data: JSONBody[RoutingRulePatch],
) -> RoutingRuleOut:
    """Change a routing rule; what it holds and would hold no more is let go."""
    members = data.members()
    changes: dict[str, Any] = {name: members.pop(name) for name in ("name", "is_enabled")}
    said = {name: value for name, value in members.items() if value is not UNSET}
    async with db.transaction(actor) as tx:
        if said:
            before = await routing_rules.to_configure(tx, actor, routing_rule_id)
            changes["body"] = msgspec.structs.replace(before.body, **said)
        return (await shown(tx, actor, [await routing_rules.update(tx, routing_rule_id, **changes)]))[0]


@delete("/{routing_rule_id:str}", responses=WRITES)
async def delete_rule(
    db: NamedDependency[Database], actor: NamedDependency[Actor], routing_rule_id: FromPath[str]
) -> None:
    """Delete a routing rule; what it alone holds is let go, and pages if it still fires."""
    async with db.transaction(actor) as tx:
        await routing_rules.delete(tx, routing_rule_id)


@post("/reorder", responses=WRITES, status_code=200)
async def reorder_rules(
    db: NamedDependency[Database], actor: NamedDependency[Actor], data: JSONBody[ReorderIn]
) -> RuleOrder:
    """Put the rules of a team, or of one integration, in another order."""
    async with db.transaction(actor) as tx:
        rules = await routing_rules.reorder(
            tx, team_id=data.team_id, rule_ids=data.ids[: MOST_RULES + 1], integration_id=data.integration_id
        )
        return RuleOrder(items=await shown(tx, actor, rules))


routes = Router(
    path="/routing-rules",
    tags=["routing rules"],
    route_handlers=[
        list_rules,
        create_rule,
        reorder_rules,
        *routing_trials.HANDLERS,
        get_rule,
        update_rule,
        delete_rule,
    ],
)
