"""The pages in a real browser: live, by keyboard, on a phone, and under the strict content policy."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
import uvicorn

from openalert.app import OpenAlert
from openalert.config import Config, Server
from openalert.domain.access import Role
from openalert.storage import keyring, open_database
from openalert.usecases import presets, setup, signin, users
from tests.chromium import CHROMIUM, WANTED
from tests.ports import free_port

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason=WANTED),
]
HOSTILE = "<img src=x onerror=alert(1)>"


class House(msgspec.Struct):
    """A serving appliance with one service, and somebody signed in to it in a browser."""

    openalert: OpenAlert
    base: str
    key: str
    cookie: str
    browser: Any
    complaints: list[str]

    async def fires(self, *names: str) -> None:
        """Alertmanager reports one group of these alerts."""
        alerts = [
            {
                "status": "firing",
                "labels": {"alertname": name, "severity": "critical"},
                "annotations": {"summary": name, "description": f'"><script>alert("{name}")</script>'},
                "startsAt": "2026-01-01T00:00:00Z",
                "endsAt": "0001-01-01T00:00:00Z",
                "generatorURL": "javascript:alert(1)",
            }
            for name in names
        ]
        body = {"version": "4", "groupKey": names[0], "status": "firing", "receiver": "x", "alerts": alerts}
        async with httpx2.AsyncClient() as client:
            answer = await client.post(f"{self.base}/webhooks/prometheus/{self.key}", json=body)
        assert answer.status_code == 202

    async def page(self, path: str, width: int = 1440) -> Any:
        """A page in a window of its own; whatever it complains about is collected."""
        context = await self.browser.new_context(
            viewport={"width": width, "height": 780}, has_touch=width < 500
        )
        name = self.openalert.access.cookie
        await context.add_cookies([{"name": name, "value": self.cookie, "url": self.base}])
        page = await context.new_page()
        page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.extend(_complaint(error)))
        page.on("dialog", lambda dialog: self.complaints.append(f"dialog {dialog.message}"))
        await page.goto(self.base + path)
        return page


def _complaint(error: Any) -> list[str]:
    """An error of a script; that the reader went on before a page had faded in is none."""
    return [] if "Transition was" in str(error) else [str(error)]


async def _until(page: Any, expression: str) -> None:
    """Wait until the expression holds; the content policy keeps Playwright's own waiting from working."""
    from playwright.async_api import Error

    for _ in range(1_200):
        with suppress(Error):  # between two pages there is nothing to ask
            if await page.evaluate(expression):
                return
        await asyncio.sleep(0.1)
    raise AssertionError(f"never: {expression}")


@pytest.fixture
async def house(tmp_path: Path, chromium: Any, sqlite_url: str) -> AsyncIterator[House]:
    """Ana owns a team of two and a service; the server listens, a browser is open."""
    port = free_port()
    config = Config(server=Server(port=port, data_dir=str(tmp_path)))
    database = await open_database(f"sqlite:///{tmp_path}/openalert.db", keys=keyring.of(config))
    openalert = OpenAlert(config, database, os.urandom(32))
    async with database.transaction() as tx:
        await setup.ensure_organization(tx, "Acme")
        ana = await users.create(tx, email="ana@example.org", name="Ana Souza", role=Role.OWNER)
        bea = await users.create(tx, email="bea@example.org", name="Bea Okafor")
        made = await presets.apply(
            tx,
            "one_team_weekly",
            team_name="Core",
            service_name="Shop",
            member_ids=[ana.id, bea.id],
            timezone="UTC",
        )
        cookie = await signin.open_session(tx, ana.id, address="", user_agent="")
    settings = uvicorn.Config(
        openalert.asgi,
        port=port,
        lifespan="on",
        log_config=None,
        ws="websockets-sansio",
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(settings)
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(60):
        while not server.started:  # noqa: ASYNC110 - uvicorn tells it by an attribute alone
            await asyncio.sleep(0.02)
    yield House(openalert, f"http://127.0.0.1:{port}", made.key, cookie, chromium, [])
    for context in chromium.contexts:
        await context.close()
    server.should_exit = True
    await serving
    await database.close()


async def test_a_night_in_the_browser(house: House) -> None:
    """An incident appears by itself; by keyboard alone it is opened, noted, acknowledged; nothing breaks the policy."""
    page = await house.page("/incidents")
    await _until(page, "document.querySelector('#live').dataset.state === 'live'")
    await house.fires(HOSTILE)
    await _until(page, "document.querySelectorAll('.incident').length === 1")
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/incidents/*")
    await _until(page, "document.querySelector('#live').dataset.state === 'live'")
    await page.keyboard.press("n")
    await page.keyboard.type("looking at it")
    await house.fires(HOSTILE, "Second")
    await _until(page, "document.querySelectorAll('#incident_alerts tbody tr').length === 2")
    assert await page.input_value("[name=body]") == "looking at it"
    await page.locator(".note-form button").click()
    await _until(page, "document.querySelector('#incident_timeline').textContent.includes('looking at it')")
    await page.keyboard.press("a")
    await _until(page, "document.querySelector('.answer.acknowledged') !== null")
    assert "You have #1" in await page.locator(".flash").inner_text()
    await page.keyboard.press("?")
    assert await page.locator("#keys").is_visible()
    assert house.complaints == []


async def test_it_fits_a_thumb_on_a_phone(house: House) -> None:
    """At 360 px nothing scrolls sideways, and the one button that matters is in reach without scrolling."""
    await house.fires("A title that is rather long, as titles in monitoring tend to be_" + "x" * 80)
    async with house.openalert.database.read() as reader:
        incident = await reader.value("SELECT id FROM incidents")
        alert = await reader.value("SELECT id FROM alerts")
    here = f"/incidents/{incident}"
    for path in ("/incidents", here, "/alerts", f"/alerts/{alert}", "/setup?step=2", "/setup?step=4"):
        page = await house.page(path, width=360)
        sideways = await page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert sideways == 0, path
        if path == here:
            box = await page.locator(".action-bar .button.primary").bounding_box()
            assert box["height"] >= 44
            assert box["y"] + box["height"] <= 780
        await page.context.close()
    assert house.complaints == []
