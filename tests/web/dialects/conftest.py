"""An appliance with one service, and a sender that speaks to it."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from openalert.app import OpenAlert
from openalert.config import load
from openalert.storage import Database
from tests import make


@pytest.fixture
async def app(sqlite_db: Database) -> AsyncIterator[OpenAlert]:
    """The whole application; the service "Database" takes messages by the key A, and Alice is paged."""
    cast = await make.cast(sqlite_db)
    policy = await make.policy(sqlite_db, cast.team, make.level(1, cast.alice, minutes=60))
    service = await make.service(sqlite_db, cast.team, policy)
    await make.integration(sqlite_db, service, "A")
    made = OpenAlert(load(None, {}, {}), sqlite_db, b"secret of the tests")
    async with made.running():
        yield made


@pytest.fixture
async def client(app: OpenAlert) -> AsyncIterator[httpx2.AsyncClient]:
    """A sender that came by a name of its own, as one that was led here by DNS does."""
    transport = httpx2.ASGITransport(app=app.asgi, client=("127.0.0.1", 5000))
    async with httpx2.AsyncClient(transport=transport, base_url="http://events.pager.example") as opened:
        yield opened
