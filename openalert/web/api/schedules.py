"""JSON `/schedules`: who is on call when, by rotations and overrides."""

from datetime import datetime
from functools import partial
from typing import Annotated

from litestar import Router, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import UNSET, UnsetType

from openalert.domain.access import Actor
from openalert.domain.schedule import Schedule
from openalert.storage import users
from openalert.storage.database import Database
from openalert.usecases import schedules
from openalert.web.api import handoff_notes, overrides, previews, rotations, swaps
from openalert.web.api.oncall import At, OnCallOut, OnCallPersonOut, answer_all, show_people
from openalert.web.api.quality import get_quality
from openalert.web.api.wire import READS, WRITES, Input, Moment, Output, TeamFilter, instant, moment
from openalert.web.paging import DEFAULT, Cursor, Limit, Page, paged


class ScheduleOut(Output):
    """A schedule."""

    id: str
    name: str
    team_id: str
    timezone: str
    created_at: datetime
    updated_at: datetime


class ScheduleIn(Input):
    """A new schedule."""

    name: str
    team_id: str
    timezone: str = "UTC"


class SchedulePatch(Input):
    """What to change of a schedule; `teamId` gives it to another team, for admins of both."""

    team_id: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    timezone: str | UnsetType = UNSET


class ShiftOut(Output):
    """Some people on call for some time."""

    start_time: datetime
    end_time: datetime
    on_call: list[OnCallPersonOut]


class GapOut(Output):
    """A time at which nobody is on call."""

    start_time: datetime
    end_time: datetime


class ShiftsOut(Output):
    """A range of time, told in full."""

    items: list[ShiftOut]
    gaps: list[GapOut]


def show(schedule: Schedule) -> ScheduleOut:
    """A schedule as it is answered."""
    return ScheduleOut(
        id=schedule.id,
        name=schedule.name,
        team_id=schedule.team_id,
        timezone=schedule.timezone,
        created_at=moment(schedule.created_at),
        updated_at=moment(schedule.updated_at),
    )


@get("/", responses=READS)
async def list_schedules(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    team_id: TeamFilter = None,
    limit: Limit = DEFAULT,
    cursor: Cursor = None,
) -> Page[ScheduleOut]:
    """The schedules of the teams that the caller may see."""
    async with db.read() as reader:
        return await paged(partial(schedules.page, reader, actor, team_id=team_id), show, limit, cursor)


@post("/", responses=WRITES)
async def create_schedule(
    db: NamedDependency[Database], actor: NamedDependency[Actor], data: JSONBody[ScheduleIn]
) -> ScheduleOut:
    """Make a schedule; nobody is on call until it gets a rotation."""
    async with db.transaction(actor) as tx:
        return show(await schedules.create(tx, **data.members()))


@get("/{schedule_id:str}", responses=READS)
async def get_schedule(
    db: NamedDependency[Database], actor: NamedDependency[Actor], schedule_id: FromPath[str]
) -> ScheduleOut:
    """One schedule."""
    async with db.read() as reader:
        return show(await schedules.get(reader, actor, schedule_id))


@patch("/{schedule_id:str}", responses=WRITES)
async def update_schedule(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    schedule_id: FromPath[str],
    data: JSONBody[SchedulePatch],
) -> ScheduleOut:
    """Change a schedule; its rotations follow a new time zone from their next handoff on."""
    async with db.transaction(actor) as tx:
        return show(await schedules.update(tx, schedule_id, **data.members()))


@delete("/{schedule_id:str}", responses=WRITES)
async def delete_schedule(
    db: NamedDependency[Database], actor: NamedDependency[Actor], schedule_id: FromPath[str]
) -> None:
    """Delete a schedule that no escalation policy pages."""
    async with db.transaction(actor) as tx:
        await schedules.delete(tx, schedule_id)


@get("/{schedule_id:str}/oncall", responses=READS)
async def get_on_call(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    schedule_id: FromPath[str],
    at: At = None,
) -> OnCallOut:
    """Who is on call for the schedule; an empty list: nobody."""
    async with db.read() as reader:
        schedule = await schedules.get(reader, actor, schedule_id)
        return (await answer_all(reader, actor, [schedule], at))[0]


@get("/{schedule_id:str}/shifts", responses=READS)
async def list_shifts(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    schedule_id: FromPath[str],
    start: Annotated[Moment, QueryParameter(name="from", description="Where the range begins.")],
    end: Annotated[Moment, QueryParameter(name="to", description="Where it ends, at most 400 days on.")],
) -> ShiftsOut:
    """The final schedule of a range, overrides and layers resolved, and where nobody is on call."""
    async with db.read() as reader:
        _, final = await schedules.shifts_of(reader, actor, schedule_id, instant(start), instant(end))
        ids = {person.user_id for shift in final.items for person in shift.people}
        people = await users.named(reader, actor, ids)
    return ShiftsOut(
        items=[
            ShiftOut(
                start_time=moment(shift.start),
                end_time=moment(shift.end),
                on_call=show_people(shift.people, people),
            )
            for shift in final.items
        ],
        gaps=[GapOut(start_time=moment(start), end_time=moment(end)) for start, end in final.gaps],
    )


routes = Router(
    path="/schedules",
    tags=["schedules"],
    route_handlers=[
        list_schedules,
        create_schedule,
        get_schedule,
        update_schedule,
        delete_schedule,
        get_on_call,
        list_shifts,
        get_quality,
        *rotations.handlers,
        *overrides.handlers,
        *swaps.handlers,
        *previews.handlers,
        *handoff_notes.handlers,
    ],
)
