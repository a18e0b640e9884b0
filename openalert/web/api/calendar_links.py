"""JSON `…/calendar-links`: addresses at which calendar programs read shifts; and a schedule as a calendar."""

from datetime import datetime
from typing import Annotated, Any

from litestar import Request, Response, Router, delete, get, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody, QueryParameter

from openalert.domain.access import Actor
from openalert.domain.calendar_link import CalendarLink
from openalert.domain.links_back import LinksBack
from openalert.storage.database import Database
from openalert.usecases import calendars
from openalert.web.api.wire import READS, SHOWN_ONCE, WRITES, Input, Output, moment, moment_or_none
from openalert.web.calendars import address_of, answer
from openalert.web.paging import Page

Gaps = Annotated[bool, QueryParameter(name="gaps", description="Whether times of nobody are entries too.")]


class CalendarLinkOut(Output):
    """An address at which a calendar program reads shifts; the address itself is not shown again."""

    id: str
    name: str
    schedule_id: str | None
    user_id: str
    with_gaps: bool
    created_at: datetime
    last_used_at: datetime | None


class CalendarLinkMade(CalendarLinkOut):
    """A new one, with its address, this one time."""

    url: str


class CalendarLinkIn(Input):
    """A new one: of a schedule, or without one of the caller's own shifts in all schedules."""

    name: str
    schedule_id: str | None = None
    with_gaps: bool = False


def show(link: CalendarLink) -> CalendarLinkOut:
    """A link as it is answered."""
    return CalendarLinkOut(**_members(link))


def _members(link: CalendarLink) -> dict[str, Any]:
    return {
        "id": link.id,
        "name": link.name,
        "schedule_id": link.schedule_id,
        "user_id": link.user_id,
        "with_gaps": link.with_gaps,
        "created_at": moment(link.created_at),
        "last_used_at": moment_or_none(link.last_used_at),
    }


@get("/users/me/calendar-links", responses=READS)
async def list_my_calendar_links(
    db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Page[CalendarLinkOut]:
    """The calendar links that I have made."""
    async with db.read() as reader:
        return Page(items=[show(each) for each in await calendars.links(reader, actor)])


@post("/users/me/calendar-links", responses=WRITES, opt=SHOWN_ONCE)
async def create_calendar_link(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    links_back: NamedDependency[LinksBack],
    data: JSONBody[CalendarLinkIn],
) -> CalendarLinkMade:
    """Make an address for a calendar program; it has my rights for as long as I have them."""
    async with db.transaction(actor) as tx:
        link, token = await calendars.create_link(tx, **data.members())
    return CalendarLinkMade(**_members(link), url=address_of(links_back.base_url, token))


@delete("/users/me/calendar-links/{link_id:str}", responses=WRITES)
async def revoke_my_calendar_link(
    db: NamedDependency[Database], actor: NamedDependency[Actor], link_id: FromPath[str]
) -> None:
    """Revoke one of my links: its address opens nothing any more."""
    async with db.transaction(actor) as tx:
        await calendars.revoke_link(tx, link_id)


@get("/schedules/{schedule_id:str}/calendar-links", responses=READS)
async def list_calendar_links(
    db: NamedDependency[Database], actor: NamedDependency[Actor], schedule_id: FromPath[str]
) -> Page[CalendarLinkOut]:
    """Everybody's calendar links to the schedule, for those who set it up."""
    async with db.read() as reader:
        return Page(items=[show(each) for each in await calendars.links_to(reader, actor, schedule_id)])


@delete("/schedules/{schedule_id:str}/calendar-links/{link_id:str}", responses=WRITES)
async def revoke_calendar_link(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    schedule_id: FromPath[str],
    link_id: FromPath[str],
) -> None:
    """Revoke anybody's calendar link to the schedule."""
    async with db.transaction(actor) as tx:
        await calendars.revoke_link_to(tx, schedule_id, link_id)


@get(
    "/schedules/{schedule_id:str}/calendar.ics",
    responses={
        **READS,
        200: ResponseSpec(
            str, description="The calendar.", media_type="text/calendar", generate_examples=False
        ),
    },
)
async def get_calendar(
    request: Request[Any, Any, Any],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    links_back: NamedDependency[LinksBack],
    schedule_id: FromPath[str],
    gaps: Gaps = False,
) -> Response[bytes]:
    """The schedule as iCalendar (RFC 5545): three months back, half a year ahead, one entry for each turn."""
    content = await calendars.read_schedule(db, actor, schedule_id, links_back.base_url, with_gaps=gaps)
    return answer(request, content)


routes = Router(
    path="/",
    tags=["schedules"],
    route_handlers=[
        list_my_calendar_links,
        create_calendar_link,
        revoke_my_calendar_link,
        list_calendar_links,
        revoke_calendar_link,
        get_calendar,
    ],
)
