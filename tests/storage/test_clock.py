"""The clock is set while the server runs: delays go on, and nobody writes by the new time before they have moved."""

import asyncio
import importlib
import pkgutil
from functools import partial
from typing import Any

import pytest

from openalert import storage
from openalert.domain.instant import DAY, HOUR, MINUTE, SECOND
from openalert.storage import clock_steps
from openalert.storage.clock import Ago, Clocks
from openalert.storage.database import Database
from openalert.storage.transaction import Transaction
from tests.cast import World, level

pytestmark = pytest.mark.anyio


class Machine:
    """A machine whose clock somebody sets."""

    def __init__(self, wall: int = 10 * HOUR) -> None:
        self.wall = wall
        self.elapsed = 5 * HOUR

    def passes(self, milliseconds: int) -> None:
        """Time."""
        self.wall += milliseconds
        self.elapsed += milliseconds

    @property
    def clocks(self) -> Clocks:
        """What reads it."""
        return Clocks(lambda: self.wall, lambda: self.elapsed)


@pytest.mark.proves("F-20", "ES-5")
def test_small_steps_add_up() -> None:
    """A thousand steps of a second each are a thousand seconds, heard of in parts of more than two."""
    machine = Machine()
    clocks = machine.clocks
    heard = []
    for _ in range(1_000):
        machine.wall += SECOND
        if step := clocks.step:
            heard.append(step)
            assert clocks.follow(step) == step
    assert min(heard) > 2 * SECOND
    assert 1_000 * SECOND - sum(heard) <= 2 * SECOND


@pytest.mark.proves("F-21", "ES-5")
def test_a_clock_that_was_put_forward_takes_that_back_when_it_is_put_right() -> None:
    """Behind by an hour, put forward, then set in two goes: time never jumps back, and only the surplus is a step."""
    machine = Machine()
    clocks = machine.clocks
    clocks.put_forward(HOUR)
    assert clocks.now() == 11 * HOUR
    machine.passes(MINUTE)
    machine.wall += 20 * MINUTE
    assert clocks.follow(clocks.step) == 0
    assert (clocks.now(), clocks.ahead) == (11 * HOUR + MINUTE, 40 * MINUTE)
    machine.wall += 50 * MINUTE
    assert clocks.follow(clocks.step) == 10 * MINUTE
    assert (clocks.now(), clocks.ahead, clocks.step) == (machine.wall, 0, 0)


@pytest.mark.proves("F-20", "SM-1")
def test_what_was_a_minute_ago_stays_a_minute_ago() -> None:
    """However the clock is set meanwhile, followed or not: nobody is told that nothing was looked at for ten years."""
    machine = Machine()
    clocks = machine.clocks
    moment = Ago(clocks, clocks.now())
    machine.passes(MINUTE)
    for by in (3_650 * DAY, -3_651 * DAY):
        machine.wall += by
        assert clocks.now() - moment.at == MINUTE
        clocks.follow(clocks.step)
        assert clocks.now() - moment.at == MINUTE


@pytest.mark.proves("F-20", "ES-5")
async def test_what_is_pending_moves_before_anybody_writes_by_the_new_time(db: Database) -> None:
    """Both ways, in a burst of writers: each sees that the step was followed; one that fails is followed again."""
    machine = Machine(db.clock())
    db.clocks = machine.clocks
    steps: list[int] = []
    fails = True

    async def moved(tx: Transaction, by: int) -> None:
        nonlocal fails
        await tx.execute("INSERT INTO settings (name, value) VALUES (:name, '1')", name=f"step{len(steps)}")
        if fails:
            fails = False
            raise RuntimeError("not now")
        steps.append(by)

    async def write(name: str) -> tuple[int, int]:
        async with db.transaction() as tx:
            await tx.execute("INSERT INTO settings (name, value) VALUES (:name, '1')", name=name)
            await asyncio.sleep(0)
            return tx.now, len(steps)

    db.when_set(moved)
    await write("before")
    machine.wall -= HOUR
    await write("fails")
    assert steps == []
    writes = [asyncio.create_task(write(f"a{number}")) for number in range(20)]
    await asyncio.gather(*writes)
    assert steps == [-HOUR]
    assert {each.result()[1] for each in writes} == {1}
    writes = []
    for number in range(40):
        writes.append(asyncio.create_task(write(f"b{number}")))
        await asyncio.sleep(0)
        if number == 20:
            machine.wall += 2 * HOUR
    for now, followed in await asyncio.gather(*writes):
        assert followed == (2 if now >= machine.wall else 1)
    assert steps == [-HOUR, 2 * HOUR]


@pytest.mark.parametrize("steps", [(-HOUR, HOUR), (HOUR, -HOUR), (-24 * HOUR, 3_650 * 24 * HOUR)])
@pytest.mark.proves("F-20", "ES-5")
async def test_a_clock_that_goes_there_and_back_moves_nothing(world: World, steps: tuple[int, ...]) -> None:
    """Set twice, with writes in between: the second level is still paged five minutes after the first."""
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=5))
    await world.fires("DiskFull")
    world.mailbox(world.alice).got("DiskFull")
    for step in steps:
        await world.advance(minutes=1)
        await world.fires("Other")
        world.clock.advance(step)
        async with world.db.transaction() as tx:
            await clock_steps.shift(tx, step)
    world.mailbox(world.alice).got("Other")
    await world.advance(minutes=2, seconds=59)
    world.is_quiet_for(world.bob)
    await world.advance(seconds=1)
    world.mailbox(world.bob).got("DiskFull")


@pytest.mark.proves("F-20", "ES-5")
async def test_all_that_waits_moves_with_a_clock_that_is_set(
    sqlite_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever part of the storage knows how to move what waits in it is asked to, also the next one that learns it."""
    moved: dict[str, int] = {}

    def noting(name: str) -> Any:
        async def note(_: Transaction, by: int) -> None:
            moved[name] = by

        return note

    able = set()
    for found in pkgutil.iter_modules(storage.__path__):
        module = importlib.import_module(f"openalert.storage.{found.name}")
        if found.name != "clock_steps" and hasattr(module, "shift"):
            able.add(found.name)
            monkeypatch.setattr(module, "shift", noting(found.name))
    await sqlite_db.act(partial(clock_steps.shift, by=HOUR))
    assert {"timers", "holds", "notifications"} < able
    assert moved == dict.fromkeys(able, HOUR)
