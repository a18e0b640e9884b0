"""The clock is years ahead for a while: nothing is deleted by it, and nothing that began then lives on for years."""

import pytest

from openalert.domain.errors import RateLimited
from openalert.domain.idempotency import KEPT_FOR
from openalert.domain.instant import DAY, HOUR, MINUTE
from openalert.engine import housekeeping
from openalert.usecases import idempotency, signin, throttle
from openalert.usecases.signin import SESSION_LONGEST
from tests.cast import World, level
from tests.scenarios.test_outages import Machine, machine

__all__ = ["machine"]

pytestmark = pytest.mark.anyio

YEARS = 3_650 * DAY
TABLES = ("payloads", "events", "kept_answers", "sessions", "known_browsers", "throttles", "handoff_notes")


async def counts(world: World) -> dict[str, int]:
    """How many rows of what is deleted one day."""
    return {table: int(await world.value(f"SELECT count(*) FROM {table}")) for table in TABLES}


async def open_session(world: World) -> str:
    """Alice signs in: what is over is cleared away on the way."""
    async with world.db.transaction() as tx:
        return await signin.open_session(tx, world.alice.id, address="192.0.2.1", user_agent="test")


async def has_kept_answer(world: World) -> bool:
    """Whether a request with this Idempotency-Key would be taken for a repeat."""
    async with world.db.transaction() as tx:
        return await idempotency.recall(tx, "key", "request") is not None


async def a_life(world: World, machine: Machine) -> dict[str, int]:
    """Some of everything, and a server that follows the clock; how much there is."""
    await world.policy(level(1, world.alice))
    for number in range(3):
        await world.post_all([(world.group(world.alert(f"Alert {number}")), "A")])
        await world.post_all([(world.group(world.alert(f"Alert {number}", "resolved")), "A")])
    await open_session(world)
    async with world.db.transaction() as tx:
        await idempotency.keep(tx, "key", "request", status=201, headers={}, body="{}")
        await throttle.begin(tx, "password:ana@example.org")
        await tx.execute(
            "INSERT INTO known_browsers (token_hash, user_id, last_used_at) VALUES ('b', :user, :now)",
            user=world.alice.id,
            now=tx.now,
        )
    engine = await machine.starts()
    world.db.when_set(engine.black_box.when_set)
    return await counts(world)


async def leap(world: World, machine: Machine, by: int) -> None:
    """Somebody sets the clock, and the server notices."""
    machine.sets_clock(by)
    await world.engine.black_box.look()


async def restart(world: World, machine: Machine) -> None:
    """The same kernel, a new process."""
    await world.engine.black_box.seen()
    world.clock.advance(MINUTE)
    world.db.clocks.doubt = type(world.db.clocks.doubt)()
    engine = await machine.starts()
    world.db.when_set(engine.black_box.when_set)


@pytest.mark.parametrize("meanwhile", [True, False], ids=["running", "stopped"])
@pytest.mark.proves("F-20", "F-21", "IN-7")
async def test_nothing_is_deleted_by_a_clock_that_leapt(
    world: World, machine: Machine, monkeypatch: pytest.MonkeyPatch, meanwhile: bool
) -> None:
    """Ten years ahead, over restarts, chores done and people signing in: all is there; put right, it goes when it is
    time.
    """
    monkeypatch.setattr("openalert.storage.events.KEPT_AT_LEAST", 0)
    before = await a_life(world, machine)
    if meanwhile:
        await leap(world, machine, YEARS)
    else:
        await world.engine.black_box.seen()
        machine.sets_clock(YEARS)
        await restart(world, machine)
    for _ in range(2):
        await housekeeping.forget(world.db, 30)
        await open_session(world)
        async with world.db.transaction() as tx:
            await throttle.begin(tx, "password:bob@example.org")
        now = await counts(world)
        assert {name: n for name, n in before.items() if now[name] < n} == {}
        assert await has_kept_answer(world)
        await restart(world, machine)
    await leap(world, machine, -YEARS)
    await housekeeping.forget(world.db, 30)
    assert await has_kept_answer(world)
    world.clock.advance(KEPT_FOR)
    await housekeeping.forget(world.db, 30)
    assert not await has_kept_answer(world)
    assert (await counts(world))["kept_answers"] == 0
    assert (await counts(world))["payloads"] == before["payloads"]


@pytest.mark.proves("F-21")
async def test_a_clock_that_stands_for_a_day_is_believed(world: World, machine: Machine) -> None:
    """The machine had been switched off for years: a day after its start the old goes."""
    await a_life(world, machine)
    await world.engine.black_box.seen()
    world.clock.advance(YEARS)
    machine.restarts()
    world.db.clocks._offset = (
        world.clock.now - world.db.clocks.elapsed()
    )  # a new process, which looks for itself
    engine = await machine.starts()
    world.db.when_set(engine.black_box.when_set)
    await housekeeping.forget(world.db, 30)
    assert await has_kept_answer(world)
    world.clock.advance(DAY)
    await housekeeping.forget(world.db, 30)
    assert (await counts(world))["kept_answers"] == (await counts(world))["payloads"] == 0


@pytest.mark.proves("F-20")
async def test_what_began_by_a_clock_ahead_ends_in_its_time_once_it_is_put_right(
    world: World, machine: Machine
) -> None:
    """A session opened in ten years is good for a week, not for ten years; failed tries lock nobody out for years."""
    await a_life(world, machine)
    await leap(world, machine, YEARS)
    token = await open_session(world)
    async with world.db.transaction() as tx:
        for _ in range(throttle.FREE_TRIES + 3):
            try:
                await throttle.begin(tx, "password:cyd@example.org")
            except RateLimited:
                break
    await leap(world, machine, HOUR - YEARS)
    async with world.db.read() as reader:
        session = await signin.find_session(reader, token)
        lasts = await reader.value("SELECT max(expires_at) FROM sessions")
        assert session is not None
        assert lasts <= reader.now + SESSION_LONGEST
    world.clock.advance(throttle.LONGEST_WAIT)
    async with world.db.transaction() as tx:
        await throttle.begin(tx, "password:cyd@example.org")


@pytest.mark.parametrize("by", [-YEARS, -HOUR, HOUR, YEARS])
@pytest.mark.proves("F-20")
async def test_a_session_survives_a_clock_that_lies(world: World, machine: Machine, by: int) -> None:
    """Its time is elapsed time: good meanwhile and afterwards, and over when a week has passed."""
    await a_life(world, machine)
    token = await open_session(world)
    for step in (by, -by):
        await leap(world, machine, step)
        await open_session(world)
        async with world.db.read() as reader:
            assert await signin.find_session(reader, token) is not None
    async with world.db.transaction() as tx:
        await tx.execute("UPDATE sessions SET last_seen_at = :at", at=tx.now + SESSION_LONGEST)
    world.clock.advance(SESSION_LONGEST)
    async with world.db.read() as reader:
        assert await signin.find_session(reader, token) is None
