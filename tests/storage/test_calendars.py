"""Calendar links, revisions and feeds, on both databases."""

import pytest

from openalert.domain.calendar_feed import Period
from openalert.domain.instant import DAY, HOUR
from openalert.storage import Database, calendar_feeds, calendar_links
from openalert.storage import schedules as stored
from openalert.usecases import calendars, schedules
from tests import make
from tests.conftest import StoppedClock

pytestmark = pytest.mark.anyio


async def test_turns_of_a_calendar_end_begin_and_are_part_of_the_plan(
    db: Database, clock: StoppedClock
) -> None:
    """One that runs ends now, one to come goes, one that is new is there; without the feed only the past is left."""
    cast = await make.cast(db)
    async with db.transaction(make.actor(cast.alice, cast.team)) as tx:
        schedule = await schedules.create(tx, team_id=cast.team.id, name="Core", timezone="UTC")
    feed = await make.shift_calendar(db, schedule, cast.bob)
    now = clock()
    runs = Period(user_id=cast.alice.id, start_at=now - HOUR, end_at=now + HOUR, layer=1)
    later = Period(user_id=cast.alice.id, start_at=now + 2 * DAY, end_at=now + 3 * DAY, layer=1)
    async with db.transaction() as tx:
        await calendar_feeds.change_turns(tx, feed, [], [runs])
        before = await calendar_feeds.turns_from(tx, feed.id, now)
        assert [each.user_id for each in before] == [cast.alice.id, cast.bob.id]
        await calendar_feeds.change_turns(tx, feed, before, [later])
        assert await calendar_feeds.turns_from(tx, feed.id, now) == [later]
    async with db.read() as reader:
        plan = (await stored.plans(reader, [schedule], now - DAY, now + 30 * DAY))[schedule.id]
        assert [(each.start_at, each.end_at, each.layer) for each in plan.imported] == [
            (now - HOUR, now, 1),
            (now + 2 * DAY, now + 3 * DAY, 1),
        ]
        assert await calendar_feeds.url_of(reader, feed.id) == "https://calendar.example/secret.ics"
    async with db.transaction() as tx:
        await calendar_feeds.delete(tx, feed.id, now)
    async with db.read() as reader:
        plan = (await stored.plans(reader, [schedule], now - DAY, now + 30 * DAY))[schedule.id]
        assert [(each.start_at, each.end_at) for each in plan.imported] == [(now - HOUR, now)]


async def test_a_calendar_is_revised_when_it_is_another(db: Database, clock: StoppedClock) -> None:
    """The number grows with every change and stays without one; two who come at once count one."""
    cast = await make.cast(db)
    async with db.transaction(make.actor(cast.bob, cast.team)) as tx:
        link, _ = await calendars.create_link(tx, name="phone")
        await calendar_links.touch(tx, link.id)
    for digest, number in (("a", 0), ("a", 0), ("b", 1), ("a", 2)):
        clock.now += HOUR
        async with db.transaction() as tx:
            await calendar_links.revise(tx, "calendar", digest, schedule_id=None, user_id=cast.bob.id)
            revision = await calendar_links.revision(tx, "calendar", digest)
        assert revision is not None
        assert revision.number == number
    async with db.read() as reader:
        assert await calendar_links.revision(reader, "calendar", "b") is None
        [kept] = await calendar_links.of_user(reader, cast.bob.id)
    assert (kept.with_gaps, kept.last_used_at) == (False, clock.start)


async def test_what_is_due_and_what_is_over(db: Database, clock: StoppedClock) -> None:
    """A feed without a time to come is not due; absences go with the day after, and people are found by both names."""
    cast = await make.cast(db)
    feed = await make.calendar_feed(db, cast.bob, hours=(-2, -1))
    async with db.transaction() as tx:
        assert await calendar_feeds.due(tx, 10) == []
        await tx.execute("UPDATE calendar_feeds SET next_at = :now", now=tx.now)
        assert await calendar_feeds.due(tx, 10) == [feed.id]
        await calendar_feeds.forget(tx, tx.now, tx.now)
        assert await calendar_feeds.absences(tx, [cast.bob.id], 0, tx.now + DAY) == []
        people = await calendar_feeds.people(tx, cast.organization.id)
    assert people["Bob"] == people["bob@example.org"] == cast.bob.id
