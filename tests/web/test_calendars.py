"""Calendars over HTTP: signed in, and by secret links."""

from typing import Any

import httpx2
import icalendar
import msgspec
import pytest

from openalert.app import OpenAlert
from openalert.domain.access import Role
from openalert.domain.instant import DAY, HOUR, MINUTE
from openalert.domain.schedule import RotationChange, Schedule
from openalert.storage import Database
from openalert.usecases import overrides, schedules, signin, teams, users
from tests import make
from tests.conftest import StoppedClock
from tests.make import Cast

pytestmark = pytest.mark.anyio


class House(msgspec.Struct):
    """Alice and Bob take weekly turns in a schedule of their team."""

    cast: Cast
    schedule: Schedule
    alice: dict[str, str]
    """Headers of a session of hers."""
    bob: dict[str, str]


@pytest.fixture
async def house(app: OpenAlert) -> House:
    """The standing cast with a schedule."""
    db = app.database
    cast = await make.cast(db)
    async with db.transaction(make.actor(cast.alice, cast.team)) as tx:
        schedule = await schedules.create(tx, team_id=cast.team.id, name="Core; nights, ⚙", timezone="UTC")
        await schedules.add_rotation(
            tx, schedule.id, "Primary", RotationChange(member_ids=(cast.alice.id, cast.bob.id))
        )
    return House(cast, schedule, await session(db, cast.alice.id), await session(db, cast.bob.id))


async def session(db: Database, user_id: str) -> dict[str, str]:
    """The headers of a new session."""
    async with db.transaction() as tx:
        token = await signin.open_session(tx, user_id, address="192.0.2.1", user_agent="test")
    return {"cookie": f"openalert_session={token}"}


async def link(
    client: httpx2.AsyncClient, headers: dict[str, str], schedule: Schedule | None = None, **more: Any
) -> dict[str, Any]:
    """A new link, with its address as a path."""
    body = {"name": "phone", **({"scheduleId": schedule.id} if schedule else {}), **more}
    answer = await client.post("/api/v1/users/me/calendar-links", json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    made["path"] = "/calendars/" + made["url"].rpartition("/calendars/")[2]
    return made


def events(answer: httpx2.Response) -> list[Any]:
    """The entries of a calendar that was answered well."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    parsed = icalendar.Calendar.from_ical(answer.content)
    found = parsed.walk("VEVENT")
    assert not any(each.errors for each in found)
    return list(found)


async def test_a_schedule_is_read_by_who_is_signed_in(client: httpx2.AsyncClient, house: House) -> None:
    """One entry for each turn, with name and reason; without a session none, and outside the team 404."""
    path = f"/api/v1/schedules/{house.schedule.id}/calendar.ics"
    shown = events(await client.get(path, headers=house.bob))
    assert len(shown) > 25
    assert {str(each["SUMMARY"]) for each in shown} == {"Alice: Core; nights, ⚙", "Bob: Core; nights, ⚙"}
    assert str(shown[0]["DESCRIPTION"]) == "On call for Core; nights, ⚙, by the rotation Primary."
    assert str(shown[0]["URL"]).endswith(f"/schedules/{house.schedule.id}")
    assert (await client.get(path)).status_code == 401


async def test_a_link_is_shown_once_and_kept_as_a_hash(
    client: httpx2.AsyncClient, house: House, app: OpenAlert
) -> None:
    """The list and the database hold no token; its use is noted to the minute."""
    made = await link(client, house.alice, house.schedule)
    token = made["path"].removeprefix("/calendars/").removesuffix(".ics")
    assert len(token) == 64
    assert len(events(await client.get(made["path"]))) > 25
    assert (await client.head(made["path"])).status_code == 200
    listed = await client.get("/api/v1/users/me/calendar-links", headers=house.alice)
    assert token not in listed.text
    assert listed.json()["items"][0]["lastUsedAt"] is not None
    async with app.database.read() as reader:
        assert token not in repr(await reader.rows("SELECT * FROM calendar_links"))
        assert token not in repr(await reader.rows("SELECT * FROM audit_log"))


async def test_my_own_link_holds_my_shifts_alone(client: httpx2.AsyncClient, house: House) -> None:
    """Bob's own calendar has half the turns, under other words."""
    made = await link(client, house.bob)
    shown = events(await client.get(made["path"]))
    everybody = events(
        await client.get(f"/api/v1/schedules/{house.schedule.id}/calendar.ics", headers=house.bob)
    )
    bobs = [str(each["UID"]) for each in everybody if str(each["SUMMARY"]).startswith("Bob")]
    assert [str(each["UID"]) for each in shown] == bobs
    assert {str(each["SUMMARY"]) for each in shown} == {"On call: Core; nights, ⚙"}


async def test_what_opens_nothing_is_not_told_apart(
    client: httpx2.AsyncClient, house: House, app: OpenAlert
) -> None:
    """Never made, revoked, of somebody who left the team or is switched off, without its ending: the same 404."""
    revoked = await link(client, house.alice, house.schedule)
    gone = await client.delete(f"/api/v1/users/me/calendar-links/{revoked['id']}", headers=house.alice)
    assert gone.status_code == 204
    left = await link(client, house.bob, house.schedule)
    events(await client.get(left["path"]))
    async with app.database.transaction(make.actor(house.cast.alice, house.cast.team)) as tx:
        await teams.remove_member(tx, house.cast.team.id, house.cast.bob.id, anyway=True)
    assert (await client.get(left["path"])).status_code == 404
    mine = await link(client, house.bob)
    events(await client.get(mine["path"]))
    async with app.database.transaction(make.actor(house.cast.alice, house.cast.team)) as tx:
        await users.deactivate(tx, house.cast.bob.id)
    said = set()
    for path in (
        "/calendars/" + "0" * 64 + ".ics",
        "/calendars/x.ics",
        revoked["path"],
        left["path"],
        mine["path"],
        (await link(client, house.alice))["path"].removesuffix(".ics"),
    ):
        answer = await client.get(path)
        assert answer.status_code == 404
        said.add(answer.text.replace(answer.headers["x-request-id"], ""))
    assert len(said) == 1


async def test_the_same_shifts_are_the_same_bytes(
    client: httpx2.AsyncClient, house: House, clock: StoppedClock, app: OpenAlert
) -> None:
    """Hours later the ETag still holds; a change gives the next SEQUENCE, and the first turn keeps its UID."""
    made = await link(client, house.alice, house.schedule)
    first = await client.get(made["path"])
    clock.now += 5 * HOUR
    again = await client.get(made["path"], headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert (await client.get(made["path"])).content == first.content
    async with app.database.transaction(make.actor(house.cast.alice, house.cast.team)) as tx:
        now = clock()
        await overrides.add(
            tx,
            house.schedule.id,
            user_id=house.cast.bob.id,
            start_at=now + DAY,
            end_at=now + 2 * DAY,
            reason="dentist",
        )
    later = await client.get(made["path"], headers={"if-none-match": first.headers["etag"]})
    before, after = events(first), events(later)
    assert {each["SEQUENCE"] for each in before} == {0}
    assert {each["SEQUENCE"] for each in after} == {1}
    assert after[0]["LAST-MODIFIED"].dt > before[0]["LAST-MODIFIED"].dt
    assert str(after[0]["UID"]) == str(before[0]["UID"])
    assert after[0]["DTEND"].dt < before[0]["DTEND"].dt
    [stands_in] = [each for each in after if "override: dentist" in str(each["DESCRIPTION"])]
    assert str(stands_in["SUMMARY"]).startswith("Bob")


async def test_gaps_are_entries_where_they_are_wanted(
    client: httpx2.AsyncClient, house: House, app: OpenAlert
) -> None:
    """Before the rotation began nobody was on call: told with `gaps`, and by links made for it."""
    path = f"/api/v1/schedules/{house.schedule.id}/calendar.ics"
    words = "Nobody is on call: Core; nights, ⚙"
    without = events(await client.get(path, headers=house.alice))
    told = events(await client.get(path + "?gaps=true", headers=house.alice))
    assert next(str(each["SUMMARY"]) for each in told if each not in without) == words
    made = await link(client, house.alice, house.schedule, withGaps=True)
    assert words in {str(each["SUMMARY"]) for each in events(await client.get(made["path"]))}
    refused = await client.post(
        "/api/v1/users/me/calendar-links", json={"name": "x", "withGaps": True}, headers=house.alice
    )
    assert (refused.status_code, refused.json()["details"]["field"]) == (400, "withGaps")


async def test_links_are_few_and_readings_are_counted(
    client: httpx2.AsyncClient, house: House, clock: StoppedClock
) -> None:
    """The twenty-first link of one person is refused; whoever guesses addresses is sent away for a while."""
    for _ in range(20):
        await link(client, house.bob)
    refused = await client.post("/api/v1/users/me/calendar-links", json={"name": "x"}, headers=house.bob)
    assert refused.status_code == 409
    for _ in range(300):
        assert (await client.get("/calendars/x.ics")).status_code == 404
    assert (await client.get("/calendars/x.ics")).status_code == 429
    clock.now += MINUTE
    assert (await client.get("/calendars/x.ics")).status_code == 404


async def test_who_sets_a_schedule_up_sees_and_revokes_every_link_to_it(
    client: httpx2.AsyncClient, house: House, app: OpenAlert
) -> None:
    """Bob's link is in Alice's list and gone by her hand; his own calendar is none of her business."""
    mine, of_schedule = await link(client, house.bob), await link(client, house.bob, house.schedule)
    path = f"/api/v1/schedules/{house.schedule.id}/calendar-links"
    listed = (await client.get(path, headers=house.alice)).json()["items"]
    assert [each["id"] for each in listed] == [of_schedule["id"]]
    assert (await client.get(path, headers=house.bob)).status_code == 403
    assert (await client.delete(f"{path}/{mine['id']}", headers=house.alice)).status_code == 404
    assert (await client.delete(f"{path}/{of_schedule['id']}", headers=house.alice)).status_code == 204
    assert (await client.get(of_schedule["path"])).status_code == 404
    assert (await client.get(mine["path"])).status_code == 200


async def test_my_page_makes_shows_and_revokes_links(client: httpx2.AsyncClient, house: House) -> None:
    """By form: the address stands on the page once, with help for three programs; a name is asked for."""
    same = house.bob | {"origin": "http://127.0.0.1:8080", "sec-fetch-site": "same-origin"}
    refused = await client.post("/me/calendar-links", data={"name": ""}, headers=same)
    assert refused.status_code == 422
    assert "The name must have" in refused.text
    made = await client.post(
        "/me/calendar-links", data={"name": "my <phone>", "schedule_id": house.schedule.id}, headers=same
    )
    assert made.status_code == 303
    assert made.headers["location"].startswith("/me/calendars#")
    cookie = same["cookie"] + "; " + made.headers["set-cookie"].partition(";")[0]
    shown = await client.get("/me/calendars", headers=same | {"cookie": cookie})
    assert "/calendars/" in shown.text
    assert "webcal://" in shown.text
    assert "my &lt;phone&gt;" in shown.text
    again = await client.get("/me/calendars", headers=same)
    assert "webcal://" not in again.text
    link_id = made.headers["location"].partition("#")[2]
    assert (await client.post(f"/me/calendar-links/{link_id}/revoke", headers=same)).status_code == 303
    assert "my &lt;phone&gt;" not in (await client.get("/me/calendars", headers=same)).text


async def test_a_stranger_of_another_organization_sees_nothing(
    client: httpx2.AsyncClient, house: House, app: OpenAlert
) -> None:
    """A link to a schedule out of sight cannot be made: it answers as for an id that never was."""
    async with app.database.transaction() as tx:
        await tx.execute(
            "UPDATE users SET role = :role WHERE id = :id", role=Role.MEMBER, id=house.cast.charlie.id
        )
    charlie = await session(app.database, house.cast.charlie.id)
    said = set()
    for schedule_id in (house.schedule.id, "01999999-0000-7000-8000-000000000000"):
        answer = await client.post(
            "/api/v1/users/me/calendar-links", json={"name": "x", "scheduleId": schedule_id}, headers=charlie
        )
        assert answer.status_code == 400
        said.add(answer.json()["message"].replace(schedule_id, ""))
    assert len(said) == 1
