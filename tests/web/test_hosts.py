"""By which names pages answer: every one before base_url is set, ours alone after."""

import httpx2
import pytest

from openalert.config import Config, Server
from openalert.web.hosts import KnownHosts, host_name
from openalert.web.middleware import Front
from tests.web.test_middleware import Health, hello

pytestmark = pytest.mark.anyio
SET = Server(base_url="https://oncall.example.com", allowed_hosts=("intern.example",))


@pytest.mark.parametrize(
    "host",
    ["oncall.example.com", "OnCall.Example.com:443", "oncall.example.com.", "intern.example:8080", "10.0.0.7:8080",
     "localhost:8080", "127.0.0.1", "[::1]:8080", "[2001:db8::1]"],
)  # fmt: skip
def test_our_names_are_ours(host: str) -> None:
    """base_url and allowed_hosts with any port and spelling; addresses and localhost, which nobody can lend us."""
    assert KnownHosts(Config(server=SET)).allow(host)


@pytest.mark.parametrize(
    "host",
    ["evil.example", "oncall.example.com.evil.example", "evil-oncall.example.com", "oncall.example.com@evil.example",
     "xoncall.example.com", "", "oncall", "127.0.0.1.evil.example", "2130706433", "0x7f.1", "localhost.evil.example"],
)  # fmt: skip
def test_other_names_are_not(host: str) -> None:
    """Also those that only look like ours, or like an address."""
    assert not KnownHosts(Config(server=SET)).allow(host)


@pytest.mark.parametrize("host", ["myserver", "oncall.lan", "192.168.1.5:8080"])
def test_the_first_run_needs_no_name(host: str) -> None:
    """Without base_url people reach it as their network calls it."""
    assert KnownHosts(Config()).allow(host)


def test_a_host_loses_its_port() -> None:
    """Names, IPv4, IPv6."""
    assert [host_name(host) for host in ("A.b:1", "1.2.3.4:5", "[::1]:8", "[::1]", "a.")] == [
        "a.b", "1.2.3.4", "::1", "::1", "a",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "status"),
    [("/incidents", 421), ("/api/v1/teams", 421), ("/login", 421), ("/webhooks/v1/key", 200), ("/health", 200),
     ("/ready", 200), ("/metrics", 200)],
)  # fmt: skip
async def test_pages_are_refused_and_machines_are_not(path: str, status: int) -> None:
    """421 with what to set; an alert is taken whatever name it was sent to."""
    app = Front(hello, Config(server=SET), Health())
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app), base_url="http://evil.example"
    ) as client:
        answer = await client.get(path, headers={"X-Forwarded-Host": "oncall.example.com"})
    assert answer.status_code == status
    if status == 421:
        assert answer.json()["code"] == "UNKNOWN_HOST"
        assert "server.allowed_hosts" in answer.json()["message"]


async def test_people_get_a_page_that_says_what_to_set() -> None:
    """Whoever types another name reads why, in the look of every other page, and is led nowhere."""
    app = Front(hello, Config(server=SET), Health())
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://old-name.example") as client:
        answer = await client.get("/incidents", headers={"accept": "text/html"})
        assert answer.status_code == 421
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "not known as &#39;old-name.example&#39;" in answer.text
        assert "server.base_url" in answer.text
        assert "/login" not in answer.text
        assert (await client.get("/static/logo.svg")).status_code == 200


@pytest.mark.parametrize(
    ("path", "status"), [("/api/v1/incidents", 415), ("/auth/login", 415), ("/webhooks/v1/k", 200)]
)
async def test_compressed_bodies_are_for_webhooks(path: str, status: int) -> None:
    """Elsewhere a small body that becomes a large one is refused unread."""
    app = Front(hello, Config(), Health())
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://here") as client:
        for encoding in ("gzip", "br", "deflate", "GZIP, identity"):
            headers = {"content-encoding": encoding}
            answer = await client.post(path, content=b"x", headers=headers)
            assert answer.status_code == status
        assert (
            await client.post(path, content=b"x", headers={"content-encoding": "identity"})
        ).status_code == 200
