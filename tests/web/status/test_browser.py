"""Public pages in a real browser: nothing for axe to find, bars by keyboard, fresh without losing one's place."""

from typing import Any

import msgspec
import pytest

from openalert.domain.instant import MINUTE
from tests.chromium import CHROMIUM, WANTED, violations
from tests.web.status import gallery
from tests.web.status.browser import DESKTOP, PHONE, Reader, reading
from tests.web.status.gallery import NOW, SIGHTS, Sight

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason=WANTED),
]
OVERFLOWS = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


@pytest.mark.parametrize("name", SIGHTS)
async def test_axe_finds_nothing(browser: Any, name: str) -> None:
    """WCAG 2.2 AA and axe's best practices, light and dark, phone and desktop, every fold open; nothing too wide."""
    async with reading(browser, SIGHTS[name]) as reader:
        await reader.page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        for scheme in ("light", "dark"):
            await reader.page.emulate_media(color_scheme=scheme)
            for width in (PHONE, DESKTOP):
                await reader.page.set_viewport_size({"width": width, "height": 800})
                assert await violations(reader.page) == "", (scheme, width)
                assert not await reader.page.evaluate(OVERFLOWS), (scheme, width)
        assert reader.complaints == []


PALE = """() => {
    const words = document.createElement('p')
    words.textContent = 'hard to read'
    words.style.cssText = 'color: #ddd; background: #fff'
    document.querySelector('main').append(words)
}"""


async def test_axe_finds_what_is_wrong(browser: Any) -> None:
    """An image that nobody describes, and pale letters, also in a page that was looked at before."""
    async with reading(browser, SIGHTS["well"]) as reader:
        assert await violations(reader.page) == ""
        await reader.page.evaluate("document.querySelector('main').append(new Image())")
        await reader.page.evaluate(PALE)
        found = await violations(reader.page)
        assert "image-alt" in found
        assert "color-contrast" in found


async def test_a_page_can_be_read_at_four_hundred_per_cent(browser: Any) -> None:
    """A window of 1280 at 400 % is one of 320: nothing is cut off or beside the window (WCAG 1.4.10)."""
    for name in ("wrong", "odd-words", "incident"):
        async with reading(browser, SIGHTS[name], 320) as reader:
            assert not await reader.page.evaluate(OVERFLOWS), name


async def test_everything_is_there_without_a_script(browser: Any) -> None:
    """The day behind a bar is in a list that opens by itself; no strip asks for the keyboard."""
    async with reading(browser, SIGHTS["well"], java_script_enabled=False) as reader:
        await reader.page.locator("summary", has_text="4 days with disruptions").click()
        assert await reader.page.get_by_text("11 May 2026: Major outage, 2 h 00 min").is_visible()
        assert await reader.page.locator(".strip[tabindex]").count() == 0


FOCUSED = "document.activeElement.getAttribute('aria-label')"


async def test_a_strip_is_one_stop_and_its_days_are_reached_by_arrows(browser: Any) -> None:
    """Newest day first; arrows, Home, End and Page keys move, Tab leaves, Enter opens the list of days."""
    async with reading(browser, SIGHTS["well"]) as reader:
        page = reader.page
        await page.locator("#past").scroll_into_view_if_needed()
        api = page.locator(".component", has=page.get_by_role("link", name="API", exact=True)).first
        await api.get_by_role("link", name="API", exact=True).first.focus()
        await page.keyboard.press("Tab")
        assert await page.evaluate(FOCUSED) == "May 20, 2026: no disruptions"
        for key, said in (
            ("PageUp", "May 13, 2026: no disruptions"),
            ("ArrowLeft", "May 12, 2026: no disruptions"),
            ("ArrowLeft", "11 May 2026: Major outage, 2 h 00 min; Uptime 91.66 %"),
            ("Home", "Feb 20, 2026: no disruptions"),
            ("ArrowLeft", "Feb 20, 2026: no disruptions"),
            ("End", "May 20, 2026: no disruptions"),
        ):
            await page.keyboard.press(key)
            assert (await page.evaluate(FOCUSED)).startswith(said), key
            assert await page.locator(".tip").text_content() == await page.evaluate(FOCUSED)
        await page.keyboard.press("Enter")
        assert await api.locator("details").evaluate("each => each.open")
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.tagName") == "SUMMARY"
        await page.keyboard.press("Shift+Tab")
        assert await page.evaluate(FOCUSED) == "May 20, 2026: no disruptions"
        assert await page.locator(".tip").count() == 1
        await page.keyboard.press("Escape")
        assert await page.locator(".tip").count() == 0


async def test_days_of_which_nothing_is_known_say_so(browser: Any) -> None:
    """A component that is there for thirty days has sixty without data."""
    async with reading(browser, SIGHTS["well"]) as reader:
        strip = reader.page.locator(".component", has_text="Mail delivery").locator(".strip")
        await strip.focus()
        await reader.page.keyboard.press("Home")
        assert await reader.page.evaluate(FOCUSED) == "Feb 20, 2026: no data"


async def test_the_own_time_of_the_reader_stands_beside(browser: Any) -> None:
    """Only where it is another than that of the page."""
    async with reading(browser, SIGHTS["wrong"], timezone_id="America/New_York", locale="en-GB") as reader:
        text = await reader.page.locator(".card.told").first.inner_text()
        assert "20 May 2026, 15:00 CEST (09:00 your time)" in text
    async with reading(browser, SIGHTS["wrong"], timezone_id="Asia/Tokyo") as reader:
        assert "(22:00 your time)" in await reader.page.locator(".card.told").first.inner_text()
    async with reading(browser, SIGHTS["wrong"], timezone_id="Europe/Paris") as reader:
        assert await reader.page.locator(".own").count() == 0


async def _minutes(reader: Reader, count: float) -> None:
    await reader.page.clock.run_for(int(count * MINUTE))


def _later(sight: Sight, **changes: Any) -> Sight:
    page = msgspec.structs.replace(sight.page, as_of=NOW + MINUTE, **changes)
    return Sight(page, sight.name, NOW + MINUTE)


async def _waiting(browser: Any, sight: Sight) -> Any:
    """A window whose clock stands still."""
    context = await browser.new_context(
        viewport={"width": DESKTOP, "height": 800}, timezone_id="Europe/Berlin"
    )
    reader = Reader(await context.new_page(), sight)
    await reader.page.clock.install()
    await reader.open()
    return reader


async def test_a_page_stays_fresh_and_keeps_what_the_reader_did(browser: Any) -> None:
    """New words take the place of the old; focus, folds and what is looked at stay; the banner alone is announced."""
    reader = await _waiting(browser, Sight(gallery.well()))
    page = reader.page
    await page.locator("summary", has_text="4 days").click()
    link = page.get_by_role("link", name="Slow searches").last
    await link.focus()
    before = await link.evaluate("each => each.getBoundingClientRect().top")
    await page.evaluate("window.kept = document.querySelector('#banner')")
    reader.sight = _later(Sight(gallery.wrong()))
    await _minutes(reader, 1.2)
    await reader.until("document.title.startsWith('Some systems are down')")
    assert await page.evaluate("kept.isConnected && kept.textContent.includes('Some systems are down')")
    assert await page.evaluate("document.activeElement.textContent") == "Slow searches"
    after = await page.get_by_role("link", name="Slow searches").last.evaluate(
        "each => each.getBoundingClientRect().top"
    )
    assert abs(after - before) < 2
    assert reader.complaints == []


async def test_an_unchanged_page_is_asked_for_by_its_version(browser: Any) -> None:
    """Once a minute; what did not change is not sent, and not made anew."""
    reader = await _waiting(browser, Sight(gallery.well()))
    await reader.page.evaluate("window.kept = document.querySelector('#live')")
    for polls in (2, 3, 4):
        await _polls_next(reader, polls)
    assert reader.polls == [200, 200, 304, 304]
    assert await reader.page.evaluate("kept.isConnected")


async def _polls_next(reader: Reader, polls: int, within: int = 20) -> int:
    """Let ten seconds pass at a time until it asks again; how many tens it took."""
    for tens in range(within):
        if len(reader.polls) >= polls:
            return tens
        await reader.page.clock.run_for(10_000)
        for _ in range(3):
            await reader.page.evaluate("new Promise(done => requestIdleCallback(done))")
    raise AssertionError(f"asked {reader.polls}")


async def test_it_asks_twice_as_often_while_something_is_open(browser: Any) -> None:
    """Thirty seconds, give or take a tenth."""
    reader = await _waiting(browser, Sight(gallery.wrong()))
    assert 3 <= await _polls_next(reader, 2) <= 5
    reader = await _waiting(browser, Sight(gallery.well()))
    assert 6 <= await _polls_next(reader, 2) <= 8


async def test_it_asks_less_often_while_nothing_is_answered(browser: Any) -> None:
    """One, two, four minutes; then it is fresh again."""
    reader = await _waiting(browser, Sight(gallery.well()))
    reader.broken = True
    first, second, third = [await _polls_next(reader, polls, 40) for polls in (2, 3, 4)]
    assert first * 1.5 < second < third / 1.5
    reader.broken = False
    reader.sight = Sight(gallery.well(name="Back again"))
    await _polls_next(reader, 5, 60)
    await reader.until("document.title.endsWith('Back again')")


async def test_a_hidden_page_asks_nothing_and_a_page_that_is_gone_is_left_alone(browser: Any) -> None:
    """Whoever looks at it again has it fresh at once; after a 404 there is nothing to ask for."""
    reader = await _waiting(browser, Sight(gallery.well()))
    hide = "Object.defineProperty(document, 'hidden', {value: %s, configurable: true});"
    hide += "document.dispatchEvent(new Event('visibilitychange'))"
    await reader.page.evaluate(hide % "true")
    for _ in range(3):
        await _minutes(reader, 5)
    assert len(reader.polls) == 1
    reader.sight = Sight(gallery.well(), "gone")
    await reader.page.evaluate("history.replaceState(null, '', '/gone')")
    await reader.page.evaluate(hide % "false")
    await reader.is_asked(1)
    for _ in range(3):
        await _minutes(reader, 5)
    assert reader.polls == [404]
