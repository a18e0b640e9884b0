"""Previews over HTTP: what an edit would change, and for whom; the clock stands at Monday 2026-01-05, 09:00 UTC."""

from typing import Any

import pytest

from tests.make import Cast
from tests.web.api.conftest import Client

pytestmark = pytest.mark.anyio
EIGHT_WEEKS = 56 * 24


@pytest.fixture
async def schedule(alice: Client, cast: Cast) -> str:
    """The path of a schedule in which Alice and Bob take turns by the week, Alice being on now."""
    made = await alice.post("/schedules", json={"name": "Primary", "teamId": cast.team.id, "timezone": "UTC"})
    return f"/schedules/{made.json()['id']}"


@pytest.fixture
async def rotation(alice: Client, cast: Cast, schedule: str) -> str:
    """The path of its rotation."""
    body = {
        "name": "Weekly",
        "handoffDay": 1,
        "handoffTime": "08:00",
        "effectiveFrom": "2026-01-05T08:00:00Z",
        "memberIds": [cast.alice.id, cast.bob.id],
    }
    made = await alice.post(f"{schedule}/rotations", json=body)
    assert made.status_code == 201, made.text
    return f"{schedule}/rotations/{made.json()['id']}"


async def _shifts(client: Client, schedule: str) -> Any:
    range_ = {"from": "2026-01-05T09:00:00Z", "to": "2026-03-02T09:00:00Z"}
    return (await client.get(f"{schedule}/shifts", params=range_)).json()


def _by_name(answer: Any) -> dict[str, Any]:
    return {person["user"]["name"]: person for person in answer["people"]}


async def test_an_edit_is_told_by_person_and_nothing_is_kept(
    alice: Client, cast: Cast, schedule: str, rotation: str
) -> None:
    """Charlie joins from the next handoff: what the three gain and lose, as it then happens when it is saved."""
    before = await _shifts(alice, schedule)
    edit = {"memberIds": [cast.alice.id, cast.bob.id, cast.charlie.id]}
    answer = (await alice.post(f"{rotation}/preview", json=edit)).json()
    assert (answer["startTime"], answer["appliesFrom"]) == ("2026-01-05T09:00:00Z", "2026-01-12T08:00:00Z")
    people = _by_name(answer)
    assert list(people) == ["Alice", "Charlie", "Bob"]
    assert (people["Alice"]["shiftsBefore"], people["Alice"]["shiftsAfter"]) == (5, 3)
    assert round(people["Alice"]["hoursBefore"]) == 5 * 7 * 24 - 1
    assert people["Charlie"]["gained"][0] == {
        "startTime": "2026-01-19T08:00:00Z",
        "endTime": "2026-01-26T08:00:00Z",
    }
    assert round(sum(each["hoursAfter"] - each["hoursBefore"] for each in answer["people"])) == 0
    assert await _shifts(alice, schedule) == before
    await alice.patch(rotation, json=edit)
    after = await _shifts(alice, schedule)
    named = [shift["onCall"][0]["user"]["name"] for shift in after["items"]]
    assert named == ["Alice", "Bob", "Charlie"] * 3


async def test_a_removal_opens_a_gap_and_a_second_rotation_closes_one(
    alice: Client, cast: Cast, schedule: str, rotation: str
) -> None:
    """Without the only rotation nobody is left; a rotation for a schedule without one fills all of it."""
    answer = (await alice.post(f"{rotation}/preview", json={"remove": True})).json()
    assert answer["gapsOpened"] == [{"startTime": answer["startTime"], "endTime": answer["endTime"]}]
    assert answer["gapsClosed"] == []
    await alice.delete(rotation)
    body = {"name": "Bob alone", "memberIds": [cast.bob.id]}
    answer = (await alice.post(f"{schedule}/rotations/preview", json=body)).json()
    assert answer["gapsClosed"] == [{"startTime": answer["startTime"], "endTime": answer["endTime"]}]
    assert _by_name(answer)["Bob"]["hoursAfter"] == EIGHT_WEEKS
    assert (await alice.get(f"{schedule}/rotations")).json()["items"] == []


async def test_an_edit_far_ahead_is_shown_where_it_counts(alice: Client, cast: Cast, rotation: str) -> None:
    """An edit planned for the summer is shown until eight weeks after it."""
    edit = {"memberIds": [cast.charlie.id], "apply": "2026-07-06T09:00:00Z"}
    answer = (await alice.post(f"{rotation}/preview", json=edit)).json()
    assert answer["endTime"] == "2026-08-31T09:00:00Z"
    assert _by_name(answer)["Charlie"]["hoursAfter"] == EIGHT_WEEKS


async def test_another_zone_moves_the_handoffs(alice: Client, schedule: str, rotation: str) -> None:
    """Eight in Tokyo is nine hours earlier than nine in UTC; the week that runs is not shortened."""
    answer = (await alice.post(f"{schedule}/preview", json={"timezone": "Asia/Tokyo"})).json()
    lost = _by_name(answer)["Alice"]["lost"]
    assert lost[0] == {"startTime": "2026-01-25T23:00:00Z", "endTime": "2026-01-26T08:00:00Z"}
    same = (await alice.post(f"{schedule}/preview", json={"timezone": "UTC"})).json()
    assert (same["people"], same["gapsOpened"]) == ([], [])
    assert (await alice.get(schedule)).json()["timezone"] == "UTC"


@pytest.mark.parametrize(
    ("edit", "field"),
    [
        ({"handoffTime": "25:00"}, "handoffTime"),
        ({"memberIds": ["nobody-we-know"]}, "memberIds"),
        ({"apply": "2001-01-01T00:00:00Z", "layer": 2}, "apply"),
        ({"apply": "soon"}, "apply"),
    ],
)
async def test_what_saving_refuses_its_preview_refuses_too(
    alice: Client, rotation: str, edit: dict[str, Any], field: str
) -> None:
    """Same sentence, same field."""
    preview = await alice.post(f"{rotation}/preview", json=edit)
    save = await alice.patch(rotation, json=edit)
    assert preview.status_code == save.status_code == 400
    assert preview.json()["detail"] == save.json()["detail"]
    assert (preview.json()["details"]["field"], save.json()["details"]["field"]) == (field, field)


async def test_a_preview_needs_the_right_to_save(bob: Client, charlie: Client, rotation: str) -> None:
    """A member may not, and to strangers there is nothing."""
    assert (await bob.post(f"{rotation}/preview", json={})).status_code == 403
    assert (await charlie.post(f"{rotation}/preview", json={})).status_code == 404
