"""kill -9 at the n-th write, flush, link or unlink of a running backup, set by strace, while alerts come in.

After each kill, before anything else is started: every file that looks like a backup is one, as many as before are
there, and a restore takes nothing that is half made. After the start that follows: nothing half made is left, the next
backup succeeds, and the oracle finds every alert.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest

from openalert.storage import wall_clock
from tests.processes.nightly import Nightly, is_whole, titles
from tests.processes.server import until
from tests.processes.strace import injected, is_dead
from tests.world.ledger import Away, Taken
from tests.world.life import LADDER
from tests.world.oracle import judge
from tests.world.providers import Providers
from tests.world.world import World

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.proves("DB-4", "IN-1", "F-01", "F-41")]

KEPT = 2


class Point(msgspec.Struct, frozen=True):
    """As a thread enters this call on one of the backup's files for the n-th time."""

    call: str
    n: int

    def title(self, when: str) -> str:
        """Of an alert that comes before it, or during it."""
        return f"{when}{self.call}-{self.n}"


class Sweep:
    """A world whose server is killed in its backups."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.nightly = Nightly(world.server)
        self.kills = 0

    async def next_one(self) -> None:
        """One more backup, which nothing disturbs; nothing but whole ones lies there then."""
        before = self.nightly.job().done_at or 0
        await self.nightly.be_due()

        async def is_made() -> bool:
            return (self.nightly.job().done_at or 0) > before

        await until(is_made)
        assert self.nightly.leftovers == []
        assert len(self.nightly.files) <= KEPT

    async def calls(self, call: str) -> int:
        """How often a backup that nothing disturbs makes this call on its files."""
        record, process = self.world.folder / "strace", self.world.server.process
        assert process is not None
        never = f"{call}:signal=CONT:when=65535"
        with injected(process.pid, never, paths=self.nightly.paths_ahead(wall_clock()), record=record):
            await self.next_one()
        return record.read_text().count(f"{call}(")

    async def is_killed(self, point: Point) -> bool:
        """Whether a backup comes to that point; if so, nothing of it may be believed, missing or left."""
        process = self.world.server.process
        assert process is not None
        before, told, meanwhile = self.nightly.files, point.title("before"), point.title("during")
        self.world.generator.tell(told, starts=self.world.generator.begin(told))
        await self.world.generator.settle()
        done_at = self.nightly.job().done_at
        rule = f"{point.call}:signal=KILL:when={point.n}"
        with injected(process.pid, rule, paths=self.nightly.paths_ahead(wall_clock())) as tracer:
            await self.nightly.be_due()
            self.world.generator.tell(meanwhile, starts=self.world.generator.begin(meanwhile))

            async def is_over() -> bool:
                return is_dead(process) or self.nightly.job().done_at != done_at

            await until(is_over)
            if is_dead(process):
                tracer.kill()
        if not is_dead(process):
            return False
        await asyncio.to_thread(process.wait, 30)
        # Each aside: the providers of this world live in this process, and may not be held up.
        await asyncio.to_thread(self._believes_no_half, before, told)
        await self.world.nemesis.revive()
        self.kills += 1
        await until(self._is_clear)
        await asyncio.to_thread(self._lists_what_is_whole)
        for title in (told, meanwhile):
            await self._ends(title)
        return True

    async def _ends(self, title: str) -> None:
        """It rises as if nothing had been, and is resolved."""

        async def has_risen() -> bool:
            taken = (fact for fact in self.world.ledger.facts if isinstance(fact, Taken))
            return any(title in fact.about[:1] and fact.who == "Hook-2" for fact in taken)

        await until(has_risen)
        self.world.generator.act(title, "resolve")
        await self.world.generator.settle()

    def _believes_no_half(self, before: list[Path], told: str) -> None:
        """Nobody has cleared anything yet."""
        named = self.nightly.files
        assert len(named) >= min(len(before), KEPT), "an old one went before the new one had its name"
        new = [path for path in named if path not in before]
        for path in named:
            found = titles(path)
            assert path not in new or told in found, path
        for path in self.nightly.leftovers:
            if path.name.endswith("-journal"):
                continue
            beside = self.world.folder / "beside"
            shutil.copytree(
                self.nightly.folder, beside
            )  # SQLite takes a journal that belongs to it into account
            half = beside / path.name
            assert not is_whole(half) or told in titles(half), path
            shutil.rmtree(beside)

    async def _is_clear(self) -> bool:
        return self.nightly.leftovers == []

    def _lists_what_is_whole(self) -> None:
        listed = self.world.server.run("backup", "--list")
        said = [line.split("\t")[-1] for line in listed.stdout.splitlines() if "\t" in line]
        assert said == [str(path) for path in reversed(self.nightly.files)], listed.stdout + listed.stderr
        assert listed.returncode == 0, "one kill is no failure: it is made up for an hour later"


@pytest.fixture
async def sweep(tmp_path: Path, anyio_backend: str) -> AsyncIterator[Sweep]:
    """As many backups are there as are kept, so that each further one removes another."""
    async with Providers() as providers:
        world = World(tmp_path, providers, ladder=LADDER)
        world.server.environment["OPENALERT_BACKUP_KEEP"] = str(KEPT)
        sweep = Sweep(world)
        async with world:
            for _ in range(KEPT):
                await sweep.next_one()
            yield sweep


async def _found(sweep: Sweep) -> list[str]:
    return [str(each) for each in judge(await sweep.world.rest())]


async def test_killed_in_a_backup_nothing_half_looks_like_one(
    sweep: Sweep, measured: Callable[..., None]
) -> None:
    """Amid its pages, as it gets its name, and as the oldest goes: then the next one is made."""
    points = [Point("pwrite64", 200), Point("link", 1), Point("unlink", 6)]
    for point in points:
        assert await sweep.is_killed(point), point
        await sweep.next_one()
    assert await _found(sweep) == []
    measured(kills=sweep.kills, lost=0, half=0)


@pytest.mark.campaign
@pytest.mark.timeout(7200)
@pytest.mark.parametrize(
    ("call", "first", "stride"),
    [("pwrite64", first, 8) for first in range(1, 9)]
    + [(call, 1, 1) for call in ("fsync", "link", "unlink")],
)
async def test_killed_at_every_call_of_a_backup_nothing_half_looks_like_one(
    call: str, first: int, stride: int, sweep: Sweep, measured: Callable[..., None]
) -> None:
    """Each eighth write from `first` on, and every other call: as many as there are in one that comes to its end."""
    calls = await sweep.calls(call)
    for n in range(first, calls + 1, stride):
        assert await sweep.is_killed(Point(call, n)), n
        await sweep.next_one()
    assert sweep.kills > 0
    assert await _found(sweep) == []
    away = [fact.until - fact.since for fact in sweep.world.ledger.facts if isinstance(fact, Away)]
    measured(kills=sweep.kills, calls=calls, lost=0, half=0, away_ms=max(away))
