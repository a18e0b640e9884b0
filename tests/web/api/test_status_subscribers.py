"""`/status-pages/…/subscribers`: admins manage them, everybody else of the team gets numbers."""

import pytest

from openalert.storage import Database
from openalert.usecases import status_components as components
from openalert.usecases import status_incidents as told
from openalert.usecases import status_pages as pages
from tests import make
from tests.web.api.conftest import Client

pytestmark = pytest.mark.anyio

READER = "reader@customer.example"


async def _page(db: Database, cast: make.Cast) -> tuple[str, str]:
    async with db.transaction(make.actor(cast.alice, cast.team)) as tx:
        page = await pages.create(tx, team_id=cast.team.id, name="Acme")
        component = await components.add_component(tx, page.id, name="API")
    return page.id, component.id


async def test_the_life_of_a_subscriber(db: Database, cast: make.Cast, alice: Client) -> None:
    """Added as confirmed, found by state and kind, changed, counted, forgotten."""
    page, component = await _page(db, cast)
    base = f"/status-pages/{page}/subscribers"
    body = {"email": READER, "componentIds": [component], "isConfirmed": True, "language": "de"}
    made = await alice.post(base, json=body)
    assert made.status_code == 201, made.text
    one = made.json()
    assert (one["state"], one["componentIds"], one["language"]) == ("active", [component], "de")
    assert (await alice.post(base, json=body)).json()["code"] == "ALREADY_SUBSCRIBED"
    asked = await alice.post(base, json={"email": "asked@customer.example"})
    assert asked.json()["state"] == "pending"
    listed = (await alice.get(f"{base}?state=active&kind=email")).json()["items"]
    assert [each["address"] for each in listed] == [READER]
    assert (await alice.get(f"{base}?kind=slack")).json()["items"] == []
    first = (await alice.get(f"{base}?limit=1")).json()
    second = (await alice.get(f"{base}?limit=1&cursor={first['nextCursor']}")).json()
    assert [each["address"] for page in (first, second) for each in page["items"]] == [
        "asked@customer.example",
        READER,
    ]
    path = f"/status-pages/subscribers/{one['id']}"
    changed = await alice.patch(path, json={"componentIds": None, "language": None})
    assert (changed.json()["componentIds"], changed.json()["language"]) == (None, None)
    assert (await alice.get(path)).json() == changed.json()
    for wrong in ({"componentIds": []}, {"componentIds": [page]}, {"language": "tlh"}):
        assert (await alice.patch(path, json=wrong)).status_code == 400
    counts = (await alice.get(f"{base}/count")).json()
    assert (counts["active"], counts["pending"], counts["kinds"]["email"]) == (1, 1, 1)
    assert (await alice.delete(path)).status_code == 204
    assert (await alice.get(path)).json()["code"] == "SUBSCRIBER_NOT_FOUND"


async def test_numbers_for_all_addresses_for_admins(
    db: Database, cast: make.Cast, alice: Client, bob: Client, charlie: Client
) -> None:
    """A member counts and sees how far an update is, and no address; to strangers nothing is there."""
    page, _ = await _page(db, cast)
    base = f"/status-pages/{page}/subscribers"
    made = (await alice.post(base, json={"email": READER, "isConfirmed": True})).json()
    async with db.transaction(make.actor(cast.alice, cast.team)) as tx:
        incident = await told.create(tx, page, title="API is slow", message="We look.")
    progress = f"/status-pages/updates/{incident.updates[0].id}/deliveries"
    assert (await bob.get(f"{base}/count")).json()["active"] == 1
    assert (await bob.get(progress)).json()["isComplete"] is False
    one = f"/status-pages/subscribers/{made['id']}"
    for method, path in (("GET", base), ("GET", one), ("PATCH", one), ("DELETE", one), ("POST", base)):
        body = {"email": READER} if method == "POST" else {} if method == "PATCH" else None
        answer = await bob.request(method, path, json=body)
        assert (answer.status_code, READER in answer.text) == (403, False), (method, path)
        answer = await charlie.request(method, path, json=body)
        assert (answer.status_code, READER in answer.text) == (404, False), (method, path)
    assert (await charlie.get(progress)).status_code == 404
