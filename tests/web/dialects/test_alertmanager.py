"""Alertmanager's API v2, as Prometheus, vmalert and amtool use it."""

import base64
from typing import Any

import httpx2
import pytest

from openalert.storage import Database
from tests.web.dialects.test_pagerduty import rows

pytestmark = pytest.mark.anyio
FIRING = {
    "labels": {"alertname": "Disk", "severity": "critical", "instance": "db-1"},
    "annotations": {"summary": "Disk full on db-1"},
    "startsAt": "2026-01-05T08:00:00.123Z",
    "endsAt": "2026-01-05T09:04:00.123Z",
    "generatorURL": "http://prometheus:9090/graph?g0.expr=up",
}
"""As Prometheus posts it: `endsAt` lies ahead of the tests' clock, which stands at nine."""
OVER = FIRING | {"endsAt": "2026-01-05T08:59:00Z"}


def basic(name: str, password: str) -> dict[str, str]:
    """The header of basic authentication."""
    return {"authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/api/v2/alerts", {"authorization": "Bearer A"}),
        ("/api/v2/alerts", basic("prometheus", "A")),
        ("/api/v2/alerts", basic("A", "")),
        ("/api/v2/alerts?key=A", {}),
        ("/alertmanager/A/api/v2/alerts", {}),
        ("/webhooks/prometheus/A/api/v2/alerts", {}),
    ],
)
async def test_an_alert_comes_again_and_ends(
    client: httpx2.AsyncClient, sqlite_db: Database, path: str, headers: dict[str, str]
) -> None:
    """By each way to give the key: 200, one alert however often it is posted, and over when its end has passed."""
    for alert in (FIRING, FIRING, OVER, OVER):
        answer = await client.post(path, json=[alert], headers=headers)
        assert answer.status_code == 200
        if path.startswith("/webhooks/"):
            continue
        assert answer.content == b""
    found = await rows(sqlite_db, "SELECT status, count, severity, title FROM alerts")
    assert found == [("resolved", 2, "critical", "Disk full on db-1")]
    assert await rows(sqlite_db, "SELECT status FROM incidents") == [("resolved",)]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer B"},
        basic("x", "B"),
        {"authorization": "Basic ***"},
        {"authorization": "Digest A"},
    ],
)
async def test_a_key_that_is_none_opens_nothing(client: httpx2.AsyncClient, headers: dict[str, str]) -> None:
    """401 and one text, as Alertmanager behind a password answers."""
    answer = await client.post("/api/v2/alerts", json=[FIRING], headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic")
    assert isinstance(answer.json(), str)


async def test_what_cannot_be_read_is_refused_and_kept(
    client: httpx2.AsyncClient, sqlite_db: Database
) -> None:
    """400 with one text; an empty list is fine; good alerts beside a broken one are taken."""
    for content in (b"{", b"[5]", b'[{"labels": {}}]', b"null", b'{"status": "x"}'):
        answer = await client.post("/api/v2/alerts?key=A", content=content)
        assert answer.status_code in (200, 400), (content, answer.text)
        if answer.status_code == 400:
            assert isinstance(answer.json(), str)
    assert {outcome for (outcome,) in await rows(sqlite_db, "SELECT outcome FROM payloads")} >= {
        "quarantined"
    }
    assert (await client.post("/api/v2/alerts?key=A", json=[])).status_code == 200
    assert (await client.post("/api/v2/alerts?key=A", json=[5, FIRING])).status_code == 200
    assert ("Disk full on db-1",) in await rows(sqlite_db, "SELECT title FROM alerts")


async def test_what_amtool_asks(client: httpx2.AsyncClient, sqlite_db: Database) -> None:
    """Status, receivers and the alerts that are not over, each in Alertmanager's shape and only with the key."""
    await client.post("/api/v2/alerts?key=A", json=[FIRING, OVER | {"labels": {"alertname": "Old"}}])
    (name,) = (await rows(sqlite_db, "SELECT name FROM integrations"))[0]
    status = (await client.get("/api/v2/status?key=A")).json()
    assert set(status) == {"cluster", "config", "versionInfo", "uptime"}
    assert (await client.get("/api/v2/receivers?key=A")).json() == [{"name": name}]
    (alert,) = (await client.get("/alertmanager/A/api/v2/alerts")).json()
    expected: dict[str, Any] = {
        "labels": FIRING["labels"],
        "annotations": FIRING["annotations"],
        "startsAt": FIRING["startsAt"],
        "generatorURL": FIRING["generatorURL"],
        "receivers": [{"name": name}],
        "status": {"state": "active", "silencedBy": [], "inhibitedBy": []},
    }
    assert {member: alert[member] for member in expected} == expected
    assert set(alert) == set(expected) | {"endsAt", "updatedAt", "fingerprint"}
    for path in ("status", "receivers", "alerts"):
        assert (await client.get(f"/api/v2/{path}?key=B")).status_code == 401


async def test_a_key_that_is_switched_off_reads_nothing(
    client: httpx2.AsyncClient, sqlite_db: Database
) -> None:
    """Neither posting nor looking."""
    async with sqlite_db.transaction() as tx:
        await tx.execute("UPDATE integrations SET is_active = FALSE")
    assert (await client.get("/api/v2/alerts?key=A")).status_code == 401
    assert (await client.post("/api/v2/alerts?key=A", json=[FIRING])).status_code == 401
