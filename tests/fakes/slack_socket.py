"""Slack's side of Socket Mode: addresses good for one connection, envelopes, acknowledgements, disconnects.

async with FakeSlack() as slack, FakeSlackSocket(slack) as socket:
    await socket.connected()
    answer = await socket.deliver("interactive", payload)
"""

import asyncio
import itertools
from typing import Any, Self

import msgspec
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from tests.fakes.slack import FakeSlack

PATIENCE = 30.0


class FakeSlackSocket:
    """The WebSocket server beside the Web API of a `FakeSlack`."""

    def __init__(self, slack: FakeSlack) -> None:
        self.count = 0
        """How many connections were made."""
        self._tickets = itertools.count(1)
        self._open: set[str] = set()
        self._envelopes = itertools.count(1)
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._sockets: list[ServerConnection] = []
        self._changed = asyncio.Condition()
        self._server: Server | None = None
        self.unexpected: list[str] = []
        slack.connections = self._address

    async def __aenter__(self) -> Self:
        """Listens on a free port."""
        self._server = await serve(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Ends everything, and fails when something came that Slack does not know."""
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()
        assert not self.unexpected, self.unexpected

    async def connected(self, count: int = 1) -> None:
        """Waits until so many connections were made, and the newest was greeted."""
        async with asyncio.timeout(PATIENCE), self._changed:
            await self._changed.wait_for(lambda: self.count >= count)

    async def deliver(
        self, kind: str, payload: dict[str, Any], *, takes_answer: bool = False, envelope_id: str = ""
    ) -> dict[str, Any]:
        """Sends an envelope and waits for its acknowledgement."""
        envelope_id = envelope_id or f"dbdd0ef3-1543-4f94-bfb4-{next(self._envelopes):012d}"
        done = self._waiting[envelope_id] = asyncio.get_running_loop().create_future()
        envelope = {
            "type": kind,
            "envelope_id": envelope_id,
            "payload": payload,
            "accepts_response_payload": takes_answer,
        }
        await self.say(envelope)
        async with asyncio.timeout(PATIENCE):
            answer: dict[str, Any] = await done
        assert set(answer) <= ({"envelope_id", "payload"} if takes_answer else {"envelope_id"}), answer
        return answer

    async def say(self, what: Any) -> None:
        """Sends anything."""
        text = what if isinstance(what, str) else msgspec.json.encode(what).decode()
        await self._sockets[-1].send(text)

    async def close(self) -> None:
        """The connection is closed in good order."""
        await self._sockets[-1].close()

    async def drop(self) -> None:
        """The connection breaks without a word."""
        self._sockets[-1].transport.abort()

    def _address(self) -> str:
        assert self._server is not None
        port = next(iter(self._server.sockets)).getsockname()[1]
        ticket = f"ticket-{next(self._tickets)}"
        self._open.add(ticket)
        return f"ws://127.0.0.1:{port}/link/?ticket={ticket}&app_id=A0EXAMPLE01"

    async def _serve(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        ticket = socket.request.path.partition("ticket=")[2].partition("&")[0]
        if ticket not in self._open:
            self.unexpected.append(f"a connection with the ticket {ticket!r}")
            return
        self._open.discard(ticket)
        self._sockets.append(socket)
        await socket.send('{"type":"hello","num_connections":1,"connection_info":{"app_id":"A0EXAMPLE01"}}')
        async with self._changed:
            self.count += 1
            self._changed.notify_all()
        try:
            async for text in socket:
                answer = msgspec.json.decode(text)
                known = self._waiting.pop(answer.get("envelope_id", ""), None)
                if known is None:
                    self.unexpected.append(f"an acknowledgement of nothing: {text!r}")
                else:
                    known.set_result(answer)
        except ConnectionClosed:
            pass
