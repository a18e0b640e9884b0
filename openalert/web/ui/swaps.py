"""The swaps of a schedule: who gives which shift away, who takes it, and for what in return."""

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from openalert.domain.access import Actor, Permission, can
from openalert.domain.difference import shifts_of_people
from openalert.domain.errors import Invalid
from openalert.domain.instant import DAY, Instant, to_datetime
from openalert.domain.oncall import shifts
from openalert.domain.schedule import Schedule
from openalert.domain.swap import Swap, SwapStatus
from openalert.domain.walltime import zone_named
from openalert.storage import schedules as stored
from openalert.storage import users
from openalert.storage.database import Database
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import schedules, swaps
from openalert.web.ui import choices
from openalert.web.ui.forms import Errors, attempt, local_instant, local_text, values_of
from openalert.web.ui.frame import Values, Web, act, address, answer, go, sent, shell

LOOK_AHEAD = 28 * DAY
_MOST_SHIFTS = 60
_FIELDS = {
    "userId": ("user_id", "Whose"),
    "toUserId": ("to_user_id", "To whom"),
    "startTime": ("start", "The beginning"),
    "endTime": ("end", "The end"),
    "returnStartTime": ("in_return", "The shift in return"),
    "returnEndTime": ("in_return", "The shift in return"),
    "note": ("note", "The note"),
}
_BECAME = {
    SwapStatus.TAKEN: "taken",
    SwapStatus.DECLINED: "declined",
    SwapStatus.WITHDRAWN: "taken back",
    SwapStatus.EXPIRED: "nobody took it",
    SwapStatus.ENDED: "the shift is no more",
}


@get("/schedules/{schedule_id:str}/swaps", include_in_schema=False)
async def index(
    request: Web,
    schedule_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[Any]:
    """Offers, coming shifts, and a form that `start`, `end` and `user_id` of the address fill in."""
    known = ("start", "end", "user_id")
    typed = {name: request.query_params[name][:40] for name in known if name in request.query_params}
    return await _page(request, db, actor, schedule_id, typed, {})


@post("/schedules/{schedule_id:str}/swaps", include_in_schema=False)
async def offer(
    request: Web,
    schedule_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[Any]:
    """Offer a shift."""
    typed = await sent(request)

    async def body(tx: Transaction) -> Swap:
        zone = await _zone(tx)
        other, start, end = _in_return(typed.get("in_return", ""))
        return await swaps.offer(
            tx,
            schedule_id,
            start_at=local_instant(typed.get("start", ""), zone, "start"),
            end_at=local_instant(typed.get("end", ""), zone, "end"),
            user_id=typed.get("user_id", ""),
            to_user_id=other or typed.get("to_user_id", ""),
            return_start_at=start,
            return_end_at=end,
            note=typed.get("note", ""),
        )

    made, errors = await attempt(db, actor, body, _FIELDS)
    if made is None:
        return await _page(request, db, actor, schedule_id, typed, errors)
    return go(f"/schedules/{schedule_id}/swaps", "It is offered, and whom it concerns is told.")


@post("/schedules/{schedule_id:str}/swaps/take", include_in_schema=False)
async def take_shift(
    request: Web,
    schedule_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[None]:
    """Take a shift that was not offered."""
    typed = await sent(request)

    async def body(tx: Transaction) -> str:
        zone = await _zone(tx)
        await swaps.take_shift(
            tx,
            schedule_id,
            user_id=typed.get("user_id", ""),
            start_at=local_instant(typed.get("start", ""), zone, "start"),
            end_at=local_instant(typed.get("end", ""), zone, "end"),
        )
        return "The shift is yours; whose it was is told."

    return await act(db, actor, f"/schedules/{schedule_id}/swaps", body)


@post("/schedules/{schedule_id:str}/swaps/{swap_id:str}/take", include_in_schema=False)
async def take(
    schedule_id: FromPath[str],
    swap_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[None]:
    """Take what is offered."""

    async def body(tx: Transaction) -> str:
        taken = await swaps.take(tx, schedule_id, swap_id)
        return "The shifts have changed hands." if taken.in_return else "The shift is yours."

    return await act(db, actor, f"/schedules/{schedule_id}/swaps", body)


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
    start, _, end = times.partition(" ")
    if not (start.isdecimal() and end.isdecimal() and len(times) < 40):
        raise Invalid("Choose one of the shifts.", field="in_return")
    return user_id, int(start), int(end)


async def _page(
    request: Web, db: Database, actor: Actor, schedule_id: str, typed: Mapping[str, str], errors: Errors
) -> Response[Any]:
    async with db.read() as reader:
        schedule = await schedules.get(reader, actor, schedule_id)
        context = await shell(request, reader, actor, "/schedules")
        every = await swaps.of_schedule(reader, actor, schedule.id)
        turns = await _turns(reader, schedule)
        named = await users.named(reader, actor, _ids(every) | {turn["user_id"] for turn in turns})
        names = {user_id: user.name for user_id, user in named.items()}
        leads = can(actor, Permission.CONFIGURE, schedule.team_id)
        context |= {
            "schedule": {
                "id": schedule.id,
                "name": schedule.name,
                "can_swap": can(actor, Permission.RESPOND, schedule.team_id) and actor.user_id is not None,
            },
            "offers": [
                _offer(each, names, actor, leads=leads) for each in every if each.status is SwapStatus.OPEN
            ],
            "past": [
                _offer(each, names, actor, leads=leads)
                for each in every
                if each.status is not SwapStatus.OPEN
            ],
            "shifts": [_shift(turn, names, schedule, actor, context["zone"], leads=leads) for turn in turns],
            "people": [("", "Anybody in the team"), *await choices.people(reader, actor)],
            "returns": [("", "Nothing"), *_returns(turns, names, actor, typed, context["zone"])],
            "whose": names.get(typed.get("user_id", "")) if typed.get("user_id") != actor.user_id else None,
            "chosen": bool(typed),
            "values": values_of(typed, ("user_id", "to_user_id", "start", "end", "in_return", "note")),
            "errors": errors,
        }
    return answer(request, "schedules/swaps.html", context, 422 if errors else 200)


async def _turns(reader: Reader, schedule: Schedule) -> list[Values]:
    """Who is on call when in the next four weeks, the earliest first."""
    start, end = reader.now, reader.now + LOOK_AHEAD
    plan = (await stored.plans(reader, [schedule], start, end))[schedule.id]
    found = [
        {"user_id": user_id, "start": first, "end": last}
        for user_id, spans in shifts_of_people(shifts(plan, start, end), start, end).items()
        for first, last in spans
    ]
    return sorted(found, key=lambda turn: (turn["start"], turn["user_id"]))[:_MOST_SHIFTS]


def _ids(every: Sequence[Swap]) -> set[str]:
    return {
        one for each in every for one in (each.user_id, each.to_user_id or "", each.taken_by_id or "")
    } - {""}


def _offer(swap: Swap, names: Mapping[str, str], actor: Actor, *, leads: bool) -> Values:
    me = actor.user_id
    is_open = swap.status is SwapStatus.OPEN
    undoable = is_open or swap.status is SwapStatus.TAKEN
    return {
        "id": swap.id,
        "name": names.get(swap.user_id, "Somebody"),
        "start": swap.start_at,
        "end": swap.end_at,
        "to": names.get(swap.to_user_id or ""),
        "taker": names.get(swap.taken_by_id or ""),
        "in_return": swap.in_return,
        "note": swap.note,
        "became": _BECAME.get(swap.status, ""),
        "can_take": is_open and me is not None and me != swap.user_id and swap.to_user_id in (None, me),
        "can_decline": is_open and swap.to_user_id is not None and me == swap.to_user_id,
        "can_withdraw": undoable and (me in (swap.user_id, swap.created_by_id, swap.taken_by_id) or leads),
    }


def _shift(
    turn: Values, names: Mapping[str, str], schedule: Schedule, actor: Actor, zone: tzinfo, *, leads: bool
) -> Values:
    start, end = local_text(turn["start"], zone), local_text(turn["end"], zone)
    mine = turn["user_id"] == actor.user_id
    give = address(f"/schedules/{schedule.id}/swaps", start=start, end=end, user_id=turn["user_id"])
    return turn | {
        "name": names.get(turn["user_id"], "Somebody"),
        "mine": mine,
        "give": f"{give}#give" if mine or leads else None,
        "fields": {"user_id": turn["user_id"], "start": start, "end": end},
    }


def _returns(
    turns: Sequence[Values], names: Mapping[str, str], actor: Actor, typed: Mapping[str, str], zone: tzinfo
) -> list[tuple[str, str]]:
    """The coming shifts of others, to choose one of them in return."""
    whose = typed.get("user_id") or actor.user_id
    return [
        (
            f"{turn['user_id']} {turn['start']} {turn['end']}",
            f"{names.get(turn['user_id'], 'Somebody')}: {_when(turn['start'], zone)} to {_when(turn['end'], zone)}",
        )
        for turn in turns[1:]
        if turn["user_id"] != whose
    ]


def _when(instant: Instant, zone: tzinfo) -> str:
    return f"{to_datetime(instant).astimezone(zone):%a %d %b, %H:%M}"


ROUTES: Sequence[HTTPRouteHandler] = [index, offer, take_shift, take, decline, withdraw]
