"""`/outgoing-webhooks` over HTTP: the shapes that programs rely on."""

from typing import Any

import pytest

from openalert.storage import Database
from tests.make import Cast
from tests.web.api.conftest import Callers, Client

pytestmark = pytest.mark.anyio
PATH = "/outgoing-webhooks"
BODY: dict[str, Any] = {"name": "Tickets", "url": "https://tickets.example/hook"}


async def test_a_webhook_is_made_changed_and_deleted(alice: Client) -> None:
    """The secret is in the creating answer alone; what is not given stays, or is as usual."""
    made = await alice.post(f"{PATH}/", json=BODY | {"events": ["incident.created"], "timeoutSeconds": 5})
    assert made.status_code == 201
    webhook = made.json()
    assert webhook.pop("secret").startswith("whsec_")
    here = f"{PATH}/{webhook['id']}"
    assert (await alice.get(here)).json() == webhook
    assert (await alice.get(f"{PATH}/")).json() == {"items": [webhook], "nextCursor": None}
    expected = {
        "events": ["incident.created"],
        "isEnabled": True,
        "headers": {},
        "timeoutSeconds": 5,
        "maxAttempts": 10,
        "severities": [],
    }
    assert {name: webhook[name] for name in expected} == expected
    changed = (await alice.patch(here, json={"maxAttempts": 3, "isEnabled": False})).json()
    assert changed == webhook | {"maxAttempts": 3, "isEnabled": False, "updatedAt": changed["updatedAt"]}
    assert (await alice.delete(here)).status_code == 204
    gone = await alice.get(here)
    assert (gone.status_code, gone.json()["code"]) == (404, "OUTGOING_WEBHOOK_NOT_FOUND")


async def test_secret_headers_are_shown_as_stars_and_kept_by_them(alice: Client, db: Database) -> None:
    """A program that reads, changes and writes back does not destroy what it cannot see."""
    headers = {"Authorization": "Bearer s3cret-canary", "X-Team": "core"}
    made = (await alice.post(f"{PATH}/", json=BODY | {"headers": headers})).json()
    assert made["headers"] == {"Authorization": "********", "X-Team": "core"}
    assert made["secretHeaders"] == ["Authorization"]
    here = f"{PATH}/{made['id']}"
    changed = await alice.patch(here, json={"headers": made["headers"] | {"X-Team": "data"}})
    assert changed.json()["headers"] == {"Authorization": "********", "X-Team": "data"}
    audited = (await alice.get("/audit-log/")).text
    assert "outgoing_webhook.updated" in audited
    assert "canary" not in audited + made["url"]
    async with db.read() as reader:
        from openalert.storage import outgoing_webhooks

        kept = await outgoing_webhooks.secrets(reader, made["id"])
    assert kept.headers == {"Authorization": "Bearer s3cret-canary"}


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"url": "ftp://x"}, "url"),
        ({"url": "https://a:b@example.com/"}, "url"),
        ({"events": ["incident.exploded"]}, "events"),
        ({"events": []}, "events"),
        ({"matchers": ['env=~"("']}, "matchers"),
        ({"matchers": ["nonsense"]}, "matchers"),
        ({"headers": {"Host": "evil"}}, "headers"),
        ({"headers": {"X-A": "b\r\nX-C: d"}}, "headers"),
        ({"teamIds": ["019b8d62-7a80-7003-a352-03ab0e4992a3"]}, "teamIds"),
        ({"serviceIds": ["019b8d62-7a80-7003-a352-03ab0e4992a3"]}, "serviceIds"),
        ({"timeoutSeconds": 0}, "timeoutSeconds"),
        ({"timeoutSeconds": 31}, "timeoutSeconds"),
        ({"maxAttempts": 0}, "maxAttempts"),
        ({"maxAttempts": 21}, "maxAttempts"),
        ({"name": ""}, "name"),
    ],
)
async def test_what_cannot_be_is_refused_by_its_name(
    alice: Client, wrong: dict[str, Any], field: str
) -> None:
    """When it is made, and when it is changed."""
    made = (await alice.post(f"{PATH}/", json=BODY)).json()
    for answer in (
        await alice.post(f"{PATH}/", json=BODY | wrong),
        await alice.patch(f"{PATH}/{made['id']}", json=wrong),
    ):
        assert answer.status_code == 400, answer.text
        assert answer.json()["details"]["field"] == field


async def test_the_log_has_bodies_attempts_and_filters(alice: Client) -> None:
    """A test is listed, shown with what is sent, and replayed; a stranger's id is none."""
    made = (await alice.post(f"{PATH}/", json=BODY | {"headers": {"X-Token": "s3cret-canary"}})).json()
    here = f"{PATH}/{made['id']}"
    test = await alice.post(f"{here}/test")
    assert test.status_code == 202
    delivery = test.json()
    assert (delivery["type"], delivery["status"], delivery["sequence"]) == ("test", "pending", 0)
    assert (await alice.get(f"{here}/deliveries")).json()["items"] == [delivery]
    assert (await alice.get(f"{here}/deliveries?status=failed,delivered")).json()["items"] == []
    assert (await alice.get(f"{here}/deliveries?type=test")).json()["items"] == [delivery]
    assert (await alice.get(f"{here}/deliveries?type=incident.created")).json()["items"] == []
    assert (await alice.get(f"{here}/deliveries?type=nonsense")).status_code == 400
    whole = (await alice.get(f"{here}/deliveries/{delivery['id']}")).json()
    assert whole["requestBody"]["version"] == 1
    assert whole["requestHeaders"]["X-Token"] == "[hidden]"
    assert whole["attemptLog"] == []
    again = await alice.post(f"{here}/deliveries/{delivery['id']}/replay")
    assert (again.status_code, again.json()["id"]) == (202, delivery["id"])
    none = await alice.post(f"{here}/replay", json={"since": "2020-01-01T00:00:00Z"})
    assert (none.status_code, none.json()) == (202, {"replayed": 0, "remaining": 0})
    other = (await alice.post(f"{PATH}/", json=BODY)).json()
    foreign = await alice.get(f"{PATH}/{other['id']}/deliveries/{delivery['id']}")
    assert (foreign.status_code, foreign.json()["code"]) == (404, "DELIVERY_NOT_FOUND")


async def test_a_new_secret_is_answered_once(alice: Client) -> None:
    """With the time until which the one before signs too."""
    made = (await alice.post(f"{PATH}/", json=BODY)).json()
    rotated = (await alice.post(f"{PATH}/{made['id']}/rotate-secret")).json()
    assert rotated["secret"].startswith("whsec_")
    assert rotated["secret"] != made["secret"]
    assert rotated["previousSecretUntil"] == "2026-01-06T09:00:00Z"
    assert "secret" not in (await alice.get(f"{PATH}/{made['id']}")).json()


async def test_a_webhook_that_is_off_is_neither_tested_nor_replayed(alice: Client) -> None:
    """409, as nothing would leave."""
    made = (await alice.post(f"{PATH}/", json=BODY | {"isEnabled": False})).json()
    for path in ("test", "replay"):
        answer = await alice.post(f"{PATH}/{made['id']}/{path}", json={})
        assert (answer.status_code, answer.json()["code"]) == (409, "CONFLICT")


async def test_there_is_a_bound_and_only_admins_look(alice: Client, callers: Callers, cast: Cast) -> None:
    """Fifty in an organization; a member of it may not even see them."""
    for _ in range(50):
        assert (await alice.post(f"{PATH}/", json=BODY)).status_code == 201
    assert (await alice.post(f"{PATH}/", json=BODY)).status_code == 409
    bob = await callers.signed_in(cast.bob)
    assert (await bob.get(f"{PATH}/")).status_code == 403
