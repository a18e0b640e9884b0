"""JSON previews below `/schedules/{id}`: what an edit would change in the next eight weeks; nothing is kept."""

from collections.abc import Iterable
from datetime import datetime

from litestar import post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from openalert.domain.access import Actor
from openalert.domain.difference import PersonDifference, Span, length
from openalert.domain.instant import HOUR
from openalert.storage import users
from openalert.storage.database import Database
from openalert.storage.transaction import Reader
from openalert.usecases import previews
from openalert.usecases.previews import Preview
from openalert.web.api.oncall import People, PersonOut
from openalert.web.api.rotations import RotationIn, RotationPatch, apply_of
from openalert.web.api.wire import WRITES, Input, Output, moment


class TimeOut(Output):
    """A time from its start until before its end."""

    start_time: datetime
    end_time: datetime


class PersonDifferenceOut(Output):
    """What changes for one person; a shift is a time on call without a break."""

    user_id: str
    user: PersonOut | None
    shifts_before: int
    shifts_after: int
    hours_before: float
    hours_after: float
    gained: list[TimeOut]
    lost: list[TimeOut]


class PreviewOut(Output):
    """What would change from `startTime` until `endTime`, and for whom."""

    start_time: datetime
    end_time: datetime
    applies_from: datetime
    people: list[PersonDifferenceOut]
    gaps_opened: list[TimeOut]
    gaps_closed: list[TimeOut]


class MoveIn(Input):
    """Another time zone for a schedule."""

    timezone: str


class RotationPreviewIn(RotationPatch, kw_only=True):
    """What to change of a rotation, and from when; or that it is to be removed."""

    remove: bool = False


async def show(reader: Reader, actor: Actor, made: Preview) -> PreviewOut:
    """A preview as it is answered."""
    changed = made.difference.people
    people = await users.named(reader, actor, [person.user_id for person in changed])
    return PreviewOut(
        start_time=moment(made.start),
        end_time=moment(made.end),
        applies_from=moment(made.applies_from),
        people=[_person(person, people) for person in changed],
        gaps_opened=_times(made.difference.gaps_opened),
        gaps_closed=_times(made.difference.gaps_closed),
    )


def _person(person: PersonDifference, people: People) -> PersonDifferenceOut:
    user = people.get(person.user_id)
    return PersonDifferenceOut(
        user_id=person.user_id,
        user=PersonOut(id=user.id, name=user.name, email=user.email) if user else None,
        shifts_before=len(person.before),
        shifts_after=len(person.after),
        hours_before=length(person.before) / HOUR,
        hours_after=length(person.after) / HOUR,
        gained=_times(person.gained),
        lost=_times(person.lost),
    )


def _times(spans: Iterable[Span]) -> list[TimeOut]:
    return [TimeOut(start_time=moment(start), end_time=moment(end)) for start, end in spans]


@post("/{schedule_id:str}/preview", status_code=200, responses=WRITES)
async def preview_schedule(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    schedule_id: FromPath[str],
    data: JSONBody[MoveIn],
) -> PreviewOut:
    """What another time zone would change."""
    async with db.transaction(actor) as reader:
        return await show(reader, actor, await previews.of_move(reader, actor, schedule_id, data.timezone))


@post("/{schedule_id:str}/rotations/preview", status_code=200, responses=WRITES)
async def preview_new_rotation(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    schedule_id: FromPath[str],
    data: JSONBody[RotationIn],
) -> PreviewOut:
    """What a further rotation would change."""
    async with db.transaction(actor) as reader:
        made = await previews.of_new_rotation(reader, actor, schedule_id, data.name, data.change())
        return await show(reader, actor, made)


@post("/{schedule_id:str}/rotations/{rotation_id:str}/preview", status_code=200, responses=WRITES)
async def preview_rotation(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    schedule_id: FromPath[str],
    rotation_id: FromPath[str],
    data: JSONBody[RotationPreviewIn],
) -> PreviewOut:
    """What an edit of a rotation, or its removal, would change."""
    async with db.transaction(actor) as reader:
        if data.remove:
            made = await previews.of_removal(reader, actor, schedule_id, rotation_id)
        else:
            made = await previews.of_amendment(
                reader,
                actor,
                schedule_id,
                rotation_id,
                data.change(),
                name=data.name,
                apply=apply_of(data.apply),
            )
        return await show(reader, actor, made)


handlers = [preview_schedule, preview_new_rotation, preview_rotation]
