"""JSON `/schedules/{id}/swaps`: shifts that are offered, taken, exchanged, declined and taken back."""

from datetime import datetime
from typing import Annotated

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from openalert.domain.access import Actor
from openalert.domain.cover_suggestion import CoverSuggestion
from openalert.domain.instant import HOUR
from openalert.domain.reachability import ReachState
from openalert.domain.swap import Swap, SwapStatus
from openalert.domain.user import User
from openalert.storage import users
from openalert.storage.database import Database
from openalert.usecases import cover_suggestions, swaps
from openalert.web.api.oncall import PersonOut, show_person
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
    moment_or_none,
)
from openalert.web.paging import Page


class SwapOut(Output):
    """A shift, or part of one, that was offered or taken, and what became of it."""

    id: str
    status: SwapStatus
    user_id: str
    to_user_id: str | None
    taken_by_id: str | None
    start_time: datetime
    end_time: datetime
    return_start_time: datetime | None
    return_end_time: datetime | None
    note: str
    cover_ids: list[str]
    expires_at: datetime | None
    created_by_id: str | None
    created_at: datetime


class SwapIn(Input):
    """An offer; with `returnStartTime` and `returnEndTime`, of an exchange for that shift of `toUserId`."""

    start_time: Moment
    end_time: Moment
    user_id: str = ""
    to_user_id: str = ""
    return_start_time: Moment | None = None
    return_end_time: Moment | None = None
    note: str = ""


class ShiftTakeIn(Input):
    """The shift, or part of one, that is taken without an offer."""

    user_id: str
    start_time: Moment
    end_time: Moment
    taker_id: str = ""
    note: str = ""


class SwapTakeIn(Input):
    """Which part of an offer is taken, and by whom; nothing: all of it, by oneself."""

    start_time: Moment | None = None
    end_time: Moment | None = None
    taker_id: str = ""


class CoverSuggestionOut(Output):
    """Somebody who could take a shift, and what speaks for and against it."""

    user_id: str
    user: PersonOut | None
    hours: float
    is_good: bool
    on_call_for: list[str]
    is_away: bool
    reachability: ReachState
    words: str


def show(swap: Swap) -> SwapOut:
    """A swap as it is answered."""
    return SwapOut(
        id=swap.id,
        status=swap.status,
        user_id=swap.user_id,
        to_user_id=swap.to_user_id,
        taken_by_id=swap.taken_by_id,
        start_time=moment(swap.start_at),
        end_time=moment(swap.end_at),
        return_start_time=moment_or_none(swap.return_start_at),
        return_end_time=moment_or_none(swap.return_end_at),
        note=swap.note,
        cover_ids=[each for each in (swap.cover_id, swap.return_cover_id) if each],
        expires_at=moment_or_none(swap.due_at),
        created_by_id=swap.created_by_id,
        created_at=moment(swap.created_at),
    )


@get("/{schedule_id:str}/swaps", responses=READS)
async def list_swaps(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    schedule_id: FromPath[str],
    start: EndsAfter = None,
) -> Page[SwapOut]:
    """The swaps of a schedule, whatever became of them, the earliest shift first, in one page."""
    async with db.read() as reader:
        rows = await swaps.of_schedule(reader, actor, schedule_id, instant_or_none(start))
        return Page(items=[show(swap) for swap in rows])


@post("/{schedule_id:str}/swaps", responses=WRITES)
async def offer_swap(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    schedule_id: FromPath[str],
    data: JSONBody[SwapIn],
) -> SwapOut:
    """Offer a shift, or part of one, to one person or the team; it stays one's own until somebody takes it."""
    async with db.transaction(actor) as tx:
        made = await swaps.offer(
            tx,
            schedule_id,
            start_at=instant(data.start_time),
            end_at=instant(data.end_time),
            user_id=data.user_id,
            to_user_id=data.to_user_id,
            return_start_at=instant_or_none(data.return_start_time),
            return_end_at=instant_or_none(data.return_end_time),
            note=data.note,
        )
        return show(made)


@post("/{schedule_id:str}/swaps/take", responses=WRITES)
async def take_shift(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    schedule_id: FromPath[str],
    data: JSONBody[ShiftTakeIn],
) -> SwapOut:
    """Take somebody's shift, or part of one, that was not offered; they are told."""
    async with db.transaction(actor) as tx:
        made = await swaps.take_shift(
            tx,
            schedule_id,
            user_id=data.user_id,
            start_at=instant(data.start_time),
            end_at=instant(data.end_time),
            taker_id=data.taker_id,
            note=data.note,
        )
        return show(made)


@get("/{schedule_id:str}/swaps/suggestions", responses=READS)
async def suggest_covers(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    schedule_id: FromPath[str],
    start: Annotated[Moment, QueryParameter(name="from", description="Where the shift begins.")],
    end: Annotated[Moment, QueryParameter(name="to", description="Where it ends.")],
    user_id: Annotated[
        str, QueryParameter(name="userId", description="Whose shift it is, who is left out.")
    ] = "",
) -> Page[CoverSuggestionOut]:
    """Who could take a shift, in one page, the best first: free, there, reachable, and on call least."""
    async with db.read() as reader:
        found = await cover_suggestions.suggest(
            reader, actor, schedule_id, instant(start), instant(end), instead_of_id=user_id
        )
        people = await users.named(reader, actor, [each.user_id for each in found])
    return Page(items=[_show_suggestion(each, people.get(each.user_id)) for each in found])


def _show_suggestion(suggestion: CoverSuggestion, user: User | None) -> CoverSuggestionOut:
    return CoverSuggestionOut(
        user_id=suggestion.user_id,
        user=show_person(user),
        hours=round(suggestion.on_call / HOUR, 2),
        is_good=suggestion.is_good,
        on_call_for=list(suggestion.on_call_for),
        is_away=suggestion.is_away,
        reachability=suggestion.reach,
        words=suggestion.words,
    )


@get("/{schedule_id:str}/swaps/{swap_id:str}", responses=READS)
async def get_swap(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    schedule_id: FromPath[str],
    swap_id: FromPath[str],
) -> SwapOut:
    """One swap."""
    async with db.read() as reader:
        return show(await swaps.get(reader, actor, schedule_id, swap_id))


@post("/{schedule_id:str}/swaps/{swap_id:str}/take", responses=WRITES, status_code=200)
async def take_swap(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    schedule_id: FromPath[str],
    swap_id: FromPath[str],
    data: JSONBody[SwapTakeIn],
) -> SwapOut:
    """Take what is offered; with a shift in return both change hands at once. Of two the first one has it."""
    async with db.transaction(actor) as tx:
        taken = await swaps.take(
            tx,
            schedule_id,
            swap_id,
            start_at=instant_or_none(data.start_time),
            end_at=instant_or_none(data.end_time),
            taker_id=data.taker_id,
        )
        return show(taken)


@post("/{schedule_id:str}/swaps/{swap_id:str}/decline", responses=WRITES, status_code=200)
async def decline_swap(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    schedule_id: FromPath[str],
    swap_id: FromPath[str],
) -> SwapOut:
    """Say no to what one was offered; the shift stays whose it is, and they are told."""
    async with db.transaction(actor) as tx:
        return show(await swaps.decline(tx, schedule_id, swap_id))


@post("/{schedule_id:str}/swaps/{swap_id:str}/withdraw", responses=WRITES, status_code=200)
async def withdraw_swap(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    schedule_id: FromPath[str],
    swap_id: FromPath[str],
) -> SwapOut:
    """Take an offer back, or undo a swap that has not begun: everybody has their own shifts again."""
    async with db.transaction(actor) as tx:
        return show(await swaps.withdraw(tx, schedule_id, swap_id))


handlers = [
    list_swaps,
    offer_swap,
    take_shift,
    suggest_covers,
    get_swap,
    take_swap,
    decline_swap,
    withdraw_swap,
]
