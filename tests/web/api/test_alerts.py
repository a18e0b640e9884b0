"""`/alerts` over HTTP: raised by hand, listed, acted upon one by one and many at once."""

from typing import Any

import pytest

from openalert.storage import Database
from tests import make
from tests.make import Cast
from tests.web.api.conftest import Client

pytestmark = pytest.mark.anyio


@pytest.fixture(name="service_id")
async def _service(db: Database, cast: Cast) -> str:
    """A service of Alice's team."""
    return (await make.service(db, cast.team, None)).id


async def _raised(
    alice: Client, service_id: str, title: str = "Orders are slow", **said: Any
) -> dict[str, Any]:
    answer = await alice.post("/alerts", json={"serviceId": service_id, "title": title, **said})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def test_an_alert_is_raised_by_hand(alice: Client, service_id: str) -> None:
    """It fires, opens an incident, has what was said, is listed, and its trace says who did it."""
    made = await _raised(
        alice,
        service_id,
        priority="P1",
        description="Since noon",
        labels={"host": "db1"},
        tags=["shop", "shop"],
    )
    assert (made["status"], made["severity"], made["source"]) == ("firing", "critical", "manual")
    assert (made["description"], made["labels"], made["tags"]) == ("Since noon", {"host": "db1"}, ["shop"])
    incident = (await alice.get(f"/incidents/{made['incidentId']}")).json()
    assert (incident["title"], incident["severity"], incident["firingCount"]) == (
        "Orders are slow",
        "critical",
        1,
    )
    for query in ("label=host%3Ddb1", "tag=shop", "source=manual", "q=orders", f"serviceId={service_id}"):
        listed = (await alice.get(f"/alerts?{query}")).json()["items"]
        assert [each["id"] for each in listed] == [made["id"]], query
    assert (await alice.get("/alerts?label=host!%3Ddb1")).json() == {"items": [], "nextCursor": None}
    trace = (await alice.get(f"/alerts/{made['id']}/trace")).json()["items"]
    assert [step["code"] for step in trace] == ["raised", "opened"]


async def test_two_by_hand_are_two(alice: Client, service_id: str) -> None:
    """Equal words are no repeat: each person saw something."""
    one, two = await _raised(alice, service_id), await _raised(alice, service_id)
    assert one["id"] != two["id"]
    assert one["incidentId"] != two["incidentId"]


@pytest.mark.parametrize(
    "said",
    [
        {"title": ""},
        {"severity": "urgent"},
        {"priority": "P6"},
        {"severity": "low", "priority": "P1"},
        {"tags": ["x" * 51]},
        {"serviceId": "01a1fcb0-3e2a-7001-9b71-89e183c71ecc"},
        {"nonsense": 1},
    ],
)
async def test_what_is_no_alert_is_refused(alice: Client, service_id: str, said: dict[str, Any]) -> None:
    """Without words, with unknown or contradicting severities, bad tags, another's service, unknown members."""
    answer = await alice.post("/alerts", json={"serviceId": service_id, "title": "Orders", **said})
    assert answer.status_code == 400, answer.text
    assert (await alice.get("/alerts")).json()["items"] == []


async def test_each_act_answers_with_the_alert(alice: Client, service_id: str, cast: Cast) -> None:
    """Snoozed, released, suppressed, assigned, tagged, acknowledged and resolved; PATCH does the last two as well."""
    path = f"/alerts/{(await _raised(alice, service_id))['id']}"
    snoozed = (await alice.post(f"{path}/snooze", json={"durationMinutes": 30})).json()
    assert (snoozed["status"], snoozed["snoozedUntil"]) == ("suppressed", "2026-01-05T09:30:00Z")
    snoozed = (await alice.post(f"{path}/snooze", json={"until": "2026-01-05T11:00:00+01:00"})).json()
    assert snoozed["snoozedUntil"] == "2026-01-05T10:00:00Z"
    assert (await alice.post(f"{path}/release")).status_code == 200
    held = (await alice.post(f"{path}/suppress", json={})).json()
    assert (held["status"], held["snoozedUntil"]) == ("suppressed", None)
    assigned = (await alice.post(f"{path}/assign", json={"userId": cast.bob.id})).json()
    assert assigned["assigneeId"] == cast.bob.id
    assert (await alice.post(f"{path}/assign", json={"userId": None})).json()["assigneeId"] is None
    tagged = (await alice.post(f"{path}/tags", json={"add": ["a", "b"], "remove": ["a"]})).json()
    assert tagged["tags"] == ["a", "b"]
    assert (await alice.patch(f"{path}/acknowledge")).status_code == 200
    assert (await alice.patch(f"{path}/resolve")).json()["status"] == "resolved"
    refused = await alice.post(f"{path}/snooze", json={"durationMinutes": 5})
    assert (refused.status_code, refused.json()["code"]) == (409, "INVALID_STATUS_TRANSITION")


@pytest.mark.parametrize("minutes", [0, -5, 1e9, 43_201])
async def test_a_snooze_lasts_some_time_and_not_for_ever(
    alice: Client, service_id: str, minutes: float
) -> None:
    """Not into the past, at most 30 days."""
    path = f"/alerts/{(await _raised(alice, service_id))['id']}"
    answer = await alice.post(f"{path}/snooze", json={"durationMinutes": minutes})
    assert answer.status_code == 400, answer.text


async def test_many_at_once_tell_what_was_done_and_what_was_not(
    alice: Client, bob: Client, service_id: str
) -> None:
    """One is over, one never was: the others are done, in one transaction."""
    ids = [(await _raised(alice, service_id, f"Number {number}"))["id"] for number in range(3)]
    await alice.post(f"/alerts/{ids[0]}/resolve")
    never = "01a1fcb0-3e2a-7001-9b71-89e183c71ecc"
    answer = await alice.post(
        "/alerts/bulk", json={"ids": [*ids, never], "action": "snooze", "durationMinutes": 30}
    )
    assert answer.json() == {
        "done": ids[1:],
        "refused": [
            {"id": ids[0], "reason": "The alert is resolved already."},
            {"id": never, "reason": "There is no such alert."},
        ],
    }
    too_many = await alice.post(
        "/alerts/bulk", json={"ids": [f"{number}" for number in range(201)], "action": "resolve"}
    )
    assert too_many.status_code == 400
    assert (await alice.post("/alerts/bulk", json={"ids": ids, "action": "explode"})).status_code == 400


async def test_a_list_refuses_what_is_no_label(alice: Client) -> None:
    """A match without a name, and too many of them."""
    assert (await alice.get("/alerts?label=%3Dx")).status_code == 400
    assert (
        await alice.get("/alerts?" + "&".join(f"label=l{number}" for number in range(11)))
    ).status_code == 400
