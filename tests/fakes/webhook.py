"""An HTTP receiver on loopback that keeps what it is sent and misbehaves as told.

async with FakeWebhook() as receiver:
    receiver.answer(429, {"Retry-After": "7"})
    ...  # post to receiver.url
    receiver.requests[0].body
"""

import asyncio
import socket
import ssl
import struct
from enum import StrEnum
from typing import Any, Self

import msgspec

from tests.fakes.certificates import Certificate
from tests.ports import Place


class Fault(StrEnum):
    """What goes wrong after the request was read; may be changed at any time."""

    NONE = "none"
    SLOW = "slow"
    """The answer takes `delay` seconds."""
    TRICKLE = "trickle"
    """Every byte of the answer takes `delay` seconds."""
    HANG = "hang"
    """No answer ever comes."""
    LOST_ANSWER = "lost answer"
    """The connection is closed without a word."""
    RESET = "reset"
    """The connection is reset."""
    HALF_RESPONSE = "half response"
    """The connection is closed in the middle of the headers."""
    WRONG_LENGTH = "wrong length"
    """The body is shorter than its Content-Length says."""
    ENDLESS_BODY = "endless body"
    """The body, in chunks, never stops."""
    HUGE_BODY = "huge body"
    """The body is 1 GiB long, and says so."""
    RESET_AFTER_HEADERS = "reset after headers"
    """The connection is reset before the body."""
    OLD_HTTP = "old http"
    """HTTP/1.0: the body ends with the connection."""
    NOT_HTTP = "not http"
    """The answer is of another protocol."""


class Received(msgspec.Struct):
    """One request."""

    method: str
    path: str
    """Query included."""
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return msgspec.json.decode(self.body)


class FakeWebhook:
    """The receiver. `requests` is what it was sent, in order."""

    def __init__(self, *, certificate: Certificate | None = None) -> None:
        """With a `certificate` it speaks TLS."""
        self.fault = Fault.NONE
        self.delay = 1.0
        self.requests: list[Received] = []
        self.sent = 0
        """Bytes of endless bodies that were given to the network."""
        self.host = "127.0.0.1"
        self.port = 0
        self._place = Place()
        self._tls: ssl.SSLContext | None = certificate.server if certificate else None
        self._answer = b""
        self._listener: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._arrived = asyncio.Event()
        self.answer()

    @property
    def url(self) -> str:
        """Where to post; path and query are secrets, as those of real receivers."""
        return f"{'https' if self._tls else 'http'}://{self.host}:{self.port}/hooks/s3cret-path?token=s3cret-query"

    def answer(
        self, status: int = 200, headers: dict[str, str] | None = None, body: bytes = b'{"ok":true}'
    ) -> None:
        """What every request is answered from now on."""
        self._answer = whole_answer(status, headers, body)

    async def __aenter__(self) -> Self:
        """Listens on a free port."""
        await self.up()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Ends everything."""
        await self.down()
        self._place.leave()

    async def up(self) -> None:
        """Takes connections, on the port it had before if it had one."""
        self._listener = await asyncio.start_server(self._connected, self.host, self.port, ssl=self._tls)
        self.port = self._listener.sockets[0].getsockname()[1]
        self._place.leave()

    async def down(self) -> None:
        """Refuses connections and drops those that are open."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
            self._place.keep(self.host, self.port)
        for task in list(self._tasks):
            task.cancel()
        for writer in list(self._writers):
            writer.transport.abort()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def received(self, count: int = 1, seconds: float = 120.0) -> list[Received]:
        """Waits until `count` requests have come; TimeoutError when they do not."""
        async with asyncio.timeout(seconds):
            while len(self.requests) < count:
                self._arrived.clear()
                await self._arrived.wait()
        return self.requests

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        try:
            request = await _read(reader)
            self.requests.append(request)
            self._arrived.set()
            await self._reply(writer, await self.respond(request))
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._writers.discard(writer)
            self._tasks.discard(task)
            writer.close()

    async def respond(self, request: Received) -> bytes:
        """The whole answer to a request; a provider that does something with it says here what."""
        return self._answer

    async def _reply(self, writer: asyncio.StreamWriter, answer: bytes) -> None:
        match self.fault:
            case Fault.LOST_ANSWER:
                return
            case Fault.RESET:
                _reset(writer)
                return
            case Fault.RESET_AFTER_HEADERS:
                writer.write(answer.partition(b"\r\n\r\n")[0] + b"\r\n\r\n")
                await writer.drain()
                _reset(writer)
                return
            case Fault.TRICKLE:
                for byte in answer:
                    writer.write(bytes([byte]))
                    await asyncio.sleep(self.delay)
            case Fault.ENDLESS_BODY:
                await self._pour(writer, "Transfer-Encoding: chunked", b"4000\r\n" + b"x" * 0x4000 + b"\r\n")
            case Fault.HUGE_BODY:
                await self._pour(writer, f"Content-Length: {1 << 30}", b"x" * 0x4000)
            case _:
                if self.fault in (Fault.HANG, Fault.SLOW):
                    await asyncio.sleep(3_600 if self.fault is Fault.HANG else self.delay)
                writer.write(_bent(answer, self.fault))
        await writer.drain()

    async def _pour(self, writer: asyncio.StreamWriter, length: str, piece: bytes) -> None:
        writer.write(f"HTTP/1.1 200 OK\r\n{length}\r\n\r\n".encode())
        while self.sent < 1 << 30:
            writer.write(piece)
            await writer.drain()
            self.sent += 0x4000


def _bent(answer: bytes, fault: Fault) -> bytes:
    """The answer as it goes out, before the connection is closed."""
    match fault:
        case Fault.HALF_RESPONSE:
            return answer[:30]
        case Fault.NOT_HTTP:
            return b"220 mail.test ESMTP\r\n"
        case Fault.WRONG_LENGTH:
            return b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nshort"
        case Fault.OLD_HTTP:
            head, _, body = answer.partition(b"\r\n\r\n")
            status = head.partition(b" ")[2].partition(b"\r\n")[0]
            return b"HTTP/1.0 " + status + b"\r\n\r\n" + body
        case _:
            return answer


def _reset(writer: asyncio.StreamWriter) -> None:
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


def whole_answer(status: int, headers: dict[str, str] | None, body: bytes) -> bytes:
    """An answer as it goes over the line."""
    lines = {"Content-Type": "application/json", "Content-Length": str(len(body)), **(headers or {})}
    head = f"HTTP/1.1 {status} Something\r\n" + "".join(f"{k}: {v}\r\n" for k, v in lines.items())
    return head.encode("latin-1") + b"\r\n" + body


async def _read(reader: asyncio.StreamReader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    request_line, *lines = head.rstrip("\r\n").split("\r\n")
    method, path, _version = request_line.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(method, path, headers, body)
