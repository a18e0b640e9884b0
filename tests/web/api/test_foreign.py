"""What belongs to another team: not found by path, refused in bodies like what never existed."""

from typing import Any

import pytest

from openalert.domain.access import Role
from openalert.storage import Database
from tests import make
from tests.make import Cast
from tests.web.api.conftest import Client

pytestmark = pytest.mark.anyio

ABSENT = "01999999-0000-7000-8000-000000000000"


@pytest.fixture
async def theirs(alice: Client, cast: Cast) -> dict[str, str]:
    """One of everything that the team of Alice and Bob has, by kind."""
    team = cast.team.id
    schedule = (await alice.post("/schedules", json={"name": "S", "teamId": team})).json()["id"]
    channel = (
        await alice.post(
            "/channels",
            json={"name": "C", "type": "email", "teamId": team, "config": {"address": "a@example.org"}},
        )
    ).json()["id"]
    levels = [{"targets": [{"type": "schedule", "id": schedule}]}]
    policy = (
        await alice.post("/escalation-policies", json={"name": "P", "teamId": team, "levels": levels})
    ).json()["id"]
    service = (
        await alice.post("/services", json={"name": "D", "teamId": team, "escalationPolicyId": policy})
    ).json()["id"]
    integration = (
        await alice.post(f"/services/{service}/integrations", json={"name": "I", "type": "prometheus"})
    ).json()["id"]
    return {
        "team": team,
        "schedule": schedule,
        "channel": channel,
        "escalation policy": policy,
        "service": service,
        "integration": integration,
    }


PATHS = {
    "team": ["/teams/{}", "/teams/{}/members"],
    "schedule": [
        "/schedules/{}",
        "/schedules/{}/rotations",
        "/schedules/{}/overrides",
        "/schedules/{}/oncall",
        "/schedules/{}/shifts?from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z",
    ],
    "channel": ["/channels/{}"],
    "escalation policy": ["/escalation-policies/{}"],
    "service": ["/services/{}", "/services/{}/integrations"],
    "integration": ["/integrations/{}", "/integrations/{}/payloads"],
}


async def test_what_a_stranger_reads_is_not_there(
    charlie: Client, bob: Client, theirs: dict[str, str]
) -> None:
    """Every path answers a stranger exactly as for an id that never was, and a member with 200."""
    for noun, paths in PATHS.items():
        for path in paths:
            hidden = await charlie.get(path.format(theirs[noun]))
            absent = await charlie.get(path.format(ABSENT))
            assert hidden.status_code == 404, path
            assert hidden.json() == absent.json(), path
            assert (await bob.get(path.format(theirs[noun]))).status_code == 200, path
    for path in (
        "/teams",
        "/schedules",
        "/channels",
        "/escalation-policies",
        "/services",
        "/integrations",
        "/oncall",
    ):
        assert (await charlie.get(path)).json()["items"] == [], path
        assert (await bob.get(path)).json()["items"] != [], path


async def test_what_a_stranger_changes_is_not_there(
    charlie: Client, bob: Client, theirs: dict[str, str]
) -> None:
    """PATCH and DELETE answer a stranger 404 and a plain member 403."""
    for noun, paths in PATHS.items():
        path = paths[0].format(theirs[noun])
        assert (await charlie.patch(path, json={"name": "Mine"})).status_code == 404, path
        assert (await charlie.delete(path)).status_code == 404, path
        assert (await bob.patch(path, json={"name": "Mine"})).status_code == 403, path
        assert (await bob.delete(path)).status_code == 403, path


async def test_a_foreign_id_in_a_body_is_refused_like_an_unknown_one(
    charlie: Client, cast: Cast, db: Database, theirs: dict[str, str]
) -> None:
    """Policy, schedule, team and channel of another team cannot be used, nor told from what never was."""
    own = await make.team(db, cast.organization, "Own")
    await make.member(db, own, cast.charlie, Role.OWNER)
    schedule = (await charlie.post("/schedules", json={"name": "Mine", "teamId": own.id})).json()["id"]

    def level(kind: str, target: str) -> dict[str, Any]:
        return {"name": "P", "teamId": own.id, "levels": [{"targets": [{"type": kind, "id": target}]}]}

    attempts = [
        ("/services", "team", lambda i: {"name": "X", "teamId": i}),
        (
            "/services",
            "escalation policy",
            lambda i: {"name": "X", "teamId": own.id, "escalationPolicyId": i},
        ),
        ("/schedules", "team", lambda i: {"name": "X", "teamId": i}),
        ("/escalation-policies", "schedule", lambda i: level("schedule", i)),
        ("/escalation-policies", "team", lambda i: level("team", i)),
        ("/escalation-policies", "channel", lambda i: level("channel", i)),
    ]
    for path, noun, body in attempts:
        hidden = await charlie.post(path, json=body(theirs[noun]))
        absent = await charlie.post(path, json=body(ABSENT))
        assert hidden.status_code == absent.status_code == 400, (path, hidden.text)
        assert hidden.text.replace(theirs[noun], ABSENT) == absent.text, path
        assert hidden.json()["details"]["field"], path
    foreigner = await make.user(db, await make.organization(db, "Other"), "Zoe")
    for path, body in (
        (f"/schedules/{schedule}/rotations", {"name": "R", "memberIds": [foreigner.id]}),
        (
            f"/schedules/{schedule}/overrides",
            {"userId": foreigner.id, "startTime": "2026-01-05T10:00:00Z", "endTime": "2026-01-05T11:00:00Z"},
        ),
        ("/escalation-policies", level("user", foreigner.id)),
        (f"/teams/{own.id}/members", {"userId": foreigner.id}),
    ):
        assert (await charlie.post(path, json=body)).status_code == 400, path


async def test_another_organization_is_another_world(
    callers: Any, db: Database, theirs: dict[str, str]
) -> None:
    """The owner of one organization sees nothing of another, though owners see every team of their own."""
    zoe = await make.user(db, await make.organization(db, "Other"), "Zoe", Role.OWNER)
    client = await callers.signed_in(zoe)
    for noun, paths in PATHS.items():
        assert (await client.get(paths[0].format(theirs[noun]))).status_code == 404, noun
    assert [each["name"] for each in (await client.get("/users")).json()["items"]] == ["Zoe"]


async def test_nobody_reads_without_a_credential(callers: Any, theirs: dict[str, str]) -> None:
    """Every list answers 401 to whoever shows nothing, or a key that is none."""
    for client in (callers.anonymous(), callers.anonymous(authorization="Bearer oak_1_2")):
        for path in ("/teams", "/users", "/services", "/integrations", "/schedules", "/oncall", "/api-keys"):
            answer = await client.get(path)
            assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHENTICATED")
