"""PagerDuty's Events API: answers to the letter, and what becomes of its events."""

from typing import Any

import httpx2
import pytest

from openalert.storage import Database
from openalert.usecases import imported_keys

pytestmark = pytest.mark.anyio
PAYLOAD = {"summary": "Disk full", "source": "db-1", "severity": "critical"}
TRIGGER = {"routing_key": "A", "event_action": "trigger", "dedup_key": "disk", "payload": PAYLOAD}
V1 = "/generic/2010-04-15/create_event.json"


async def rows(db: Database, sql: str) -> list[tuple[Any, ...]]:
    """What the database holds."""
    async with db.read() as reader:
        return [tuple(row) for row in await reader.rows(sql)]


async def test_an_incident_from_trigger_to_resolve(client: httpx2.AsyncClient, sqlite_db: Database) -> None:
    """The same key is the same alert; `acknowledge` acknowledges in the integration's name, `resolve` ends."""
    for action in ("trigger", "trigger", "acknowledge", "resolve"):
        answer = await client.post("/v2/enqueue", json=TRIGGER | {"event_action": action})
        assert answer.status_code == 202
        assert answer.json() == {"status": "success", "message": "Event processed", "dedup_key": "disk"}
        if action == "acknowledge":
            assert await rows(sqlite_db, "SELECT status FROM incidents") == [("acknowledged",)]
    assert await rows(sqlite_db, "SELECT status, count, severity, title FROM alerts") == [
        ("resolved", 2, "critical", "Disk full")
    ]
    assert await rows(sqlite_db, "SELECT status, number FROM incidents") == [("resolved", 1)]
    by = await rows(sqlite_db, "SELECT actor_kind, actor_name FROM timeline WHERE kind = 'acknowledged'")
    assert [kind for kind, _ in by] == ["integration"]


async def test_acknowledge_and_resolve_need_nothing_but_the_key(
    client: httpx2.AsyncClient, sqlite_db: Database
) -> None:
    """Neither has a payload; of a key that nobody knows they page nobody, and are taken all the same."""
    for action in ("acknowledge", "resolve"):
        event = {"routing_key": "A", "event_action": action, "dedup_key": "unheard of"}
        assert (await client.post("/v2/enqueue", json=event)).status_code == 202
    assert await rows(sqlite_db, "SELECT id FROM incidents") == []


async def test_an_event_without_a_key_is_given_one(client: httpx2.AsyncClient, sqlite_db: Database) -> None:
    """Each is an alert of its own, as at PagerDuty; the key that was told ends it."""
    bare = {name: value for name, value in TRIGGER.items() if name != "dedup_key"}
    told = [(await client.post("/v2/enqueue", json=bare)).json()["dedup_key"] for _ in range(2)]
    assert len(set(told)) == 2
    assert all(len(key) == 32 for key in told)
    event = {"routing_key": "A", "event_action": "resolve", "dedup_key": told[0]}
    assert (await client.post("/v2/enqueue", json=event)).json()["dedup_key"] == told[0]
    found = await rows(sqlite_db, "SELECT fingerprint, status FROM alerts ORDER BY id")
    assert found == [(told[0], "resolved"), (told[1], "firing")]


async def test_a_long_key_and_a_long_summary_are_taken(
    client: httpx2.AsyncClient, sqlite_db: Database
) -> None:
    """The key comes back as it was sent; the summary is cut, never refused."""
    key = "k" * 255
    event = TRIGGER | {"dedup_key": key, "payload": PAYLOAD | {"summary": "s" * 2000}}
    assert (await client.post("/v2/enqueue", json=event)).json()["dedup_key"] == key
    await client.post("/v2/enqueue", json={"routing_key": "A", "event_action": "resolve", "dedup_key": key})
    (found,) = await rows(sqlite_db, "SELECT status, title FROM alerts")
    assert found[0] == "resolved"
    assert len(found[1]) <= 255


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"event_action": None}, "'event_action' is missing or blank"),
        ({"event_action": "explode"}, "'event_action' is invalid"),
        ({"payload": None}, "'payload' is missing or blank"),
        ({"payload": "text"}, "'payload' is not an object"),
        ({"payload": PAYLOAD | {"summary": " "}}, "'payload.summary' is missing or blank"),
        ({"payload": PAYLOAD | {"source": None}}, "'payload.source' is missing or blank"),
        ({"payload": {"summary": "s", "source": "h"}}, "'payload.severity' is missing or blank"),
        ({"event_action": "resolve", "dedup_key": ""}, "'dedup_key' is missing or blank"),
    ],
)
async def test_what_pagerduty_refuses_is_refused_in_its_words(
    client: httpx2.AsyncClient, sqlite_db: Database, change: dict[str, Any], error: str
) -> None:
    """400 with its three members; the body is kept where the integration's people see it."""
    answer = await client.post("/v2/enqueue", json=TRIGGER | change)
    assert answer.status_code == 400
    body = answer.json()
    assert set(body) == {"status", "message", "errors"}
    assert (body["status"], body["message"]) == ("invalid event", "Event object is invalid")
    assert len(body["errors"]) == 1
    assert body["errors"][0].startswith(error)
    assert await rows(sqlite_db, "SELECT outcome FROM payloads") == [("quarantined",)]


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"[]", "The body is not a JSON object."),
        (b"{", "The body is not valid JSON"),
        (b"", "The body is empty"),
        (b'{"event_action": "trigger"}', "'routing_key' is missing or blank"),
        (b'{"routing_key": 5, "event_action": "trigger"}', "'routing_key' is missing or blank"),
        (b'{"routing_key": "B", "event_action": "trigger"}', "Invalid routing key"),
    ],
)
async def test_a_sender_without_a_good_key_is_told(
    client: httpx2.AsyncClient, sqlite_db: Database, content: bytes, error: str
) -> None:
    """Nothing can be kept of it, so nothing is; silence would cost its owner every page."""
    answer = await client.post("/v2/enqueue", content=content)
    assert answer.status_code == 400
    assert answer.json()["errors"][0].startswith(error)
    assert await rows(sqlite_db, "SELECT id FROM payloads") == []


async def test_severities_are_understood_in_other_words(
    client: httpx2.AsyncClient, sqlite_db: Database
) -> None:
    """PagerDuty's four, other people's words, and the integration's default for what nobody knows."""
    wanted = {
        "critical": "critical",
        "error": "high",
        "warning": "medium",
        "info": "info",
        "P2": "high",
        "?": "medium",
    }
    for word in wanted:
        event = TRIGGER | {"dedup_key": word, "payload": PAYLOAD | {"severity": word}}
        assert (await client.post("/v2/enqueue", json=event)).status_code == 202
    assert dict(await rows(sqlite_db, "SELECT fingerprint, severity FROM alerts")) == wanted


async def test_a_change_is_kept_and_pages_nobody(client: httpx2.AsyncClient, sqlite_db: Database) -> None:
    """It stands among the integration's messages with its summary, even when it claims to be more."""
    change = {"routing_key": "A", "payload": {"summary": "Build 7 is live", "source": "ci"}, "links": []}
    for event in (change, change | {"event_action": "trigger"}):
        answer = await client.post("/v2/change/enqueue", json=event)
        assert answer.status_code == 202
        assert answer.json() == {"status": "success", "message": "Change event processed"}
    kept = await rows(sqlite_db, "SELECT outcome, reason FROM payloads")
    assert kept == [("ignored", "A change, which pages nobody: Build 7 is live")] * 2
    assert await rows(sqlite_db, "SELECT id FROM alerts") == []
    refused = await client.post("/v2/change/enqueue", json={"routing_key": "A", "payload": {}})
    assert (refused.status_code, refused.json()["errors"]) == (
        400,
        ["'payload.summary' is missing or blank"],
    )


async def test_version_1(client: httpx2.AsyncClient, sqlite_db: Database) -> None:
    """Its own names, answered with 200; a trigger without `incident_key` is told the one it was given."""
    event = {
        "service_key": "A",
        "event_type": "trigger",
        "description": "Disk full",
        "details": {"free": "1%"},
    }
    made = await client.post(V1, json=event)
    assert made.status_code == 200
    key = made.json().pop("incident_key")
    assert made.json() == {"status": "success", "message": "Event processed", "incident_key": key}
    for action, status in (("acknowledge", "acknowledged"), ("resolve", "resolved")):
        await client.post(V1, json={"service_key": "A", "event_type": action, "incident_key": key})
        assert await rows(sqlite_db, "SELECT status FROM incidents") == [(status,)]
    for wrong, error in (
        ({"description": ""}, "'description' is missing or blank"),
        ({"event_type": "resolve"}, "'incident_key' is missing or blank"),
        ({"event_type": 3}, "'event_type' is invalid"),
        ({"service_key": ""}, "'service_key' is missing or blank"),
    ):
        refused = await client.post(V1, json=event | wrong)
        assert refused.status_code == 400
        assert refused.json()["errors"][0].startswith(error)


@pytest.mark.parametrize("path", ["/integration/A/enqueue", "/x-ere/A"])
async def test_vendors_addresses_carry_the_key(
    client: httpx2.AsyncClient, sqlite_db: Database, path: str
) -> None:
    """The body decides: an event of PagerDuty's is one, and so is a message of the monitor itself."""
    event = {name: value for name, value in TRIGGER.items() if name not in ("routing_key", "dedup_key")}
    told = (await client.post(path, json=event)).json()["dedup_key"]
    native = {"labels": {"alertname": "Native"}, "startsAt": "2026-01-05T08:00:00Z"}
    answer = await client.post(path, json=[native])
    assert answer.status_code == 202
    assert answer.json()["message"] == "Event processed"
    found = await rows(sqlite_db, "SELECT source, fingerprint FROM alerts ORDER BY id")
    assert found[0] == ("pagerduty_events", told)
    assert found[1] == ("prometheus", answer.json()["dedup_key"])


async def test_a_routing_key_of_pagerduty_leads_here_once_it_is_imported(
    client: httpx2.AsyncClient, sqlite_db: Database
) -> None:
    """32 letters and digits, as PagerDuty made it: until then refused, from then on nothing but the host changed."""
    old = TRIGGER | {"routing_key": "e93facc04764012d7bfb002500d5d1a6"}
    assert (await client.post("/v2/enqueue", json=old)).status_code == 400
    (found,) = await rows(sqlite_db, "SELECT id FROM integrations")
    async with sqlite_db.transaction() as tx:
        await imported_keys.add(tx, found[0], old["routing_key"])
    assert (await client.post("/v2/enqueue", json=old)).status_code == 202
    assert await rows(sqlite_db, "SELECT title FROM alerts") == [("Disk full",)]


async def test_what_cannot_be_stored_now_is_asked_for_again(
    client: httpx2.AsyncClient, sqlite_db: Database
) -> None:
    """503 and Retry-After, which PagerDuty's clients send again on, in a body with its members."""
    writer = await sqlite_db.writer()
    await writer.run("PRAGMA query_only=ON")
    answer = await client.post("/v2/enqueue", json=TRIGGER)
    await writer.run("PRAGMA query_only=OFF")
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert set(answer.json()) == {"status", "message"}
    assert (await client.post("/v2/enqueue", json=TRIGGER)).status_code == 202
