"""A node is killed with a page in its hands: another one sends it, and where none does the oracle says so."""

import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import asyncpg
import pytest

from tests.processes.postgres_cluster import Cluster, room
from tests.processes.server import until
from tests.world.crew import KEYS, NAMES
from tests.world.ledger import Away, Taken
from tests.world.oracle import judge
from tests.world.providers import Providers
from tests.world.world import World

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.slow,
    pytest.mark.campaign,
    pytest.mark.proves("HA-1", "NO-2", "F-39"),
]
TITLE = "in_hand-1"
SETTINGS = KEYS | {"database_lease_seconds": "4"}
NOBODY_TAKES_OVER = """
from openalert.engine.deliver import Deliver

async def recover(self):
    return 0

Deliver.recover = recover
from openalert.cli import main

main()
"""
_WHO = "SELECT r.node FROM notifications n JOIN runs r ON r.id = n.run_id WHERE n.status = 'sending' LIMIT 1"


@pytest.fixture
async def cluster(anyio_backend: str) -> AsyncIterator[Cluster]:
    """One of its own: a world makes its database there."""
    with room() as folder:
        cluster = Cluster(folder / "postgres")
        cluster.make()
        cluster.start()
        yield cluster


async def _sender(url: str) -> str:
    """The name of the node that has a page in its hands; empty: none has."""
    connection = await asyncpg.connect(url)
    try:
        return str(await connection.fetchval(_WHO) or "")
    finally:
        await connection.close()


async def _killed_in_the_act(
    folder: Path, cluster: Cluster, program: list[str] | None
) -> tuple[World, list[str]]:
    """The receiver holds its answer back until the node that waits for it is dead."""
    async with Providers() as providers:
        async with World(folder / "template", providers, cluster=cluster, settings=SETTINGS) as world:
            await world.server.stop()
        async with World(
            folder / "world",
            providers,
            template=folder / "template",
            cluster=cluster,
            nodes=2,
            settings=SETTINGS,
            program=program,
        ) as world:
            await world.nemesis.behave("hook", "slow")
            providers.hooks.delay = 60
            world.generator.tell(TITLE, starts=world.generator.begin(TITLE))

            async def has_it() -> bool:
                return any(isinstance(fact, Taken) and fact.who == "Hook-1" for fact in world.ledger.facts)

            await until(has_it)
            name = await until(lambda: _sender(str(world.where)))
            await world.crew.kill(NAMES.index(name))
            await world.nemesis.behave("hook", "ok")
            return world, [str(each) for each in judge(await world.rest(40))]


async def test_what_a_dead_node_had_in_its_hands_is_sent_by_another(
    tmp_path: Path, cluster: Cluster, measured: Callable[..., None]
) -> None:
    """Once more, marked, within half a minute."""
    world, found = await _killed_in_the_act(tmp_path, cluster, None)
    assert found == []
    mine = [fact for fact in world.ledger.facts if isinstance(fact, Taken) and fact.who == "Hook-1"]
    pages = [fact for fact in mine if fact.kind == "page"]
    assert [page.is_repeat for page in pages] == [False, True]
    (lost,) = (fact for fact in world.ledger.facts if isinstance(fact, Away) and fact.node)
    measured(lease_seconds=4, sent_again_after_ms=pages[1].at - lost.since, lost=0)


async def test_a_page_that_nobody_takes_over_is_found(tmp_path: Path, cluster: Cluster) -> None:
    """The same, with nodes that leave it where it is."""
    program = [sys.executable, "-c", NOBODY_TAKES_OVER]
    _, found = await _killed_in_the_act(tmp_path, cluster, program)
    assert [each for each in found if each.startswith("D1")], found
