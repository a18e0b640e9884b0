"""Rules, preferences, quiet hours and test pages over HTTP."""

from typing import Any

import pytest

from openalert.storage import Database
from tests import make
from tests.make import Cast
from tests.web.api.conftest import Client

pytestmark = pytest.mark.anyio

NIGHT = {"days": [0, 1, 2, 3, 4, 5, 6], "fromTime": "22:00", "toTime": "07:00"}


async def method_of(client: Client, user_id: str) -> str:
    """The id of the person's first contact method."""
    return str((await client.get(f"/users/{user_id}/contact-methods")).json()["items"][0]["id"])


async def test_rules_are_made_changed_and_deleted(bob: Client, cast: Cast) -> None:
    """In the order of their delays, fractions of minutes and all; the same rule twice is a conflict."""
    rules = f"/users/{cast.bob.id}/notification-rules"
    assert (await bob.get(rules)).json() == {"items": [], "nextCursor": None}
    way = await method_of(bob, cast.bob.id)
    late = await bob.post(rules, json={"contactMethodId": way, "delayMinutes": 2.5, "minSeverity": "high"})
    assert late.status_code == 201
    first = (await bob.post(rules, json={"contactMethodId": way})).json()
    assert (first["kind"], first["minSeverity"], first["delayMinutes"]) == ("page", "info", 0)
    assert [each["delayMinutes"] for each in (await bob.get(rules)).json()["items"]] == [0, 2.5]
    assert (await bob.post(rules, json={"contactMethodId": way})).status_code == 409
    one = f"{rules}/{first['id']}"
    changed = await bob.patch(one, json={"delayMinutes": 1, "kind": "handoff"})
    assert (changed.json()["delayMinutes"], changed.json()["kind"]) == (1, "handoff")
    assert (await bob.get(one)).json() == changed.json()
    assert (await bob.delete(one)).status_code == 204
    gone = await bob.get(one)
    assert (gone.status_code, gone.json()["code"]) == (404, "NOTIFICATION_RULE_NOT_FOUND")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"contactMethodId": "nothing"}, "contactMethodId"),
        ({"delayMinutes": -1}, "delayMinutes"),
        ({"delayMinutes": 1441}, "delayMinutes"),
        ({"kind": "update"}, "kind"),
    ],
)
async def test_rules_that_cannot_be_are_refused_by_member(
    bob: Client, cast: Cast, body: dict[str, Any], field: str
) -> None:
    """Somebody's method, a time, a kind: each refusal names its member."""
    way = await method_of(bob, cast.bob.id)
    answer = await bob.post(f"/users/{cast.bob.id}/notification-rules", json={"contactMethodId": way} | body)
    assert (answer.status_code, answer.json()["details"]["field"]) == (400, field)


async def test_another_persons_method_is_no_method(
    bob: Client, alice: Client, cast: Cast, db: Database
) -> None:
    """Bob cannot have Alice's telephone called; an admin can set Bob's rules, but Bob cannot set hers."""
    hers = await method_of(alice, cast.alice.id)
    rules = f"/users/{cast.bob.id}/notification-rules"
    assert (await bob.post(rules, json={"contactMethodId": hers})).status_code == 400
    his = await method_of(bob, cast.bob.id)
    assert (await alice.post(rules, json={"contactMethodId": his})).status_code == 201
    for path in ("notification-rules", "notification-preferences", "quiet-hours"):
        assert (await bob.get(f"/users/{cast.alice.id}/{path}")).status_code == 403
    assert (await bob.post(f"/users/{cast.alice.id}/test-page")).status_code == 403


async def test_there_are_only_so_many_rules(bob: Client, cast: Cast, db: Database) -> None:
    """Twenty, however they are spread over kinds."""
    way = await method_of(bob, cast.bob.id)
    for minute in range(20):
        await make.notification_rule(db, cast.bob, way, minutes=minute)
    answer = await bob.post(f"/users/{cast.bob.id}/notification-rules", json={"contactMethodId": way})
    assert answer.status_code == 409


async def test_preferences_are_one_document(bob: Client, cast: Cast) -> None:
    """What is left out goes back to its default; bounds are kept."""
    path = f"/users/{cast.bob.id}/notification-preferences"
    defaults = {
        "minSeverity": "info",
        "repeatEveryMinutes": 5,
        "repeatAtMost": 0,
        "handoffs": True,
        "handoffLeadHours": 12,
        "weeklyReport": True,
    }
    assert (await bob.get(path)).json() == defaults
    wanted = {
        "minSeverity": "high",
        "repeatEveryMinutes": 2.5,
        "repeatAtMost": 3,
        "handoffs": False,
        "handoffLeadHours": 1.5,
        "weeklyReport": False,
    }
    answer = await bob.put(path, json=wanted)
    assert (answer.status_code, answer.json()) == (200, wanted)
    assert (await bob.get(path)).json() == wanted
    assert (await bob.put(path, json={})).json() == defaults
    for wrong in (
        {"repeatEveryMinutes": 0.5},
        {"repeatAtMost": 11},
        {"repeatAtMost": -1},
        {"handoffLeadHours": 169},
    ):
        assert (await bob.put(path, json=wrong)).status_code == 400


async def test_quiet_hours_are_one_document_and_what_passes_is_said(bob: Client, cast: Cast) -> None:
    """passesFrom must be there, null or not; leaving out do-not-disturb ends it; the past is no time."""
    path = f"/users/{cast.bob.id}/quiet-hours"
    nothing = {"windows": [], "passesFrom": "critical", "doNotDisturbUntil": None}
    assert (await bob.get(path)).json() == nothing
    assert (await bob.put(path, json={"windows": [NIGHT]})).status_code == 400
    until = "2026-01-05T12:00:00Z"
    answer = await bob.put(path, json={"windows": [NIGHT], "passesFrom": None, "doNotDisturbUntil": until})
    assert answer.json() == {"windows": [NIGHT], "passesFrom": None, "doNotDisturbUntil": until}
    past = {"windows": [], "passesFrom": "critical", "doNotDisturbUntil": "2025-01-01T00:00:00Z"}
    assert (await bob.put(path, json=past)).json() == nothing
    whole_week = {"days": list(range(7)), "fromTime": "00:00", "toTime": "24:00"}
    for wrong in (
        {"windows": [whole_week]},
        {"windows": [NIGHT | {"days": []}]},
        {"windows": [NIGHT | {"fromTime": "25:00"}]},
        {"doNotDisturbUntil": "2026-03-05T12:00:00Z"},
    ):
        body = {"windows": [], "passesFrom": "critical"} | wrong
        assert (await bob.put(path, json=body)).status_code == 400, wrong


async def test_a_test_page_answers_what_is_on_its_way(bob: Client, alice: Client, cast: Cast) -> None:
    """With the steps for a person, one entry for each person of a team; too soon again is 429."""
    answer = await bob.post(f"/users/{cast.bob.id}/test-page", json={"severity": "critical"})
    assert answer.status_code == 202
    (message,) = answer.json()["messages"]
    assert (message["channel"], message["step"], message["heldUntil"]) == ("email", 0, None)
    assert (await bob.get(f"/notifications/{message['notificationId']}")).status_code in (200, 404)
    again = await bob.post(f"/users/{cast.bob.id}/test-page")
    assert (again.status_code, again.json()["code"]) == (429, "RATE_LIMIT_EXCEEDED")
    team = (await alice.post(f"/teams/{cast.team.id}/test-page")).json()["items"]
    assert [(each["name"], each["silent"] is None) for each in team] == [("Alice", True), ("Bob", False)]
    rota = (await alice.post("/schedules", json={"name": "Days", "teamId": cast.team.id})).json()["id"]
    assert (await alice.post(f"/schedules/{rota}/test-page")).json()["items"] == []
    await alice.post(f"/schedules/{rota}/rotations", json={"name": "R", "memberIds": [cast.charlie.id]})
    (charlie,) = (await bob.post(f"/schedules/{rota}/test-page")).json()["items"]
    assert (charlie["name"], len(charlie["messages"])) == ("Charlie", 1)
