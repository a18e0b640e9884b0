"""Opsgenie's addresses for other products, and its first Alert API."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest

from openalert.storage import Database
from openalert.web.dialects.opsgenie_products import source_of

pytestmark = pytest.mark.anyio
PAYLOADS = Path(__file__).parents[2] / "payloads"
GROUP = {
    "version": "4",
    "groupKey": "g",
    "alerts": [{"status": "firing", "labels": {"alertname": "Disk"}, "startsAt": "2026-01-05T08:00:00Z"}],
}


async def _alerts(db: Database) -> list[tuple[Any, ...]]:
    async with db.read() as reader:
        return [
            tuple(row) for row in await reader.rows("SELECT source, title, status FROM alerts ORDER BY id")
        ]


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("azure", "azure"),
        ("azureservicehealth", "azure"),
        ("cloudwatch", "cloudwatch"),
        ("amazonsns", "cloudwatch"),
        ("googlestackdriver", "gcp"),
        ("prometheus", "prometheus"),
        ("splunk", "splunk"),
        ("site24x7", "site24x7"),
        ("pagerduty", "pagerduty_events"),
        ("NewRelicV2", "newrelic"),
        ("datadog", "datadog"),
        ("papertrail", "v1"),
        ("nobody-knows", "v1"),
    ],
)
def test_opsgenies_names_of_products_mean_our_sources(name: str, source: str) -> None:
    """In any case and spelling; what is not known is found out from the body."""
    assert source_of(name) == source


@pytest.mark.parametrize(
    "path", ["/v1/json/prometheus", "/v1/json/anything", "/jsm/ops/integration/v1/json/prometheus"]
)
@pytest.mark.parametrize("key", ["query", "header"])
async def test_a_monitors_own_message_is_taken_in(
    client: httpx2.AsyncClient, sqlite_db: Database, path: str, key: str
) -> None:
    """202 with the envelope of Opsgenie; the message is read as the product's."""
    headers = {"authorization": "GenieKey A"} if key == "header" else {}
    answer = await client.post(path + ("?apiKey=A" if key == "query" else ""), json=GROUP, headers=headers)
    assert answer.status_code == 202
    assert answer.json()["result"] == "Request will be processed"
    assert await _alerts(sqlite_db) == [("prometheus", "Disk", "firing")]


async def test_every_azure_body_of_the_corpus_comes_in_here_too(
    client: httpx2.AsyncClient, sqlite_db: Database
) -> None:
    """Nobody loses an action group by changing its host."""
    bodies = [path for path in sorted((PAYLOADS / "azure").glob("*.json")) if ".expect" not in path.name]
    assert bodies
    for path in bodies:
        answer = await client.post("/v1/json/azure?apiKey=A", content=path.read_bytes())
        assert answer.status_code == 202, (path.name, answer.text)


async def test_a_form_as_prtg_sends_it_is_taken_in(client: httpx2.AsyncClient, sqlite_db: Database) -> None:
    """Form fields instead of JSON."""
    body = urlencode({"title": "Sensor down", "status": "Down", "device": "sw-1"})
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = await client.post("/v1/json/prtg?apiKey=A", content=body, headers=headers)
    assert answer.status_code == 202, answer.text
    assert [row[1] for row in await _alerts(sqlite_db)] == ["Sensor down"]


async def test_what_cannot_be_read_is_kept_and_refused(
    client: httpx2.AsyncClient, sqlite_db: Database
) -> None:
    """400 in Opsgenie's words; the body waits in quarantine; an unknown key is 401 and leaves nothing."""
    answer = await client.post("/v1/json/azure?apiKey=A", content=b"{")
    assert (answer.status_code, answer.json()["message"]) == (
        400,
        "Request body is not processable. Please check the errors.",
    )
    assert (await client.post("/v1/json/azure?apiKey=B", content=b"{")).status_code == 401
    assert (await client.post("/v1/json/azure", json=GROUP)).status_code == 401
    async with sqlite_db.read() as reader:
        assert await reader.value("SELECT count(*) FROM payloads WHERE outcome = 'quarantined'") == 1


async def test_the_first_api_has_its_key_in_the_body(client: httpx2.AsyncClient, sqlite_db: Database) -> None:
    """Create, acknowledge, note and close of old scripts: 200 and the words of that API."""
    body = {"apiKey": "A", "message": "Backup failed", "alias": "backup", "recipients": "all", "tags": "x"}
    made = await client.post("/v1/json/alert", json=body)
    assert made.status_code == 200
    said = made.json()
    assert (said["message"], said["status"], said["code"]) == ("alert created", "successful", 200)
    assert said["alertId"]
    for verb in ("acknowledge", "note", "close"):
        done = await client.post(
            f"/v1/json/alert/{verb}", json={"apiKey": "A", "alias": "backup", "note": "n"}
        )
        assert (done.status_code, done.json()["status"]) == (200, "successful")
    assert await _alerts(sqlite_db) == [("opsgenie_api", "Backup failed", "resolved")]
    for wrong, status in (({"apiKey": "B", "alias": "backup"}, 401), ({"apiKey": "A"}, 422), ({}, 401)):
        assert (await client.post("/v1/json/alert/close", json=wrong)).status_code == status


async def test_sns_is_confirmed_at_opsgenies_address(client: httpx2.AsyncClient, sqlite_db: Database) -> None:
    """A subscription that is asked for here is kept as one that waits for its confirmation."""
    sample = next((PAYLOADS / "cloudwatch").glob("*ubscription*onfirm*.json"))
    answer = await client.post(
        "/v1/json/cloudwatch?apiKey=A", content=json.dumps(json.loads(sample.read_text()))
    )
    assert answer.status_code == 202, answer.text
