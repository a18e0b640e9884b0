"""Listeners: a process of its own that opens WebSockets, and notes when which of them heard what.

`python -m tests.bench.sockets` with a Crowd as its argument. It prints `ready` once all are open, and after a line on
standard input a Hearing. Raw sockets and one buffer each: ten thousand of them take little from the machine they share.
"""

import asyncio
import base64
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import uvloop

SOURCES = 60
"""Addresses of loopback from which clients come: from one of them not all may."""
AT_ONCE = 100
"""Openings on their way."""
ASK = b"\x81\x8f\0\0\0\0" + b'{"type":"ping"}'
"""What is answered by whoever is listened to by then: an opening alone does not say that one has been let in."""
NAP_SECONDS = 0.01
"""Between two looks for what has come: to wake a process for each message is what the machines of real clients do."""
FLOOD = b"\x89\x80\0\0\0\0" * 200
"""Two hundred pings."""


class Crowd(msgspec.Struct, kw_only=True):
    """Who listens."""

    port: int
    keys: list[str]
    """API keys; each has twenty connections at most."""
    clients: int
    behave: str = "read"
    """`read`, `never` (take nothing), `drip` (a byte now and then), `ping` (floods), `huge` (1 MiB a frame), `half` (an
    opening that is begun and never ended)."""
    back: bool = False
    """Whether whoever is sent away comes back, a fifth of a second later."""


class Hearing(msgspec.Struct, kw_only=True):
    """What they heard."""

    open: int
    """Still, at the end."""
    lost: int
    """How often one was sent away."""
    refused: dict[str, int]
    seconds: float
    """Until all were open."""
    heard: dict[str, tuple[int, float]]
    """By title of an alert: how many heard of it, and when the last one did."""


class Client(asyncio.Protocol):
    """One connection."""

    def __init__(self, room: "Room", number: int) -> None:
        self.room = room
        self.number = number
        self.buffer = b""
        self.is_open = self.listens = False
        self.transport: Any = None
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask to open it."""
        self.transport = transport
        keys = self.room.crowd.keys
        key = base64.b64encode(b"%016d" % self.number).decode()
        if self.room.crowd.behave == "half":
            self.transport.write(b"GET /api/v1/ws HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upg")
            self.opened.set_result(None)
            return
        self.transport.write(
            f"GET /api/v1/ws HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
            f"Authorization: Bearer {keys[self.number % len(keys)]}\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        """The answer to the opening, then frames."""
        self.buffer += data
        if not self.is_open:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            status, self.buffer = self.buffer[9:12].decode(), self.buffer[end + 4 :]
            if status != "101":
                self.room.refused[status] += 1
                self.transport.close()
                return
            self._begin()
        while frame := self._frame():
            if frame == b'{"type":"pong"}':
                self._is_in()
            self.room.note(frame)

    def _begin(self) -> None:
        self.is_open = True
        behave = self.room.crowd.behave
        if behave == "read":
            self.transport.write(ASK)
        else:
            self._is_in()
        if behave == "never":
            self.transport.pause_reading()
        elif behave == "drip":
            asyncio.get_running_loop().call_later(0.5, self._drip)
        elif behave == "ping":
            self._flood()
        elif behave == "huge":
            self.transport.write(b"\x81\xff" + (1 << 20).to_bytes(8, "big") + b"\0\0\0\0" + b"x" * (1 << 16))

    def _is_in(self) -> None:
        """Let in, and listening."""
        self.listens = True
        self.room.open += 1
        if not self.opened.done():
            self.opened.set_result(None)

    def _drip(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(b"\x81"[:1] if self.number % 2 else b"")
            asyncio.get_running_loop().call_later(0.5, self._drip)

    def _flood(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(FLOOD)
            asyncio.get_running_loop().call_later(0.05, self._flood)

    def _frame(self) -> bytes:
        """The next whole frame's content; empty: there is none yet. A close frame is passed over."""
        while len(self.buffer) >= 2:
            length, begin = self.buffer[1], 2
            if length == 126:
                length, begin = int.from_bytes(self.buffer[2:4], "big"), 4
            elif length == 127:
                length, begin = int.from_bytes(self.buffer[2:10], "big"), 10
            if len(self.buffer) < begin + length:
                return b""
            kind, content = self.buffer[0] & 15, self.buffer[begin : begin + length]
            self.buffer = self.buffer[begin + length :]
            if kind == 9:
                self.transport.write(b"\x8a" + bytes([0x80 | length]) + b"\0\0\0\0" + content)
            elif kind == 1:
                return content
        return b""

    def connection_lost(self, exc: Exception | None) -> None:
        """Sent away."""
        if not self.opened.done():
            self.opened.set_result(None)
        if self.listens:
            self.room.open -= 1
            self.room.lost += 1
        if self.room.crowd.back:
            self.room.again(self.number)


class Room:
    """All of them."""

    def __init__(self, crowd: Crowd) -> None:
        self.crowd = crowd
        self.open = self.lost = 0
        self.refused: Counter[str] = Counter()
        self.heard: dict[str, tuple[int, float]] = {}
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()

    def note(self, text: bytes) -> None:
        """Somebody heard this."""
        at = text.find(b'"title":"mark ')
        if b'"alert.created"' in text and at >= 0:
            name = text[at + 9 : text.index(b'"', at + 9)].decode()
            self.heard[name] = (self.heard.get(name, (0, 0.0))[0] + 1, time.time())

    async def fill(self) -> float:
        """Open all; how long it took."""
        begun = time.perf_counter()
        await asyncio.gather(*(self._connect(number) for number in range(self.crowd.clients)))
        return time.perf_counter() - begun

    def again(self, number: int) -> None:
        """Come back."""
        task = asyncio.get_running_loop().create_task(self._return(number))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _return(self, number: int) -> None:
        await asyncio.sleep(0.2)
        await self._connect(number)

    async def _connect(self, number: int) -> None:
        async with self._gate:
            try:
                _, client = await asyncio.get_running_loop().create_connection(
                    lambda: Client(self, number),
                    "127.0.0.1",
                    self.crowd.port,
                    local_addr=(f"127.0.1.{1 + number % SOURCES}", 0),
                )
            except OSError:
                self.refused["no connection"] += 1
                if self.crowd.back:
                    self.again(number)
                return
            await client.opened


class Listening:
    """Such a process, from outside."""

    def __init__(self, child: "subprocess.Popen[bytes]") -> None:
        self._child = child

    def tell(self) -> Hearing:
        """What they have heard by now; they go on."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(b"\n")
        self._child.stdin.flush()
        return msgspec.json.decode(self._child.stdout.readline(), type=Hearing)


@contextmanager
def crowd(wanted: Crowd) -> Iterator[Listening]:
    """These listeners in a process of their own, all open, until the end of the block."""
    command = [sys.executable, "-m", "tests.bench.sockets", msgspec.json.encode(wanted).decode()]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        try:
            assert child.stdout is not None
            if child.stdout.readline() != b"ready\n":
                raise RuntimeError("the listeners did not come in")
            yield Listening(child)
        finally:
            child.kill()


def _nap(loop: asyncio.AbstractEventLoop) -> None:
    """Look for what has come every so often, and not for each message when it comes."""
    time.sleep(NAP_SECONDS)
    loop.call_later(0.001, _nap, loop)


async def _main() -> None:
    room = Room(msgspec.json.decode(sys.argv[1], type=Crowd))
    seconds = await room.fill()
    _nap(asyncio.get_running_loop())
    print("ready", flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        hearing = Hearing(
            open=room.open, lost=room.lost, refused=dict(room.refused), seconds=seconds, heard=room.heard
        )
        print(msgspec.json.encode(hearing).decode(), flush=True)


if __name__ == "__main__":
    import resource

    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    uvloop.run(_main())
