"""JSON `/escalation-policies`: who is paged in what order, written as one document."""

from datetime import datetime
from functools import partial
from typing import Annotated, Any, TypeAlias

import msgspec
from litestar import Router, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, UnsetType

from openalert.domain.access import Actor
from openalert.domain.escalation import Level, Target, TargetTurn, TargetType
from openalert.domain.instant import MINUTE, Instant
from openalert.storage.database import Database
from openalert.storage.escalation_policies import Document
from openalert.usecases import escalation_policies
from openalert.web.api.wire import READS, WRITES, Input, Output, TeamFilter, moment
from openalert.web.paging import DEFAULT, Cursor, Limit, Page, paged

Minutes: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=1_000_000)]
"""A duration in minutes; fractions are taken to the millisecond."""


class TargetBody(Input, omit_defaults=True):
    """Somebody or something that a level pages; `turn` is told where it is not `now`."""

    type: TargetType
    id: str
    turn: TargetTurn = TargetTurn.NOW


class LevelBody(Input):
    """One rung, `delayMinutes` after the one before (level 1: after the trigger)."""

    targets: list[TargetBody]
    delay_minutes: Minutes = 0
    level: int | UnsetType = UNSET


class PolicyOut(Output):
    """An escalation policy with its levels."""

    id: str
    name: str
    team_id: str
    repeat_count: int
    repeat_delay_minutes: float
    levels: list[LevelBody]
    created_at: datetime
    updated_at: datetime


class PolicyIn(Input):
    """A new escalation policy; levels count 1, 2, 3 in the order given."""

    name: str
    team_id: str
    levels: list[LevelBody]
    repeat_count: int = 0
    repeat_delay_minutes: Minutes = 0


class PolicyPatch(Input):
    """What to change of a policy; `levels` replaces all of them, `teamId` gives it to another team."""

    team_id: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    levels: list[LevelBody] | UnsetType = UNSET
    repeat_count: int | UnsetType = UNSET
    repeat_delay_minutes: Minutes | UnsetType = UNSET


def show(document: Document) -> PolicyOut:
    """A policy as it is answered."""
    policy, version = document.policy, document.version
    return PolicyOut(
        id=policy.id,
        name=policy.name,
        team_id=policy.team_id,
        repeat_count=version.repeat_count,
        repeat_delay_minutes=version.repeat_delay / MINUTE,
        levels=[_show_level(level) for level in version.levels],
        created_at=moment(policy.created_at),
        updated_at=moment(policy.updated_at),
    )


def _show_level(level: Level) -> LevelBody:
    targets = [TargetBody(type=target.type, id=target.id, turn=target.turn) for target in level.targets]
    return LevelBody(level=level.level, delay_minutes=level.delay / MINUTE, targets=targets)


def _levels(given: list[LevelBody]) -> tuple[Level, ...]:
    return tuple(
        Level(
            level=position if body.level is UNSET else body.level,
            delay=_milliseconds(body.delay_minutes),
            targets=tuple(Target(type=each.type, id=each.id, turn=each.turn) for each in body.targets),
        )
        for position, body in enumerate(given, start=1)
    )


def _milliseconds(minutes: float) -> Instant:
    return round(minutes * MINUTE)


@get("/", responses=READS)
async def list_policies(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    team_id: TeamFilter = None,
    limit: Limit = DEFAULT,
    cursor: Cursor = None,
) -> Page[PolicyOut]:
    """The escalation policies of the teams that the caller may see."""
    async with db.read() as reader:
        read = partial(escalation_policies.page, reader, actor, team_id=team_id)
        return await paged(read, show, limit, cursor, key=lambda document: document.policy.id)


@post("/", responses=WRITES)
async def create_policy(
    db: NamedDependency[Database], actor: NamedDependency[Actor], data: JSONBody[PolicyIn]
) -> PolicyOut:
    """Make an escalation policy."""
    async with db.transaction(actor) as tx:
        made = await escalation_policies.create(
            tx,
            team_id=data.team_id,
            name=data.name,
            levels=_levels(data.levels),
            repeat_count=data.repeat_count,
            repeat_delay=_milliseconds(data.repeat_delay_minutes),
        )
        return show(made)


@get("/{policy_id:str}", responses=READS)
async def get_policy(
    db: NamedDependency[Database], actor: NamedDependency[Actor], policy_id: FromPath[str]
) -> PolicyOut:
    """One escalation policy."""
    async with db.read() as reader:
        return show(await escalation_policies.get(reader, actor, policy_id))


@patch("/{policy_id:str}", responses=WRITES)
async def update_policy(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    policy_id: FromPath[str],
    data: JSONBody[PolicyPatch],
) -> PolicyOut:
    """Edit a policy; escalations that run keep the version with which they began."""
    changes: dict[str, Any] = {
        "team_id": data.team_id,
        "name": data.name,
        "repeat_count": data.repeat_count,
    }
    if data.levels is not UNSET:
        changes["levels"] = _levels(data.levels)
    if data.repeat_delay_minutes is not UNSET:
        changes["repeat_delay"] = _milliseconds(data.repeat_delay_minutes)
    async with db.transaction(actor) as tx:
        return show(await escalation_policies.update(tx, policy_id, **changes))


@delete("/{policy_id:str}", responses=WRITES)
async def delete_policy(
    db: NamedDependency[Database], actor: NamedDependency[Actor], policy_id: FromPath[str]
) -> None:
    """Delete a policy by which no service escalates."""
    async with db.transaction(actor) as tx:
        await escalation_policies.delete(tx, policy_id)


routes = Router(
    path="/escalation-policies",
    tags=["escalation policies"],
    route_handlers=[list_policies, create_policy, get_policy, update_policy, delete_policy],
)
