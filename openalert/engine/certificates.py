"""Looks at certificates before they end, by one node for all.

Those that the configuration names four times a day, each hour where one ends soon; those of addresses that teams have
named once a day, a few at a time.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import structlog

from openalert import telemetry
from openalert.domain.certificate import Certificate, CertificateState
from openalert.domain.instant import HOUR, SECOND, Instant
from openalert.notifiers import certificates as looking
from openalert.notifiers.certificates import Place
from openalert.storage.certificates import Seen
from openalert.storage.database import Database
from openalert.supervisor import Watched
from openalert.usecases import certificates, certificates_elsewhere

log = structlog.get_logger(__name__)

EVERY = 6 * HOUR
SOONER = HOUR
"""While one ends soon, or could not be looked at."""
FIRST_SECONDS = 15.0
"""After the start, when more urgent things are done."""
STEP_SECONDS = 300.0
LONGEST_STEP = 300.0
AT_ONCE = 4
Look = Callable[[Place, Instant], Awaitable[Certificate]]


class Elsewhere(Protocol):
    """Looks at what people have named."""

    async def __call__(self, place: Place, now: Instant) -> Certificate:
        """As it is at this moment; never raises."""

    def close(self) -> None:
        """Nothing more is looked at."""


class Certificates:
    """The looks of this process."""

    def __init__(
        self,
        database: Database,
        places: Sequence[Place],
        leads: Callable[[], bool] = lambda: True,
        look: Look = looking.look,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        """`leads`: whether to look is this node's at this moment; all others learn what it saw.

        `elsewhere`: looks at addresses that teams have named, and is closed at the end; None: they are not looked at.
        """
        self._database, self._places, self._leads, self._look = database, places, leads, look
        self._elsewhere = elsewhere
        self._task: Watched | None = None

    def start(self) -> None:
        """Begin to look; nobody does, where nothing is encrypted."""
        self._task = self._database.supervisor.start("certificates", self._run, most_seconds=LONGEST_STEP)

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            await self._database.supervisor.stop(self._task)
        if self._elsewhere is not None:
            self._elsewhere.close()

    async def _run(self, watched: Watched) -> None:
        await asyncio.sleep(FIRST_SECONDS)
        while True:
            with watched.step():
                try:
                    await self.step()
                except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
                    log.warning("certificates could not be looked at", reason=str(error))
            await asyncio.sleep(STEP_SECONDS)

    async def step(self) -> None:
        """Look where it is time to, and tell the metric what is known."""
        known = await self._database.look(certificates.known)
        if self._leads() and self._is_due(known):
            known = await self._see()
        telemetry.CERTIFICATE.clear()
        for each in known:
            if each.ends_at is not None:
                telemetry.CERTIFICATE.labels(each.use).set(each.ends_at / SECOND)
        if self._leads() and self._elsewhere is not None:
            await self._see_elsewhere(self._elsewhere)

    async def _see_elsewhere(self, look: Look) -> None:
        to_do = await self._database.look(certificates_elsewhere.to_do)
        if not to_do.due and not to_do.gone:
            return
        places = [Place(use="elsewhere", words="", host=host, port=port) for host, port in to_do.due]
        seen = [
            Seen(
                host=place.host,
                port=place.port,
                looked_at=each.looked_at,
                starts_at=each.starts_at,
                ends_at=each.ends_at,
            )
            for place, each in zip(places, await self._all(places, look), strict=True)
        ]
        await self._database.act(lambda tx: certificates_elsewhere.keep(tx, seen, to_do.gone))

    def _is_due(self, known: Sequence[Certificate]) -> bool:
        if [(each.use, each.where) for each in known] != [(each.use, each.where) for each in self._places]:
            return True
        now = self._database.clock()
        is_well = all(each.state(now) is CertificateState.GOOD and not each.problem for each in known)
        return any(not 0 <= now - each.looked_at < (EVERY if is_well else SOONER) for each in known)

    async def _all(self, places: Sequence[Place], look: Look) -> list[Certificate]:
        turns, now = asyncio.Semaphore(AT_ONCE), self._database.clock()

        async def one(place: Place) -> Certificate:
            async with turns:
                return await look(place, now)

        return await asyncio.gather(*(one(each) for each in places))

    async def _see(self) -> list[Certificate]:
        seen = await self._all(self._places, self._look)
        return await self._database.act(lambda tx: certificates.keep(tx, seen))
