"""Providers are asked now and then whether they would take a message, so that nobody first learns of it from a page.

No message is sent: a mail server is signed in at, Slack says who the bot is, Twilio shows the account. What they said
is memory of this process, and turns nothing: whoever cannot be reached by one provider is reached by another.
"""

import asyncio
import time
from collections.abc import Mapping
from typing import Protocol

import msgspec
import structlog

from openalert.domain.instant import Instant
from openalert.storage.database import Database
from openalert.supervisor import Watched

log = structlog.get_logger(__name__)

EVERY_SECONDS = 300.0
LONGEST_PROBE = 20.0
"""Seconds that a provider has to answer."""
FIRST_SECONDS = 5.0
"""After the start, when more urgent things are done."""


class Asked(Protocol):
    """A provider that can be asked without a message."""

    async def probe(self) -> str:
        """One sentence; raises whatever says that it would not take one."""
        ...

    async def close(self) -> None:
        """Ends what is open."""
        ...


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider said last."""

    channel: str
    at: Instant
    is_well: bool
    words: str
    """One sentence; of a provider, so as hostile as an alert."""
    took_ms: int
    since: Instant
    """Since when it has said the like of it: well, or not."""


class Probes:
    """The providers of one process."""

    def __init__(self, database: Database, providers: Mapping[str, Asked]) -> None:
        """`providers`: by channel, those that are configured; closed by us."""
        self._database, self._providers = database, providers
        self._task: Watched | None = None
        self.last: dict[str, Probe] = {}
        """By channel; one that was not asked yet is missing."""

    @property
    def channels(self) -> list[str]:
        """Those that are asked."""
        return sorted(self._providers)

    def start(self) -> None:
        """Begin to ask; nobody is, if nothing is configured."""
        if self._providers:
            longest = LONGEST_PROBE * 2
            self._task = self._database.supervisor.start(
                "provider probes", self._keep_asking, most_seconds=longest
            )

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            await self._database.supervisor.stop(self._task)
        for provider in self._providers.values():
            await provider.close()

    async def _keep_asking(self, watched: Watched) -> None:
        await asyncio.sleep(FIRST_SECONDS)
        while True:
            with watched.step():
                await self.ask()
            await asyncio.sleep(EVERY_SECONDS)

    async def ask(self) -> None:
        """All of them at once: one that hangs keeps no other from being asked."""
        await asyncio.gather(*(self._ask(name, each) for name, each in self._providers.items()))

    async def _ask(self, channel: str, provider: Asked) -> None:
        begun = time.monotonic()
        try:
            async with asyncio.timeout(LONGEST_PROBE):
                is_well, words = True, await provider.probe()
        except TimeoutError:
            is_well, words = False, f"It did not answer within {LONGEST_PROBE:.0f} s."
        except Exception as error:  # noqa: BLE001 - whatever it is, the answer is that it would not take a message
            is_well, words = False, str(error) or type(error).__name__
        now, before = self._database.clock(), self.last.get(channel)
        is_new = before is None or before.is_well is not is_well
        if is_new and not is_well:
            log.warning("a provider would not take a message", channel=channel, reason=words)
        self.last[channel] = Probe(
            channel=channel,
            at=now,
            is_well=is_well,
            words=words[:500],
            took_ms=round((time.monotonic() - begun) * 1000),
            since=now if before is None or is_new else before.since,
        )
