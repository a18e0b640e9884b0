"""Outgoing HTTP: where it may go, how far it got, how much it takes in."""

import asyncio
import ipaddress
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from openalert.domain.instant import to_datetime
from openalert.notifiers import addresses
from openalert.notifiers.addresses import Address, Resolver
from openalert.notifiers.http import (
    Answer,
    HttpClient,
    OutgoingSettings,
    for_provider,
    parse_url,
    retry_after,
    shown_origin,
)
from openalert.notifiers.notifier import LostAnswer, NotifierError, Reason
from tests.fakes import black_hole
from tests.fakes.certificates import make_certificate
from tests.fakes.webhook import FakeWebhook, Fault
from tests.notifiers.messages import NOW
from tests.processes.server import until

pytestmark = pytest.mark.anyio

OPEN = OutgoingSettings(allowed_networks=["127.0.0.0/8"], deadline=30.0, connect_deadline=10.0)
HURRIED = msgspec.structs.replace(OPEN, deadline=4.0)
"""For what nothing but the deadline ends; what goes well takes its time on a busy machine."""
UNHEARD = msgspec.structs.replace(OPEN, connect_deadline=3.0)
"""For what nothing but the connect deadline ends."""


@pytest.fixture
async def receiver() -> AsyncIterator[FakeWebhook]:
    """A receiver without encryption."""
    async with FakeWebhook() as fake:
        yield fake


async def post(
    url: str, settings: OutgoingSettings = OPEN, *, headers: dict[str, str] | None = None, **parts: Any
) -> Answer:
    """One request by a client of its own."""
    client = HttpClient(settings, **parts)
    try:
        return await client.request("POST", url, headers=headers or {}, body=b"hello")
    finally:
        await client.close()


async def failure(url: str, settings: OutgoingSettings = OPEN, **parts: Any) -> NotifierError:
    """The error that one request ends with."""
    with pytest.raises(NotifierError) as caught:
        await post(url, settings, **parts)
    return caught.value


class Names(Resolver):
    """A name server that answers from a list, each answer once, the last one for ever."""

    def __init__(self, *answers: list[str]) -> None:
        super().__init__()
        self.answers = list(answers)
        self.asked: list[str] = []

    async def addresses(self, host: str, port: int) -> list[Address]:
        self.asked.append(host)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [ipaddress.ip_address(address) for address in answer]


async def test_request_arrives_as_written(receiver: FakeWebhook) -> None:
    """Path, query, headers and body; no cookies, no compression, no second use of the connection."""
    answer = await post(receiver.url, headers={"X-Mine": "yes"})
    (request,) = receiver.requests
    assert (answer.status, answer.body, answer.complete) == (200, b'{"ok":true}', True)
    assert (request.method, request.path, request.body) == (
        "POST",
        "/hooks/s3cret-path?token=s3cret-query",
        b"hello",
    )
    assert request.headers == {
        "host": f"127.0.0.1:{receiver.port}", "x-mine": "yes", "content-length": "5", "user-agent": "OpenAlert",
        "accept-encoding": "identity", "connection": "close",
    }  # fmt: skip


async def test_redirects_are_answers(receiver: FakeWebhook) -> None:
    """Nothing is followed, wherever it leads."""
    receiver.answer(302, {"Location": "http://169.254.169.254/latest/meta-data/"})
    answer = await post(receiver.url)
    assert answer.status == 302
    assert len(receiver.requests) == 1


async def test_a_host_that_the_operator_names_may_be_private(receiver: FakeWebhook) -> None:
    """The base URL of a provider opens its own host, no other, and never the addresses that hand out credentials."""
    settings = for_provider(OutgoingSettings(), receiver.url)
    client = HttpClient(settings)
    assert (await client.request("POST", receiver.url, headers={})).status == 200
    for other in (f"http://localhost:{receiver.port}/", "http://169.254.169.254/"):
        with pytest.raises(NotifierError) as refused:
            await client.request("POST", other, headers={})
        assert refused.value.reason is Reason.BLOCKED_ADDRESS
    metadata = HttpClient(for_provider(OutgoingSettings(), "http://169.254.169.254/"))
    with pytest.raises(NotifierError):
        await metadata.request("POST", "http://169.254.169.254/", headers={})


async def test_loopback_is_closed_by_default(receiver: FakeWebhook) -> None:
    """Not one byte reaches a receiver in a closed network, and the refusal does not say whether there is one."""
    error = await failure(receiver.url, OutgoingSettings())
    assert (error.reason, error.permanent) == (Reason.BLOCKED_ADDRESS, True)
    assert receiver.requests == []
    await receiver.down()
    assert (await failure(receiver.url, OutgoingSettings())).detail == error.detail


async def test_every_address_of_a_name_must_pass(receiver: FakeWebhook) -> None:
    """One closed address among open ones closes the name."""
    names = Names(["127.0.0.1", "169.254.169.254"])
    error = await failure(f"http://hooks.example.com:{receiver.port}/", resolver=names)
    assert error.reason is Reason.BLOCKED_ADDRESS
    assert receiver.requests == []


async def test_a_name_that_changes_its_address_gains_nothing(receiver: FakeWebhook) -> None:
    """What was checked is what is dialled, and the next request is checked anew."""
    names = Names(["127.0.0.1"], ["10.0.0.1"])
    client = HttpClient(OPEN, resolver=names)
    url = f"http://hooks.example.com:{receiver.port}/"
    assert (await client.request("GET", url, headers={})).status == 200
    with pytest.raises(NotifierError) as refused:
        await client.request("GET", url, headers={})
    assert refused.value.reason is Reason.BLOCKED_ADDRESS
    assert names.asked == ["hooks.example.com", "hooks.example.com"]
    assert receiver.requests[0].headers["host"] == f"hooks.example.com:{receiver.port}"
    await client.close()


async def test_a_dead_first_address_is_passed_over(receiver: FakeWebhook) -> None:
    """The second address gets its share of the time."""
    answer = await post(
        f"http://hooks.example.com:{receiver.port}/", resolver=Names(["127.0.0.9", "127.0.0.1"])
    )
    assert answer.status == 200


async def test_tls_is_for_the_name_not_the_address() -> None:
    """The certificate must be that of the name in the URL, though the address is dialled."""
    certificate = make_certificate("hooks.example.com")
    async with FakeWebhook(certificate=certificate) as receiver:
        names = Names(["127.0.0.1"])
        url = f"https://hooks.example.com:{receiver.port}/"
        assert (await post(url, tls=certificate.client, resolver=names)).status == 200
        wrong = f"https://other.example.com:{receiver.port}/"
        error = await failure(wrong, tls=certificate.client, resolver=names)
        assert (error.reason, error.permanent) == (Reason.TLS_FAILED, False)
        assert len(receiver.requests) == 1


@pytest.mark.proves("F-17", "F-48")
@pytest.mark.parametrize("expired", [True, False])
async def test_certificates_are_checked(expired: bool) -> None:
    """An expired one and one that nobody we trust has signed."""
    shown = make_certificate(expired=expired)
    async with FakeWebhook(certificate=shown) as receiver:
        error = await failure(receiver.url, tls=shown.client if expired else make_certificate().client)
        assert error.reason is Reason.TLS_FAILED
        assert error.is_certificate
        assert ("expired" in error.detail) is expired
        assert receiver.requests == []


async def test_proxy_variables_are_not_read(receiver: FakeWebhook, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy would dial for us, unchecked."""
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert (await post(receiver.url)).status == 200


@pytest.mark.parametrize(
    "fault", [Fault.LOST_ANSWER, Fault.RESET, Fault.HALF_RESPONSE, Fault.HANG, Fault.NOT_HTTP]
)
async def test_no_status_is_a_lost_answer(receiver: FakeWebhook, fault: Fault) -> None:
    """The request was read by the other side; nobody can say what became of it."""
    receiver.fault = fault
    with pytest.raises(LostAnswer):
        await post(receiver.url, HURRIED if fault is Fault.HANG else OPEN)
    assert len(receiver.requests) == 1


async def test_short_body_keeps_its_status(receiver: FakeWebhook) -> None:
    """The status is certain, the body is known to be cut off."""
    receiver.fault = Fault.WRONG_LENGTH
    answer = await post(receiver.url)
    assert (answer.status, answer.body, answer.complete) == (200, b"short", False)


async def test_endless_body_is_cut_off(receiver: FakeWebhook) -> None:
    """64 KiB are read, then the connection is dropped: memory and time stay bounded."""
    receiver.fault = Fault.ENDLESS_BODY
    answer = await post(receiver.url)
    assert (len(answer.body), answer.complete) == (65_536, False)
    poured = -1

    async def is_over() -> bool:
        nonlocal poured
        before, poured = poured, receiver.sent
        return poured == before

    await until(is_over, 20)


async def test_slow_answer_within_the_deadline(receiver: FakeWebhook) -> None:
    """Slow is not down."""
    receiver.fault, receiver.delay = Fault.SLOW, 0.3
    assert (await post(receiver.url)).status == 200


async def test_connection_that_is_never_taken() -> None:
    """A host that does not answer costs the connect deadline, not the whole one, and may be tried again."""
    with black_hole() as port:
        async with asyncio.timeout(25):
            error = await failure(f"http://127.0.0.1:{port}/", UNHEARD)
        assert (error.reason, error.permanent) == (Reason.TIMEOUT, False)


async def test_silent_first_address_leaves_time_for_the_next(receiver: FakeWebhook) -> None:
    """An address that never answers uses up its share of the time, not all of it."""
    with black_hole("127.0.0.9", receiver.port):
        names = Names(["127.0.0.9", "127.0.0.1"])
        url = f"http://hooks.example.com:{receiver.port}/"
        assert (await post(url, UNHEARD, resolver=names)).status == 200


async def test_byte_by_byte_ends_at_the_deadline(receiver: FakeWebhook) -> None:
    """The deadline is for the whole exchange, not for each byte of it."""
    receiver.fault, receiver.delay = Fault.TRICKLE, 0.1
    async with asyncio.timeout(30):
        with pytest.raises(LostAnswer):
            await post(receiver.url, HURRIED)


async def test_trailing_dot_is_the_same_name() -> None:
    """The root's dot changes neither the lookup nor the name on the certificate."""
    certificate = make_certificate("hooks.example.com")
    async with FakeWebhook(certificate=certificate) as encrypted:
        names = Names(["127.0.0.1"])
        url = f"https://hooks.example.com.:{encrypted.port}/"
        assert (await post(url, tls=certificate.client, resolver=names)).status == 200
        assert names.asked == ["hooks.example.com"]


async def test_hanging_name_server_blocks_nobody_else(
    receiver: FakeWebhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lookup that hangs ends at the connect deadline and holds none of the threads that others wait for."""
    release, lookup = threading.Event(), socket.getaddrinfo

    def hang(host: str, *args: Any, **kwargs: Any) -> Any:
        if host == "hang.example.com":
            release.wait(30)
            raise socket.gaierror(socket.EAI_AGAIN, "later")
        return lookup(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    attempts = [asyncio.create_task(failure("http://hang.example.com/", UNHEARD)) for _ in range(20)]
    try:
        await asyncio.sleep(0.05)
        async with asyncio.timeout(25):
            await asyncio.to_thread(lambda: None)
            assert (await post(receiver.url)).status == 200
            errors = await asyncio.gather(*attempts)
        assert {error.reason for error in errors} == {Reason.TIMEOUT}
    finally:
        release.set()


class NameServer:
    """Stands in for the system's resolver: answers, refuses or hangs as it is told, and counts who asks."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.error: int | None = None
        self.address = "127.0.0.1"
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.asked: list[str] = []
        self.was_asked = threading.Event()
        monkeypatch.setattr(socket, "getaddrinfo", self.getaddrinfo)

    def getaddrinfo(self, host: str, port: int, *_: Any, **__: Any) -> Any:
        """As the system's; runs in a thread."""
        self.asked.append(host)
        self.was_asked.set()
        self.may_answer.wait(30)
        if self.error is not None:
            raise socket.gaierror(self.error, "as told")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (self.address, port))]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServer]:
    """A name server that knows every name."""
    server = NameServer(monkeypatch)
    yield server
    server.may_answer.set()


@pytest.mark.proves("F-18")
async def test_many_who_wait_for_one_name_hold_one_thread(names: NameServer) -> None:
    """A hundred requests to a host whose name hangs are one question, and another name is answered beside them."""
    names.may_answer.clear()
    resolver = Resolver()
    waiting = [asyncio.create_task(resolver.addresses("hang.example.com", 80)) for _ in range(100)]
    assert await asyncio.to_thread(names.was_asked.wait, 30)
    for each in waiting[:50]:
        each.cancel()
    await asyncio.wait(waiting[:50])
    assert names.asked == ["hang.example.com"]
    names.may_answer.set()
    assert {str(found) for each in waiting[50:] for found in await each} == {"127.0.0.1"}
    resolver.close()


@pytest.mark.proves("F-18", "NO-4")
@pytest.mark.parametrize("error", [socket.EAI_AGAIN, socket.EAI_FAIL])
async def test_a_name_server_in_trouble_does_not_keep_pages(
    receiver: FakeWebhook, names: NameServer, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    """SERVFAIL or no answer: the address of before is dialled, for ten minutes; then the name has none."""
    client = HttpClient(OPEN)
    url = f"http://hooks.example.com:{receiver.port}/"
    assert (await client.request("GET", url, headers={})).status == 200
    names.error = error
    assert (await client.request("GET", url, headers={})).status == 200
    monkeypatch.setattr(addresses, "KEPT_SECONDS", 0.0)
    with pytest.raises(NotifierError) as caught:
        await client.request("GET", url, headers={})
    assert caught.value.reason is Reason.UNREACHABLE
    await client.close()


@pytest.mark.proves("F-18")
async def test_a_name_server_that_hangs_does_not_keep_pages(receiver: FakeWebhook, names: NameServer) -> None:
    """It has a second; then the address of before is dialled, and what comes late is what is known from then on."""
    client = HttpClient(OPEN)
    url = f"http://hooks.example.com:{receiver.port}/"
    assert (await client.request("GET", url, headers={})).status == 200
    names.may_answer.clear()
    assert (await client.request("GET", url, headers={})).status == 200
    names.address = "10.0.0.1"
    names.may_answer.set()
    with pytest.raises(NotifierError) as caught:
        await client.request("GET", url, headers={})
    assert caught.value.reason is Reason.BLOCKED_ADDRESS
    await client.close()


@pytest.mark.proves("F-18")
async def test_a_name_that_is_gone_is_gone(receiver: FakeWebhook, names: NameServer) -> None:
    """NXDOMAIN is an answer: where the name led before is not dialled any more."""
    client = HttpClient(OPEN)
    url = f"http://hooks.example.com:{receiver.port}/"
    assert (await client.request("GET", url, headers={})).status == 200
    names.error = socket.EAI_NONAME
    with pytest.raises(NotifierError) as caught:
        await client.request("GET", url, headers={})
    assert (caught.value.reason, len(receiver.requests)) == (Reason.UNREACHABLE, 1)
    await client.close()


@pytest.mark.proves("F-18")
async def test_what_was_known_is_checked_like_any_address(names: NameServer) -> None:
    """An address of before passes the same rule: what has been closed since is not dialled."""
    resolver = Resolver()
    await resolver.addresses("hooks.example.com", 1)
    names.error = socket.EAI_AGAIN
    error = await failure("http://hooks.example.com:1/", OutgoingSettings(), resolver=resolver)
    assert error.reason is Reason.BLOCKED_ADDRESS


@pytest.mark.parametrize(
    "url",
    ["", "hooks.example.com", "//hooks.example.com", "ftp://example.com/", "file:///etc/passwd", "gopher://x/",
     "unix:/run/x.sock", "http://", "http:///x", "http://user:pw@example.com/", "http://example.com\\@127.0.0.1/",
     "http://exa mple.com/", "http://example.com/\r\nX: y", "http://example.com:0/", "http://example.com:99999/",
     "http://[::1", "http://[fe80::1%25eth0]/", "http://１２７.0.0.1/", "http://example.com/" + "x" * 3_000,
     "javascript:alert(1)", "http://example.com/\x00"],
)  # fmt: skip
async def test_urls_that_are_not_requested(url: str) -> None:
    """Anything but a plain http or https URL is the channel's mistake, found before any lookup."""
    names = Names(["127.0.0.1"])
    error = await failure(url, resolver=names)
    assert (error.reason, error.permanent) == (Reason.MISCONFIGURED, True)
    assert names.asked == []


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost.", "127.0.0.1.", "[::1]", "[::ffff:127.0.0.1]", "[fe80::1]", "0", "0.0.0.0"],
)
async def test_hosts_that_are_ourselves(host: str) -> None:
    """However loopback is written, it is closed by default."""
    error = await failure(f"http://{host}:1/", OutgoingSettings())
    assert error.reason in (Reason.BLOCKED_ADDRESS, Reason.UNREACHABLE)


async def test_headers_cannot_be_broken_out_of(receiver: FakeWebhook) -> None:
    """A line break or a letter beyond ASCII in a header is the channel's mistake."""
    for value in ("a\r\nX-Evil: 1", "a\x00b", "é"):
        with pytest.raises(NotifierError) as caught:
            await post(receiver.url, headers={"X-Mine": value})
        assert (caught.value.reason, caught.value.permanent) == (Reason.MISCONFIGURED, True)
    assert receiver.requests == []


@pytest.mark.parametrize("fault", [Fault.LOST_ANSWER, None])
async def test_errors_do_not_tell_the_path(receiver: FakeWebhook, fault: Fault | None) -> None:
    """The path and query of a webhook are its password."""
    if fault:
        receiver.fault = fault
    else:
        await receiver.down()
    with pytest.raises((NotifierError, LostAnswer)) as caught:
        await post(receiver.url)
    assert "s3cret" not in str(caught.value)
    assert str(receiver.port) in str(caught.value)


def test_shown_origin() -> None:
    """Scheme, host and port are all that is ever shown."""
    assert shown_origin("https://hooks.example.com/T0/B0/s3cret?x=y#z") == "https://hooks.example.com"
    assert shown_origin("http://[::1]:8080/x") == "http://[::1]:8080"
    assert parse_url("https://bücher.example/").raw_host == b"xn--bcher-kva.example"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None), ("", None), ("soon", None), ("-5", None), ("1.5", None), ("٣", None), ("0", 1.0), ("7", 7.0),
        (" 7 ", 7.0), ("900", 900.0), ("86400", 900.0), ("9" * 400, 900.0), ("Fri, 16 Oct 2026 01:05:00 GMT", 60.0),
        ("Fri, 16 Oct 2026 00:00:00 GMT", 1.0), ("Fri, 16 Oct 2099 00:00:00 GMT", 900.0),
        ("Fri, 99 Oct 2026 01:05:00 GMT", None), ("Fri, 16 Oct 2026 01:05:00", None),
    ],
)  # fmt: skip
def test_retry_after(value: str | None, expected: float | None) -> None:
    """Seconds or a date, between one second and a quarter of an hour; anything else says nothing."""
    assert to_datetime(NOW).isoformat() == "2026-10-16T01:04:00+00:00"
    assert retry_after(value, NOW) == expected


def test_excerpt_is_short_and_on_one_line() -> None:
    """Administrators see the status and how the answer begins."""
    answer = Answer(500, {}, b"<h1>Oops\r\n\x00" + b"\xff" + b"x" * 9_000, True)
    assert answer.excerpt().startswith("500 <h1>Oops \N{REPLACEMENT CHARACTER}xxx")
    assert len(answer.excerpt()) <= 256


async def test_failures_leave_no_sockets_behind(receiver: FakeWebhook) -> None:
    """Requests that end badly cost neither file descriptors nor places in the pool (which has 64)."""
    client = HttpClient(OPEN)
    receiver.fault = Fault.LOST_ANSWER
    with pytest.raises(LostAnswer):
        await client.request("POST", receiver.url, headers={})
    before = _open_files()
    for fault in (
        Fault.LOST_ANSWER,
        Fault.RESET,
        Fault.HALF_RESPONSE,
        Fault.ENDLESS_BODY,
        Fault.WRONG_LENGTH,
    ):
        receiver.fault = fault
        for _ in range(70):
            try:
                await client.request("POST", receiver.url, headers={})
            except LostAnswer:
                continue

    async def are_closed() -> bool:
        return _open_files() <= before + 2

    await until(are_closed, 20)
    await client.close()


def _open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())
