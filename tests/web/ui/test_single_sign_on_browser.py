"""Single sign-on in a real browser: there and back, under the strict content policy."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import uvicorn

from openalert.app import OpenAlert
from openalert.config import Config
from openalert.domain.access import Role
from openalert.domain.user import User
from openalert.storage import keyring, open_database, wall_clock
from openalert.usecases import passwords, setup, users
from tests.chromium import CHROMIUM, WANTED
from tests.fakes.identity_provider import FakeProvider
from tests.ports import free_port
from tests.web import sso

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason=WANTED),
]
PASSWORD = "correct horse battery staple"
REFUSED = "Failed to load resource: the server responded with a status of 403 (Forbidden)"


class House(msgspec.Struct):
    """A serving appliance, its provider, and a browser."""

    openalert: OpenAlert
    provider: FakeProvider
    base: str
    ana: User
    browser: Any
    complaints: list[str]

    async def page(self) -> Any:
        """A window of a browser that was never here; whatever it complains about is collected."""
        page = await (await self.browser.new_context()).new_page()
        page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        page.on("dialog", lambda dialog: self.complaints.append(f"dialog {dialog.message}"))
        return page


def _config(provider: FakeProvider, tmp_path: Path, port: int) -> Config:
    made = sso.config(provider, str(tmp_path), organization_roles={"OpenAlert.Admin": "admin"})
    server = msgspec.structs.replace(made.server, port=port, base_url=f"http://127.0.0.1:{port}")
    return msgspec.structs.replace(made, server=server)


@pytest.fixture
async def house(tmp_path: Path, chromium: Any) -> AsyncIterator[House]:
    """Ana owns the organization and has a password; the provider knows her by another name."""
    port = free_port()
    database = await open_database(
        f"sqlite:///{tmp_path}/openalert.db", keys=keyring.KeyRing([keyring.new_key()])
    )
    hashed = await passwords.hash_password(PASSWORD)
    async with database.transaction() as tx:
        await setup.ensure_organization(tx, "Acme")
        ana = await users.create(
            tx, email="ana@example.org", name="Ana Souza", role=Role.OWNER, password_hash=hashed
        )
    async with FakeProvider(wall_clock) as provider:
        openalert = OpenAlert(_config(provider, tmp_path, port), database, os.urandom(32))
        server = uvicorn.Server(
            uvicorn.Config(
                openalert.asgi, port=port, lifespan="on", log_config=None, ws="websockets-sansio",
                timeout_graceful_shutdown=2,
            )
        )  # fmt: skip
        serving = asyncio.create_task(server.serve())
        async with asyncio.timeout(60):
            while not server.started:  # noqa: ASYNC110 - uvicorn tells it by an attribute alone
                await asyncio.sleep(0.02)
        yield House(openalert, provider, f"http://127.0.0.1:{port}", ana, chromium, [])
        for context in chromium.contexts:
            await context.close()
        server.should_exit = True
        await serving
    await database.close()


async def test_there_and_back(house: House) -> None:
    """Refused as unknown, connected from the own page, tested, and in by the button; the policy never complains."""
    page = await house.page()
    house.provider.person = {
        "sub": "a-1",
        "email": "ana@example.org",
        "name": "Ana",
        "roles": ["OpenAlert.Admin"],
    }

    await page.goto(house.base + "/incidents")
    await page.get_by_role("link", name="Sign in with Acme").click()
    await page.locator("#yes").click()
    assert "not connected to Acme yet" in await page.inner_text("main")
    assert house.complaints == [REFUSED]
    house.complaints.clear()

    await page.get_by_role("link", name="Other ways to sign in").click()
    await page.fill("[name=email]", "ana@example.org")
    await page.fill("[name=password]", PASSWORD)
    await page.get_by_role("button", name="Sign in", exact=True).click()
    await page.wait_for_url("**/incidents")
    await page.goto(house.base + "/me/single-sign-on")
    await page.get_by_role("button", name="Connect Acme").click()
    await page.locator("#yes").click()
    await page.wait_for_url("**/me/single-sign-on")
    assert "Connected: Acme signs you in" in await page.inner_text("main")

    await page.goto(house.base + "/settings/single-sign-on")
    await page.get_by_role("button", name="Test it").click()
    await page.locator("#yes").click()
    await page.wait_for_url("**/auth/callback*")
    assert "This would sign Ana Souza in." in await page.inner_text("main")
    assert "admin of the organization" in await page.inner_text("main")

    fresh = await house.page()
    await fresh.goto(house.base + "/me")
    await fresh.get_by_role("link", name="Sign in with Acme").click()
    await fresh.locator("#yes").click()
    await fresh.wait_for_url("**/me")
    assert "Ana Souza" in await fresh.inner_text("h1")
    cookies = {cookie["name"]: cookie for cookie in await fresh.context.cookies()}
    session = cookies[house.openalert.access.cookie]
    assert (session["httpOnly"], session["sameSite"]) == (True, "Lax")

    assert house.provider.refusals == []
    assert house.complaints == []
