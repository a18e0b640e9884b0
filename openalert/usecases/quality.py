"""How good a schedule is in a range of time: covered, evenly shared, and who carries too much."""

from collections.abc import Mapping

import msgspec

from openalert.domain.access import Actor
from openalert.domain.instant import DAY, Instant
from openalert.domain.plan import Plan
from openalert.domain.quality import Quality, quality, with_pages
from openalert.domain.schedule import Schedule
from openalert.storage import pages_received
from openalert.storage import schedules as stored
from openalert.storage.pages_received import Pages
from openalert.storage.transaction import Reader
from openalert.usecases import schedules

USUAL = 90 * DAY
"""How far ahead is looked when nobody says so."""


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of one schedule."""

    schedule: Schedule
    quality: Quality
    pages: Mapping[str, Pages]
    """What those on call got of the schedule's team, as far as the range is past; whoever got none is left out."""


async def of_schedule(
    reader: Reader, actor: Actor, schedule_id: str, start: Instant, end: Instant
) -> Measured:
    """The quality of at most 400 days, which begin at the earliest when the schedule did."""
    schedule = await schedules.get(reader, actor, schedule_id)
    schedules.check_range(start, end)
    plan = (await stored.plans(reader, [schedule], start, end))[schedule.id]
    first = max(start, _begun(plan))
    found = quality(plan, first if first < end else start, end)
    if start >= reader.now:
        return Measured(schedule=schedule, quality=found, pages={})
    pages = await pages_received.of_people(reader, sorted(found.loads), [schedule.team_id], start, end)
    found = with_pages(found, {user_id: each.received for user_id, each in pages.items()})
    return Measured(schedule=schedule, quality=found, pages=pages)


def _begun(plan: Plan) -> Instant:
    """Since when the schedule says anything: before it was made nobody could have been on call."""
    return min([plan.schedule.created_at, *(rotation.versions[0].valid_from for rotation in plan.rotations)])
