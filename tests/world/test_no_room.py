"""A disk without room exactly at the n-th write to the database, set by strace: once, or from then on for a while.

The same life as in `test_sweep`, without a kill: what is refused is asked again, and the process that met the fault has
to go on by itself. The sweep goes on with one write later each time until a life ends without meeting it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.processes.server import until
from tests.processes.strace import database_files, injected
from tests.world.kept import found_in
from tests.world.life import LADDER, one_life
from tests.world.providers import Providers
from tests.world.world import World

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

GROWING = "pwrite64,write,ftruncate,fallocate"
"""How SQLite, and our reserve, ask for room."""
A_WHILE = 1.5
"""Seconds without room."""


OFTEN = "import openalert.storage.reserve as own\nown.USUAL_PAGES = 20\n"
"""The log is taken into the database every few commits, so that a life of a few seconds meets that as well."""


@pytest.fixture
async def world(tmp_path: Path, anyio_backend: str) -> AsyncIterator[World]:
    """A world that escalates within a second."""
    (tmp_path / "sitecustomize.py").write_text(OFTEN)
    async with Providers() as providers:
        world = World(tmp_path, providers, ladder=LADDER)
        world.server.environment["PYTHONPATH"] += f":{tmp_path}"
        async with world:
            yield world


async def _refusals(world: World, n: int, *, goes_on: bool, files: list[Path] | None = None) -> int:
    """One life with no room at its n-th write, or from then on for a while; how many writes met that.

    `files`: of these alone; None: all of the database.
    """
    record = world.folder / "strace"
    record.write_text("")

    def met() -> int:
        return record.read_text().count("INJECTED")

    files = files or database_files(world.server.data)
    rule = f"{GROWING}:error=ENOSPC:when={n}{'+' if goes_on else ''}"
    living = asyncio.create_task(one_life(world, f"{'since' if goes_on else 'at'}-{n}"))
    try:
        with injected(world.server.pid, rule, paths=files, record=record):

            async def is_over() -> bool:
                return living.done() or (goes_on and met() > 0)

            await until(is_over, 300)
            if not living.done():
                await asyncio.sleep(A_WHILE)
        await living
    finally:
        living.cancel()
    return met()


@pytest.mark.proves("DB-2", "IN-1", "IN-2", "ES-1", "NO-2", "F-08", "F-09")
async def test_no_room_at_a_write_costs_nothing(world: World, measured: Callable[..., None]) -> None:
    """At three writes far apart, from a fourth on for a while, and at a checkpoint: nothing is lost or comes twice."""
    met = [await _refusals(world, n, goes_on=False) for n in (4, 31, 120)]
    lasting = await _refusals(
        world, 20, goes_on=True
    )  # it may be one: from the first on new alerts wait for room
    # The log cannot be taken into the database: that is tried again later, and nobody who writes hears of it.
    held_up = await _refusals(world, 1, goes_on=True, files=[world.database])
    assert min(*met, lasting, held_up) > 0
    assert await found_in(world) == []
    measured(refused=sum(met) + lasting + held_up, lost=0)


@pytest.mark.campaign
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("goes_on", [False, True], ids=["once", "a-while"])
@pytest.mark.parametrize("first", range(1, 9))
@pytest.mark.proves("DB-2", "IN-1", "IN-2", "ES-1", "NO-2", "F-08", "F-09")
async def test_no_room_at_any_write_costs_nothing(
    first: int, goes_on: bool, world: World, measured: Callable[..., None]
) -> None:
    """Each eighth write from `first` on, until a life comes to its end with room for all of it."""
    n, refused = first, 0
    while met := await _refusals(world, n, goes_on=goes_on):
        n, refused = n + 8, refused + met
    assert n > first
    assert await found_in(world) == []
    measured(writes=n, refused=refused, lost=0)
