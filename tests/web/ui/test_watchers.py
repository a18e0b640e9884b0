"""Watchers on the System page: a key made with what to run, shown once, and how each fares."""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from openalert.app import OpenAlert
from openalert.config import Config, Server
from openalert.domain.access import Role, Scope
from openalert.domain.instant import HOUR
from openalert.domain.user import User
from openalert.storage import Database
from openalert.usecases import api_keys
from tests import make
from tests.cast import World
from tests.web.ui.browser import Browser
from tests.web.ui.conftest import SECRET

pytestmark = pytest.mark.anyio
SignIn = Callable[[User], Awaitable[Browser]]
KEY = re.compile(r"oak_[0-9a-f-]{36}_[0-9a-f]{64}")
PAGE = "/settings/system"


@pytest.fixture
def openalert(sqlite_db: Database, tmp_path: Path) -> OpenAlert:
    """With a data folder, whose disk the page looks at."""
    return OpenAlert(Config(server=Server(data_dir=str(tmp_path))), sqlite_db, SECRET)


async def test_a_watcher_is_added_with_what_to_run_on_its_host(
    world: World, sign_in: SignIn, clock: Any
) -> None:
    """The key opens nothing but what a watcher asks; it is shown this once, and how its watcher fares from then on."""
    browser = await sign_in(world.alice)
    page = await browser.get(PAGE)
    assert "openalert watch" in page.text
    made = await browser.press(
        page, "/settings/watchers", watcher_name="host two", watcher_team=world.core.id
    )
    assert "The key host two is made." in made.text
    key = KEY.search(made.html)
    assert key is not None
    assert re.search(r"openalert watch http\S+ --key-file /etc/openalert/watch.key", made.text)
    assert "Core only" in made.text
    assert "Nothing has asked with this key yet." in made.text
    assert KEY.search((await browser.get(PAGE)).html) is None
    async with world.db.read() as reader:
        assert await api_keys.find(reader, key[0]) is None
        found = await api_keys.find_watcher(reader, key[0])
    assert found is not None
    assert (found.actor.scopes, set(found.actor.teams)) == ({Scope.WATCH}, {world.core.id})

    async with world.db.transaction() as tx:
        await api_keys.touch(tx, found.actor.id or "")
    page = await browser.get(PAGE)
    assert "Watches" in page.text
    clock.advance(HOUR)
    page = await browser.get(PAGE)
    assert "It used to ask and no longer does." in page.text
    listed = await browser.get("/settings")
    assert "host two" in listed.text


async def test_what_is_wrong_in_the_form_is_said_and_members_have_none(world: World, sign_in: SignIn) -> None:
    """A name is needed; an admin of a team alone is refused, as the key shows what they may not see."""
    browser = await sign_in(world.alice)
    page = await browser.post("/settings/watchers", watcher_name="", watcher_team="")
    assert page.status == 422
    assert "The name needs 1 to 120 printable characters." in page.text
    leader = await make.user(world.db, world.cast.organization, "Lea")
    await make.member(world.db, world.core, leader, Role.ADMIN)
    browser = await sign_in(leader)
    page = await browser.post("/settings/watchers", watcher_name="x", watcher_team=world.core.id)
    assert page.status == 403
