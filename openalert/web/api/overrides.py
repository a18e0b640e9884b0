"""JSON `/schedules/{id}/overrides`: other people than planned, for a while."""

from datetime import datetime

from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, UnsetType

from openalert.domain.access import Actor
from openalert.domain.override import FixedShift, Override, OverrideKind
from openalert.storage.database import Database
from openalert.usecases import overrides
from openalert.web.api.wire import (
    READS,
    WRITES,
    EndsAfter,
    Input,
    Moment,
    Output,
    instant,
    instant_or_none,
    moment,
)
from openalert.web.paging import Page


class FixedShiftOut(Output):
    """One turn of a temporary schedule."""

    user_id: str
    start_time: datetime
    end_time: datetime


class OverrideOut(Output):
    """An override; `userId` is empty for a temporary schedule, whose `shifts` say who is on."""

    id: str
    kind: OverrideKind
    user_id: str
    instead_of_id: str | None
    rotation_ids: list[str]
    shifts: list[FixedShiftOut]
    start_time: datetime
    end_time: datetime
    reason: str
    created_by_id: str | None
    created_at: datetime


class FixedShiftIn(Input):
    """One turn of a temporary schedule."""

    user_id: str
    start_time: Moment
    end_time: Moment


class OverrideIn(Input):
    """A new override; what is past of it does not count.

    `cover` needs `insteadOfId`; `fixed` needs `shifts` in place of `userId`; `rotationIds` narrow the other kinds
    to some rotations.
    """

    start_time: Moment
    end_time: Moment
    kind: OverrideKind = OverrideKind.REPLACE
    user_id: str = ""
    instead_of_id: str = ""
    rotation_ids: tuple[str, ...] = ()
    shifts: tuple[FixedShiftIn, ...] = ()
    reason: str = ""


class OverridePatch(Input):
    """What to change of an override that is not over; the beginning only while it lies ahead."""

    start_time: Moment | UnsetType = UNSET
    end_time: Moment | UnsetType = UNSET
    reason: str | UnsetType = UNSET


def show(override: Override) -> OverrideOut:
    """An override as it is answered."""
    return OverrideOut(
        id=override.id,
        kind=override.kind,
        user_id=override.user_id,
        instead_of_id=override.instead_of_id or None,
        rotation_ids=list(override.rotation_ids),
        shifts=[
            FixedShiftOut(
                user_id=each.user_id, start_time=moment(each.start_at), end_time=moment(each.end_at)
            )
            for each in override.shifts
        ],
        start_time=moment(override.start_at),
        end_time=moment(override.end_at),
        reason=override.reason,
        created_by_id=override.created_by_id,
        created_at=moment(override.created_at),
    )


@get("/{schedule_id:str}/overrides", responses=READS)
async def list_overrides(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    schedule_id: FromPath[str],
    start: EndsAfter = None,
) -> Page[OverrideOut]:
    """The overrides of a schedule, the earliest first, in one page."""
    async with db.read() as reader:
        rows = await overrides.of_schedule(reader, actor, schedule_id, instant_or_none(start))
        return Page(items=[show(override) for override in rows])


@post("/{schedule_id:str}/overrides", responses=WRITES)
async def create_override(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    schedule_id: FromPath[str],
    data: JSONBody[OverrideIn],
) -> OverrideOut:
    """Have other people on call for a while; overrides act in the order of their making, so the newest wins."""
    async with db.transaction(actor) as tx:
        made = await overrides.add(
            tx,
            schedule_id,
            kind=data.kind,
            user_id=data.user_id,
            instead_of_id=data.instead_of_id,
            rotation_ids=data.rotation_ids,
            shifts=tuple(
                FixedShift(
                    user_id=each.user_id, start_at=instant(each.start_time), end_at=instant(each.end_time)
                )
                for each in data.shifts
            ),
            start_at=instant(data.start_time),
            end_at=instant(data.end_time),
            reason=data.reason,
        )
        return show(made)


@get("/{schedule_id:str}/overrides/{override_id:str}", responses=READS)
async def get_override(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    schedule_id: FromPath[str],
    override_id: FromPath[str],
) -> OverrideOut:
    """One override."""
    async with db.read() as reader:
        return show(await overrides.get(reader, actor, schedule_id, override_id))


@patch("/{schedule_id:str}/overrides/{override_id:str}", responses=WRITES)
async def update_override(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    schedule_id: FromPath[str],
    override_id: FromPath[str],
    data: JSONBody[OverridePatch],
) -> OverrideOut:
    """Let an override last from or until another time; what is past of it stays as it was."""
    async with db.transaction(actor) as tx:
        changed = await overrides.change(
            tx,
            schedule_id,
            override_id,
            start_at=UNSET if data.start_time is UNSET else instant(data.start_time),
            end_at=UNSET if data.end_time is UNSET else instant(data.end_time),
            reason=data.reason,
        )
        return show(changed)


@delete("/{schedule_id:str}/overrides/{override_id:str}", responses=WRITES)
async def delete_override(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    schedule_id: FromPath[str],
    override_id: FromPath[str],
) -> None:
    """Take an override back: a running one ends now, one to come vanishes, one that is over stays."""
    async with db.transaction(actor) as tx:
        await overrides.remove(tx, schedule_id, override_id)


handlers = [list_overrides, create_override, get_override, update_override, delete_override]
