"""One WebSocket of the server, held to bounds that uvicorn does not have: of pings, of what waits for it, of time."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request
from websockets.protocol import OPEN

from openalert.cli.readers import ReadsInTime
from openalert.web.asgi import PIPE

WRITE_BUFFER = 16 * 1024
"""Bytes that wait in this process for one client; beyond them nothing more is written for it."""
PINGS_PER_SECOND = 20
SLICE = 1_024
"""Bytes that are read at once: the library answers every ping in them before anybody can count."""
MOST_UNHEARD = 64
"""Messages that wait for the application; it hears twenty a second."""


def _nothing() -> None:
    """It had no place."""


class LiveSocket(ReadsInTime, WebSocketsSansIOProtocol):
    """As uvicorn's, and a `Pipe` for news."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._pings = 0
        self._counted_since = 0.0
        self.left: Callable[[], None] = _nothing
        """Called when it is gone: whoever gave it its place takes that back."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Its place is free."""
        super().connection_lost(exc)
        self.left()

    async def send(self, message: Any) -> None:
        """As uvicorn's, which logs a fault for each client that an answer of ours refuses, or that leaves before it."""
        if self.initial_response is not None and self.conn.eof_sent:
            raise ClientDisconnected
        await super().send(message)
        if self.initial_response is not None and self.close_sent:
            self.handshake_complete = True

    def freed(self) -> None:
        """It takes messages again."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Little waits for it, and it is nothing to whoever reads slowly."""
        transport.set_write_buffer_limits(high=WRITE_BUFFER)
        super().connection_made(transport)

    def handle_connect(self, event: Request) -> None:
        """The application gets the pipe with its scope."""
        super().handle_connect(event)
        if self.response.status_code == 101:
            extensions: Any = self.scope["extensions"]
            extensions[PIPE] = self

    def data_received(self, data: bytes) -> None:
        """In slices, so that a flood is noticed before it has taken its time."""
        for begin in range(0, len(data), SLICE):
            super().data_received(data[begin : begin + SLICE])
            if self.queue.qsize() > MOST_UNHEARD:
                self.transport.abort()
            if self.transport.is_closing():
                return

    def write(self, frames: bytes) -> bool:
        """Send whole frames, if the client has taken what was sent before."""
        if not self.writable.is_set():
            return False
        if self.conn.state is not OPEN or self.close_sent or self.disconnected:
            return True  # it goes; nobody is there to read
        self.transport.write(frames)
        return True

    def handle_ping(self) -> None:
        """Answer, but not to floods, nor to a client that does not read the answers."""
        now = time.monotonic()
        if now - self._counted_since >= 1.0:
            self._counted_since, self._pings = now, 0
        self._pings += 1
        if self._pings > PINGS_PER_SECOND or not self.writable.is_set():
            self.transport.abort()
            return
        super().handle_ping()

    def resume_writing(self) -> None:
        """It takes messages again."""
        super().resume_writing()
        self.freed()
