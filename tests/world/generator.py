"""Senders and people: every request has a number, and is noted before it leaves and when it is answered.

What is about one alert goes out one after the other, each tried again until it is answered, as real senders do. So
the order in which things took effect is known, and only the moment of each lies between two.
"""

import asyncio
from typing import Any

import httpx2

from tests.processes.server import House
from tests.world.crew import Crew
from tests.world.ledger import Answer, Asked, Ledger, Spoilt

FIRST_START = 1_767_600_000
"""When alerts begin, by their sources' clock, in seconds; which clock that is, is their own affair."""
PAUSE = 0.15
LONGER_THAN_A_PAUSE = 60.0
PATIENCE = 240.0
"""Seconds after which a request that is still not answered is given up."""


class Generator:
    """All who send to one server."""

    def __init__(self, house: House, ledger: Ledger, crew: Crew) -> None:
        self.house = house
        self.ledger = ledger
        self._crew = crew
        self.incidents: dict[str, str] = {}
        """By title, the id of its newest incident, as answers named it."""
        # A sender that is given up on while a node stands still would be heard after all, later.
        timeout = 10.0 if len(crew.nodes) == 1 else LONGER_THAN_A_PAUSE
        self._client = httpx2.AsyncClient(headers=dict(house.server.client.headers), timeout=timeout)
        self._numbers = 0
        self._queues: dict[str, asyncio.Lock] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._starts: dict[str, int] = {}

    @property
    def _address(self) -> str:
        """Of the node whose turn it is."""
        return self._crew.next_one().url

    def begin(self, title: str) -> int:
        """A new beginning of this alert, later than those before, by its source's clock."""
        self._starts[title] = self._starts.get(title, FIRST_START) + 60
        return self._starts[title]

    def knows(self, title: str) -> bool:
        """Whether it ever began."""
        return title in self._starts

    def begun(self, title: str) -> int:
        """When it began last."""
        return self._starts[title]

    def tell(self, title: str, status: str = "firing", *, starts: int | None = None, **members: Any) -> None:
        """Its source says so, as soon as everything before about it is answered."""
        body = {"title": title, "dedup_key": title, "status": status, "severity": "critical", **members}
        if starts is not None:
            body["starts_at"] = starts
        self._later(title, self._until_answered(title, status, starts, body))

    def act(self, title: str, verb: str) -> None:
        """Somebody presses that, as soon as everything before about it is answered."""
        self._later(title, self._until_answered(title, verb, None, None))

    def _later(self, title: str, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settle(self) -> None:
        """Everything was answered."""
        while self._tasks:
            await asyncio.gather(*self._tasks)

    async def close(self) -> None:
        """Nothing more is sent."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.aclose()

    async def spoil(self, word: str) -> None:
        """A body that nobody can read."""
        code = None
        try:
            answer = await self._client.post(
                f"{self._address}/webhooks/generic/{self.house.key}",
                content=f'{{"title": "{word}", '.encode(),
            )
            code = answer.status_code
        except httpx2.TransportError:
            pass
        self.ledger.note(Spoilt(at=self.ledger.now, about=word, code=code))

    async def _until_answered(
        self, title: str, what: str, starts: int | None, body: dict[str, Any] | None
    ) -> None:
        async with self._queues.setdefault(title, asyncio.Lock()), asyncio.timeout(PATIENCE):
            if body is None and title not in self.incidents:
                return
            first = self._numbers + 1
            while True:
                self._numbers += 1
                number = self._numbers
                self.ledger.note(
                    Asked(n=number, at=self.ledger.now, about=title, what=what, starts=starts, first=first)
                )
                answer = await self._once(title, what, body)
                if answer is None or answer.status_code >= 500:
                    code = answer.status_code if answer is not None else None
                    self.ledger.note(Answer(n=number, at=self.ledger.now, code=code))
                    await asyncio.sleep(PAUSE)
                    continue
                said = answer.json()
                in_flight = tuple(said.get("inFlight", ()))
                self.ledger.note(
                    Answer(n=number, at=self.ledger.now, code=answer.status_code, in_flight=in_flight)
                )
                for incident in said.get("incidents", ()):
                    self.incidents[title] = incident["id"]
                return

    async def _once(self, title: str, what: str, body: dict[str, Any] | None) -> httpx2.Response | None:
        address = self._address
        try:
            if body is not None:
                return await self._client.post(f"{address}/webhooks/generic/{self.house.key}", json=body)
            return await self._client.post(f"{address}/api/v1/incidents/{self.incidents[title]}/{what}")
        except httpx2.TransportError:
            return None
