"""`/schedules` and `/oncall` over HTTP; the clock stands at Monday 2026-01-05, 09:00 UTC."""

from typing import Any

import pytest

from openalert.domain.instant import HOUR
from openalert.storage import Database, contact_methods
from openalert.storage.transaction import Reader
from tests.conftest import StoppedClock
from tests.make import Cast
from tests.web.api.conftest import Client

pytestmark = pytest.mark.anyio


@pytest.fixture
async def schedule(alice: Client, cast: Cast) -> str:
    """The path of a schedule in which Alice and Bob take turns by the day, Alice being on now."""
    made = await alice.post("/schedules", json={"name": "Primary", "teamId": cast.team.id, "timezone": "UTC"})
    assert made.status_code == 201, made.text
    path = f"/schedules/{made.json()['id']}"
    rotation = await alice.post(
        f"{path}/rotations",
        json={
            "name": "Daily",
            "rotationType": "daily",
            "handoffTime": "09:00",
            "effectiveFrom": "2026-01-05T09:00:00Z",
            "memberIds": [cast.alice.id, cast.bob.id],
        },
    )
    assert rotation.status_code == 201, rotation.text
    return path


async def on_call(client: Client, path: str, at: str = "") -> list[str]:
    """The names of those on call."""
    answer = (await client.get(f"{path}/oncall", params={"at": at} if at else {})).json()
    return [person["user"]["name"] for person in answer["onCall"]]


async def test_turns_are_answered_with_their_end(alice: Client, schedule: str) -> None:
    """The answer names the person, the rotation, and until when; other instants can be asked for."""
    answer = (await alice.get(f"{schedule}/oncall")).json()
    assert (answer["at"], answer["until"]) == ("2026-01-05T09:00:00Z", "2026-01-06T09:00:00Z")
    [person] = answer["onCall"]
    assert (person["user"]["name"], person["source"], person["rotationName"]) == (
        "Alice",
        "rotation",
        "Daily",
    )
    assert await on_call(alice, schedule, "2026-01-06T10:00:00+01:00") == ["Bob"]
    assert await on_call(alice, schedule, "2026-01-04T00:00:00Z") == []
    everywhere = (await alice.get("/oncall", params={"at": "2026-01-06T12:00:00Z"})).json()["items"]
    assert [each["onCall"][0]["user"]["name"] for each in everywhere] == ["Bob"]


async def test_the_answer_says_who_follows(alice: Client, schedule: str, cast: Cast) -> None:
    """`next` is the answer from `until` on, a gap with nobody; each rotation tells its handoff; null: no change."""
    answer = (await alice.get(f"{schedule}/oncall")).json()
    assert (answer["next"]["startTime"], answer["next"]["endTime"]) == (
        "2026-01-06T09:00:00Z",
        "2026-01-07T09:00:00Z",
    )
    assert [each["user"]["name"] for each in answer["next"]["onCall"]] == ["Bob"]
    [handoff] = answer["handoffs"]
    assert (handoff["rotationName"], handoff["user"]["name"], handoff["nextUser"]["name"]) == (
        "Daily",
        "Alice",
        "Bob",
    )
    assert handoff["handoffAt"] == "2026-01-06T09:00:00Z"
    [everywhere] = (await alice.get("/oncall", params={"at": "2026-01-06T12:00:00Z"})).json()["items"]
    assert everywhere["next"]["onCall"][0]["user"]["name"] == "Alice"
    [rotation] = (await alice.get(f"{schedule}/rotations")).json()["items"]
    ends = {"effectiveUntil": "2026-01-05T12:00:00Z"}
    assert (await alice.patch(f"{schedule}/rotations/{rotation['id']}", json=ends)).status_code == 200
    answer = (await alice.get(f"{schedule}/oncall")).json()
    assert (answer["next"]["onCall"], answer["next"]["endTime"]) == ([], None)
    over = (await alice.get(f"{schedule}/oncall", params={"at": "2026-01-05T13:00:00Z"})).json()
    assert (over["next"], over["handoffs"]) == (None, [])


async def test_the_answer_says_whether_a_page_would_arrive(
    alice: Client, schedule: str, cast: Cast, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For each person, by what is known now, with no address; many people cost as many statements as one."""
    asked: list[str] = []
    fetch = Reader._fetch

    async def noted(self: Reader, sql: str, parameters: Any) -> Any:
        asked.append(sql)
        return await fetch(self, sql, parameters)

    monkeypatch.setattr(Reader, "_fetch", noted)
    [person] = (await alice.get(f"{schedule}/oncall")).json()["onCall"]
    one = len(asked)
    assert person["reachability"] == {
        "state": "reachable",
        "ways": 1,
        "weakestPoint": "There is only one way: E-mail.",
    }
    more = {"rotationType": "daily", "effectiveFrom": "2026-01-05T09:00:00Z"}
    for who in (cast.bob, cast.charlie):
        made = await alice.post(
            f"{schedule}/rotations", json={"name": who.name, "memberIds": [who.id], **more}
        )
        assert made.status_code == 201, made.text
    async with db.transaction() as tx:
        for method in await contact_methods.of_user(tx, cast.bob.id):
            await contact_methods.fail(tx, method.id, "550 no such mailbox")
    asked.clear()
    people = (await alice.get(f"{schedule}/oncall", params={"at": "2026-02-01T12:00:00Z"})).json()["onCall"]
    assert len(asked) == one
    bob = next(each for each in people if each["user"]["name"] == "Bob")
    assert (bob["reachability"]["state"], bob["reachability"]["ways"]) == ("unreachable", 0)
    assert "550" not in str(people)
    everywhere = (await alice.get("/oncall")).json()["items"][0]["onCall"]
    assert {each["reachability"]["state"] for each in everywhere} == {"reachable", "unreachable"}


async def test_a_new_member_changes_neither_the_past_nor_the_running_shift(
    alice: Client, schedule: str, cast: Cast
) -> None:
    """Charlie put first takes over at the next handoff at the earliest, unless it is to apply now."""
    [rotation] = (await alice.get(f"{schedule}/rotations")).json()["items"]
    members = f"{schedule}/rotations/{rotation['id']}/members"
    added = await alice.post(members, json={"userId": cast.charlie.id, "position": 1})
    assert added.status_code == 201, added.text
    assert added.json()["appliesFrom"] == "2026-01-06T09:00:00Z"
    assert (await alice.get(members)).json()["items"] == [cast.alice.id, cast.charlie.id, cast.bob.id]
    assert await on_call(alice, schedule) == ["Alice"]
    assert await on_call(alice, schedule, "2026-01-06T09:00:00Z") == ["Charlie"]
    path = f"{schedule}/rotations/{rotation['id']}"
    now = await alice.patch(path, json={"memberIds": [cast.bob.id], "apply": "now"})
    assert now.status_code == 200, now.text
    assert await on_call(alice, schedule) == ["Bob"]
    past = await alice.patch(path, json={"layer": 2, "apply": "2026-01-01T00:00:00Z"})
    assert (past.status_code, past.json()["details"]["field"]) == (400, "apply")


async def test_an_override_puts_one_person_on_for_a_while(
    bob: Client, alice: Client, schedule: str, cast: Cast, clock: Any
) -> None:
    """A plain member may cover a shift; taken back while it runs it ends, and what was stays."""
    body = {"userId": cast.bob.id, "startTime": "2026-01-05T08:00:00Z", "endTime": "2026-01-05T12:00:00Z"}
    made = await bob.post(f"{schedule}/overrides", json=body | {"reason": "dentist"})
    assert made.status_code == 201, made.text
    assert made.json()["startTime"] == "2026-01-05T09:00:00Z"
    answer = (await bob.get(f"{schedule}/oncall")).json()
    assert (answer["until"], answer["onCall"][0]["overrideReason"]) == ("2026-01-05T12:00:00Z", "dentist")
    shifts = await alice.get(
        f"{schedule}/shifts", params={"from": "2026-01-05T08:00:00Z", "to": "2026-01-05T14:00:00Z"}
    )
    assert [(shift["startTime"], shift["onCall"][0]["user"]["name"]) for shift in shifts.json()["items"]] == [
        ("2026-01-05T09:00:00Z", "Bob"),
        ("2026-01-05T12:00:00Z", "Alice"),
    ]
    assert shifts.json()["gaps"] == [{"startTime": "2026-01-05T08:00:00Z", "endTime": "2026-01-05T09:00:00Z"}]
    clock.advance(3_600_000)
    assert (await bob.delete(f"{schedule}/overrides/{made.json()['id']}")).status_code == 204
    assert await on_call(alice, schedule) == ["Alice"]
    assert await on_call(alice, schedule, "2026-01-05T09:30:00Z") == ["Bob"]
    over = await bob.post(f"{schedule}/overrides", json=body | {"endTime": "2026-01-05T09:30:00Z"})
    assert over.status_code == 400


async def test_ranges_and_instants_that_make_no_sense_are_refused(alice: Client, schedule: str) -> None:
    """More than 400 days, a range backwards, and an instant without an offset."""
    for start, end in (
        ("2026-01-01T00:00:00Z", "2027-03-01T00:00:00Z"),
        ("2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z"),
    ):
        answer = await alice.get(f"{schedule}/shifts", params={"from": start, "to": end})
        assert answer.status_code == 400
    assert (await alice.get(f"{schedule}/oncall", params={"at": "2026-01-01T00:00:00"})).status_code == 400
    assert (await alice.patch(schedule, json={"timezone": "Mars/Base"})).status_code == 400


async def test_every_change_is_told_to_listeners(
    alice: Client, schedule: str, cast: Cast, db: Database
) -> None:
    """`oncall.changed` goes to the team with the schedule's id, once for each change."""
    heard: list[Any] = []
    db.listen(heard.extend)
    body = {"userId": cast.bob.id, "startTime": "2026-01-05T10:00:00Z", "endTime": "2026-01-05T12:00:00Z"}
    override = (await alice.post(f"{schedule}/overrides", json=body)).json()["id"]
    await alice.delete(f"{schedule}/overrides/{override}")
    assert [(event.type, event.team_id) for event in heard] == [("oncall.changed", cast.team.id)] * 2
    assert schedule.endswith(heard[0].data["scheduleId"])


async def test_moving_a_schedule_leaves_the_running_shift_alone(alice: Client, schedule: str) -> None:
    """After a move to another zone the handoff keeps to the new wall clock, and Alice her shift."""
    moved = await alice.patch(schedule, json={"timezone": "America/New_York"})
    assert moved.json()["timezone"] == "America/New_York"
    assert await on_call(alice, schedule) == ["Alice"]
    assert await on_call(alice, schedule, "2026-01-07T13:59:00Z") == await on_call(
        alice, schedule, "2026-01-06T15:00:00Z"
    )


OFFICE = {"fromTime": "09:00", "toTime": "17:00"}


async def test_several_days_worked_days_and_holidays_are_kept_and_answered(
    alice: Client, schedule: str, cast: Cast
) -> None:
    """Everything that was set comes back; one day is answered both ways, several as a list; old ones have defaults."""
    windows = [{**OFFICE, "fromDay": day, "toDay": day, "holidays": "except"} for day in range(1, 6)]
    body = {
        "name": "Office",
        "rotationType": "weekly",
        "handoffDays": [4, 1],
        "memberIds": [cast.alice.id, cast.bob.id],
        "restrictions": windows,
        "workedDaysOnly": True,
        "holidayCalendar": "DE-BY",
        "isShadow": True,
    }
    made = await alice.post(f"{schedule}/rotations", json=body)
    assert made.status_code == 201, made.text
    shown = (await alice.get(f"{schedule}/rotations/{made.json()['id']}")).json()
    assert (shown["handoffDay"], shown["handoffDays"]) == (None, [1, 4])
    assert {name: shown[name] for name in body if name != "handoffDays"} == {
        name: body[name] for name in body if name != "handoffDays"
    }
    one = await alice.patch(f"{schedule}/rotations/{shown['id']}", json={"handoffDay": 3})
    assert (one.json()["handoffDay"], one.json()["handoffDays"]) == (3, [3])
    again = await alice.patch(
        f"{schedule}/rotations/{shown['id']}",
        json={"handoffDay": 5, "handoffDays": [5], "workedDaysOnly": False},
    )
    assert (again.json()["handoffDay"], again.json()["handoffDays"]) == (5, [5])
    [old] = [
        each for each in (await alice.get(f"{schedule}/rotations")).json()["items"] if each["name"] == "Daily"
    ]
    assert (old["handoffDays"], old["workedDaysOnly"], old["holidayCalendar"], old["isShadow"]) == (
        [],
        False,
        None,
        False,
    )


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("handoffTime", {"handoffTime": "25:00"}),
        ("shiftLength", {"shiftLength": 0}),
        ("handoffDays", {"rotationType": "weekly", "handoffDays": [1, 1]}),
        ("handoffDays", {"rotationType": "weekly", "handoffDays": [1, 7]}),
        ("handoffDays", {"rotationType": "weekly", "handoffDay": 2, "handoffDays": [1, 4]}),
        ("handoffDays", {"handoffDays": [1, 4]}),
        ("workedDaysOnly", {"rotationType": "monthly", "workedDaysOnly": True}),
        ("holidayCalendar", {"holidayCalendar": "Germany"}),
        ("holidays", {"restrictions": [{**OFFICE, "holidays": "only"}]}),
        (
            "holidays",
            {"restrictions": [{**OFFICE, "fromDay": 0, "holidays": "only"}], "holidayCalendar": "ES"},
        ),
        ("effectiveUntil", {"effectiveUntil": "2026-01-05T09:00:00Z"}),
        ("memberIds", {"memberIds": ["nobody-known"]}),
    ],
)
async def test_what_cannot_be_is_refused_by_its_field_and_changes_nothing(
    alice: Client, schedule: str, field: str, change: dict[str, Any]
) -> None:
    """A new rotation and an edit are refused alike, with a sentence that names the member, and nothing is kept."""
    before = (await alice.get(f"{schedule}/rotations")).json()["items"]
    begin = {"effectiveFrom": "2026-01-05T09:00:00Z"} if field == "effectiveUntil" else {}
    created = await alice.post(
        f"{schedule}/rotations", json={"name": "Wrong", "rotationType": "daily", **begin, **change}
    )
    changed = await alice.patch(f"{schedule}/rotations/{before[0]['id']}", json={"name": "Wrong", **change})
    for refusal in (created, changed):
        assert refusal.status_code == 400, refusal.text
        assert refusal.json()["details"]["field"] == field
        assert refusal.json()["detail"].startswith(field)
    assert (await alice.get(f"{schedule}/rotations")).json()["items"] == before


async def test_a_window_knows_three_rules_for_holidays(alice: Client, schedule: str) -> None:
    """Any other word is refused with the words there are."""
    refusal = await alice.post(
        f"{schedule}/rotations", json={"name": "Wrong", "restrictions": [{**OFFICE, "holidays": "sometimes"}]}
    )
    assert refusal.status_code == 400
    assert "holidays" in refusal.text


async def test_a_cover_and_a_temporary_schedule_over_the_api(
    alice: Client, schedule: str, cast: Cast
) -> None:
    """Both are written, answered with who would be on, lengthened, and refused where they make no sense."""
    cover = {
        "kind": "cover",
        "userId": cast.bob.id,
        "insteadOfId": cast.alice.id,
        "startTime": "2026-01-05T10:00:00Z",
        "endTime": "2026-01-05T12:00:00Z",
    }
    made = (await alice.post(f"{schedule}/overrides", json=cover)).json()
    answer = (await alice.get(f"{schedule}/oncall", params={"at": "2026-01-05T11:00:00Z"})).json()
    assert [(person["userId"], person["insteadOfId"]) for person in answer["onCall"]] == [
        (cast.bob.id, cast.alice.id)
    ]
    longer = await alice.patch(
        f"{schedule}/overrides/{made['id']}", json={"endTime": "2026-01-05T13:00:00Z", "reason": "dentist"}
    )
    assert (longer.json()["endTime"], longer.json()["reason"]) == ("2026-01-05T13:00:00Z", "dentist")
    turn = {
        "userId": cast.bob.id,
        "startTime": "2026-01-05T20:00:00Z",
        "endTime": "2026-01-05T21:00:00Z",
    }
    fixed = {
        "kind": "fixed",
        "shifts": [turn],
        "startTime": "2026-01-05T18:00:00Z",
        "endTime": "2026-01-05T22:00:00Z",
    }
    assert (await alice.post(f"{schedule}/overrides", json=fixed)).status_code == 201
    gaps = await alice.get(
        f"{schedule}/shifts", params={"from": "2026-01-05T18:00:00Z", "to": "2026-01-05T22:00:00Z"}
    )
    assert [gap["endTime"] for gap in gaps.json()["gaps"]] == [
        "2026-01-05T20:00:00Z",
        "2026-01-05T22:00:00Z",
    ]
    for wrong, field in (
        (cover | {"insteadOfId": cast.bob.id}, "insteadOfId"),
        (cover | {"rotationIds": ["nowhere"]}, "rotationIds"),
        (fixed | {"shifts": []}, "shifts"),
        (cover | {"insteadOfId": "nobody"}, "insteadOfId"),
    ):
        refused = await alice.post(f"{schedule}/overrides", json=wrong)
        assert (refused.status_code, refused.json()["details"]["field"]) == (400, field)


async def test_a_rotation_taken_out_keeps_its_past(alice: Client, schedule: str, clock: StoppedClock) -> None:
    """It is gone from the list and from now on; who was on call by it is still told."""
    (rotation,) = (await alice.get(f"{schedule}/rotations")).json()["items"]
    clock.advance(HOUR)
    waits = await alice.delete(f"{schedule}/rotations/{rotation['id']}", params={"apply": "next_handoff"})
    assert waits.status_code == 204
    assert await on_call(alice, schedule) == ["Alice"]
    assert await on_call(alice, schedule, "2026-01-07T12:00:00Z") == []
    assert (await alice.delete(f"{schedule}/rotations/{rotation['id']}")).status_code == 204
    assert await on_call(alice, schedule) == []
    assert (await alice.get(f"{schedule}/rotations")).json()["items"] == []
    assert (await alice.get(f"{schedule}/rotations/{rotation['id']}")).status_code == 404
    assert await on_call(alice, schedule, "2026-01-05T09:30:00Z") == ["Alice"]


async def test_the_load_of_a_week_is_told_person_by_person(alice: Client, schedule: str, cast: Cast) -> None:
    """Hours, nights and weekends, also as a table for a spreadsheet; and whose shifts are when."""
    week = {"from": "2026-01-05T09:00:00Z", "to": "2026-01-12T09:00:00Z"}
    items = (await alice.get("/oncall/load", params=week)).json()["items"]
    told = {each["user"]["name"]: (each["hours"], each["nightHours"], each["weekendHours"]) for each in items}
    assert told == {"Alice": (96.0, 32.0, 24.0), "Bob": (72.0, 24.0, 24.0)}
    assert items[0]["pagesReceived"] == 0
    table = await alice.get("/oncall/load/export", params=week | {"scheduleId": schedule.rsplit("/", 1)[1]})
    assert table.headers["content-type"].startswith("text/csv")
    assert table.text.splitlines()[1].startswith('"Alice"')
    mine = (await alice.get("/oncall/shifts", params=week)).json()["items"]
    assert [turn["startTime"] for turn in mine] == [f"2026-01-{day:02d}T09:00:00Z" for day in (5, 7, 9, 11)]
    bobs = (await alice.get("/oncall/shifts", params=week | {"userId": cast.bob.id})).json()["items"]
    assert (bobs[0]["startTime"], bobs[0]["scheduleName"]) == ("2026-01-06T09:00:00Z", "Primary")
    assert (await alice.get("/oncall/shifts", params=week | {"userId": "nobody"})).status_code == 404
    backwards = {"from": week["to"], "to": week["from"]}
    assert (await alice.get("/oncall/load", params=backwards)).json()["details"]["field"] == "to"
