"""A newcomer's first five minutes in a real browser, from the printed link to a delivered and answered page."""

import asyncio
import re
from contextlib import suppress
from typing import Any

import httpx2
import pytest

from tests.chromium import CHROMIUM, PATIENCE, WANTED
from tests.fakes.smtp import FakeSmtp
from tests.processes.server import Server, until

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason=WANTED),
]
LATE_FADE = "Transition was aborted because of invalid state. Page already revealed"
"""Chromium on a busy machine shows the new page before it could fade, and says so; nothing is wrong with the page."""

PHONE = {"width": 360, "height": 740}
PASSWORD = "correct horse battery staple"


async def shows(page: Any, selector: str) -> None:
    """Wait until something matches; the content policy keeps Playwright's own waiting for functions from working."""
    await page.locator(selector).first.wait_for(state="visible", timeout=PATIENCE)


async def fits(page: Any) -> None:
    """Nothing scrolls sideways."""
    wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide == 0, page.url


async def set_up(page: Any, link: str) -> str:
    """Steps 1 to 3 with the keyboard; the webhook address that step 4 shows."""
    await page.goto(link)
    for name, text in (
        ("name", "Ana Souza"),
        ("email", "ana@example.org"),
        ("password", PASSWORD),
        ("organization", "Acme"),
        ("timezone", "Europe/Berlin"),
    ):
        await page.fill(f"[name={name}]", text)
        await fits(page)
    await page.keyboard.press("Enter")
    await page.fill("[name=people]", "Bea Okafor <bea@example.org>")
    await fits(page)
    await page.click("button.primary")
    await page.fill("[name=service]", "shop")
    await fits(page)
    await page.keyboard.press("Enter")
    await shows(page, "text=Waiting for the first alert")
    await fits(page)
    found = re.search(r"http://\S+/webhooks/prometheus/[\w-]+", await page.inner_text("main"))
    assert found is not None
    return found.group()


async def fire(url: str, title: str, status: str = "firing") -> None:
    """One alert at the address, as Alertmanager sends it."""
    alert = {"status": status, "labels": {"alertname": title, "severity": "critical"}, "annotations": {},
             "startsAt": "2026-01-01T00:00:00Z", "endsAt": "0001-01-01T00:00:00Z", "generatorURL": ""}  # fmt: skip
    body = {"version": "4", "groupKey": title, "status": status, "receiver": "openalert", "alerts": [alert]}
    async with httpx2.AsyncClient() as client:
        assert (await client.post(url, json=body)).status_code == 202


async def test_from_the_printed_link_to_an_answered_page(
    server: Server, browser: Any, smtp: FakeSmtp
) -> None:
    """On a phone: the wizard, the waiting that turns green, the mail, one tap in it, one by keyboard."""
    server.afresh = True
    await server.start()
    context = await browser.new_context(viewport=PHONE, has_touch=True)
    page = await context.new_page()
    complaints: list[str] = []
    page.on(
        "console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    url = await set_up(page, server.setup_link)

    await fire(url, "FirstAlert")
    await shows(page, "text=It works")
    await fits(page)
    # The welcome of the colleague, and the page, in whatever order they left.
    first = await smtp.received(2)
    assert sorted(mail.recipients[0] for mail in first) == ["ana@example.org", "bea@example.org"]

    await page.click("text=an incident")
    await shows(page, ".action-bar")
    await fits(page)
    await page.tap(".action-bar .button.primary")
    await shows(page, ".answer.acknowledged")

    await page.goto(f"{server.url}/setup?step=5")
    await page.tap("text=Page me now")
    await shows(page, "text=is open")
    second = (await smtp.received(3))[2]
    assert "Test page" in second.subject
    link = re.search(rf"{re.escape(server.url)}/a/\S+", second.text)
    assert link is not None
    stranger = await (await browser.new_context(viewport=PHONE, has_touch=True)).new_page()
    await stranger.goto(link.group())
    await fits(stranger)
    await stranger.tap("button.primary")
    await stranger.wait_for_load_state()
    await shows(page, "text=You are ready")
    await fits(page)

    await fire(url, "ByKeyboard")
    await page.goto(f"{server.url}/incidents")
    await shows(page, ".incident")
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/incidents/*")
    await shows(page, ".action-bar")
    await page.keyboard.press("a")
    await shows(page, ".answer.acknowledged")

    await page.keyboard.press("Control+k")
    await page.keyboard.type("#1")
    await page.keyboard.press("Enter")
    await shows(page, "text=FirstAlert")
    await page.keyboard.press("Control+k")
    await page.keyboard.type("people")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/users")
    assert [each for each in complaints if each != LATE_FADE] == []


async def test_acknowledge_and_resolve_without_javascript(server: Server, browser: Any) -> None:
    """The whole way from the link to a resolved incident with scripts switched off."""
    server.afresh = True
    await server.start()
    context = await browser.new_context(java_script_enabled=False, viewport=PHONE)
    page = await context.new_page()
    await page.goto(server.setup_link)
    for name, text in (
        ("name", "Ana Souza"), ("email", "ana@example.org"), ("password", PASSWORD), ("organization", "Acme"),
        ("timezone", "UTC"),
    ):  # fmt: skip
        await page.fill(f"[name={name}]", text)
    await page.click("button.primary")
    await page.click("button.primary")
    await page.fill("[name=service]", "shop")
    await page.click("button.primary")
    found = re.search(r"http://\S+/webhooks/prometheus/[\w-]+", await page.inner_text("main"))
    assert found is not None
    await fire(found.group(), "NoScript")

    await page.goto(f"{server.url}/incidents")
    await page.click(".incident a >> nth=0")
    await page.wait_for_url("**/incidents/*")
    here = page.url
    async with page.expect_navigation():
        await page.click(".action-bar button.primary")
    await page.goto(here)
    await shows(page, ".answer.acknowledged")
    await page.click(".action-bar button.primary")
    async with page.expect_navigation():
        await page.click("#resolve button.primary")
    await page.goto(here)
    await shows(page, ".answer.resolved")


async def test_a_stranger_without_the_link_sets_nothing_up(server: Server) -> None:
    """A wrong token shows an explanation and makes nobody; the right one works once."""
    await server.start()
    form = {
        "name": "Eve",
        "email": "eve@example.org",
        "password": PASSWORD,
        "organization": "E",
        "timezone": "UTC",
    }
    async with httpx2.AsyncClient(base_url=server.url) as eve:
        assert (await eve.post("/setup?step=1", data=form | {"token": "guess"})).status_code >= 400
        token = server.setup_link.rpartition("=")[2]
        assert (await eve.post("/setup?step=1", data=form | {"token": token})).status_code == 303

        async def refused() -> bool:
            with suppress(httpx2.TransportError):
                again = await eve.post(
                    "/setup?step=1", data=form | {"token": token, "email": "two@example.org"}
                )
                return again.status_code >= 400
            return False

        assert await until(refused)
    users = await asyncio.to_thread(server.run, "user", "list")
    assert "eve@example.org" in users.stdout
    assert "two@example.org" not in users.stdout
