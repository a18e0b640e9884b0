"""Signing in and out, as a browser's form and as a program."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from openalert.app import OpenAlert
from openalert.config import load
from openalert.storage import Database
from openalert.usecases import passwords
from tests import make

pytestmark = pytest.mark.anyio
PASSWORD = "correct horse battery staple"
FORM = {
    "content-type": "application/x-www-form-urlencoded",
    "accept": "text/html",
    "origin": "http://testserver",
}


@pytest.fixture
async def client(sqlite_db: Database) -> AsyncIterator[httpx2.AsyncClient]:
    """A browser in front of the whole application; Alice has a password."""
    cast = await make.cast(sqlite_db)
    hashed = await passwords.hash_password(PASSWORD)
    async with sqlite_db.transaction() as tx:
        await tx.execute(
            "UPDATE users SET password_hash = :hashed WHERE id = :id", hashed=hashed, id=cast.alice.id
        )
    app = OpenAlert(load(None, {}, {}), sqlite_db, b"secret of the tests")
    async with app.running():
        transport = httpx2.ASGITransport(app=app.asgi, client=("127.0.0.1", 5000))
        async with httpx2.AsyncClient(transport=transport, base_url="http://testserver") as opened:
            yield opened


async def test_a_program_gets_the_cookie_and_the_profile(client: httpx2.AsyncClient) -> None:
    """200 with who it is; the cookie opens the API and cannot be read by scripts."""
    answer = await client.post("/auth/login", json={"email": "ALICE@example.org ", "password": PASSWORD})
    assert answer.status_code == 200
    assert answer.json()["name"] == "Alice"
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert (await client.get("/auth/profile")).json()["email"] == "alice@example.org"
    assert (await client.get("/api/v1/incidents")).status_code == 200


async def test_a_form_is_redirected_to_where_it_wanted(client: httpx2.AsyncClient) -> None:
    """303 to the page that asked for the sign-in, and never to another site."""
    for wanted, expected in {"/incidents?tab=mine": "/incidents?tab=mine", "//evil.example": "/"}.items():
        body = {"email": "alice@example.org", "password": PASSWORD, "next": wanted}
        answer = await client.post("/auth/login", data=body, headers=FORM)
        assert (answer.status_code, answer.headers["location"]) == (303, expected)


async def test_a_wrong_password_says_the_same_as_an_unknown_address(client: httpx2.AsyncClient) -> None:
    """401 in the same words for both; the form comes back with the address that was typed."""
    told = set()
    for email in ("alice@example.org", "nobody@example.org"):
        answer = await client.post("/auth/login", json={"email": email, "password": "wrong horse battery"})
        assert answer.status_code == 401
        told.add(answer.json()["message"])
    assert len(told) == 1
    body = {"email": "alice@example.org", "password": "wrong horse battery"}
    answer = await client.post("/auth/login", data=body, headers=FORM)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/login?email=alice%40example.org")
    assert "openalert_session" not in answer.headers.get("set-cookie", "")


async def test_signing_out_ends_the_session(client: httpx2.AsyncClient) -> None:
    """The cookie that was good opens nothing afterwards, also if somebody kept it."""
    await client.post("/auth/login", json={"email": "alice@example.org", "password": PASSWORD})
    kept = dict(client.cookies)
    assert (await client.post("/auth/logout")).status_code == 204
    answer = await client.get(
        "/auth/profile", headers={"cookie": f"openalert_session={kept['openalert_session']}"}
    )
    assert answer.status_code == 401


async def test_another_site_cannot_sign_anybody_in(client: httpx2.AsyncClient) -> None:
    """A form of a foreign page is refused before the password is looked at."""
    body = {"email": "alice@example.org", "password": PASSWORD}
    answer = await client.post("/auth/login", data=body, headers=FORM | {"origin": "http://evil.example"})
    assert answer.status_code == 403


@pytest.mark.parametrize("body", [b"", b"{", b'{"email": 5}', b'{"email":"a","password":"b","role":"owner"}'])
async def test_what_is_no_sign_in_is_refused(client: httpx2.AsyncClient, body: bytes) -> None:
    """400 with a sentence; never a 5xx."""
    answer = await client.post("/auth/login", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400
