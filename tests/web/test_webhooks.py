"""The door that alerts come in by: answers, refusals, and nothing that is lost."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from openalert.app import OpenAlert
from openalert.config import load
from openalert.storage import Database
from tests import make

pytestmark = pytest.mark.anyio
GOOD = {
    "version": "4",
    "groupKey": "g",
    "alerts": [{"status": "firing", "labels": {"alertname": "Disk"}, "startsAt": "2026-01-05T08:00:00Z"}],
}


@pytest.fixture
async def app(sqlite_db: Database) -> AsyncIterator[OpenAlert]:
    """The whole application; the service "Database" takes messages by the key A."""
    cast = await make.cast(sqlite_db)
    policy = await make.policy(sqlite_db, cast.team, make.level(1, cast.alice, minutes=60))
    service = await make.service(sqlite_db, cast.team, policy)
    await make.integration(sqlite_db, service, "A")
    made = OpenAlert(load(None, {}, {}), sqlite_db, b"secret of the tests")
    async with made.running():
        yield made


@pytest.fixture
async def client(app: OpenAlert) -> AsyncIterator[httpx2.AsyncClient]:
    """A sender of alerts."""
    transport = httpx2.ASGITransport(app=app.asgi, client=("127.0.0.1", 5000))
    async with httpx2.AsyncClient(transport=transport, base_url="http://testserver") as opened:
        yield opened


async def _value(db: Database, sql: str) -> object:
    async with db.read() as reader:
        return await reader.value(sql)


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize(
    "path", ["prometheus/A", "v1/A", "generic/A", "prometheus/A/", "prometheus/A/api/v2/alerts"]
)
async def test_a_good_message_is_accepted_after_its_commit(
    client: httpx2.AsyncClient, sqlite_db: Database, method: str, path: str
) -> None:
    """202 with what it did; the rows are there when the answer is. On the path of Alertmanager 200, as from it."""
    answer = await client.request(method, f"/webhooks/{path}", json=GOOD)
    assert answer.status_code == (200 if path.endswith("api/v2/alerts") else 202)
    body = answer.json()
    assert (body["status"], body["alertsProcessed"], body["deduplicated"]) == ("accepted", 1, 0)
    assert body["incidents"][0]["number"] == 1
    assert body["traceId"] == answer.headers["x-request-id"]
    assert await _value(sqlite_db, "SELECT count(*) FROM alerts") == 1


async def test_repeats_that_are_not_looked_into_count_and_say_what_they_say(
    client: httpx2.AsyncClient, sqlite_db: Database
) -> None:
    """The same bytes again and again, together and with another severity in between: the last word holds."""

    def saying(severity: str) -> dict[str, object]:
        labels = {"alertname": "Disk", "severity": severity}
        return GOOD | {"alerts": [{"status": "firing", "labels": labels, "fingerprint": "f"}]}

    sent = 0
    for severity in ("high", "critical") * 3:
        for _ in range(2):
            answers = await asyncio.gather(
                *(client.post("/webhooks/prometheus/A", json=saying(severity)) for _ in range(3))
            )
            assert [answer.status_code for answer in answers] == [202] * 3
            sent += 3
            kept = await _value(sqlite_db, "SELECT severity FROM alerts")
            assert kept == severity
            assert await _value(sqlite_db, "SELECT count FROM alerts") == sent


@pytest.mark.parametrize("path", ["prometheus/nope", "v1/", "nosuchsource/A", "v1"])
async def test_unknown_keys_and_sources_are_not_found(client: httpx2.AsyncClient, path: str) -> None:
    """404 with one sentence, the same whatever was wrong."""
    answer = await client.post(f"/webhooks/{path}", json=GOOD)
    assert answer.status_code == 404
    if path != "v1":
        assert answer.json()["code"] == "INTEGRATION_NOT_FOUND"


async def test_a_key_that_is_switched_off_is_refused_although_it_was_good_before(
    client: httpx2.AsyncClient, sqlite_db: Database
) -> None:
    """What is remembered of a key is only a hint; the transaction decides."""
    assert (await client.post("/webhooks/v1/A", json=GOOD)).status_code == 202
    async with sqlite_db.transaction() as tx:
        await tx.execute("UPDATE integrations SET is_active = FALSE")
    assert (await client.post("/webhooks/v1/A", json=GOOD)).status_code == 404
    async with sqlite_db.transaction() as tx:
        await tx.execute("UPDATE integrations SET is_active = TRUE")
    assert (await client.post("/webhooks/v1/A", json=GOOD)).status_code == 202


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"null", 400),
        (b'"text"', 400),
        (b"[" * 5000, 400),
        (b"\xff\xfe{", 400),
        (b'{"a": NaN}', 400),
        (b"x" * 1_100_000, 413),
    ],
    ids=["empty", "cut off", "null", "text", "deep", "no utf-8", "nan", "too large"],
)
async def test_what_can_never_be_read_is_refused_and_kept(
    client: httpx2.AsyncClient, sqlite_db: Database, body: bytes, status: int
) -> None:
    """A 4xx with the reason, and a row in quarantine so that somebody sees it; never a 5xx."""
    answer = await client.post("/webhooks/v1/A", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == status
    assert answer.json()["message"]
    assert await _value(sqlite_db, "SELECT outcome FROM payloads") == "quarantined"


async def test_good_items_of_a_partly_broken_message_are_taken(
    client: httpx2.AsyncClient, sqlite_db: Database
) -> None:
    """One item that is no alert does not cost the others; the answer names it."""
    body = GOOD | {"alerts": [*GOOD["alerts"], 5]}  # type: ignore[misc]  # wrong on purpose
    answer = await client.post("/webhooks/prometheus/A", json=body)
    assert answer.status_code == 202
    assert answer.json()["skipped"][0]["index"] == 1
    assert await _value(sqlite_db, "SELECT outcome FROM payloads") == "partial"


async def test_what_cannot_be_stored_now_is_refused_with_503_and_nothing_else(
    client: httpx2.AsyncClient, sqlite_db: Database
) -> None:
    """A database that refuses writes: 503 with Retry-After, because senders give up on any other code."""
    assert (await client.post("/webhooks/v1/A", json=GOOD)).status_code == 202
    writer = await sqlite_db.writer()
    await writer.run("PRAGMA query_only=ON")
    broken = await client.post("/webhooks/v1/A", json=GOOD | {"groupKey": "h"})
    await writer.run("PRAGMA query_only=OFF")
    assert broken.status_code == 503
    assert int(broken.headers["retry-after"]) > 0
    assert (await client.post("/webhooks/v1/A", json=GOOD)).status_code == 202


async def test_a_person_who_opens_the_address_is_told_what_it_is(client: httpx2.AsyncClient) -> None:
    """GET explains and changes nothing; other methods are refused by name."""
    answer = await client.get("/webhooks/prometheus/A")
    assert answer.status_code == 200
    assert "webhook address" in answer.text
    assert (await client.delete("/webhooks/prometheus/A")).status_code == 405


async def test_uptime_kuma_may_ask_instead_of_posting(client: httpx2.AsyncClient) -> None:
    """Its GET with a heartbeat is an event; with anything else, or a HEAD, it is somebody who looks."""
    beat = {
        "heartbeat": '{"status": 0}',
        "monitor": '{"id": 89, "name": "Shop"}',
        "msg": "[Shop] [Down] timeout",
    }
    for path in ("uptimekuma", "v1"):
        answer = await client.get(f"/webhooks/{path}/A", params=beat)
        assert answer.status_code == 202, answer.text
        assert answer.json()["alertsProcessed"] == 1
    over = await client.get("/webhooks/uptimekuma/A", params=beat | {"heartbeat": '{"status": 1}'})
    assert over.status_code == 202
    for broken in ("{", "9" * 5_000, "[" * 5_000, '"\\ud800"'):
        answer = await client.get("/webhooks/uptimekuma/A", params=beat | {"heartbeat": broken})
        assert answer.status_code in {200, 202, 400}, broken[:20]
    assert (await client.get("/webhooks/uptimekuma/A", params={"msg": "x"})).status_code == 200
    assert (await client.head("/webhooks/uptimekuma/A", params=beat)).status_code == 200
    assert (await client.get("/webhooks/uptimekuma/nobody", params=beat)).status_code == 404


async def test_samples_of_every_kind_are_taken_through_the_front_door(client: httpx2.AsyncClient) -> None:
    """Every recorded message of both formats gets the kind of answer that is expected of it."""
    for expectation in sorted((Path(__file__).parents[1] / "payloads").glob("*/*.expect.json")):
        expected = json.loads(expectation.read_text())
        body = expectation.with_name(expectation.name.replace(".expect.json", ".json")).read_bytes()
        for path in (expected["source"], "v1"):
            answer = await client.post(
                f"/webhooks/{path}/A", content=body, headers=expected.get("request", {}).get("headers", {})
            )
            assert answer.status_code < 500, expectation.name
            if expected["http"] == "2xx":
                assert answer.status_code == 202, (expectation.name, answer.text)
