"""JSON `/schedules/{id}/quality`: how much of a time is covered, how evenly it is shared, and who carries too much."""

from datetime import datetime
from typing import Annotated, TypeAlias

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from openalert.domain.access import Actor
from openalert.domain.difference import length
from openalert.domain.instant import HOUR
from openalert.domain.quality import Aspect, Balance, remarks
from openalert.storage import users
from openalert.storage.database import Database
from openalert.storage.pages_received import Pages
from openalert.usecases import quality
from openalert.usecases.load import Carried
from openalert.usecases.quality import USUAL, Measured
from openalert.web.api.load import LoadOut, show_load
from openalert.web.api.oncall import People, PersonOut, show_person
from openalert.web.api.wire import READS, Moment, Output, instant_or_none, moment

From: TypeAlias = Annotated[
    Moment | None, QueryParameter(name="from", description="Where the range begins; without it, now.")
]
To: TypeAlias = Annotated[
    Moment | None,
    QueryParameter(name="to", description="Where it ends, at most 400 days on; without it, 90 days on."),
]


class OverloadOut(Output):
    """Somebody who carries more than a fifth above the mean, and more than one shift above it."""

    user_id: str
    user: PersonOut | None
    percent_more: int


class BalanceOut(Output):
    """How evenly one aspect is shared among those on call."""

    aspect: Aspect
    percent: int
    overloaded: list[OverloadOut]


class QualityOut(Output):
    """How good a schedule is in a range; `total` is the mean of coverage and balance, as Grafana OnCall counts it."""

    schedule_id: str
    start_time: datetime
    """Not before the schedule was made."""
    end_time: datetime
    total: int
    coverage: float
    balance: int
    gap_count: int
    gap_hours: float
    balances: list[BalanceOut]
    people: list[LoadOut]
    remarks: list[str]


@get("/{schedule_id:str}/quality", responses=READS)
async def get_quality(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    schedule_id: FromPath[str],
    start: From = None,
    end: To = None,
) -> QualityOut:
    """How much of a time somebody is on call and how evenly that is shared; the coming 90 days, or any range."""
    async with db.read() as reader:
        first, last = instant_or_none(start), instant_or_none(end)
        first = reader.now if first is None else first
        last = first + USUAL if last is None else last
        measured = await quality.of_schedule(reader, actor, schedule_id, first, last)
        people = await users.named(reader, actor, set(measured.quality.loads))
    return _show(measured, people)


def _show(measured: Measured, people: People) -> QualityOut:
    found = measured.quality
    carried = [
        Carried(user_id=user_id, load=load, pages=measured.pages.get(user_id, Pages()))
        for user_id, load in found.loads.items()
    ]
    carried.sort(key=lambda each: (-each.load.on_call, each.user_id))
    return QualityOut(
        schedule_id=measured.schedule.id,
        start_time=moment(found.start),
        end_time=moment(found.end),
        total=found.total,
        coverage=found.coverage,
        balance=found.balance,
        gap_count=len(found.gaps),
        gap_hours=round(length(found.gaps) / HOUR, 2),
        balances=[_balance(each, people) for each in found.balances],
        people=[show_load(each, people) for each in carried],
        remarks=[each.words for each in remarks(found, {one: user.name for one, user in people.items()})],
    )


def _balance(balance: Balance, people: People) -> BalanceOut:
    return BalanceOut(
        aspect=balance.aspect,
        percent=balance.percent,
        overloaded=[
            OverloadOut(
                user_id=each.user_id, user=show_person(people.get(each.user_id)), percent_more=each.more
            )
            for each in balance.overloaded
        ],
    )
