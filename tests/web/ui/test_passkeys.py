"""Passkeys in a real browser, whose authenticator is a virtual one (Chrome DevTools Protocol, WebAuthn domain)."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import uvicorn

from openalert.app import OpenAlert
from openalert.config import Config, Server
from openalert.domain.access import Actor, Role
from openalert.domain.second_factor import SecondFactorRule
from openalert.storage import open_database, organizations
from openalert.storage.database import Database
from openalert.storage.keyring import KeyRing
from openalert.usecases import passwords, setup, users
from tests.chromium import CHROMIUM, WANTED
from tests.conftest import KEY
from tests.ports import free_port
from tests.web.ui.test_browser import _until

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason=WANTED),
]
PASSWORD = "four unrelated plain words"


class Desk(msgspec.Struct):
    """A serving appliance, and a browser window with a device that keeps passkeys."""

    base: str
    page: Any
    device: Any
    database: Database
    complaints: list[str]

    async def go(self, path: str) -> None:
        """Open a page and wait until its script has shown what needs it."""
        await self.page.goto(self.base + path)

    async def sign_in(self, password: str = PASSWORD) -> None:
        """Type address and password."""
        await self.go("/login")
        await type_in(self.page, "ana@example.org", password)

    async def sign_out(self) -> None:
        """By the cookies alone, so that the browser stays known."""
        await self.page.context.clear_cookies(name="openalert_session")


async def type_in(page: Any, email: str, password: str = PASSWORD) -> None:
    """Fill the form of the sign-in page and press its button."""
    await page.fill("#email", email)
    await page.fill("#password", password)
    await page.click("form button.primary")


@pytest.fixture
async def desk(tmp_path: Path, chromium: Any) -> AsyncIterator[Desk]:
    """Ana has a password; the server is reached as localhost, where browsers allow passkeys without TLS."""
    port = free_port()
    base = f"http://localhost:{port}"
    database = await open_database(f"sqlite:///{tmp_path}/openalert.db", keys=KeyRing([KEY]))
    server = Server(port=port, data_dir=str(tmp_path), base_url=base)
    openalert = OpenAlert(Config(server=server), database, os.urandom(32))
    hashed = await passwords.hash_password(PASSWORD)
    async with database.transaction() as tx:
        await setup.ensure_organization(tx, "Acme")
        await users.create(
            tx, email="ana@example.org", name="Ana Souza", role=Role.OWNER, password_hash=hashed
        )
    settings = uvicorn.Config(
        openalert.asgi, port=port, lifespan="on", log_config=None, ws="websockets-sansio",
        timeout_graceful_shutdown=2,
    )  # fmt: skip
    serving_at = uvicorn.Server(settings)
    serving = asyncio.create_task(serving_at.serve())
    async with asyncio.timeout(60):
        while not serving_at.started:  # noqa: ASYNC110 - uvicorn tells it by an attribute alone
            await asyncio.sleep(0.02)
    page = await (await chromium.new_context()).new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    device = await page.context.new_cdp_session(page)
    await device.send("WebAuthn.enable")
    await device.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2", "transport": "internal", "hasResidentKey": True,
                "hasUserVerification": True, "isUserVerified": True, "automaticPresenceSimulation": True,
            }
        },
    )  # fmt: skip
    yield Desk(base, page, device, database, complaints)
    await page.context.close()
    serving_at.should_exit = True
    await serving
    await database.close()


async def test_a_passkey_is_made_and_opens_the_door(desk: Desk) -> None:
    """Made on the page of one's security, it signs in alone, and is asked for after a password."""
    await desk.sign_in()
    await desk.page.wait_for_url("**/incidents*")
    await desk.go("/me/security")
    await desk.page.fill("#passkey-name", "The desk")
    await desk.page.click("[data-passkey=register]")
    await _until(desk.page, "document.querySelector('#passkeys .delivery b')?.textContent === 'The desk'")
    await desk.sign_out()
    await desk.go("/login?next=/teams")
    await desk.page.click("[data-passkey=sign-in]")
    await desk.page.wait_for_url(f"{desk.base}/teams")
    await desk.go("/me/security")
    assert "by passkey" in await desk.page.inner_text("#sessions")
    await desk.sign_out()
    await desk.sign_in()
    await desk.page.wait_for_url("**/login/second*")
    await desk.page.click("[data-passkey=second]")
    await desk.page.wait_for_url("**/incidents*")
    await desk.go("/me/security")
    assert "by password and passkey" in await desk.page.inner_text("#sessions")
    assert desk.complaints == []


async def test_a_passkey_made_to_get_in_is_of_whoever_gets_in(desk: Desk) -> None:
    """Ana signed in beside, in another window, when Bob has to set up a second factor: the passkey becomes Bob's."""
    hashed = await passwords.hash_password(PASSWORD)
    await desk.go("/login")
    beside = await desk.page.context.new_page()
    await beside.goto(desk.base + "/login")
    await type_in(beside, "ana@example.org")
    await beside.wait_for_url("**/incidents*")
    await beside.close()
    async with desk.database.transaction() as tx:
        ((ana, home),) = await tx.rows("SELECT id, organization_id FROM users")
        tx.actor = Actor(kind="user", id=ana, name="Ana", organization_id=home, role=Role.OWNER)
        await users.create(
            tx, email="bob@example.org", name="Bob Berg", role=Role.MEMBER, password_hash=hashed
        )
        await organizations.set_second_factor_rule(tx, home, SecondFactorRule.EVERYONE)
    await type_in(desk.page, "bob@example.org")
    await desk.page.wait_for_url("**/login/enrol*")
    await desk.page.click("[data-passkey=enrol]")
    await desk.page.wait_for_url("**/me/security")
    assert "bob@example.org" in await desk.page.inner_text(".page-head")
    async with desk.database.read() as reader:
        rows = await reader.rows("SELECT u.name FROM passkeys p JOIN users u ON u.id = p.user_id")
    assert [row[0] for row in rows] == ["Bob Berg"]
    assert desk.complaints == []


async def test_a_passkey_of_nobody_says_so(desk: Desk) -> None:
    """One that the server forgot is refused in words on the page; the page stays usable."""
    await desk.sign_in()
    await desk.page.wait_for_url("**/incidents*")
    await desk.go("/me/security")
    await desk.page.click("[data-passkey=register]")
    await _until(desk.page, "document.querySelector('#passkeys .delivery b') !== null")
    await desk.page.click("#passkeys .delivery button")
    await desk.page.fill("[id^=remove-][id$=-current]", PASSWORD)
    await desk.page.click("[id^=remove-] .button.danger")
    await _until(desk.page, "document.body.textContent.includes('The passkey is removed.')")
    await desk.sign_out()
    await desk.go("/login")
    await desk.page.click("[data-passkey=sign-in]")
    await _until(
        desk.page,
        "document.querySelector('#passkey-said').textContent === 'That passkey does not open anything here.'",
    )
    assert await desk.page.is_enabled("[data-passkey=sign-in]")
    assert [said for said in desk.complaints if "401" not in said] == []
