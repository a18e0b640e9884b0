"""The server kills itself at each point between an alert and the record of its page, and nothing is broken by it."""

import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.processes.server import until
from tests.world.ledger import Away
from tests.world.oracle import judge, live_reasons
from tests.world.providers import Providers
from tests.world.saboteur import POINTS
from tests.world.world import World

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.fixture(scope="module")
async def providers(anyio_backend: str) -> AsyncIterator[Providers]:
    """One set for all: their ports stand in the template."""
    async with Providers() as providers:
        yield providers


@pytest.fixture(scope="module")
async def template(tmp_path_factory: Any, providers: Providers) -> Path:
    """The folder of a world that was settled and stopped."""
    folder: Path = tmp_path_factory.mktemp("template")
    async with World(folder, providers) as world:
        await world.server.stop()
    return folder


async def _dies_there(folder: Path, providers: Providers, template: Path, point: str) -> World:
    """A world in which the server died there once, and was started again by somebody."""
    program = [sys.executable, "-m", "tests.world.saboteur", f"{point}=kill"]
    async with World(folder, providers, template=template, program=program) as world:
        tell, begin = world.generator.tell, world.generator.begin
        for title in ("first-1", "second-2", "third-3"):
            tell(title, starts=begin(title))

        async def is_dead() -> bool:
            return world.server.process is not None and world.server.process.poll() is not None

        await until(is_dead)
        world.server.program = [sys.executable, "-m", "openalert"]
        await world.nemesis.revive()
        stranded = list(live_reasons(await world.look()))
        assert stranded == []
        await world.generator.settle()
        world.generator.act("second-2", "acknowledge")
        case = await world.rest()
        assert [str(each) for each in judge(case)] == []
    return world


@pytest.mark.proves("IN-1", "NO-2", "ES-1", "F-02")
@pytest.mark.parametrize("point", ["deliver.sent"])
async def test_after_a_send_nothing_is_lost_and_a_repeat_says_so(
    point: str, tmp_path: Path, providers: Providers, template: Path, measured: Callable[..., None]
) -> None:
    """The provider has the page and nobody wrote it down: it comes once more, marked."""
    world = await _dies_there(tmp_path, providers, template, point)
    away = [fact.until - fact.since for fact in world.ledger.facts if isinstance(fact, Away)]
    measured(lost=0, away_ms=max(away))


@pytest.mark.campaign
@pytest.mark.proves("IN-1", "NO-2", "ES-1", "F-01", "F-02")
@pytest.mark.parametrize("point", POINTS)
async def test_at_every_point_nothing_is_lost(
    point: str, tmp_path: Path, providers: Providers, template: Path
) -> None:
    """On both sides of a commit, of a step, of a claim and of a send."""
    await _dies_there(tmp_path, providers, template, point)
