"""Shifts for calendar programs: whole schedules and one's own time on call, signed in or by a secret link.

A link has the rights that its maker has at the moment of reading: who lost a team, or is switched off, has
links that open nothing. Unknown, revoked and void ones are told apart by nobody.
"""

import secrets
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Any

import msgspec

from openalert.domain import calendar
from openalert.domain.access import SYSTEM, Actor, Permission
from openalert.domain.calendar import CalendarEvent, Revision, Turn
from openalert.domain.calendar_link import MOST_LINKS, CalendarLink, check_link
from openalert.domain.errors import Conflict, NotFound, Unavailable
from openalert.domain.ids import new_id
from openalert.domain.instant import MINUTE, Instant
from openalert.domain.oncall import FinalSchedule, shifts
from openalert.domain.plan import OnCallSource, Plan
from openalert.domain.schedule import Schedule
from openalert.notifiers.text import one_line
from openalert.storage import calendar_links, schedules, users
from openalert.storage.database import Database
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import audit
from openalert.usecases import schedules as duty
from openalert.usecases.access import acting, found, home, require, unknown
from openalert.usecases.signin import token_hash

MOST_SCHEDULES = 100
TOUCH_AFTER = MINUTE
_GONE = "Somebody who is gone"


class Calendar(msgspec.Struct, frozen=True, kw_only=True):
    """What a calendar says, before it is written down."""

    id: str
    """By which its revisions are counted."""
    name: str
    events: list[CalendarEvent]
    schedule_id: str | None = None
    user_id: str | None = None


async def links(reader: Reader, actor: Actor) -> list[CalendarLink]:
    """The actor's own links."""
    return await calendar_links.of_user(reader, _own_id(actor))


async def links_to(reader: Reader, actor: Actor, schedule_id: str) -> list[CalendarLink]:
    """Everybody's links to a schedule, for those who set it up."""
    schedule = await duty.get(reader, actor, schedule_id)
    require(actor, Permission.CONFIGURE, schedule.team_id, "schedule")
    return await calendar_links.of_schedule(reader, schedule.id)


async def create_link(
    tx: Transaction, *, name: str, schedule_id: str | None = None, with_gaps: bool = False
) -> tuple[CalendarLink, str]:
    """A new link of the actor and its token, which cannot be shown again."""
    schedule = None
    if schedule_id is not None:
        schedule = await schedules.get(tx, tx.actor, schedule_id)
        if schedule is None:
            raise unknown("scheduleId", "schedule", schedule_id)
    token = secrets.token_hex(32)
    link = CalendarLink(
        id=new_id(tx.now),
        organization_id=home(tx.actor),
        user_id=_own_id(tx.actor),
        schedule_id=schedule.id if schedule else None,
        name=name.strip(),
        token_hash=token_hash(token),
        with_gaps=with_gaps,
        created_at=tx.now,
    )
    check_link(link)
    if len(await calendar_links.of_user(tx, link.user_id)) >= MOST_LINKS:
        raise Conflict(f"You have {MOST_LINKS} calendar links; revoke one that is not used.")
    await calendar_links.insert(tx, link)
    _record(tx, "created", link, schedule, after={"withGaps": with_gaps})
    return link, token


async def revoke_link(tx: Transaction, link_id: str) -> None:
    """One of the actor's own links opens nothing any more."""
    own_id = _own_id(tx.actor)
    link = await calendar_links.get(tx, link_id)
    if link is None or link.user_id != own_id:
        raise NotFound("calendar link")
    await _revoke(tx, link)


async def revoke_link_to(tx: Transaction, schedule_id: str, link_id: str) -> None:
    """Anybody's link to a schedule opens nothing any more; for those who set it up."""
    schedule = await duty.get(tx, tx.actor, schedule_id)
    require(tx.actor, Permission.CONFIGURE, schedule.team_id, "schedule")
    link = await calendar_links.get(tx, link_id)
    if link is None or link.schedule_id != schedule.id:
        raise NotFound("calendar link")
    await _revoke(tx, link)


async def read_schedule(
    db: Database, actor: Actor, schedule_id: str, base_url: str, *, with_gaps: bool = False
) -> bytes:
    """The calendar of a schedule, for whoever may see it."""
    async with db.read() as reader:
        schedule = await duty.get(reader, actor, schedule_id)
        made = await _of_schedule(reader, actor, schedule, base_url, with_gaps=with_gaps)
    return await _written(db, made)


async def read_link(db: Database, token: str, base_url: str) -> bytes:
    """The calendar behind a link's token; NotFound for whatever opens nothing, for whatever reason."""
    async with db.read() as reader:
        link, actor = await _opened(reader, token)
        if link.schedule_id is None:
            made = await _of_person(reader, actor, link.user_id, base_url)
        else:
            schedule = await schedules.get(reader, actor, link.schedule_id)
            if schedule is None:
                raise NotFound("calendar")
            made = await _of_schedule(reader, actor, schedule, base_url, with_gaps=link.with_gaps)
        now = reader.now
    if link.last_used_at is None or now - link.last_used_at >= TOUCH_AFTER:
        await _try(db, lambda tx: calendar_links.touch(tx, link.id))
    return await _written(db, made)


async def _opened(reader: Reader, token: str) -> tuple[CalendarLink, Actor]:
    """The link of a token and its maker, with the rights of this moment."""
    link = await calendar_links.by_token(reader, token_hash(token)) if len(token) == 64 else None
    actor = await acting(reader, link.user_id) if link else None
    if link is None or actor is None:
        raise NotFound("calendar")
    return link, actor


async def _of_schedule(
    reader: Reader, actor: Actor, schedule: Schedule, base_url: str, *, with_gaps: bool
) -> Calendar:
    start, end = calendar.months_around(reader.now)
    plan = (await schedules.plans(reader, [schedule], start, end))[schedule.id]
    final = _final(plan, start, end)
    turns = calendar.turns_of(final)
    people = await users.named(reader, actor, {turn.person.user_id for turn in turns})
    names = {user_id: one_line(user.name, 200) for user_id, user in people.items()}
    events = [
        _event(schedule, turn, base_url, f"{names.get(turn.person.user_id, _GONE)}: {_title(schedule)}")
        for turn in turns
    ]
    if with_gaps:
        events += _gaps(schedule, final, base_url)
        events.sort(key=lambda event: (event.start, event.uid))
    return Calendar(
        id=f"{schedule.id}/{'all' if with_gaps else 'shifts'}",
        name=_title(schedule),
        events=events,
        schedule_id=schedule.id,
    )


async def _of_person(reader: Reader, actor: Actor, user_id: str, base_url: str) -> Calendar:
    start, end = calendar.months_around(reader.now)
    seen = await schedules.page(reader, actor, limit=MOST_SCHEDULES)
    plans = await schedules.plans(reader, seen, start, end)
    events = [
        _event(plan.schedule, turn, base_url, f"On call: {_title(plan.schedule)}")
        for plan in plans.values()
        if user_id in _named_in(plan)
        for turn in calendar.turns_of(_final(plan, start, end))
        if turn.person.user_id == user_id
    ]
    events.sort(key=lambda event: (event.start, event.uid))
    return Calendar(id=user_id, name=f"On call: {one_line(actor.name, 200)}", events=events, user_id=user_id)


def _event(schedule: Schedule, turn: Turn, base_url: str, summary: str) -> CalendarEvent:
    return CalendarEvent(
        uid=calendar.uid_of(schedule.id, turn),
        start=turn.start,
        end=turn.end,
        summary=summary,
        description=f"On call for {_title(schedule)}, {_because(turn)}.",
        url=f"{base_url}/schedules/{schedule.id}",
    )


def _gaps(schedule: Schedule, final: FinalSchedule, base_url: str) -> list[CalendarEvent]:
    return [
        CalendarEvent(
            uid=calendar.uid_of_gap(schedule.id, start),
            start=start,
            end=end,
            summary=f"Nobody is on call: {_title(schedule)}",
            description="A page goes on to the next level of its escalation policy at once.",
            url=f"{base_url}/schedules/{schedule.id}",
        )
        for start, end in final.gaps
    ]


def _title(schedule: Schedule) -> str:
    return one_line(schedule.name, 200)


def _final(plan: Plan, start: Instant, end: Instant) -> FinalSchedule:
    return shifts(plan, start, end)


def _named_in(plan: Plan) -> set[str]:
    """Everybody who could have a turn in it; computing one costs, and most people are in few schedules."""
    members = {one for each in plan.rotations for version in each.versions for one in version.member_ids}
    members |= {each.user_id for each in plan.imported}
    return members.union(*(each.user_ids for each in plan.overrides))


def _because(turn: Turn) -> str:
    person = turn.person
    if person.source is OnCallSource.ROTATION:
        return f"by the rotation {one_line(person.rotation_name or '', 200)}"
    if person.source is OnCallSource.CALENDAR:
        return "by a calendar"
    reason = one_line(person.override_reason or "", 200)
    return f"by an override: {reason}" if reason else "by an override"


async def _written(db: Database, made: Calendar) -> bytes:
    """The calendar as bytes, with the revision that it is at; what cannot be counted is as of now."""
    digest = calendar.digest_of(made.name, made.events)

    async def known(reader: Reader) -> Revision | None:
        return await calendar_links.revision(reader, made.id, digest)

    async def revise(tx: Transaction) -> None:
        await calendar_links.revise(tx, made.id, digest, schedule_id=made.schedule_id, user_id=made.user_id)

    revision = await db.look(known)
    if revision is None:
        await _try(db, revise)
        revision = await db.look(known) or Revision(number=0, changed_at=db.clock())
    return calendar.write(made.name, made.events, revision)


async def _try(db: Database, body: Callable[[Transaction], Coroutine[Any, Any, None]]) -> None:
    """Do it if the database can take it: a full disk must not empty anybody's calendar."""
    with suppress(Unavailable):
        await db.act(body)


async def _revoke(tx: Transaction, link: CalendarLink) -> None:
    await calendar_links.delete(tx, link.id)
    schedule = await schedules.get(tx, SYSTEM, link.schedule_id) if link.schedule_id else None
    _record(tx, "revoked", link, schedule)


def _record(
    tx: Transaction,
    act: str,
    link: CalendarLink,
    schedule: Schedule | None,
    after: Mapping[str, object] | None = None,
) -> None:
    audit.record(
        tx,
        f"calendar_link.{act}",
        kind="calendar_link",
        id=link.id,
        name=f"{link.name} to {schedule.name}" if schedule else link.name,
        team_id=schedule.team_id if schedule else None,
        after=after,
        organization_id=link.organization_id,
    )


def _own_id(actor: Actor) -> str:
    """The person's own id; an API key has no links."""
    return found(actor.user_id, "user")
