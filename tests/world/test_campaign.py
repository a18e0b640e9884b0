"""Random lives of a real server: whatever happens in whatever order, the oracle finds nothing broken.

`pytest tests/world/test_campaign.py -m campaign` goes on for OPENALERT_CAMPAIGN_MINUTES on each database, with a fresh
seed for each batch; what fails is made shorter, and printed with its seed. OPENALERT_CAMPAIGN_SEED does one batch
again; `-k sqlite`, `-k postgres` or `-k nodes` says on what.
"""

import asyncio
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded

from tests.fakes.valkey import Valkey
from tests.processes.postgres_cluster import Cluster, room
from tests.world.crew import KEYS
from tests.world.kept import keep
from tests.world.nemesis import SmallDisk
from tests.world.oracle import judge, lateness, p99
from tests.world.programs import (
    MISFORTUNE,
    NEEDS_CLOCK,
    NEEDS_DISK,
    ON_NODES,
    ON_POSTGRES,
    Deed,
    Program,
    live,
    programs,
)
from tests.world.providers import Providers
from tests.world.world import World

pytestmark = [pytest.mark.slow, pytest.mark.timeout(0)]

QUICK = (
    # One life that holds much: an answer lost in a kill, a policy edited under way, a person who left.
    [
        Deed("fire", 0),
        Deed("hook", 2),
        Deed("fire", 1, 300),
        Deed("kill", 0),
        Deed("acknowledge", 0),
        Deed("hook", 0),
        Deed("policy", 1),
        Deed("fire", 2, 50),
        Deed("dismiss", 0),
        Deed("end_first", 3),
        Deed("again", 1),
        Deed("pause", 1),
        Deed("fire", 0, 1_000),
        Deed("mail", 1),
        Deed("fire", 4, 300),
        Deed("end", 0),
        Deed("restart", 0),
        Deed("resolve", 4),
    ],
)
HURT = [
    Deed("fire", 0),
    Deed("hook", 2),
    Deed("fire", 1, 300),
    Deed("postgres", 1),
    Deed("acknowledge", 0),
    Deed("hook", 0),
    Deed("fire", 2, 300),
    Deed("kill", 0),
    Deed("postgres", 3),
    Deed("resolve", 1),
]
"""What only Postgres can have, in short."""
LOST = [
    Deed("fire", 1),
    Deed("fire", 0, 300),
    Deed("lose", 1),
    Deed("acknowledge", 0),
    Deed("fire", 2, 50),
    Deed("valkey", 0),
    Deed("return"),
    Deed("freeze", 1),
    Deed("end", 2),
    Deed("again", 1, 300),
    Deed("resolve", 1),
    Deed("roll"),
    Deed("fire", 3),
]
"""What only several nodes can have, in short: one is killed, one stands still, each is restarted."""
BATCH = 10
LONGEST = 25


class Campaign:
    """Worlds that begin alike, one after the other."""

    def __init__(
        self, folder: Path, cluster: Cluster | None, *, nodes: bool = False, lease: int = 15
    ) -> None:
        """`cluster`: where all of them have their databases; None: each has a file of SQLite.

        `nodes`: two or three of them share each database, and a Valkey; `lease`: theirs, in seconds.
        """
        self.folder = folder
        self.cluster = cluster
        self.valkey = Valkey(folder) if nodes else None
        self.settings = KEYS | {"database_lease_seconds": str(lease)} if nodes else {}
        self.runner = asyncio.Runner()
        self.providers = Providers()
        self.worlds = self.pages = 0
        self.late: list[int] = []

    @property
    def name(self) -> str:
        """By what it is chosen with `-k`."""
        return "nodes" if self.valkey is not None else "postgres" if self.cluster is not None else "sqlite"

    @property
    def misfortune(self) -> tuple[str, ...]:
        """What may happen in it."""
        return {"sqlite": MISFORTUNE, "postgres": ON_POSTGRES, "nodes": ON_NODES}[self.name]

    def begin(self) -> None:
        """Set up what all begin with."""
        self.runner.run(self.providers.__aenter__())
        self.runner.run(self._settle())

    async def _settle(self) -> None:
        if self.valkey is not None:
            await self.valkey.start()
        async with World(
            self.folder / "template", self.providers, cluster=self.cluster, settings=self.settings
        ) as world:
            await world.server.stop()

    def close(self) -> None:
        """Nothing is left."""
        if self.valkey is not None:
            self.valkey.close()
        self.runner.run(self.providers.__aexit__())
        self.runner.close()

    def play(self, program: Program) -> None:
        """One life, and what the oracle says."""
        self.runner.run(self._play(program))

    async def _play(self, program: Program) -> None:
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        deeds = {deed.what for deed in program}
        disk = SmallDisk(folder / "data") if NEEDS_DISK in deeds else None
        if self.valkey is not None and not self.valkey.is_running:
            await self.valkey.start()
        try:
            async with World(
                folder,
                self.providers,
                template=self.folder / "template",
                clock=NEEDS_CLOCK in deeds,  # which a process gets before it begins
                cluster=self.cluster,
                nodes=1 if self.valkey is None else 2 + program[0].which % 2,
                valkey=self.valkey,
                settings=self.settings,
            ) as world:
                try:
                    await live(world, program)
                except Exception as error:
                    keep(world, str(self.worlds), [*_listed(program), repr(error)])
                    raise
                case = await world.rest()
                found = [str(each) for each in judge(case)]
                self.worlds += 1
                self.pages += len(case.taken)
                self.late += [each.by for each in lateness(case) if each.way == "hook"]
                if found:
                    keep(world, str(self.worlds), [*_listed(program), "", *found])
                assert found == []
        finally:
            if disk is not None:
                disk.close()
            shutil.rmtree(folder, ignore_errors=True)


def _listed(program: Program) -> list[str]:
    """As it is put into `QUICK`."""
    return [f"{deed!r}," for deed in program]


def _begun(campaign: Campaign) -> Iterator[Campaign]:
    campaign.begin()
    yield campaign
    campaign.close()


def _on_a_cluster(folder: Path, *, nodes: bool) -> Iterator[Campaign]:
    with room() as place:
        cluster = Cluster(place / "postgres")
        cluster.make()
        cluster.start()
        yield from _begun(Campaign(folder, cluster, nodes=nodes))


@pytest.fixture(scope="module")
def on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campaign]:
    """One set-up for all that live in files."""
    yield from _begun(Campaign(tmp_path_factory.mktemp("campaign"), None))


@pytest.fixture(scope="module")
def on_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campaign]:
    """One set-up for all that live in one Postgres."""
    yield from _on_a_cluster(tmp_path_factory.mktemp("campaign"), nodes=False)


@pytest.fixture(scope="module")
def on_nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campaign]:
    """The same for several nodes, with the lease that they usually have."""
    yield from _on_a_cluster(tmp_path_factory.mktemp("campaign"), nodes=True)


@pytest.fixture(params=["sqlite", "postgres", "nodes"])
def campaign(request: pytest.FixtureRequest) -> Campaign:
    """One after the other."""
    found: Campaign = request.getfixturevalue(f"on_{request.param}")
    return found


def _possible(program: Program) -> Program:
    """Without what this machine cannot do."""
    return [deed for deed in program if deed.what != NEEDS_DISK or os.getuid() == 0]


def _batch(campaign: Campaign, seed: int, examples: int) -> None:
    print(f"seed {seed}")

    @seeded(seed)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=False,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(programs(LONGEST, campaign.misfortune))
    def lives(program: Program) -> None:
        campaign.play(_possible(program))

    try:
        lives()
    except BaseException as error:
        error.add_note(
            f"again: OPENALERT_CAMPAIGN_SEED={seed} pytest -n 0 -s -m campaign "
            f"-k {campaign.name} tests/world/test_campaign.py"
        )
        raise


@pytest.mark.proves(
    "IN-1", "IN-4", "IN-5", "ES-1", "ES-3", "ES-4", "ES-8", "ES-9", "NO-2", "F-03", "F-17", "F-24"
)
@pytest.mark.parametrize("number", range(len(QUICK)))
def test_a_life_with_much_in_it(on_sqlite: Campaign, number: int, measured: Callable[..., None]) -> None:
    """Killed, paused, its providers broken, its policy edited, a person deleted: nothing is lost or doubled."""
    on_sqlite.play(QUICK[number])
    measured(worlds=on_sqlite.worlds, pages=on_sqlite.pages, lost=0, doubled=0)


@pytest.mark.campaign
@pytest.mark.proves("IN-1", "ES-1", "ES-3", "NO-2", "F-03", "F-17", "F-37")
def test_a_life_whose_postgres_is_hurt(on_postgres: Campaign, measured: Callable[..., None]) -> None:
    """Postgres crashes, and cuts every session; the server is killed, an answer lost: nothing is lost or doubled."""
    on_postgres.play(HURT)
    measured(worlds=on_postgres.worlds, pages=on_postgres.pages, lost=0, doubled=0)


@pytest.mark.campaign
@pytest.mark.proves("IN-1", "ES-1", "ES-2", "ES-3", "NO-2", "HA-1", "F-03", "F-24", "F-38", "F-39")
def test_a_life_whose_nodes_are_lost(on_nodes: Campaign, measured: Callable[..., None]) -> None:
    """Of three nodes one is killed, one stands still, all are restarted, Valkey is gone: nothing is lost or doubled;
    what a lost one had in its hands is done within half a minute.
    """
    on_nodes.play(LOST)
    measured(worlds=on_nodes.worlds, pages=on_nodes.pages, lost=0, doubled=0)


@pytest.mark.campaign
@pytest.mark.proves(
    "IN-1", "IN-2", "IN-4", "IN-5", "ES-1", "ES-2", "ES-3", "ES-4", "ES-5", "ES-8", "ES-9", "ES-10", "HA-1", "NO-1",
    "NO-2", "NO-3", "NO-7", "ST-1", "ST-3", "WS-1", "F-03", "F-08", "F-16", "F-17", "F-20", "F-24", "F-34", "F-38",
    "F-39",
)  # fmt: skip
def test_random_lives(campaign: Campaign, measured: Callable[..., None]) -> None:
    """As many as the time allows, each of up to 25 deeds."""
    if os.getuid() != 0:
        print("NO FULL DISKS: mounting a small tmpfs needs root")
    given_seed = os.environ.get("OPENALERT_CAMPAIGN_SEED")
    ends = time.monotonic() + 60 * float(os.environ.get("OPENALERT_CAMPAIGN_MINUTES", "10"))
    _batch(campaign, int(given_seed or secrets.randbits(32)), BATCH)
    while given_seed is None and time.monotonic() < ends:
        _batch(campaign, secrets.randbits(32), BATCH)
    measured(
        worlds=campaign.worlds,
        pages=campaign.pages,
        lost=0,
        doubled=0,
        pages_that_nothing_held_up=len(campaign.late),
        late_p99_ms=p99(campaign.late),
    )
