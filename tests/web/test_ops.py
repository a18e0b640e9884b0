"""Health, readiness and metrics: each changes when what it speaks of does, and only then."""

import httpx2
import pytest

from openalert import __version__
from openalert.app import OpenAlert
from openalert.config import Config, Server
from openalert.domain.access import Role
from openalert.engine.engine import Health
from openalert.usecases import api_keys, setup
from tests.processes.server import until

pytestmark = pytest.mark.anyio


async def key(app: OpenAlert, role: Role) -> str:
    """The text of a new API key."""
    async with app.database.transaction() as tx:
        await setup.ensure_organization(tx, "Acme")
        _, text = await api_keys.create(tx, name="key", role=role)
    return text


def stranger(app: OpenAlert) -> httpx2.AsyncClient:
    """A client from another machine."""
    transport = httpx2.ASGITransport(app=app.asgi, client=("203.0.113.9", 1234))
    return httpx2.AsyncClient(transport=transport, base_url=app.config.base_url)


@pytest.mark.parametrize("path", ["/health", "/health/live", "/ready", "/health/ready"])
async def test_a_working_server_says_so(client: httpx2.AsyncClient, path: str) -> None:
    """Everybody may ask; this machine hears the version too."""

    async def works() -> httpx2.Response | None:
        answer = await client.get(path)  # a busy machine may leave the engine without a turn for some seconds
        return answer if answer.status_code == 200 else None

    answer = await until(works)
    assert answer is not None
    assert answer.json()["status"] == "ok"
    assert answer.json()["version"] == __version__


def _age(monkeypatch: pytest.MonkeyPatch, of: str, seconds: float | None) -> None:
    """So long ago is what the engine, which goes on here, did last."""
    monkeypatch.setattr(Health, of, property(lambda _: seconds))


async def test_an_engine_that_stands_still_is_not_ready_and_then_not_alive(
    client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a tick for 6 s it is not ready, after 31 s it is not alive."""
    for seconds, ready, alive in ((6, 503, 200), (31, 503, 503)):
        _age(monkeypatch, "tick_age", seconds)
        assert (await client.get("/ready")).status_code == ready
        assert (await client.get("/health")).status_code == alive


async def test_a_writer_that_cannot_commit_is_not_ready(
    client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a committed row for 11 s alerts are better sent elsewhere; a restart would not help."""
    _age(monkeypatch, "tick_age", 0.0)
    for age in (11, None):
        _age(monkeypatch, "write_age", age)
        answer = await client.get("/ready")
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "5"
        assert answer.json()["checks"] == {"running": True, "engine": True, "database": False}
        assert (await client.get("/health")).status_code == 200


async def test_a_stopping_server_is_alive_but_not_ready(app: OpenAlert, client: httpx2.AsyncClient) -> None:
    """Everything else is told to come back."""
    await app.drain()
    assert (await client.get("/health")).status_code == 200
    assert (await client.get("/ready")).status_code == 503
    answer = await client.post("/webhooks/generic/some-key", json={})
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert answer.json()["code"] == "UNAVAILABLE"


async def test_metrics_hold_what_is_promised(client: httpx2.AsyncClient) -> None:
    """By name; requests are counted by route template, never by raw path."""
    await client.get("/no/such/place/a-stranger")
    text = (await client.get("/metrics")).text
    for name in (
        "ingest_total", "ingest_commit_seconds", "incidents_open", "notifications_total",
        "notification_handover_seconds", "timer_lateness_seconds", "oldest_due_timer_seconds",
        "oldest_unsent_page_seconds", "quarantined_total", "writer_queue_depth", "event_loop_lag_seconds",
        "websocket_clients", "websocket_dropped_total", "http_request_seconds",
    ):  # fmt: skip
        assert f"# TYPE openalert_{name} " in text, name
    assert f'openalert_build_info{{version="{__version__}"}} 1.0' in text
    assert 'route="unknown"' in text
    assert "a-stranger" not in text


async def test_strangers_do_not_hear_the_version(app: OpenAlert) -> None:
    """Which version has which holes is for them to find out; that it is well is not."""
    async with stranger(app) as browser:
        assert set((await browser.get("/health")).json()) == {"status", "checks"}


@pytest.mark.parametrize(
    ("host", "status"), [("rebound.example.com", 401), ("localhost", 200), ("[::1]:8080", 200)]
)
async def test_a_borrowed_name_is_not_this_machine(
    client: httpx2.AsyncClient, host: str, status: int
) -> None:
    """A page elsewhere whose name points here makes a browser on this machine ask, and hears nothing."""
    assert (await client.get("/metrics", headers={"host": host})).status_code == status


async def test_a_scraper_elsewhere_shows_the_token(app: OpenAlert) -> None:
    """Exactly it, as a bearer; it opens nothing else."""
    token = "a token for the scraper"
    app.asgi.app.state.config = Config(server=Server(metrics_token=token))  # type: ignore[attr-defined]  # a Litestar
    async with stranger(app) as browser:
        for given, status in ((token, 200), (token + "x", 401), (token[:-1], 401), ("", 401), ("é", 401)):
            headers = {"authorization": f"Bearer {given}".encode()}
            assert (await browser.get("/metrics", headers=headers)).status_code == status, given
        headers = {"authorization": f"Bearer {token}".encode()}
        assert (await browser.get("/api/v1/teams", headers=headers)).status_code == 401


async def test_metrics_are_not_for_strangers(app: OpenAlert) -> None:
    """From elsewhere they need a key with the role admin."""
    async with stranger(app) as browser:
        assert (await browser.get("/metrics")).status_code == 401
        for role, status in ((Role.VIEWER, 403), (Role.ADMIN, 200)):
            headers = {"authorization": f"Bearer {await key(app, role)}"}
            assert (await browser.get("/metrics", headers=headers)).status_code == status


async def test_a_proxy_on_this_machine_does_not_make_strangers_local(client: httpx2.AsyncClient) -> None:
    """Loopback counts only when nobody is behind it."""
    answer = await client.get("/metrics", headers={"x-forwarded-for": "127.0.0.1"})
    assert answer.status_code == 401
