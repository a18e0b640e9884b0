"""The door of a Postgres that encrypts: the question, the handshake, and then nothing more.

The Postgres that tests start is built without TLS; that the question is right is tried on that one, and that this door
opens as a real one does on the driver.
"""

import asyncio
import ssl
from contextlib import suppress

QUESTION = bytes.fromhex("0000000804d2162f")


class PostgresDoor:
    """Answers `S` to the question, shows its certificate, and keeps what it is told after that."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self.port = 0
        self.heard = b""
        """What was said once it was encrypted: the beginning of a session."""
        self._tls = tls
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> "PostgresDoor":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            if await reader.readexactly(8) == QUESTION:
                writer.write(b"S")
                await writer.start_tls(self._tls)
                self.heard += await reader.read(100)
        writer.transport.abort()
