"""The WebSocket: who hears what, what is caught up with, and what ends a connection."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from structlog.testing import capture_logs
from uvicorn.protocols.utils import ClientDisconnected

from openalert import telemetry
from openalert.app import OpenAlert
from openalert.config import Config, Server
from openalert.domain.access import Role
from openalert.domain.event import Event
from openalert.storage import Database, events
from openalert.storage.transaction import Reader
from openalert.usecases import api_keys, second_factors, setup, signin, teams, users
from openalert.web import live
from openalert.web.broadcast import CAPACITY
from openalert.web.guards import Access

pytestmark = pytest.mark.anyio

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
async def connected(app: OpenAlert, *, leaves_after: int = 1 << 30, **headers: str) -> AsyncIterator[Socket]:
    """An open connection with these headers; `_` in a name is `-`."""
    socket = Socket(leaves_after)
    listed = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    listed.append((b"host", b"127.0.0.1:8080"))
    scope = {
        "type": "websocket", "path": "/api/v1/ws", "query_string": b"", "headers": listed,
        "client": ("192.0.2.1", 1), "extensions": {"websocket.http.response": {}},
    }  # fmt: skip
    socket.to_server.put_nowait({"type": "websocket.connect"})
    task = asyncio.create_task(app.asgi(scope, socket.receive, socket.send))
    try:
        yield socket
    finally:
        socket.to_server.put_nowait({"type": "websocket.disconnect"})
        await asyncio.wait_for(task, 30)


@pytest.fixture
async def cast(app: OpenAlert) -> dict[str, str]:
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
    """Wait for it, half a minute at most."""
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110 - nothing else tells it
            await asyncio.sleep(0.01)


async def opened(socket: Socket) -> None:
    """The connection is accepted, and its listener in place."""
    assert (await socket.frame())["type"] == "websocket.accept"
    socket.say({"type": "pong"})  # with its first message nothing is held back any more
    await asyncio.sleep(0.05)


async def test_everybody_hears_of_their_own_teams(app: OpenAlert, cast: dict[str, str]) -> None:
    """A member hears of her team and of what concerns all; a key with a role in the organization hears all."""
    async with (
        connected(app, **as_bea(cast)) as bea,
        connected(app, authorization=f"Bearer {cast['key']}") as machine,
    ):
        for socket in (bea, machine):
            await opened(socket)
        await happen(app, cast, "b", "a", None)
        assert [(await machine.hear())["data"]["team"] for _ in range(3)] == ["b", "a", None]
        heard = [await bea.hear(), await bea.hear()]
        assert [one["data"]["team"] for one in heard] == ["a", None]
        assert heard[0]["type"] == "incident.created"
        assert heard[0]["teamId"] == cast["team a"]
        assert set(heard[0]) == {"seq", "type", "teamId", "incidentId", "at", "data"}
        assert heard[0]["at"].endswith("Z")
        assert heard[1]["seq"] == heard[0]["seq"] + 1
        assert await bea.silent()


async def test_the_first_message_may_say_who_it_is(app: OpenAlert, cast: dict[str, str]) -> None:
    """It is told from which event on it hears."""
    await happen(app, cast, "a")
    async with connected(app) as socket:
        assert (await socket.frame())["type"] == "websocket.accept"
        socket.say({"type": "auth", "token": cast["key"]})
        greeting = await socket.hear()
        assert greeting["type"] == "ready"
        await happen(app, cast, "b")
        assert (await socket.hear())["seq"] == greeting["seq"] + 1


@pytest.mark.parametrize(
    "first", [{"type": "auth", "token": "oak_x_y"}, {"type": "resume", "after": 0}, None]
)
async def test_who_does_not_say_who_it_is_is_sent_away(
    app: OpenAlert, monkeypatch: pytest.MonkeyPatch, first: dict[str, str] | None
) -> None:
    """4401 for a wrong key, another first message, or silence."""
    monkeypatch.setattr(live, "AUTH_SECONDS", 0.1)
    async with connected(app) as socket:
        await opened(socket)
        if first is not None:
            socket.say(first)
        assert await socket.closed() == 4401


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "", "http://127.0.0.1:8080.evil.example", "https://127.0.0.1:8080",
     "http://127.0.0.1:8081", "http://127.0.0.1"],
)  # fmt: skip
async def test_a_foreign_page_cannot_listen_with_the_cookie(
    app: OpenAlert, cast: dict[str, str], origin: str
) -> None:
    """403 before the upgrade, with the headers that every answer has."""
    headers = as_bea(cast) | ({"origin": origin} if origin else {})
    if not origin:
        del headers["origin"]
    async with connected(app, **headers) as socket:
        frame = await socket.frame()
        assert frame["type"] == "websocket.http.response.start"
        assert frame["status"] == 403
        assert b"content-security-policy" in dict(frame["headers"])


@pytest.mark.parametrize(
    ("origin", "own"),
    [("https://oncall.example.com", True), ("https://console.example.com", True), ("https://OnCall.example.com", False),
     ("http://oncall.example.com", False), ("https://oncall.example.com:8443", False), ("https://example.com", False),
     ("https://a.oncall.example.com", False), ("https://oncall.example.com.evil.example", False), ("null", False),
     ("https://oncall.example.com/", False), ("https://oncall.example.com@evil.example", False), ("", False)],
)  # fmt: skip
def test_an_origin_is_compared_to_the_letter(sqlite_db: Database, origin: str, own: bool) -> None:
    """Scheme, host and port as configured; what the request calls the server counts for nothing (S-69)."""
    server = Server(base_url="https://oncall.example.com", allowed_origins=("https://console.example.com",))
    access = Access(sqlite_db, Config(server=server))
    headers = [(b"origin", origin.encode()), (b"host", origin.partition("//")[2].encode())]
    assert access.is_own_origin({"type": "websocket", "scheme": "wss", "headers": headers}) is own


async def test_what_was_missed_is_told_once_and_in_order(app: OpenAlert, cast: dict[str, str]) -> None:
    """`resume` replays the caller's events after a number, and live ones follow without a repeat."""
    await happen(app, cast, "a", "b", "a")
    async with app.database.read() as reader:
        newest = await events.last(reader)
    async with connected(app, **as_bea(cast)) as bea:
        await opened(bea)
        bea.say({"type": "resume", "after": newest - 3})
        assert [(await bea.hear())["seq"] for _ in range(2)] == [newest - 2, newest]
        await happen(app, cast, "a")
        assert (await bea.hear())["seq"] == newest + 1
        assert await bea.silent()


@pytest.mark.proves("WS-1")
async def test_what_happens_while_a_client_comes_back_is_told_once(
    app: OpenAlert, cast: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events come between the opening and `resume`: they wait for it, and come once."""
    monkeypatch.setattr(live, "HOLD_SECONDS", 60.0)
    await happen(app, cast, "a")
    async with app.database.read() as reader:
        newest = await events.last(reader)
    async with connected(app, **as_bea(cast)) as bea:
        assert (await bea.frame())["type"] == "websocket.accept"
        await asyncio.sleep(0.05)
        await happen(app, cast, "a", "a")
        assert await bea.silent()
        bea.say({"type": "resume", "after": newest - 1})
        assert [(await bea.hear())["seq"] for _ in range(3)] == [newest, newest + 1, newest + 2]
        await happen(app, cast, "a")
        assert (await bea.hear())["seq"] == newest + 3
        assert await bea.silent()


async def test_a_client_that_says_nothing_is_told_all_the_same(app: OpenAlert, cast: dict[str, str]) -> None:
    """Nothing is held back for long from who does not resume."""
    async with connected(app, **as_bea(cast)) as bea:
        await happen(app, cast, "a")
        assert (await bea.frame())["type"] == "websocket.accept"
        await happen(app, cast, "a")
        assert (await bea.hear())["type"] == "incident.created"


@pytest.mark.proves("WS-1")
async def test_what_is_no_longer_known_must_be_read_again(app: OpenAlert, cast: dict[str, str]) -> None:
    """`resync` when the events after the number are gone, or never were (a restored backup)."""
    await happen(app, cast, "a", "a", "a")
    async with app.database.transaction() as tx:
        await tx.execute("DELETE FROM events WHERE seq < (SELECT max(seq) FROM events)")
        newest = await events.last(tx)
    async with connected(app, **as_bea(cast)) as bea:
        await opened(bea)
        for after in (0, newest + 5):
            bea.say({"type": "resume", "after": after})
            assert await bea.hear() == {"type": "resync", "seq": newest}
        bea.say({"type": "resume", "after": newest - 1})
        assert (await bea.hear())["seq"] == newest


@pytest.mark.parametrize(
    "end",
    [
        lambda tx, cast: signin.sign_out(tx, cast["bea session"]),
        lambda tx, cast: users.deactivate(tx, cast["bea"]),
        lambda tx, cast: users.update(tx, cast["bea"], role=Role.VIEWER),
        lambda tx, cast: users.set_password(tx, cast["bea"], "a hash"),
        lambda tx, cast: signin.end_sessions_of(tx, cast["bea"]),
        lambda tx, cast: signin.rotate_session(tx, cast["bea session"]),
        lambda tx, cast: second_factors.reset(tx, cast["bea"]),
    ],
    ids=[
        "signed out",
        "deactivated",
        "another role",
        "another password",
        "ended by an admin",
        "another token",
        "second factor reset",
    ],
)
async def test_who_may_no_longer_come_in_may_no_longer_listen(
    app: OpenAlert, cast: dict[str, str], end: Callable[..., Any]
) -> None:
    """4401 within about a second."""
    async with connected(app, **as_bea(cast)) as bea:
        await opened(bea)
        async with app.database.transaction() as tx:
            await setup.ensure_organization(tx)
            await end(tx, cast)
        await app.live.recheck()
        assert await bea.closed() == 4401


async def test_a_revoked_key_is_sent_away_by_the_clockwork(app: OpenAlert, cast: dict[str, str]) -> None:
    """Without anybody asking for it."""
    async with connected(app, authorization=f"Bearer {cast['key']}") as machine:
        await opened(machine)
        async with app.database.transaction() as tx:
            await setup.ensure_organization(tx)
            await api_keys.revoke(tx, cast["key id"])
        assert await machine.closed() == 4401


async def test_a_team_that_was_left_is_silent(app: OpenAlert, cast: dict[str, str]) -> None:
    """The connection stays; its view follows."""
    async with connected(app, **as_bea(cast)) as bea:
        await opened(bea)
        async with app.database.transaction() as tx:
            await setup.ensure_organization(tx)
            await teams.remove_member(tx, cast["team a"], cast["bea"])
        await app.live.recheck()
        await happen(app, cast, "a", None)
        assert (await bea.hear())["data"]["team"] is None


async def test_all_are_asked_about_at_once(
    app: OpenAlert, cast: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who everybody is costs one question for all sessions and one for all keys, and is one object for each of them."""
    ana = as_bea(cast) | {"cookie": f"openalert_session={cast['ana session']}"}
    key = {"authorization": f"Bearer {cast['key']}"}
    asked = []
    every = Reader.all

    async def counted(reader: Reader, kind: type[Any], sql: str, /, **parameters: Any) -> list[Any]:
        asked.append(sql)
        return await every(reader, kind, sql, **parameters)

    monkeypatch.setattr(live, "RECHECK_SECONDS", 1_000.0)
    async with AsyncExitStack() as stack:
        for headers in (as_bea(cast), as_bea(cast), ana, key, key):
            await opened(await stack.enter_async_context(connected(app, **headers)))
        await until(lambda: listeners() == 5)
        await asyncio.sleep(1.1)  # the look that was waited for before that
        monkeypatch.setattr(Reader, "all", counted)
        await app.live.recheck()
        assert len([sql for sql in asked if "sessions" in sql]) == 1
        assert len([sql for sql in asked if "api_keys" in sql]) == 1


async def test_whoever_comes_in_a_storm_stays(
    app: OpenAlert, cast: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is us who hold news back from one who has just come: that he is behind is no reason to send him away."""
    monkeypatch.setattr(live, "HOLD_SECONDS", 60.0)
    async with (
        connected(app, **as_bea(cast)) as bea,
        connected(app, authorization=f"Bearer {cast['key']}") as quick,
    ):
        assert (await bea.frame())["type"] == "websocket.accept"
        await opened(quick)
        await until(lambda: listeners() == 2)
        await happen(app, cast, *["a"] * (CAPACITY + 1))
        assert (await quick.hear())["type"] == "resync"
        bea.say({"type": "pong"})
        newest = (await bea.hear())["seq"]
        await happen(app, cast, "a")
        assert (await bea.hear())["seq"] == newest + 1


async def test_whoever_catches_up_in_a_storm_stays(app: OpenAlert, cast: dict[str, str]) -> None:
    """What happens while one is told what was missed counts as nothing left behind; then there is to be read anew."""
    await happen(app, cast, "a", "a", "a")
    async with app.database.read() as reader:
        newest = await events.last(reader)
    async with (
        connected(app, **as_bea(cast)) as bea,
        connected(app, authorization=f"Bearer {cast['key']}") as quick,
    ):
        for socket in (bea, quick):
            await opened(socket)
        await until(lambda: listeners() == 2)
        bea.reads.clear()
        bea.say({"type": "resume", "after": newest - 2})
        await until(lambda: bea.is_stuck)
        await happen(app, cast, *["a"] * (CAPACITY + 1))
        assert (await quick.hear())["type"] == "resync"
        bea.reads.set()
        heard = [await bea.hear() for _ in range(3)]
        assert [each["seq"] for each in heard] == [newest - 1, newest, newest + CAPACITY + 1]
        assert heard[2]["type"] == "resync"


async def test_an_unknown_incident_is_not_found(app: OpenAlert, cast: dict[str, str]) -> None:
    """The error names it, and the connection goes on."""
    async with connected(app, **as_bea(cast)) as bea:
        await opened(bea)
        bea.say({"type": "subscribe", "incidentId": "nothing"})
        error = await bea.hear()
        assert (error["type"], error["code"], error["incidentId"]) == ("error", "NOT_FOUND", "nothing")
        bea.say({"type": "ping"})
        assert await bea.hear() == {"type": "pong"}


@pytest.mark.proves("WS-1", "LC-2", "F-29")
async def test_who_does_not_keep_up_is_dropped(app: OpenAlert, cast: dict[str, str]) -> None:
    """1013 after 256 waiting messages, while another client goes on."""
    async with (
        connected(app, **as_bea(cast)) as slow,
        connected(app, authorization=f"Bearer {cast['key']}") as quick,
    ):
        for socket in (slow, quick):
            await opened(socket)
        slow.reads.clear()
        for _ in range(8):
            await happen(app, cast, *["a"] * 50)
            for _ in range(50):
                await quick.hear()
        assert await slow.closed() == 1013
        slow.reads.set()
        await happen(app, cast, "a")
        assert (await quick.hear())["data"]["team"] == "a"


@pytest.mark.parametrize(("text", "code"), [("x" * 4097, 1009), (None, 1008)])
async def test_abuse_ends_the_connection(
    app: OpenAlert, cast: dict[str, str], text: str | None, code: int
) -> None:
    """A frame over 4 KiB, or the 21st message of a second."""
    async with connected(app, **as_bea(cast)) as bea:
        await opened(bea)
        for _ in range(1 if text else 21):
            bea.say(text or {"type": "ping"})
        assert await bea.closed() == code


@pytest.mark.parametrize("text", ["{", "[]", "3", '{"type": 3}', "[" * 3000, '{"type":"dance"}'])
async def test_what_cannot_be_read_is_answered(app: OpenAlert, cast: dict[str, str], text: str) -> None:
    """An error, and the connection goes on."""
    async with connected(app, **as_bea(cast)) as bea:
        await opened(bea)
        bea.say(text)
        assert (await bea.hear())["code"] == "VALIDATION_ERROR"
        bea.say({"type": "ping"})
        assert await bea.hear() == {"type": "pong"}


async def test_one_person_has_twenty_connections(
    app: OpenAlert, cast: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next is refused; when one ends there is room again."""
    monkeypatch.setattr(live, "CONNECTIONS_EACH", 1)
    async with connected(app, **as_bea(cast)) as first:
        await opened(first)
        async with connected(app, **as_bea(cast)) as second:
            await opened(second)
            assert await second.closed() == 1008
    async with connected(app, **as_bea(cast)) as third:
        await opened(third)
        third.say({"type": "ping"})
        assert await third.hear() == {"type": "pong"}


async def test_a_stopping_server_says_so(app: OpenAlert, cast: dict[str, str]) -> None:
    """1001: come back to whoever follows."""
    async with connected(app, **as_bea(cast)) as bea:
        await opened(bea)
        await app.drain()
        assert await bea.closed() == 1001


@pytest.mark.parametrize("leaves_after", [0, 1, 2], ids=["opening", "greeting", "pong"])
async def test_a_client_that_leaves_is_no_fault(
    app: OpenAlert, cast: dict[str, str], leaves_after: int
) -> None:
    """Just as something is said to it: nothing is logged, and nobody counts it any more."""
    with capture_logs() as logged:
        async with connected(app, leaves_after=leaves_after) as client:
            client.say({"type": "auth", "token": cast["key"]})
            client.say({"type": "ping"})
    assert [entry for entry in logged if entry["log_level"] != "info"] == []
    assert client.from_server.qsize() == leaves_after
    assert not app.live._connections
