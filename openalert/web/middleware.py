"""The outermost layer: what is true of every request, whatever becomes of it.

Litestar runs its own middleware only where a route matched, so this wraps the application from outside: request
ids, security headers, the client's address behind trusted proxies, bounds of the body, metrics and the access log
hold for unknown paths, refused WebSockets and static files too. Requests for a mount (ingestion, static files)
never enter Litestar, which costs more than what they do.
"""

import asyncio
import itertools
import logging
import re
import secrets
import time
from collections.abc import Callable, Generator, Mapping
from functools import lru_cache, partial
from ipaddress import ip_address, ip_network
from typing import Any, Protocol

import structlog

from openalert import telemetry
from openalert.config import Config
from openalert.domain.errors import TooLarge, Unavailable, Unsupported
from openalert.storage.standstill import ANSWER_SECONDS, PATIENCE
from openalert.web import dialects, heartbeats, webhooks
from openalert.web.asgi import WHOLE, ASGIApp, Message, Receive, Scope, Send, header
from openalert.web.head import joined
from openalert.web.hosts import KnownHosts
from openalert.web.problems import Refused, send_problem
from openalert.web.status import site

log = structlog.get_logger(__name__)
_log_level = logging.getLogger(__name__)

BODY_SECONDS = 15.0
"""A body must have arrived by then."""
_KINDS_REMEMBERED = 500
_numbers = itertools.count(secrets.randbits(62))
"""Request ids: they need to be different, not secret."""
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_QUIET = (
    webhooks.PREFIX,
    *dialects.PREFIXES,
    heartbeats.PREFIX,
    *site.PREFIXES,
    "/health",
    "/ready",
    "/metrics",
    "/static/",
)
"""Asked so often that a line each would bury the others; seen at level debug, or as soon as they fail."""
_WHILE_STOPPING = ("/health", "/ready", "/metrics")

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
SECURITY_HEADERS = {
    b"content-security-policy": CONTENT_SECURITY_POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    # Not no-referrer: with it browsers send `Origin: null` even to ourselves, and over plain HTTP the Origin is
    # all that tells our own forms from those of others.
    b"referrer-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": b"camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    b"cache-control": b"no-store",
}
"""On every answer that does not say otherwise itself."""
_BY_ANY_NAME = ("/health", "/ready", "/metrics", "/static/")
"""What machines ask for, and what is the same for everybody: nobody is led astray here by a name we do not know."""
_ENCODED = (webhooks.PREFIX, *dialects.PREFIXES, heartbeats.PREFIX)
"""Where a body may come compressed, because whoever reads it there bounds what it becomes; by any name too."""


class Draining(Protocol):
    """Whoever knows that the server is stopping."""

    draining: bool


class Front:
    """The ASGI application that the server calls, in front of the framework and of what answers without it."""

    def __init__(
        self,
        app: ASGIApp,
        config: Config,
        health: Draining,
        mounts: Mapping[str, ASGIApp] | None = None,
        at_domain: Callable[[str], ASGIApp | None] = lambda _: None,
    ) -> None:
        """`mounts`: path prefix, ending in a slash, to the application that answers below it.

        `at_domain`: what alone answers where a request names this host, in lower case; None: that is none of its.
        """
        self.app = app
        self._at_domain = at_domain
        self.mounts = dict(mounts or {})
        self._below = re.compile("|".join(map(re.escape, self.mounts)) or "(?!)").match
        self.health = health
        self._max_body = config.server.max_body_bytes
        self._proxies = tuple(ip_network(text, strict=False) for text in config.server.trusted_proxies)
        self.headers = dict(SECURITY_HEADERS)
        """What every answer has."""
        if config.is_https:
            self.headers[b"strict-transport-security"] = b"max-age=31536000"
        self._headers = _OwnHeaders(self.headers)
        self._hosts = KnownHosts(config)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, one WebSocket, or the life of the server."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = time.perf_counter()
        request_id, length = self._begin(scope)
        before = PATIENCE.set(ANSWER_SECONDS)
        status = 0
        headers = self._headers
        is_head = scope["method"] == "HEAD" and not scope["path"].startswith(tuple(self.mounts))
        if is_head:
            # Whatever answers GET answers HEAD, without the body. A copy: the server has to know what was asked.
            scope = {**scope, "method": "GET"}

        async def answer(message: Message) -> None:
            nonlocal status
            kind = message["type"]
            if kind == WHOLE:
                status = message["status"]
                whole = message["answer"]
                whole.head = whole.head or headers.joined(whole.headers)
                message["head"] = b"%bx-request-id: %b\r\n" % (whole.head, request_id)
                message.setdefault("body", whole.body)
            elif kind == "http.response.start":
                status = message["status"]
                message["headers"] = headers.completed(message["headers"], request_id)
            elif is_head:
                message["body"] = b""
            await send(message)

        try:
            if self.health.draining and not scope["path"].startswith(_WHILE_STOPPING):
                raise Unavailable("OpenAlert is shutting down. Try again in a few seconds.", retry_after=5)  # noqa: TRY301 - answered like any other refusal
            app = self._of_another_name(scope)
            if app is None:
                self._check(scope)
                app = self._find(scope["path"], scope)
            await app(scope, self._bounded(receive, length), answer)
        except Exception as error:
            if status == 0:
                await send_problem(scope, answer, error)
            else:
                log.exception("the answer broke off", path=scope["path"])
        finally:
            PATIENCE.reset(before)
            _record(scope, status, time.perf_counter() - begun)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id, _ = self._begin(scope)
        accepted = False
        headers = self._headers

        async def answer(message: Message) -> None:
            nonlocal accepted
            if message["type"] == "websocket.accept":
                accepted = True
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id)]
            if message["type"] == "websocket.close" and not accepted:
                await _refuse_upgrade(scope, send, headers.completed((), request_id))
                return
            await send(message)

        if not self._hosts.allow(header(scope, b"host")):
            await answer({"type": "websocket.close", "code": 4403, "reason": ""})
            return
        await self._find(scope["path"], scope)(scope, receive, answer)

    def _of_another_name(self, scope: Scope) -> ASGIApp | None:
        """What alone answers for the name that is asked for, whatever the path: never for a name of ours."""
        name = self._hosts.foreign(header(scope, b"host"))
        return self._at_domain(name) if name else None

    def _check(self, scope: Scope) -> None:
        """The request is for us, and its body is one that is read here."""
        path: str = scope["path"]
        if path.startswith(_ENCODED):
            return
        host = header(scope, b"host")
        if not path.startswith(_BY_ANY_NAME) and not self._hosts.allow(host):
            raise Refused(
                421,
                f"This OpenAlert is not known as {host[:100]!r}. If that is how you reach it, set server.base_url "
                "to it, or add the name to server.allowed_hosts.",
                code="UNKNOWN_HOST",
            )
        encoding = header(scope, b"content-encoding").strip().lower()
        if encoding not in ("", "identity"):
            raise Unsupported(f"A body encoded as {encoding[:40]!r} is not read here; send it as it is.")

    def _begin(self, scope: Scope) -> tuple[bytes, int | None]:
        """Give the request its id and its client's address; the id, and the length it claims to have."""
        request_id, forwarded, length, proto = b"", [], None, b""
        for name, value in scope["headers"]:
            if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
                request_id = value
            elif name == b"x-forwarded-for":
                forwarded.append(value)
            elif name == b"x-forwarded-proto":
                proto = value
            elif name == b"content-length" and value.isdigit():
                length = int(value[:19])
        request_id = request_id or b"%016x" % next(_numbers)
        text = request_id.decode()
        scope["request_id"] = text
        telemetry.begin_request(text)
        if self._proxies and scope["client"] and self._trusts(scope["client"][0]):
            if proto == b"https":
                scope["scheme"] = "wss" if scope["type"] == "websocket" else "https"
            scope["client"] = (self._client(scope["client"][0], b",".join(forwarded)), 0)
        return request_id, length

    def is_shared(self, address: str) -> bool:
        """Whether many people come from this address: a proxy of ours, or one on this machine."""
        return self._trusts(address) or ip_address(address).is_loopback

    def _client(self, peer: str, forwarded: bytes) -> str:
        """The last address that a proxy of ours saw; what a client wrote before it proves nothing."""
        address = peer
        for hop in reversed(forwarded.decode("latin-1").split(",")):
            if not self._trusts(address):
                break
            try:
                address = str(ip_address(hop.strip()))
            except ValueError:
                break
        return address

    def _trusts(self, address: str) -> bool:
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._proxies)

    def _find(self, path: str, scope: Scope) -> ASGIApp:
        found = self._below(path)
        if found is None:
            return self.app
        prefix = found.group()
        scope["path_template"] = prefix + "…"
        return self.mounts[prefix]

    def _bounded(self, receive: Receive, length: int | None) -> Receive:
        """`receive` that gives up when the body is too large or too slow, or its sender went away before its end."""
        if length is not None and length > self._max_body:
            return self._refusing
        deadline = time.monotonic() + BODY_SECONDS  # asking for the loop costs a system call on Python 3.11
        size = 0
        done = False

        async def bounded() -> Message:
            nonlocal size, done
            if done:
                return await receive()
            message = await _by(deadline, receive)
            if message["type"] == "http.request":
                size += len(message.get("body", b""))
                done = not message.get("more_body", False)
                if size > self._max_body:
                    raise self._too_large()
            else:
                raise Refused(400, "The sender went away.", code="DISCONNECTED")
            return message

        return bounded

    async def _refusing(self) -> Message:
        """`receive` of a body that said itself that it is too large: whoever wants to read it is told."""
        raise self._too_large()

    def _too_large(self) -> TooLarge:
        return TooLarge(f"At most {self._max_body} bytes are read here.", limit=self._max_body)


async def _by(deadline: float, receive: Receive) -> Message:
    """The next message, if it comes before that time of the monotonic clock.

    What `asyncio.timeout_at` does, for a fraction of what it costs: every request comes through here. Most bodies are
    there when they are asked for, and then nothing is timed at all.
    """
    asked = receive().__await__()
    try:
        waits_for = next(asked)
    except StopIteration as there:
        message: Message = there.value
        return message
    task = asyncio.current_task()
    late = False

    def give_up() -> None:
        nonlocal late
        late = True
        if task is not None:
            task.cancel()

    timer = asyncio.get_running_loop().call_later(max(0.0, deadline - time.monotonic()), give_up)
    try:
        return await _Rest(asked, waits_for)
    except asyncio.CancelledError:
        if late and task is not None and task.uncancel() == 0:
            raise Refused(
                408, f"The body did not arrive within {BODY_SECONDS:.0f} seconds.", code="BODY_TIMEOUT"
            ) from None
        raise
    finally:
        timer.cancel()


class _Rest:
    """Awaits what has begun to wait already."""

    def __init__(self, asked: Generator[Any, Any, Message], waits_for: Any) -> None:
        self._asked = asked
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, Any, Message]:
        """First for what it waits for, then as it goes on; whatever interrupts it reaches it."""
        waits_for = self._waits_for
        while True:
            try:
                value = yield waits_for
            except BaseException as error:  # noqa: BLE001 - what waits decides what becomes of it
                step = partial(self._asked.throw, error)
            else:
                step = partial(self._asked.send, value)
            try:
                waits_for = step()
            except StopIteration as ended:
                message: Message = ended.value
                return message


class _OwnHeaders:
    """The headers that every answer has. Which of them an answer lacks is worked out once for each kind of answer."""

    def __init__(self, always: Mapping[bytes, bytes]) -> None:
        self._always = always
        self._lacking: dict[tuple[bytes, ...], list[tuple[bytes, bytes]]] = {}

    def joined(self, given: Any) -> bytes:
        """The lines of the answer's own headers and of those of ours that it does not set."""
        return joined([*given, *self._lacks(tuple([name.lower() for name, _ in given]))])

    def completed(self, given: Any, request_id: bytes) -> list[tuple[bytes, bytes]]:
        """The answer's own headers, then those of ours that it does not set."""
        listed = list(given)
        kind = tuple([name.lower() for name, _ in listed])
        lacking = self._lacks(kind)
        if b"x-request-id" in kind:  # a dialect whose requests have names of their own
            return [*listed, *lacking]
        return [*listed, *lacking, (b"x-request-id", request_id)]

    def _lacks(self, kind: tuple[bytes, ...]) -> list[tuple[bytes, bytes]]:
        lacking = self._lacking.get(kind)
        if lacking is None:
            lacking = [(name, value) for name, value in self._always.items() if name not in kind]
            if len(self._lacking) < _KINDS_REMEMBERED:
                self._lacking[kind] = lacking
        return lacking


async def _refuse_upgrade(scope: Scope, send: Send, headers: list[tuple[bytes, bytes]]) -> None:
    """403 with our headers where the server can send it; otherwise its own 403."""
    if "websocket.http.response" not in (scope.get("extensions") or {}):
        await send({"type": "websocket.close", "code": 4403, "reason": ""})
        return
    listed = [*headers, (b"content-length", b"0")]
    await send({"type": "websocket.http.response.start", "status": 403, "headers": listed})
    await send({"type": "websocket.http.response.body", "body": b""})


@lru_cache(maxsize=4096)
def _observer(method: str, route: str, status: int) -> Any:
    return telemetry.REQUESTS.labels(method, route, str(status))


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def _record(scope: Scope, status: int, seconds: float) -> None:
    route = scope.get("path_template") or "unknown"
    method = scope["method"] if scope["method"] in _METHODS else "other"
    _observer(method, route, status).observe(seconds)
    quiet = status < 500 and scope["path"].startswith(_QUIET)
    if quiet and not _log_level.isEnabledFor(logging.DEBUG):
        return
    write = log.debug if quiet else log.info
    actor = scope.get("actor")
    write(
        "request",
        method=method,
        path=scope["path"],
        status=status,
        ms=round(seconds * 1000, 1),
        client=scope["client"][0] if scope["client"] else "",
        actor=getattr(actor, "id", None),
    )
