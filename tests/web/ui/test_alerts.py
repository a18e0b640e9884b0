"""The pages of alerts."""

from collections.abc import Awaitable, Callable

import pytest

from openalert.domain.user import User
from tests.make import level
from tests.web.ui.browser import Browser
from tests.world import World

pytestmark = pytest.mark.anyio
SignIn = Callable[[User], Awaitable[Browser]]


async def test_an_alert_explains_itself(world: World, sign_in: SignIn) -> None:
    """From the list to one alert: its labels, what was sent, and why it opened an incident."""
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull", instance="db1")
    browser = await sign_in(world.alice)
    page = await browser.get("/alerts")
    assert "DiskFull" in page.text
    page = await browser.get(page.links["DiskFull"])
    assert "Came in by Alertmanager, read as prometheus." in page.text
    assert "Opened incident #1: none was open for its group." in page.text
    assert "instance" in page.text
    assert "&#34;groupKey&#34;" in page.html


async def test_a_second_alert_of_the_group_says_that_it_joined(world: World, sign_in: SignIn) -> None:
    """What came later names the incident it belongs to, and its repeats are counted."""
    await world.policy(level(1, world.alice))
    first, second = world.alert("DiskFull", instance="db1"), world.alert("DiskFull", instance="db2")
    await world.posts(world.group(first))
    await world.advance(minutes=1)
    await world.posts(world.group(first, second))
    browser = await sign_in(world.alice)
    page = await browser.get("/alerts")
    assert "2×" in page.text
    async with world.db.read() as reader:
        newest = await reader.value("SELECT id FROM alerts ORDER BY id DESC LIMIT 1")
    assert "Joined incident #1, open for the same group." in (await browser.get(f"/alerts/{newest}")).text


async def test_resolved_alerts_are_under_all(world: World, sign_in: SignIn) -> None:
    """The first tab shows what is not over; a resolve that nothing was known of says that it paged nobody."""
    await world.policy(level(1, world.alice))
    await world.resolves("NeverSeen")
    browser = await sign_in(world.alice)
    assert "NeverSeen" not in (await browser.get("/alerts")).text
    page = await browser.get("/alerts?tab=all")
    assert "NeverSeen" in page.text
    assert "nobody was paged" in page.text


async def test_hostile_words_stay_words(world: World, sign_in: SignIn) -> None:
    """Markup, scripts and addresses in labels and links come out as text (promise S-57)."""
    await world.policy(level(1, world.alice))
    evil = "<img src=x onerror=alert(1)>"
    alert = world.alert(evil, instance='"><script>alert(1)</script>') | {
        "generatorURL": "javascript:alert(1)"
    }
    await world.posts(world.group(alert))
    browser = await sign_in(world.alice)
    incident = await world.incident()
    async with world.db.read() as reader:
        alert_id = await reader.value("SELECT id FROM alerts")
    for path in ("/incidents", f"/incidents/{incident.id}", "/alerts", f"/alerts/{alert_id}"):
        page = await browser.get(path)
        assert "<img src=x" not in page.html, path
        assert "<script>alert" not in page.html, path
        assert 'href="javascript:' not in page.html, path


async def test_strangers_find_no_alert(world: World, sign_in: SignIn) -> None:
    """An alert of a team one is not in is not found."""
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull")
    async with world.db.read() as reader:
        alert_id = await reader.value("SELECT id FROM alerts")
    browser = await sign_in(world.charlie)
    assert (await browser.get(f"/alerts/{alert_id}")).status == 404
    assert "DiskFull" not in (await browser.get("/alerts?tab=all")).text
