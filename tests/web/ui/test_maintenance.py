"""Pages of maintenance windows and silences."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from openalert.domain.access import Role
from openalert.domain.instant import HOUR, MINUTE, to_datetime
from openalert.domain.matching import parse
from openalert.domain.recurrence import Recurrence
from openalert.domain.user import User
from openalert.usecases import maintenance_windows, silences
from tests import make
from tests.cast import World
from tests.make import level
from tests.web.ui.browser import Browser, Page

pytestmark = pytest.mark.anyio
SignIn = Callable[[User], Awaitable[Browser]]


def local(world: World, hours: float) -> str:
    """What a field for a local time holds, so many hours from now; people of the world live in UTC."""
    return f"{to_datetime(world.clock() + int(hours * HOUR)):%Y-%m-%dT%H:%M}"


async def plan(world: World, browser: Browser, **more: Any) -> Page:
    """The form of a window as it is filled in."""
    typed = {
        "name": "Database upgrade",
        "team_id": world.core.id,
        "start": local(world, 1),
        "end": local(world, 3),
        "timezone": "UTC",
        "matchers": 'instance=~"db-.*"',
    }
    return await browser.post("/maintenance", **(typed | more))


async def test_a_window_is_planned_shown_and_ended(world: World, sign_in: SignIn) -> None:
    """From the form to its page and the calendar; begun now it says so where people wonder; ended it is over."""
    await world.policy(level(1, world.alice))
    browser = await sign_in(world.bob)
    page = await plan(world, browser, service_ids=world.service.id)
    assert "Database upgrade: begins in 1 h 00 min" in page.text
    assert 'for Database instance=~"db-.*"' in page.text
    assert "Planned by Bob" in page.text
    calendar = await browser.get("/maintenance")
    assert "Database upgrade" in calendar.text
    assert "planned" in (await browser.get("/maintenance?view=list")).text
    window = page.path
    page = await browser.post(f"{window}/begin")
    assert "It runs now and ends as planned." in page.text
    await world.fires("Disk", instance="db-1")
    page = await browser.get(window)
    assert "1 alert is held and will page then if still firing." in page.text
    assert "Disk" in page.text
    for where in ("/incidents", "/alerts", "/services", f"/services/{world.service.id}"):
        said = (await browser.get(where)).text
        assert "Maintenance Database upgrade until" in said, where
        assert "1 alert held." in said
    page = await browser.post(f"{window}/extend", minutes="60")
    assert "It lasts longer now." in page.text
    page = await browser.post(f"{window}/end")
    assert "It is over. What still fires pages now." in page.text
    assert "It ended just now and has held 1 alert." in page.text
    assert "Maintenance Database upgrade" not in (await browser.get("/incidents")).text
    page = await browser.post(f"{window}/delete")
    assert "The window is deleted." in page.text


async def test_the_next_ten_times_are_shown_before_it_is_saved(world: World, sign_in: SignIn) -> None:
    """Looking changes nothing; a rule that is wrong is named beside its field."""
    browser = await sign_in(world.alice)
    page = await plan(world, browser, repeat="daily", act="look", end=local(world, 2))
    assert page.html.count(' <span class="muted">to</span> ') == 10
    assert await world.value("SELECT count(*) FROM maintenance_windows") == 0
    page = await plan(world, browser, repeat="rule", rule="FREQ=YEARLY")
    assert page.status == 422
    assert "The rule: FREQ must be one of DAILY, WEEKLY, MONTHLY." in page.text
    page = await plan(world, browser, matchers="severity")
    assert "is no matcher" in page.text
    page = await plan(world, browser, repeat="nth", until="2027-12-31")
    assert "every month on the" in page.text
    assert "until 2027-12-31" in page.text


async def test_an_edit_keeps_the_times_to_the_second(world: World, sign_in: SignIn) -> None:
    """What the form cannot hold, the seconds of a beginning, is not lost by renaming."""
    world.clock.now += 17_123
    start = world.clock() + HOUR
    window = await world.does(
        maintenance_windows.create,
        team_id=world.core.id,
        name="Odd",
        starts_at=start,
        ends_at=start + HOUR + 1,
        recurrence=Recurrence(rule="FREQ=DAILY", timezone="Europe/Berlin"),
    )
    browser = await sign_in(world.alice)
    page = await browser.get(f"/maintenance/{window.id}/edit")
    assert 'value="Europe/Berlin"' in page.html
    assert 'value="FREQ=DAILY"' in page.html
    page = await browser.post(
        f"/maintenance/{window.id}",
        name="Even",
        timezone="Europe/Berlin",
        start=f"{to_datetime(start + HOUR):%Y-%m-%dT%H:%M}",
        end=f"{to_datetime(start + 2 * HOUR + 1):%Y-%m-%dT%H:%M}",
        repeat="rule",
        rule="FREQ=DAILY",
    )
    assert "Saved." in page.text
    row = await world.value("SELECT starts_at FROM maintenance_windows")
    assert (row, await world.value("SELECT ends_at FROM maintenance_windows")) == (start, start + HOUR + 1)


async def test_the_calendar_shows_days_in_the_readers_zone(world: World, sign_in: SignIn) -> None:
    """A night is on both its days, a month without windows says so, and any month can be asked for."""
    start = world.clock() // (24 * HOUR) * 24 * HOUR + 22 * HOUR
    await world.does(
        maintenance_windows.create,
        team_id=world.core.id,
        name="Night",
        starts_at=start,
        ends_at=start + 8 * HOUR,
    )
    browser = await sign_in(world.alice)
    page = await browser.get(f"/maintenance?month={to_datetime(start):%Y-%m}")
    assert "22:00–06:00 Night" in page.text
    assert "until 06:00 Night" in page.text
    for month in ("2031-02", "9999-12", "0000-00", "x", "2026-13"):
        assert (await browser.get(f"/maintenance?month={month}")).status == 200
    assert "Nothing is planned in this month." in (await browser.get("/maintenance?month=2031-02")).text


async def test_a_silence_is_made_from_an_alert(world: World, sign_in: SignIn) -> None:
    """Its labels are filled in, what fits is counted before, and the alert itself goes on."""
    await world.policy(level(1, world.alice))
    await world.fires("Disk", instance="db-1", severity="critical")
    browser = await sign_in(world.bob)
    alert = await world.value("SELECT id FROM alerts")
    page = await browser.get((await browser.get(f"/alerts/{alert}")).links["Silence what is like it"])
    assert 'alertname="Disk" instance="db-1" severity="critical"' in page.text
    assert "Fits 1 firing alert of 1 that fire now in this team." in page.text
    assert "1 of the alerts that fire now is critical." in page.text
    page = await browser.post(
        "/silences",
        team_id=world.core.id,
        alert_id=alert,
        service_ids=world.service.id,
        matchers='alertname="Disk"',
        length="60",
        comment="On order",
    )
    assert "On order" in page.text
    assert "Nothing is hidden now." in page.text
    assert (await world.incident()).is_open
    await world.resolves("Disk", instance="db-1", severity="critical")
    await world.fires("Disk", since=60, instance="db-2")
    page = await browser.get(page.path)
    assert "1 alert is hidden now and will page then if still firing." in page.text
    listed = await browser.get("/silences")
    assert "hides 1 now" in listed.text
    page = await browser.post(f"{page.path}/extend", minutes="60")
    page = await browser.post(f"{page.path}/expire")
    assert "The silence is over. What still fires pages now." in page.text
    assert "On order" not in (await browser.get("/silences")).text
    assert "1 held in all" in (await browser.get("/silences?tab=expired")).text


async def test_what_fires_already_is_hidden_where_somebody_ticks_it(world: World, sign_in: SignIn) -> None:
    """The form says how many; the page of the silence lists them, and the incident stays open."""
    await world.policy(level(1, world.alice))
    await world.fires("Disk")
    browser = await sign_in(world.bob)
    page = await browser.get(f"/silences/new?alert={await world.value('SELECT id FROM alerts')}")
    assert "Also those firing now: hides 1 firing alert" in page.text
    typed = {"team_id": world.core.id, "matchers": "alertname=Disk", "length": "60", "also_firing": "yes"}
    page = await browser.post("/silences", **typed)
    assert "what fires now and fits is hidden too." in page.text
    assert "1 alert is hidden now and will page then if still firing." in page.text
    assert (await world.incident()).is_open


async def test_to_silence_everything_somebody_ticks_that_they_mean_it(world: World, sign_in: SignIn) -> None:
    """Without matchers and services nothing is saved until then."""
    browser = await sign_in(world.alice)
    typed = {"team_id": world.core.id, "matchers": "", "length": "60"}
    page = await browser.post("/silences", **typed)
    assert page.status == 422
    assert "Tick that you mean every alert of the team, or say which." in page.text
    page = await browser.post("/silences", **typed, everything="yes")
    assert "for every alert of the team" in page.text


async def test_a_silence_is_edited(world: World, sign_in: SignIn) -> None:
    """Its end, reason and matchers, in the reader's zone; what is wrong stays in the form."""
    silence = await world.does(
        silences.create, team_id=world.core.id, matchers=parse("a=b"), ends_at=world.clock() + 90 * MINUTE
    )
    browser = await sign_in(world.alice)
    page = await browser.post(
        f"/silences/{silence.id}", matchers="a=c", until=local(world, 5), comment="Later"
    )
    assert "Saved." in page.text
    assert 'a="c"' in page.text
    page = await browser.post(f"/silences/{silence.id}", matchers='a=~"("', until=local(world, 5))
    assert page.status == 422
    assert "is no regular expression of RE2: missing ): (." in page.text
    page = await browser.post(f"/silences/{silence.id}", matchers="a=c", until=local(world, -1))
    assert "The end must lie in the future." in page.text


async def test_strangers_and_viewers(world: World, sign_in: SignIn) -> None:
    """A stranger finds nothing; a viewer sees it without the acts."""
    window = await world.does(
        maintenance_windows.create,
        team_id=world.core.id,
        name="Ours",
        starts_at=world.clock(),
        ends_at=world.clock() + HOUR,
    )
    stranger = await sign_in(world.charlie)
    assert (await stranger.get(f"/maintenance/{window.id}")).status == 404
    assert "Ours" not in (await stranger.get("/maintenance")).text
    assert "Ours" not in (await stranger.get("/incidents")).text
    viewer = await make.user(world.db, world.cast.organization, "Vera")
    await make.member(world.db, world.core, viewer, Role.VIEWER)
    page = await (await sign_in(viewer)).get(f"/maintenance/{window.id}")
    assert "Ours: runs until" in page.text
    assert "End now" not in page.text
