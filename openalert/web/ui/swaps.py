"""The swaps of a schedule: who gives which shift away, who takes it, and for what in return."""

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from openalert.domain.access import Actor
from openalert.domain.errors import Conflict, Invalid
from openalert.domain.instant import Instant
from openalert.domain.walltime import zone_named
from openalert.storage import users
from openalert.storage.database import Database
from openalert.storage.transaction import Transaction
from openalert.usecases import swaps
from openalert.web.ui import swap_pages
from openalert.web.ui.forms import attempt
from openalert.web.ui.frame import Web, act, go, sent
from openalert.web.ui.swap_pages import exact, moment

_FIELDS = {
    "userId": ("user_id", "Whose"),
    "takerId": ("to_user_id", "Who takes it"),
    "toUserId": ("to_user_id", "To whom"),
    "startTime": ("start", "The beginning"),
    "endTime": ("end", "The end"),
    "returnStartTime": ("in_return", "The shift in return"),
    "returnEndTime": ("in_return", "The shift in return"),
    "note": ("note", "The note"),
}


@get("/schedules/{schedule_id:str}/swaps", include_in_schema=False)
async def index(
    request: Web,
    schedule_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[Any]:
    """Offers and coming shifts; `start`, `end` and `user_id` of the address fill in the form that `take` names."""
    known = ("start", "end", "user_id", "take")
    typed = {name: request.query_params[name][:40] for name in known if name in request.query_params}
    return await swap_pages.page(request, db, actor, schedule_id, typed, {})


@post("/schedules/{schedule_id:str}/swaps", include_in_schema=False)
async def offer(
    request: Web,
    schedule_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[Any]:
    """Offer a shift; with `at_once` put somebody on call without asking, which admins do."""
    typed = await sent(request)

    async def body(tx: Transaction) -> str:
        zone = await _zone(tx)
        span = {"start_at": moment(typed, "start", zone), "end_at": moment(typed, "end", zone)}
        whose, note = typed.get("user_id", ""), typed.get("note", "")
        other, back, until = _in_return(typed.get("in_return", ""))
        to = other or typed.get("to_user_id", "")
        if typed.get("at_once"):
            return await _give(tx, schedule_id, typed, span)
        await swaps.offer(
            tx,
            schedule_id,
            user_id=whose,
            to_user_id=to,
            return_start_at=back,
            return_end_at=until,
            note=note,
            **span,
        )
        return "It is offered, and whom it concerns is told. It stays whose it is until somebody takes it."

    said, errors = await attempt(db, actor, body, _FIELDS)
    if said is None:
        return await swap_pages.page(request, db, actor, schedule_id, typed, errors)
    return go(f"/schedules/{schedule_id}/swaps", said)


async def _give(tx: Transaction, schedule_id: str, typed: dict[str, str], span: dict[str, Instant]) -> str:
    if typed.get("in_return"):
        raise Invalid("An exchange is agreed to by both; leave this empty.", field="in_return")
    if not typed.get("to_user_id"):
        raise Invalid("Choose who is put on call.", field="to_user_id")
    await swaps.take_shift(
        tx,
        schedule_id,
        user_id=typed.get("user_id") or tx.actor.user_id or "",
        taker_id=typed["to_user_id"],
        note=typed.get("note", ""),
        **span,
    )
    return "The shift has changed hands, and both are told."


@post("/schedules/{schedule_id:str}/swaps/take", include_in_schema=False)
async def take_shift(
    request: Web,
    schedule_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[Any]:
    """Take a shift that was not offered, or part of one."""
    typed = await sent(request)

    async def body(tx: Transaction) -> str:
        zone = await _zone(tx)
        await swaps.take_shift(
            tx,
            schedule_id,
            user_id=typed.get("user_id", ""),
            start_at=moment(typed, "start", zone),
            end_at=moment(typed, "end", zone),
            note=typed.get("note", ""),
        )
        return "The shift is yours; whose it was is told."

    path = f"/schedules/{schedule_id}/swaps"
    if not typed.get("take"):
        return await act(db, actor, path, body)
    said, errors = await attempt(db, actor, body, _FIELDS)
    if said is None:
        return await swap_pages.page(request, db, actor, schedule_id, typed, errors)
    return go(path, said)


@post("/schedules/{schedule_id:str}/swaps/{swap_id:str}/take", include_in_schema=False)
async def take(
    request: Web,
    schedule_id: FromPath[str],
    swap_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[Any]:
    """Take what is offered as it was seen, or the part of it that `start` and `end` say."""
    typed = await sent(request)

    async def body(tx: Transaction) -> str:
        if typed.get("take"):
            zone = await _zone(tx)
            start, end = (moment(typed, name, zone) for name in ("start", "end"))
            await swaps.take(tx, schedule_id, swap_id, start_at=start, end_at=end)
            return "This part of the shift is yours."
        before = await swaps.get(tx, tx.actor, schedule_id, swap_id)
        if typed.get("seen", swap_pages.seen(before)) != swap_pages.seen(before):
            raise Conflict("The shift has moved since you saw it; look at its new times first.")
        taken = await swaps.take(tx, schedule_id, swap_id)
        return "The shifts have changed hands." if taken.in_return else "The shift is yours."

    path = f"/schedules/{schedule_id}/swaps"
    if not typed.get("take"):
        return await act(db, actor, path, body)
    said, errors = await attempt(db, actor, body, _FIELDS)
    if said is None:
        return await swap_pages.page(request, db, actor, schedule_id, typed | {"take": swap_id}, errors)
    return go(path, said)


@post("/schedules/{schedule_id:str}/swaps/{swap_id:str}/decline", include_in_schema=False)
async def decline(
    schedule_id: FromPath[str],
    swap_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[None]:
    """Say no."""

    async def body(tx: Transaction) -> str:
        await swaps.decline(tx, schedule_id, swap_id)
        return "Declined; whose shift it is keeps it and is told."

    return await act(db, actor, f"/schedules/{schedule_id}/swaps", body)


@post("/schedules/{schedule_id:str}/swaps/{swap_id:str}/withdraw", include_in_schema=False)
async def withdraw(
    schedule_id: FromPath[str],
    swap_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[None]:
    """Take it back."""

    async def body(tx: Transaction) -> str:
        await swaps.withdraw(tx, schedule_id, swap_id)
        return "It is taken back; everybody has their own shifts."

    return await act(db, actor, f"/schedules/{schedule_id}/swaps", body)


async def _zone(tx: Transaction) -> ZoneInfo:
    """The zone of whoever filled in the form."""
    me = await users.get(tx, tx.actor, tx.actor.user_id or "")
    return zone_named(me.timezone if me else "UTC")


def _in_return(text: str) -> tuple[str, Instant | None, Instant | None]:
    """Whose shift, and from when until when, is chosen in return; nobody's when none is."""
    if not text:
        return "", None, None
    user_id, _, times = text.partition(" ")
    start, end = (exact(each) for each in times.partition(" ")[::2])
    if start is None or end is None:
        raise Invalid("Choose one of the shifts.", field="in_return")
    return user_id, start, end


ROUTES: Sequence[HTTPRouteHandler] = [index, offer, take_shift, take, decline, withdraw]
