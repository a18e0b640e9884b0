"""Calendars of other programs: added by people, read again each hour, and what they say kept when reading fails.

Fetching and reading happen outside of transactions; what came of it is written in one.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec

from openalert.domain.access import SYSTEM, Actor, Permission
from openalert.domain.calendar import turns_of
from openalert.domain.calendar_feed import (
    AHEAD,
    AHEAD_OF_FILE,
    EXPAND_AFTER,
    MOST_FEEDS,
    WARN_AFTER,
    CalendarFeed,
    Clash,
    Counts,
    Entry,
    FeedKind,
    Period,
    absences_in,
    check_feed,
    clashes,
    merged,
    next_reading,
    turns_in,
)
from openalert.domain.errors import Conflict, Invalid, NotFound, OpenAlertError
from openalert.domain.ids import new_id
from openalert.domain.instant import Instant
from openalert.domain.notification import NotificationKind
from openalert.domain.notification_plan import last_resort
from openalert.domain.oncall import FinalSchedule
from openalert.domain.schedule import Schedule
from openalert.domain.severity import Severity
from openalert.domain.user import User
from openalert.notifiers.calendar_feed import CalendarFetcher, address
from openalert.notifiers.http import shown_origin
from openalert.notifiers.notifier import LostAnswer, NotifierError
from openalert.notifiers.text import one_line
from openalert.sources.calendar import CalendarReading
from openalert.storage import calendar_feeds, recipients, schedules, users
from openalert.storage.database import Database
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import audit, calendar_reading, notify
from openalert.usecases import schedules as duty
from openalert.usecases.access import found, may_manage, require
from openalert.usecases.swap_following import following


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants to be read: at an address, or the text of a file."""

    user_id: str | None = None
    schedule_id: str | None = None
    name: str = ""
    url: str = ""
    content: bytes = b""
    counts: Counts = Counts.AWAY
    layer: int = 0

    def __repr__(self) -> str:
        """Never the address."""
        return f"Wanted({self.name!r})"


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What a calendar would give."""

    name: str
    """As the calendar calls itself; empty when it does not."""
    events: int
    periods: list[Period]
    missing: tuple[str, ...]
    notes: tuple[str, ...]
    etag: str = ""


class _Owner(msgspec.Struct, frozen=True, kw_only=True):
    """Whom or what a feed is about."""

    organization_id: str
    timezone: str
    user: User | None = None
    schedule: Schedule | None = None


async def of_user(reader: Reader, actor: Actor, user_id: str) -> list[CalendarFeed]:
    """The calendars of somebody's absences, for that person and for whoever may change them."""
    owner = await _owner(reader, actor, Wanted(user_id=user_id))
    return await calendar_feeds.of_user(reader, owner.user.id if owner.user else "")


async def of_schedule(reader: Reader, actor: Actor, schedule_id: str) -> list[CalendarFeed]:
    """The calendars that give turns to a schedule, for those who set it up."""
    await _owner(reader, actor, Wanted(schedule_id=schedule_id))
    return await calendar_feeds.of_schedule(reader, schedule_id)


async def get(
    reader: Reader, actor: Actor, feed_id: str, *, user_id: str | None = None, schedule_id: str | None = None
) -> CalendarFeed:
    """One calendar of this person or schedule."""
    owner = await _owner(reader, actor, Wanted(user_id=user_id, schedule_id=schedule_id))
    feed = found(await calendar_feeds.get(reader, feed_id), "calendar feed")
    about = owner.user.id if owner.user else None
    if feed.user_id != about or feed.schedule_id != schedule_id:
        raise NotFound("calendar feed")
    return feed


async def preview(db: Database, fetcher: CalendarFetcher, actor: Actor, wanted: Wanted) -> Preview:
    """What the calendar would give; nothing is kept."""
    async with db.read() as reader:
        owner = await _owner(reader, actor, wanted)
        people = await calendar_feeds.people(reader, owner.organization_id)
    return found(await _read(db, fetcher, owner, people, wanted), "calendar")


async def add(db: Database, fetcher: CalendarFetcher, actor: Actor, wanted: Wanted) -> CalendarFeed:
    """Read the calendar from now on: an address each hour, a file this once."""
    told = await preview(db, fetcher, actor, wanted)
    async with db.transaction(actor) as tx:
        owner = await _owner(tx, tx.actor, wanted)
        feed = CalendarFeed(
            id=new_id(tx.now),
            organization_id=owner.organization_id,
            kind=FeedKind.ABSENCES if owner.user else FeedKind.SHIFTS,
            user_id=owner.user.id if owner.user else None,
            schedule_id=owner.schedule.id if owner.schedule else None,
            name=wanted.name.strip() or told.name.strip()[:100] or "Calendar",
            origin=shown_origin(address(wanted.url)) if wanted.url else "",
            counts=wanted.counts,
            layer=wanted.layer,
            created_at=tx.now,
            created_by_id=tx.actor.user_id,
        )
        check_feed(feed)
        there = (
            await calendar_feeds.of_user(tx, feed.user_id)
            if feed.user_id
            else await calendar_feeds.of_schedule(tx, feed.schedule_id or "")
        )
        if len(there) >= MOST_FEEDS:
            raise Conflict(f"{MOST_FEEDS} calendars are read there; remove one first.")
        await calendar_feeds.insert(tx, feed, address(wanted.url) if wanted.url else "")
        _record(tx, "added", feed, owner)
        return await _keep(tx, feed, told)


async def remove(
    tx: Transaction, feed_id: str, *, user_id: str | None = None, schedule_id: str | None = None
) -> None:
    """Read it no more. Absences that it gave are forgotten, turns to come do not happen."""
    feed = await get(tx, tx.actor, feed_id, user_id=user_id, schedule_id=schedule_id)
    owner = await _owner(tx, tx.actor, Wanted(user_id=user_id, schedule_id=schedule_id))
    async with _change(tx, feed):
        await calendar_feeds.delete(tx, feed.id, tx.now)
    _record(tx, "removed", feed, owner)


async def refresh(db: Database, fetcher: CalendarFetcher, feed_id: str) -> None:
    """Read one again. What was read before stays in force when it fails, for whatever reason."""
    async with db.read() as reader:
        feed = await calendar_feeds.get(reader, feed_id)
        owner = await _owner_of(reader, feed) if feed else None
        if feed is None or owner is None:
            return
        people = await calendar_feeds.people(reader, feed.organization_id)
    told: Preview | None = None
    failure = ""
    known = feed.etag if db.clock() - (feed.expanded_at or 0) < EXPAND_AFTER else ""
    try:
        async with db.read() as reader:
            url = await calendar_feeds.url_of(reader, feed.id)
        wanted = Wanted(url=url, counts=feed.counts, layer=feed.layer)
        told = await _read(db, fetcher, owner, people, wanted, known, again=True)
    except OpenAlertError as error:
        failure = error.message
    async with db.transaction() as tx:
        present = await calendar_feeds.get(tx, feed.id)
        if present is None:
            return
        if failure:
            await _failed(tx, present, failure)
        elif told is None:
            await calendar_feeds.update(tx, _well(present, tx.now))
        else:
            await _keep(tx, present, told)


async def put_off(db: Database, feed_id: str) -> None:
    """A fault of ours kept it from being read; the others come first now."""
    async with db.transaction() as tx:
        feed = await calendar_feeds.get(tx, feed_id)
        if feed is not None:
            await _failed(tx, feed, "OpenAlert could not read it; its log says why.")


async def away(reader: Reader, user_ids: Sequence[str], start: Instant, end: Instant) -> list[Period]:
    """When these people are away, without a word of why: for warnings and for whoever looks for cover."""
    listed = await calendar_feeds.absences(reader, user_ids, start, end)
    return [msgspec.structs.replace(each, summary="") for each in listed]


async def clashes_in(
    reader: Reader, actor: Actor, schedule_id: str, start: Instant, end: Instant
) -> list[Clash]:
    """Who is away while on call for a schedule, for whoever sees it; the range as of `schedules.shifts_of`."""
    _, final = await duty.shifts_of(reader, actor, schedule_id, start, end)
    return await clashes_of(reader, final, start, end)


async def clashes_of(reader: Reader, final: FinalSchedule, start: Instant, end: Instant) -> list[Clash]:
    """The same of a final schedule of the range."""
    turns = turns_of(final)
    return clashes(turns, await away(reader, sorted({turn.person.user_id for turn in turns}), start, end))


async def own_absences(reader: Reader, actor: Actor, start: Instant, end: Instant) -> list[Period]:
    """When the actor is away, in the words of their own calendar."""
    return await calendar_feeds.absences(reader, [actor.user_id] if actor.user_id else [], start, end)


async def _owner(reader: Reader, actor: Actor, wanted: Wanted) -> _Owner:
    """Whom it is about, if the actor may change that: oneself, or as an admin; a schedule by who sets it up."""
    if wanted.schedule_id is not None:
        schedule = await duty.get(reader, actor, wanted.schedule_id)
        require(actor, Permission.CONFIGURE, schedule.team_id, "schedule")
        return _Owner(organization_id=schedule.organization_id, timezone=schedule.timezone, schedule=schedule)
    user = found(await users.get(reader, actor, wanted.user_id or ""), "user")
    if user.id != actor.user_id:
        may_manage(actor, user)
    return _Owner(organization_id=user.organization_id, timezone=user.timezone, user=user)


async def _owner_of(reader: Reader, feed: CalendarFeed) -> _Owner | None:
    """The same for the program itself."""
    if feed.schedule_id is not None:
        schedule = await schedules.get(reader, SYSTEM, feed.schedule_id)
        return (
            _Owner(organization_id=feed.organization_id, timezone=schedule.timezone, schedule=schedule)
            if schedule
            else None
        )
    user = await users.get(reader, SYSTEM, feed.user_id or "")
    return _Owner(organization_id=feed.organization_id, timezone=user.timezone, user=user) if user else None


async def _read(
    db: Database,
    fetcher: CalendarFetcher,
    owner: _Owner,
    people: dict[str, str],
    wanted: Wanted,
    known: str = "",
    *,
    again: bool = False,
) -> Preview | None:
    """What the calendar says; None: the version `known` is still its last. `again`: nobody waits for it."""
    field = "url" if wanted.url or not wanted.content else "content"
    content, etag = wanted.content, ""
    if field == "url":
        try:
            fetched = await fetcher.fetch(address(wanted.url), known)
        except (NotifierError, LostAnswer) as error:
            raise Invalid(error.detail, field="url") from error
        if fetched.content is None:
            return None
        content, etag = fetched.content, fetched.etag
    now = db.clock()
    ahead = AHEAD if field == "url" else AHEAD_OF_FILE
    reading = await calendar_reading.read(content, owner.timezone, now, now + ahead, field, again=again)
    return _preview(reading, owner, people, wanted, etag)


def _preview(
    reading: CalendarReading, owner: _Owner, people: dict[str, str], wanted: Wanted, etag: str
) -> Preview:
    entries = [Entry(**msgspec.structs.asdict(each)) for each in reading.occurrences]
    missing: tuple[str, ...] = ()
    if owner.user is not None:
        periods = absences_in(entries, owner.user.id, wanted.counts)
    else:
        periods, missing = turns_in(entries, people, wanted.layer)
    return Preview(
        name=one_line(reading.name, 100),
        events=reading.events,
        periods=[msgspec.structs.replace(each, summary=one_line(each.summary, 200)) for each in periods],
        missing=tuple(one_line(each, 100) for each in missing),
        notes=tuple(one_line(each, 300) for each in reading.notes),
        etag=etag,
    )


async def _keep(tx: Transaction, feed: CalendarFeed, told: Preview) -> CalendarFeed:
    """What it said this time is in force."""
    kept = msgspec.structs.replace(
        _well(feed, tx.now),
        etag=told.etag,
        expanded_at=tx.now,
        entries=len(told.periods),
        missing=told.missing,
        notes=told.notes,
    )
    await calendar_feeds.update(tx, kept)
    if feed.kind is FeedKind.ABSENCES:
        await calendar_feeds.put_absences(tx, feed.id, told.periods)
        return kept
    before = await calendar_feeds.turns_from(tx, feed.id, tx.now)
    ending, beginning = merged(before, told.periods, tx.now)
    if ending or beginning:
        async with _change(tx, feed):
            await calendar_feeds.change_turns(tx, feed, ending, beginning)
    return kept


def _well(feed: CalendarFeed, now: Instant) -> CalendarFeed:
    """It was read now, whatever was before."""
    return msgspec.structs.replace(
        feed,
        next_at=next_reading(feed.id, 0, now) if feed.origin else None,
        read_at=now,
        failures=0,
        failing_since=None,
        failure="",
        warned_at=None,
    )


async def _failed(tx: Transaction, feed: CalendarFeed, failure: str) -> None:
    """It could not be read; whoever added it hears of it once, after a week."""
    since = feed.failing_since or tx.now
    warns = feed.warned_at is None and tx.now - since >= WARN_AFTER
    await calendar_feeds.update(
        tx,
        msgspec.structs.replace(
            feed,
            next_at=next_reading(feed.id, feed.failures + 1, tx.now),
            failures=feed.failures + 1,
            failing_since=since,
            failure=one_line(failure, 300),
            warned_at=tx.now if warns else feed.warned_at,
        ),
    )
    if warns:
        await _warn(tx, feed, failure)


async def _warn(tx: Transaction, feed: CalendarFeed, failure: str) -> None:
    told = [each for each in (feed.user_id, feed.created_by_id) if each]
    for callee in await recipients.callees(tx, told[:1]):
        ways = notify.steps_of(callee, last_resort(callee, Severity.LOW, tx.now), "The calendar is yours")
        for way in {way.key: way for way in ways}.values():
            await notify.send_to(
                tx,
                way,
                NotificationKind.NOTICE,
                organization_id=feed.organization_id,
                team_id=None,
                headline=f"The calendar {feed.name} has not been read for a week",
                body=f"The last try: {failure}\n\nWhat was read before is still in force. Give it another address, or "
                "remove it, on the page Calendars.",
                opens=(
                    "Open the calendars",
                    f"/schedules/{feed.schedule_id}/calendars" if feed.schedule_id else "/me/calendars",
                ),
                reason="The calendar is yours.",
            )


@asynccontextmanager
async def _change(tx: Transaction, feed: CalendarFeed) -> AsyncIterator[None]:
    """Let swaps follow turns that change inside, and whoever looks at the schedule look again."""
    schedule = await schedules.get(tx, SYSTEM, feed.schedule_id) if feed.schedule_id else None
    if schedule is None:
        yield
        return
    async with following(tx, schedule):
        yield
    duty.changed(tx, schedule)


def _record(tx: Transaction, act: str, feed: CalendarFeed, owner: _Owner) -> None:
    about = owner.schedule.name if owner.schedule else owner.user.name if owner.user else ""
    facts = {"origin": feed.origin or "a file", "counts": feed.counts, "layer": feed.layer}
    audit.record(
        tx,
        f"calendar_feed.{act}",
        kind="calendar_feed",
        id=feed.id,
        name=f"{feed.name} of {about}",
        team_id=owner.schedule.team_id if owner.schedule else None,
        after=facts if act == "added" else None,
        organization_id=feed.organization_id,
    )
