"""`/schedules/{id}/quality` over HTTP; the clock stands at Monday 2026-01-05, 09:00 UTC."""

import pytest

from tests.make import Cast
from tests.web.api.conftest import Client

pytestmark = pytest.mark.anyio


@pytest.fixture
async def schedule(alice: Client, cast: Cast) -> str:
    """The path of a schedule in which Alice has two days of three and Bob one, in office hours."""
    made = await alice.post("/schedules", json={"name": "Primary", "teamId": cast.team.id, "timezone": "UTC"})
    path = f"/schedules/{made.json()['id']}"
    rotation = {
        "name": "Daily",
        "rotationType": "daily",
        "handoffTime": "09:00",
        "effectiveFrom": "2026-01-05T09:00:00Z",
        "memberIds": [cast.alice.id, cast.alice.id, cast.bob.id],
        "restrictions": [{"fromTime": "09:00", "toTime": "17:00"}],
    }
    assert (await alice.post(f"{path}/rotations", json=rotation)).status_code == 201
    return path


async def test_the_coming_ninety_days_are_judged(alice: Client, schedule: str) -> None:
    """Coverage, balance, total, gaps, and by name who carries too much."""
    found = (await alice.get(f"{schedule}/quality")).json()
    assert (found["startTime"], found["endTime"]) == ("2026-01-05T09:00:00Z", "2026-04-05T09:00:00Z")
    assert (found["coverage"], found["balance"], found["total"]) == (33.3, 50, 42)
    assert (found["gapCount"], found["gapHours"]) == (90, 1440.0)
    hours = next(each for each in found["balances"] if each["aspect"] == "hours")
    assert [(each["user"]["name"], each["percentMore"]) for each in hours["overloaded"]] == [("Alice", 33)]
    assert [(each["user"]["name"], each["hours"]) for each in found["people"]] == [
        ("Alice", 480.0),
        ("Bob", 240.0),
    ]
    assert "Nobody is on call for 1,440 h, in 90 gaps." in found["remarks"]


async def test_a_past_range_begins_with_the_schedule(alice: Client, schedule: str) -> None:
    """What was before the schedule was made is no gap of it."""
    asked = {"from": "2025-11-01T00:00:00Z", "to": "2026-02-04T09:00:00Z"}
    found = (await alice.get(f"{schedule}/quality", params=asked)).json()
    assert (found["startTime"], found["gapCount"]) == ("2026-01-05T09:00:00Z", 30)


async def test_ranges_that_make_no_sense_and_foreign_schedules_are_refused(
    alice: Client, schedule: str
) -> None:
    """Backwards, longer than 400 days, and a schedule that is not there."""
    for start, end in (("2026-02-02", "2026-02-01"), ("2026-01-01", "2027-03-01")):
        asked = {"from": f"{start}T00:00:00Z", "to": f"{end}T00:00:00Z"}
        assert (await alice.get(f"{schedule}/quality", params=asked)).status_code == 400
    assert (await alice.get("/schedules/nothing/quality")).status_code == 404
