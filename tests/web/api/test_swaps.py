"""`/schedules/{id}/swaps` over HTTP; the clock stands at Monday 2026-01-05, 09:00 UTC."""

import asyncio

import pytest

from tests.make import Cast
from tests.web.api.conftest import Client
from tests.web.api.test_schedules import on_call, schedule

__all__ = ["schedule"]
pytestmark = pytest.mark.anyio
TUESDAY = {"startTime": "2026-01-06T09:00:00Z", "endTime": "2026-01-07T09:00:00Z"}
WEDNESDAY = {"returnStartTime": "2026-01-07T09:00:00Z", "returnEndTime": "2026-01-08T09:00:00Z"}


async def test_an_exchange_is_offered_listed_and_taken(
    alice: Client, bob: Client, schedule: str, cast: Cast
) -> None:
    """Bob's Tuesday for Alice's Wednesday: both change hands when she accepts, by two covers."""
    asked = await bob.post(f"{schedule}/swaps", json={"toUserId": cast.alice.id, **TUESDAY, **WEDNESDAY})
    assert asked.status_code == 201, asked.text
    assert asked.json()["expiresAt"] == TUESDAY["startTime"]
    [listed] = (await alice.get(f"{schedule}/swaps")).json()["items"]
    path = f"{schedule}/swaps/{listed['id']}"
    taken = (await alice.post(f"{path}/take", json={})).json()
    assert (taken["status"], taken["takenById"], len(taken["coverIds"])) == ("taken", cast.alice.id, 2)
    assert (await alice.get(path)).json() == taken
    days = [await on_call(alice, schedule, f"2026-01-0{day}T12:00:00Z") for day in (6, 7)]
    assert days == [["Alice"], ["Bob"]]
    assert (await bob.post(f"{path}/withdraw")).json()["status"] == "withdrawn"
    assert await on_call(alice, schedule, "2026-01-06T12:00:00Z") == ["Bob"]


async def test_of_requests_at_once_one_wins_and_the_others_are_told_who(
    alice: Client, bob: Client, schedule: str, cast: Cast
) -> None:
    """Five takes of one shift: one 201, the others 409 with the name of the winner."""
    body = {"userId": cast.bob.id, **TUESDAY}
    answers = await asyncio.gather(*(alice.post(f"{schedule}/swaps/take", json=body) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]
    lost = next(answer for answer in answers if answer.status_code == 409).json()
    assert lost["message"] == "Alice has taken this shift of Bob already."


async def test_refusals_name_the_member(alice: Client, bob: Client, schedule: str, cast: Cast) -> None:
    """A shift that is somebody else's is 400 at startTime; a foreign one is 403, and to say no to it 409."""
    wrong = await alice.post(f"{schedule}/swaps", json=TUESDAY)
    assert (wrong.status_code, wrong.json()["details"]["field"]) == (400, "startTime")
    assert "Alice is not on call for all of that time" in wrong.json()["message"]
    wednesday = {"startTime": "2026-01-07T09:00:00Z", "endTime": "2026-01-08T09:00:00Z"}
    assert (
        await bob.post(f"{schedule}/swaps", json={"userId": cast.alice.id, **wednesday})
    ).status_code == 403
    made = (await bob.post(f"{schedule}/swaps", json=TUESDAY)).json()
    assert (await alice.post(f"{schedule}/swaps/{made['id']}/decline")).status_code == 409


async def test_suggestions_say_who_could_take_a_shift(alice: Client, schedule: str, cast: Cast) -> None:
    """Whoever has it is left out; what is asked backwards is refused by the name of the member."""
    span = {"from": TUESDAY["startTime"], "to": TUESDAY["endTime"], "userId": cast.bob.id}
    [found] = (await alice.get(f"{schedule}/swaps/suggestions", params=span)).json()["items"]
    assert (found["userId"], found["user"]["name"], found["isGood"]) == (cast.alice.id, "Alice", True)
    assert found["words"].endswith("h on call in eight weeks, reachable, free")
    wrong = await alice.get(f"{schedule}/swaps/suggestions", params=span | {"to": span["from"]})
    assert (wrong.status_code, wrong.json()["details"]["field"]) == (400, "to")
