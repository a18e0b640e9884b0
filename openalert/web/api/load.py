"""JSON `/oncall/load` and `/oncall/shifts`: who carries how much, and when somebody is on call."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, TypeAlias

from litestar import Response, Router, get
from litestar.di import NamedDependency
from litestar.openapi import ResponseSpec
from litestar.params import QueryParameter

from openalert.domain.access import Actor
from openalert.domain.errors import Invalid
from openalert.domain.instant import HOUR
from openalert.storage import users
from openalert.storage.database import Database
from openalert.usecases import load
from openalert.usecases.access import found
from openalert.usecases.load import Carried
from openalert.web import csv
from openalert.web.api.oncall import People, PersonOut, show_person
from openalert.web.api.wire import READS, Moment, Output, TeamFilter, instant, moment
from openalert.web.paging import Page

From: TypeAlias = Annotated[Moment, QueryParameter(name="from", description="Where the range begins.")]
To: TypeAlias = Annotated[
    Moment, QueryParameter(name="to", description="Where it ends, at most 400 days on.")
]
ScheduleFilter: TypeAlias = Annotated[
    str | None, QueryParameter(name="scheduleId", description="Only this schedule.")
]
_HEAD = (
    "person",
    "email",
    "hours",
    "night hours",
    "weekend hours",
    "holiday hours",
    "shifts",
    "pages",
    "answered",
)


class LoadOut(Output):
    """What one person carries in a range of time, over the schedules asked for."""

    user_id: str
    user: PersonOut | None
    hours: float
    night_hours: float
    weekend_hours: float
    holiday_hours: float
    shifts: int
    pages_received: int
    pages_answered: int


class TurnOut(Output):
    """A stretch of time that somebody is on call for a schedule."""

    schedule_id: str
    schedule_name: str
    start_time: datetime
    end_time: datetime


@get("/load", responses=READS)
async def list_load(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    start: From,
    end: To,
    team_id: TeamFilter = None,
    schedule_id: ScheduleFilter = None,
) -> Page[LoadOut]:
    """What each person carries in a range, past or planned, in one page; those first who carry most."""
    return Page(items=await _load(db, actor, start, end, team_id, schedule_id))


@get(
    "/load/export",
    media_type=csv.CONTENT_TYPE,
    responses={
        **READS,
        200: ResponseSpec(str, description="The file.", media_type="text/csv", generate_examples=False),
    },
)
async def export_load(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    start: From,
    end: To,
    team_id: TeamFilter = None,
    schedule_id: ScheduleFilter = None,
) -> Response[str]:
    """The same as a table, for pay and for planning."""
    rows = await _load(db, actor, start, end, team_id, schedule_id)
    return Response(
        content=csv.row(_HEAD) + "".join(csv.row(_cells(each)) for each in rows),
        media_type=csv.CONTENT_TYPE,
        headers={"Content-Disposition": 'attachment; filename="on-call-load.csv"'},
    )


@get("/shifts", responses=READS)
async def list_turns(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    start: From,
    end: To,
    user_id: Annotated[
        str | None, QueryParameter(name="userId", description="Whose; without it, the caller's own.")
    ] = None,
) -> Page[TurnOut]:
    """When one person is on call, in all schedules that the caller may see, the earliest first, in one page."""
    async with db.read() as reader:
        asked = user_id or actor.user_id
        if asked is None:
            raise Invalid("userId must say whose: the caller is a key, and no person.", field="userId")
        whose = found(await users.get(reader, actor, asked), "user")
        turns = await load.turns_of(reader, actor, whose.id, instant(start), instant(end))
    return Page(
        items=[
            TurnOut(
                schedule_id=turn.schedule.id,
                schedule_name=turn.schedule.name,
                start_time=moment(turn.start),
                end_time=moment(turn.end),
            )
            for turn in turns
        ]
    )


async def _load(
    db: Database,
    actor: Actor,
    start: datetime,
    end: datetime,
    team_id: str | None,
    schedule_id: str | None,
) -> list[LoadOut]:
    async with db.read() as reader:
        carried = await load.of_everybody(
            reader, actor, instant(start), instant(end), team_id=team_id, schedule_id=schedule_id
        )
        people = await users.named(reader, actor, {each.user_id for each in carried})
    return [show_load(each, people) for each in carried]


def show_load(carried: Carried, people: People) -> LoadOut:
    """What one person carries, as it is answered."""
    mine = carried.load
    return LoadOut(
        user_id=carried.user_id,
        user=show_person(people.get(carried.user_id)),
        hours=_hours(mine.on_call),
        night_hours=_hours(mine.nights),
        weekend_hours=_hours(mine.weekends),
        holiday_hours=_hours(mine.holidays),
        shifts=mine.shifts,
        pages_received=carried.pages.received,
        pages_answered=carried.pages.answered,
    )


def _cells(row: LoadOut) -> Iterable[object]:
    name, email = (row.user.name, row.user.email) if row.user else (row.user_id, "")
    hours = (row.hours, row.night_hours, row.weekend_hours, row.holiday_hours)
    return (name, email, *hours, row.shifts, row.pages_received, row.pages_answered)


def _hours(milliseconds: int) -> float:
    return round(milliseconds / HOUR, 2)


routes = Router(path="/oncall", tags=["on call"], route_handlers=[list_load, export_load, list_turns])
