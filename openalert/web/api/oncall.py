"""JSON `/oncall`: every schedule's answer at once; and how an answer is written."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Annotated, Any, TypeAlias

from litestar import Router, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from openalert.domain.access import Actor
from openalert.domain.oncall import OnCall
from openalert.domain.plan import OnCallPerson, OnCallSource
from openalert.domain.reachability import Reachability, ReachState
from openalert.domain.relief import Relief, RotationHandoff
from openalert.domain.schedule import Schedule
from openalert.domain.user import User
from openalert.storage import users
from openalert.storage.database import Database
from openalert.storage.transaction import Reader
from openalert.usecases import reachability, schedules
from openalert.web.api.wire import READS, Moment, Output, TeamFilter, instant_or_none, moment, moment_or_none
from openalert.web.paging import DEFAULT, Cursor, Limit, Page, paged

At: TypeAlias = Annotated[
    Moment | None, QueryParameter(name="at", description="The instant asked about; without it, now.")
]


class PersonOut(Output):
    """Whom an id means."""

    id: str
    name: str
    email: str


class OnCallPersonOut(Output):
    """One person who is on call, and by which rotation or override."""

    user_id: str
    user: PersonOut | None
    source: OnCallSource
    rotation_id: str | None
    rotation_name: str | None
    override_id: str | None
    override_reason: str | None
    instead_of_id: str | None
    """Who would be on call without the cover."""
    feed_id: str | None
    """The imported calendar that says so."""


class OnCallReachOut(Output):
    """Whether a page would arrive now, whatever instant the answer is about."""

    state: ReachState
    ways: int
    weakest_point: str


class OnCallResponderOut(OnCallPersonOut):
    """One person who is on call, and whether a page would reach them."""

    reachability: OnCallReachOut | None


class OnCallNextOut(Output):
    """Who follows when the answer changes; nobody in `onCall`: a gap begins."""

    start_time: datetime
    end_time: datetime | None
    """When that changes in turn; null when no change is known."""
    on_call: list[OnCallPersonOut]


class HandoffOut(Output):
    """The next handoff of one rotation, whatever overrides and other layers make of it."""

    rotation_id: str
    rotation_name: str
    layer: int
    is_shadow: bool
    user: PersonOut | None
    """Whose turn it is; null: nobody's."""
    handoff_at: datetime
    next_user: PersonOut | None
    """Whose turn begins then; null: nobody's."""


class OnCallOut(Output):
    """Who is on call for a schedule; `until` is when that changes next, null when no change is known."""

    schedule_id: str
    schedule_name: str
    at: datetime
    until: datetime | None
    on_call: list[OnCallResponderOut]
    shadows: list[OnCallPersonOut]
    """Who sees what goes on and is not paged."""
    next: OnCallNextOut | None
    """Null when no change is known."""
    handoffs: list[HandoffOut]
    """Of each rotation that has one ahead, the highest layer first."""


People: TypeAlias = dict[str, User]


def show(schedule: Schedule, known: Relief, people: People, reach: Mapping[str, Reachability]) -> OnCallOut:
    """A schedule's answer as it is written."""
    answer = known.now
    return OnCallOut(
        schedule_id=schedule.id,
        schedule_name=schedule.name,
        at=moment(answer.at),
        until=moment_or_none(answer.until),
        on_call=[
            OnCallResponderOut(**_members(each, people), reachability=_reach(reach.get(each.user_id)))
            for each in answer.people
        ],
        shadows=show_people(answer.shadows, people),
        next=_next(known.following, people),
        handoffs=[_handoff(each, people) for each in known.handoffs],
    )


def _next(following: OnCall | None, people: People) -> OnCallNextOut | None:
    if following is None:
        return None
    return OnCallNextOut(
        start_time=moment(following.at),
        end_time=moment_or_none(following.until),
        on_call=show_people(following.people, people),
    )


def _handoff(handoff: RotationHandoff, people: People) -> HandoffOut:
    return HandoffOut(
        rotation_id=handoff.rotation_id,
        rotation_name=handoff.rotation_name,
        layer=handoff.layer,
        is_shadow=handoff.is_shadow,
        user=show_person(people.get(handoff.user_id)),
        handoff_at=moment(handoff.at),
        next_user=show_person(people.get(handoff.next_user_id)),
    )


def show_people(on_call: Iterable[OnCallPerson], people: People) -> list[OnCallPersonOut]:
    """Those on call as they are written in shifts."""
    return [OnCallPersonOut(**_members(person, people)) for person in on_call]


def _members(person: OnCallPerson, people: People) -> dict[str, Any]:
    return {
        "user_id": person.user_id,
        "user": show_person(people.get(person.user_id)),
        "source": person.source,
        "rotation_id": person.rotation_id,
        "rotation_name": person.rotation_name,
        "override_id": person.override_id,
        "override_reason": person.override_reason,
        "instead_of_id": person.instead_of_id,
        "feed_id": person.feed_id,
    }


def _reach(known: Reachability | None) -> OnCallReachOut | None:
    return OnCallReachOut(state=known.state, ways=known.ways, weakest_point=known.weakest) if known else None


def show_person(user: User | None) -> PersonOut | None:
    """Whom an id means; None: somebody who is gone, or out of sight."""
    return PersonOut(id=user.id, name=user.name, email=user.email) if user else None


async def answer_all(
    reader: Reader, actor: Actor, asked: list[Schedule], at: datetime | None
) -> list[OnCallOut]:
    """The written answers of several schedules, in the order asked; as many statements for many people as for one."""
    answers = await schedules.reliefs_of(reader, asked, instant_or_none(at))
    people = await users.named(reader, actor, {one for each in answers for one in each.user_ids})
    on_call = {person.user_id for each in answers for person in each.now.people}
    reach = await reachability.of_people(reader, on_call & set(people))
    return [show(schedule, answer, people, reach) for schedule, answer in zip(asked, answers, strict=True)]


@get("/", responses=READS)
async def list_on_call(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    at: At = None,
    team_id: TeamFilter = None,
    limit: Limit = DEFAULT,
    cursor: Cursor = None,
) -> Page[OnCallOut]:
    """Who is on call for each schedule that the caller may see."""
    async with db.read() as reader:
        asked = await paged(partial(schedules.page, reader, actor, team_id=team_id), _same, limit, cursor)
        return Page(items=await answer_all(reader, actor, asked.items, at), next_cursor=asked.next_cursor)


def _same(schedule: Schedule) -> Schedule:
    return schedule


routes = Router(path="/oncall", tags=["on call"], route_handlers=[list_on_call])
