"""Calendars of other programs from end to end: fetched, read in a process of their own, in force, and failing."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest

from openalert.app import OpenAlert
from openalert.config import Config, Server
from openalert.config.sections import Outgoing
from openalert.domain.access import Role
from openalert.domain.instant import DAY, HOUR, from_datetime, rfc3339, to_datetime
from openalert.domain.schedule import RotationChange, Schedule
from openalert.engine import calendar_feeds as engine
from openalert.engine import housekeeping
from openalert.usecases import calendar_feeds, calendar_reading, schedules, signin
from tests import make
from tests.conftest import StoppedClock
from tests.fakes.calendar_host import CalendarHost, Served, calendar_host
from tests.make import Cast

pytestmark = pytest.mark.anyio
OUTLOOK = Path(__file__).parents[1] / "sources" / "calendars" / "outlook.ics"


class House(msgspec.Struct):
    """A schedule whose only rotation is Bob's, and sessions of everybody."""

    cast: Cast
    schedule: Schedule
    alice: dict[str, str]
    bob: dict[str, str]
    charlie: dict[str, str]


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """An installation that may reach the calendar host of the tests."""
    server = Server(data_dir=str(tmp_path), api_writes_per_minute=0)
    return Config(server=server, outgoing=Outgoing(allow_private_networks=True))


@pytest.fixture
async def host() -> AsyncIterator[CalendarHost]:
    """Where calendars are published."""
    async with calendar_host() as running:
        yield running


@pytest.fixture
async def house(app: OpenAlert) -> House:
    """The standing cast with a schedule."""
    db = app.database
    cast = await make.cast(db)
    async with db.transaction(make.actor(cast.alice, cast.team)) as tx:
        schedule = await schedules.create(tx, team_id=cast.team.id, name="Core", timezone="Europe/Berlin")
        await schedules.add_rotation(tx, schedule.id, "Primary", RotationChange(member_ids=(cast.bob.id,)))
    cookies = [await session(app, user.id) for user in (cast.alice, cast.bob, cast.charlie)]
    return House(cast, schedule, *cookies)


async def session(app: OpenAlert, user_id: str) -> dict[str, str]:
    """The headers of a browser in which the person has just signed in."""
    async with app.database.transaction() as tx:
        token = await signin.open_session(tx, user_id, address="192.0.2.1", user_agent="test")
    return {"cookie": f"openalert_session={token}", "origin": "http://127.0.0.1:8080"}


def calendar(*events: tuple[int, int, str], start: int, more: str = "") -> bytes:
    """Entries between hours from `start`."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:test", "X-WR-CALNAME:Plan"]
    for number, (begin, end, summary) in enumerate(events):
        edges = (to_datetime(start + hours * HOUR).strftime("%Y%m%dT%H%M%SZ") for hours in (begin, end))
        lines += ["BEGIN:VEVENT", f"UID:{number}", f"SUMMARY:{summary}"]
        lines += [f"{name}:{each}" for name, each in zip(("DTSTART", "DTEND"), edges, strict=True)]
        lines += [more, "END:VEVENT"] if more else ["END:VEVENT"]
    return "\r\n".join([*lines, "END:VCALENDAR", ""]).encode()


async def post(client: httpx2.AsyncClient, who: dict[str, str], path: str, **body: Any) -> httpx2.Response:
    """A request with a body to the API."""
    return await client.post(f"/api/v1{path}", json=body, headers=who)


async def on_call(client: httpx2.AsyncClient, house: House, at: int) -> set[str]:
    """The names of who is on call."""
    answer = await client.get(
        f"/api/v1/schedules/{house.schedule.id}/oncall", params={"at": rfc3339(at)}, headers=house.alice
    )
    return {each["user"]["name"] for each in answer.json()["onCall"]}


async def test_an_absence_warns_where_it_meets_a_shift_and_says_no_word_of_why(
    client: httpx2.AsyncClient, house: House, host: CalendarHost, clock: StoppedClock, app: OpenAlert
) -> None:
    """Bob lets his calendar be read: Alice sees that he is away while on call, and only he sees the reason."""
    start = clock()
    host.pages["/bob.ics"] = Served(
        calendar((48, 72, "Out of office: surgery"), (1, 2, "Stand-up"), start=start)
    )
    made = await post(
        client,
        house.bob,
        f"/users/{house.cast.bob.id}/calendar-feeds",
        name="Outlook",
        url=host.url("/bob.ics"),
    )
    assert made.status_code == 201, made.text
    assert made.json()["entries"] == 1
    assert "/bob.ics" not in made.text
    span = {"from": rfc3339(start), "to": rfc3339(start + 30 * DAY)}
    path = f"/api/v1/schedules/{house.schedule.id}/clashes"
    seen = await client.get(path, params=span, headers=house.alice)
    [clash] = seen.json()["items"]
    assert (clash["userId"], clash["startTime"]) == (
        house.cast.bob.id,
        rfc3339(start + 48 * HOUR).replace(".000", ""),
    )
    page = await client.get(f"/schedules/{house.schedule.id}", headers=house.alice)
    assert "is away</b> while on call" in page.text
    for answer in (seen, page, await client.get("/me/calendars", headers=house.alice)):
        assert "surgery" not in answer.text
    assert "surgery" in (await client.get("/me/calendars", headers=house.bob)).text
    async with app.database.read() as reader:
        [away] = await calendar_feeds.away(reader, [house.cast.bob.id], start, start + 30 * DAY)
    assert (away.start_at, away.summary) == (start + 48 * HOUR, "")


async def test_only_oneself_and_admins_decide_about_absences(
    client: httpx2.AsyncClient, house: House, app: OpenAlert
) -> None:
    """A member of the team may not; an admin may; somebody of another organization finds nobody."""
    body = {"name": "x", "content": calendar((1, 2, "OOO"), start=app.database.clock()).decode()}
    path = f"/users/{house.cast.bob.id}/calendar-feeds"
    assert (await post(client, house.charlie, path, **body)).status_code == 403
    assert (await post(client, house.alice, path, **body)).status_code == 201
    other = await make.user(app.database, await make.organization(app.database, "Globex"), "Zoe", Role.OWNER)
    async with app.database.transaction() as tx:
        token = await signin.open_session(tx, other.id, address="192.0.2.1", user_agent="test")
    zoe = {"cookie": f"openalert_session={token}"}
    assert (await post(client, zoe, path, **body)).status_code == 404


async def test_entries_of_a_calendar_are_turns_of_a_schedule(
    client: httpx2.AsyncClient, house: House, host: CalendarHost, clock: StoppedClock
) -> None:
    """[L2] wins over the rotation, unknown names are listed, and the iCal out says that a calendar gave the turn."""
    start = clock()
    host.pages["/plan.ics"] = Served(
        calendar((2, 4, "[L2] Alice"), (4, 6, "[L2] CHARLIE@example.org"), (6, 8, "[L2] Kim"), start=start)
    )
    path = f"/schedules/{house.schedule.id}/calendar-feeds"
    told = await post(client, house.alice, f"{path}/preview", url=host.url("/plan.ics"))
    assert (told.status_code, told.json()["events"], told.json()["missing"]) == (200, 3, ["Kim"])
    assert await on_call(client, house, start + 3 * HOUR) == {"Bob"}, "looking changes nothing"
    made = await post(client, house.alice, path, url=host.url("/plan.ics"))
    assert (made.json()["name"], made.json()["entries"], made.json()["missing"]) == ("Plan", 2, ["Kim"])
    page = await client.get(f"/schedules/{house.schedule.id}?at=2026-01-05T12:30", headers=house.alice)
    assert page.status_code == 200
    for hour, name in ((1, "Bob"), (3, "Alice"), (5, "Charlie"), (7, "Bob")):
        assert await on_call(client, house, start + hour * HOUR) == {name}
    out = await client.get(f"/api/v1/schedules/{house.schedule.id}/calendar.ics", headers=house.alice)
    assert b"On call for Core\\, by a calendar." in out.content
    assert (await post(client, house.bob, path, url=host.url("/plan.ics"))).status_code == 403


async def test_a_name_that_two_have_is_nobodys(
    client: httpx2.AsyncClient, house: House, clock: StoppedClock, app: OpenAlert
) -> None:
    """Guessing would page the wrong one; the address of either still says who is meant."""
    async with app.database.transaction() as tx:
        await tx.execute("UPDATE users SET name = 'Alice' WHERE id = :id", id=house.cast.charlie.id)
    content = calendar((2, 4, "Alice"), (4, 6, "alice@example.org"), start=clock()).decode()
    told = await post(
        client, house.alice, f"/schedules/{house.schedule.id}/calendar-feeds/preview", content=content
    )
    assert told.json()["missing"] == ["Alice"]
    assert [each["userId"] for each in told.json()["periods"]] == [house.cast.alice.id]


async def test_what_has_been_is_not_rewritten(
    client: httpx2.AsyncClient, house: House, host: CalendarHost, clock: StoppedClock, app: OpenAlert
) -> None:
    """Alice's turn goes to Charlie in the middle: she was on until then. Without the feed it ends, and stays told."""
    start = clock()
    host.pages["/plan.ics"] = Served(calendar((2, 8, "[L2] Alice"), start=start))
    path = f"/schedules/{house.schedule.id}/calendar-feeds"
    made = (await post(client, house.alice, path, url=host.url("/plan.ics"))).json()
    clock.now = start + 4 * HOUR
    host.pages["/plan.ics"] = Served(calendar((2, 8, "[L2] Charlie"), start=start))
    await engine.run_due(app.database, app.calendars)
    assert await on_call(client, house, start + 3 * HOUR) == {"Alice"}
    assert await on_call(client, house, start + 5 * HOUR) == {"Charlie"}
    clock.now = start + 6 * HOUR
    gone = await client.delete(f"/api/v1{path}/{made['id']}", headers=house.alice)
    assert gone.status_code == 204
    assert await on_call(client, house, start + 5 * HOUR) == {"Charlie"}
    assert await on_call(client, house, start + 7 * HOUR) == {"Bob"}


async def test_reading_again_asks_for_what_is_new_alone(
    client: httpx2.AsyncClient, house: House, host: CalendarHost, clock: StoppedClock, app: OpenAlert
) -> None:
    """Within the day by If-None-Match; after a day in full, as what repeats goes on. Before its time, not at all."""
    daily = calendar((0, 1, "OOO"), start=clock(), more="RRULE:FREQ=DAILY")
    host.pages["/bob.ics"] = Served(daily, headers={"etag": '"1"'})
    path = f"/users/{house.cast.bob.id}/calendar-feeds"
    made = (await post(client, house.bob, path, url=host.url("/bob.ics"))).json()
    assert await engine.run_due(app.database, app.calendars) == 0
    clock.now += 2 * HOUR
    assert await engine.run_due(app.database, app.calendars) == 1
    assert host.asked[-1][1]["if-none-match"] == '"1"'
    clock.now += DAY
    assert await engine.run_due(app.database, app.calendars) == 1
    assert "if-none-match" not in host.asked[-1][1]
    async with app.database.read() as reader:
        last = await reader.value("SELECT max(end_at) FROM absences WHERE feed_id = :id", id=made["id"])
    assert last > clock() + 178 * DAY


async def test_a_calendar_that_breaks_keeps_what_it_said_and_warns_after_a_week(
    client: httpx2.AsyncClient, house: House, host: CalendarHost, clock: StoppedClock, app: OpenAlert
) -> None:
    """The page says why; Bob gets one notice after a week, and the first good reading clears it all."""
    start = clock()
    good = Served(calendar((24 * 20, 24 * 21, "OOO"), start=start))
    host.pages["/bob.ics"] = good
    path = f"/users/{house.cast.bob.id}/calendar-feeds"
    await post(client, house.bob, path, name="Outlook", url=host.url("/bob.ics"))
    host.pages["/bob.ics"] = Served(b"<!DOCTYPE html>", headers={"content-type": "text/html"})
    for _ in range(16):
        clock.now += 12 * HOUR + 11 * 60_000
        await engine.run_due(app.database, app.calendars)
    house.alice, house.bob = [await session(app, each.id) for each in (house.cast.alice, house.cast.bob)]
    [feed] = (await client.get(f"/api/v1{path}", headers=house.bob)).json()["items"]
    assert "web page" in feed["failure"]
    assert feed["entries"] == 1
    assert "Failing since" in (await client.get("/me/calendars", headers=house.bob)).text
    span = {"from": rfc3339(clock()), "to": rfc3339(clock() + 30 * DAY)}
    clashes = await client.get(
        f"/api/v1/schedules/{house.schedule.id}/clashes", params=span, headers=house.alice
    )
    assert len(clashes.json()["items"]) == 1
    async with app.database.read() as reader:
        notices = await reader.rows(
            "SELECT user_id FROM notifications WHERE kind = 'notice' AND reason LIKE 'The calendar is yours%'"
        )
    assert [row[0] for row in notices] == [house.cast.bob.id]
    host.pages["/bob.ics"] = good
    clock.now += 13 * HOUR
    await engine.run_due(app.database, app.calendars)
    house.bob = await session(app, house.cast.bob.id)
    [feed] = (await client.get(f"/api/v1{path}", headers=house.bob)).json()["items"]
    assert (feed["failure"], feed["failingSince"]) == ("", None)


@pytest.mark.parametrize(
    ("page", "words"),
    [
        (Served(b"", 404), "has no calendar there (404)"),
        (Served(b"", 403), "refuses to show it (403)"),
        (Served(b"", 302, {"location": "/moved.ics"}), ""),
        (Served(b"", 302, {"location": "/loop.ics"}), "leads on more than 3 times"),
        (Served(b"", 302, {"location": "file:///etc/passwd"}), "must begin with https://"),
        (Served(b"", 302, {"location": "http://169.254.169.254/latest/meta-data"}), "not allowed"),
        (Served(b"BEGIN:VCALENDAR\r\n" + b"x" * (5 * 1024 * 1024)), "more than 5 MB"),
    ],
)
async def test_addresses_that_give_no_calendar(
    client: httpx2.AsyncClient,
    house: House,
    host: CalendarHost,
    clock: StoppedClock,
    page: Served,
    words: str,
) -> None:
    """Each is refused in a sentence about the address; an honest redirect is followed."""
    host.pages |= {"/loop.ics": Served(b"", 302, {"location": "/loop.ics"}), "/x.ics": page}
    host.pages["/moved.ics"] = Served(calendar((1, 2, "OOO"), start=clock()))
    path = f"/users/{house.cast.bob.id}/calendar-feeds/preview"
    answer = await post(client, house.bob, path, url=host.url("/x.ics"))
    if not words:
        assert answer.json()["entries"] == 1
        return
    assert (answer.status_code, answer.json()["details"]["field"]) == (400, "url")
    assert words in answer.json()["message"]


async def test_private_networks_are_out_of_reach_unless_the_operator_opens_them(
    app: OpenAlert, client: httpx2.AsyncClient, house: House, host: CalendarHost
) -> None:
    """With the usual configuration not one byte goes to the host."""
    from openalert.notifiers.calendar_feed import CalendarFetcher

    app.asgi.app.state.calendars = CalendarFetcher()  # type: ignore[attr-defined]  # a Litestar
    path = f"/users/{house.cast.bob.id}/calendar-feeds/preview"
    for url in (
        host.url("/x.ics"),
        "http://localhost/x",
        "webcal://10.0.0.1/x",
        "gopher://x/",
        "http://u:p@h.example/",
    ):
        answer = await post(client, house.bob, path, url=url)
        assert answer.status_code == 400, url
    assert host.asked == []


async def test_a_file_is_looked_at_then_saved_in_the_browser(
    client: httpx2.AsyncClient, house: House, clock: StoppedClock, app: OpenAlert
) -> None:
    """The page says what was read and carries the file along; saved, it is read once, for more than a year."""
    clock.now = from_datetime(datetime(2026, 11, 21, 12, tzinfo=UTC))
    house.bob = await session(app, house.cast.bob.id)
    files = {"file": ("calendar.ics", OUTLOOK.read_bytes(), "text/calendar")}
    looked = await client.post(
        "/me/calendar-feeds", data={"feed_name": "Old"}, files=files, headers=house.bob
    )
    assert looked.status_code == 200, looked.text
    assert "not saved yet" in looked.text
    assert "5 events" in " ".join(looked.text.split())
    assert "Child care" in looked.text
    content = looked.text.partition('<textarea name="content" hidden>')[2].partition("</textarea>")[0]
    import html

    saved = await client.post(
        "/me/calendar-feeds",
        data={"feed_name": "Old", "content": html.unescape(content), "act": "save"},
        headers=house.bob,
    )
    assert saved.status_code == 303, saved.text
    page = await client.get("/me/calendars", headers=house.bob)
    assert "Out of office" in page.text
    assert "a file" in page.text
    empty = await client.post("/me/calendar-feeds", data={"feed_name": "x"}, headers=house.bob)
    assert empty.status_code == 422
    assert "Give the address of a calendar" in empty.text


async def test_what_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch, clock: StoppedClock) -> None:
    """A process that does not answer in time is killed, and the refusal names the field."""
    from openalert.domain.errors import Invalid

    monkeypatch.setattr(calendar_reading, "_PROGRAM", "import time; time.sleep(600)")
    monkeypatch.setattr(calendar_reading, "SECONDS", 0.2)
    with pytest.raises(Invalid) as refused:
        await calendar_reading.read(b"BEGIN:VCALENDAR", "UTC", 0, 1, "content")
    assert refused.value.details["field"] == "content"
    assert "takes too long" in refused.value.message


async def test_many_who_look_at_once_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond those who may wait, people are told to come back; what is read again by itself is not held up."""
    from openalert.domain.errors import Unavailable

    read = partial(calendar_reading.read, b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "UTC", 0, 1, "content")
    monkeypatch.setattr(calendar_reading, "_waiting", asyncio.Semaphore(0))
    with pytest.raises(Unavailable):
        await read()
    assert (await read(again=True)).events == 0


async def test_what_is_over_is_forgotten(app: OpenAlert, house: House, clock: StoppedClock) -> None:
    """An absence that ended, the next day; the feed itself stays."""
    await make.calendar_feed(app.database, house.cast.bob, hours=(-2, -1))
    await make.calendar_feed(app.database, house.cast.bob, hours=(-2, 1))
    await housekeeping.forget(app.database, 30)
    async with app.database.read() as reader:
        assert await reader.value("SELECT count(*) FROM absences") == 1
        assert await reader.value("SELECT count(*) FROM calendar_feeds") == 2


async def test_the_address_of_a_calendar_is_sealed(app: OpenAlert, house: House) -> None:
    """Whoever reads the database file learns where it is, and not its secret."""
    await make.calendar_feed(app.database, house.cast.bob)
    async with app.database.read() as reader:
        rows = repr([tuple(row) for row in await reader.rows("SELECT * FROM calendar_feeds")])
    assert "https://calendar.example" in rows
    assert "secret.ics" not in rows
