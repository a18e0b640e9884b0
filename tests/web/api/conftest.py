"""The JSON API over HTTP, in process: sessions for the standing cast, on both databases."""

from collections.abc import AsyncIterator
from functools import cache
from typing import Any

import httpx2
import pytest
from litestar import Litestar, Request, Router
from litestar.datastructures import State
from litestar.di import Provide

from openalert.config import Config
from openalert.domain.access import Actor
from openalert.domain.links_back import LinksBack
from openalert.storage import Database
from openalert.usecases import signin
from openalert.web import guards, problems
from openalert.web.api import (
    alerts,
    api_keys,
    audit_log,
    channels,
    escalation_policies,
    incidents,
    integrations,
    invitations,
    load,
    maintenance_windows,
    message_templates,
    notification_rules,
    oncall,
    organization,
    outgoing_webhooks,
    push_subscriptions,
    routing_rules,
    schedules,
    services,
    sessions,
    silences,
    status_pages,
    teams,
    test_pages,
    users,
    warnings,
    watchers,
)
from openalert.web.guards import Access
from tests import make
from tests.compiled import twin
from tests.make import Cast

Client = httpx2.AsyncClient


def _db(request: Request[Any, Any, Any]) -> Database:
    return guards.db(request)


def _actor(request: Request[Any, Any, Any]) -> Actor:
    return guards.actor(request)


def _links_back() -> LinksBack:
    return LinksBack("https://openalert.example.org", b"key", mail_domain="in.example.org")


class Callers:
    """A client for each person."""

    def __init__(self, transport: httpx2.ASGITransport, db: Database, cookie: str) -> None:
        self._transport = transport
        self._db = db
        self._cookie = cookie
        self.clients: list[Client] = []
        self.state = State()

    def anonymous(self, **headers: str) -> Client:
        """A client that shows what the headers hold and nothing else."""
        client = Client(transport=self._transport, base_url="http://test/api/v1", headers=headers)
        self.clients.append(client)
        return client

    async def signed_in(self, user: Any) -> Client:
        """A client with a fresh session of the person."""
        async with self._db.transaction() as tx:
            token = await signin.open_session(tx, user.id, address="127.0.0.1", user_agent="test")
        return self.anonymous(cookie=f"{self._cookie}={token}")


@pytest.fixture
async def cast(db: Database) -> Cast:
    """The standing cast."""
    return await make.cast(db)


@cache
def _compiled() -> Litestar:
    """Its routes; compiled once for all tests, each of which gets a twin with a state of its own."""
    router = Router(
        path="/api/v1",
        route_handlers=[
            module.routes
            for module in (
                alerts,
                api_keys,
                audit_log,
                channels,
                escalation_policies,
                routing_rules,
                incidents,
                integrations,
                invitations,
                message_templates,
                notification_rules,
                load,
                maintenance_windows,
                oncall,
                organization,
                outgoing_webhooks,
                push_subscriptions,
                schedules,
                services,
                sessions,
                silences,
                status_pages,
                teams,
                test_pages,
                users,
                warnings,
                watchers,
            )
        ],
    )
    return Litestar(
        [router],
        dependencies={
            "db": Provide(_db, sync_to_thread=False),
            "actor": Provide(_actor, sync_to_thread=False),
            "links_back": Provide(_links_back, sync_to_thread=False),
        },
        guards=[guards.guard],
        exception_handlers={Exception: problems.handle},
        openapi_config=None,
        logging_config=None,
    )


@pytest.fixture
async def callers(db: Database) -> AsyncIterator[Callers]:
    """Clients of the API."""
    access = Access(db, Config())
    app = twin(
        _compiled(),
        State(
            {
                "access": access,
                "config": Config(),
                "self_watch": lambda: None,
                "watchers_noted": watchers.Noted(),
            }
        ),
    )
    made = Callers(httpx2.ASGITransport(app), db, access.cookie)
    made.state = app.state
    yield made
    for client in made.clients:
        await client.aclose()
    await access.finish()


@pytest.fixture
async def alice(callers: Callers, cast: Cast) -> Client:
    """The owner's client."""
    return await callers.signed_in(cast.alice)


@pytest.fixture
async def bob(callers: Callers, cast: Cast) -> Client:
    """The client of a plain member of the team."""
    return await callers.signed_in(cast.bob)


@pytest.fixture
async def charlie(callers: Callers, cast: Cast) -> Client:
    """The client of somebody of the organization who is in no team."""
    return await callers.signed_in(cast.charlie)
