"""JSON `/schedules/{id}/rotations`: people who take turns."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import UNSET, UnsetType

from openalert.domain.access import Actor
from openalert.domain.errors import Conflict, Invalid, NotFound
from openalert.domain.schedule import HolidayRule, Restriction, Rotation, RotationChange, RotationType
from openalert.storage.database import Database
from openalert.usecases import schedules
from openalert.usecases.schedules import Apply
from openalert.web.api.wire import READS, WRITES, Input, Moment, Output, instant, moment, moment_or_none
from openalert.web.paging import Page


class RestrictionBody(Input):
    """A window in which a rotation is on: daily without `fromDay`; days count from 0 = Sunday."""

    from_time: str
    to_time: str
    from_day: int | None = None
    to_day: int | None = None
    holidays: HolidayRule = HolidayRule.ANY


class RotationOut(Output):
    """A rotation as last edited, which may not count before the next handoff."""

    id: str
    name: str
    schedule_id: str
    rotation_type: RotationType
    shift_length: int
    handoff_time: str
    handoff_day: int | None
    handoff_days: list[int]
    effective_from: datetime
    effective_until: datetime | None
    member_ids: list[str]
    layer: int
    restrictions: list[RestrictionBody]
    worked_days_only: bool
    holiday_calendar: str | None
    is_shadow: bool
    timezone: str
    applies_from: datetime
    """From when this definition counts."""


class Definition(Input):
    """What makes up a rotation."""

    rotation_type: RotationType | UnsetType = UNSET
    shift_length: int | UnsetType = UNSET
    handoff_time: str | UnsetType = UNSET
    handoff_day: int | UnsetType | None = UNSET
    handoff_days: list[int] | UnsetType = UNSET
    effective_from: Moment | UnsetType = UNSET
    effective_until: Moment | UnsetType | None = UNSET
    member_ids: list[str] | UnsetType = UNSET
    layer: int | UnsetType = UNSET
    restrictions: list[RestrictionBody] | UnsetType = UNSET
    worked_days_only: bool | UnsetType = UNSET
    holiday_calendar: str | UnsetType | None = UNSET
    is_shadow: bool | UnsetType = UNSET

    def change(self) -> RotationChange:
        """As the calculator takes it."""
        given: dict[str, Any] = {
            name: value
            for name in RotationChange.__struct_fields__
            if (value := getattr(self, name, UNSET)) is not UNSET
        }
        for name in ("effective_from", "effective_until"):
            if given.get(name) is not None:
                given[name] = instant(given[name])
        if "handoff_days" in given:  # either of the two says it all, unless both are given
            given["handoff_days"] = tuple(sorted(given["handoff_days"]))
            given.setdefault("handoff_day", None)
        elif "handoff_day" in given:
            given["handoff_days"] = ()
        if "member_ids" in given:
            given["member_ids"] = tuple(given["member_ids"])
        if "restrictions" in given:
            windows = given["restrictions"]
            given["restrictions"] = tuple(Restriction(**window.members()) for window in windows)
        return RotationChange(**given)


class RotationIn(Definition, kw_only=True):
    """A new rotation: weekly from 09:00, in one layer with the others, unless it says otherwise."""

    name: str


class RotationPatch(Definition, kw_only=True):
    """What to change of a rotation, and from when: `next_handoff`, `now` or an instant."""

    name: str | UnsetType = UNSET
    apply: str = "next_handoff"


class MemberIn(Input):
    """Whom to add, at what place in the order (0 is the first; without it, the end), and from when."""

    user_id: str
    position: int | None = None
    apply: str = "next_handoff"


def show(rotation: Rotation) -> RotationOut:
    """A rotation as it is answered."""
    current = rotation.current
    return RotationOut(
        id=rotation.id,
        name=rotation.name,
        schedule_id=rotation.schedule_id,
        rotation_type=current.rotation_type,
        shift_length=current.shift_length,
        handoff_time=current.handoff_time,
        handoff_day=current.days[0] if len(current.days) == 1 else None,
        handoff_days=list(current.days),
        effective_from=moment(current.effective_from),
        effective_until=moment_or_none(current.effective_until),
        member_ids=list(current.member_ids),
        layer=current.layer,
        restrictions=[RestrictionBody(**msgspec.structs.asdict(each)) for each in current.restrictions],
        worked_days_only=current.worked_days_only,
        holiday_calendar=current.holiday_calendar,
        is_shadow=current.is_shadow,
        timezone=current.timezone,
        applies_from=moment(current.valid_from),
    )


@get("/{schedule_id:str}/rotations", responses=READS)
async def list_rotations(
    db: NamedDependency[Database], actor: NamedDependency[Actor], schedule_id: FromPath[str]
) -> Page[RotationOut]:
    """The rotations of a schedule, in one page."""
    async with db.read() as reader:
        rows = await schedules.rotations(reader, actor, schedule_id)
        return Page(items=[show(rotation) for rotation in rows])


@post("/{schedule_id:str}/rotations", responses=WRITES)
async def create_rotation(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    schedule_id: FromPath[str],
    data: JSONBody[RotationIn],
) -> RotationOut:
    """Add a rotation."""
    async with db.transaction(actor) as tx:
        return show(await schedules.add_rotation(tx, schedule_id, data.name, data.change()))


@get("/{schedule_id:str}/rotations/{rotation_id:str}", responses=READS)
async def get_rotation(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    schedule_id: FromPath[str],
    rotation_id: FromPath[str],
) -> RotationOut:
    """One rotation."""
    async with db.read() as reader:
        return show(await schedules.rotation(reader, actor, schedule_id, rotation_id))


@patch("/{schedule_id:str}/rotations/{rotation_id:str}", responses=WRITES)
async def update_rotation(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    schedule_id: FromPath[str],
    rotation_id: FromPath[str],
    data: JSONBody[RotationPatch],
) -> RotationOut:
    """Edit a rotation; the past never changes, and the running shift only with `"apply": "now"`."""
    async with db.transaction(actor) as tx:
        amended = await schedules.amend_rotation(
            tx, schedule_id, rotation_id, data.change(), name=data.name, apply=apply_of(data.apply)
        )
        return show(amended)


@delete("/{schedule_id:str}/rotations/{rotation_id:str}", responses=WRITES)
async def delete_rotation(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    schedule_id: FromPath[str],
    rotation_id: FromPath[str],
    apply: Annotated[
        Literal["now", "next_handoff"],
        QueryParameter(description="Whether the shift that runs now is ended too, or kept to its end."),
    ] = "now",
) -> None:
    """Take a rotation out of the schedule; who was on call by it stays as it was."""
    async with db.transaction(actor) as tx:
        await schedules.remove_rotation(tx, schedule_id, rotation_id, apply=apply)


@get("/{schedule_id:str}/rotations/{rotation_id:str}/members", responses=READS)
async def list_rotation_members(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    schedule_id: FromPath[str],
    rotation_id: FromPath[str],
) -> Page[str]:
    """The ids of who takes turns, in their order, in one page."""
    async with db.read() as reader:
        rotation = await schedules.rotation(reader, actor, schedule_id, rotation_id)
        return Page(items=list(rotation.current.member_ids))


@post("/{schedule_id:str}/rotations/{rotation_id:str}/members", responses=WRITES)
async def add_rotation_member(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    schedule_id: FromPath[str],
    rotation_id: FromPath[str],
    data: JSONBody[MemberIn],
) -> RotationOut:
    """Let a person take turns from the next handoff on, or from when `apply` says."""
    async with db.transaction(actor) as tx:
        rotation = await schedules.rotation_to_edit(tx, schedule_id, rotation_id)
        members = list(rotation.current.member_ids)
        if data.user_id in members:
            raise Conflict("This person takes turns already.", field="userId")
        members.insert(len(members) if data.position is None else max(data.position, 0), data.user_id)
        change = RotationChange(member_ids=tuple(members))
        amended = await schedules.amend_rotation(
            tx, schedule_id, rotation_id, change, apply=apply_of(data.apply)
        )
        return show(amended)


@delete("/{schedule_id:str}/rotations/{rotation_id:str}/members/{user_id:str}", responses=WRITES)
async def remove_rotation_member(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    schedule_id: FromPath[str],
    rotation_id: FromPath[str],
    user_id: FromPath[str],
) -> None:
    """A person takes no further turn after the shift that runs now."""
    async with db.transaction(actor) as tx:
        rotation = await schedules.rotation_to_edit(tx, schedule_id, rotation_id)
        kept = tuple(member for member in rotation.current.member_ids if member != user_id)
        if len(kept) == len(rotation.current.member_ids):
            raise NotFound("member")
        await schedules.amend_rotation(tx, schedule_id, rotation_id, RotationChange(member_ids=kept))


def apply_of(given: str) -> Apply:
    """`next_handoff`, `now`, or an instant as RFC 3339; Invalid for anything else."""
    if given == "next_handoff":
        return "next_handoff"
    if given == "now":
        return "now"
    try:
        return instant(msgspec.convert(given, Moment))
    except msgspec.ValidationError:
        raise Invalid("apply must be next_handoff, now or an instant.", field="apply") from None


handlers = [
    list_rotations,
    create_rotation,
    get_rotation,
    update_rotation,
    delete_rotation,
    list_rotation_members,
    add_rotation_member,
    remove_rotation_member,
]
