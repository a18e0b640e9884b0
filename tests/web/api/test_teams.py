"""`/teams` over HTTP."""

import pytest

from tests.make import Cast
from tests.web.api.conftest import Client

pytestmark = pytest.mark.anyio


async def test_a_team_is_made_read_changed_and_deleted(alice: Client) -> None:
    """The five verbs work, a made team answers 201 with its slug, a deleted one 404."""
    made = await alice.post("/teams", json={"name": "Night  Watch", "description": "they watch"})
    assert made.status_code == 201, made.text
    team = made.json()
    assert (team["name"], team["slug"], team["description"]) == ("Night Watch", "night-watch", "they watch")
    assert team["createdAt"] == "2026-01-05T09:00:00Z"
    path = f"/teams/{team['id']}"
    assert (await alice.get(path)).json() == team
    changed = await alice.patch(path, json={"name": "Day Watch"})
    assert (changed.json()["name"], changed.json()["slug"]) == ("Day Watch", "night-watch")
    listed = (await alice.get("/teams")).json()
    assert {each["name"] for each in listed["items"]} == {"Core", "Day Watch"}
    assert listed["nextCursor"] is None
    assert (await alice.delete(path)).status_code == 204
    assert (await alice.get(path)).json()["code"] == "TEAM_NOT_FOUND"


async def test_a_list_goes_on_where_the_cursor_says(alice: Client) -> None:
    """Pages of one item each tell every team once, and the last has no cursor."""
    for name in ("Two", "Three"):
        await alice.post("/teams", json={"name": name})
    seen, cursor = [], ""
    while cursor is not None:
        params = {"limit": "1"} | ({"cursor": cursor} if cursor else {})
        answer = (await alice.get("/teams", params=params)).json()
        seen += [each["name"] for each in answer["items"]]
        cursor = answer["nextCursor"]
    assert sorted(seen) == ["Core", "Three", "Two"]


async def test_an_unknown_member_is_refused_by_name(alice: Client, cast: Cast) -> None:
    """Mass assignment fails: neither the organization nor the id can be set."""
    for member in ("organizationId", "id", "createdAt"):
        answer = await alice.post("/teams", json={"name": "X", member: "1"})
        assert answer.status_code == 400
        assert member in answer.text
    assert len((await alice.get("/teams")).json()["items"]) == 1


async def test_a_team_out_of_sight_is_a_team_that_is_not_there(
    charlie: Client, bob: Client, cast: Cast
) -> None:
    """A stranger gets for a team word for word what they get for an unknown id; a member may not change it."""
    hidden = await charlie.get(f"/teams/{cast.team.id}")
    absent = await charlie.get("/teams/01999999-0000-7000-8000-000000000000")
    assert hidden.status_code == absent.status_code == 404
    assert hidden.json() == absent.json()
    assert (await charlie.get("/teams")).json()["items"] == []
    assert (await charlie.delete(f"/teams/{cast.team.id}")).status_code == 404
    assert (await bob.get(f"/teams/{cast.team.id}")).status_code == 200
    assert (await bob.patch(f"/teams/{cast.team.id}", json={"name": "Mine"})).status_code == 403
    assert (await bob.post("/teams", json={"name": "Mine"})).status_code == 403


async def test_members_come_change_and_go(alice: Client, bob: Client, charlie: Client, cast: Cast) -> None:
    """A new member sees the team at the next request, and no longer once removed."""
    members = f"/teams/{cast.team.id}/members"
    assert (await bob.post(members, json={"userId": cast.charlie.id})).status_code == 403
    added = await alice.post(members, json={"userId": cast.charlie.id, "role": "admin"})
    assert (added.status_code, added.json()["role"]) == (201, "admin")
    assert (await charlie.get(f"/teams/{cast.team.id}")).status_code == 200
    assert (await charlie.post(members, json={"userId": cast.bob.id, "role": "owner"})).status_code == 403
    lowered = await alice.patch(f"{members}/{cast.charlie.id}", json={"role": "viewer"})
    assert lowered.json()["role"] == "viewer"
    listed = (await alice.get(members)).json()["items"]
    assert {each["user"]["name"]: each["role"] for each in listed} == {
        "Alice": "owner",
        "Bob": "member",
        "Charlie": "viewer",
    }
    assert (await alice.delete(f"{members}/{cast.charlie.id}")).status_code == 204
    assert (await charlie.get(f"/teams/{cast.team.id}")).status_code == 404
    unknown = await alice.post(members, json={"userId": "nobody"})
    assert (unknown.status_code, unknown.json()["details"]["field"]) == (400, "userId")


async def test_a_team_with_belongings_stays(alice: Client, cast: Cast) -> None:
    """Deleting a team that still has a schedule answers 409 and says so."""
    await alice.post("/schedules", json={"name": "S", "teamId": cast.team.id, "timezone": "UTC"})
    answer = await alice.delete(f"/teams/{cast.team.id}")
    assert answer.status_code == 409
    assert "1 schedule;" in answer.json()["message"]


async def test_a_team_is_drilled_when_it_wants_to_be(alice: Client, cast: Cast) -> None:
    """Off by default, a rhythm that is none is refused, and the history is a list for whoever sees the team."""
    path = f"/teams/{cast.team.id}"
    assert (await alice.get(path)).json()["drills"] == "off"
    assert (await alice.patch(path, json={"drills": "hourly"})).status_code == 400
    assert (await alice.patch(path, json={"drills": "monthly"})).json()["drills"] == "monthly"
    entry = (await alice.get("/audit-log", params={"limit": "1"})).json()["items"][0]
    assert (entry["act"], entry["after"]["drills"]) == ("team.updated", "monthly")
    assert (await alice.get(f"{path}/drills")).json() == {"items": [], "nextCursor": None}
