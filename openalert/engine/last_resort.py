"""Word to the last resort when an incident reached nobody, or when this server has not been able to page for a while.

What it needs is in memory: the ways come from the configuration, and that the database is gone is one of its reasons.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

import structlog

from openalert.domain.instant import SECOND, Instant
from openalert.domain.last_resort import Call, CallState, Hop, Matter, Pace
from openalert.domain.self_watch import Standing, TroubleKind
from openalert.notifiers.last_resort import LastResort
from openalert.storage.database import Database
from openalert.supervisor import Watched
from openalert.usecases import last_resort

log = structlog.get_logger(__name__)

EVERY = 10.0
"""Seconds between looks."""
LONGEST_LOOK = 5.0
"""Seconds that the database has to answer, and to note what was told."""
LONGEST_STEP = 400.0
"""Seconds: longer than a command may take."""
MENDED = frozenset({TroubleKind.INVARIANTS, TroubleKind.UNDELIVERABLE})
"""What was repaired when it was found, and what incidents say by themselves."""


class Watch(Protocol):
    """What the server knows of its own health."""

    standing: Standing | None


class LastCalls:
    """Looks whether there is reason for the last resort, and tells it."""

    def __init__(
        self,
        database: Database,
        resort: LastResort,
        watch: Watch,
        *,
        after: float,
        leads: Callable[[], bool] = lambda: True,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        """`after`: seconds of trouble before it is said. `leads`: one node alone tells of incidents."""
        self._database, self._resort, self._watch = database, resort, watch
        self._after, self._leads, self._elapsed = round(after * SECOND), leads, elapsed
        self._pace = Pace()
        self._since: dict[TroubleKind, Instant] = {}
        self._incidents: list[Matter] = []
        self._noted: set[tuple[str, bool]] = set()
        self._knows_before = False
        self._task: Watched | None = None

    def start(self) -> None:
        """Begin to look."""
        self._task = self._database.supervisor.start("last resort", self._loop, most_seconds=LONGEST_STEP)

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            await self._database.supervisor.stop(self._task)
        await self._resort.close()

    async def _loop(self, watched: Watched) -> None:
        every = min(EVERY, self._after / SECOND)
        while True:
            await asyncio.sleep(every)
            with watched.step():
                await self.look()

    async def look(self) -> list[Hop]:
        """Judge what is known now; the ways by which it was told, if anything was to be."""
        at = round(self._elapsed() * SECOND)
        await self._read_incidents(at)
        call = self._pace.call([*self._troubles(at), *self._incidents], at)
        return [] if call is None else await self._tell(call, at)

    def _troubles(self, at: Instant) -> list[Matter]:
        """What of the server's own trouble has lasted for long enough."""
        standing = self._watch.standing
        found = [each for each in standing.troubles if each.kind not in MENDED] if standing else []
        self._since = {each.kind: self._since.get(each.kind, at) for each in found}
        return [
            Matter(key=each.kind.value, words=f"An alert arriving now might page nobody. {each.words}")
            for each in found
            if at - self._since[each.kind] >= self._after
        ]

    async def _read_incidents(self, at: Instant) -> None:
        """While the database cannot be asked, what it said last holds."""
        if not self._leads():
            self._incidents = []
            return
        try:
            async with asyncio.timeout(LONGEST_LOOK):
                found = await self._database.look(last_resort.unreached)
                keys = {each.id: f"{each.id} {each.episode}" for each in found}
                if not self._knows_before:
                    before = await self._database.look(lambda reader: last_resort.told_lately(reader, found))
                    self._pace.assume((keys[each] for each in before), at)
                    self._knows_before = True
                self._incidents = [Matter(key=keys[each.id], words="", incident=each) for each in found]
        except Exception as error:  # noqa: BLE001 - whatever it is, the word must go out without it
            log.warning("the database cannot say whom nobody could be told of", problem=type(error).__name__)

    async def _tell(self, call: Call, at: Instant) -> list[Hop]:
        hops = await self._resort.tell(call, self._database.clock())
        self._pace.tried(call, hops, at)
        # Titles stay out of the log: they are of strangers.
        (log.warning if call.state is CallState.OVER else log.critical)(
            "last resort",
            state=call.state.value,
            reasons=[each.words for each in call.matters if each.words],
            incidents=[each.number for each in call.incidents],
            ways=[each.way for each in hops],
            failed={each.way: each.problem for each in hops if each.problem},
        )
        await self._note(call, hops)
        return hops

    async def _note(self, call: Call, hops: list[Hop]) -> None:
        """Once that it was tried and once that it went out: a way that fails each minute fills no timeline."""
        went_out = not hops or any(not each.problem for each in hops)
        fresh = [each for each in call.matters if each.incident and (each.key, went_out) not in self._noted]
        some = [each.incident for each in fresh if each.incident is not None]
        if not some:
            return
        try:
            async with asyncio.timeout(LONGEST_LOOK):
                await self._database.act(lambda tx: last_resort.note(tx, some, hops))
            self._noted |= {(each.key, went_out) for each in fresh}
        except Exception as error:  # noqa: BLE001 - it was told; that matters, and the log has it
            log.warning("what the last resort was told could not be noted", problem=type(error).__name__)
