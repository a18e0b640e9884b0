"""A page at a domain of its own: that page's addresses and nothing else, and never in place of ours."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from openalert.app import OpenAlert
from openalert.config import Config, Server
from openalert.usecases import status_pages as pages
from tests.web.status.conftest import Told

pytestmark = pytest.mark.anyio

DOMAIN = "status.acme.example"
OURS = ("/login", "/api/v1/teams", "/status/acme", "/status/other", "/public/status/acme", "/static/logo.svg",
        "/webhooks/v1/key", "/health", "/metrics", "/setup", "/incidents")  # fmt: skip


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """We know our own name: without it no domain is served."""
    server = Server(data_dir=str(tmp_path), base_url="https://oncall.example.com")
    return Config(server=server)


@pytest.fixture
async def visitor(app: OpenAlert, acme: Told) -> AsyncIterator[httpx2.AsyncClient]:
    """Somebody who asks for the domain."""
    await acme.does(pages.update, acme.page.id, custom_domain=DOMAIN)
    transport = httpx2.ASGITransport(app=app.asgi)
    async with httpx2.AsyncClient(transport=transport, base_url=f"https://{DOMAIN}") as browser:
        yield browser


async def test_the_page_is_at_the_root_of_its_domain(acme: Told, visitor: httpx2.AsyncClient) -> None:
    """The page, its archive, permalinks, feeds and JSON; links stay on the domain."""
    made = await acme.tells()
    answer = await visitor.get("/")
    assert answer.status_code == 200
    assert f'href="/incidents/{made.incident.public_id}"' in answer.text
    assert "/status/acme" not in answer.text
    for path in (
        "/history",
        f"/incidents/{made.incident.public_id}",
        "/feed.atom",
        "/history.rss",
        "/badge.svg",
    ):
        assert (await visitor.get(path)).status_code == 200, path
    body = (await visitor.get("/api/v2/summary.json")).json()
    assert body["page"]["url"] == f"https://{DOMAIN}"


@pytest.mark.parametrize("path", OURS)
async def test_nothing_of_ours_answers_there(visitor: httpx2.AsyncClient, path: str) -> None:
    """Not the sign-in, not the API, not another page; whatever a proxy's headers claim."""
    for method in ("GET", "POST"):
        answer = await visitor.request(method, path, headers={"x-forwarded-host": "oncall.example.com"})
        assert answer.status_code in (404, 405), (method, path)
        assert "set-cookie" not in answer.headers


async def test_no_spelling_of_the_host_leads_elsewhere(acme: Told, visitor: httpx2.AsyncClient) -> None:
    """Port, case and a dot at the end are the same name; a name that only looks alike is refused."""
    for host in (f"{DOMAIN}:8443", DOMAIN.upper(), f"{DOMAIN}."):
        assert (await visitor.get("/", headers={"host": host})).status_code == 200, host
    for host in (f"x{DOMAIN}", f"{DOMAIN}.evil.example", "acme.example"):
        assert (await visitor.get("/", headers={"host": host})).status_code == 421, host


async def test_a_private_page_is_not_at_its_domain(acme: Told, visitor: httpx2.AsyncClient) -> None:
    """No link opens it there, because no cookie is ever set on a domain that is not ours."""
    await acme.does(pages.update, acme.page.id, is_public=False)
    _, key = await acme.does(pages.make_link, acme.page.id)
    answer = await visitor.get(f"/?key={key}")
    assert answer.status_code == 404
    assert "set-cookie" not in answer.headers


async def test_our_own_name_is_nobodys_domain(acme: Told) -> None:
    """A page that claims the name of this installation does not get it."""
    await acme.does(pages.update, acme.page.id, custom_domain="oncall.example.com")
    assert (await acme.client.get("/login")).status_code == 200
    await acme.gets()


async def test_who_makes_certificates_may_ask(acme: Told, visitor: httpx2.AsyncClient) -> None:
    """200 for the domain of a page, 404 for any other, by whatever case."""
    for asked, status in ((DOMAIN, 200), (DOMAIN.upper(), 200), ("evil.example", 404), ("", 404)):
        answer = await acme.client.get("/public/domains/check", params={"domain": asked})
        assert answer.status_code == status, asked
    assert (await acme.client.get("/public/domains/other", params={"domain": DOMAIN})).status_code == 404


async def test_a_domain_that_is_given_up_answers_no_more(acme: Told, visitor: httpx2.AsyncClient) -> None:
    """As soon as the page has another one or none."""
    await acme.does(pages.update, acme.page.id, custom_domain=None)
    assert (await visitor.get("/")).status_code == 421
