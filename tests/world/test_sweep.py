"""kill -9 at the n-th write to the database and at the n-th send, set by strace: the program runs as it is.

An alert is told, rises to the next level, is acknowledged and resolved. Somewhere in it the process is killed as it is
about to write, and started again. The sweep goes on with one call later each time until a life ends unharmed.
"""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest

from tests.processes.nursery import Born
from tests.processes.server import until
from tests.processes.strace import WRITES, database_files, injected, is_dead
from tests.world.kept import found_in
from tests.world.ledger import Away
from tests.world.life import LADDER, LONGEST, one_life
from tests.world.providers import Providers
from tests.world.world import World

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

SENDS = "sendto,sendmsg,write,writev"
"""How anything gets to a provider, or an answer to whoever asked."""


class Point(msgspec.Struct, frozen=True):
    """Where the process is killed: as one of its threads enters such a call for the n-th time."""

    calls: str
    n: int

    def __str__(self) -> str:
        """As a part of an alert's title."""
        return f"{'send' if self.calls == SENDS else 'write'}-{self.n}"


@pytest.fixture
async def world(tmp_path: Path, anyio_backend: str) -> AsyncIterator[World]:
    """A world that escalates within a second."""
    async with Providers() as providers, World(tmp_path, providers, ladder=LADDER) as world:
        yield world


async def _is_killed(world: World, point: Point) -> bool:
    """One alert from its beginning to its end, and whether the process came to that point in it."""
    process = world.server.process
    assert process is not None
    paths = database_files(world.server.data) if point.calls == WRITES else None
    with injected(process.pid, f"{point.calls}:signal=KILL:when={point.n}", paths=paths) as tracer:
        reviving = asyncio.create_task(_revive(world, process, tracer))
        try:
            await one_life(world, str(point))
        finally:
            if not is_dead(process):
                reviving.cancel()
            with suppress(asyncio.CancelledError):
                await reviving
    return process.poll() is not None


async def _revive(
    world: World, process: subprocess.Popen[bytes] | Born, tracer: subprocess.Popen[bytes]
) -> None:
    """Start it again as soon as it is dead."""

    async def died() -> bool:
        return is_dead(process)

    await until(died, LONGEST)
    tracer.kill()  # it may wait for ever for a thread that began as the process died
    await asyncio.to_thread(process.wait, 30)
    await world.nemesis.revive()


def _away(world: World) -> list[int]:
    """For how many milliseconds each kill was felt."""
    return [
        fact.until - fact.since
        for fact in world.ledger.facts
        if isinstance(fact, Away) and fact.why == "kill"
    ]


@pytest.mark.proves("IN-1", "ES-1", "ES-2", "NO-2", "DB-1", "F-01", "F-02")
async def test_killed_at_a_write_or_a_send_nothing_is_lost(
    world: World, measured: Callable[..., None]
) -> None:
    """At two writes and a send, far apart; a repeat says that it may be one."""
    points = [Point(WRITES, 20), Point(WRITES, 90), Point(SENDS, 30)]
    killed = [str(point) for point in points if await _is_killed(world, point)]
    assert killed == [str(point) for point in points]
    assert await found_in(world) == []
    away = _away(world)
    measured(lost=0, away_ms=max(away))


@pytest.mark.campaign
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("calls", [WRITES, SENDS], ids=["writes", "sends"])
@pytest.mark.parametrize("first", range(1, 9))
@pytest.mark.proves("IN-1", "ES-1", "ES-2", "NO-2", "DB-1", "F-01", "F-02")
async def test_killed_at_every_write_and_send_nothing_is_lost(
    calls: str, first: int, world: World, measured: Callable[..., None]
) -> None:
    """Each eighth call from `first` on, until a life comes to its end without being killed."""
    n = first
    while await _is_killed(world, Point(calls, n)):
        n += 8
    assert n > first
    assert await found_in(world) == []
    away = _away(world)
    measured(kills=len(away), calls=n, lost=0, away_ms=max(away))
