"""One Chromium for each module of tests that wants one: to start it costs more than most of what is asked of it."""

import shutil
from collections.abc import AsyncIterator
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"]  # fmt: skip
WANTED = "NO BROWSER TEST: install Debian's chromium to run it"


@pytest.fixture(scope="module")
async def chromium(anyio_backend: str) -> AsyncIterator[Any]:
    """A browser without windows, as Playwright drives it."""
    if CHROMIUM is None:
        pytest.skip(WANTED)
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield running
        await running.close()


@pytest.fixture
async def browser(chromium: Any) -> AsyncIterator[Any]:
    """The browser; each window, cookie and copy that the test leaves in it is gone before the next one."""
    yield chromium
    for context in chromium.contexts:
        await context.close()
