"""The address of a heartbeat: what counts as a beat, and what is answered."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from openalert.app import OpenAlert
from openalert.domain.access import Role
from openalert.domain.errors import Unavailable
from openalert.usecases import api_keys, beats, presets, setup, users
from openalert.web import middleware

pytestmark = pytest.mark.anyio
Client = httpx2.AsyncClient


@pytest.fixture
async def api(app: OpenAlert, client: Client) -> Client:
    """A client with an owner's key, in an organization with one team and one service."""
    async with app.database.transaction() as tx:
        await setup.ensure_organization(tx)
        ana = await users.create(tx, email="ana@acme.example", name="Ana", role=Role.OWNER)
        await presets.apply(
            tx, "one_team_weekly", team_name="Core", service_name="Shop", member_ids=[ana.id], timezone="UTC"
        )
        _, text = await api_keys.create(tx, name="k")
    client.headers["authorization"] = f"Bearer {text}"
    return client


async def made(api: Client, **members: Any) -> dict[str, Any]:
    """A new heartbeat, as the API answers it."""
    service = (await api.get("/api/v1/services")).json()["items"][0]
    answer = await api.post(
        "/api/v1/heartbeats", json={"name": "Backup", "serviceId": service["id"], **members}
    )
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]


async def now_of(api: Client, heartbeat: dict[str, Any]) -> dict[str, Any]:
    """The heartbeat as it is answered now."""
    return (await api.get(f"/api/v1/heartbeats/{heartbeat['id']}")).json()  # type: ignore[no-any-return]


async def beats_of(api: Client, heartbeat: dict[str, Any]) -> list[dict[str, Any]]:
    """Its beats, the newest first."""
    return (await api.get(f"/api/v1/heartbeats/{heartbeat['id']}/beats")).json()["items"]  # type: ignore[no-any-return]


class TestBeats:
    """`/heartbeats/{key}`."""

    @pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
    @pytest.mark.parametrize("host", ["127.0.0.1:8080", "some.other.name"])
    async def test_each_method_is_a_beat_by_any_name(self, api: Client, method: str, host: str) -> None:
        """200 and OK after its commit; nobody has to be signed in."""
        heartbeat = await made(api)
        answer = await api.request(
            method, f"/heartbeats/{heartbeat['key']}", headers={"host": host, "authorization": ""}
        )
        assert (answer.status_code, answer.text) == (200, "" if method == "HEAD" else "OK")
        assert answer.headers["content-type"].startswith("text/plain")
        assert (await now_of(api, heartbeat))["status"] == "healthy"

    @pytest.mark.parametrize(
        ("tail", "status", "kind", "code"),
        [
            ("", "healthy", "success", None),
            ("/", "healthy", "success", None),
            ("/0", "healthy", "success", 0),
            ("/1", "failed", "fail", 1),
            ("/255", "failed", "fail", 255),
            ("/fail", "failed", "fail", None),
            ("/fail/", "failed", "fail", None),
            ("/start", "new", "start", None),
            ("/log", "new", "log", None),
            ("?rid=3a1b&x=%00", "healthy", "success", None),
        ],
    )
    async def test_what_follows_the_key_says_what_it_means(
        self, api: Client, tail: str, status: str, kind: str, code: int | None
    ) -> None:
        """As at healthchecks.io."""
        heartbeat = await made(api)
        assert (await api.get(f"/heartbeats/{heartbeat['key']}{tail}")).status_code == 200
        assert (await now_of(api, heartbeat))["status"] == status
        (beat,) = await beats_of(api, heartbeat)
        assert (beat["kind"], beat["exitCode"]) == (kind, code)

    @pytest.mark.parametrize("tail", ["/256", "/-1", "/1.5", "/٣", "/nonsense", "/fail/fail", "/0000"])
    async def test_what_means_nothing_is_no_beat(self, api: Client, tail: str) -> None:
        """404, and nothing is kept."""
        heartbeat = await made(api)
        answer = await api.get(f"/heartbeats/{heartbeat['key']}{tail}")
        assert (answer.status_code, answer.json()["code"]) == (404, "HEARTBEAT_NOT_FOUND")
        assert await beats_of(api, heartbeat) == []

    @pytest.mark.parametrize("key", ["nope", "a" * 4000, "%00", "%f0%9f%92%a9", "' OR 1=1 --", "..%2f..", ""])
    async def test_an_unknown_key_is_not_found(self, api: Client, key: str) -> None:
        """Whatever it looks like; nothing is written for it."""
        answer = await api.post(f"/heartbeats/{key}", content=b"x")
        assert (answer.status_code, answer.json()["code"]) == (404, "HEARTBEAT_NOT_FOUND")

    @pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
    async def test_other_methods_are_refused(self, api: Client, method: str) -> None:
        """405 with what is taken."""
        heartbeat = await made(api)
        answer = await api.request(method, f"/heartbeats/{heartbeat['key']}")
        assert answer.status_code == 405
        assert answer.headers["allow"] == "GET, HEAD, POST"

    async def test_the_first_ten_kib_of_a_body_are_kept(self, api: Client) -> None:
        """Cut at bytes; what is no text is replaced."""
        heartbeat = await made(api)
        url = f"/heartbeats/{heartbeat['key']}"
        await api.post(url, content=b"\x00\xff" + "ä".encode() + b"x" * 20_000)
        (beat,) = await beats_of(api, heartbeat)
        assert beat["body"].startswith("\ufffd\ufffdäxxx")
        assert len(beat["body"].encode("latin-1", "replace")) == 10 * 1024 - 1

    async def test_a_body_beyond_every_bound_still_is_a_beat(self, app: OpenAlert, api: Client) -> None:
        """Whoever sends once a day must not be paged for a log that was too long."""
        heartbeat = await made(api)
        url = f"/heartbeats/{heartbeat['key']}"
        most = app.config.server.max_body_bytes

        async def endless() -> AsyncIterator[bytes]:
            for _ in range(most // 65_536 + 2):
                yield b"x" * 65_536

        assert (await api.post(url, content=endless())).status_code == 200
        assert (await api.post(f"{url}/fail", content=b"y" * (most + 1))).status_code == 200
        assert (await now_of(api, heartbeat))["status"] == "failed"
        kept = await beats_of(api, heartbeat)
        assert [(each["kind"], each["body"][:3]) for each in kept] == [("fail", ""), ("success", "xxx")]

    async def test_a_body_that_never_ends_still_is_a_beat(
        self, app: OpenAlert, api: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What had come by then is kept."""
        monkeypatch.setattr(middleware, "BODY_SECONDS", 0.05)
        heartbeat = await made(api)
        sent: list[dict[str, Any]] = []
        parts = [{"type": "http.request", "body": b"begun", "more_body": True}]

        async def receive() -> dict[str, Any]:
            if parts:
                return parts.pop()
            await asyncio.Event().wait()
            raise AssertionError

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": "POST",
            "path": f"/heartbeats/{heartbeat['key']}",
            "query_string": b"",
            "headers": [],
            "client": ("192.0.2.1", 5000),
            "scheme": "http",
        }
        await app.asgi(scope, receive, send)
        assert sent[0]["status"] == 200
        assert [each["body"] for each in await beats_of(api, heartbeat)] == ["begun"]

    async def test_a_compressed_body_still_is_a_beat(self, api: Client) -> None:
        """It is kept as it came, unread."""
        heartbeat = await made(api)
        answer = await api.post(
            f"/heartbeats/{heartbeat['key']}", content=b"\x1f\x8b", headers={"content-encoding": "gzip"}
        )
        assert answer.status_code == 200

    @pytest.mark.parametrize("fault", [RuntimeError("broken on purpose"), Unavailable("full", retry_after=5)])
    async def test_what_goes_wrong_is_a_503_and_comes_again(
        self, api: Client, monkeypatch: pytest.MonkeyPatch, fault: Exception
    ) -> None:
        """No other 5xx: whoever sends it knows to try again."""
        heartbeat = await made(api)

        async def broken(*_: Any) -> None:
            raise fault

        monkeypatch.setattr(beats, "hear_by_key", broken)
        answer = await api.get(f"/heartbeats/{heartbeat['key']}")
        assert answer.status_code == 503
        assert answer.headers["retry-after"]

    async def test_a_key_that_is_gone_is_unknown_although_it_was_good_before(self, api: Client) -> None:
        """After a new key, and after it is deleted."""
        heartbeat = await made(api)
        url = f"/heartbeats/{heartbeat['key']}"
        assert (await api.get(url)).status_code == 200
        rotated = (await api.post(f"/api/v1/heartbeats/{heartbeat['id']}/rotate-key")).json()
        assert (await api.get(url)).status_code == 404
        assert (await api.get(f"/heartbeats/{rotated['key']}")).status_code == 200
        assert (await api.delete(f"/api/v1/heartbeats/{heartbeat['id']}")).status_code == 204
        assert (await api.get(f"/heartbeats/{rotated['key']}")).status_code == 404


class TestApi:
    """`/api/v1/heartbeats`."""

    async def test_a_key_is_shown_once_and_stored_as_its_hash(self, app: OpenAlert, api: Client) -> None:
        """Later there are four signs of it."""
        heartbeat = await made(api)
        assert heartbeat["heartbeatUrl"].endswith(f"/heartbeats/{heartbeat['key']}")
        later = await now_of(api, heartbeat)
        assert "key" not in later
        assert later["heartbeatUrl"].endswith(f"/heartbeats/…{heartbeat['key'][-4:]}")
        async with app.database.read() as reader:
            for table in ("heartbeats", "audit_log", "events"):
                rows = await reader.rows(f"SELECT * FROM {table}")
                assert heartbeat["key"] not in str(rows)

    async def test_it_is_daily_unless_told_otherwise(self, api: Client) -> None:
        """With a grace of ten minutes."""
        heartbeat = await made(api)
        assert (heartbeat["intervalSeconds"], heartbeat["graceSeconds"], heartbeat["cron"]) == (
            86_400,
            600,
            None,
        )
        assert (heartbeat["status"], heartbeat["lastBeatAt"], heartbeat["severity"]) == ("new", None, "high")

    async def test_an_interval_takes_the_place_of_a_cron_expression_and_back(self, api: Client) -> None:
        """One of them is set at any time; fractions are fine."""
        heartbeat = await made(api, cron="30 3 * * *", timezone="Europe/Berlin")
        assert (heartbeat["intervalSeconds"], heartbeat["cron"]) == (None, "30 3 * * *")
        path = f"/api/v1/heartbeats/{heartbeat['id']}"
        changed = (await api.patch(path, json={"intervalSeconds": 1.5, "graceSeconds": 0.5})).json()
        assert (changed["intervalSeconds"], changed["graceSeconds"], changed["cron"]) == (1.5, 0.5, None)
        changed = (await api.patch(path, json={"cron": "*/5 * * * *"})).json()
        assert (changed["intervalSeconds"], changed["cron"]) == (None, "*/5 * * * *")

    @pytest.mark.parametrize(
        ("members", "field"),
        [
            ({"cron": "x"}, "cron"),
            ({"cron": "* * * * *", "intervalSeconds": 60}, "intervalSeconds"),
            ({"intervalSeconds": 0}, "intervalSeconds"),
            ({"intervalSeconds": -5}, "intervalSeconds"),
            ({"intervalSeconds": 1e18}, "intervalSeconds"),
            ({"graceSeconds": -1}, "graceSeconds"),
            ({"timezone": "Nowhere"}, "timezone"),
            ({"name": " "}, "name"),
            ({"severity": "dreadful"}, "severity"),
        ],
    )
    async def test_what_makes_no_sense_is_refused_by_name(
        self, api: Client, members: dict[str, Any], field: str
    ) -> None:
        """400 that names the member, when it is made and when it is changed."""
        service = (await api.get("/api/v1/services")).json()["items"][0]
        body = {"name": "Backup", "serviceId": service["id"], **members}
        heartbeat = await made(api)
        for answer in (
            await api.post("/api/v1/heartbeats", json=body),
            await api.patch(f"/api/v1/heartbeats/{heartbeat['id']}", json=members),
        ):
            assert answer.status_code == 400, answer.text
            assert field in answer.text

    async def test_the_list_is_narrowed_by_service_and_status(self, api: Client) -> None:
        """And says what it takes."""
        first, second = await made(api), await made(api, name="Report")
        await api.get(f"/heartbeats/{second['key']}")
        service = first["serviceId"]

        async def names(query: str) -> list[str]:
            return [each["name"] for each in (await api.get(f"/api/v1/heartbeats?{query}")).json()["items"]]

        assert await names("") == ["Backup", "Report"]
        assert await names("status=healthy,late") == ["Report"]
        assert await names(f"serviceId={service}&limit=1") == ["Backup"]
        assert (await api.get("/api/v1/heartbeats?status=odd")).status_code == 400
        assert (await api.get("/api/v1/heartbeats?serviceId=unknown")).status_code == 404

    async def test_pause_and_resume_may_be_repeated(self, api: Client) -> None:
        """The second time changes nothing."""
        heartbeat = await made(api)
        await api.get(f"/heartbeats/{heartbeat['key']}")
        path = f"/api/v1/heartbeats/{heartbeat['id']}"
        for act, status in (
            ("pause", "paused"),
            ("pause", "paused"),
            ("resume", "healthy"),
            ("resume", "healthy"),
        ):
            answer = await api.post(f"{path}/{act}")
            assert (answer.status_code, answer.json()["status"]) == (200, status)
