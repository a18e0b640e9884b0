"""JSON `…/calendar-feeds`: calendars of other programs that say when people are away, or who is on call."""

from datetime import datetime
from typing import Annotated, Any

from litestar import Request, Router, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from openalert.domain.access import Actor
from openalert.domain.calendar_feed import CalendarFeed, Counts, Period
from openalert.domain.errors import Invalid
from openalert.domain.schedule import HIGHEST_LAYER
from openalert.storage.database import Database
from openalert.usecases import calendar_feeds
from openalert.usecases.calendar_feeds import Preview, Wanted
from openalert.web.api.wire import READS, WRITES, Input, Moment, Output, instant, moment, moment_or_none
from openalert.web.paging import Page

MOST_SHOWN = 500
From = Annotated[Moment, QueryParameter(name="from", description="Where the range begins.")]
To = Annotated[Moment, QueryParameter(name="to", description="Where it ends, at most 400 days on.")]


class AbsenceCalendarIn(Input):
    """A calendar with somebody's absences: at `url`, or the text of a file as `content`."""

    name: str = ""
    url: str = ""
    content: str = ""
    counts: Counts = Counts.AWAY


class ShiftCalendarIn(Input):
    """A calendar with turns of a schedule: at `url`, or the text of a file as `content`."""

    name: str = ""
    url: str = ""
    content: str = ""
    layer: int = 0


class CalendarFeedOut(Output):
    """A calendar that is read, and how that goes; its address is not shown again."""

    id: str
    name: str
    user_id: str | None
    schedule_id: str | None
    origin: str
    counts: Counts
    layer: int
    entries: int
    missing: list[str]
    notes: list[str]
    read_at: datetime | None
    next_at: datetime | None
    failing_since: datetime | None
    failure: str
    created_at: datetime


class CalendarPeriodOut(Output):
    """A time that a calendar gives."""

    user_id: str
    start_time: datetime
    end_time: datetime
    layer: int
    summary: str


class CalendarPreview(Output):
    """What a calendar would give; nothing is kept."""

    name: str
    events: int
    entries: int
    periods: list[CalendarPeriodOut]
    missing: list[str]
    notes: list[str]


class ClashOut(Output):
    """Somebody is away while on call."""

    user_id: str
    start_time: datetime
    end_time: datetime
    away_from: datetime
    away_until: datetime


def show(feed: CalendarFeed) -> CalendarFeedOut:
    """A feed as it is answered."""
    return CalendarFeedOut(
        id=feed.id,
        name=feed.name,
        user_id=feed.user_id,
        schedule_id=feed.schedule_id,
        origin=feed.origin,
        counts=feed.counts,
        layer=feed.layer,
        entries=feed.entries,
        missing=list(feed.missing),
        notes=list(feed.notes),
        read_at=moment_or_none(feed.read_at),
        next_at=moment_or_none(feed.next_at),
        failing_since=moment_or_none(feed.failing_since),
        failure=feed.failure,
        created_at=moment(feed.created_at),
    )


def _preview(told: Preview) -> CalendarPreview:
    return CalendarPreview(
        name=told.name,
        events=told.events,
        entries=len(told.periods),
        periods=[_period(each) for each in told.periods[:MOST_SHOWN]],
        missing=list(told.missing),
        notes=list(told.notes),
    )


def _period(period: Period) -> CalendarPeriodOut:
    return CalendarPeriodOut(
        user_id=period.user_id,
        start_time=moment(period.start_at),
        end_time=moment(period.end_at),
        layer=period.layer,
        summary=period.summary,
    )


def wanted_of(
    data: AbsenceCalendarIn | ShiftCalendarIn, user_id: str | None = None, schedule_id: str | None = None
) -> Wanted:
    """What a body asks for; Invalid unless it names one source."""
    if bool(data.url) == bool(data.content):
        raise Invalid("Give either url or content.", field="url")
    layer = data.layer if isinstance(data, ShiftCalendarIn) else 0
    if not 0 <= layer <= HIGHEST_LAYER:
        raise Invalid(f"layer must be between 0 and {HIGHEST_LAYER}, not {layer}.", field="layer")
    return Wanted(
        user_id=user_id,
        schedule_id=schedule_id,
        name=data.name,
        url=data.url,
        content=data.content.encode(),
        counts=data.counts if isinstance(data, AbsenceCalendarIn) else Counts.ALL,
        layer=layer,
    )


@get("/users/{user_id:str}/calendar-feeds", responses=READS)
async def list_absence_calendars(
    db: NamedDependency[Database], actor: NamedDependency[Actor], user_id: FromPath[str]
) -> Page[CalendarFeedOut]:
    """The calendars that say when somebody is away."""
    async with db.read() as reader:
        return Page(items=[show(each) for each in await calendar_feeds.of_user(reader, actor, user_id)])


@post("/users/{user_id:str}/calendar-feeds", responses=WRITES)
async def create_absence_calendar(
    request: Request[Any, Any, Any],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    user_id: FromPath[str],
    data: JSONBody[AbsenceCalendarIn],
) -> CalendarFeedOut:
    """Read a calendar for somebody's absences: an address each hour, a file this once."""
    wanted = wanted_of(data, user_id=user_id)
    return show(await calendar_feeds.add(db, request.app.state.calendars, actor, wanted))


@post("/users/{user_id:str}/calendar-feeds/preview", responses=WRITES, status_code=200)
async def preview_absence_calendar(
    request: Request[Any, Any, Any],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    user_id: FromPath[str],
    data: JSONBody[AbsenceCalendarIn],
) -> CalendarPreview:
    """What a calendar would say of somebody's absences; nothing is kept."""
    wanted = wanted_of(data, user_id=user_id)
    return _preview(await calendar_feeds.preview(db, request.app.state.calendars, actor, wanted))


@get("/users/{user_id:str}/calendar-feeds/{feed_id:str}", responses=READS)
async def get_absence_calendar(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    user_id: FromPath[str],
    feed_id: FromPath[str],
) -> CalendarFeedOut:
    """One of the calendars that say when somebody is away."""
    async with db.read() as reader:
        return show(await calendar_feeds.get(reader, actor, feed_id, user_id=user_id))


@delete("/users/{user_id:str}/calendar-feeds/{feed_id:str}", responses=WRITES)
async def delete_absence_calendar(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    user_id: FromPath[str],
    feed_id: FromPath[str],
) -> None:
    """Read it no more, and forget the absences that it gave."""
    async with db.transaction(actor) as tx:
        await calendar_feeds.remove(tx, feed_id, user_id=user_id)


@get("/schedules/{schedule_id:str}/calendar-feeds", responses=READS)
async def list_shift_calendars(
    db: NamedDependency[Database], actor: NamedDependency[Actor], schedule_id: FromPath[str]
) -> Page[CalendarFeedOut]:
    """The calendars that give turns to a schedule."""
    async with db.read() as reader:
        rows = await calendar_feeds.of_schedule(reader, actor, schedule_id)
        return Page(items=[show(each) for each in rows])


@post("/schedules/{schedule_id:str}/calendar-feeds", responses=WRITES)
async def create_shift_calendar(
    request: Request[Any, Any, Any],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    schedule_id: FromPath[str],
    data: JSONBody[ShiftCalendarIn],
) -> CalendarFeedOut:
    """Read a calendar for turns of the schedule: an address each hour, a file this once."""
    wanted = wanted_of(data, schedule_id=schedule_id)
    return show(await calendar_feeds.add(db, request.app.state.calendars, actor, wanted))


@post("/schedules/{schedule_id:str}/calendar-feeds/preview", responses=WRITES, status_code=200)
async def preview_shift_calendar(
    request: Request[Any, Any, Any],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    schedule_id: FromPath[str],
    data: JSONBody[ShiftCalendarIn],
) -> CalendarPreview:
    """Which turns a calendar would give to the schedule; nothing is kept."""
    wanted = wanted_of(data, schedule_id=schedule_id)
    return _preview(await calendar_feeds.preview(db, request.app.state.calendars, actor, wanted))


@get("/schedules/{schedule_id:str}/calendar-feeds/{calendar_id:str}", responses=READS)
async def get_shift_calendar(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    schedule_id: FromPath[str],
    calendar_id: FromPath[str],
) -> CalendarFeedOut:
    """One of the calendars that give turns to a schedule."""
    async with db.read() as reader:
        return show(await calendar_feeds.get(reader, actor, calendar_id, schedule_id=schedule_id))


@delete("/schedules/{schedule_id:str}/calendar-feeds/{calendar_id:str}", responses=WRITES)
async def delete_shift_calendar(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    schedule_id: FromPath[str],
    calendar_id: FromPath[str],
) -> None:
    """Read it no more; turns to come do not happen, one that runs ends now."""
    async with db.transaction(actor) as tx:
        await calendar_feeds.remove(tx, calendar_id, schedule_id=schedule_id)


@get("/schedules/{schedule_id:str}/clashes", responses=READS)
async def list_clashes(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    schedule_id: FromPath[str],
    start: From,
    end: To,
) -> Page[ClashOut]:
    """Who is away while on call, by their calendars; in one page."""
    async with db.read() as reader:
        found = await calendar_feeds.clashes_in(reader, actor, schedule_id, instant(start), instant(end))
    return Page(
        items=[
            ClashOut(
                user_id=each.user_id,
                start_time=moment(each.start_at),
                end_time=moment(each.end_at),
                away_from=moment(each.away_from),
                away_until=moment(each.away_until),
            )
            for each in found
        ]
    )


routes = Router(
    path="/",
    tags=["schedules"],
    route_handlers=[
        list_absence_calendars,
        create_absence_calendar,
        preview_absence_calendar,
        get_absence_calendar,
        delete_absence_calendar,
        list_shift_calendars,
        create_shift_calendar,
        preview_shift_calendar,
        get_shift_calendar,
        delete_shift_calendar,
        list_clashes,
    ],
)
