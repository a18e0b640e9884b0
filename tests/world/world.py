"""A world: a real server with people, channels and a policy, all who send to it, its providers, and misfortune.

async with Providers() as providers, World(folder, providers) as world:
    world.generator.tell("disk-1", starts=world.generator.begin("disk-1"))
    await world.nemesis.kill()
    case = await world.rest()
    assert judge(case) == []
"""

import asyncio
import shutil
from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import msgspec

from tests.fakes.valkey import Valkey
from tests.processes.clock import Clock
from tests.processes.conftest import mailing
from tests.processes.postgres_cluster import Cluster
from tests.processes.server import House, Server, settle_in, until
from tests.world import model, observed
from tests.world.crew import NAMES, Crew
from tests.world.generator import Generator
from tests.world.ledger import BUSY, Away, Ledger, Left, Policy, Rung, Trouble
from tests.world.listener import Listener
from tests.world.nemesis import Nemesis
from tests.world.observed import Observed
from tests.world.oracle import Case, pages_of
from tests.world.providers import Providers
from tests.world.shelf import Shelf
from tests.world.turns import Turns, waits

ROOT = Path(__file__).parents[2]
PEOPLE = ("bea", "jun", "kim")
CHANNELS = ("Hook-1", "Hook-2", "Hook-3")
LADDER = (
    Rung(delay=0, people=("bea",), channels=("Hook-1",)),
    Rung(delay=2_000, people=("jun",), channels=("Hook-2",)),
    Rung(delay=2_000, channels=("Hook-3",)),
)
LONGEST_REST = 90.0
LONGEST_START = 600.0
"""Seconds: what else the machine does may leave a server hardly a turn."""
TURN, HELD_UP = 100, 1_000
"""Milliseconds: how often it is looked whether the machine is busy, and by how much a look is late then."""
LONGEST_TOLD = 10.0
"""Seconds in which live events must have come to who listens."""


def without(levels: tuple[Rung, ...], left: Collection[str]) -> tuple[Rung, ...]:
    """What is left of these once those people are gone."""
    rungs = [
        msgspec.structs.replace(rung, people=tuple(who for who in rung.people if who not in left))
        for rung in levels
    ]
    return tuple(rung for rung in rungs if rung.people or rung.channels)


class Settled(msgspec.Struct, kw_only=True):
    """What the set-up of a world made: the same for every world that begins with a copy of its folder."""

    house: dict[str, str]
    token: str
    people: dict[str, str]
    channels: dict[str, str]
    shelf: str = ""
    """The database that it filled, where it was one of Postgres."""


def _growth(sizes: tuple[int, int]) -> int:
    before, after = sizes
    return after - before


class World:
    """One server, or several nodes of one, and all around it."""

    def __init__(
        self,
        folder: Path,
        providers: Providers,
        *,
        template: Path | None = None,
        program: list[str] | None = None,
        clock: bool = False,
        ladder: tuple[Rung, ...] = LADDER,
        cluster: Cluster | None = None,
        nodes: int = 1,
        valkey: Valkey | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """`template`: the folder of a world that was settled; `program`: see `Server`.

        `clock`: the server lives by a clock that `nemesis.step` sets. `cluster`: where it has a database of its own,
        made like that of the template; None: it has a file of SQLite. `nodes`: how many share that database, and this
        `valkey`; `settings` are those of all of them.
        """
        self.folder = folder
        self.providers = providers
        self._template = template
        self._ladder = ladder
        folder.mkdir(parents=True, exist_ok=True)
        if template is not None:
            without = shutil.ignore_patterns("*.reserve")  # it is made anew, as large as this disk allows
            shutil.copytree(template / "data", folder / "data", dirs_exist_ok=True, ignore=without)
        self.shelf = Shelf(cluster) if cluster is not None else None
        settings = dict(settings or {})
        if self.shelf is not None:
            settings |= {"database_url": self.shelf.url}
        if valkey is not None:
            settings |= {"redis_url": valkey.url}
        self.clock = Clock(folder) if clock else None
        self.ledger = Ledger(folder / "ledger.jsonl")
        self.crew = Crew([self._node(number, program, settings) for number in range(nodes)], self.ledger)
        self.server = self.crew.nodes[0]
        self.nemesis = Nemesis(self.crew, self.ledger, providers, self.clock, cluster, valkey)
        self._left: set[str] = set()
        self._before: dict[Server, tuple[int, int]] = {}

    def _node(self, number: int, program: list[str] | None, settings: dict[str, str]) -> Server:
        """The first one, or a further one with a folder of its own."""
        name = NAMES[number]
        folder = self.folder if number == 0 else self.folder / name
        folder.mkdir(exist_ok=True)
        node = mailing(folder, self.providers.mails, server_node_name=name, **settings)  # type: ignore[arg-type]
        node.environment["PYTHONPATH"] = str(ROOT)
        node.program = program or node.program
        node.patience = LONGEST_START
        if self.clock is not None:
            node.environment |= self.clock.environment
        return node

    async def __aenter__(self) -> Self:
        """The server runs and is settled."""
        self.providers.serve(self.ledger)
        if self._template is None:
            if self.shelf is not None:
                await asyncio.to_thread(self.shelf.fill)
            self.settled = await self._settle_in()
            (self.folder / "settled.json").write_bytes(msgspec.json.encode(self.settled))
        else:
            self.settled = msgspec.json.decode((self._template / "settled.json").read_bytes(), type=Settled)
            if self.shelf is not None:
                await asyncio.to_thread(self.shelf.fill, self.settled.shelf)
            for node in self.crew.nodes:
                node.client.headers["Authorization"] = f"Bearer {self.settled.token}"
            await self.crew.start()
        self.house = House(server=self.server, **self.settled.house)
        self.generator = Generator(self.house, self.ledger, self.crew)
        self.listener = Listener(self.crew, self.settled.token)
        await self.follow(self._ladder)
        self.listener.begin()
        self._watching = [asyncio.create_task(self._watch(node)) for node in self.crew.nodes]
        self._before = {node: observed.of_process(node.pid) for node in self.crew.nodes}
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing of it runs any more."""
        for task in self._watching:
            task.cancel()
        await self.generator.close()
        await self.listener.close()
        await self.crew.close()
        self.ledger.close()
        if self.shelf is not None and self._template is not None:
            await asyncio.to_thread(self.shelf.drop)

    async def _settle_in(self) -> Settled:
        house = await settle_in(self.server)
        kim = await self.server.call("POST", "/users", {"email": "kim@example.org", "name": "Kim"})
        channels = {}
        for name in CHANNELS:
            url = f"http://127.0.0.1:{self.providers.hooks.port}/{name}"
            made = await self.server.call(
                "POST",
                "/channels",
                {"type": "webhook", "name": name, "teamId": house.team_id, "config": {"url": url}},
            )
            channels[name] = made["id"]
        kept = {name: value for name, value in msgspec.structs.asdict(house).items() if name != "server"}
        return Settled(
            house=kept,
            token=str(self.server.client.headers["Authorization"]).removeprefix("Bearer "),
            people={"bea": house.bea_id, "jun": house.jun_id, "kim": kim["id"]},
            channels=channels,
            shelf=self.shelf.name if self.shelf is not None else "",
        )

    async def follow(self, levels: tuple[Rung, ...], *, repeats: int = 0, repeat_delay: int = 0) -> None:
        """Incidents that begin from now on escalate like this, without those who were deleted: nobody can name them."""
        levels = without(levels, self._left)
        since = self.ledger.now
        await self._patiently(
            "PATCH",
            f"/escalation-policies/{self.house.policy_id}",
            {
                "repeatCount": repeats,
                "repeatDelayMinutes": repeat_delay / 60_000,
                "levels": [self._level(rung) for rung in levels],
            },
        )
        now = self.ledger.now
        self.ledger.note(
            Policy(since=since, until=now, levels=levels, repeats=repeats, repeat_delay=repeat_delay)
        )

    def _level(self, rung: Rung) -> dict[str, Any]:
        people = [{"type": "user", "id": self.settled.people[who]} for who in rung.people]
        channels = [{"type": "channel", "id": self.settled.channels[name]} for name in rung.channels]
        return {"delayMinutes": rung.delay / 60_000, "targets": people + channels}

    async def dismiss(self, who: str) -> None:
        """Somebody is deleted."""
        if who not in self._left:
            self._left.add(who)
            since = self.ledger.now
            await self._patiently("DELETE", f"/users/{self.settled.people[who]}")
            self.ledger.note(Left(since=since, until=self.ledger.now, who=who))

    async def _patiently(self, method: str, path: str, body: Any = None) -> None:
        """As often as it takes, because the server may be without room or away."""

        async def done() -> bool:
            answer = await self.crew.next_one().client.request(method, f"/api/v1{path}", json=body)
            assert answer.status_code in (200, 204, 404, 503), answer.text
            return answer.status_code != 503

        await until(done)

    async def _watch(self, node: Server) -> None:
        """Where this process is not given its turn, or the node's is not: nobody is late who could not run."""
        turns = Turns()
        while True:
            before = self.ledger.now
            await asyncio.sleep(TURN / 1000)
            now = self.ledger.now
            process = node.process
            since = turns.held_up_since(now, waits(process.pid) if process is not None else {})
            if now - before > TURN + HELD_UP:
                since = before
            if since is not None:
                self.ledger.note(Away(since=max(0, since), until=now, why=BUSY))

    async def calm(self) -> None:
        """So long after the last trouble that nothing of it is left."""
        faults = [
            fact
            for fact in self.ledger.facts
            if isinstance(fact, Away | Trouble) and getattr(fact, "why", "") != BUSY
        ]
        ended = max((fact.until for fact in faults), default=0)
        await asyncio.sleep(max(0, ended + model.STEP_LATE + 100 - self.ledger.now) / 1000)

    async def rest(self, seconds: float = LONGEST_REST) -> Case:
        """Faults are over, everything is answered, every page that is owed has come or is overdue, nothing is on its
        way, or so many seconds have passed: what is then to be seen.
        """
        await self.nemesis.relent()
        await self.generator.settle()
        with suppress(AssertionError):
            await until(self._is_at_rest, seconds)
            await until(self._has_told, LONGEST_TOLD)
        return await self.look()

    async def _has_told(self) -> bool:
        """Whether who listens knows all of it."""
        stored = (await observed.of_database(self.where)).incidents
        return all(self.listener.statuses.get(each.id) == each.status for each in stored)

    async def _is_at_rest(self) -> bool:
        now = self.ledger.now
        case = Case(
            self.ledger.facts, Observed(alerts=[], incidents=[], messages=[], kept=[], damage=[]), now
        )
        pages = pages_of(case)
        for occurrence, candidates in model.owed(self.ledger.facts, model.NEVER):
            for page in (page for some in candidates for page in some):
                got = pages.get((occurrence.about, page.way, page.who), ())
                if page.is_sure and page.latest > now and not any(each.at >= page.earliest for each in got):
                    return False
        seen = await observed.of_database(self.where)
        if any(each.climbs for each in seen.incidents):
            return False  # a round that may be owed, and not for sure; the end of all, minutes later, pages nobody
        return not any(
            message.status == "sending"
            or (message.due_at is not None and message.status in ("pending", "unknown"))
            for message in seen.messages
        )

    @property
    def database(self) -> Path:
        """The file with everything, where there is one."""
        return self.server.data / "openalert.db"

    @property
    def where(self) -> Path | str:
        """Where everything is: that file, or the address of the database."""
        return self.shelf.url if self.shelf is not None else self.database

    async def look(self) -> Case:
        """What is to be seen at this moment."""
        seen = await observed.of_database(self.where)
        if self.shelf is not None:
            seen.damage = await asyncio.to_thread(self.shelf.damage)
        seen.told = dict(self.listener.statuses)
        if not self.crew.is_disturbed:
            told = [observed.of_metrics((await node.client.get("/metrics")).text) for node in self.crew.nodes]
            seen.metrics = dict(sum(map(Counter, told), Counter()))
            grown = [
                tuple(zip(before, observed.of_process(node.pid), strict=True))
                for node, before in self._before.items()
            ]
            seen.files, seen.memory = (max(each, key=_growth) for each in zip(*grown, strict=True))
        proven = await asyncio.to_thread(self.server.run, "verify")
        seen.chain = "" if proven.returncode == 0 else proven.stdout + proven.stderr
        seen.log = self.crew.log
        return Case(self.ledger.facts, seen, self.ledger.now)
