"""How often the loops look for what is due while commit after commit wakes them."""

import asyncio
from collections.abc import Callable

import pytest

from openalert.engine import engine as engines
from openalert.supervisor import Watched
from tests.cast import World

pytestmark = pytest.mark.anyio


async def breaths(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    event: asyncio.Event,
    steps: Callable[[int], int],
    most: int = 8,
) -> list[float]:
    """How long the loop of this event pauses before each step, when each wakes it again; `steps`: what each finds."""
    paused: list[float] = []
    sleep = asyncio.sleep

    async def pause(seconds: float) -> None:
        paused.append(seconds)
        await sleep(0)

    async def step() -> int:
        if len(paused) >= most:
            world.engine._stopping = True
        event.set()
        return steps(len(paused))

    monkeypatch.setattr(engines.asyncio, "sleep", pause)
    monkeypatch.setattr(engines.time, "monotonic", lambda: 0.0)  # nothing of this takes any time
    watched = Watched("test", lambda _: world.engine._alive(), None, may_end=True, cure=False)  # type: ignore[arg-type,return-value]
    try:
        await world.engine._loop(watched, step, event, 1.0)
    finally:
        monkeypatch.undo()
        world.engine._stopping = False
    return paused


async def test_a_storm_in_which_nothing_is_due_is_looked_at_less_often(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Longer and longer, up to a tenth of a second; what is found at last is followed at once."""
    found = await breaths(world, monkeypatch, world.engine._due, lambda number: int(number == 6))
    assert found == [0.02, 0.04, 0.08, 0.1, 0.1, 0.1, 0.02, 0.04]


async def test_a_sender_that_is_free_again_is_not_kept_waiting(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While something is on its way, and for loops that commits do not wake, every pause is short."""
    assert set(await breaths(world, monkeypatch, asyncio.Event(), lambda _: 0)) == {0.02}
    task = asyncio.create_task(asyncio.Event().wait())
    world.engine.deliver._tasks.add(task)  # type: ignore[arg-type]
    try:
        assert set(await breaths(world, monkeypatch, world.engine._to_send, lambda _: 0)) == {0.02}
    finally:
        world.engine.deliver._tasks.discard(task)  # type: ignore[arg-type]
        task.cancel()
