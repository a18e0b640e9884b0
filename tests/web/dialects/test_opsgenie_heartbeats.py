"""Opsgenie's heartbeats, and the heartbeat of OnCall's addresses."""

from typing import Any

import httpx2
import pytest

from openalert.domain.instant import MINUTE
from openalert.storage import Database
from openalert.usecases import heartbeats
from tests.conftest import StoppedClock

pytestmark = pytest.mark.anyio
KEY = {"authorization": "GenieKey A"}
BACKUP = {
    "name": "disk backup/1",
    "interval": 10,
    "intervalUnit": "minutes",
    "enabled": True,
    "alertPriority": "P1",
}
PATH = "/v2/heartbeats/disk%20backup%2F1"


async def _call(
    client: httpx2.AsyncClient, method: str, path: str, body: Any = None, status: int = 200
) -> Any:
    answer = await client.request(method, path, json=body, headers=KEY)
    assert answer.status_code == status, answer.text
    return answer.json()


async def _value(db: Database, sql: str) -> Any:
    async with db.read() as reader:
        return await reader.value(sql)


async def test_a_heartbeat_is_made_changed_and_switched(client: httpx2.AsyncClient) -> None:
    """The members of Opsgenie's documentation; a name is free once."""
    made = await _call(client, "POST", "/v2/heartbeats", BACKUP, 201)
    assert made["data"] | {"ownerTeam": 0} == {
        "name": "disk backup/1",
        "description": "",
        "interval": 10,
        "intervalUnit": "minutes",
        "enabled": True,
        "expired": False,
        "ownerTeam": 0,
        "alertTags": [],
        "alertPriority": "P1",
        "alertMessage": "disk backup/1 is expired",
    }
    assert (await client.post("/v2/heartbeats", json=BACKUP, headers=KEY)).status_code == 409
    assert (await _call(client, "GET", "/v2/heartbeats"))["data"]["heartbeats"] == [made["data"]]
    changed = await _call(
        client, "PATCH", PATH, {"interval": 2, "intervalUnit": "hours", "alertPriority": "P2"}
    )
    assert (changed["data"]["interval"], changed["data"]["intervalUnit"]) == (2, "hours")
    assert changed["data"]["alertPriority"] == "P2"
    for change, kept in (({"interval": 3}, (3, "hours")), ({"intervalUnit": "days"}, (3, "days"))):
        data = (await _call(client, "PATCH", PATH, change))["data"]
        assert (data["interval"], data["intervalUnit"]) == kept
    for verb, enabled in (("disable", False), ("enable", True)):
        switched = await _call(client, "POST", f"{PATH}/{verb}")
        assert switched["data"] == {"name": "disk backup/1", "enabled": enabled, "expired": False}
    assert (await _call(client, "GET", PATH))["data"]["enabled"] is True
    assert (await _call(client, "DELETE", PATH, status=403))["code"] == 40301
    assert (await client.get("/v2/heartbeats/nothing", headers=KEY)).status_code == 404


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH"])
async def test_a_ping_arms_it_and_one_that_stays_away_pages(
    client: httpx2.AsyncClient, app: Any, sqlite_db: Database, clock: StoppedClock, method: str
) -> None:
    """By all four methods; late after the interval, over with the next ping."""
    await _call(client, "POST", "/v2/heartbeats", BACKUP, 201)
    ping = await _call(client, method, f"{PATH}/ping", status=202)
    assert ping["result"] == "PONG - Heartbeat received"
    assert (await _call(client, "GET", PATH))["data"]["lastPingTime"]
    clock.now += 11 * MINUTE
    await app.engine.run_until_idle()
    assert (await _call(client, "GET", PATH))["data"]["expired"] is True
    assert await _value(sqlite_db, "SELECT severity FROM incidents WHERE status <> 'resolved'") == "critical"
    await _call(client, method, f"{PATH}/ping", status=202)
    assert (await _call(client, "GET", PATH))["data"]["expired"] is False
    assert await _value(sqlite_db, "SELECT status FROM incidents") == "resolved"


async def test_a_ping_of_a_heartbeat_that_nobody_made_is_answered_alike_and_shown(
    client: httpx2.AsyncClient, sqlite_db: Database
) -> None:
    """PONG as ever; the name stands among what was not understood, once and counted."""
    for _ in range(3):
        assert (await _call(client, "GET", f"{PATH}/ping", status=202))["result"].startswith("PONG")
    assert await _value(sqlite_db, "SELECT count(*) FROM payloads") == 1
    assert await _value(sqlite_db, "SELECT seen_count FROM payloads WHERE outcome = 'quarantined'") == 3
    assert "disk backup/1" in await _value(sqlite_db, "SELECT reason FROM payloads")
    stranger = await client.get(f"{PATH}/ping", headers={"authorization": "GenieKey B"})
    assert stranger.status_code == 401


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"interval": 0}, "interval"),
        ({"interval": "ten"}, "interval"),
        ({"interval": True}, "interval"),
        ({"intervalUnit": "weeks"}, "intervalUnit"),
        ({"interval": None, "intervalUnit": None}, "interval"),
        ({"alertPriority": "P9"}, "alertPriority"),
        ({"interval": 900_000, "intervalUnit": "days"}, "intervalSeconds"),
    ],
)
async def test_what_is_no_heartbeat_is_refused(
    client: httpx2.AsyncClient, change: dict[str, Any], field: str
) -> None:
    """422 with the member at fault, and nothing is made."""
    refused = await _call(client, "POST", "/v2/heartbeats", BACKUP | change, 422)
    assert set(refused["errors"]) == {field}
    assert (await _call(client, "GET", "/v2/heartbeats"))["data"]["heartbeats"] == []


async def test_the_first_api_has_key_and_name_in_the_body(client: httpx2.AsyncClient) -> None:
    """Old scripts go on."""
    await _call(client, "POST", "/v2/heartbeats", BACKUP, 201)
    answer = await client.post("/v1/json/heartbeat/send", json={"apiKey": "A", "name": BACKUP["name"]})
    assert (answer.status_code, answer.json()["status"]) == (200, "successful")
    assert (await _call(client, "GET", PATH))["data"]["lastPingTime"]
    assert (await client.post("/v1/json/heartbeat/send", json={"name": "x"})).status_code == 401


async def test_oncalls_heartbeat_is_the_one_called_as_the_integration(
    client: httpx2.AsyncClient, sqlite_db: Database
) -> None:
    """GET answers :), POST nothing; before somebody made that heartbeat it is shown as not understood."""
    address = "/integrations/v1/alertmanager/A/heartbeat/"
    assert (await client.get(address)).json() == ":)"
    assert await _value(sqlite_db, "SELECT count(*) FROM payloads WHERE outcome = 'quarantined'") == 1
    async with sqlite_db.transaction() as tx:
        name, service_id = (await tx.rows("SELECT name, service_id FROM integrations"))[0]
        await heartbeats.create(tx, service_id=service_id, name=name, period=10 * MINUTE)
    posted = await client.post(address)
    assert (posted.status_code, posted.content) == (200, b"")
    assert await _value(sqlite_db, "SELECT status FROM heartbeats") == "healthy"
    assert (await client.get("/integrations/v1/alertmanager/B/heartbeat/")).status_code == 403
