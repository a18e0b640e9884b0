"""JSON `/schedules/{id}/overrides`: one person instead of everybody, for a while."""

from datetime import datetime
from typing import Annotated

from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from openalert.domain.access import Actor
from openalert.domain.schedule import Override
from openalert.storage.database import Database
from openalert.usecases import schedules
from openalert.web.api.wire import READS, WRITES, Input, Moment, Output, instant, instant_or_none, moment
from openalert.web.paging import Page


class OverrideOut(Output):
    """An override."""

    id: str
    user_id: str
    start_time: datetime
    end_time: datetime
    reason: str
    created_by_id: str | None
    created_at: datetime


class OverrideIn(Input):
    """A new override; what is past of it does not count."""

    user_id: str
    start_time: Moment
    end_time: Moment
    reason: str = ""


def show(override: Override) -> OverrideOut:
    """An override as it is answered."""
    return OverrideOut(
        id=override.id,
        user_id=override.user_id,
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
    start: Annotated[
        Moment | None,
        QueryParameter(name="from", description="Only those that end later; without it, later than now."),
    ] = None,
) -> Page[OverrideOut]:
    """The overrides of a schedule, the earliest first, in one page."""
    async with db.read() as reader:
        rows = await schedules.overrides(reader, actor, schedule_id, instant_or_none(start))
        return Page(items=[show(override) for override in rows])


@post("/{schedule_id:str}/overrides", responses=WRITES)
async def create_override(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    schedule_id: FromPath[str],
    data: JSONBody[OverrideIn],
) -> OverrideOut:
    """Put one person on call for a while; of several overrides at one time the newest counts."""
    async with db.transaction(actor) as tx:
        made = await schedules.add_override(
            tx,
            schedule_id,
            user_id=data.user_id,
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
        return show(await schedules.override(reader, actor, schedule_id, override_id))


@delete("/{schedule_id:str}/overrides/{override_id:str}", responses=WRITES)
async def delete_override(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    schedule_id: FromPath[str],
    override_id: FromPath[str],
) -> None:
    """Take an override back: a running one ends now, one to come vanishes, one that is over stays."""
    async with db.transaction(actor) as tx:
        await schedules.remove_override(tx, schedule_id, override_id)


handlers = [list_overrides, create_override, get_override, delete_override]
