"""Readers of one page: a process of its own that asks again and again, and measures the answers.

Closed loop: each asks as soon as it is answered. Fixed rate: each has an intended time to ask, from which latency
counts, also when its last answer is late (no coordinated omission).
"""

import asyncio
import subprocess
import sys
import time

import msgspec
import uvloop


class Spec(msgspec.Struct, kw_only=True):
    """Who asks for what."""

    port: int
    path: str
    seconds: float = 4.0
    connections: int = 16
    rate: float = 0
    """Requests a second of all together; 0: closed loop."""


class Rate(msgspec.Struct, kw_only=True):
    """What one run measured."""

    answered: int
    seconds: float
    p50: float
    """Milliseconds."""
    p99: float
    size: int
    """Bytes of one answer, with its headers."""

    @property
    def a_second(self) -> float:
        """Answers a second."""
        return self.answered / self.seconds


def run(spec: Spec) -> Rate:
    """One run, in a process of its own; every answer must be 200."""
    command = [sys.executable, "-m", "tests.bench.readers", msgspec.json.encode(spec).decode()]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    return msgspec.json.decode(done.stdout, type=Rate)


class _Reader(asyncio.Protocol):
    """One connection that asks again as soon as it is answered, or when it is time."""

    def __init__(self, request: bytes, begin: float, until: float, every: float, times: list[float]) -> None:
        """`every`: seconds between two requests; 0: none."""
        self._request, self._due, self._until, self._every = request, begin, until, every
        self._times = times
        self._buffer = b""
        self.size = 0
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask when it is time."""
        self._transport = transport
        self._ask_in_time()

    def _ask_in_time(self) -> None:
        wait = self._due - time.perf_counter()
        if wait > 0:
            asyncio.get_running_loop().call_later(wait, self._ask)
        else:
            self._ask()

    def _ask(self) -> None:
        self._transport.write(self._request)  # type: ignore[attr-defined]  # a transport that writes

    def data_received(self, data: bytes) -> None:
        """Note an answer that is complete, and ask again."""
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        at = self._buffer.find(b"content-length: ", 0, end)
        if end < 0:
            return
        whole = end + 4 + int(self._buffer[at + 16 : self._buffer.find(b"\r", at)])
        if len(self._buffer) < whole:
            return
        if not self._buffer.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(self._buffer[:200])
        now = time.perf_counter()
        self._times.append(now - self._due)
        self.size, self._buffer = whole, b""
        self._due = self._due + self._every if self._every else now
        if self._due < self._until:
            self._ask_in_time()
        else:
            self.over.set_result(None)


async def _read(spec: Spec) -> Rate:
    request = f"GET {spec.path} HTTP/1.1\r\nhost: 127.0.0.1\r\naccept-encoding: gzip\r\n\r\n".encode()
    times: list[float] = []
    loop = asyncio.get_running_loop()
    begun = time.perf_counter()
    every = spec.connections / spec.rate if spec.rate else 0.0
    readers = []
    for number in range(spec.connections):
        begin = begun + every * number / spec.connections
        reader = _Reader(request, begin, begun + spec.seconds, every, times)
        await loop.create_connection(lambda reader=reader: reader, "127.0.0.1", spec.port)  # type: ignore[misc]
        readers.append(reader)
    await asyncio.gather(*(reader.over for reader in readers))
    lasted = time.perf_counter() - begun
    times.sort()
    return Rate(
        answered=len(times),
        seconds=lasted,
        p50=times[len(times) // 2] * 1000,
        p99=times[int(len(times) * 0.99)] * 1000,
        size=readers[0].size,
    )


if __name__ == "__main__":
    spec = msgspec.json.decode(sys.argv[1], type=Spec)
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(_read(spec))))
