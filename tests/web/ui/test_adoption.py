"""The page of key adoption: the window, the keys that came, and what an admin does with each."""

from collections.abc import Awaitable, Callable

import pytest

from openalert.app import OpenAlert
from openalert.domain.user import User
from tests import make
from tests.cast import World
from tests.make import level
from tests.web.ui.browser import Browser

pytestmark = pytest.mark.anyio
SignIn = Callable[[User], Awaitable[Browser]]
GENIE = "43a29c5c-3dbf-4fa4-9c26-f4f71023e120"


async def test_a_key_appears_by_its_end_is_adopted_and_another_dismissed(
    world: World, openalert: OpenAlert, sign_in: SignIn
) -> None:
    """Open the window, let two senders post, give one a place and refuse the other."""
    admin = await make.user(world.db, world.cast.organization, "Ada", make.Role.ADMIN)
    policy = await make.policy(world.db, world.core, level(1, world.alice))
    service = await make.service(world.db, world.core, policy)
    await make.integration(world.db, service, "sender")
    browser = await sign_in(admin)
    page = await browser.get("/settings/adoption")
    assert "Unknown keys are refused now" in page.text
    opened = await browser.post("/settings/adoption/window", hours="4")
    assert "Unknown keys are kept until" in opened.text
    for number, key in enumerate((GENIE, GENIE[:-4] + "beef")):
        answer = await browser.client.post(
            "/v2/alerts",
            json={"message": f"<b>Disk {number}</b>"},
            headers={"authorization": f"GenieKey {key}"},
        )
        assert answer.status_code == 202
    page = await browser.get("/settings/adoption")
    assert "…e120" in page.text
    assert "“<b>Disk 0</b>”" in page.text
    assert GENIE[:-4] not in page.html
    adopt, refuse = (
        [form["action"] for form in page.forms if form["action"].endswith(verb)]
        for verb in ("/adopt", "/dismiss")
    )
    assert "Choose where it belongs" in (await browser.post(adopt[0], place="")).text
    done = await browser.post(adopt[0], place=f"service:{service.id}")
    assert "The key leads to Opsgenie …e120 now; 1 message came in by it." in done.text
    gone = await browser.post(refuse[1])
    assert "The key is forgotten and refused." in gone.text
    assert "No key has come" in gone.text
    closed = await browser.post("/settings/adoption/window/close")
    assert "Unknown keys are refused now" in closed.text
    assert await world.value("SELECT title FROM incidents") == "<b>Disk 0</b>"


async def test_nobody_but_admins_sees_it(world: World, sign_in: SignIn) -> None:
    """What strangers sent is the organization's, not a team's."""
    browser = await sign_in(world.bob)
    assert (await browser.client.get("/settings/adoption")).status_code == 403
