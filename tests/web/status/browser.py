"""A browser that is answered from the gallery: the real bytes and headers of public pages, without a server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.web.status.gallery import HOST, Sight, answered

PHONE, DESKTOP = 360, 1280


class Reader:
    """One window: what it complains about and what it asked for is collected."""

    def __init__(self, page: Any, sight: Sight) -> None:
        self.page = page
        self.sight = sight
        self.complaints: list[str] = []
        self.asked: list[tuple[str, int]] = []
        """Each address below the page and what it was answered."""
        self.broken = False
        """While set, nothing is answered."""

    async def _answer(self, route: Any, request: Any) -> None:
        address = request.url.removeprefix(HOST).partition("?")[0].strip("/")
        if self.broken:
            self.asked.append((address, 0))
            await route.abort()
            return
        found = answered(self.sight.page, address, self.sight.now) if request.url.startswith(HOST) else None
        if found is None:
            self.asked.append((address, 404))
            await route.fulfill(status=404)
        elif request.headers.get("if-none-match", "").removeprefix("W/") == found.etag:
            self.asked.append((address, 304))
            await route.fulfill(status=304, headers=_text(found.unchanged_headers))
        else:
            self.asked.append((address, 200))
            await route.fulfill(status=200, headers=_text(found.plain.headers), body=found.plain.body)

    async def open(self) -> None:
        """Go to the address."""
        self.page.on(
            "console", lambda said: self.complaints.append(said.text) if said.type == "error" else None
        )
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(f"dialog {dialog.message}"))
        await self.page.route("**/*", self._answer)
        await self.page.goto(f"{HOST}/{self.sight.name}")

    async def until(self, expression: str) -> None:
        """Wait until this holds in the page."""
        for _ in range(2_400):
            if await self.page.evaluate(expression):
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"never: {expression}")

    async def is_asked(self, times: int) -> None:
        """Wait until the page has been asked for so many times."""
        for _ in range(2_400):
            if len(self.polls) >= times:
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"asked {self.polls}")

    @property
    def polls(self) -> list[int]:
        """What the page itself was answered, each time."""
        return [status for address, status in self.asked if address == self.sight.name]


@asynccontextmanager
async def reading(browser: Any, sight: Sight, width: int = DESKTOP, **options: Any) -> AsyncIterator[Reader]:
    """A reader of this sight; `options` as Playwright's contexts take them."""
    context = await browser.new_context(viewport={"width": width, "height": 800}, **options)
    reader = Reader(await context.new_page(), sight)
    await reader.open()
    try:
        yield reader
    finally:
        await context.close()


def _text(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in headers}
