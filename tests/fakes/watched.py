"""The server that a watcher watches, as far as the watcher sees it; it says what it is told to, and misbehaves so.

async with FakeWatched(key, snapshot) as first:
    first.manner = Manner.ALTERED
    ...  # watch first.url
"""

import asyncio
import json
from contextlib import suppress
from enum import StrEnum
from typing import Self
from urllib.parse import parse_qs, urlsplit

from openalert.domain.instant import Instant
from openalert.domain.watcher import Snapshot, Word, signature, written
from openalert.storage import wall_clock
from tests.ports import Place


class Manner(StrEnum):
    """How it answers; may be changed at any time."""

    WELL = "well"
    ILL = "ill"
    """It says that it might page nobody."""
    BROKEN = "broken"
    """503, as where its database is gone."""
    UNKNOWN_KEY = "unknown key"
    """401, as OpenAlert says it."""
    ASKS_TO_SIGN_IN = "asks to sign in"
    """200 with a page, as a proxy before it or a hotel says it."""
    REDIRECTS = "redirects"
    ALTERED = "altered"
    """Somebody on the way has changed the word."""
    OLD = "old"
    """Somebody on the way answers with what was said to an earlier question."""
    ENDLESS = "endless"
    SLOW = "slow"
    """A byte a second."""
    OF_ANOTHER_VERSION = "of another version"
    """What it signs has another form."""
    NESTED = "nested"
    """JSON a hundred thousand deep."""


class FakeWatched:
    """It."""

    def __init__(self, key: str, snapshot: Snapshot | None = None) -> None:
        self.key, self.snapshot = key, snapshot
        self.manner = Manner.WELL
        self.port = 0
        self._place = Place()
        self.ahead: Instant = 0
        """By how much its clock is ahead."""
        self.asked: list[str] = []
        """The paths it was asked for."""
        self._before: dict[str, bytes] = {}
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """Where it listens, also while it does not."""
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        await self.up()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.down()
        self._place.leave()

    async def up(self) -> None:
        """Listen, at the port of before."""
        self._server = await asyncio.start_server(self._talk, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        self._place.leave()

    async def down(self) -> None:
        """Nobody listens."""
        if self._server is not None:
            self._server.close()
            self._server = None
            self._place.keep("127.0.0.1", self.port)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            target = head.split(" ", 2)[1]
            self.asked.append(target)
            await self._answer(writer, target, f"Bearer {self.key}" in head)
        writer.close()

    async def _answer(self, writer: asyncio.StreamWriter, target: str, knows: bool) -> None:
        match self.manner if knows else Manner.UNKNOWN_KEY:
            case Manner.UNKNOWN_KEY:
                await _say(writer, "401 Unauthorized", json.dumps({"code": "UNAUTHENTICATED"}).encode())
            case Manner.BROKEN:
                await _say(writer, "503 Service Unavailable", b'{"code":"UNAVAILABLE"}')
            case Manner.ASKS_TO_SIGN_IN:
                await _say(writer, "200 OK", b"<html><form>Sign in</form></html>", "text/html")
            case Manner.REDIRECTS:
                await _say(
                    writer, "302 Found", b"", more=f"Location: http://127.0.0.1:{self.port}/elsewhere\r\n"
                )
            case Manner.ENDLESS:
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
                while not writer.is_closing():
                    writer.write(b"[" * 65_536)
                    await writer.drain()
            case Manner.SLOW:
                for byte in b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{":
                    if writer.is_closing():
                        break
                    writer.write(bytes([byte]))
                    await writer.drain()
                    await asyncio.sleep(1)
            case Manner.NESTED:
                await _say(writer, "200 OK", b'{"word":' + b"[" * 100_000)
            case _:
                await _say(writer, "200 OK", self._word(target))

    def _word(self, target: str) -> bytes:
        parts = urlsplit(target)
        what = parts.path.rpartition("/")[2]
        if self.manner is Manner.OLD and what in self._before:
            return self._before[what]
        word = Word(
            nonce=parse_qs(parts.query)["nonce"][0],
            at=wall_clock() + self.ahead,
            organization="Acme",
            server=self.url,
            would_page=self.manner is not Manner.ILL,
            troubles=("Canaries do not come through.",) if self.manner is Manner.ILL else (),
            snapshot=self.snapshot if what == "snapshot" else None,
        )
        text = written(word)
        if self.manner is Manner.OF_ANOTHER_VERSION:
            text = text.replace('"organization"', '"tenant"')
        code = signature(text, self.key)
        if self.manner is Manner.ALTERED:
            text = text.replace("Acme", "Evil")
        self._before[what] = json.dumps({"word": text, "signature": code}).encode()
        return self._before[what]


async def _say(
    writer: asyncio.StreamWriter, status: str, body: bytes, kind: str = "application/json", more: str = ""
) -> None:
    writer.write(
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode()
        + body
    )
    await writer.drain()
