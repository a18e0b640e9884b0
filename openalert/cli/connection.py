"""One HTTP connection, held to what HTTP/1.1 says and to bounds of time, size and number that uvicorn does not have.

Whoever trickles a head or reads no answer holds a place for seconds, not for ever. What two programs in a row could
read in two ways (a second Host, an absolute address, fields after the body) is refused or dropped here, before
anything decides by it (request smuggling, RFC 9112 section 11.2).
"""

import asyncio
import base64
import binascii
import re
import termios
import time
from asyncio.events import TimerHandle
from collections import Counter
from fcntl import ioctl
from functools import partial
from http import HTTPStatus
from typing import Any, ClassVar
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from openalert.cli import process
from openalert.cli.exchange import Exchange
from openalert.cli.live_socket import LiveSocket
from openalert.cli.readers import ReadsInTime
from openalert.domain.errors import OpenAlertError
from openalert.web.asgi import WHOLE
from openalert.web.middleware import Front
from openalert.web.problems import Refused, answer

HEAD_SECONDS = 10.0
"""Request line and headers must have arrived by then."""
REST_SECONDS = 5.0
"""How long a body may go on after its answer, so that the sender gets to read that."""
LAST_SECONDS = 1.0
"""While the server stops: how long a request that has set out already may take to arrive."""
MAX_URL = 8 * 1024
MAX_HEAD = 32 * 1024
"""Bytes of all headers together."""
MAX_HEADERS = 100
EXTENSIONS: dict[str, dict[object, object]] = {WHOLE: {}}
"""Of ASGI: what an application may send here."""
_HOST = re.compile(rb"(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?")


class Places:
    """How many connections there may be, in all and from one address; WebSockets are among them."""

    def __init__(self, most: int, front: Front) -> None:
        self.most = most
        self.headers = front.headers
        self.health = front.health
        self._shares = front.is_shared
        self._all = 0
        self._of: Counter[str] = Counter()
        """By address, kept up: to count them for each who comes would be the load that this is there to keep off."""

    def take(self, address: str) -> bool:
        """One more from there, which has to `leave`; False: it is to be sent away.

        While half is free nobody is asked whence he comes; after that one address has at most a quarter.
        """
        self._all += 1
        self._of[address] += 1
        if self._all <= self.most // 2:
            return True
        return self._all <= self.most and (self._of[address] <= self.most // 4 or self._shares(address))

    def leave(self, address: str) -> None:
        """One of them is gone."""
        self._all -= 1
        self._of[address] -= 1
        if not self._of[address]:
            del self._of[address]


class Connection(ReadsInTime, HttpToolsProtocol):
    """One connection of one client."""

    places: ClassVar[Places]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._in_head = False
        self._head_bytes = 0
        self._slow: TimerHandle | None = None
        self._refusal: OpenAlertError | None = None
        self._address: str | None = None
        """Whence it came, while it has a place of its own."""
        self._idle_since: float | None = None
        """By the monotonic clock; None: a request is being read or answered."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """A place, if there is one, and a first request soon."""
        super().connection_made(transport)
        self._address = self.client[0] if self.client else ""
        is_free = self.places.take(self._address)
        if not is_free or process.is_among_the_last(transport.get_extra_info("socket").fileno()):
            self._refuse(Refused(503, "Too many connections are open. Try again soon.", code="UNAVAILABLE"))
            return
        self._hurry(LAST_SECONDS if self.places.health.draining else HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing of it is waited for any more."""
        self._relax()
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
        self.resume_writing()  # whatever waits to write goes on, and ends
        super().connection_lost(exc)
        if self._address is not None:
            self.places.leave(self._address)
            self._address = None

    def data_received(self, data: bytes) -> None:
        """As uvicorn, while the head keeps its bounds."""
        was_in_head = self._in_head
        super().data_received(data)
        if not self._in_head or self.transport.is_closing():
            return
        if was_in_head:
            self._head_bytes += len(data)
        if self._head_bytes > MAX_HEAD:
            self._refuse(_head_too_large())
        elif self._slow is None:
            self._hurry(HEAD_SECONDS)

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        super().on_message_begin()
        self._in_head, self._head_bytes = True, 0

    def on_url(self, url: bytes) -> None:
        """A part of the address."""
        super().on_url(url)
        if len(self.url) > MAX_URL:
            raise self._malformed(414, f"The address has more than {MAX_URL} bytes.")

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header. Fields after the body are dropped: no proxy has looked at them."""
        if not self._in_head:
            return
        name = name.lower()  # what uvicorn does, without a call for each of a browser's dozen headers
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))
        self._head_bytes += len(name) + len(value)
        if len(self.headers) > MAX_HEADERS or self._head_bytes > MAX_HEAD:
            self._refusal = _head_too_large()
            raise self._refusal

    def on_headers_complete(self) -> None:
        """The head is there, and can be read in one way only."""
        self._in_head = False
        self._relax()
        version = self.parser.get_http_version()
        self._check_head(version)
        self._read_head(version)
        if not (self.parser.should_upgrade() and self._should_upgrade()):
            again = version != "1.0" and self.parser.should_keep_alive()
            self._begin_exchange(keep_alive=again and not self.places.health.draining)

    def on_message_complete(self) -> None:
        """The whole request is there."""
        self._relax()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """An answer that came before its request was there whole ends the connection soon.

        Else as uvicorn, but with one timer that looks how long the connection is idle, in place of one for each answer.
        """
        if not self.transport.is_closing():
            self.flow.resume_reading()
            if self.pipeline:
                self._start_asgi_task(*self.pipeline.pop())
            else:
                self._idle_since = time.monotonic()
                if self.timeout_keep_alive_task is None:
                    self._look_after(self.timeout_keep_alive)
        if self.cycle.more_body and self._slow is None:
            self._hurry(REST_SECONDS)

    def _unset_keepalive_if_required(self) -> None:
        """Bytes have come."""
        self._idle_since = None

    def _look_after(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def timeout_keep_alive_handler(self) -> None:
        """Hang up if it was idle for so long; while it is busy, the next answer has it looked at again."""
        self.timeout_keep_alive_task = None
        if self._idle_since is None:
            return
        left = self._idle_since + self.timeout_keep_alive - time.monotonic()
        if left > 0:
            self._look_after(left)
        else:
            super().timeout_keep_alive_handler()

    def handle_websocket_upgrade(self) -> None:
        """An opening that the WebSocket library would refuse is refused here, with the headers of every answer."""
        given = [value for name, value in self.headers if name == b"sec-websocket-key"]
        versions = [value for name, value in self.headers if name == b"sec-websocket-version"]
        if versions != [b"13"] or len(given) != 1 or not _is_key(given[0]):
            self._refuse(_refused(400, "This is not an opening of a WebSocket of version 13 (RFC 6455)."))
            return
        super().handle_websocket_upgrade()
        socket = self.transport.get_protocol()
        if self._address is not None and isinstance(socket, LiveSocket):
            socket.left, self._address = partial(self.places.leave, self._address), None

    def shutdown(self) -> None:
        """The server stops. Whoever was let in is answered, also when his request is still on its way."""
        cycle: RequestResponseCycle | None = self.cycle
        is_idle = cycle is None or cycle.response_complete
        if is_idle and (cycle is None or self._in_head or self._has_unread()):
            self._relax()
            self._hurry(LAST_SECONDS)
        else:
            super().shutdown()

    def _has_unread(self) -> bool:
        """Whether a next request waits in the socket."""
        try:
            waiting = ioctl(self.transport.get_extra_info("socket").fileno(), termios.FIONREAD, bytes(4))
        except OSError:
            return False
        return any(waiting)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's words are for programmers
        """What could not be read, in the shape of every refusal."""
        self._refuse(self._refusal or _refused(400, "This is not a request of HTTP/1.1."))

    def _check_head(self, version: str) -> None:
        hosts = [value for name, value in self.headers if name == b"host"]
        if version not in ("1.0", "1.1"):
            raise self._malformed(400, "This is not a request of HTTP/1.1.")
        if not self.url.startswith(b"/"):
            raise self._malformed(400, "The address must be a path: this server is no proxy.")
        if len(hosts) > 1 or (not hosts and version == "1.1") or (hosts and not _HOST.fullmatch(hosts[0])):
            raise self._malformed(400, "There must be one Host header, with a name or address.")

    def _read_head(self, version: str) -> None:
        url = httptools.parse_url(self.url)
        path = url.path.decode("ascii")
        self.scope["method"] = self.parser.get_method().decode("ascii")
        self.scope["http_version"] = version
        self.scope["path"] = unquote(path) if "%" in path else path
        self.scope["raw_path"] = url.path
        self.scope["query_string"] = url.query or b""
        self.scope["extensions"] = EXTENSIONS

    def _begin_exchange(self, *, keep_alive: bool) -> None:
        """Let the application answer, after the answers to what was asked before on this connection."""
        before: RequestResponseCycle | None = self.cycle
        self.cycle = Exchange(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=keep_alive,
            on_response=self.on_response_complete,
        )
        if before is None or before.response_complete:
            self._start_asgi_task(self.cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

    def _malformed(self, status: int, words: str) -> OpenAlertError:
        """The refusal to raise inside of the parser, which hides it, and to answer outside."""
        self._refusal = _refused(status, words)
        return self._refusal

    def _refuse(self, error: OpenAlertError) -> None:
        """Answer if no other answer is on its way, and hang up."""
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or cycle.response_complete or not cycle.response_started:
            status, headers, body = answer(error, "")
            lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}".encode(), b"connection: close"]
            lines += [f"{name}: {value}".encode() for name, value in headers]
            lines += [name + b": " + value for name, value in self.places.headers.items()]
            lines.append(b"content-length: %d" % len(body))
            self.transport.write(b"\r\n".join(lines) + b"\r\n\r\n" + body)
        if cycle is not None:
            cycle.disconnected = True
        self._relax()
        self.transport.close()

    def _hurry(self, seconds: float) -> None:
        self._slow = self.loop.call_later(seconds, self._too_slow)

    def _relax(self) -> None:
        if self._slow is not None:
            self._slow.cancel()
            self._slow = None

    def _too_slow(self) -> None:
        if self._in_head:
            self._refuse(_refused(408, f"The request did not arrive within {HEAD_SECONDS:.0f} seconds."))
        else:
            self.transport.close()


def connections(most: int, front: Front) -> type[Connection]:
    """The protocol for a server that has so many places in front of this application."""

    class Placed(Connection):
        places = Places(most, front)

    return Placed


def _refused(status: int, words: str) -> Refused:
    return Refused(status, words, code="MALFORMED_REQUEST")


def _head_too_large() -> Refused:
    return _refused(431, f"A request has at most {MAX_HEADERS} headers and {MAX_HEAD} bytes of them.")


def _is_key(text: bytes) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) == 16
    except binascii.Error:
        return False
