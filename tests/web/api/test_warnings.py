"""Warnings over HTTP."""

import pytest

from openalert.storage import Database
from tests import make
from tests.make import Cast, level
from tests.web.api.conftest import Client

pytestmark = pytest.mark.anyio


@pytest.fixture
async def troubles(db: Database, cast: Cast) -> str:
    """Zoe, who cannot be reached, alone in the policy of a service, and a service without one; her id."""
    zoe = await make.user(db, cast.organization, "Zoe", reachable=False)
    await make.service(db, cast.team, await make.policy(db, cast.team, level(1, zoe)))
    other = await make.service(db, cast.team, name="Other")
    await make.integration(db, other)
    return zoe.id


async def test_everything_is_in_order(bob: Client) -> None:
    """An empty list, in one page."""
    assert (await bob.get("/warnings")).json() == {"items": [], "nextCursor": None}


async def test_each_says_what_is_wrong_for_whom_and_where_it_is_mended(
    bob: Client, cast: Cast, troubles: str
) -> None:
    """The worst first."""
    items = (await bob.get("/warnings")).json()["items"]
    assert [each["kind"] for each in items] == [
        "policy_reaches_nobody",
        "person_unreachable",
        "service_without_policy",
        "one_person",
    ]
    zoe = items[1]
    assert zoe | {"startsAt": None, "url": ""} == {
        "kind": "person_unreachable",
        "severity": "critical",
        "subject": "Zoe",
        "subjectId": troubles,
        "teamId": cast.team.id,
        "message": "Zoe cannot be reached",
        "detail": "No way is verified. Paged by Core policy.",
        "startsAt": None,
        "endsAt": None,
        "url": "",
    }
    assert zoe["startsAt"].endswith("Z")
    assert zoe["url"].endswith(f"/users/{troubles}")
    assert zoe["url"].startswith("http")


async def test_they_are_narrowed_by_kind_severity_and_team(bob: Client, cast: Cast, troubles: str) -> None:
    """One value or several; what is no kind is refused with those that are."""
    for query, kinds in (
        ("kind=person_unreachable", ["person_unreachable"]),
        ("severity=critical", ["policy_reaches_nobody", "person_unreachable"]),
        (
            "severity=high,low&kind=one_person,service_without_policy",
            ["service_without_policy", "one_person"],
        ),
        (f"teamId={cast.team.id}&severity=high", ["service_without_policy"]),
        ("teamId=nothing", []),
    ):
        items = (await bob.get(f"/warnings?{query}")).json()["items"]
        assert [each["kind"] for each in items] == kinds, query
    refused = await bob.get("/warnings?kind=nonsense")
    assert (refused.status_code, refused.json()["details"]["field"]) == (400, "kind")
    assert "schedule_gap" in refused.json()["details"]["allowed"]


async def test_a_stranger_to_the_team_sees_none_of_it(charlie: Client, troubles: str) -> None:
    """Neither what is wrong nor that anything is."""
    assert (await charlie.get("/warnings")).json()["items"] == []
