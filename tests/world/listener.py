"""Somebody who only listens: knows of every incident what live events said, and nothing else."""

import asyncio
import json
from contextlib import suppress
from typing import Any

import websockets

from tests.processes.server import Server
from tests.world.crew import Crew


class Listener:
    """One WebSocket that comes back whenever it was cut, to the node whose turn it is, and resumes where it was."""

    def __init__(self, crew: Crew, key: str) -> None:
        self._crew = crew
        self._key = key
        self._task: asyncio.Task[None] | None = None
        self.statuses: dict[str, str] = {}
        """By id of the incident."""
        self.last = 0

    def begin(self) -> None:
        """Listen until `close`."""
        self._task = asyncio.create_task(self._listen())

    async def close(self) -> None:
        """Listen no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _listen(self) -> None:
        while True:
            with suppress(OSError, websockets.WebSocketException, TimeoutError):
                await self._once()
            await asyncio.sleep(0.1)

    async def _once(self) -> None:
        server = self._crew.next_one()
        address = server.url.replace("http", "ws") + "/api/v1/ws"
        async with websockets.connect(address, open_timeout=5) as socket:
            await socket.send(json.dumps({"type": "auth", "token": self._key}))
            await socket.recv()
            await socket.send(json.dumps({"type": "resume", "after": self.last}))
            async for frame in socket:
                await self._hear(json.loads(frame), server)

    async def _hear(self, event: dict[str, Any], server: Server) -> None:
        if event["type"] == "resync":
            for incident in await server.items("/incidents"):
                self.statuses[incident["id"]] = incident["status"]
        elif event["type"].startswith("incident.") and "status" in event["data"]:
            self.statuses[event["data"]["id"]] = event["data"]["status"]
        self.last = max(self.last, event.get("seq", 0))
