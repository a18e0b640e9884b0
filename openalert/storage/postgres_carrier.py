"""LISTEN and NOTIFY: Postgres itself tells every node of what another one committed, in the commit that did it.

The telling side is a trigger of the table `events` (migration 0061), so that commands are heard as well.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import structlog

from openalert.domain.event import Event
from openalert.storage.feed import Heard
from openalert.storage.postgres_hosts import PostgresHosts
from openalert.supervisor import Supervisor, Watched

log = structlog.get_logger(__name__)

CHANNEL = "openalert_events"
AGAIN_SECONDS = 1.0
PROBE_SECONDS = 5.0
"""A connection that has gone silent looks like one on which nothing happens: so often it is asked."""


class PostgresCarrier:
    """One connection that listens, made anew whenever it is lost."""

    def __init__(self, hosts: PostgresHosts, is_own: Callable[[int], bool], supervisor: Supervisor) -> None:
        """`is_own`: whether the process of Postgres with this number writes for this node, which knows its own."""
        self._hosts = hosts
        self._is_own = is_own
        self._supervisor = supervisor
        self._task: Watched | None = None
        self._is_up = False

    @property
    def is_up(self) -> bool:
        """Whether the connection stands."""
        return self._is_up

    async def start(self, heard: Heard) -> None:
        """Begin to listen; `heard` is called with nothing for each commit of others."""
        self._task = self._supervisor.start("postgres listener", lambda _: self._run(heard))

    async def stop(self) -> None:
        """Listen no more."""
        if self._task is not None:
            await self._supervisor.stop(self._task)
            self._task = None

    def tell(self, events: Sequence[Event]) -> None:
        """Nothing to do: the trigger has told them with the commit."""

    async def _run(self, heard: Heard) -> None:
        while True:
            try:
                await self._listen(heard)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again, and the log is read meanwhile
                log.info("not listening to postgres", reason=str(error) or type(error).__name__)
            await asyncio.sleep(AGAIN_SECONDS)

    async def _listen(self, heard: Heard) -> None:
        connection: Any = await self._hosts.connect(
            command_timeout=PROBE_SECONDS, server_settings={"application_name": "openalert events"}
        )
        epoch = self._hosts.epoch
        lost = asyncio.Event()

        def notified(_: Any, process: int, *__: Any) -> None:
            if not self._is_own(process):
                heard(())

        try:
            connection.add_termination_listener(lambda _: lost.set())
            await connection.add_listener(CHANNEL, notified)
            self._is_up = True
            heard(())
            while not lost.is_set() and epoch == self._hosts.epoch:
                with suppress(TimeoutError):
                    async with asyncio.timeout(PROBE_SECONDS):
                        await lost.wait()
                        continue
                await connection.execute("SELECT 1")
        finally:
            self._is_up = False
            connection.terminate()
