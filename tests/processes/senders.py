"""Alerts that come in while something is broken, and what became of each."""

import asyncio
import re
import time
from itertools import count

import httpx2

from tests.fakes.smtp import FakeSmtp
from tests.processes.server import House, until


class Senders:
    """Post alerts one after the other, each once, until told to end."""

    def __init__(self, house: House, name: str, interval: float = 0.1) -> None:
        self._house, self._name, self._interval = house, name, interval
        self.answers: dict[str, int] = {}
        """Title to status; 0: no answer."""
        self.at: dict[str, float] = {}
        """Title to when it was answered."""
        self.began: dict[str, float] = {}
        """Title to when it was sent."""
        self.longest = 0.0
        """Seconds that an answer took at most."""
        self._numbers = count(1)
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Senders":
        """Begin."""
        self._task = asyncio.create_task(self._send())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Send no more; what is under way is waited for."""
        task, self._task = self._task, None
        assert task is not None
        await task

    async def _send(self) -> None:
        posting: set[asyncio.Task[None]] = set()
        while self._task is not None:
            task = asyncio.create_task(self._post(f"{self._name}-{next(self._numbers)}"))
            posting.add(task)
            task.add_done_callback(posting.discard)
            await asyncio.sleep(self._interval)
        await asyncio.gather(*posting)

    async def _post(self, title: str) -> None:
        began = self.began[title] = time.monotonic()
        try:
            status = (await self._house.post(title)).status_code
        except httpx2.TransportError:
            status = 0
        self.answers[title], self.at[title] = status, time.monotonic()
        self.longest = max(self.longest, self.at[title] - began)

    async def were_refused(self) -> bool:
        """Whether ten were."""
        return list(self.answers.values()).count(503) >= 10

    @property
    def taken(self) -> set[str]:
        """Those that were answered 202."""
        return {title for title, status in self.answers.items() if status == 202}

    def back_after(self, moment: float) -> float | None:
        """Seconds from that moment to the first answer after it that says 202."""
        after = [self.at[title] for title in self.taken if self.at[title] > moment]
        return min(after) - moment if after else None

    async def back(self, moment: float) -> float:
        """Wait for an answer after that moment that says 202; the seconds from it to that answer."""

        async def so() -> float | None:
            return self.back_after(moment)

        found = await until(so)
        assert found is not None
        return found


async def all_paged(smtp: FakeSmtp, titles: set[str]) -> None:
    """Wait until each of these has been told."""

    def told() -> set[str]:
        text = "\n".join(mail.content.decode("utf-8", "replace") for mail in smtp.mails)
        return set(re.findall(r"\b\w+-\d+\b", text))

    async def so() -> bool:
        return titles <= told()

    await until(so)
