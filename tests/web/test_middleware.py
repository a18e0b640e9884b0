"""The outermost layer: what holds for every answer, and the bounds of every request."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from structlog.testing import capture_logs

from openalert.app import OpenAlert
from openalert.config import Config, Server
from openalert.web import middleware
from openalert.web.middleware import CONTENT_SECURITY_POLICY, Front
from tests.web.test_guards import key

pytestmark = pytest.mark.anyio


class Health:
    """A server that is not stopping."""

    draining = False


async def hello(scope: Any, receive: Any, send: Any) -> None:
    """Reads the body and answers with the client's address."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"cache-control", b"max-age=1")]})
    await send({"type": "http.response.body", "body": str(scope["client"][0]).encode()})


def browser(app: Any, address: str = "192.0.2.7") -> httpx2.AsyncClient:
    """A client of an ASGI application, at this address."""
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app, client=(address, 1)), base_url="http://127.0.0.1:8080"
    )


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/health", 200),
        ("GET", "/no/such/page", 404),
        ("DELETE", "/health", 405),
        ("GET", "/api/v1/teams", 401),
        ("GET", "/incidents", 401),
        ("POST", "/webhooks/generic/unknown", 404),
        ("GET", "/static/nothing", 404),
        ("GET", "/api/v1/ws", 426),
    ],
)
async def test_every_answer_is_guarded(
    client: httpx2.AsyncClient, method: str, path: str, status: int
) -> None:
    """Found or not, Litestar or a mount: the headers and the request id are there, and nothing names the server."""
    answer = await client.request(method, path, headers={"X-Request-ID": "mine-1"})
    assert answer.status_code == status
    assert answer.headers["x-request-id"] == "mine-1"
    assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["cache-control"] == "no-store"
    assert "server" not in answer.headers


async def test_forms_of_our_pages_name_their_origin(client: httpx2.AsyncClient) -> None:
    """A page with no-referrer would send its forms with `Origin: null`; other sites learn nothing either way."""
    page = await client.get("/no/such/page", headers={"accept": "text/html"})
    assert page.headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize("sent", ["a b", "x" * 65, "a\tb", "<script>", ""])
async def test_a_strange_request_id_is_replaced(client: httpx2.AsyncClient, sent: str) -> None:
    """Only harmless ids are taken over into logs and answers."""
    answer = await client.get("/health", headers={"X-Request-ID": sent})
    assert len(answer.headers["x-request-id"]) == 16
    assert answer.headers["x-request-id"] != sent


async def test_an_answer_may_be_kept_if_it_says_so() -> None:
    """no-store is only the default."""
    async with browser(Front(hello, Config(), Health())) as client:
        assert (await client.get("/")).headers["cache-control"] == "max-age=1"


async def test_tls_is_pinned_only_where_it_is_used() -> None:
    """HSTS follows base_url."""
    for base_url, pinned in (("https://oncall.example.com", True), ("", False)):
        app = Front(hello, Config(server=Server(base_url=base_url)), Health())
        async with browser(app) as client:
            assert ("strict-transport-security" in (await client.get("/")).headers) is pinned


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("192.0.2.7", "198.51.100.1", "192.0.2.7"),
        ("10.1.1.1", "198.51.100.1", "198.51.100.1"),
        ("10.1.1.1", "6.6.6.6, 198.51.100.1", "198.51.100.1"),
        ("10.1.1.1", "198.51.100.1, 10.2.2.2", "198.51.100.1"),
        ("10.1.1.1", "6.6.6.6, nonsense", "10.1.1.1"),
        ("10.1.1.1", "10.3.3.3", "10.3.3.3"),
    ],
)
async def test_only_our_proxies_say_who_the_client_is(peer: str, forwarded: str, client: str) -> None:
    """From the right, as far as proxies of ours vouch for it; what the client wrote itself proves nothing."""
    app = Front(hello, Config(server=Server(trusted_proxies=("10.0.0.0/8",))), Health())
    async with browser(app, peer) as http:
        assert (await http.get("/", headers={"X-Forwarded-For": forwarded})).text == client


@pytest.mark.parametrize(("peer", "scheme"), [("10.1.1.1", "https"), ("192.0.2.7", "http")])
async def test_only_our_proxies_say_that_it_came_by_tls(peer: str, scheme: str) -> None:
    """What an origin is compared with depends on it."""
    seen: list[str] = []

    async def note(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["scheme"])
        await hello(scope, receive, send)

    app = Front(note, Config(server=Server(trusted_proxies=("10.0.0.0/8",))), Health())
    async with browser(app, peer) as http:
        await http.get("/", headers={"X-Forwarded-Proto": "https"})
    assert seen == [scheme]


@pytest.mark.proves("LC-2", "F-32")
async def test_a_large_body_is_refused_whether_or_not_it_says_so() -> None:
    """413, by the length it claims and by the bytes that come."""

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b"x" * 300

    app = Front(hello, Config(server=Server(max_body_bytes=1024)), Health())
    async with browser(app) as client:
        assert (await client.post("/", content=b"x" * 1024)).status_code == 200
        for content in (b"x" * 1025, chunks()):
            answer = await client.post("/", content=content)
            assert answer.status_code == 413
            assert answer.json()["code"] == "BODY_TOO_LARGE"


async def test_a_body_that_does_not_arrive_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """408 after the deadline; the time after a whole body is not counted."""
    monkeypatch.setattr(middleware, "BODY_SECONDS", 0.05)
    sent: list[Any] = []

    async def silence() -> Any:
        await asyncio.sleep(3_600)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/", "headers": [], "client": None}
    await Front(hello, Config(), Health())(scope, silence, send)
    assert sent[0]["status"] == 408
    assert json.loads(sent[1]["body"])["code"] == "BODY_TIMEOUT"


@pytest.mark.parametrize("length", [None, "20", "0"])
@pytest.mark.parametrize("path", ["/api/v1/teams", "/webhooks/generic/unknown"])
async def test_who_goes_away_in_the_middle_is_no_fault_of_ours(
    app: OpenAlert, path: str, length: str | None
) -> None:
    """By a route of the framework or past it: a short refusal that nobody reads, and no traceback in the log."""
    said: list[Any] = []

    async def gone() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        said.append(message)

    headers = [(b"host", b"127.0.0.1:8080"), (b"content-type", b"application/json")]
    headers.append((b"authorization", f"Bearer {await key(app)}".encode()))
    headers += [(b"content-length", length.encode())] if length else []
    scope = {
        "type": "http", "method": "POST", "path": path, "query_string": b"", "scheme": "http", "headers": headers,
        "client": ("127.0.0.1", 5000), "server": ("127.0.0.1", 8080), "root_path": "", "http_version": "1.1",
    }  # fmt: skip
    with capture_logs() as logged:
        await app.asgi(scope, gone, send)
    assert said[0]["status"] in (400, 404)
    assert [line for line in logged if line["log_level"] in ("error", "critical") or "exc_info" in line] == []


@pytest.mark.parametrize("waits", [1, 3])
async def test_a_body_that_is_waited_for_arrives_however_often_its_receiver_waits(waits: int) -> None:
    """What begins to wait is awaited to its end, step by step, and an interruption reaches it in any of them."""
    heard: list[str] = []
    held, hold = asyncio.Event(), asyncio.Event()

    async def receive() -> Any:
        try:
            for _ in range(waits):
                await asyncio.sleep(0.001)
            if heard:
                held.set()
                await hold.wait()
        except asyncio.CancelledError:
            heard.append("interrupted")
            raise
        heard.append("arrived")
        return {"type": "http.request", "body": b"whole"}

    async def echo(_: Any, receive: Any, send: Any) -> None:
        body = (await receive())["body"]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    app = Front(echo, Config(), Health())
    scope = {"type": "http", "method": "POST", "path": "/", "headers": [], "client": None}
    await app(dict(scope), receive, send)
    assert (sent[0]["status"], sent[1]["body"], heard) == (200, b"whole", ["arrived"])
    task = asyncio.create_task(app(dict(scope), receive, send))
    await asyncio.wait_for(held.wait(), 60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert heard == ["arrived", "interrupted"]


async def test_a_fault_leaves_no_trace_outside() -> None:
    """Whatever breaks below, the answer is a bare 500 with the request id."""

    async def broken(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("SELECT secret FROM /etc/passwd")

    async with browser(Front(broken, Config(), Health())) as client:
        answer = await client.get("/", headers={"X-Request-ID": "r1"})
    assert answer.status_code == 500
    assert answer.json()["code"] == "INTERNAL_ERROR"
    assert answer.json()["request_id"] == "r1"
    for canary in ("SELECT", "passwd", "RuntimeError", "Traceback", ".py"):
        assert canary not in answer.text


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-Original-URL", "X-User", "X-Forwarded-User"])
async def test_headers_that_change_a_request_elsewhere_change_nothing_here(
    app: OpenAlert, client: httpx2.AsyncClient, header: str
) -> None:
    """The method, the path and the person are what the request itself says."""
    answer = await client.get("/api/v1/teams", headers={header: "/health"})
    assert answer.status_code == 401
