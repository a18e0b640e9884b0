"""Raw bytes on real sockets: what two programs could read in two ways, and what takes its time."""

import asyncio
import base64
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.http.flow_control import FlowControl

from openalert.cli import connection, readers
from openalert.cli.connection import MAX_HEAD, MAX_URL, connections
from openalert.cli.exchange import Exchange
from openalert.cli.live_socket import LiveSocket
from openalert.config import Config, Server
from openalert.web.asgi import WHOLE
from openalert.web.middleware import Front

pytestmark = pytest.mark.anyio

HOST = b"Host: 127.0.0.1\r\n"
GET = b"GET / HTTP/1.1\r\n" + HOST
POST = b"POST / HTTP/1.1\r\n" + HOST
KEY = base64.b64encode(os.urandom(16))


class Health:
    """A server that is not stopping."""

    draining = False


OPENING = (
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
"""What turns a request into a WebSocket; the key is that of RFC 6455."""


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Says what it was asked: `early` before the body, `large` with more than a socket takes."""
    if scope["type"] == "lifespan":
        return
    body = b""
    more = scope["path"] != "/early"
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    told = b"x" * 8_000_000 if scope["path"] == "/large" else _said(scope, body)
    length = [(b"content-length", str(len(told)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": length})
    await send({"type": "http.response.body", "body": told})


def _said(scope: Any, body: bytes) -> bytes:
    names = b",".join(sorted(name for name, _ in scope["headers"]))
    return b" ".join(
        [scope["method"].encode(), scope["path"].encode(), str(scope["client"][0]).encode(), names, body]
    )


@asynccontextmanager
async def serving(most: int = 100, app: Any = echo, idle: int = 60, **server: Any) -> AsyncIterator[int]:
    """A server with our connections on a free port, in front of this application; it waits `idle` seconds for more."""
    front = app if isinstance(app, Front) else Front(app, Config(server=Server(**server)), Health())
    config = uvicorn.Config(
        front, host="127.0.0.1", port=0, http=connections(most, front), ws=LiveSocket, lifespan="off",
        server_header=False, log_config=None, timeout_graceful_shutdown=0, timeout_keep_alive=idle,
    )  # fmt: skip
    running = uvicorn.Server(config)
    running.capture_signals = suppress  # type: ignore[method-assign]  # signals are pytest's
    task = asyncio.create_task(running.serve())
    while not running.started:
        assert not task.done()
        await asyncio.sleep(0.01)
    yield running.servers[0].sockets[0].getsockname()[1]
    running.should_exit = running.force_exit = True
    await task


@pytest.fixture
async def port(anyio_backend: str) -> AsyncIterator[int]:
    """Where a server with room for many listens."""
    async with serving(trusted_proxies=("127.0.0.1",)) as number:
        yield number


async def answered(port: int, *parts: bytes, pause: float = 0.0, seconds: float = 30.0) -> bytes:
    """All that comes back until the server hangs up; `+OPEN` at the end when it does not."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    told = bytearray()

    async def listen() -> None:
        with suppress(ConnectionError):
            while chunk := await reader.read(65536):
                told.extend(chunk)

    listening = asyncio.create_task(listen())
    with suppress(ConnectionError):
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)
    done, _ = await asyncio.wait([listening], timeout=seconds)
    writer.close()
    if not done:
        listening.cancel()
        told.extend(b"+OPEN")
    return bytes(told)


@pytest.mark.parametrize(
    "request_bytes",
    [
        POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
        POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        POST + b"Content-Length: +2\r\n\r\n{}",
        POST + b"Content-Length: -2\r\n\r\n{}",
        POST + b"Content-Length: 2, 2\r\n\r\n{}",
        POST + b"Content-Length: 0x2\r\n\r\n{}",
        POST + b"Content-Length: 99999999999999999999999\r\n\r\n{}",
        POST + b"Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n{}\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n2\n{}\n0\n\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\nHost: 127.0.0.1\n\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\nX-A: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\rX-A: b\r\n\r\n",
        GET + b"X-A: b\r\n c\r\n\r\n",
        GET + b"X-A : b\r\n\r\n",
        GET + b": b\r\n\r\n",
        GET + b"X-A: b\0c\r\n\r\n",
        GET + b"Host: evil.example\r\n\r\n",
        GET + HOST + b"\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: \r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a@evil.example\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
        b"GET http://evil.example/ HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET //evil.example HTTP/1.1\r\nHost: a b\r\n\r\n",
        b"GET file:///etc/passwd HTTP/1.1\r\n" + HOST + b"\r\n",
        b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n",
        b"CONNECT evil.example:80 HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/3.0\r\n" + HOST + b"\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"G\xc3\x8bT / HTTP/1.1\r\n" + HOST + b"\r\n",
        b"get / HTTP/1.1\r\n" + HOST + b"\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        GET + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        GET + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: short\r\n\r\n",
        GET + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 7\r\nSec-WebSocket-Key: "
        + KEY + b"\r\n\r\n",
    ],
)  # fmt: skip
async def test_what_can_be_read_in_two_ways_is_refused(port: int, request_bytes: bytes) -> None:
    """400 in the shape and with the headers of every refusal, and the connection ends: nothing after it is read."""
    told = await answered(port, request_bytes + GET + b"\r\n")
    assert told.startswith(b"HTTP/1.1 400 Bad Request\r\n"), told
    assert told.count(b"HTTP/1.1 ") == 1
    assert b'"code":"MALFORMED_REQUEST"' in told
    for header in (b"content-security-policy: default-src 'none'", b"x-content-type-options: nosniff"):
        assert header in told
    assert b"uvicorn" not in told.lower()


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (GET + b"".join(b"X-%d: a\r\n" % number for number in range(101)) + b"\r\n", 431),
        (GET + b"X-A: " + b"a" * MAX_HEAD + b"\r\n\r\n", 431),
        (GET + b"X-A: " + b"a" * 10 * MAX_HEAD, 431),
        (GET + b"X" * 10 * MAX_HEAD, 431),
        (b"GET /" + b"a" * MAX_URL + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
        (b"GET /" + b"a" * 40 * MAX_URL, 414),
    ],
)
async def test_a_head_has_bounds(port: int, request_bytes: bytes, status: int) -> None:
    """Of its lines, their number and their bytes, whether or not it ever ends."""
    told = await answered(port, request_bytes)
    # Who goes on sending may be cut off before it has read why.
    assert told == b"" or told.startswith(b"HTTP/1.1 %d " % status), told[:100]


async def test_ordinary_requests_go_on_in_one_connection(port: int) -> None:
    """One after the other, in pieces, a hundred headers, a chunked body, an upgrade that is not spoken here."""
    many = b"".join(b"X-%d: a\r\n" % number for number in range(98))
    told = await answered(
        port, GET[:5], GET[5:] + b"\r\n", GET + many + b"\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        GET + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
        GET + b"Connection: close\r\n\r\n", pause=0.05,
    )  # fmt: skip
    assert told.count(b"HTTP/1.1 200 OK") == 5
    assert told.endswith(b"connection,host ")
    assert b"host,transfer-encoding {}" in told


async def test_who_asks_before_sending_a_body_is_told_to_go_on(port: int) -> None:
    """`Expect: 100-continue` in any case; without it nothing comes before the answer."""
    head = POST + b"Content-Length: 2\r\nConnection: close\r\n"
    told = await answered(port, head + b"EXPECT: 100-Continue\r\n\r\n", b"{}", pause=0.05)
    assert told.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
    assert (await answered(port, head + b"\r\n", b"{}")).startswith(b"HTTP/1.1 200 OK\r\n")


async def test_fields_after_the_body_are_dropped(port: int) -> None:
    """A proxy has set X-Forwarded-For; what the client appends behind its body changes neither that nor any header."""
    told = await answered(
        port,
        POST + b"X-Forwarded-For: 198.51.100.1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        b"2\r\n{}\r\n0\r\nX-Forwarded-For: 6.6.6.6\r\nAuthorization: Bearer x\r\nX-Request-ID: mine\r\n\r\n",
    )
    assert told.endswith(b"POST / 198.51.100.1 connection,host,transfer-encoding,x-forwarded-for {}")
    assert b"x-request-id: mine" not in told


@pytest.mark.proves("LC-2", "F-30")
async def test_a_head_that_trickles_is_given_up(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing at all, a byte now and then, and a second request that never ends: each is over at its deadline."""
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.3)
    silent, slow, second = await asyncio.gather(
        answered(port),
        answered(port, *(bytes([byte]) for byte in GET), pause=0.03),
        answered(port, GET + b"\r\n", *(bytes([byte]) for byte in GET), pause=0.03),
    )
    assert silent == b"", "who is not hung up on in half a minute is told +OPEN"
    assert slow.startswith(b"HTTP/1.1 408 ")
    assert second.count(b"HTTP/1.1 200 ") == second.count(b"HTTP/1.1 408 ") == 1


@pytest.mark.proves("LC-2", "F-30")
async def test_a_body_that_goes_on_after_its_answer_is_given_up(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused before it was read, it may not hold the connection by dribbling on."""
    monkeypatch.setattr(connection, "REST_SECONDS", 0.3)
    head = b"POST /early HTTP/1.1\r\n" + HOST + b"Content-Length: 100000\r\n\r\n"
    told = await answered(port, head, *[b"x"] * 40, pause=0.03)
    assert told.startswith(b"HTTP/1.1 200 ")
    assert not told.endswith(b"+OPEN")


@pytest.mark.proves("LC-2", "F-30")
async def test_an_answer_that_nobody_takes_is_given_up(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client reads nothing: after the deadline the connection is gone, and the answer with it."""
    monkeypatch.setattr(readers, "WRITE_SECONDS", 0.3)
    gone, ends = asyncio.Event(), readers.ReadsInTime.connection_lost

    def connection_lost(of: Any, error: Exception | None) -> None:
        ends(of, error)
        gone.set()

    monkeypatch.setattr(readers.ReadsInTime, "connection_lost", connection_lost)
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
    writer.write(b"GET /large HTTP/1.1\r\n" + HOST + b"\r\n")
    await asyncio.wait_for(gone.wait(), 60.0)
    taken = b""
    with suppress(ConnectionError):
        taken = await asyncio.wait_for(reader.read(-1), 30.0)
    assert len(taken) < 8_000_000
    writer.close()


@pytest.mark.proves("LC-2", "F-28")
async def test_connections_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """When all places are taken the next one is told to come back, and when one leaves there is room."""
    async with serving(most=4) as port:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(4)]
        await asyncio.sleep(0.1)
        told = await answered(port, GET + b"\r\n")
        assert told.startswith(b"HTTP/1.1 503 Service Unavailable")
        held.pop()[1].close()
        await asyncio.sleep(0.1)
        assert (await answered(port, GET + b"Connection: close\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        for _, writer in held:
            writer.close()


@pytest.mark.proves("LC-2", "F-30")
def test_one_address_cannot_take_all_places() -> None:
    """Once half are taken, an address has at most a quarter, unless it is a proxy of ours; who leaves makes room."""
    proxies = Config(server=Server(trusted_proxies=("10.0.0.1",)))
    places = connection.Places(8, Front(echo, proxies, Health()))
    assert [places.take("192.0.2.1") for _ in range(5)] == [True, True, True, True, False]
    assert places.take("192.0.2.2")
    assert [places.take("10.0.0.1") for _ in range(3)] == [True, True, False]
    for _ in range(5):
        places.leave("192.0.2.1")
    assert places.take("192.0.2.1")


async def test_a_websocket_gives_its_place_back() -> None:
    """It has the place of the request that opened it, until it is gone, however it goes."""

    async def door(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            await receive()
        else:
            await echo(scope, receive, send)

    async with serving(most=4, app=door) as port:
        held = []
        for _ in range(4):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(GET + OPENING)
            assert (await reader.readline()).startswith(b"HTTP/1.1 101 ")
            held.append(writer)
        assert (await answered(port, GET + b"\r\n")).startswith(b"HTTP/1.1 503 ")
        for writer in held[:2]:
            writer.transport.abort()
        for writer in held[2:]:
            writer.close()
        await asyncio.sleep(0.2)
        for _ in range(8):
            assert (await answered(port, GET + b"Connection: close\r\n\r\n")).startswith(b"HTTP/1.1 200 ")


class Gone:
    """A transport whose client has left: uvloop's refuses what is written to it."""

    def is_closing(self) -> bool:
        """It is."""
        return True

    def write(self, data: bytes) -> None:
        """As uvloop does."""
        raise RuntimeError("the handler is closed")

    close = resume_reading = is_closing


@pytest.mark.parametrize("started", [False, True])
@pytest.mark.parametrize("whole", [False, True])
async def test_an_answer_to_somebody_who_left_is_dropped(started: bool, whole: bool) -> None:
    """Also where a request of theirs still waits behind this one, which alone uvicorn tells that they are gone."""
    said: list[str] = []

    class Log:
        def error(self, words: str, *_: Any, **__: Any) -> None:
            said.append(words)

    transport: Any = Gone()
    exchange = Exchange(
        scope={"type": "http", "method": "GET", "path": "/"}, transport=transport, flow=FlowControl(transport),
        logger=Log(), access_logger=Log(), access_log=False, default_headers=[], message_event=asyncio.Event(),
        expect_100_continue=False, keep_alive=True, on_response=lambda: None,
    )  # type: ignore[arg-type]  # fmt: skip
    exchange.response_started = started

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        if whole and not started:
            await send({"type": WHOLE, "status": 200, "head": b"content-length: 2\r\n", "body": b"OK"})
            return
        if not started:
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"OK"})

    await exchange.run_asgi(answer)
    assert said == []


async def test_a_websocket_that_is_refused_is_no_fault(caplog: pytest.LogCaptureFixture) -> None:
    """By an answer of ours, as while the server stops: nothing is logged as an error."""
    refused = asyncio.Event()

    async def refuse(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.http.response.start", "status": 403, "headers": []})
        await send({"type": "websocket.http.response.body", "body": b"no"})
        asyncio.get_running_loop().call_later(0.05, refused.set)  # once uvicorn has looked at what came of it

    opening = (
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    async with serving(app=refuse) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(opening)
        assert b" 403 " in await reader.readline()
        await refused.wait()
        writer.close()
        assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []
