"""The buttons of the System page that prove the dead-man's switch."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from openalert.app import OpenAlert, self_watch
from openalert.config import Config, Server
from openalert.config.sections import SelfMonitor
from openalert.domain.instant import DAY, MINUTE
from openalert.domain.user import User
from openalert.storage import Database
from tests import make
from tests.cast import World
from tests.web.ui.browser import Browser

pytestmark = pytest.mark.anyio
SignIn = Callable[[User], Awaitable[Browser]]
PATH = "/settings/system"


@pytest.fixture
def openalert(sqlite_db: Database, tmp_path: Path) -> OpenAlert:
    """The application with a switch elsewhere."""
    config = Config(
        server=Server(data_dir=str(tmp_path)), self_monitor=SelfMonitor(url="http://127.0.0.1:9/ping")
    )
    app = OpenAlert(config, sqlite_db, b"a secret of thirty-two characters")
    app.self_watch = self_watch(config, sqlite_db, app.engine, b"secret", "http://127.0.0.1:9")
    return app


async def test_an_admin_proves_it_and_the_page_says_who_and_when(world: World, sign_in: SignIn) -> None:
    """Never proven; silent on purpose; it came; proven by Ada; and too long ago."""
    admin = await make.user(world.db, world.cast.organization, "Ada", make.Role.ADMIN)
    browser = await sign_in(admin)
    assert "It was never proven" in (await browser.get(PATH)).text
    silent = await browser.post(f"{PATH}/silence", minutes="10")
    assert "Silent on purpose until" in silent.text
    assert "begun just now by Ada" in silent.text
    again = await browser.post(f"{PATH}/silence", minutes="10")
    assert "being proven already" in again.text
    done = await browser.post(f"{PATH}/silence/end", outcome="came")
    assert "It was proven just now by Ada" in done.text
    assert "Silent on purpose" not in done.text
    world.clock.advance(91 * DAY)
    browser = await sign_in(admin)
    assert "proven too long ago" in (await browser.get(PATH)).text


async def test_what_nobody_answered_is_asked_and_a_miss_is_said(world: World, sign_in: SignIn) -> None:
    """After the silence the page asks what became of it; nonsense is refused with the reason."""
    admin = await make.user(world.db, world.cast.organization, "Ada", make.Role.ADMIN)
    browser = await sign_in(admin)
    await browser.post(f"{PATH}/silence", minutes="5")
    world.clock.advance(6 * MINUTE)
    page = await browser.get(PATH)
    assert "Did it come?" in page.text
    assert "Stop the silence" not in page.text
    assert "Say whether it came" in (await browser.post(f"{PATH}/silence/end", outcome="maybe")).text
    missed = await browser.post(f"{PATH}/silence/end", outcome="missed")
    assert "The last time nobody was:" in missed.text
    assert "as Ada said" in missed.text


async def test_another_organization_neither_proves_it_nor_learns_names(world: World, sign_in: SignIn) -> None:
    """The switch is the installation's: an admin of a further organization sees that it is silent, and not by whom."""
    admin = await make.user(world.db, world.cast.organization, "Ada", make.Role.ADMIN)
    browser = await sign_in(admin)
    await browser.post(f"{PATH}/silence", minutes="10")
    other = await make.organization(world.db, "Elsewhere")
    stranger = await make.user(world.db, other, "Zoe", make.Role.OWNER)
    browser = await sign_in(stranger)
    page = await browser.get(PATH)
    assert "Silent on purpose until" in page.text
    assert "Ada" not in page.text
    assert "It came" not in page.text
    assert (await browser.client.post(f"{PATH}/silence/end", data={"outcome": "came"})).status_code == 403
