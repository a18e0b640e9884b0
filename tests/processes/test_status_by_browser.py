"""The workflow of a status page by people alone: who tells, who reads and who subscribes, each in a real browser."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.chromium import CHROMIUM, WANTED, violations
from tests.fakes.smtp import FakeSmtp, Mail
from tests.processes.server import Server, until
from tests.processes.test_first_minutes import LATE_FADE, PASSWORD, fits

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason=WANTED),
]
DESKTOP = {"width": 1280, "height": 900}
READER = "reader@example.org"
Look = Callable[[Any], Awaitable[None]]


async def _look_without_script(page: Any) -> None:
    """Nothing more can be asked of it."""


async def _look(page: Any) -> None:
    """Nothing scrolls sideways, and axe finds nothing."""
    await fits(page)
    assert await violations(page) == "", page.url


async def _press(page: Any, button: str) -> None:
    """Press it, and wait for where it leads."""
    async with page.expect_navigation():
        await page.click(button)


async def _settle(page: Any, server: Server) -> None:
    """The owner of a new installation, by the printed link."""
    await page.goto(server.setup_link)
    for name, text in (
        ("name", "Ana Souza"), ("email", "ana@example.org"), ("password", PASSWORD), ("organization", "Acme"),
        ("timezone", "UTC"),
    ):  # fmt: skip
        await page.fill(f"[name={name}]", text)
    await _press(page, "button.primary")
    await _press(page, "button.primary")
    await page.fill("[name=service]", "shop")
    await _press(page, "button.primary")


async def _mail(smtp: FakeSmtp, words: str) -> Mail:
    """The mail to the reader in which these words are."""

    async def there() -> Mail | None:
        return next((each for each in smtp.mails if each.recipients == [READER] and words in each.text), None)

    found = await until(there)
    assert found is not None
    return found


async def _says(page: Any, address: str, words: str) -> str:
    """What the public page has as soon as it says these words."""

    async def it_does() -> str:
        await page.goto(address)
        text = str(await page.inner_text("body"))
        return text if words in text else ""

    return await until(it_does)


@pytest.mark.parametrize("scripted", [True, False], ids=["script", "no script"])
async def test_the_workflow_in_a_browser(
    server: Server, browser: Any, smtp: FakeSmtp, scripted: bool
) -> None:
    """Page, components, subscriber, incident, updates, end: as made, mailed and read; with scripts and without."""
    look = _look if scripted else _look_without_script
    await server.start()
    team = await (await browser.new_context(java_script_enabled=scripted, viewport=DESKTOP)).new_page()
    public = await (await browser.new_context(java_script_enabled=scripted, viewport=DESKTOP)).new_page()
    complaints: list[str] = []
    for each in (team, public):
        each.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        each.on("pageerror", lambda error: complaints.append(str(error)))
    await _settle(team, server)
    here = await _make_the_page(team, server, look)
    address = f"{server.url}/status/acme"
    assert "All systems operational" in await _says(public, address, "Web Dashboard")
    await look(public)

    await public.click("a[href$='/subscribe']")
    await look(public)
    await public.fill("[name=email]", READER)
    await _press(public, "form button.act")
    link = re.search(r"http://\S+/confirm/\S+", (await _mail(smtp, "/confirm/")).text)
    assert link is not None
    await public.goto(link.group())
    await look(public)
    await _press(public, "form button.act")

    await team.goto(f"{here}/told/new")
    await look(team)
    await team.fill("[name=title]", "API Degradation")
    await team.fill("[name=message]", "We see errors and **look** for the cause.")
    await team.check("[role=radiogroup][aria-label=API] [value=major_outage]", force=True)
    await _press(team, "button:has-text('Look at it as customers will')")
    assert "API Degradation" not in await _says(public, address, "All systems operational")
    await look(team)
    await _press(team, "form[action$='/publish'] button")
    text = await _says(public, address, "API Degradation")
    assert "All systems operational" not in text
    assert "We see errors and look for the cause." in text
    await look(public)
    assert "We see errors" in (await _mail(smtp, "API Degradation")).text

    await team.goto(f"{here}/told")
    await look(team)
    await _press(team, "a:has-text('API Degradation')")
    await look(team)
    await team.check("[name=status][value=identified]", force=True)
    await team.fill("form[action$='/updates'] [name=message]", "It is the database. We repair it.")
    await _press(team, "button:has-text('Look at it as customers will')")
    await _press(team, "form[action$='/publish'] button")
    await _says(public, address, "It is the database. We repair it.")
    await _mail(smtp, "It is the database.")

    await team.goto(f"{here}/told")
    await _press(team, "a:has-text('API Degradation')")
    await team.fill("#last-words", "All systems are well again.")
    if scripted:
        await team.click("form[action$='/resolve'] button")
        await _press(team, "dialog.confirm button:has-text('Tell them')")
    else:
        await _press(team, "form[action$='/resolve'] button")
    text = await _says(public, address, "All systems are well again.")
    assert "All systems operational" in text
    await _mail(smtp, "All systems are well again.")
    for tab in ("", "/components", "/told", "/subscribers", "/settings", "/templates"):
        await team.goto(f"{here}{tab}")
        await look(team)
    assert [each for each in complaints if each != LATE_FADE] == []


async def _make_the_page(team: Any, server: Server, look: Look) -> str:
    """A public page "Acme Status" with two components; its address among ours."""
    await team.goto(f"{server.url}/status-pages")
    await look(team)
    await team.goto(f"{server.url}/status-pages/new")
    await look(team)
    await team.fill("[name=name]", "Acme Status")
    await team.fill("[name=slug]", "acme")
    await team.check("[name=is_public][value=yes]", force=True)
    await _press(team, "button:has-text('Make the page')")
    found = re.match(rf"{re.escape(server.url)}/status-pages/[^/?#]+", team.url)
    assert found is not None, team.url
    here = found.group()
    for name in ("API", "Web Dashboard"):
        await team.goto(f"{here}/components")
        await team.fill("#new [name=name]", name)
        await _press(team, "#new button")
    await look(team)
    return here
