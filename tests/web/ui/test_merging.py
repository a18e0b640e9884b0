"""Merging and moving alerts on the pages of incidents, by plain forms."""

import re
from collections.abc import Awaitable, Callable

import pytest

from openalert.domain.user import User
from tests.cast import World
from tests.make import level
from tests.web.ui.browser import Browser

pytestmark = pytest.mark.anyio
SignIn = Callable[[User], Awaitable[Browser]]


async def _three(world: World) -> list[str]:
    """The pages of three incidents that page Alice."""
    await world.policy(level(1, world.alice))
    for name in ("DiskFull", "SlowQueries", "NoMemory"):
        await world.fires(name)
    return [f"/incidents/{(await world.incident(number)).id}" for number in (1, 2, 3)]


async def test_selected_incidents_go_on_as_the_oldest_and_the_notice_undoes_it(
    world: World, sign_in: SignIn
) -> None:
    """From the list: merged into #1, whose page says so and offers Undo; pressed, they are on their own again."""
    disk, slow, memory = await _three(world)
    browser = await sign_in(world.alice)
    chosen = [path.rpartition("/")[2] for path in (memory, disk, slow)]
    page = await browser.post("/incidents/bulk", id=chosen, act="merge")
    assert page.path == disk
    assert "2 incidents merged into #1." in page.text
    assert "Merged into it 2" in page.text
    page = await browser.press(page, "/incidents/bulk", id=chosen[:1] + chosen[2:], act="unmerge")
    assert "On their own again: #3, #2." in page.text
    assert (await world.incident(3)).status == "triggered"
    page = await browser.post("/incidents/bulk", id=chosen[:1], act="merge")
    assert "Select two incidents or more" in page.text


async def test_one_is_merged_by_number_and_taken_out_again(world: World, sign_in: SignIn) -> None:
    """Its page says where it went, links there, and takes it out; a number that is none is answered in words."""
    disk, slow, _ = await _three(world)
    browser = await sign_in(world.alice)
    page = await browser.press(await browser.get(slow), f"{slow}/merge", into="#99")
    assert "There is no such incident" in page.text
    page = await browser.press(page, f"{slow}/merge", into="#1")
    assert "Merged into #1 DiskFull" in page.text
    assert page.links["#1 DiskFull"] == disk
    assert "No alert belongs to it now." in page.text
    assert "No alert belongs to it now." not in (await browser.get(disk)).text
    page = await browser.press(page, f"{slow}/unmerge")
    assert "#2 is one of its own again, and goes on as it stood." in page.text


async def test_selected_alerts_move_to_a_number_or_become_incidents(world: World, sign_in: SignIn) -> None:
    """#2's alert goes to #1, and out of it as #4; an alert that has moved on is answered in words."""
    disk, slow, _ = await _three(world)
    browser = await sign_in(world.alice)
    page = await browser.get(slow)
    [alert] = re.findall(r'name="alert" value="([^"]+)"', page.html)
    page = await browser.press(page, f"{slow}/alerts", alert=alert, to="1")
    assert "1 alert moved to #1." in page.text
    assert "Resolved: no firing alert is left in it" in page.text
    page = await browser.press(await browser.get(disk), f"{disk}/alerts", alert=alert, to="new")
    assert "Now incidents of their own: #4." in page.text
    page = await browser.post(f"{disk}/alerts", alert=alert, to="new")
    assert "has moved on" in page.text
    page = await browser.post(f"{disk}/alerts", to="new")
    assert "Select the alerts" in page.text
