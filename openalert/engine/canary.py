"""Sends canaries and follows each: in by HTTP, event, incident, timer, claimed page, null channel, resolved."""

import asyncio
from typing import Protocol

import structlog

from openalert import telemetry
from openalert.domain.canary import BUDGET, CanaryRun, Hop
from openalert.domain.errors import OpenAlertError
from openalert.domain.ids import new_id
from openalert.domain.instant import SECOND, Instant
from openalert.engine.node import Node
from openalert.notifiers.own_door import Refused
from openalert.storage import canary as stored
from openalert.storage.clock import Ago
from openalert.storage.database import Database
from openalert.usecases import canary

log = structlog.get_logger(__name__)

LOOK_SECONDS = 0.1
"""Between two looks at how far it has come."""


class Door(Protocol):
    """Where alerts come in."""

    async def post(self, key: str, alert: dict[str, str]) -> str:
        """Send one alert; the incident that it concerns, or `Refused`."""
        ...


class Canary:
    """The canaries of this process, one after the other."""

    def __init__(self, database: Database, door: Door, node: Node, key: str) -> None:
        """`key`: of the integration that they come in by."""
        self._database, self._door, self._node, self._key = database, door, node, key
        self.last: CanaryRun | None = None
        """The one that ended last, also where the database could not keep it."""
        self._green: Ago | None = None

    @property
    def green_at(self) -> Instant | None:
        """When one last came through, by the clock as it stands now."""
        return None if self._green is None else self._green.at

    async def fly(self) -> CanaryRun:
        """Send one and follow it to its end, or to the end of its time; how it went."""
        now = self._database.clock()
        run = CanaryRun(id=new_id(now), run_id=self._node.run_id, started_at=now)
        incident_id = ""
        try:
            async with asyncio.timeout(BUDGET / SECOND):
                await canary.settle(self._database, self._key)
                incident_id = await self._send(run, "firing")
                run.reached(Hop.ACCEPTED, self._database.clock())
                await self._follow(run, incident_id)
        except TimeoutError:
            run.failed()
        except Refused as refused:
            run.failed(str(refused))
        except OpenAlertError as error:
            run.failed(f"The database: {error.message}")
        self._note(run)
        try:
            await self._database.act(lambda tx: canary.finish(tx, run, incident_id or None))
        except OpenAlertError as error:
            log.warning("canary not kept", error=error.message)
        return run

    async def _send(self, run: CanaryRun, status: str) -> str:
        return await self._door.post(
            self._key,
            {
                "title": "Canary",
                "status": status,
                "severity": "critical",
                "dedup_key": run.id,
                "description": "OpenAlert sends this to itself to see that an alert arriving now would page.",
            },
        )

    async def _follow(self, run: CanaryRun, incident_id: str) -> None:
        is_over = False
        while not run.is_green:
            found = await self._database.look(lambda reader: stored.seen(reader, incident_id))
            if found is not None:
                for hop, at in (
                    (Hop.OPENED, found.triggered_at),
                    (Hop.PAGED, found.paged_at),
                    (Hop.CLAIMED, found.claimed_at),
                    (Hop.SENT, found.sent_at),
                ):
                    if at is not None:
                        run.reached(hop, at)
                if run.sent_ms is not None and not is_over:
                    await self._send(run, "resolved")
                    is_over = True
                    continue
                # What it still has to say leaves before it is removed.
                if is_over and found.resolved_at is not None and not found.waiting:
                    run.reached(Hop.RESOLVED, found.resolved_at)
                    return
            await asyncio.sleep(LOOK_SECONDS)

    def _note(self, run: CanaryRun) -> None:
        self.last = run
        if run.is_green:
            self._green = Ago(self._database.clocks, run.started_at)
            telemetry.CANARY_SECONDS.observe((run.resolved_ms or 0) / SECOND)
        else:
            log.error("canary failed", hop=run.failed_at, reason=run.reason)
        telemetry.CANARIES.labels(outcome="green" if run.is_green else run.failed_at).inc()
