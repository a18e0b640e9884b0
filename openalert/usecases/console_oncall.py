"""`openalert oncall`: who is on call and who follows, when somebody is, and who carries how much, from a shell."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from openalert.domain.access import SYSTEM
from openalert.domain.errors import Invalid, NotFound
from openalert.domain.instant import DAY, HOUR, Instant, from_datetime, rfc3339
from openalert.domain.plan import OnCallPerson
from openalert.domain.relief import Relief
from openalert.domain.schedule import Schedule
from openalert.domain.user import User, email_key
from openalert.notifiers.text import one_line
from openalert.storage import users
from openalert.storage.database import Database
from openalert.storage.transaction import Reader
from openalert.usecases import load, organizations, schedules
from openalert.usecases.access import found

MOST = 1000
PEOPLE = "`openalert user list` shows everybody."
"""What is said to whoever names somebody who is not there."""
AHEAD = 28 * DAY
"""How far ahead somebody's turns are told."""


async def on_call(
    database: Database,
    *,
    schedule: str | None = None,
    at: str | None = None,
    organization: str | None = None,
) -> list[str]:
    """Who is on call, until when, and who follows, for every schedule or for the one with this name or id."""
    async with database.read() as reader:
        chosen = await _chosen(reader, schedule, organization)
        answers = await schedules.reliefs_of(reader, chosen, _moment(at, reader.now))
        named = await users.named(reader, SYSTEM, {one for each in answers for one in each.user_ids})
    lines = [_line(one, each, named) for one, each in zip(chosen, answers, strict=True)]
    return lines or ["There is no schedule yet."]


def _line(schedule: Schedule, known: Relief, named: Mapping[str, User]) -> str:
    now, following = known.now, known.following
    until = f" until {rfc3339(now.until)}" if now.until is not None else ""
    then = f", then {_names(following.people, named)}" if following is not None else ""
    return f"{one_line(schedule.name, 80)}: {_names(now.people, named)}{until}{then}"


def _names(people: Iterable[OnCallPerson], named: Mapping[str, User]) -> str:
    """What a person typed must not steer a terminal."""
    names = [one_line(named[each.user_id].name, 80) for each in people if each.user_id in named]
    return ", ".join(names) or "nobody"


async def turns(
    database: Database, *, person: str, at: str | None = None, organization: str | None = None
) -> list[str]:
    """When the person with that address is on call in the four weeks from now, or from a time, on."""
    async with database.read() as reader:
        start = _moment(at, reader.now)
        actor = await organizations.program_in(reader, organization)
        user = await users.by_email_key(reader, email_key(person))
        if actor is None or user is None or user.organization_id != actor.organization_id:
            raise NotFound("user", given=person, look=PEOPLE)
        mine = await load.turns_of(reader, actor, user.id, start, start + AHEAD)
    return [
        f"{rfc3339(each.start)}\t{rfc3339(each.end)}\t{one_line(each.schedule.name, 80)}" for each in mine
    ] or [f"{one_line(user.name, 80)} is not on call in the four weeks from {rfc3339(start)}."]


async def carried(
    database: Database,
    *,
    days: int,
    schedule: str | None = None,
    organization: str | None = None,
) -> list[str]:
    """What each person carries in the days to come, or with a negative number carried in those past; most first."""
    async with database.read() as reader:
        actor = await organizations.program_in(reader, organization)
        if actor is None:
            return []
        only = (await _chosen(reader, schedule, organization))[0].id if schedule else None
        start, end = sorted((reader.now, reader.now + days * DAY))
        rows = await load.of_everybody(reader, actor, start, end, schedule_id=only)
        named = await users.named(reader, actor, {each.user_id for each in rows})
    head = "hours\tnights\tweekends\tholidays\tshifts\tpages\tperson"
    return [head, *(_row(each, named) for each in rows)]


def _row(carried: load.Carried, named: Mapping[str, User]) -> str:
    mine = carried.load
    hours = (mine.on_call, mine.nights, mine.weekends, mine.holidays)
    name = one_line(named[carried.user_id].name, 80) if carried.user_id in named else carried.user_id
    return "\t".join(
        [*(f"{each / HOUR:.1f}" for each in hours), str(mine.shifts), str(carried.pages.received), name]
    )


async def _chosen(reader: Reader, schedule: str | None, organization: str | None) -> list[Schedule]:
    actor = await organizations.program_in(reader, organization)
    listed = await schedules.page(reader, actor, limit=MOST) if actor else []
    chosen = [one for one in listed if schedule in (None, one.id) or _same(schedule, one.name)]
    if schedule is not None:
        found(chosen or None, "schedule", given=schedule, look="`openalert oncall` shows all of them.")
    return chosen


def _same(wanted: str | None, name: str) -> bool:
    return wanted is not None and wanted.casefold() == name.casefold()


def _moment(text: str | None, now: Instant) -> Instant:
    if text is None:
        return now
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(f"{text[:40]!r} is not a time; write 2026-01-31T18:00:00Z.", field="at") from None
    if moment.tzinfo is None:
        raise Invalid("The time needs a zone; write 2026-01-31T18:00:00Z.", field="at")
    return from_datetime(moment)
