"""Somebody else takes over for a while."""

from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from openalert.domain.access import Actor
from openalert.domain.override import Override
from openalert.domain.walltime import zone_named
from openalert.storage import users
from openalert.storage.database import Database
from openalert.storage.transaction import Transaction
from openalert.usecases import overrides, schedules
from openalert.web.ui.forms import attempt, local_instant
from openalert.web.ui.frame import Web, act, go, sent
from openalert.web.ui.schedules import schedule_page

_FIELDS = {
    "userId": ("user_id", "Who"),
    "startTime": ("start", "The beginning"),
    "endTime": ("end", "The end"),
    "reason": ("reason", "The reason"),
}


@post("/schedules/{schedule_id:str}/overrides", include_in_schema=False)
async def create(
    request: Web,
    schedule_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[Any]:
    """Put one person on call."""
    typed = await sent(request)

    async def body(tx: Transaction) -> Override:
        zone = await _zone(tx, schedule_id, typed)
        return await overrides.add(
            tx,
            schedule_id,
            user_id=typed.get("user_id", ""),
            start_at=local_instant(typed.get("start", ""), zone, "start"),
            end_at=local_instant(typed.get("end", ""), zone, "end"),
            reason=typed.get("reason", ""),
        )

    made, errors = await attempt(db, actor, body, _FIELDS)
    if made is None:
        return await schedule_page(request, db, actor, schedule_id, typed, errors)
    async with db.read() as reader:
        named = await users.named(reader, actor, [made.user_id])
    who = named[made.user_id].name if made.user_id in named else "Somebody"
    when = "is on call now" if made.start_at <= db.clock() else "will be on call then"
    return go(f"/schedules/{schedule_id}", f"{who} {when}, whatever the rotation says.")


async def _zone(tx: Transaction, schedule_id: str, typed: Mapping[str, str]) -> ZoneInfo:
    """The zone in which the form was filled in: the reader's, or the schedule's where its page was shown in it."""
    if typed.get("zone") == "schedule":
        return zone_named((await schedules.get(tx, tx.actor, schedule_id)).timezone)
    me = await users.get(tx, tx.actor, tx.actor.user_id or "")
    return zone_named(me.timezone if me else "UTC")


@post("/schedules/{schedule_id:str}/overrides/{override_id:str}/delete", include_in_schema=False)
async def delete(
    schedule_id: FromPath[str],
    override_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[None]:
    """Take it back: the rotation decides again."""

    async def body(tx: Transaction) -> str:
        await overrides.remove(tx, schedule_id, override_id)
        return "The override is taken back; the rotation decides again."

    return await act(db, actor, f"/schedules/{schedule_id}", body)


ROUTES: Sequence[HTTPRouteHandler] = [create, delete]
