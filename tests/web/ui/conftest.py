"""Browsers in front of the whole application, whose engine runs when the test says so."""

from collections.abc import AsyncIterator, Awaitable, Callable

import httpx2
import pytest

from openalert.app import OpenAlert
from openalert.config import Config
from openalert.domain.user import User
from openalert.storage import Database
from openalert.usecases import signin
from tests.cast import World
from tests.conftest import StoppedClock
from tests.web.ui.browser import Browser

SECRET = b"a secret of thirty-two characters"


@pytest.fixture
def openalert(sqlite_db: Database) -> OpenAlert:
    """The application on an empty database; nothing runs by itself."""
    return OpenAlert(Config(), sqlite_db, SECRET)


@pytest.fixture
async def stranger(openalert: OpenAlert) -> AsyncIterator[Browser]:
    """A browser in which nobody is signed in."""
    transport = httpx2.ASGITransport(app=openalert.asgi, client=("127.0.0.1", 5000))
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
        yield Browser(client)


@pytest.fixture
async def sign_in(openalert: OpenAlert, stranger: Browser) -> Callable[[User], Awaitable[Browser]]:
    """Give the browser a session of this person."""

    async def signed_in(user: User) -> Browser:
        async with openalert.database.transaction() as tx:
            token = await signin.open_session(tx, user.id, address="127.0.0.1", user_agent="test")
        stranger.client.cookies.set(openalert.access.cookie, token)
        return stranger

    return signed_in


@pytest.fixture
async def world(sqlite_db: Database, clock: StoppedClock) -> World:
    """The small world, on SQLite alone: pages have nothing to do with the database's kind."""
    return await World.build(sqlite_db, clock)
