"""The server watches itself: canaries, a look at what is late, and word to a dead-man's switch elsewhere.

Two loops, so that a canary that hangs does not keep the other from saying so. What they know is memory: it holds
while the database is gone.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol

import structlog

from openalert import telemetry
from openalert.domain.instant import SECOND, Instant
from openalert.domain.self_watch import Facts, Standing, Trouble, TroubleKind, Work, troubles
from openalert.domain.switch_proof import SwitchProof, SwitchStanding
from openalert.engine.canary import Canary
from openalert.engine.node import elapsed
from openalert.engine.probes import Probes
from openalert.notifiers.dead_man import DeadMansSwitch, Unheard
from openalert.storage import self_watch as stored
from openalert.storage.clock import Ago
from openalert.storage.database import Database
from openalert.supervisor import Standing as TaskStanding
from openalert.supervisor import Supervisor, Watched
from openalert.usecases import switch_proofs

log = structlog.get_logger(__name__)

FIRST_CANARY_SECONDS = 2.0
"""After the start, when the server listens."""
LONGEST_STEP = 60.0
"""Seconds for a canary, or for a look and the word to the switch."""
PAGING = frozenset({"alive", "audit", "database writer", "deliver", "escalate", "heartbeats", "intake"})
"""The tasks without which no page arrives, or nobody knows."""
LONGEST_LOOK = 5.0
"""Seconds that the database has to say what is late."""


class Audit(Protocol):
    """What the engine's auditor found last."""

    violations: int

    @property
    def audited_at(self) -> Instant | None:
        """When it looked last."""


class SelfWatch:
    """What this process knows of its own health."""

    def __init__(
        self,
        database: Database,
        audit: Audit,
        canary: Canary | None,
        switch: DeadMansSwitch | None,
        *,
        every: float,
        supervisor: Supervisor,
        reserve_in_use: Callable[[], bool] = lambda: False,
        memory_short: Callable[[], bool] = lambda: False,
        probes: Probes | None = None,
        switch_id: str = "",
    ) -> None:
        """`canary` None: none are sent. `switch` None: nobody is told. `every`: seconds between looks.

        `switch_id`: which switch it is, for its proofs (`switch_proof.switch_of`).
        """
        self.probes = probes or Probes(database, {})
        self._database, self._audit, self._every = database, audit, every
        self.canary, self._switch = canary, switch
        self._supervisor, self._reserve_in_use, self._memory_short = supervisor, reserve_in_use, memory_short
        self._since = Ago(database.clocks, database.clock())
        self._tasks: list[Watched] = []
        self.standing: Standing | None = None
        """As of the last look; None: there was none yet."""
        self.told_at: Instant | None = None
        """When the switch last took the good word."""
        self.told_bad_at: Instant | None = None
        self.unheard = ""
        """Why the switch did not take the last word; empty: it did."""
        self._switch_id = switch_id
        self._silence = Silence()

    @property
    def has_switch(self) -> bool:
        """Whether anybody elsewhere is told."""
        return self._switch is not None

    def start(self) -> None:
        """Begin to watch."""
        self._since = Ago(self._database.clocks, self._database.clock())
        telemetry.feed(telemetry.CANARY_AGE, self._canary_age)
        loops: list[tuple[str, Callable[[], Awaitable[object]]]] = [("self watch", self.look)]
        if self.canary is not None:
            loops.append(("canary", self.canary.fly))
        for name, step in loops:
            self._tasks.append(self._begin(name, step))
        self.probes.start()

    def _begin(self, name: str, step: Callable[[], Awaitable[object]]) -> Watched:
        return self._supervisor.start(
            name, lambda watched: self._loop(watched, name, step), most_seconds=LONGEST_STEP
        )

    async def stop(self) -> None:
        """End; a canary on its way is forgotten, and the next start clears it away."""
        await self._supervisor.stop(*self._tasks)
        await self.probes.stop()
        if self._switch is not None:
            await self._switch.close()

    async def _loop(self, watched: Watched, name: str, step: Callable[[], Awaitable[object]]) -> None:
        """Again and again at the interval, counted from beginning to beginning; a standstill is looked at at once."""
        changed = self._database.standstill.changed if name == "self watch" else asyncio.Event()
        await asyncio.sleep(
            FIRST_CANARY_SECONDS if name == "canary" else FIRST_CANARY_SECONDS + self._every / 4
        )
        while True:
            begun = time.monotonic()
            changed.clear()
            with watched.step():
                await step()
            with suppress(TimeoutError):
                async with asyncio.timeout(max(1.0, self._every - (time.monotonic() - begun))):
                    await changed.wait()

    def _canary_age(self) -> float:
        green_at = self.canary.green_at if self.canary else None
        return max(0, self._database.clock() - (green_at or self._since.at)) / SECOND

    async def look(self) -> Standing:
        """Judge what is known now, and tell the switch."""
        facts = await self.facts()
        found = troubles(facts) if self.canary is not None else _without_canary(troubles(facts))
        self.standing = Standing(facts.now, tuple(found))
        telemetry.WOULD_PAGE.set(0 if found else 1)
        for trouble in found:
            log.error(
                "an alert arriving now might page nobody", kind=trouble.kind.value, reason=trouble.words
            )
        await self._tell(self.standing, await self._proof())
        return self.standing

    async def _proof(self) -> SwitchProof | None:
        """The silence on purpose that is under way, if any; while the database is gone, the one that was known."""
        if self._switch is None or not self._switch_id:
            return None
        try:
            async with asyncio.timeout(LONGEST_LOOK):
                known = await self._database.look(
                    lambda reader: switch_proofs.standing(reader, self._switch_id)
                )
        except Exception as error:  # noqa: BLE001 - whatever it is, what was known holds
            log.warning("whether the switch is being proven is not known", problem=type(error).__name__)
        else:
            self._silence.learn(known, self._database.clock())
        return self._silence.now(self._database.clock())

    async def facts(self) -> Facts:
        """Everything that is judged, as it is now."""
        work, words = await self._work()
        return Facts(
            now=self._database.clock(),
            since=self._since.at,
            every=round(self._every * SECOND),
            canary=self.canary.last if self.canary else None,
            green_at=self.canary.green_at if self.canary else None,
            audited_at=self._audit.audited_at,
            violations=self._audit.violations,
            work=work,
            database_words=words,
            standstill=self._database.standstill.cause,
            reserve_in_use=self._reserve_in_use(),
            memory_short=self._memory_short(),
            dead_tasks=self._dead_tasks(),
        )

    def _dead_tasks(self) -> tuple[str, ...]:
        """Those that do not run at this moment and keep dying; one that runs again is judged by the canary."""
        return tuple(
            each.name
            for each in self._supervisor.troubles
            if each.name in PAGING and each.standing is not TaskStanding.RUNNING
        )

    async def _work(self) -> tuple[Work | None, str]:
        try:
            async with asyncio.timeout(LONGEST_LOOK):
                return await self._database.look(stored.work), ""
        except TimeoutError:
            return None, f"It took longer than {LONGEST_LOOK:.0f} s."
        except Exception as error:  # noqa: BLE001 - whatever it is, the answer is that it cannot be asked
            return None, f"{type(error).__name__}."

    async def _tell(self, standing: Standing, proof: SwitchProof | None) -> None:
        """Only a green canary lets the good word out: without canaries nothing is said.

        While the switch is being proven it does not hear the good word; the bad one it does, and then the silence
        has proven nothing and is over.
        """
        if self._switch is None or self.canary is None:
            return
        try:
            if standing.would_page:
                if self.canary.green_at is None or proof is not None:
                    return
                await self._switch.well()
                self.told_at = self._database.clock()
                telemetry.SWITCH_SUCCESS.set(self.told_at / SECOND)
            elif await self._switch.ill("\n".join(trouble.words for trouble in standing.troubles)):
                self.told_bad_at = self._database.clock()
                if proof is not None:
                    await self._spoil(proof)
        except Unheard as error:
            self.unheard = str(error)
            log.warning("the dead-man's switch did not take the word", reason=self.unheard)
        else:
            self.unheard = ""

    async def _spoil(self, proof: SwitchProof) -> None:
        self._silence.over(proof)
        try:
            async with asyncio.timeout(LONGEST_LOOK):
                await self._database.act(lambda tx: switch_proofs.spoil(tx, proof))
        except Exception as error:  # noqa: BLE001 - the word is out, and this process is silent no more
            log.warning("that a silence proved nothing could not be noted", problem=type(error).__name__)


class Silence:
    """The silence on purpose as this process knows it: over at its instant, or when its length has passed since it was
    first seen, so that no clock that is set back makes it longer.
    """

    def __init__(self, elapsed: Callable[[], float] = elapsed) -> None:
        """`elapsed`: seconds on a clock that nobody sets."""
        self._elapsed = elapsed
        self._proof: SwitchProof | None = None
        self._until = 0.0
        self._over: set[str] = set()

    def learn(self, known: SwitchStanding, now: Instant) -> None:
        """What the database says."""
        last = known.last
        telemetry.SWITCH_PROVEN.set((known.proven.ended_at or 0) / SECOND if known.proven else 0)
        if last is None or not last.is_silent(now):
            self._proof = None
        elif self._proof is None or self._proof.id != last.id:
            self._proof, self._until = last, self._elapsed() + (last.until - now) / SECOND

    def over(self, proof: SwitchProof) -> None:
        """This one is no more, whatever the database says."""
        self._over.add(proof.id)

    def now(self, now: Instant) -> SwitchProof | None:
        """The one that is under way."""
        found = self._proof
        if found is None or found.id in self._over or self._elapsed() >= self._until:
            return None
        return found if found.is_silent(now) else None


def _without_canary(found: list[Trouble]) -> list[Trouble]:
    """Canaries that are switched off are not missed."""
    return [trouble for trouble in found if trouble.kind is not TroubleKind.CANARY]
