"""Who could take a shift: everybody who may, with how much they are on call and what keeps them from it."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping

from openalert.domain.access import Actor
from openalert.domain.cover_suggestion import AROUND, CoverSuggestion, ranked
from openalert.domain.difference import Span, length, shifts_of_people
from openalert.domain.instant import Instant
from openalert.domain.oncall import shifts
from openalert.domain.plan import Plan
from openalert.domain.schedule import Schedule
from openalert.storage import calendar_feeds, swaps
from openalert.storage import schedules as stored
from openalert.storage.transaction import Reader
from openalert.usecases import reachability, schedules

MOST_SCHEDULES = 200
"""How many schedules in view are looked at for whoever is on call elsewhere."""


async def suggest(
    reader: Reader, actor: Actor, schedule_id: str, start: Instant, end: Instant, *, instead_of_id: str = ""
) -> list[CoverSuggestion]:
    """Everybody who may take the time from whoever has it, the best first; names of schedules only where in view."""
    schedule = await schedules.get(reader, actor, schedule_id)
    schedules.check_range(start, end)
    members = {
        one
        for each in schedules.shown(await stored.rotations(reader, [schedule.id]), reader.now)
        for one in each.current.member_ids
    }
    able = await swaps.who_may_take(reader, schedule, members)
    asked = [each for each in able if each != instead_of_id]
    loads = await _loads(reader, actor, schedule, start)
    busy = await _busy(reader, actor, schedule, start, end)
    away = {each.user_id for each in await calendar_feeds.absences(reader, asked, start, end)}
    reach = await reachability.of_people(reader, asked)
    return ranked(
        CoverSuggestion(
            user_id=each,
            on_call=loads.get(each, 0),
            on_call_for=tuple(name for _, name in busy.get(each, ())),
            is_here=any(where == schedule.id for where, _ in busy.get(each, ())),
            is_away=each in away,
            reach=reach[each].state,
        )
        for each in asked
    )


async def _loads(reader: Reader, actor: Actor, schedule: Schedule, start: Instant) -> dict[str, Instant]:
    """How long each person is on call in the schedules of the team, by id."""
    own = await stored.page(reader, actor, team_id=schedule.team_id, limit=MOST_SCHEDULES)
    begin, stop = start - AROUND, start + AROUND
    found: dict[str, Instant] = {}
    async for _, times in _times((await stored.plans(reader, own, begin, stop)).values(), begin, stop):
        for user_id, spans in times.items():
            found[user_id] = found.get(user_id, 0) + length(spans)
    return found


async def _busy(
    reader: Reader, actor: Actor, schedule: Schedule, start: Instant, end: Instant
) -> dict[str, list[tuple[str, str]]]:
    """Id and name of the schedules for which each person is on call during the time, by the person's id."""
    seen = {each.id: each for each in await stored.page(reader, actor, limit=MOST_SCHEDULES)}
    seen[schedule.id] = schedule
    found: dict[str, list[tuple[str, str]]] = {}
    async for plan, times in _times(
        (await stored.plans(reader, seen.values(), start, end)).values(), start, end
    ):
        for user_id in times:
            found.setdefault(user_id, []).append((plan.schedule.id, plan.schedule.name))
    return found


async def _times(
    plans: Iterable[Plan], start: Instant, end: Instant
) -> AsyncIterator[tuple[Plan, Mapping[str, list[Span]]]]:
    """When everybody is on call by each of the plans; others get their turn in between."""
    for plan in plans:
        yield plan, shifts_of_people(shifts(plan, start, end), start, end)
        await asyncio.sleep(0)
