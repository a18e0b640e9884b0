"""An appliance with a status page that has something to tell."""

from typing import Any

import httpx2
import pytest

from openalert.app import OpenAlert
from openalert.domain.status_page import Component, ComponentStatus, StatusPage
from openalert.usecases import status_components as components
from openalert.usecases import status_incidents as told
from openalert.usecases import status_pages as pages
from tests import make
from tests.conftest import StoppedClock


class Told:
    """A page "Acme" with the components API and Web, and whoever may change it."""

    def __init__(self, app: OpenAlert, client: httpx2.AsyncClient, cast: make.Cast) -> None:
        self.app, self.client, self.cast = app, client, cast
        self.page: StatusPage
        self.api: Component
        self.web: Component

    async def does(self, act: Any, *args: Any, **options: Any) -> Any:
        """A use case by the owner of the team; then the board has followed."""
        async with self.app.database.transaction(make.actor(self.cast.alice, self.cast.team)) as tx:
            result = await act(tx, *args, **options)
        await self.app.board.refresh()
        return result

    @property
    def clock(self) -> StoppedClock:
        """The clock that the page is read by."""
        stopped = self.app.database.clocks._wall
        assert isinstance(stopped, StoppedClock)
        return stopped

    async def begin(self) -> None:
        """Make the page and its components."""
        self.page = await self.does(pages.create, team_id=self.cast.team.id, name="Acme", slug="acme")
        group = await self.does(components.add_group, self.page.id, name="Core")
        self.api = await self.does(components.add_component, self.page.id, name="API", group_id=group.id)
        self.web = await self.does(components.add_component, self.page.id, name="Web")

    async def tells(self, title: str = "API is down", message: str = "We look.", **options: Any) -> told.Told:
        """An incident of the API."""
        about = {self.api.id: ComponentStatus.PARTIAL_OUTAGE}
        found: told.Told = await self.does(
            told.create, self.page.id, title=title, message=message, components=about, **options
        )
        return found

    async def gets(self, path: str = "", status: int = 200, **options: Any) -> httpx2.Response:
        """What a stranger is answered below `/status/acme`, or at a path that begins with a slash of its own."""
        target = path if path.startswith("/") else f"/status/acme/{path}".rstrip("/")
        answer = await self.client.get(target, **options)
        assert answer.status_code == status, (target, answer.text[:300])
        return answer


@pytest.fixture
async def acme(app: OpenAlert, client: httpx2.AsyncClient) -> Told:
    """The page, all well."""
    world = Told(app, client, await make.cast(app.database))
    await world.begin()
    return world
