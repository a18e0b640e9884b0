"""A proxy between us and Postgres that cuts, stalls or swallows at the very message that a test names."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from urllib.parse import parse_qs, urlsplit


class CuttingProxy:
    """Forwards every connection to one server, until it is told otherwise."""

    def __init__(self, url: str) -> None:
        """`url`: the database as it is reached without the proxy, by TCP or by a socket in a folder."""
        self._parts = urlsplit(url)
        self.is_open = True
        """Whether new connections are let through."""
        self.cut_before: Callable[[bytes], bool] = lambda _: False
        """Asked of what a client sends: whether to cut the connection instead of passing it on."""
        self.cut_after: Callable[[bytes], bool] = lambda _: False
        """Asked of what a client sends: whether to pass it on, wait until the server has answered, and cut then."""
        self.cuts = 0
        self.flows = asyncio.Event()
        """While it is not set nothing is passed on, and nobody is told why."""
        self.flows.set()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        """The same database through the proxy."""
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        user = self._parts.username or "postgres"
        return f"postgres://{user}:{self._parts.password or 'none'}@127.0.0.1:{port}{self._parts.path}?sslmode=disable"

    async def start(self, port: int = 0) -> None:
        """Listen on loopback."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)

    async def stop(self) -> None:
        """Cut everything and listen no more."""
        self.cut()
        if self._server is not None:
            self._server.close()

    def cut(self) -> None:
        """End every connection at once, as a reset does."""
        for writer in self._writers:
            writer.transport.abort()

    async def _dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        folder = parse_qs(self._parts.query).get("host", [""])[0]
        port = self._parts.port or int(parse_qs(self._parts.query).get("port", ["5432"])[0])
        if folder.startswith("/"):
            return await asyncio.open_unix_connection(f"{folder}/.s.PGSQL.{port}")
        return await asyncio.open_connection(self._parts.hostname or "127.0.0.1", port)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.is_open:
            writer.transport.abort()
            return
        try:
            theirs, to_them = await self._dial()
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, to_them}
        lost = asyncio.Event()
        try:
            await asyncio.gather(
                self._up(reader, to_them, writer, lost),
                self._down(theirs, writer, lost),
                return_exceptions=True,
            )
        finally:
            self._writers -= {writer, to_them}
            for each in (writer, to_them):
                each.transport.abort()

    async def _up(
        self,
        reader: asyncio.StreamReader,
        to_them: asyncio.StreamWriter,
        writer: asyncio.StreamWriter,
        lost: asyncio.Event,
    ) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65_536):
                await self.flows.wait()
                if self.cut_before(data):
                    self.cuts += 1
                    break
                if self.cut_after(data):
                    lost.set()
                to_them.write(data)
                await to_them.drain()
        if not lost.is_set():
            to_them.transport.abort()
            writer.transport.abort()

    async def _down(
        self, theirs: asyncio.StreamReader, writer: asyncio.StreamWriter, lost: asyncio.Event
    ) -> None:
        with suppress(ConnectionError):
            while data := await theirs.read(65_536):
                await self.flows.wait()
                if lost.is_set():
                    self.cuts += 1
                    break
                writer.write(data)
                await writer.drain()
        writer.transport.abort()


@asynccontextmanager
async def cutting(url: str) -> AsyncIterator[CuttingProxy]:
    """A proxy in front of this database, for as long as the block runs."""
    proxy = CuttingProxy(url)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.stop()
