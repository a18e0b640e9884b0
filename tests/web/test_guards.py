"""Who may come in, where from, and how often."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from litestar.routes import HTTPRoute

from openalert.app import OpenAlert
from openalert.config import Config, Server
from openalert.domain import access as domain
from openalert.domain.access import Role
from openalert.domain.errors import RateLimited
from openalert.domain.instant import HOUR
from openalert.storage import Database
from openalert.usecases import api_keys, setup, signin, users
from openalert.web import guards
from openalert.web.dialects import WAYS
from openalert.web.guards import Access, Credential, safe_next
from openalert.web.ratelimit import RateLimit
from tests import make
from tests.conftest import StoppedClock

pytestmark = pytest.mark.anyio

PUBLIC = {
    "/health", "/health/live", "/ready", "/health/ready", "/metrics", "/login", "/setup", "/auth/login",
    "/health/deep", "/health/engine/cycle",
    "/a/{token}", "/proof/{token}", "/auth/callback", "/login/second", "/login/enrol", "/forgotten", "/reset/{token}",
    "/invitation/{token}", "/auth/passkeys/options", "/auth/passkeys/sign-in",
    "/auth/passkeys/registration/options", "/auth/passkeys/registration",
    "/callbacks/slack/actions", "/callbacks/slack/events",
    "/callbacks/twilio/sms", "/callbacks/twilio/message/{token}", "/callbacks/twilio/call/{token}",
    "/callbacks/twilio/voice/{token}/{round_number}", "/callbacks/twilio/voice/{token}/{round_number}/key",
    "/callbacks/telegram",
    "/service-worker.js", "/offline", "/push/answers", "/push/shown", "/push/renewals",
    "/callbacks/mattermost", "/calendars/{token}",
}  # fmt: skip
"""Every path that answers strangers. Whoever adds one here says why in the review."""

OPSGENIE = {
    "/v2/alerts", "/v2/alerts/count", "/v2/alerts/saved-searches", "/v2/alerts/requests/{request}",
    "/v2/heartbeats", "/v2/heartbeats/{name}", "/v2/heartbeats/{name}/ping", "/v2/heartbeats/{name}/enable",
    "/v2/heartbeats/{name}/disable", "/v1/json/heartbeat/send",
    "/v1/json/alert", "/v1/json/alert/close", "/v1/json/alert/acknowledge", "/v1/json/alert/note", "/v1/json/{source}",
    *("/v2/alerts/{identifier}" + tail for tail in (
        "", "/acknowledge", "/unacknowledge", "/close", "/snooze", "/escalate", "/assign", "/responders", "/teams",
        "/tags", "/details", "/notes", "/logs", "/recipients", "/actions/{action}", "/message", "/description",
        "/priority",
    )),
}  # fmt: skip
BY_INTEGRATION_KEY = {
    *OPSGENIE, *("/jsm/ops/integration" + path for path in OPSGENIE),
    "/v2/enqueue", "/v2/change/enqueue", "/generic/2010-04-15/create_event.json", "/integration/{key}/enqueue",
    "/x-ere/{key}", "/integrations/v1/{type}/{key}", "/integrations/v1/{type}/{key}/heartbeat",
    "/api/v2/alerts", "/api/v2/receivers", "/api/v2/status",
    "/alertmanager/{key}/api/v2/alerts", "/alertmanager/{key}/api/v2/receivers", "/alertmanager/{key}/api/v2/status",
}  # fmt: skip
"""Every path of a dialect: it knows no user and no API key, and answers to the key of an integration alone."""


async def session(app: OpenAlert) -> tuple[str, str]:
    """The id of a new owner and the token of a session of theirs."""
    async with app.database.transaction() as tx:
        await setup.ensure_organization(tx)
        user = await users.create(tx, email="ana@acme.example", name="Ana", role=Role.OWNER)
        token = await signin.open_session(tx, user.id, address="192.0.2.1", user_agent="test")
    return user.id, token


async def key(app: OpenAlert) -> str:
    """The text of a new admin key."""
    async with app.database.transaction() as tx:
        await setup.ensure_organization(tx)
        return (await api_keys.create(tx, name="k"))[1]


@pytest.mark.proves("WS-1")
async def test_many_are_known_as_each_alone(db: Database, clock: StoppedClock) -> None:
    """Sessions and keys of every kind, and what is none, asked in one go: the same answers."""
    access, cast = Access(db, Config()), await make.cast(db)
    dora = await make.user(db, cast.organization, "Dora", Role.ADMIN)
    async with db.transaction(make.actor(cast.alice)) as tx:
        idle = await signin.open_session(tx, cast.bob.id, address="", user_agent="")
    clock.now += 11 * HOUR
    async with db.transaction(make.actor(cast.alice)) as tx:
        tokens = [
            await signin.open_session(tx, user.id, address="", user_agent="")
            for user in (cast.alice, cast.bob, cast.bob, dora)
        ]
        shown = [Credential("session", token) for token in tokens]
        await signin.sign_out(tx, shown[2].text)
        made = [
            await api_keys.create(tx, name="all"),
            await api_keys.create(tx, name="team", role=Role.VIEWER, team_id=cast.team.id),
            await api_keys.create(tx, name="over", expires_at=clock.now + HOUR),
            await api_keys.create(tx, name="watch", scopes=[domain.Scope.WATCH]),
            await api_keys.create(tx, name="revoked"),
        ]
        await api_keys.revoke(tx, made[4][0].id)
    async with db.transaction(make.actor(dora)) as tx:
        made.append(await api_keys.create(tx, name="orphan"))
    async with db.transaction(make.actor(cast.alice)) as tx:
        await users.deactivate(tx, dora.id)
    clock.now += 2 * HOUR
    texts = [text for _, text in made]
    texts += [texts[0][:-1] + "x", texts[0][:-1], "oak_", "oak_no_such", "other", "", "oak_" + "x" * 600]
    shown += [Credential("session", idle), *(Credential("key", text) for text in texts)]
    shown += [Credential("session", text) for text in ("", "no such", texts[0], "x" * 600)]
    async with db.read() as reader:
        alone = {each: await access.find(reader, each) for each in shown}
        assert await access.find_all(reader, shown) == alone
        assert await access.find_all(reader, []) == {}
    known = [credential for credential, found in alone.items() if found is not None]
    assert known == [shown[0], shown[1], Credential("key", texts[0]), Credential("key", texts[1])]


async def test_a_slow_body_does_not_keep_what_was_taken_away(
    app: OpenAlert, client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key is revoked, the person made a viewer, while the rest of a body is on its way: both are refused."""
    monkeypatch.setattr(guards, "ASK_AGAIN_AFTER", 0.0)
    (user_id, token), text = await session(app), await key(app)

    async def revoked() -> AsyncIterator[bytes]:
        yield b'{"name": '
        async with app.database.transaction() as tx:
            await tx.execute("UPDATE api_keys SET revoked_at = :now", now=tx.now)
        yield b'"Core"}'

    async def demoted() -> AsyncIterator[bytes]:
        yield b"name=Co"
        async with app.database.transaction() as tx:
            await tx.execute("UPDATE users SET role = 'viewer' WHERE id = :id", id=user_id)
        yield b"re"

    bearer = {"authorization": f"Bearer {text}", "content-type": "application/json"}
    assert (await client.post("/api/v1/teams", content=revoked(), headers=bearer)).status_code == 401
    form = {"content-type": "application/x-www-form-urlencoded", "cookie": f"openalert_session={token}"}
    assert (await client.post("/teams", content=demoted(), headers=form)).status_code == 403
    async with app.database.read() as reader:
        assert await reader.value("SELECT count(*) FROM teams") == 0


async def test_strangers_get_nowhere_but_to_the_public_paths(
    app: OpenAlert, client: httpx2.AsyncClient
) -> None:
    """Every route of the program, tried without credentials: 401, except for the list above."""
    litestar = app.asgi.app
    tried = 0
    for route in litestar.routes:  # type: ignore[attr-defined]  # the middleware knows it as any ASGI application
        if not isinstance(route, HTTPRoute) or route.path_format in PUBLIC:
            continue
        path = route.path_format.replace("{", "x").replace("}", "x")
        for method in route.methods - {"OPTIONS"}:
            answer = await client.request(method, path)
            assert answer.status_code == 401, (method, path)
            tried += 1
    assert tried > 20


def test_the_dialects_answer_where_we_know_of() -> None:
    """A way that is added is added above, too; that none of them lets strangers in is in tests/web/dialects."""
    assert {way.path for way in WAYS} == BY_INTEGRATION_KEY


async def test_a_session_and_a_key_open(app: OpenAlert, client: httpx2.AsyncClient) -> None:
    """By cookie and by header; with a wrong letter neither does."""
    _, token = await session(app)
    text = await key(app)
    assert (
        await client.get("/api/v1/users/me", headers={"cookie": f"openalert_session={token}"})
    ).status_code == 200
    assert (await client.get("/api/v1/teams", headers={"authorization": f"Bearer {text}"})).status_code == 200
    for headers in ({"cookie": f"openalert_session={token}x"}, {"authorization": f"Bearer {text}x"}):
        answer = await client.get("/api/v1/teams", headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_nothing_in_the_address_opens(app: OpenAlert, client: httpx2.AsyncClient) -> None:
    """Tokens in queries end up in logs and histories, so they are never taken."""
    text = await key(app)
    for name in ("token", "api_key", "access_token", "key"):
        answer = await client.get(f"/api/v1/teams?{name}={text}")
        assert answer.status_code == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://127.0.0.1:8081"}, 403),
        ({"origin": "http://127.0.0.1:8080.evil.example"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "same-origin", "origin": "null"}, 201),
        ({"sec-fetch-site": "cross-site", "origin": "null"}, 403),
        ({"origin": "http://127.0.0.1:8080"}, 201),
        ({"sec-fetch-site": "same-origin"}, 201),
        ({}, 201),
    ],
)
async def test_a_foreign_page_cannot_use_the_cookie(
    app: OpenAlert, client: httpx2.AsyncClient, headers: dict[str, str], status: int
) -> None:
    """What the browser says about the page decides; a program without a page says nothing."""
    _, token = await session(app)
    cookie = {"cookie": f"openalert_session={token}"}
    answer = await client.post("/api/v1/teams", json={"name": "Team"}, headers=cookie | headers)
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["code"] == "CROSS_SITE_REQUEST"


async def test_a_key_is_not_sent_by_browsers_on_their_own(app: OpenAlert, client: httpx2.AsyncClient) -> None:
    """So its Origin does not matter."""
    headers = {"authorization": f"Bearer {await key(app)}", "origin": "https://tool.example"}
    assert (await client.post("/api/v1/teams", json={"name": "T"}, headers=headers)).status_code == 201


async def test_a_misspelt_filter_is_named(app: OpenAlert, client: httpx2.AsyncClient) -> None:
    """An ignored filter would show the wrong list."""
    headers = {"authorization": f"Bearer {await key(app)}"}
    answer = await client.get("/api/v1/teams?limt=3", headers=headers)
    assert answer.status_code == 400
    assert "limt" in answer.json()["message"]
    assert "limit" in answer.json()["details"]["allowed"]
    assert (await client.get("/api/v1/teams?limit=3", headers=headers)).status_code == 200


async def test_a_browser_is_led_to_the_sign_in_and_back(client: httpx2.AsyncClient) -> None:
    """With what it asked for, if that was only to look."""
    page = {"accept": "text/html"}
    answer = await client.get("/incidents?status=open", headers=page)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/login?next=/incidents%3Fstatus%3Dopen"
    assert (await client.get("/", headers=page)).headers["location"] == "/login"


@pytest.mark.parametrize(
    "target",
    ["//evil", "/\\evil", "https:evil", "https://evil", "javascript:alert(1)", "/\t/evil", "/x//evil", "/..//evil",
     "\n/x", "user@host", "%2f%2fevil", "///evil", "/\\/evil", "http:/evil", "", None, "/" + "x" * 3000],
)  # fmt: skip
def test_the_way_back_stays_here(target: str | None) -> None:
    """Whatever is not plainly a path of ours leads to the first page."""
    assert safe_next(target) == "/"


def test_a_path_of_ours_is_kept() -> None:
    """With its query."""
    assert safe_next("/incidents?status=open&q=a%20b#top") == "/incidents?status=open&q=a%20b#top"


async def test_a_way_back_in_any_script_is_no_fault(client: httpx2.AsyncClient) -> None:
    """A path that was decoded on its way is encoded again before it becomes a header."""
    assert safe_next("/incidents?q=größer 停電") == "/incidents?q=gr%C3%B6%C3%9Fer%20%E5%81%9C%E9%9B%BB"
    answer = await client.get("/auth/login", params={"next": "/incidents?q=停電"})
    assert (answer.status_code, answer.headers["location"].isascii()) == (303, True)


class TestLimit:
    """The limit of writes."""

    @pytest.fixture
    def config(self, tmp_path: Path) -> Config:
        """Three writes a minute."""
        return Config(server=Server(data_dir=str(tmp_path), api_writes_per_minute=3))

    async def test_writes_are_limited_and_reads_are_not(
        self, app: OpenAlert, client: httpx2.AsyncClient
    ) -> None:
        """The fourth write waits; another key does not."""
        one = {"authorization": f"Bearer {await key(app)}"}
        two = {"authorization": f"Bearer {await key(app)}"}
        for number in range(3):
            answer = await client.post("/api/v1/teams", json={"name": f"T{number}"}, headers=one)
            assert answer.status_code == 201
        refused = await client.post("/api/v1/teams", json={"name": "T"}, headers=one)
        assert refused.status_code == 429
        assert refused.json()["code"] == "RATE_LIMIT_EXCEEDED"
        assert refused.headers["retry-after"] == "20"
        assert (await client.get("/api/v1/teams", headers=one)).status_code == 200
        assert (await client.post("/api/v1/teams", json={"name": "T"}, headers=two)).status_code == 201


def test_the_limit_fills_again() -> None:
    """After a third of a minute one of three comes back; after a quiet minute all three do."""
    limit = RateLimit(3)
    for _ in range(3):
        limit.spend("a", 0)
    for now, allowed in ((19_000, False), (20_000, True), (20_001, False)):
        if allowed:
            limit.spend("a", now)
        else:
            with pytest.raises(RateLimited):
                limit.spend("a", now)
    for _ in range(3):
        limit.spend("a", 100_000)


def test_no_limit_is_no_limit() -> None:
    """0 switches it off."""
    limit = RateLimit(0)
    for _ in range(10_000):
        limit.spend("a", 0)
