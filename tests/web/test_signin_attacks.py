"""Signing in as an attacker sees it over HTTP: what answers tell, how long they take, and where one is counted."""

import math
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx2
import pytest

from openalert.app import OpenAlert
from openalert.config import Config, Server, Smtp
from openalert.storage import Database
from openalert.storage import users as stored
from openalert.usecases import passwords, setup, signin, users
from tests import make

pytestmark = pytest.mark.anyio
PASSWORD = "correct horse battery staple"
FORM = {"content-type": "application/x-www-form-urlencoded", "accept": "text/html"}


@pytest.fixture
def server() -> Server:
    """Reached by TLS, behind a proxy of ours."""
    return Server(base_url="https://alert.example.org", trusted_proxies=("10.0.0.0/8",))


@pytest.fixture
async def app(sqlite_db: Database, server: Server) -> AsyncIterator[OpenAlert]:
    """Alice and Bob have a password; there is a mail server, which is not asked."""
    cast = await make.cast(sqlite_db)
    hashed = await passwords.hash_password(PASSWORD)
    async with sqlite_db.transaction(make.actor(cast.alice)) as tx:
        for user in (cast.alice, cast.bob):
            await users.set_password(tx, user.id, hashed)
    made = OpenAlert(Config(server=server, smtp=Smtp(host="127.0.0.1", port=1)), sqlite_db, b"secret " * 5)
    yield made
    await made.access.finish()


def client_from(app: OpenAlert, address: str, **headers: str) -> httpx2.AsyncClient:
    """A client whose packets come from this address."""
    transport = httpx2.ASGITransport(app=app.asgi, client=(address, 5000))
    return httpx2.AsyncClient(transport=transport, base_url="https://alert.example.org", headers=headers)


async def attempt(
    client: httpx2.AsyncClient, email: str, password: str = "wrong horse battery"
) -> httpx2.Response:
    """One try, as a program."""
    return await client.post("/auth/login", json={"email": email, "password": password})


async def quickest(attempts: dict[str, Callable[[], Awaitable[object]]], most: int) -> dict[str, float]:
    """The shortest time of each, taken in turns for at most so many rounds, until they differ by less than a tenth.

    A busy machine only ever adds time, so what stays between the shortest is the difference that an attacker sees.
    """
    taken = dict.fromkeys(attempts, math.inf)
    for number in range(most):
        for name, act in attempts.items():
            begun = time.perf_counter()
            await act()
            taken[name] = min(taken[name], time.perf_counter() - begun)
        if number >= 9 and max(taken.values()) < 1.1 * min(taken.values()):
            break
    return taken


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_time_does_not_tell_who_is_here(app: OpenAlert, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shortest times of sign-in and of a forgotten password differ by less than a tenth."""
    monkeypatch.setattr("openalert.usecases.throttle.FREE_TRIES", 10_000)
    monkeypatch.setattr("openalert.usecases.throttle.NETWORK_PER_MINUTE", 10_000)
    async with client_from(app, "192.0.2.1") as client:

        async def forgotten(email: str) -> None:
            answer = await client.post("/forgotten", data={"email": email}, headers=FORM)
            assert answer.status_code == 200

        found = await quickest(
            {
                "known": lambda: attempt(client, "alice@example.org"),
                "unknown": lambda: attempt(client, "nobody@example.org"),
                "without password": lambda: attempt(client, "charlie@example.org"),
            },
            200,
        )
        assert max(found.values()) < 1.1 * min(found.values()), found
        found = await quickest(
            {
                "known": lambda: forgotten("alice@example.org"),
                "unknown": lambda: forgotten("nobody@example.org"),
            },
            50,
        )
        assert max(found.values()) < 1.1 * min(found.values()), found


async def test_a_forgotten_password_answers_byte_for_byte_the_same(app: OpenAlert) -> None:
    """But for the address that was typed; and one mail waits."""
    async with client_from(app, "192.0.2.1") as client:
        answers = [
            await client.post("/forgotten", data={"email": email}, headers=FORM)
            for email in ("alice@example.org", "nobody@example.org")
        ]
    bodies = {re.sub(r"(alice|nobody)@example\.org|data-now=\"\d+\"", "", answer.text) for answer in answers}
    assert len(bodies) == 1
    assert {answer.status_code for answer in answers} == {200}
    assert len({tuple(sorted(answer.headers)) for answer in answers}) == 1
    async with app.database.read() as reader:
        assert await reader.value("SELECT count(*) FROM notifications WHERE kind = 'link'") == 1


async def test_many_accounts_from_one_network_are_slowed_down(app: OpenAlert) -> None:
    """Thirty a minute from a /24 or /64, 429 with Retry-After; another network is not slowed."""
    for addresses in (
        [f"192.0.2.{number}" for number in range(40)],
        [f"2001:db8:1:1::{number:x}" for number in range(40)],
    ):
        codes = []
        for number, address in enumerate(addresses):
            async with client_from(app, address) as client:
                answer = await attempt(client, f"somebody{number}@example.org")
                codes.append(answer.status_code)
        assert codes == [401] * 30 + [429] * 10
        assert int(answer.headers["retry-after"]) >= 1
    async with client_from(app, "198.51.100.1") as client:
        assert (await attempt(client, "alice@example.org", PASSWORD)).status_code == 200


async def test_a_forged_address_is_not_believed(app: OpenAlert) -> None:
    """X-Forwarded-For counts only from a proxy of ours, and there only its own last word."""
    for peer, expected in (("203.0.113.9", 429), ("10.0.0.1", 401)):
        for number in range(31):
            forwarded = (
                f"198.51.{number}.7" if peer != "10.0.0.1" else f"198.51.{number}.7, 198.18.{number}.7"
            )
            async with client_from(app, peer, **{"x-forwarded-for": forwarded}) as client:
                answer = await attempt(client, f"{peer}-{number}@example.org")
        assert answer.status_code == expected, peer
    async with client_from(app, "10.0.0.1", **{"x-forwarded-for": "1.2.3.4, 198.51.100.44"}) as client:
        assert (await attempt(client, "alice@example.org", PASSWORD)).status_code == 200
    async with app.database.read() as reader:
        assert await reader.value("SELECT address FROM sessions") == "198.51.100.44"


async def test_the_waits_outlive_a_restart(app: OpenAlert, server: Server) -> None:
    """Another process with the same database makes the guesser wait too."""
    async with client_from(app, "192.0.2.1") as client:
        for _ in range(5):
            assert (await attempt(client, "alice@example.org")).status_code == 401
    again = OpenAlert(Config(server=server), app.database, b"secret " * 5)
    async with client_from(again, "198.51.100.1") as client:
        answer = await attempt(client, "alice@example.org", PASSWORD)
    assert (answer.status_code, answer.json()["code"]) == (429, "RATE_LIMIT_EXCEEDED")
    assert answer.headers["retry-after"] == "1"


async def test_over_tls_every_cookie_is_held_to_this_host(app: OpenAlert) -> None:
    """`__Host-`, Secure, HttpOnly, SameSite=Lax, Path=/ and no Domain, for each cookie of signing in."""
    async with client_from(app, "192.0.2.1") as client:
        answer = await attempt(client, "alice@example.org", PASSWORD)
        cookies = answer.headers.get_list("set-cookie")
        assert {cookie.partition("=")[0] for cookie in cookies} == {
            "__Host-openalert",
            "__Host-openalert_browser",
        }
        for cookie in cookies:
            for part in ("; HttpOnly", "; Path=/", "; SameSite=lax", "; Secure"):
                assert part in cookie, cookie
            assert "domain" not in cookie.lower()
        assert (await client.get("/api/v1/users/me")).status_code == 200


async def test_a_planted_session_is_not_taken_over(app: OpenAlert) -> None:
    """Whatever cookie the browser came with, the session has a token that nobody knew before."""
    planted = "planted-by-somebody-else-0123456789"
    async with client_from(app, "192.0.2.1") as client:
        client.cookies.set("__Host-openalert", planted)
        client.cookies.set("__Host-openalert_browser", planted)
        client.cookies.set("__Host-openalert_step", planted)
        answer = await attempt(client, "alice@example.org", PASSWORD)
    assert answer.status_code == 200
    assert planted not in str(answer.headers)
    async with app.database.read() as reader:
        assert await signin.find_session(reader, planted) is None
        hashes = [row[0] for row in await reader.rows("SELECT token_hash FROM known_browsers")]
    assert signin.token_hash(planted) not in hashes


@pytest.mark.parametrize(
    "headers",
    [{"host": "evil.example"}, {"x-forwarded-host": "evil.example"}, {"forwarded": "host=evil.example"}],
)
async def test_a_link_never_leads_elsewhere(app: OpenAlert, headers: dict[str, str]) -> None:
    """Whatever a request calls the server: the link is below base_url, or there is none."""
    async with client_from(app, "192.0.2.1") as client:
        answer = await client.post("/forgotten", data={"email": "alice@example.org"}, headers=FORM | headers)
        assert "//evil.example" not in answer.text
        assert "evil.example" not in str(answer.headers)
    async with app.database.read() as reader:
        stored = str([tuple(row) for row in await reader.rows("SELECT * FROM notifications")])
    assert "evil" not in stored


async def test_a_second_setup_finds_nothing(sqlite_db: Database) -> None:
    """There is no default account, and the link for the first owner works once."""
    async with sqlite_db.transaction() as tx:
        assert await stored.exists(tx) is False
        token = await setup.issue_token(tx)
        assert token is not None
    async with sqlite_db.transaction() as tx:
        await setup.complete(
            tx, token, organization="Acme", owner_name="Ana", email="ana@example.org", password_hash="x"
        )
    async with sqlite_db.read() as reader:
        assert await setup.is_open(reader, token) is False
    async with sqlite_db.transaction() as tx:
        assert await setup.issue_token(tx) is None
