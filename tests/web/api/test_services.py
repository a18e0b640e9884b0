"""`/services` and `/integrations` over HTTP."""

import pytest

from openalert.storage import Database, routes
from openalert.usecases import alert_mails
from openalert.usecases.integrations import key_hash
from tests.make import Cast
from tests.web.api.conftest import Client

pytestmark = pytest.mark.anyio


async def test_a_key_is_shown_once_and_opens_until_it_is_rotated(
    alice: Client, cast: Cast, db: Database
) -> None:
    """Only the making answer has the key; rotating ends the old one, switching off and deleting end any."""
    service = (await alice.post("/services", json={"name": "Database", "teamId": cast.team.id})).json()
    made = await alice.post(
        "/integrations", json={"name": "Alertmanager", "type": "prometheus", "serviceId": service["id"]}
    )
    assert made.status_code == 201, made.text
    first = made.json()["integrationKey"]
    assert len(first) == 43
    assert made.json()["webhookUrl"] == f"https://openalert.example.org/webhooks/prometheus/{first}"
    path = f"/integrations/{made.json()['id']}"
    shown = await alice.get(path)
    assert first not in shown.text
    assert shown.json()["webhookUrl"].endswith(f"/webhooks/prometheus/…{first[-4:]}")
    assert first not in (await alice.get("/integrations")).text

    async def opens(key: str) -> bool:
        async with db.read() as reader:
            route = (await routes.by_key_hash(reader, [key_hash(key)])).get(key_hash(key))
        return route is not None and route.is_active

    assert await opens(first)
    second = (await alice.post(f"{path}/rotate-key")).json()["integrationKey"]
    assert not await opens(first)
    assert await opens(second)
    changed = await alice.patch(path, json={"isActive": False, "config": {"defaultSeverity": "high"}})
    assert changed.json()["config"] == {"defaultSeverity": "high"}
    assert not await opens(second)
    await alice.patch(path, json={"isActive": True})
    assert await opens(second)
    assert (await alice.delete(f"/services/{service['id']}")).status_code == 204
    assert not await opens(second)
    assert (await alice.get(path)).status_code == 404


async def test_the_mail_address_is_shown_with_the_key_alone(alice: Client, cast: Cast, db: Database) -> None:
    """It leads to the integration until the key is another; no later answer has it."""
    service = (await alice.post("/services", json={"name": "Database", "teamId": cast.team.id})).json()["id"]
    made = (await alice.post("/integrations", json={"name": "Backups", "serviceId": service})).json()

    async def leads_to(address: str) -> str | None:
        async with db.read() as reader:
            found = await alert_mails.integration_at(reader, b"key", address.removesuffix("@in.example.org"))
        return found.id if found else None

    path = f"/integrations/{made['id']}"
    assert await leads_to(made["mailAddress"]) == made["id"]
    assert "mailAddress" not in (await alice.get(path)).json()
    again = (await alice.post(f"{path}/rotate-key")).json()
    assert await leads_to(made["mailAddress"]) is None
    assert await leads_to(again["mailAddress"]) == made["id"]


async def test_a_type_that_is_no_source_is_refused(alice: Client, cast: Cast) -> None:
    """The refusal lists what is known."""
    service = (await alice.post("/services", json={"name": "D", "teamId": cast.team.id})).json()["id"]
    answer = await alice.post("/integrations", json={"name": "X", "type": "nagios2", "serviceId": service})
    assert answer.status_code == 400
    assert {"prometheus", "generic", "v1"} <= set(answer.json()["details"]["allowed"])


async def test_slugs_stay_unique_and_free_ones_are_found(alice: Client, cast: Cast) -> None:
    """A second service of the same name gets a numbered slug; one asked for and taken answers 409."""
    body = {"name": "Web", "teamId": cast.team.id}
    slugs = [(await alice.post("/services", json=body)).json()["slug"] for _ in range(3)]
    assert slugs == ["web", "web-2", "web-3"]
    assert (await alice.post("/services", json=body | {"slug": "web-2"})).status_code == 409
    assert (await alice.post("/services", json=body | {"slug": "Web!"})).status_code == 400


async def test_a_runbook_must_be_a_web_address(alice: Client, cast: Cast) -> None:
    """A script in the place of an address never reaches a page that links to it."""
    body = {"name": "Web", "teamId": cast.team.id, "runbookUrl": "javascript:alert(1)"}
    answer = await alice.post("/services", json=body)
    assert answer.json()["details"]["field"] == "runbookUrl"
