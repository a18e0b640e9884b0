"""The one way out by HTTP: checked addresses, a total deadline, a bounded answer, and nothing followed.

Every connection is new. A connection kept open may die just as the request is written, and then nobody can
say whether the request arrived; that doubt would cost a person a second page. It also means that the address
is resolved and checked for every request, so a name that changes its address in between gains nothing.
"""

import asyncio
import ssl
import time
from collections.abc import Iterable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import httpcore2
import httpx2
import msgspec

from openalert.domain.instant import SECOND, Instant, from_datetime
from openalert.notifiers.addresses import Address, AddressPolicy, Resolver
from openalert.notifiers.notifier import LostAnswer, NotifierError, Reason
from openalert.notifiers.text import one_line
from openalert.notifiers.tls import certificate_fault, is_tls_failure

MAX_URL = 2_048
MAX_CONNECTIONS = 64
RETRY_AFTER = (1.0, 900.0)
"""Seconds: what a provider asks for is honoured between these."""


class OutgoingSettings(msgspec.Struct, kw_only=True, frozen=True):
    """Limits of outgoing requests; times in seconds, sizes in bytes."""

    allow_private_networks: bool = False
    allowed_networks: list[str] = []
    named_hosts: tuple[str, ...] = ()
    """Hosts that the operator's own configuration names as a provider: they may lie in a private network."""
    deadline: float = 10.0
    """From the call to the answer, names and handshakes included."""
    connect_deadline: float = 3.0
    max_answer: int = 65_536


def for_provider(settings: OutgoingSettings, base_url: str) -> OutgoingSettings:
    """These settings for requests to a provider that the configuration names by `base_url`."""
    host = parse_url(base_url).raw_host.decode("ascii").removesuffix(".").strip("[]")
    return msgspec.structs.replace(settings, named_hosts=(host,))


async def authorities() -> ssl.SSLContext:
    """The system's authorities, read off the event loop, as that takes tens of milliseconds."""
    return await asyncio.to_thread(httpcore2.default_ssl_context)


class Answer(msgspec.Struct, frozen=True):
    """What came back, whatever it says."""

    status: int
    headers: dict[str, str]
    """Names in lower case; of repeated headers the last."""
    body: bytes
    complete: bool
    """False: the status is certain, the body was cut off, by us at `max_answer` or by the other side."""

    def excerpt(self) -> str:
        """Status and the first 256 bytes of the body, for the delivery log of administrators."""
        return one_line(f"{self.status} {self.body[:256].decode('utf-8', 'replace')}", 256)


class HttpClient:
    """Outgoing requests of one channel. Safe to use from many tasks at once."""

    def __init__(
        self,
        settings: OutgoingSettings | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        resolver: Resolver | None = None,
    ) -> None:
        """`tls`: trust other authorities than the system's."""
        self._settings = settings or OutgoingSettings()
        self._resolver = resolver or Resolver()
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=MAX_CONNECTIONS,
            max_keepalive_connections=0,
            network_backend=CheckedNetwork(self._settings, self._resolver),
        )

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes = b""
    ) -> Answer:
        """One request, one answer; redirects are answers.

        NotifierError: no byte of the request was written, or the target may not be reached at all.
        LostAnswer: the request was written, at least in part, and no status came back.
        """
        target = parse_url(url)
        exchange = _Exchange(self._settings, shown_origin(url))
        request = httpcore2.Request(
            method,
            httpcore2.URL(
                scheme=target.raw_scheme,
                host=target.raw_host.removesuffix(b"."),
                port=target.port,
                target=target.raw_path,
            ),
            headers=[(b"Host", target.netloc), *_header_lines(headers, body)],
            content=body,
            extensions={"timeout": exchange.timeouts(), "trace": exchange.trace},
        )
        return await exchange.run(self._pool, request)

    async def close(self) -> None:
        """Ends what is open."""
        await self._pool.aclose()
        self._resolver.close()


class _Exchange:
    """The state of one request: how far it got decides what a failure means."""

    def __init__(self, settings: OutgoingSettings, origin: str) -> None:
        self._settings = settings
        self._origin = origin
        self._written = False
        self._response: httpcore2.Response | None = None
        self._body = bytearray()
        self._complete = False

    def timeouts(self) -> dict[str, float]:
        deadline = self._settings.deadline
        return {
            "connect": self._settings.connect_deadline,
            "read": deadline,
            "write": deadline,
            "pool": deadline,
        }

    async def trace(self, event: str, _info: Any) -> None:
        if event == "http11.send_request_headers.started":
            self._written = True

    async def run(self, pool: httpcore2.AsyncConnectionPool, request: httpcore2.Request) -> Answer:
        try:
            async with asyncio.timeout(self._settings.deadline):
                await self._talk(pool, request)
        except httpcore2.LocalProtocolError as error:
            raise NotifierError(
                Reason.MISCONFIGURED,
                "A header of the request has a value that cannot be sent.",
                permanent=True,
            ) from error
        except (TimeoutError, httpcore2.TimeoutException) as error:
            self._fail_unless_answered(Reason.TIMEOUT, f"{self._origin} did not answer in time.", error)
        except (httpcore2.NetworkError, httpcore2.ProtocolError, OSError) as error:
            reason = Reason.TLS_FAILED if is_tls_failure(error) else Reason.UNREACHABLE
            words = "has no valid certificate" if reason is Reason.TLS_FAILED else "cannot be reached"
            fault = certificate_fault(error)
            words += f": {one_line(fault, 100)}" if fault else ""
            self._fail_unless_answered(reason, f"{self._origin} {words}.", error, is_certificate=bool(fault))
        if self._response is None:  # pragma: no cover - _fail_unless_answered has raised
            raise LostAnswer(f"{self._origin} gave no answer.")
        return Answer(
            status=self._response.status,
            headers={
                name.decode("latin-1").lower(): value.decode("latin-1")
                for name, value in self._response.headers
            },
            body=bytes(self._body),
            complete=self._complete,
        )

    async def _talk(self, pool: httpcore2.AsyncConnectionPool, request: httpcore2.Request) -> None:
        response = await pool.handle_async_request(request)
        self._response = response
        try:
            async for chunk in response.aiter_stream():
                self._body += chunk[: self._settings.max_answer - len(self._body)]
                if len(self._body) >= self._settings.max_answer:
                    return
            self._complete = True
        finally:
            await response.aclose()

    def _fail_unless_answered(
        self, reason: Reason, detail: str, error: BaseException, *, is_certificate: bool = False
    ) -> None:
        """A status that came back stands, however the rest of the answer ended."""
        if self._response is not None:
            return
        if self._written:
            raise LostAnswer(f"The request to {self._origin} was sent, and no answer came back.") from error
        raise NotifierError(reason, detail, is_certificate=is_certificate) from error


class CheckedNetwork(httpcore2.AsyncNetworkBackend):
    """Connects to addresses that were checked, never to a name that could change in between."""

    def __init__(self, settings: OutgoingSettings, resolver: Resolver) -> None:
        """The one way out for whatever people, and not the configuration, have named."""
        self._policy = AddressPolicy(
            allow_private_networks=settings.allow_private_networks,
            allowed_networks=settings.allowed_networks,
        )
        self._named = {host.lower() for host in settings.named_hosts}
        self._policy_of_named = AddressPolicy(
            allow_private_networks=True, allowed_networks=settings.allowed_networks
        )
        self._resolver = resolver
        self._network = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the backend's interface
        local_address: str | None = None,  # noqa: ARG002 - the backend's interface
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002 - the backend's interface
    ) -> httpcore2.AsyncNetworkStream:
        """A connection to `host`, whose addresses were checked; NotifierError where one of them is not allowed."""
        ends = time.monotonic() + (timeout or 0)
        async with asyncio.timeout(timeout):
            addresses = await self._resolver.addresses(host, port)
        policy = self._policy_of_named if host.lower() in self._named else self._policy
        if not all(policy.allows(address) for address in addresses):
            raise blocked(host)
        return await self._first_reachable(addresses, port, ends)

    async def _first_reachable(
        self, addresses: list[Address], port: int, ends: float
    ) -> httpcore2.AsyncNetworkStream:
        """Shares the time that is left among the addresses, so that a dead first one does not use it up."""
        failure: Exception = httpcore2.ConnectError("no address")
        for position, address in enumerate(addresses):
            share = max((ends - time.monotonic()) / (len(addresses) - position), 0.05)
            try:
                return await self._network.connect_tcp(str(address), port, timeout=share)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109, ARG002 - the backend's interface
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002 - the backend's interface
    ) -> httpcore2.AsyncNetworkStream:
        """Nothing outside is there."""
        raise blocked(path)

    async def sleep(self, seconds: float) -> None:
        """For the pool."""
        await asyncio.sleep(seconds)


def blocked(host: str) -> NotifierError:
    """The refusal for a target in a network that is not open to us; says nothing about what is there."""
    return NotifierError(
        Reason.BLOCKED_ADDRESS,
        f"The address of {host} is not allowed: it is not a public one. "
        "An operator can open its network with `allowed_networks` in the [outgoing] section.",
        permanent=True,
    )


def parse_url(url: str) -> httpx2.URL:
    """A URL that may be requested: http or https, a host, a port, no user name; NotifierError otherwise."""
    if len(url) > MAX_URL or "\\" in url or not url.isprintable() or " " in url:
        raise _unusable("it has a blank, a backslash or a control character, or is too long")
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL as error:
        raise _unusable("it cannot be read") from error
    if parsed.scheme not in ("http", "https"):
        raise _unusable("it must begin with https:// or http://")
    if not parsed.host or "%" in parsed.host or (parsed.port is not None and not 0 < parsed.port < 65_536):
        raise _unusable("its host or port is not valid")
    if parsed.userinfo:
        raise _unusable("it contains a user name; put credentials into a header")
    return parsed


def _unusable(why: str) -> NotifierError:
    return NotifierError(Reason.MISCONFIGURED, f"The URL cannot be used: {why}.", permanent=True)


def shown_origin(url: str) -> str:
    """Scheme, host and port: what may be logged, since paths and queries of webhooks are secrets."""
    parsed = parse_url(url)
    return f"{parsed.scheme}://{parsed.netloc.decode('ascii')}"


def retry_after(value: str | None, now: Instant, most: float = RETRY_AFTER[1]) -> float | None:
    """Seconds to wait by a Retry-After header (RFC 9110 section 10.2.3), at most `most`; None: it says nothing."""
    if value is None:
        return None
    if value.strip().isascii() and value.strip().isdigit():
        # A number of hundreds of digits is a long time too.
        seconds = float(value.strip()[:9])
    else:
        try:
            seconds = (from_datetime(parsedate_to_datetime(value)) - now) / SECOND
        except (ValueError, OverflowError):
            return None
    return min(max(seconds, RETRY_AFTER[0]), most)


def _header_lines(headers: Mapping[str, str], body: bytes) -> list[tuple[bytes, bytes]]:
    lines = {
        "User-Agent": "OpenAlert",
        "Accept-Encoding": "identity",
        "Connection": "close",
        **headers,
        "Content-Length": str(len(body)),
    }
    try:
        return [(name.encode("ascii"), value.encode("ascii")) for name, value in lines.items()]
    except UnicodeEncodeError as error:
        raise NotifierError(
            Reason.MISCONFIGURED, "A header of the request is not plain ASCII.", permanent=True
        ) from error
