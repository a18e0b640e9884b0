"""Who carries how much: time on call and pages of each person, over all schedules in view; and one's own shifts."""

import asyncio
from collections.abc import Sequence

import msgspec

from openalert.domain.access import Actor
from openalert.domain.difference import Span, shifts_of_people
from openalert.domain.instant import Instant
from openalert.domain.load import Load, loads, total
from openalert.domain.oncall import shifts
from openalert.domain.schedule import Schedule
from openalert.storage import pages_received
from openalert.storage import schedules as stored
from openalert.storage.pages_received import Pages
from openalert.storage.transaction import Reader
from openalert.usecases import schedules
from openalert.usecases.schedules import check_range

MOST_SCHEDULES = 1_000


class Carried(msgspec.Struct, frozen=True, kw_only=True):
    """What one person carried in a range, or is planned to."""

    user_id: str
    load: Load
    pages: Pages


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of time that one person is on call for a schedule, cut at the edges of the range asked for."""

    schedule: Schedule
    start: Instant
    end: Instant


async def of_everybody(
    reader: Reader,
    actor: Actor,
    start: Instant,
    end: Instant,
    *,
    team_id: str | None = None,
    schedule_id: str | None = None,
) -> list[Carried]:
    """The load of all who are on call in the range, those first who carry most; at most 400 days."""
    check_range(start, end)
    if schedule_id is None:
        asked = await stored.page(reader, actor, team_id=team_id, limit=MOST_SCHEDULES)
    else:
        asked = [await schedules.get(reader, actor, schedule_id)]
    plans = await stored.plans(reader, asked, start, end)
    parts = []
    for plan in plans.values():
        parts.append(loads(plan, shifts(plan, start, end), start, end))
        await asyncio.sleep(0)
    found = total(parts)
    pages = await pages_received.of_people(
        reader, sorted(found), sorted({each.team_id for each in asked}), start, end
    )
    carried = [
        Carried(user_id=user_id, load=load, pages=pages.get(user_id, Pages()))
        for user_id, load in found.items()
    ]
    return sorted(carried, key=lambda each: (-each.load.on_call, each.user_id))


async def turns_of(reader: Reader, actor: Actor, user_id: str, start: Instant, end: Instant) -> list[Turn]:
    """When a person is on call in the range, in all schedules in view, the earliest first; at most 400 days."""
    check_range(start, end)
    asked = await stored.page(reader, actor, limit=MOST_SCHEDULES)
    plans = await stored.plans(reader, asked, start, end)
    found: list[Turn] = []
    for plan in plans.values():
        spans: Sequence[Span] = shifts_of_people(shifts(plan, start, end), start, end).get(user_id, ())
        found += [Turn(schedule=plan.schedule, start=begin, end=stop) for begin, stop in spans]
        await asyncio.sleep(0)
    return sorted(found, key=lambda turn: (turn.start, turn.schedule.id))
