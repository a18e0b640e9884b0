"""The table of ways: what every dialect promises, whoever adds one."""

import gzip
import re

import httpx2
import pytest

from openalert import telemetry
from openalert.app import OpenAlert
from openalert.storage import Database
from openalert.storage.memory import COPIES, ENOUGH, MIB, SHORT, Room
from openalert.web.dialects import PREFIXES, WAYS
from openalert.web.dialects.way import Way

pytestmark = pytest.mark.anyio


def address(way: Way, key: str = "nobody") -> str:
    """The path of the way with a key, and with any word at its other places."""
    return re.sub(r"\{\w+\}", "x", re.sub(r"\{(key|token)\}", key, way.path))


def test_every_way_lies_below_a_prefix_and_stands_once() -> None:
    """What is not below one would be asked of the pages and refused."""
    assert all(way.path.startswith(PREFIXES) for way in WAYS)
    assert len({(way.method, way.path) for way in WAYS}) == len(WAYS)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: f"{way.method} {way.path}")
async def test_nobody_is_let_in_without_a_key(
    client: httpx2.AsyncClient, sqlite_db: Database, way: Way
) -> None:
    """Every way, asked by a stranger: a refusal of its dialect and not a row; with a slash at the end, too."""
    for tail in ("", "/"):
        answer = await client.request(way.method, address(way) + tail, json={"service_key": "nobody"})
        assert 400 <= answer.status_code < 500, answer.text
        assert answer.headers["content-type"] == "application/json"
    async with sqlite_db.read() as reader:
        assert await reader.value("SELECT count(*) FROM payloads") == 0


@pytest.mark.parametrize("way", WAYS, ids=lambda way: f"{way.method} {way.path}")
def test_no_key_in_a_path_is_logged(way: Way) -> None:
    """Whatever is written about a request to it, the key is not in it."""
    for path in (address(way, "s3cr3tKey"), address(way, "s3cr3tKey") + "/"):
        assert "s3cr3tKey" not in telemetry.redact(f"asked for {path}?apiKey=s3cr3tKey&key=s3cr3tKey")


async def test_other_methods_and_paths_are_named(client: httpx2.AsyncClient) -> None:
    """405 with what is allowed, 404 for what is not there: both as problem documents."""
    wrong = await client.put("/v2/enqueue", json={})
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
    assert (await client.get("/api/v2/nothing")).json()["code"] == "NOT_FOUND"
    assert (await client.post("/v2")).status_code != 500


async def test_a_fault_of_ours_is_one_that_passes(
    client: httpx2.AsyncClient, app: OpenAlert, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503 with Retry-After, and not a word of the inside: on any other code the sender would give up."""

    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the inside")

    monkeypatch.setattr(app.intake, "submit", broken)
    event = {
        "routing_key": "A",
        "event_action": "resolve",
        "dedup_key": "d",
    }
    answer = await client.post("/v2/enqueue", json=event)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert "inside" not in answer.text


@pytest.mark.proves("LC-2", "F-32")
async def test_bodies_are_bounded_and_may_come_compressed(client: httpx2.AsyncClient) -> None:
    """As at the addresses of our own: gzip within bounds, and nothing larger than 1 MiB."""
    event = b'{"routing_key": "A", "event_action": "resolve", "dedup_key": "d"}'
    small = await client.post(
        "/v2/enqueue", content=gzip.compress(event), headers={"content-encoding": "gzip"}
    )
    assert small.status_code == 202, small.text
    bomb = gzip.compress(b" " * 5_000_000 + event)
    large = await client.post("/v2/enqueue", content=bomb, headers={"content-encoding": "gzip"})
    assert large.status_code == 413
    assert (await client.post("/v2/enqueue", content=event + b" " * 1_100_000)).status_code == 413


@pytest.mark.proves("F-27", "IN-2", "ES-3")
async def test_while_memory_is_short_nothing_new_is_taken_and_answers_are(
    client: httpx2.AsyncClient, app: OpenAlert, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each dialect sheds new alerts as our own addresses do; acknowledges, ends and beats go on."""
    genie = {"authorization": "GenieKey A"}
    event = {
        "routing_key": "A",
        "event_action": "trigger",
        "payload": {"summary": "s", "source": "x", "severity": "error"},
    }
    new: list[tuple[str, object, dict[str, str]]] = [
        ("/v2/enqueue", event, {}),
        (
            "/generic/2010-04-15/create_event.json",
            {"service_key": "A", "event_type": "trigger", "description": "s"},
            {},
        ),
        ("/v2/alerts", {"message": "s", "alias": "open"}, genie),
        ("/v1/json/datadog?apiKey=A", {"title": "s"}, {}),
        ("/api/v2/alerts?key=A", [{"labels": {"alertname": "s"}}], {}),
        ("/integrations/v1/webhook/A/", {"title": "s"}, {}),
        ("/webhooks/generic/A", {"title": "s"}, {}),
    ]
    assert (
        await client.post("/v2/alerts", json={"message": "s", "alias": "open"}, headers=genie)
    ).status_code == 202
    heartbeat = {"name": "Alertmanager", "interval": 5, "intervalUnit": "minutes"}
    assert (await client.post("/v2/heartbeats", json=heartbeat, headers=genie)).status_code == 201
    memory = app.intake.memory
    monkeypatch.setattr(memory, "_look", lambda: Room(SHORT - 1, 512 * MIB, "cgroup"))
    monkeypatch.setattr(memory, "_looked_at", 0.0)
    for path, body, headers in new:
        answer = await client.post(path, json=body, headers=headers)
        assert answer.status_code == 503, (path, answer.text)
        assert int(answer.headers["retry-after"]) >= 1
        assert "Memory is short" in answer.text
    for act in ("acknowledge", "close"):
        answer = await client.post(f"/v2/alerts/open/{act}?identifierType=alias", json={}, headers=genie)
        assert answer.status_code == 202, answer.text
    shown = await client.get("/v2/alerts/open?identifierType=alias", headers=genie)
    assert shown.json()["data"]["status"] == "closed"
    assert (await client.get("/integrations/v1/webhook/A/heartbeat")).status_code == 200
    assert (await client.get("/v2/heartbeats/Alertmanager/ping", headers=genie)).status_code == 202
    giant = await client.post(
        "/v2/alerts/open/notes?identifierType=alias", json={"note": "x" * 900_000}, headers=genie
    )
    assert giant.status_code == 503


@pytest.mark.proves("F-32", "LC-2")
async def test_long_bodies_of_dialects_share_what_is_left(
    client: httpx2.AsyncClient, app: OpenAlert, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is room for what is short and not for a giant, before it is read; nothing stays promised."""
    memory = app.intake.memory
    monkeypatch.setattr(memory, "_look", lambda: Room(ENOUGH, 512 * MIB, "cgroup"))
    monkeypatch.setattr(memory, "_looked_at", 0.0)
    taken = memory.promise((ENOUGH - SHORT) // COPIES)
    event = {"routing_key": "A", "event_action": "resolve", "dedup_key": "d"}
    assert (await client.post("/v2/enqueue", json=event)).status_code == 202
    large = event | {"custom": "x" * 500_000}
    assert (await client.post("/v2/enqueue", json=large)).status_code == 503
    memory.release(taken)
    assert (await client.post("/v2/enqueue", json=large)).status_code == 202
    assert memory._promised == 0
