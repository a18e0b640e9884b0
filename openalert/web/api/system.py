"""JSON `/system`: would an alert arriving now page, was what was due in time, is the dead-man's switch proven."""

import datetime as dt
from functools import partial
from typing import Annotated

import msgspec
from litestar import Router, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import JSONBody

from openalert.domain.access import Actor, Permission
from openalert.domain.instant import SECOND, to_datetime
from openalert.domain.slo import AIM, BOUND, Line, Objective
from openalert.domain.switch_proof import (
    LONGEST,
    SHORTEST,
    USUAL,
    Outcome,
    SwitchProof,
    SwitchStanding,
    switch_of,
)
from openalert.storage.database import Database
from openalert.storage.slo import SeenMiss
from openalert.usecases import slo, switch_proofs, system
from openalert.usecases.access import require
from openalert.web.api.wire import READS, WRITES, Input, Moment, Output, moment, moment_or_none
from openalert.web.paging import DEFAULT, Cursor, Limit, Page, paged
from openalert.web.watching import Watch


class SystemTrouble(Output):
    """A reason why an alert arriving now might page nobody."""

    kind: str
    message: str


class SystemSwitchOut(Output):
    """The dead-man's switch elsewhere, and its last proof by real silence."""

    is_configured: bool
    is_proven: bool
    proven_at: Moment | None
    silent_until: Moment | None
    last_well_at: Moment | None


class SystemObjectiveDay(Output):
    """One day in UTC."""

    date: dt.date
    kept: int
    missed: int


class SystemObjectiveOut(Output):
    """What is to be in time, and how much of the last thirty days was."""

    objective: Objective
    bound_seconds: float
    aim: float
    kept: int
    missed: int
    ratio: float | None
    days: list[SystemObjectiveDay]


class SystemOut(Output):
    """The server as it knows itself."""

    would_page: bool | None
    checked_at: Moment | None
    troubles: list[SystemTrouble]
    switch: SystemSwitchOut
    running_ratio: float
    running_since: Moment
    objectives: list[SystemObjectiveOut]


class MissOut(Output):
    """Something that was not in time."""

    id: str
    objective: Objective
    incident_id: str | None
    incident_number: int | None
    what: str
    due_at: Moment
    done_at: Moment | None
    late_seconds: float | None
    reason: str


class SwitchSilenceIn(Input):
    """For how long the switch is told nothing."""

    minutes: Annotated[int, msgspec.Meta(ge=SHORTEST, le=LONGEST)] = USUAL


class SwitchSilenceEnd(Input):
    """What became of it."""

    outcome: Outcome


class SwitchSilenceOut(Output):
    """A silence on purpose."""

    id: str
    begun_at: Moment
    until: Moment
    outcome: Outcome
    ended_at: Moment | None


@get("/", responses=READS)
async def get_system(db: NamedDependency[Database], actor: NamedDependency[Actor], state: State) -> SystemOut:
    """Whether an alert arriving now would page, and whether what was due was in time; for admins."""
    require(actor, Permission.CONFIGURE, None)
    watch: Watch | None = state.self_watch()
    own = _switch(state)
    async with db.read() as reader:
        found = await system.look(reader)
        proof = await switch_proofs.standing(reader, own)
    standing = watch.standing if watch else None
    return SystemOut(
        would_page=None if standing is None else standing.would_page,
        checked_at=None if standing is None else moment(standing.at),
        troubles=[
            SystemTrouble(kind=each.kind.value, message=each.words)
            for each in (standing.troubles if standing else ())
        ],
        switch=_proof(proof, watch, found.now),
        running_ratio=found.objectives.running,
        running_since=moment(found.objectives.since),
        objectives=[_objective(each) for each in found.objectives.lines],
    )


def _switch(state: State) -> str:
    return switch_of(state.config.self_monitor.url)


def _proof(found: SwitchStanding, watch: Watch | None, now: int) -> SystemSwitchOut:
    return SystemSwitchOut(
        is_configured=bool(found.switch),
        is_proven=found.is_proven(now),
        proven_at=moment_or_none(found.proven.ended_at if found.proven else None),
        silent_until=moment_or_none(found.last.until if found.last and found.is_silent(now) else None),
        last_well_at=moment_or_none(watch.told_at if watch else None),
    )


def _objective(line: Line) -> SystemObjectiveOut:
    return SystemObjectiveOut(
        objective=line.objective,
        bound_seconds=BOUND[line.objective] / SECOND,
        aim=AIM,
        kept=line.kept,
        missed=line.missed,
        ratio=line.ratio,
        days=[
            SystemObjectiveDay(date=to_datetime(each.begins_at).date(), kept=each.kept, missed=each.missed)
            for each in line.days
        ],
    )


@get("/misses", responses=READS)
async def list_misses(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    limit: Limit = DEFAULT,
    cursor: Cursor = None,
) -> Page[MissOut]:
    """What was not in time in the last 90 days, the newest first, of the own organization; for admins."""
    async with db.read() as reader:

        async def read(after: str, limit: int) -> list[SeenMiss]:
            return await slo.misses(reader, actor, before=after or None, limit=limit)

        return await paged(partial(read), _miss, limit, cursor)


def _miss(miss: SeenMiss) -> MissOut:
    return MissOut(
        id=miss.id,
        objective=miss.objective,
        incident_id=miss.incident_id,
        incident_number=miss.number,
        what=miss.what,
        due_at=moment(miss.due_at),
        done_at=moment_or_none(miss.done_at),
        late_seconds=None if miss.late is None else miss.late / SECOND,
        reason=miss.reason,
    )


@post("/", responses=WRITES)
async def begin_silence(
    state: State,
    data: JSONBody[SwitchSilenceIn],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> SwitchSilenceOut:
    """Tell the dead-man's switch nothing for some minutes, so that it proves that it complains."""
    async with db.transaction(actor) as tx:
        return _silence(await switch_proofs.begin(tx, _switch(state), data.minutes))


@post("/end", responses=WRITES, status_code=200)
async def end_silence(
    state: State,
    data: JSONBody[SwitchSilenceEnd],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> SwitchSilenceOut:
    """Say what became of the newest silence: `came`, `missed`, or `stopped` to end it before its time."""
    async with db.transaction(actor) as tx:
        return _silence(await switch_proofs.answer(tx, _switch(state), data.outcome))


def _silence(proof: SwitchProof) -> SwitchSilenceOut:
    return SwitchSilenceOut(
        id=proof.id,
        begun_at=moment(proof.begun_at),
        until=moment(proof.until),
        outcome=proof.outcome,
        ended_at=moment_or_none(proof.ended_at),
    )


routes = Router(path="/system", tags=["system"], route_handlers=[get_system, list_misses])
silence_routes = Router(
    path="/self-monitor/silence", tags=["system"], route_handlers=[begin_silence, end_silence]
)
