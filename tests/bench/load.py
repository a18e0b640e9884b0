"""The load generator: a process of its own that posts Alertmanager messages and measures the answers.

Closed loop: every connection sends its next request when the last is answered. Fixed rate: requests have an
intended time to be sent, and latency counts from that, also when no connection was free (no coordinated omission).
Bodies are made before the clock starts; only a counter of fixed width is written into each.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import uvloop

from tests.bench import cores

COUNTER = b"##########"
SCATTER = 7_368_787_463
"""Shares no factor with 10 to the 10th, so that different numbers stay different."""


class Spec(msgspec.Struct, kw_only=True):
    """What to send."""

    port: int
    key: str = "bench"
    salt: str
    """Makes the identities of this run different from those of others."""
    seconds: float
    connections: int = 32
    alerts: int = 1
    """In each message."""
    distinct: int = 0
    """How many messages there are before they repeat; 0: each is new."""
    rate: float = 0
    """Messages a second; 0: closed loop."""
    most: int = 0
    """Stop after so many messages; 0: no end but the time."""


class Result(msgspec.Struct, kw_only=True):
    """What came back."""

    answered: int
    seconds: float
    statuses: dict[str, int]
    p50: float
    """Milliseconds."""
    p99: float
    worst: float
    cpu: float
    """Share of one CPU that the generator used."""

    @property
    def rate(self) -> float:
        """Accepted messages a second."""
        return self.statuses.get("202", 0) / self.seconds


def run(spec: Spec) -> Result:
    """Send it from another process; every answer must be 202."""
    return run_all([spec])[0]


def run_all(specs: Sequence[Spec]) -> list[Result]:
    """Each from a process of its own, all at the same time."""
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.bench.load", msgspec.json.encode(spec).decode()],
            stdout=subprocess.PIPE,
        )
        for spec in specs
    ]
    for each in running:
        cores.keep_sender(each.pid)
    results = [msgspec.json.decode(each.communicate()[0], type=Result) for each in running]
    for result in results:
        if set(result.statuses) - {"202"}:
            print(f"  not everything was accepted: {result.statuses}", flush=True)
    return results


def message(spec: Spec) -> tuple[bytes, ...]:
    """The request in pieces: between them goes the counter."""
    alerts = [
        {
            "status": "firing",
            "labels": {
                "alertname": f"Disk{COUNTER.decode()}",
                "instance": f"host{index}:9100",
                "job": "node",
                "severity": "critical",
            },
            "annotations": {"summary": f"Disk {index} is nearly full"},
            "startsAt": "2026-01-05T09:00:00Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus.example.org/graph?g0.expr=disk",
            "fingerprint": f"{spec.salt}{index:02d}{COUNTER.decode()}",
        }
        for index in range(spec.alerts)
    ]
    body = json.dumps(
        {
            "version": "4",
            "groupKey": f'{{}}:{{alertname="{spec.salt}{COUNTER.decode()}"}}',
            "truncatedAlerts": 0,
            "status": "firing",
            "receiver": "openalert",
            "groupLabels": {"alertname": "Disk"},
            "commonLabels": {"job": "node"},
            "commonAnnotations": {},
            "externalURL": "http://alertmanager.example.org",
            "alerts": alerts,
        }
    ).encode()
    head = (
        f"POST /webhooks/prometheus/{spec.key} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: Alertmanager/0.28.0\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return tuple((head.encode() + body).split(COUNTER))


class Client(asyncio.Protocol):
    """One keep-alive connection with at most one request on its way."""

    def __init__(self, load: "Load") -> None:
        self._load = load
        self._buffer = b""
        self._since = 0.0
        self._transport: Any = None  # uvloop's transports are none of asyncio's classes

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ready."""
        self._transport = transport

    def send(self, request: bytes, intended: float) -> None:
        """Send one request; its latency counts from `intended`."""
        self._since = intended
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Answers come whole or in pieces, one at a time."""
        buffer = self._buffer + data if self._buffer else data
        end = buffer.find(b"\r\n\r\n")
        at = buffer.find(b"content-length: ", 0, end)
        if end < 0 or len(buffer) < end + 4 + int(buffer[at + 16 : buffer.find(b"\r", at)]):
            self._buffer = buffer
            return
        self._buffer = b""
        self._load.answered(self, buffer[9:12], self._since)

    def connection_lost(self, exc: Exception | None) -> None:
        """The server went away."""
        self._load.lost()


class Load:
    """One run of a Spec."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._requests = self._make()
        self._statuses: Counter[bytes] = Counter()
        self._latencies: list[float] = []
        self._end = self._ended = 0.0
        self._running = 0
        self._free: deque[Client] = deque()
        self._late: deque[float] = deque()
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def _make(self) -> Iterator[bytes]:
        pieces = message(self._spec)
        number = 0
        while not self._spec.most or number < self._spec.most:
            # Scattered as real fingerprints are, so that indexes are not filled from one end.
            text = b"%010d" % (
                (number % self._spec.distinct if self._spec.distinct else number) * SCATTER % 10**10
            )
            yield text.join(pieces)
            number += 1

    async def run(self) -> Result:
        """Connect, send, wait for the last answer."""
        loop = asyncio.get_running_loop()
        clients = []
        for _ in range(self._spec.connections):
            _, client = await loop.create_connection(lambda: Client(self), "127.0.0.1", self._spec.port)
            clients.append(client)
        begun, used = time.perf_counter(), time.process_time()
        self._end = begun + self._spec.seconds
        if self._spec.rate:
            self._free.extend(clients)
            await self._pace(begun)
        else:
            for client in clients:
                self._next(client)
        await self._done
        self._ended = self._ended or time.perf_counter()
        seconds = self._ended - begun
        ordered = sorted(self._latencies) or [0.0]
        return Result(
            answered=len(self._latencies),
            seconds=seconds,
            statuses={status.decode(): count for status, count in self._statuses.items()},
            p50=ordered[len(ordered) // 2] * 1000,
            p99=ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))] * 1000,
            worst=ordered[-1] * 1000,
            cpu=(time.process_time() - used) / seconds,
        )

    async def _pace(self, begun: float) -> None:
        count = int(self._spec.rate * self._spec.seconds)
        sent = 0
        while sent < count:
            now = time.perf_counter()
            while sent < count and begun + sent / self._spec.rate <= now:
                self._late.append(begun + sent / self._spec.rate)
                sent += 1
            self._send_late()
            await asyncio.sleep(0.001)
        self._end = 0.0  # no more will be sent, though its time may not be over
        self._finish_when_idle()

    def _send_late(self) -> None:
        while self._late and self._free:
            self._running += 1
            self._free.popleft().send(next(self._requests), self._late.popleft())

    def _next(self, client: Client) -> None:
        now = time.perf_counter()
        request = next(self._requests, None) if now < self._end else None
        if request is not None:
            self._running += 1
            client.send(request, now)
        else:
            self._finish_when_idle()

    def answered(self, client: Client, status: bytes, since: float) -> None:
        """An answer came: send the next."""
        self._running -= 1
        now = time.perf_counter()
        self._statuses[status] += 1
        self._latencies.append(now - since)
        if self._spec.rate:
            self._free.append(client)
            self._send_late()
            if now >= self._end:
                self._finish_when_idle()
        else:
            self._next(client)

    def _finish_when_idle(self) -> None:
        if not self._running and not self._late and not self._done.done():
            self._ended = time.perf_counter()
            self._done.set_result(None)

    def lost(self) -> None:
        """A run in which the server closes connections measures nothing."""
        if not self._done.done():
            self._done.set_exception(ConnectionError("the server closed a connection"))


async def _main() -> None:
    spec = msgspec.json.decode(sys.argv[1], type=Spec)
    sys.stdout.buffer.write(msgspec.json.encode(await Load(spec).run()))


if __name__ == "__main__":
    uvloop.run(_main())
