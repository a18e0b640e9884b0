"""Grafana OnCall's addresses: the host changes hands, tokens and senders stay."""

import httpx2
import pytest

from openalert.storage import Database
from openalert.usecases import imported_keys
from openalert.web.dialects.oncall import source_of

pytestmark = pytest.mark.anyio
TOKEN = "f3qfZ7yTb2n0Kc9uWmDp4sXvA1"
GROUP = {
    "version": "4",
    "groupKey": "g",
    "status": "firing",
    "alerts": [{"status": "firing", "labels": {"alertname": "Disk"}, "startsAt": "2026-01-05T08:00:00Z"}],
    "numFiring": 1,
    "numResolved": 0,
}
FORMATTED = {
    "alert_uid": "08d6891a",
    "title": "The whole system is down",
    "image_url": None,
    "state": "alerting",
    "link_to_upstream_details": "https://graphs.example/down",
    "message": "This alert was sent by user",
}


@pytest.fixture(autouse=True)
async def imported(sqlite_db: Database, client: httpx2.AsyncClient) -> None:
    """The integration has the token that its senders had at OnCall."""
    async with sqlite_db.transaction() as tx:
        integration_id = (await tx.rows("SELECT id FROM integrations"))[0][0]
        await imported_keys.add(tx, integration_id, TOKEN)


async def _value(db: Database, sql: str) -> object:
    async with db.read() as reader:
        return await reader.value(sql)


@pytest.mark.parametrize("tail", ["", "/"])
@pytest.mark.parametrize("key", [TOKEN, "A"])
async def test_a_message_is_answered_as_oncall_does(
    client: httpx2.AsyncClient, sqlite_db: Database, tail: str, key: str
) -> None:
    """200 "Ok.", with and without the slash, by the imported token and by our own key."""
    answer = await client.post(f"/integrations/v1/alertmanager/{key}{tail}", json=GROUP)
    assert (answer.status_code, answer.json()) == (200, "Ok.")
    assert await _value(sqlite_db, "SELECT source FROM alerts") == "prometheus"


async def test_the_formatted_webhook_opens_and_ends_one_alert(
    client: httpx2.AsyncClient, sqlite_db: Database
) -> None:
    """`alert_uid` is the alert, `state` ok in any case its end."""
    for state, status in (("alerting", "firing"), ("alerting", "firing"), ("OK", "resolved")):
        body = FORMATTED | {"state": state}
        answer = await client.post(f"/integrations/v1/formatted_webhook/{TOKEN}/", json=body)
        assert answer.status_code == 200
        assert await _value(sqlite_db, "SELECT status FROM alerts") == status
    assert await _value(sqlite_db, "SELECT count(*) FROM alerts") == 1
    assert "graphs.example" in str(await _value(sqlite_db, "SELECT links FROM alerts"))


@pytest.mark.parametrize(
    ("kind", "source"),
    [
        ("alertmanager", "prometheus"),
        ("grafana_alerting", "grafana"),
        ("grafana", "grafana"),
        ("amazon_sns", "cloudwatch"),
        ("webhook", "generic"),
        ("formatted_webhook", "generic"),
        ("zabbix", "zabbix"),
        ("elastalert", "v1"),
        ("sentry", "sentry"),
        ("datadog", "datadog"),
        ("uptimerobot", "uptimerobot"),
        ("pagerduty", "pagerduty"),
        ("inbound_email", "v1"),
    ],
)
def test_oncalls_types_mean_our_sources(kind: str, source: str) -> None:
    """Those with code of their own there, and those that were any JSON."""
    assert source_of(kind) == source


@pytest.mark.parametrize("path", ["alertmanager/unknown", "nonsense/" + TOKEN, "webhook/" + TOKEN[:-1]])
async def test_an_unknown_token_or_type_is_refused_in_oncalls_words(
    client: httpx2.AsyncClient, sqlite_db: Database, path: str
) -> None:
    """403, the same for both, and not a row."""
    for method in ("POST", "GET"):
        answer = await client.request(method, f"/integrations/v1/{path}/", json=GROUP)
        assert answer.status_code == 403
        assert answer.json() == {"detail": "Integration key was not found. Permission denied."}
    assert await _value(sqlite_db, "SELECT count(*) FROM payloads") == 0


async def test_what_cannot_be_read_is_kept(client: httpx2.AsyncClient, sqlite_db: Database) -> None:
    """400, and the body waits for a person."""
    answer = await client.post(f"/integrations/v1/webhook/{TOKEN}/", content=b"{")
    assert answer.status_code == 400
    assert await _value(sqlite_db, "SELECT count(*) FROM payloads WHERE outcome = 'quarantined'") == 1


async def test_a_browser_is_told_what_the_address_is(client: httpx2.AsyncClient) -> None:
    """A look changes nothing."""
    assert (await client.get(f"/integrations/v1/webhook/{TOKEN}/")).status_code == 200
