"""A host that publishes calendars as Outlook and Google do: by secret address, with ETag, over plain HTTP."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import msgspec


class Served(msgspec.Struct):
    """What is at a path."""

    content: bytes = b""
    status: int = 200
    headers: dict[str, str] = {}


class CalendarHost:
    """What is served, and who asked for what."""

    def __init__(self) -> None:
        self.pages: dict[str, Served] = {}
        self.asked: list[tuple[str, Mapping[str, str]]] = []
        self.port = 0

    def url(self, path: str) -> str:
        """The address of a path."""
        return f"http://127.0.0.1:{self.port}{path}"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request, one answer; anything but a plain GET without credentials fails the test."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ")
        headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)
        }
        assert method == "GET"
        assert not {"authorization", "cookie"} & set(headers)
        assert "text/calendar" in headers["accept"]
        self.asked.append((path, headers))
        page = self.pages.get(path, Served(b"gone", 404))
        etag = page.headers.get("etag")
        status, content = page.status, page.content
        if etag and headers.get("if-none-match") == etag:
            status, content = 304, b""
        lines = [f"HTTP/1.1 {status} X", *(f"{name}: {value}" for name, value in page.headers.items())]
        lines += [f"content-length: {len(content)}", "connection: close", "", ""]
        writer.write("\r\n".join(lines).encode() + content)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def calendar_host() -> AsyncIterator[CalendarHost]:
    """The host, on a port of its own."""
    host = CalendarHost()
    server = await asyncio.start_server(host.answer, "127.0.0.1", 0)
    host.port = server.sockets[0].getsockname()[1]
    async with server:
        yield host
