"""One Chromium for each module of tests that wants one: to start it costs more than most of what is asked of it."""

import shutil
from collections.abc import AsyncIterator
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"]  # fmt: skip
PATIENCE = 120_000.0
"""Milliseconds in which a browser begins, a page is there, or what is to be pressed: a busy machine is no failure."""
WANTED = "NO BROWSER TEST: install Debian's chromium to run it"


@pytest.fixture(scope="module")
async def chromium(anyio_backend: str) -> AsyncIterator[Any]:
    """A browser without windows, as Playwright drives it."""
    if CHROMIUM is None:
        pytest.skip(WANTED)
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS, timeout=PATIENCE)
        made = running.new_context

        async def new_context(**options: Any) -> Any:
            context = await made(**options)
            context.set_default_timeout(PATIENCE)
            return context

        running.new_context = new_context
        yield running
        await running.close()


@pytest.fixture
async def browser(chromium: Any) -> AsyncIterator[Any]:
    """The browser; each window, cookie and copy that the test leaves in it is gone before the next one."""
    yield chromium
    for context in chromium.contexts:
        await context.close()


RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


async def violations(page: Any) -> str:
    """What axe finds against these rules in the page as it is, each with the places where; "" where it finds nothing.

    Only violations are gathered: to describe all that is well of a large page takes ten times as long as to look at it.
    """
    from axe_playwright_python.async_playwright import Axe, AxeResults

    axe = Axe()
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(axe.axe_script)
    options = {"runOnly": {"type": "tag", "values": RULES}, "resultTypes": ["violations"]}
    chosen = "(({violations, url}) => ({violations, url}))"
    found = AxeResults(
        await page.evaluate(f"axe.run({axe._format_script_args(options=options)}).then({chosen})")
    )
    return str(found.generate_report()) if found.violations_count else ""
