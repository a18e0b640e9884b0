"""The weekly report: on Mondays at nine, to owners, once, and only when there is something to say."""

from typing import Any

import pytest

from openalert.domain.access import Role
from openalert.domain.instant import DAY, HOUR, MINUTE, to_datetime
from openalert.domain.message_kind import MessageKind
from openalert.domain.notification import NotificationKind
from openalert.domain.quiet import QuietWindow
from openalert.domain.severity import Severity
from openalert.domain.user import User
from openalert.engine import weekly_reports as engine
from openalert.notifiers.notifier import Message
from openalert.storage import weekly_reports as stored
from openalert.usecases import notification_rules, schedules, teams, users, warnings, weekly_reports, words
from tests import make
from tests.cast import World, level
from tests.domain.rotas import utc

pytestmark = pytest.mark.anyio
DIGEST = NotificationKind.DIGEST
WEEK = 7 * DAY


async def runs(world: World) -> int:
    """The engine looks once for reports that are due, and sends them; how many were queued."""
    queued = await engine.run_due(world.db, {})
    await world.engine.run_until_idle()
    return queued


async def monday(world: World) -> int:
    """Until the next report of anybody, and then the engine looks."""
    world.clock.now = max(world.clock(), await world.value("SELECT min(due_at) FROM weekly_reports"))
    return await runs(world)


async def something_is_wrong(world: World, name: str = "Nights") -> None:
    """A schedule without anybody that Core's policy counts on alone."""
    made = await world.does(schedules.create, team_id=world.core.id, name=name, timezone="UTC")
    await world.policy(_pages(made.id))


def _pages(schedule_id: str) -> Any:
    made = level(1)
    target = make.Target(type=make.TargetType.SCHEDULE, id=schedule_id)
    return make.Level(level=made.level, delay=0, targets=(target,))


def report(world: World, to: User) -> Message:
    """What the person got."""
    return world.mailbox(to).got("", DIGEST)


async def prefers(world: World, who: User, *, weekly_report: bool) -> None:
    """Whether the person wants the report."""
    await world.does(
        notification_rules.set_preferences,
        who.id,
        by=who,
        min_severity=Severity.INFO,
        repeat_every=5 * MINUTE,
        repeat_most=0,
        handoffs=True,
        weekly_report=weekly_report,
    )


async def lives_in(world: World, who: User, timezone: str) -> None:
    """The person's clocks are those of this zone."""
    await world.does(users.update, who.id, timezone=timezone)


async def test_an_owner_is_told_on_monday_at_nine_what_to_mend(world: World) -> None:
    """The worst first, each with when, why and the page that mends it; nobody but owners hears of it."""
    await something_is_wrong(world)
    assert await runs(world) == 0, "planned, and not due before the next Monday"
    world.is_quiet()
    assert await monday(world) == 1
    assert f"{to_datetime(world.clock()):%a %H:%M}" == "Mon 09:00"
    told = report(world, world.alice)
    assert told.headline == "2 things to mend before they keep a page from arriving"
    assert [(point.words, point.tone, point.when) for point in told.points] == [
        ("Core policy reaches nobody", "critical", "from now on"),
        ("Nobody is on call for Nights", "high", "from now on"),
    ]
    assert told.points[1].url.startswith("https://oncall.example.org/schedules/")
    assert [(action.label, action.url) for action in told.actions] == [
        ("See all warnings", "https://oncall.example.org/warnings")
    ]
    assert told.reason == (
        "You own the organization. This report is switched off at https://oncall.example.org/me/rules."
    )
    world.is_quiet()


async def test_it_says_it_in_the_words_of_the_organization(world: World) -> None:
    """The words chosen for weekly reports take the place of the headline; what is to mend stays as it is."""
    await world.does(words.save, {"email": "Monday: {{ headline | lower }}"}, MessageKind.WEEKLY)
    await something_is_wrong(world)
    await runs(world)
    assert await monday(world) == 1
    told = report(world, world.alice)
    assert told.headline == "Monday: 2 things to mend before they keep a page from arriving"
    assert len(told.points) == 2


async def test_it_comes_once_a_week_however_often_the_engine_looks(world: World) -> None:
    """A second look, a second node, and the same row in the hands of two are one report."""
    await something_is_wrong(world)
    await runs(world)
    world.clock.advance(WEEK)
    async with world.db.read() as reader:
        (due,) = await stored.due(reader, 10)
        eyes = await weekly_reports.reader_of(reader, due)
    assert eyes is not None
    outlook = await warnings.look(world.db, eyes)
    assert await world.does(weekly_reports.send, due, outlook) == 1
    assert await world.does(weekly_reports.send, due, outlook) == 0
    assert await runs(world) == 0
    report(world, world.alice)
    world.is_quiet()


async def test_a_body_that_is_lost_before_its_commit_leaves_the_report_due(world: World) -> None:
    """The instant moves with the mail or not at all, so what dies between loses nothing."""
    await something_is_wrong(world)
    await runs(world)
    world.clock.advance(WEEK)
    async with world.db.read() as reader:
        (due,) = await stored.due(reader, 10)
        eyes = await weekly_reports.reader_of(reader, due)
    assert eyes is not None
    outlook = await warnings.look(world.db, eyes)
    with pytest.raises(KeyboardInterrupt):
        async with world.db.transaction() as tx:
            assert await weekly_reports.send(tx, due, outlook) == 1
            raise KeyboardInterrupt
    assert await world.value("SELECT count(*) FROM notifications") == 0
    assert await runs(world) == 1
    report(world, world.alice)


async def test_a_server_that_was_off_for_a_month_sends_one(world: World) -> None:
    """At once when it is back, and then again on Mondays."""
    await something_is_wrong(world)
    await runs(world)
    world.clock.now = utc("2026-02-05T12:00")
    assert await runs(world) == 1
    report(world, world.alice)
    assert await runs(world) == 0
    assert await monday(world) == 1
    assert world.clock() == utc("2026-02-09T09:00")


async def test_it_stays_at_nine_when_the_clocks_change(world: World) -> None:
    """Berlin at the end of March and of October, in the owner's own zone and not the server's."""
    await something_is_wrong(world)
    for start, mondays in (
        ("2026-03-20T00:00", ["2026-03-23T08:00", "2026-03-30T07:00"]),
        ("2026-10-20T00:00", ["2026-10-26T08:00", "2026-11-02T08:00"]),
    ):
        world.clock.now = utc(start)
        await lives_in(world, world.alice, "Europe/Berlin")
        await runs(world)
        for at in mondays:
            if await world.value("SELECT min(due_at) FROM weekly_reports") < utc(start):
                await runs(world)
            await monday(world)
            assert world.clock() == utc(at)


async def test_another_zone_moves_the_same_monday(world: World) -> None:
    """Alice moves to New York before it: it comes at nine there. After Tokyo's it does not come twice."""
    await something_is_wrong(world)
    await runs(world)
    await lives_in(world, world.alice, "America/New_York")
    await runs(world)
    await monday(world)
    assert world.clock() == utc("2026-01-12T14:00")
    await lives_in(world, world.alice, "Asia/Tokyo")
    await runs(world)
    await monday(world)
    assert world.clock() == utc("2026-01-19T00:00")
    await lives_in(world, world.alice, "America/New_York")
    await runs(world)
    await monday(world)
    assert world.clock() == utc("2026-01-26T14:00")


async def test_when_nothing_is_wrong_it_says_so_once_a_month(world: World) -> None:
    """The first Monday of a month on which nothing is wrong, and not after a report of the same month."""
    await world.policy(level(1, world.alice, world.bob))
    await runs(world)
    assert await monday(world) == 1
    calm = report(world, world.alice)
    assert calm.headline == "Everything is in order: 2 people, all reachable"
    assert calm.points == []
    assert [await monday(world) for _ in range(4)] == [0, 0, 1, 0]
    assert world.clock() == utc("2026-02-09T09:00")


async def test_hints_alone_are_no_reason_to_write(world: World) -> None:
    """A gap that nobody pages: counted in the monthly word, and no reason for a weekly one."""
    await world.does(schedules.create, team_id=world.core.id, name="Unused", timezone="UTC")
    await world.policy(level(1, world.alice, world.bob))
    await runs(world)
    assert await monday(world) == 1
    assert "1 hint is on the page of warnings." in report(world, world.alice).body
    assert await monday(world) == 0


async def test_an_owner_of_a_team_hears_of_that_team_alone(world: World) -> None:
    """Bob owns Edge, and is an admin of the organization: neither makes Core's troubles his."""
    edge = await make.team(world.db, world.cast.organization, "Edge")
    await make.member(world.db, edge, world.bob, Role.OWNER)
    await world.does(users.update, world.bob.id, role=Role.ADMIN)
    await something_is_wrong(world)
    broken = await make.service(world.db, edge, name="Proxy")
    await make.integration(world.db, broken, "C")
    await runs(world)
    assert await monday(world) == 2
    assert [point.words for point in report(world, world.bob).points] == ["Alerts of Proxy page nobody"]
    assert len(report(world, world.alice).points) == 3


async def test_whoever_owns_nothing_any_more_or_is_deactivated_hears_nothing(world: World) -> None:
    """The row goes with the next one that would be due; owning again begins anew."""
    await world.does(teams.put_member, world.core.id, world.bob.id, Role.OWNER)
    await something_is_wrong(world)
    await runs(world)
    assert await world.value("SELECT count(*) FROM weekly_reports") == 2
    await world.does(teams.put_member, world.core.id, world.bob.id, Role.MEMBER)
    assert await monday(world) == 1
    report(world, world.alice)
    world.is_quiet()
    assert await world.value("SELECT count(*) FROM weekly_reports") == 1


async def test_whoever_does_not_want_it_gets_none(world: World) -> None:
    """Switched off among the preferences; switched on again it comes on the next Monday."""
    await something_is_wrong(world)
    await prefers(world, world.alice, weekly_report=False)
    await runs(world)
    assert await monday(world) == 0
    world.is_quiet()
    await prefers(world, world.alice, weekly_report=True)
    assert await monday(world) == 1
    report(world, world.alice)


async def test_quiet_hours_hold_it_and_it_says_what_it_would_have_said(world: World) -> None:
    """It waits until they end, and is no list of held pages."""
    await something_is_wrong(world)
    await world.does(
        notification_rules.set_quiet,
        world.alice.id,
        windows=(QuietWindow(days=(1,), from_time="08:00", to_time="11:00"),),
        passes_from=None,
        do_not_disturb_until=None,
    )
    await runs(world)
    assert await monday(world) == 1
    world.is_quiet()
    await world.advance(minutes=120)
    assert report(world, world.alice).headline.startswith("2 things to mend")


async def test_a_month_of_do_not_disturb_ends_with_one_report(world: World) -> None:
    """Each Monday's takes the place of the one that still waits."""
    await something_is_wrong(world)
    await world.does(
        notification_rules.set_quiet,
        world.alice.id,
        windows=(),
        passes_from=None,
        do_not_disturb_until=world.clock() + 29 * DAY,
    )
    await runs(world)
    assert [await monday(world) for _ in range(4)] == [1, 1, 1, 1]
    world.is_quiet()
    await world.advance(minutes=24 * 60)
    assert report(world, world.alice).headline.startswith("2 things to mend")
    world.is_quiet()


async def test_switching_it_off_takes_back_one_that_still_waits(world: World) -> None:
    """On the next Monday; what waits for the end of quiet hours is not sent after that."""
    await something_is_wrong(world)
    await world.does(
        notification_rules.set_quiet,
        world.alice.id,
        windows=(),
        passes_from=None,
        do_not_disturb_until=world.clock() + 29 * DAY,
    )
    await runs(world)
    assert await monday(world) == 1
    await prefers(world, world.alice, weekly_report=False)
    assert await monday(world) == 0
    await world.advance(minutes=30 * 24 * 60)
    world.is_quiet()


async def test_where_a_message_is_a_few_lines_the_worst_few_stand_in_it(world: World) -> None:
    """A rule for digests by webhook: no list beside the body, and the rest is counted."""
    way = await make.contact_method(world.db, world.alice, "webhook", "https://chat.example.org/hook")
    await world.does(notification_rules.create, world.alice.id, contact_method_id=way.id, kind="digest")
    for number in range(4):
        made = await world.does(
            schedules.create, team_id=world.core.id, name=f"Empty {number}", timezone="UTC"
        )
        policy = await make.policy(world.db, world.core, _pages(made.id), name=f"Policy {number}")
        await make.service(world.db, world.core, policy, name=f"Service {number}")
    await runs(world)
    assert await monday(world) == 1
    (told,) = world.webhook.received
    world.webhook.received.clear()
    assert told.points == []
    assert told.headline == "8 things to mend, first: Policy 0 reaches nobody, from now on"
    assert told.body.splitlines() == [
        *(f"Policy {number} reaches nobody, from now on." for number in range(1, 4)),
        "Nobody is on call for Empty 0, from now on.",
        "And 3 more.",
    ]


async def test_many_warnings_are_cut_and_counted(world: World) -> None:
    """Twenty stand in a mail; the others are a number."""
    for number in range(23):
        made = await make.service(world.db, world.core, name=f"Service {number:02}")
        await make.integration(world.db, made, f"key {number}")
    await runs(world)
    world.clock.advance(WEEK - HOUR)
    assert await monday(world) == 1
    told = report(world, world.alice)
    assert (len(told.points), told.headline[:9]) == (20, "23 things")
    assert "3 more are not listed here." in told.body
