"""The timeline of a schedule in a real browser: reasons on focus, times marked by dragging and by keys, a preview."""

from urllib.parse import parse_qs, urlsplit

import pytest

from openalert.domain.schedule import RotationChange, RotationType
from openalert.usecases import overrides, schedules
from tests.chromium import CHROMIUM, WANTED
from tests.web.ui.test_browser import House, _until, house

__all__ = ["house"]
pytestmark = [
    pytest.mark.anyio,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason=WANTED),
]
HOUR = 3_600_000


async def _schedule(house: House) -> tuple[str, str]:
    """The path of the one schedule, and that of its rotation."""
    async with house.openalert.database.read() as reader:
        schedule = await reader.value("SELECT id FROM schedules")
        rotation = await reader.value("SELECT id FROM rotations")
    return f"/schedules/{schedule}", f"/schedules/{schedule}/rotations/{rotation}"


async def test_a_time_is_marked_by_dragging_and_by_keys(house: House) -> None:
    """Both fill the form of an override in a dialog; saved, the override is on the timeline."""
    path, _ = await _schedule(house)
    page = await house.page(f"{path}?view=week")
    await page.locator("[rel=next]").click()
    await _until(page, "location.search.includes('from=')")
    row = await page.locator("[data-mark]").bounding_box()
    y = row["y"] + row["height"] / 2
    await page.mouse.move(row["x"] + row["width"] * 2 / 7, y)
    await page.mouse.down()
    await page.mouse.move(row["x"] + row["width"] * 2.5 / 7, y, steps=5)
    await page.mouse.move(row["x"] + row["width"] * 3 / 7, y, steps=5)
    await page.mouse.up()
    assert await page.locator("dialog.take").is_visible()
    start, end = await page.input_value("#start"), await page.input_value("#end")
    assert (start[11:], end[11:]) == ("00:00", "00:00")
    assert int(end[8:10]) != int(start[8:10])
    await page.keyboard.press("Escape")
    assert await page.locator("#override #take").count() == 1
    await page.locator("[data-mark]").focus()
    for key in ("ArrowRight", "Shift+ArrowRight", "Enter"):
        await page.keyboard.press(key)
    assert (await page.input_value("#start"))[11:] == "01:00"
    assert (await page.input_value("#end"))[11:] == "03:00"
    await page.fill("#reason", "Dentist")
    await page.locator("dialog.take button.primary").click()
    await _until(page, "document.querySelectorAll('[data-override]').length === 1")
    assert "whatever the rotation says" in await page.locator(".flash").inner_text()
    assert house.complaints == []


async def test_a_click_on_a_shift_opens_its_form_and_the_edge_of_an_override_is_dragged(house: House) -> None:
    """The shift's times and reason are there; dragging the end of an override keeps who and why."""
    path, _ = await _schedule(house)
    database = house.openalert.database
    async with database.transaction() as tx:
        schedule = (await schedules.page(tx, tx.actor, limit=1))[0]
        bea = await tx.value("SELECT id FROM users WHERE email = 'bea@example.org'")
        start = tx.now - tx.now % HOUR + 30 * HOUR
        await overrides.add(
            tx, schedule.id, user_id=bea, start_at=start, end_at=start + 24 * HOUR, reason="Wedding"
        )
    page = await house.page(path)
    bar = page.locator("[data-mark] .bar").last
    await bar.focus()
    await bar.hover()
    assert "Rotation Weekly" in await page.locator(".why-tip").inner_text()
    await bar.click()
    assert "Rotation Weekly" in await page.locator("dialog.take .chosen").inner_text()
    asked = parse_qs(urlsplit(await bar.get_attribute("href")).query)
    assert [await page.input_value(f"#take [name={name}]") for name in asked] == [
        value for [value] in asked.values()
    ]
    assert set(asked) == {"start", "end", "span"}
    await page.keyboard.press("Escape")
    override = page.locator("[data-override]")
    box = await override.bounding_box()
    y = box["y"] + box["height"] / 2
    await page.mouse.move(box["x"] + box["width"] - 2, y)
    await page.mouse.down()
    await page.mouse.move(box["x"] + box["width"] - 20, y, steps=5)
    await page.mouse.up()
    assert await page.input_value("#reason") == "Wedding"
    assert await page.locator("dialog.take #user_id").is_hidden()
    await page.locator("dialog.take button.primary").click()
    await _until(page, "document.querySelector('.flash') !== null")
    async with database.read() as reader:
        assert await reader.value("SELECT reason FROM overrides") == "Wedding"
        assert await reader.value("SELECT end_at FROM overrides") < start + 24 * HOUR
    assert house.complaints == []


async def test_dragging_over_a_crowded_day_does_not_open_it(house: House) -> None:
    """The time is marked for an override; a click on the same bar opens the day with each of its shifts."""
    path, rotation = await _schedule(house)
    database = house.openalert.database
    async with database.transaction() as tx:
        change = RotationChange(rotation_type=RotationType.HOURLY)
        rotation_id = rotation.rpartition("/")[2]
        await schedules.amend_rotation(tx, path.rpartition("/")[2], rotation_id, change, apply="now")
    page = await house.page(f"{path}?view=month")
    await page.locator("[rel=next]").click()
    await _until(page, "location.search.includes('from=')")
    bar = page.locator("[data-mark] .bar").nth(9)
    box = await bar.bounding_box()
    y = box["y"] + box["height"] / 2
    await page.mouse.move(box["x"] + 3, y)
    await page.mouse.down()
    await page.mouse.move(box["x"] + box["width"] - 3, y, steps=5)
    await page.mouse.up()
    assert await page.locator("dialog.take").is_visible()
    await page.keyboard.press("Escape")
    await bar.click()
    await _until(page, "location.search.includes('view=day')")
    assert await page.locator("[data-mark] .bar").count() == 24
    assert house.complaints == []


async def test_a_refused_override_comes_back_in_its_dialog(house: House) -> None:
    """With what was typed, the sentence, and the keyboard in the field that is wrong; corrected, it is saved."""
    path, _ = await _schedule(house)
    page = await house.page(path)
    await page.locator("[data-mark] .bar").last.click()
    end = await page.input_value("#end")
    await page.fill("#end", "2001-01-01T00:00")
    await page.fill("#reason", "Dentist")
    await page.locator("dialog.take button.primary").click()
    await _until(page, "document.querySelector('dialog.take .error') !== null")
    assert await page.evaluate("document.activeElement.id") == "end"
    assert await page.input_value("#reason") == "Dentist"
    await page.fill("#end", end)
    await page.locator("dialog.take button.primary").click()
    await _until(page, "document.querySelectorAll('[data-override]').length === 1")
    assert await page.locator(".flash button", has_text="Undo").count() == 1


async def test_a_row_is_one_stop_of_tab_and_arrows_go_on_from_there(house: House) -> None:
    """Nobody tabs through every shift of a month; after another period is fetched it is so again."""
    path, _ = await _schedule(house)
    page = await house.page(f"{path}?view=month")
    for _ in range(2):
        stops = page.locator("[data-mark] .bar[tabindex='0']")
        assert await page.locator("[data-mark] .bar").count() > 1
        assert await stops.count() == 1
        await stops.focus()
        begun = await page.evaluate("document.activeElement.getAttribute('aria-label')")
        await page.keyboard.press("ArrowRight")
        followed = await page.evaluate("document.activeElement.getAttribute('aria-label')")
        assert begun != followed
        assert await stops.get_attribute("aria-label") == followed
        await page.locator("[rel=next]").click()
        await _until(page, "location.search.includes('from=')")
    assert house.complaints == []


async def test_an_edit_is_looked_at_before_it_is_saved(house: House) -> None:
    """From the form to what changes, back with everything typed, and on to Save."""
    path, rotation = await _schedule(house)
    page = await house.page(rotation)
    await page.fill("#name", "Renamed")
    await page.locator("#member-2").select_option("")
    await page.locator("button[value=preview]").click()
    await _until(page, "document.querySelector('.differences') !== null")
    assert "Bea Okafor" in await page.locator(".differences").inner_text()
    assert await page.locator("rect.changed").count() > 0
    await page.locator("button[value=back]").click()
    await _until(page, "document.querySelector('#name') !== null")
    assert await page.input_value("#name") == "Renamed"
    assert await page.input_value("#member-2") == ""
    await page.locator("button[value=preview]").click()
    await _until(page, "document.querySelector('button[value=save]') !== null")
    await page.locator("button[value=save]").click()
    await _until(page, f"location.pathname === '{path}'")
    assert "Renamed" in await page.locator("main").inner_text()
    assert house.complaints == []


@pytest.mark.parametrize("view", ["week", "fortnight", "month"])
async def test_it_is_a_list_on_a_phone(house: House, view: str) -> None:
    """At 360 px nothing scrolls sideways; who is on call is a list, and the grid is gone."""
    path, _ = await _schedule(house)
    page = await house.page(f"{path}?view={view}&at=2026-12-24T22:00", width=360)
    assert await page.evaluate("document.documentElement.scrollWidth") == 360
    assert await page.locator(".agenda").is_visible()
    assert await page.locator(".rota").is_hidden()
    assert await page.locator("#who").is_visible()
    assert house.complaints == []
