"""Clients of the WebSocket, spoken in ASGI messages, and an organization for them."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from uvicorn.protocols.utils import ClientDisconnected

from openalert import telemetry
from openalert.app import OpenAlert
from openalert.domain.access import Role
from openalert.domain.event import Event
from openalert.usecases import api_keys, setup, signin, teams, users

CLOSE = "websocket.close"


class Socket:
    """The client's side of one connection, spoken in ASGI messages."""

    def __init__(self, leaves_after: int) -> None:
        self.to_server: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.from_server: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.reads = asyncio.Event()
        self.reads.set()
        self.leaves_after = leaves_after
        """How many messages it takes before it is gone."""
        self.is_stuck = False
        """Whether the server waits for this client to read."""

    async def receive(self) -> dict[str, Any]:
        """What the server hears."""
        return await self.to_server.get()

    async def send(self, message: dict[str, Any]) -> None:
        """What the server says; waits while this client does not read."""
        if message["type"] != CLOSE:
            self.is_stuck = not self.reads.is_set()
            await self.reads.wait()
        if not self.leaves_after:
            raise ClientDisconnected
        self.leaves_after -= 1
        self.from_server.put_nowait(message)

    def say(self, body: Any) -> None:
        """Send a message."""
        text = body if isinstance(body, str) else json.dumps(body)
        self.to_server.put_nowait({"type": "websocket.receive", "text": text})

    async def frame(self) -> dict[str, Any]:
        """The next thing from the server, as it is."""
        return await asyncio.wait_for(self.from_server.get(), 30)

    async def hear(self) -> dict[str, Any]:
        """The next message."""
        frame = await self.frame()
        assert frame["type"] == "websocket.send", frame
        body: dict[str, Any] = json.loads(frame["text"])
        return body

    async def closed(self) -> int:
        """The code with which it ends, whatever comes before."""
        while (frame := await self.frame())["type"] != CLOSE:
            pass
        return int(frame["code"])

    async def silent(self) -> bool:
        """Whether nothing comes for a while."""
        await asyncio.sleep(0.05)
        return self.from_server.empty()


@asynccontextmanager
async def connected(
    app: OpenAlert, *, query: str = "", leaves_after: int = 1 << 30, **headers: str
) -> AsyncIterator[Socket]:
    """An open connection with these headers; `_` in a name is `-`."""
    socket = Socket(leaves_after)
    listed = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    listed.append((b"host", b"127.0.0.1:8080"))
    scope = {
        "type": "websocket", "path": "/api/v1/ws", "query_string": query.encode(), "headers": listed,
        "client": ("192.0.2.1", 1), "extensions": {"websocket.http.response": {}},
    }  # fmt: skip
    socket.to_server.put_nowait({"type": "websocket.connect"})
    task = asyncio.create_task(app.asgi(scope, socket.receive, socket.send))
    try:
        yield socket
    finally:
        socket.to_server.put_nowait({"type": "websocket.disconnect"})
        await asyncio.wait_for(task, 30)


async def populate(app: OpenAlert) -> dict[str, str]:
    """Two teams; Ana owns all, Bea is of team `a`, with keys, sessions and ids."""
    found: dict[str, str] = {}
    async with app.database.transaction() as tx:
        organization = await setup.ensure_organization(tx)
        found["organization"] = organization.id
        for name in ("a", "b"):
            found[f"team {name}"] = (await teams.create(tx, name=f"Team {name}")).id
        for name, role in (("ana", Role.OWNER), ("bea", Role.MEMBER)):
            user = await users.create(tx, email=f"{name}@acme.example", name=name, role=role)
            found[name] = user.id
            found[f"{name} session"] = await signin.open_session(tx, user.id, address="", user_agent="")
        await teams.put_member(tx, found["team a"], found["bea"], Role.MEMBER)
        key, found["key"] = await api_keys.create(tx, name="k")
        found["key id"] = key.id
    return found


async def happen(app: OpenAlert, cast: dict[str, str], *teams_of_events: str | None) -> None:
    """One committed event for each of these teams."""
    async with app.database.transaction() as tx:
        for team in teams_of_events:
            tx.emit(
                Event(
                    type="incident.created",
                    organization_id=cast["organization"],
                    team_id=cast[f"team {team}"] if team else None,
                    data={"team": team},
                )
            )


def as_bea(cast: dict[str, str]) -> dict[str, str]:
    """Headers of Bea's browser on a page of ours."""
    return {"cookie": f"openalert_session={cast['bea session']}", "origin": "http://127.0.0.1:8080"}


def listeners() -> float | None:
    """How many are signed in and listen."""
    return telemetry.registry.get_sample_value("openalert_websocket_clients")


async def until(holds: Callable[[], bool]) -> None:
    """Wait for it, two minutes at most."""
    async with asyncio.timeout(120):
        while not holds():  # noqa: ASYNC110 - nothing else tells it
            await asyncio.sleep(0.01)


async def opened(socket: Socket) -> None:
    """The connection is accepted, and its listener in place."""
    assert (await socket.frame())["type"] == "websocket.accept"
    socket.say({"type": "pong"})  # with its first message nothing is held back any more
    socket.say({"type": "ping"})  # only who listens answers
    assert (await socket.hear())["type"] == "pong"
