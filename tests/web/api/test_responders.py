"""`/incidents/{id}/responders` over HTTP: the shapes that programs rely on."""

import pytest

from openalert.domain.severity import Severity
from openalert.storage import Database
from openalert.usecases import incidents
from tests import make
from tests.make import Cast
from tests.web.api.conftest import Client

pytestmark = pytest.mark.anyio


@pytest.fixture(name="incident")
async def _incident(db: Database, cast: Cast) -> str:
    """The path of an incident that Alice opened by hand."""
    service = await make.service(db, cast.team, None)
    async with db.transaction(make.actor(cast.alice, cast.team)) as tx:
        made = await incidents.open_by_hand(
            tx, service_id=service.id, title="Orders are slow", severity=Severity.HIGH
        )
    return f"/incidents/{made.id}"


async def test_a_responder_is_asked_listed_changed_and_taken_off(
    alice: Client, bob: Client, incident: str, cast: Cast
) -> None:
    """201 with the responder; Bob joins; PATCH makes him commander by his own id; DELETE is 204, then 404."""
    asked = await alice.post(
        f"{incident}/responders", json={"userId": cast.bob.id, "message": "Look at Postgres"}
    )
    assert asked.status_code == 201, asked.text
    made = asked.json()
    assert (made["userId"], made["role"], made["state"]) == (cast.bob.id, "responder", "pending")
    assert (made["askedById"], made["message"]) == (cast.alice.id, "Look at Postgres")
    joined = (await bob.post(f"{incident}/join", json={"minutes": 10})).json()
    assert (joined["state"], joined["arrivesAt"]) == ("joined", "2026-01-05T09:10:00Z")
    for which in (made["id"], cast.bob.id):
        led = await alice.patch(f"{incident}/responders/{which}", json={"role": "incident_commander"})
        assert led.json()["role"] == "incident_commander"
    [listed] = (await bob.get(f"{incident}/responders")).json()["items"]
    assert listed == led.json()
    declined = (await bob.post(f"{incident}/decline")).json()
    assert (declined["state"], declined["role"], declined["arrivesAt"]) == ("declined", "responder", None)
    assert (await alice.delete(f"{incident}/responders/{made['id']}")).status_code == 204
    gone = await alice.delete(f"{incident}/responders/{made['id']}")
    assert (gone.status_code, gone.json()["code"]) == (404, "RESPONDER_NOT_FOUND")


async def test_several_are_asked_at_once(alice: Client, incident: str, cast: Cast) -> None:
    """A team by its members; whoever asks is there already; what cannot come is refused by name."""
    targets = [{"type": "team", "id": cast.team.id}]
    asked = await alice.post(f"{incident}/responders/ask", json={"targets": targets})
    assert asked.status_code == 200, asked.text
    states = {each["userId"]: each["state"] for each in asked.json()["items"]}
    assert states == {cast.alice.id: "joined", cast.bob.id: "pending"}
    channel = await alice.post(
        f"{incident}/responders/ask", json={"targets": [{"type": "channel", "id": cast.team.id}]}
    )
    assert (channel.status_code, channel.json()["details"]["field"]) == (400, "targets")


async def test_the_words_of_a_request_are_bounded(alice: Client, incident: str, cast: Cast) -> None:
    """201 characters are refused, and nobody is asked."""
    long = await alice.post(f"{incident}/responders", json={"userId": cast.bob.id, "message": "x" * 201})
    assert long.status_code == 400
    assert (await alice.get(f"{incident}/responders")).json()["items"] == []
