"""Nobody was there: incidents say when and why, owners hear of it once, and the clock is not believed blindly."""

import pytest

from openalert.domain.errors import Unavailable
from openalert.domain.instant import DAY, HOUR, MINUTE, SECOND
from openalert.domain.notification import NotificationKind
from openalert.domain.outage import Ending, Outage
from openalert.engine import black_box, escalate
from openalert.engine.engine import Engine
from openalert.notifiers.notifier import Message, NotifierError, Reason, Receipt
from openalert.storage import outages as stored
from openalert.usecases import outages
from tests.cast import LINKS_BACK, World, level
from tests.processes.server import until

pytestmark = pytest.mark.anyio


class Machine:
    """The kernel under the server: which start of it, and how long ago that was."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world = world
        self.began = 0
        self.boot_id = black_box.boot_id()
        monkeypatch.setattr(black_box, "boot_id", lambda: self.boot_id)
        world.db.clocks.elapsed = lambda: world.clock.now - self.began

    def restarts(self) -> None:
        """Another start of the kernel."""
        self.boot_id, self.began = "second", self.world.clock.now

    def sets_clock(self, by: int) -> None:
        """Somebody does."""
        self.world.clock.advance(by)
        self.began += by

    async def starts(self) -> Engine:
        """A server, in the place of the one before."""
        self.world.engine = Engine(self.world.db, {"email": self.world.email}, LINKS_BACK)
        await self.world.engine.begin()
        return self.world.engine


@pytest.fixture
def machine(world: World, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """As `Machine`."""
    return Machine(world, monkeypatch)


async def history(world: World) -> list[Outage]:
    """What the System page is to show."""
    async with world.db.read() as reader:
        return await outages.history(reader)


@pytest.mark.parametrize("how", list(Ending)[:3])
@pytest.mark.proves("ES-4", "F-03", "F-05")
async def test_what_an_outage_delayed_says_so_and_owners_hear_of_it_once(
    world: World, machine: Machine, how: Ending
) -> None:
    """Killed, stopped, or the machine went: the incident's timeline has times and cause, and so has one mail."""
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=5))
    await world.fires("DiskFull")
    world.mailbox(world.alice).got("DiskFull")
    if how is Ending.STOPPED:
        await world.engine.black_box.end()
    world.clock.advance(57 * MINUTE)
    if how is Ending.MACHINE:
        machine.restarts()
    engine = await machine.starts()
    since, until = world.clock.now - 57 * MINUTE, world.clock.now
    # What did not come in that time says nothing about its senders.
    assert engine.black_box.up_since == until
    assert await history(world) == [Outage(since=since, until=until, ending=how)]
    story = await world.story()
    said = [each for each in story if each.startswith("OpenAlert was not running 09:00:00 to 09:57:00 UTC")]
    assert len(said) == 1
    await world.engine.run_until_idle()
    world.mailbox(world.bob).got("DiskFull")
    notice = world.mailbox(world.alice).got("", NotificationKind.NOTICE)
    assert "not running for 57 min" in notice.headline
    await world.engine.black_box.seen()
    world.clock.advance(3 * SECOND)
    await machine.starts()
    await world.engine.run_until_idle()
    world.is_quiet()
    assert [each.length for each in await history(world)] == [3 * SECOND, 57 * MINUTE]


@pytest.mark.proves("ES-4", "F-24")
async def test_a_pause_of_the_process_explains_what_it_delayed(world: World, machine: Machine) -> None:
    """It stood still for an hour: the step runs once, now, and says why; the next one keeps its distance."""
    await world.policy(
        level(1, world.alice), level(2, world.bob, minutes=5), level(3, world.alice, minutes=5)
    )
    await world.fires("DiskFull")
    world.mailbox(world.alice).got("DiskFull")
    world.clock.advance(HOUR)
    assert await world.engine._escalate() == 1
    assert [each.ending for each in await history(world)] == [Ending.PAUSED]
    await world.engine.run_until_idle()
    world.mailbox(world.bob).got("DiskFull")
    late = "55 min late: the server was not running 09:00:00 to 10:00:00 UTC: it had been paused"
    assert any(late in each for each in await world.story())
    world.mailbox(world.alice).got("", NotificationKind.NOTICE)
    await world.advance(minutes=4, seconds=59)
    world.is_quiet()
    await world.advance(seconds=1)
    world.mailbox(world.alice).got("DiskFull")


@pytest.mark.parametrize("due", ["before", "in it", "after"])
async def test_an_outage_explains_only_what_was_due_in_it(world: World, due: str) -> None:
    """A step that is late for another reason says so without it."""
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=5))
    await world.fires("DiskFull")
    world.mailbox(world.alice).got("DiskFull")
    since = world.clock() + {"before": 6, "in it": 4, "after": 1}[due] * MINUTE
    known = Outage(since=since, until=since + 2 * MINUTE, ending=Ending.PAUSED)
    world.clock.advance(10 * MINUTE)
    assert await escalate.run_due(world.db, outage=known) == 1
    (late,) = [each for each in await world.story() if "5 min late" in each]
    assert ("the server was not running" in late) is (due == "in it")


@pytest.mark.proves("ES-4", "F-03")
async def test_an_outage_is_told_where_a_page_had_to_wait_for_its_end(world: World, machine: Machine) -> None:
    """No step was due in it, only the next try of a page: the incident says why that one came so late."""

    def refuses(_: Message) -> Receipt:
        raise NotifierError(Reason.REFUSED, "not now")

    world.email.behave = refuses
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=30))
    await world.fires("DiskFull")
    world.clock.advance(MINUTE)
    await machine.starts()
    assert any(
        each.startswith("OpenAlert was not running 09:00:00 to 09:01:00") for each in await world.story()
    )


@pytest.mark.proves("F-20", "F-21")
@pytest.mark.parametrize(("how", "doubted"), [(Ending.DIED, 0), (Ending.MACHINE, 3 * DAY)])
async def test_whether_a_machine_was_off_for_days_or_its_clock_leapt_is_not_believed_at_once(
    world: World, machine: Machine, how: Ending, doubted: int
) -> None:
    """On the same kernel the time that has passed is known; on another one nothing is deleted by it for a day."""
    await world.engine.black_box.seen()
    world.clock.advance(3 * DAY)
    if how is Ending.MACHINE:
        machine.restarts()
    await machine.starts()
    assert world.db.clocks.doubt.at(world.clock.now) == doubted
    world.clock.advance(DAY)
    assert world.db.clocks.doubt.at(world.clock.now) == 0


@pytest.mark.parametrize(("by", "up_since"), [(HOUR, True), (-HOUR, False)])
async def test_a_clock_that_was_set_ahead_makes_nobody_silent(world: World, by: int, up_since: bool) -> None:
    """An hour without a word has not passed: silence counts from then on."""
    async with world.db.transaction() as tx:
        await world.engine.black_box.when_set(tx, by)
    assert world.engine.black_box.up_since == (world.clock.now if up_since else None)


@pytest.mark.proves("F-24")
async def test_to_wait_for_the_database_is_no_standing_still(
    world: World, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process stood still for an hour, then the disk took a minute to refuse it: one pause, of an hour."""

    async def slowly_refused(_: object) -> None:
        world.clock.advance(MINUTE)
        raise Unavailable("The database cannot be written now.")

    world.clock.advance(HOUR)
    with monkeypatch.context() as patch:
        patch.setattr(world.db, "act", slowly_refused)
        with pytest.raises(Unavailable):
            await world.engine.black_box.look()
    await world.engine.black_box.look()
    assert [(each.ending, each.length) for each in await history(world)] == [(Ending.PAUSED, HOUR)]


@pytest.mark.proves("F-09", "F-24")
async def test_a_pause_that_cannot_be_written_is_noted_later(
    world: World, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no room just as it goes on: nothing dies of that, and the pause is on record once there is."""
    engine = world.engine
    monkeypatch.setattr(black_box, "PULSE_SECONDS", 0.001)
    act, refused = world.db.act, 0

    async def refuse(*_: object) -> None:
        nonlocal refused
        refused += 1
        raise Unavailable("The database cannot be written now.")

    monkeypatch.setattr(world.db, "act", refuse)
    world.clock.advance(HOUR)
    beating = world.db.supervisor.start("pulse", engine.black_box.beat)

    async def has_tried() -> bool:
        return refused >= 2

    await until(has_tried)
    assert (beating.state.deaths_lately, await history(world)) == (0, [])
    monkeypatch.setattr(world.db, "act", act)

    async def is_noted() -> bool:
        return bool(await history(world))

    await until(is_noted)
    await world.db.supervisor.stop(beating)
    assert [(each.ending, each.length) for each in await history(world)] == [(Ending.PAUSED, HOUR)]


@pytest.mark.parametrize("by", [-30 * DAY, -HOUR, HOUR, 3_650 * DAY])
@pytest.mark.proves("F-20", "F-21", "ES-5")
async def test_a_clock_set_while_nobody_was_there_changes_no_delay(
    world: World, machine: Machine, by: int
) -> None:
    """The kernel is the same: two of five minutes have passed, whatever the wall says."""
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=5))
    await world.fires("DiskFull")
    world.mailbox(world.alice).got("DiskFull")
    machine.sets_clock(by)
    world.clock.advance(MINUTE)
    await machine.starts()
    (outage,) = await history(world)
    assert (outage.length, outage.clock_step) == (MINUTE, by)
    await world.advance(minutes=3, seconds=59)
    world.is_quiet_for(world.bob)
    await world.advance(seconds=1)
    world.mailbox(world.bob).got("DiskFull")


@pytest.mark.parametrize("put_right", [True, False])
@pytest.mark.proves("F-21", "ES-1", "ES-5")
async def test_a_clock_that_is_behind_at_the_start_is_waited_for(
    world: World, machine: Machine, monkeypatch: pytest.MonkeyPatch, put_right: bool
) -> None:
    """It believes in 1970: no step is taken and none is lost; put right, what is due runs, else time goes on."""
    seconds = 0.0
    monkeypatch.setattr(black_box.time, "monotonic", lambda: seconds)
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=5))
    await world.fires("DiskFull")
    world.mailbox(world.alice).got("DiskFull")
    await world.engine.black_box.seen()
    right = world.clock.now
    world.clock.now = 0
    machine.restarts()
    engine = await machine.starts()
    world.db.when_set(engine.black_box.when_set)
    world.db.clocks._offset = 0
    assert world.db.clock() == right
    assert engine.black_box.waits
    assert await engine._escalate() == 0
    if put_right:
        machine.sets_clock(right + 7 * MINUTE - world.clock.now)
        await engine.black_box.look()
        assert not engine.black_box.waits
        assert world.db.clock() == right + 7 * MINUTE
        assert await engine._escalate() == 1
    else:
        seconds = black_box.PATIENCE_SECONDS + 1
        assert not engine.black_box.waits
        world.clock.advance(5 * MINUTE - SECOND)
        assert await engine._escalate() == 0
        world.clock.advance(SECOND)
        assert await engine._escalate() == 1
    await engine.run_until_idle()
    world.mailbox(world.bob).got("DiskFull")


@pytest.mark.proves("DB-5")
async def test_a_restored_backup_is_no_outage(world: World, machine: Machine) -> None:
    """Its last sign of life is as old as the backup: nobody is told that the server was away since then."""
    async with world.db.transaction() as tx:
        await stored.restored(tx)
    world.clock.advance(DAY)
    await machine.starts()
    assert await history(world) == []
    await world.engine.run_until_idle()
    world.is_quiet()


async def test_what_is_remembered_is_bounded(world: World, machine: Machine) -> None:
    """Six hundred crashes in a row leave five hundred outages and the lives of the newest runs."""
    for _ in range(600):
        await machine.starts()
        world.clock.advance(20 * SECOND)
    assert len(await history(world)) == 500
    assert await world.value("SELECT count(*) FROM lives") == 20
    assert await world.value("SELECT max(number) FROM lives") == 601
