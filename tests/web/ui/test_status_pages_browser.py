"""Status pages in a real browser: moved by keys and by dragging, previewed while typing, under the strict policy."""

import asyncio
from typing import Any

import pytest

from openalert.domain.status_page import ComponentStatus
from openalert.storage import teams
from openalert.usecases import signin, status_arrangement, status_components, status_pages
from tests.chromium import CHROMIUM, WANTED
from tests.web.ui.test_browser import House, _until, house

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason=WANTED),
]
__all__ = ["house"]


async def page_of(house: House) -> str:
    """The id of a page with API and Web in no group, and Shop in Europe."""
    async with house.openalert.database.transaction(await _owner(house)) as tx:
        team = (await teams.page(tx, tx.actor, limit=1))[0]
        page = await status_pages.create(tx, team_id=team.id, name="Acme", is_public=False)
        europe = await status_components.add_group(tx, page.id, name="Europe")
        for name, group_id in (("API", None), ("Web", None), ("Shop", europe.id)):
            await status_components.add_component(tx, page.id, name=name, group_id=group_id)
    return page.id


async def _owner(house: House) -> Any:
    async with house.openalert.database.read() as reader:
        session = await signin.find_session(reader, house.cookie)
    assert session is not None
    return session.actor


async def saved(house: House, page_id: str, wanted: str) -> None:
    """Wait until the order that is stored is this one: `API Web | Shop`."""
    actor = await _owner(house)
    found = ""
    for _ in range(100):
        async with house.openalert.database.read() as reader:
            sections = await status_arrangement.of_page(reader, actor, page_id)
        found = " | ".join(" ".join(each.name for each in section.components) for section in sections)
        if found == wanted:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"{found}, not {wanted}")


async def test_components_are_moved_by_arrow_keys_buttons_and_dragging(house: House) -> None:
    """The focus stays with what is moved, each move is announced, and what is seen is what is stored."""
    page_id = await page_of(house)
    page = await house.page(f"/status-pages/{page_id}/components")
    handle = page.get_by_role("button", name="Move API: arrow keys, or drag")
    await handle.focus()
    await page.keyboard.press("ArrowDown")
    await _until(page, "document.getElementById('moved').textContent === 'API: 2 of 2 in no group'")
    await page.keyboard.press("ArrowDown")
    await _until(page, "document.getElementById('moved').textContent === 'API: 1 of 2 in Europe'")
    focused = "document.activeElement.getAttribute('aria-label') === 'Move API: arrow keys, or drag'"
    assert await page.evaluate(focused)
    await saved(house, page_id, "Web | API Shop")
    button = page.get_by_role("button", name="Move API up")
    await button.click()
    await _until(page, "document.activeElement.getAttribute('aria-label') === 'Move API up'")
    await saved(house, page_id, "Web API | Shop")
    await page.get_by_role("button", name="Move Shop: arrow keys, or drag").drag_to(
        page.locator("[data-id]").first, target_position={"x": 200, "y": 2}
    )
    await saved(house, page_id, "Shop Web API | ")
    assert house.complaints == []


async def test_a_move_is_kept_by_whoever_leaves_the_page_at_once(house: House) -> None:
    """What waits to be saved together with the next step goes out with the reader."""
    page_id = await page_of(house)
    page = await house.page(f"/status-pages/{page_id}/components")
    await page.get_by_role("button", name="Move API: arrow keys, or drag").press("ArrowDown")
    await page.get_by_role("link", name="Overview").click()
    await saved(house, page_id, "Web API | Shop")


async def test_settings_are_previewed_while_they_are_typed_and_not_published(house: House) -> None:
    """The frame beside the form shows what is typed, the way back does not lead through it, and nothing is stored."""
    page_id = await page_of(house)
    page = await house.page(f"/status-pages/{page_id}/settings")
    shown = "document.querySelector('.frames iframe').contentDocument?.body?.innerText || ''"
    await _until(page, f"({shown}).includes('Acme')")
    length = await page.evaluate("history.length")
    await page.locator("#name").fill("Acme, soon")
    await page.locator("#header_text").fill("**Hello** <script>alert(1)</script>")
    await page.locator("#accent").fill("#ffee00")
    await _until(page, f"({shown}).includes('Acme, soon') && ({shown}).includes('<script>alert(1)')")
    await _until(page, "document.querySelectorAll('.frames iframe').length === 1")
    contrast = await page.locator("[data-contrast]").inner_text()
    assert "its line is hardly seen on light" in contrast
    assert await page.evaluate("history.length") == length
    async with house.openalert.database.read() as reader:
        assert (await status_pages.get(reader, await _owner(house), page_id)).name == "Acme"
    assert house.complaints == []


async def test_nothing_is_wider_than_a_phone(house: House) -> None:
    """Every page about a status page, at 360 pixels."""
    page_id = await page_of(house)
    paths = ["/status-pages", "/status-pages/new"]
    paths += [f"/status-pages/{page_id}{tab}" for tab in ("", "/components", "/settings")]
    for path in paths:
        page = await house.page(path, width=360)
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360, path
        await page.close()
    assert house.complaints == []


async def test_nothing_lies_over_anything_in_a_row_on_a_telephone(house: House) -> None:
    """The longest status beside the buttons that move a component: each can be pressed, at 360 pixels too."""
    page_id = await page_of(house)
    async with house.openalert.database.transaction(await _owner(house)) as tx:
        for section in await status_arrangement.of_page(tx, tx.actor, page_id):
            for each in section.components:
                await status_components.change_component(
                    tx, each.id, status=ComponentStatus.DEGRADED_PERFORMANCE
                )
    page = await house.page(f"/status-pages/{page_id}/components")
    await page.set_viewport_size({"width": 360, "height": 740})
    over = await page.evaluate(
        """[...document.querySelectorAll(".arranged .component")].flatMap((row) => {
            const boxes = [...row.querySelectorAll("button:not([hidden]), .steps a")]
                .map((each) => each.getBoundingClientRect());
            const crosses = (one, other) => one.left < other.right - 1 && other.left < one.right - 1
                && one.top < other.bottom - 1 && other.top < one.bottom - 1;
            return boxes.flatMap((one, at) => boxes.slice(at + 1).filter((other) => crosses(one, other)));
        }).length"""
    )
    assert over == 0
    assert await page.evaluate("document.documentElement.scrollWidth") == 360
