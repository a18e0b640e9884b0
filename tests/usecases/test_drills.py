"""Fire drills: gentle, one at a time, never at a bad moment, once whatever the server does, and told as they ended."""

import pytest

from openalert.domain.drill import Drill, Rhythm
from openalert.domain.instant import DAY, HOUR, MINUTE
from openalert.domain.notification import NotificationKind, NotificationPriority
from openalert.domain.quiet import QuietWindow
from openalert.domain.user import User
from openalert.engine import drills as engine
from openalert.engine.engine import Engine
from openalert.storage import drills as stored
from openalert.usecases import drills, incidents, notification_rules, teams, test_pages
from tests import make
from tests.cast import LINKS_BACK, World, level

pytestmark = pytest.mark.anyio
TEST = NotificationKind.TEST


async def begins(world: World, rhythm: Rhythm = Rhythm.WEEKLY) -> None:
    """The team wants drills, and they are planned."""
    await world.does(teams.update, world.core.id, drills=rhythm)
    await runs(world)


async def runs(world: World) -> None:
    """What the engine does every minute, then what that made due."""
    await engine.run_due(world.db)
    await world.engine.run_until_idle()


async def of(world: World, user: User) -> list[Drill]:
    """The drills of somebody, the newest first."""
    async with world.db.read() as reader:
        return await stored.of_team(reader, world.core.id, user_id=user.id, limit=50)


async def to_due(world: World, user: User) -> Drill:
    """Let time pass until the next thing is due for somebody; what is due then is done."""
    (drill, *_) = await of(world, user)
    assert drill.due_at is not None
    world.clock.now = max(drill.due_at, world.clock())
    await runs(world)
    return next(each for each in await of(world, user) if each.id == drill.id)


async def the_next(world: World, user: User) -> Drill:
    """The next drill of somebody that ends, whether it is due later or was just now."""
    (drill, *_) = await of(world, user)
    return await to_due(world, user) if drill.due_at is not None else drill


async def presses(world: World, user: User, headline: str = "Fire drill") -> None:
    """Somebody presses the button of the drill."""
    url = world.mailbox(user).got(headline, TEST).actions[0].url
    async with world.db.transaction() as tx:
        await test_pages.prove(tx, LINKS_BACK.secret, url.rpartition("/")[2])


async def test_nothing_comes_until_a_team_wants_it(world: World) -> None:
    """Off by default: nothing is planned, and switching off drops what was."""
    await engine.run_due(world.db)
    assert await of(world, world.bob) == []
    await begins(world)
    assert [each.state for each in await of(world, world.bob)] == ["planned"]
    await begins(world, Rhythm.OFF)
    assert await of(world, world.bob) == []


async def test_i_got_it_proves_the_way_and_ends_the_drill(world: World) -> None:
    """Low priority, gentle words, one message; no reminder after it, and the next one is a week later."""
    await begins(world)
    sent = await to_due(world, world.bob)
    assert (sent.state, sent.channel) == ("sent", "email")
    row = "SELECT {} FROM notifications WHERE kind = 'test' AND user_id = :u"
    assert await world.value(row.format("priority"), u=world.bob.id) == NotificationPriority.LOW
    world.clock.advance(MINUTE)
    await presses(world, world.bob)
    (done, *_) = await of(world, world.bob)
    assert (done.state, done.answered_at, done.due_at) == ("answered", world.clock(), None)
    proven = "SELECT last_proven_at FROM contact_methods WHERE user_id = :u"
    assert await world.value(proven, u=world.bob.id) == world.clock()
    world.clock.advance(3 * HOUR)
    await runs(world)
    world.is_quiet_for(world.bob)
    following, _ = await of(world, world.bob)
    assert (following.state, done.period < following.period) == ("planned", True)


async def test_one_reminder_then_it_is_unanswered_and_a_late_answer_still_counts(world: World) -> None:
    """Two hours later a reminder, a day after that the end; whoever presses then has answered all the same."""
    await begins(world)
    await to_due(world, world.bob)
    first = world.mailbox(world.bob).got("Fire drill", TEST)
    assert "reminder" not in first.body
    reminded = await to_due(world, world.bob)
    assert (reminded.state, reminded.reminded_at) == ("reminded", (reminded.sent_at or 0) + 2 * HOUR)
    assert "This is the only reminder." in world.mailbox(world.bob).got("Fire drill", TEST).body
    ended = await to_due(world, world.bob)
    assert (ended.state, ended.due_at) == ("unanswered", None)
    world.is_quiet_for(world.bob)
    async with world.db.transaction() as tx:
        await test_pages.prove(tx, LINKS_BACK.secret, first.actions[0].url.rpartition("/")[2])
    assert next(each for each in await of(world, world.bob) if each.id == ended.id).state == "answered"


async def test_a_restart_and_a_second_node_send_nothing_twice(world: World) -> None:
    """Two look at the same due drill and both act; a third begins after the server was away for an hour."""
    await begins(world)
    (drill,) = await of(world, world.bob)
    world.clock.now = (drill.due_at or 0) + HOUR
    for _ in range(2):
        async with world.db.transaction() as tx:
            await drills.step(tx, drill.id)
    again = Engine(world.db, {"email": world.email, "webhook": world.webhook}, LINKS_BACK)
    await again.begin()
    await engine.run_due(world.db)
    await again.run_until_idle()
    world.mailbox(world.bob).got("Fire drill", TEST)
    world.is_quiet_for(world.bob)
    assert len(await of(world, world.bob)) == 1


async def test_what_was_due_while_the_server_was_away_for_weeks_is_skipped(world: World) -> None:
    """Nothing is sent for a week that is over; the next one is planned."""
    await begins(world)
    (drill,) = await of(world, world.bob)
    world.clock.now = drill.give_up_at + 5 * DAY + 11 * HOUR
    await runs(world)
    following, skipped = await of(world, world.bob)
    assert (skipped.state, following.state) == ("skipped", "planned")
    assert "time was over" in skipped.reason
    world.is_quiet_for(world.bob)


async def test_nobody_is_drilled_while_being_paged(world: World) -> None:
    """It waits while the incident is open, and comes once that is resolved."""
    await world.policy(level(1, world.bob))
    await begins(world)
    (drill,) = await of(world, world.bob)
    world.clock.now = (drill.due_at or 0) - MINUTE
    await world.fires("DiskFull")
    world.mailbox(world.bob).got("DiskFull")
    waits = await to_due(world, world.bob)
    assert (waits.state, waits.reason) == ("planned", "the person was being paged")
    world.is_quiet_for(world.bob)
    await world.does(incidents.resolve, (await world.incident()).id, by=world.alice)
    world.mailbox(world.bob).got_update("")
    assert (await to_due(world, world.bob)).state == "sent"
    world.mailbox(world.bob).got("Fire drill", TEST)


async def test_nobody_is_reminded_while_being_paged(world: World) -> None:
    """A page between the drill and its reminder puts the reminder off."""
    await world.policy(level(1, world.bob))
    await begins(world)
    await to_due(world, world.bob)
    world.mailbox(world.bob).got("Fire drill", TEST)
    await world.fires("DiskFull")
    world.mailbox(world.bob).got("DiskFull")
    assert (await to_due(world, world.bob)).state == "sent"
    world.is_quiet_for(world.bob)


async def test_quiet_hours_and_do_not_disturb_put_it_off(world: World) -> None:
    """It comes when they end; where they leave no working hour of the week, it is skipped with the reason."""
    await begins(world)
    (drill,) = await of(world, world.bob)
    due = drill.due_at or 0
    await quiet(world, until=due + 30 * MINUTE)
    assert (await to_due(world, world.bob)).state == "planned"
    sent = await to_due(world, world.bob)
    assert (sent.state, sent.sent_at) == ("sent", due + 30 * MINUTE)
    await presses(world, world.bob)
    await quiet(world, QuietWindow(days=(1, 2, 3, 4, 5), from_time="08:00", to_time="18:00"))
    await runs(world)
    (following, *_) = await of(world, world.bob)
    assert following.state == "planned"
    for _ in range(7):
        if following.due_at is not None:
            following = await to_due(world, world.bob)
    assert (following.state, following.reason) == ("skipped", "the person wanted quiet")


async def quiet(world: World, *windows: QuietWindow, until: int | None = None) -> None:
    """Bob wants quiet, also from what is critical."""
    await world.does(
        notification_rules.set_quiet,
        world.bob.id,
        by=world.bob,
        windows=windows,
        passes_from=None,
        do_not_disturb_until=until,
    )


async def test_it_comes_in_the_working_hours_of_the_zone_of_now(world: World) -> None:
    """Whoever moved to another continent after it was planned is not woken up."""
    await begins(world)
    async with world.db.transaction() as tx:
        await tx.execute("UPDATE users SET timezone = 'Pacific/Auckland' WHERE id = :id", id=world.bob.id)
    waits = await to_due(world, world.bob)
    assert (waits.state, waits.reason) == ("planned", "outside of working hours")
    world.is_quiet_for(world.bob)


async def test_who_cannot_get_it_is_skipped_with_the_reason(world: World) -> None:
    """Without an address, deactivated, or no longer in the team."""
    ghost = await make.user(world.db, world.cast.organization, "Ghost", reachable=False)
    await make.member(world.db, world.core, ghost)
    await begins(world)
    await world.does(teams.remove_member, world.core.id, world.bob.id, anyway=True)
    assert (await to_due(world, world.bob)).reason == "the person is no longer in the team"
    assert "no verified address" in (await the_next(world, ghost)).reason
    async with world.db.transaction() as tx:
        await tx.execute("UPDATE users SET is_active = FALSE WHERE id = :id", id=ghost.id)
    assert (await the_next(world, ghost)).reason == "the person is deactivated"


async def test_two_teams_do_not_drill_somebody_at_once(world: World) -> None:
    """The second waits until the first is answered."""
    other = await make.team(world.db, world.cast.organization, "Other")
    await make.member(world.db, other, world.bob)
    await begins(world)
    async with world.db.transaction() as tx:
        await tx.execute("UPDATE teams SET drills = 'weekly' WHERE id = :id", id=other.id)
    await engine.run_due(world.db)
    async with world.db.transaction() as tx:
        await tx.execute(
            "UPDATE drills SET due_at = :at WHERE user_id = :u", at=world.clock(), u=world.bob.id
        )
    world.clock.advance(2 * HOUR)
    await runs(world)
    states = "SELECT count(*) FROM drills WHERE user_id = :u AND state = '{}'"
    assert await world.value(states.format("sent"), u=world.bob.id) == 1
    assert await world.value(states.format("planned"), u=world.bob.id) == 1
    await presses(world, world.bob)
    world.is_quiet_for(world.bob)
    world.clock.advance(20 * MINUTE)
    await runs(world)
    assert await world.value(states.format("sent"), u=world.bob.id) == 1
    world.mailbox(world.bob).got("Fire drill", TEST)
