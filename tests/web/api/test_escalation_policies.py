"""`/escalation-policies` over HTTP."""

import pytest

from openalert.storage import Database, escalation_policies
from tests.make import Cast
from tests.web.api.conftest import Client

pytestmark = pytest.mark.anyio


async def test_a_policy_is_one_document_and_every_edit_a_version(
    alice: Client, cast: Cast, db: Database
) -> None:
    """Fractions of minutes survive; an edit leaves the old version readable; a rename makes none."""
    levels = [
        {"level": 1, "delayMinutes": 0.05, "targets": [{"type": "user", "id": cast.alice.id}]},
        {"level": 2, "delayMinutes": 5, "targets": [{"type": "team", "id": cast.team.id}]},
    ]
    made = await alice.post(
        "/escalation-policies",
        json={
            "name": "P",
            "teamId": cast.team.id,
            "repeatCount": 2,
            "repeatDelayMinutes": 0.5,
            "levels": levels,
        },
    )
    assert made.status_code == 201, made.text
    policy = made.json()
    assert policy["levels"] == levels
    assert (policy["repeatCount"], policy["repeatDelayMinutes"]) == (2, 0.5)
    path = f"/escalation-policies/{policy['id']}"

    async def version() -> str:
        async with db.read() as reader:
            return str(
                await reader.value("SELECT version_id FROM escalation_policies WHERE id = :i", i=policy["id"])
            )

    first = await version()
    assert (await alice.patch(path, json={"name": "Q"})).json()["name"] == "Q"
    assert await version() == first
    assert (await alice.patch(path, json={"levels": levels[:1]})).json()["levels"] == levels[:1]
    assert await version() != first
    async with db.read() as reader:
        kept = await escalation_policies.get_version(reader, first)
    assert kept is not None
    assert [level.delay for level in kept.levels] == [3_000, 300_000]


async def test_a_policy_that_cannot_run_is_refused(alice: Client, cast: Cast) -> None:
    """No levels, no targets, levels out of order and negative delays name their field."""
    target = {"type": "user", "id": cast.alice.id}
    for levels, field in (
        ([], "levels"),
        ([{"targets": []}], "levels[0].targets"),
        ([{"level": 2, "targets": [target]}], "levels[0].level"),
        ([{"targets": [{"type": "user", "id": "nobody"}]}], "levels[0].targets[0].id"),
        ([{"targets": [{"type": "user", "id": cast.alice.id, "turn": "next"}]}], "levels[0].targets[0].turn"),
    ):
        answer = await alice.post(
            "/escalation-policies", json={"name": "P", "teamId": cast.team.id, "levels": levels}
        )
        assert (answer.status_code, answer.json()["details"]["field"]) == (400, field)
    negative = [{"delayMinutes": -1, "targets": [target]}]
    answer = await alice.post(
        "/escalation-policies", json={"name": "P", "teamId": cast.team.id, "levels": negative}
    )
    assert answer.status_code == 400


async def test_what_is_in_use_stays(alice: Client, cast: Cast) -> None:
    """A policy of a service, and a schedule or channel of a policy, answer 409 to DELETE until released."""
    schedule = (await alice.post("/schedules", json={"name": "S", "teamId": cast.team.id})).json()["id"]
    levels = [{"targets": [{"type": "schedule", "id": schedule}]}]
    policy = (
        await alice.post("/escalation-policies", json={"name": "P", "teamId": cast.team.id, "levels": levels})
    ).json()["id"]
    service = (
        await alice.post(
            "/services", json={"name": "D", "teamId": cast.team.id, "escalationPolicyId": policy}
        )
    ).json()["id"]
    assert (await alice.delete(f"/escalation-policies/{policy}")).status_code == 409
    assert (await alice.delete(f"/schedules/{schedule}")).status_code == 409
    await alice.patch(f"/services/{service}", json={"escalationPolicyId": None})
    assert (await alice.delete(f"/escalation-policies/{policy}")).status_code == 204
    assert (await alice.delete(f"/schedules/{schedule}")).status_code == 204
