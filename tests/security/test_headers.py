"""What every answer carries, whichever route, method and outcome (S-18, S-60); generated from the route table."""

import re
from typing import Any

import httpx2
import pytest
from litestar.routes import HTTPRoute

from openalert import __version__
from openalert.app import OpenAlert
from openalert.config import Config, Server
from openalert.domain.access import Role
from openalert.engine.engine import Health
from openalert.usecases import setup, signin, users

pytestmark = pytest.mark.anyio

BASE = "https://oncall.example.com"
POLICY = {
    "default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "img-src": "'self' data:",
    "connect-src": "'self'", "font-src": "'self'", "manifest-src": "'self'", "form-action": "'self'",
    "frame-ancestors": "'none'", "base-uri": "'none'",
}  # fmt: skip
EVERYWHERE = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "strict-transport-security": "max-age=31536000",
}
PUBLIC_TEXT = {"/api/openapi.json", "/service-worker.js"}
"""The same for everybody, and kept: a browser asks again whether it has changed."""


@pytest.fixture
def config(tmp_path: Any) -> Config:
    """Reached by TLS, so that the headers of TLS are due too."""
    server = Server(data_dir=str(tmp_path), base_url=BASE, api_writes_per_minute=0, max_body_bytes=2048)
    return Config(server=server)


async def owner(app: OpenAlert) -> str:
    """The cookie of a signed-in owner."""
    async with app.database.transaction() as tx:
        await setup.ensure_organization(tx, "Acme")
        ana = await users.create(tx, email="ana@example.org", name="Ana", role=Role.OWNER)
        token = await signin.open_session(tx, ana.id, address="", user_agent="")
    return f"{app.access.cookie}={token}"


def check(answer: httpx2.Response, *, is_file: bool = False) -> None:
    """All of it is there, and nothing that tells what runs here."""
    where = f"{answer.request.method} {answer.request.url.path} {answer.status_code}"
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    assert policy == POLICY, where
    for name, value in EVERYWHERE.items():
        assert answer.headers.get_list(name) == [value], f"{where}: {name}"
    assert "geolocation=()" in answer.headers["permissions-policy"]
    assert answer.headers["x-request-id"]
    may_be_kept = is_file or answer.request.url.path in PUBLIC_TEXT
    assert may_be_kept or answer.headers["cache-control"] == "no-store", where
    for name, value in answer.headers.items():
        assert name not in ("server", "x-powered-by"), where
        assert __version__ not in value
        assert not any(word in value.lower() for word in ("uvicorn", "litestar", "python")), (
            f"{where}: {name}"
        )


@pytest.mark.parametrize("signed_in", [False, True])
async def test_every_route_and_method_answers_with_them(
    app: OpenAlert, client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch, signed_in: bool
) -> None:
    """As a stranger and as the owner, as a browser and as a program: pages, refusals, redirects, empty answers."""
    # A busy machine may leave the engine, which has just begun, without a turn for seconds.
    for age in ("tick_age", "write_age"):
        monkeypatch.setattr(Health, age, property(lambda _: 0.0))
    monkeypatch.setattr("openalert.web.deep.LONGEST_CYCLE", 120.0)
    cookie = await owner(app) if signed_in else ""
    seen: set[int] = set()
    for route in app.asgi.app.routes:  # type: ignore[attr-defined]  # the middleware knows it as any ASGI application
        if not isinstance(route, HTTPRoute):
            continue
        path = route.path_format.replace("{", "").replace("}", "")
        if path == "/auth/logout":
            continue
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
            for accept in ("text/html", "application/json"):
                headers = {"accept": accept, "cookie": cookie, "origin": BASE}
                answer = await client.request(method, path, headers=headers)
                check(answer)
                assert answer.status_code < 500, (method, path)
                seen.add(answer.status_code)
    assert {200, 404, 405} <= seen if signed_in else {200, 401, 303, 405} <= seen


@pytest.mark.parametrize(
    ("method", "path", "headers", "content", "status"),
    [
        ("GET", "/no/such/page", {}, b"", 404),
        ("GET", "/no/such/page", {"accept": "text/html"}, b"", 404),
        ("GET", "/incidents", {"accept": "text/html"}, b"", 303),
        ("GET", "/static/../../etc/passwd", {}, b"", 404),
        ("GET", "/api/v1/ws", {}, b"", 426),
        ("POST", "/auth/login", {"origin": BASE}, b"x" * 3000, 413),
        ("POST", "/auth/login", {"origin": BASE, "content-encoding": "gzip"}, b"x", 415),
        ("POST", "/auth/login", {"origin": "https://evil.example"}, b"{}", 403),
        ("POST", "/webhooks/v1/unknown", {}, b"{}", 404),
        ("GET", "/incidents", {"host": "evil.example"}, b"", 421),
        ("GET", "/incidents", {"host": "evil.example", "accept": "text/html"}, b"", 421),
    ],
)
async def test_every_kind_of_refusal_answers_with_them(
    client: httpx2.AsyncClient, method: str, path: str, headers: dict[str, str], content: bytes, status: int
) -> None:
    """Whoever refuses: middleware, mount, framework or guard."""
    answer = await client.request(method, path, headers=headers, content=content)
    assert answer.status_code == status, answer.text
    check(answer)


async def test_files_may_be_kept_and_have_the_rest(app: OpenAlert, client: httpx2.AsyncClient) -> None:
    """Style sheets and scripts, found anew and unchanged."""
    page = (await client.get("/no/such/page", headers={"accept": "text/html"})).text
    paths = set(re.findall(r'="(/static/[^"#]+)', page))
    assert len(paths) > 2
    for path in paths:
        answer = await client.get(path)
        assert answer.status_code == 200
        check(answer, is_file=True)
        again = await client.get(path, headers={"if-none-match": answer.headers["etag"]})
        assert again.status_code == 304
        check(again, is_file=True)


async def test_cookies_are_bound_to_the_host_and_to_tls(app: OpenAlert, client: httpx2.AsyncClient) -> None:
    """With an https base_url every cookie is `__Host-`, Secure, HttpOnly and not sent across sites (S-13)."""
    assert app.access.cookie.startswith("__Host-")
    hashed = await users.new_password_hash("a passphrase nobody guesses")
    async with app.database.transaction() as tx:
        await setup.ensure_organization(tx, "Acme")
        await users.create(tx, email="ana@example.org", name="Ana", role=Role.OWNER, password_hash=hashed)
    answer = await client.post(
        "/auth/login",
        json={"email": "ana@example.org", "password": "a passphrase nobody guesses"},
        headers={"origin": BASE},
    )
    assert answer.status_code == 200, answer.text
    given = answer.headers.get_list("set-cookie")
    assert given
    for cookie in given:
        name, *attributes = (part.strip().lower() for part in cookie.split(";"))
        assert name.startswith("__host-")
        assert {"secure", "httponly", "path=/"} <= set(attributes)
        assert {"samesite=lax", "samesite=strict"} & set(attributes)
        assert not any(attribute.startswith("domain") for attribute in attributes)
