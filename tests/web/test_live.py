"""The WebSocket: who hears what, what is caught up with, and what ends a connection."""

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from structlog.testing import capture_logs

from openalert.app import OpenAlert
from openalert.config import Config, Server
from openalert.domain.access import Role
from openalert.domain.event import Event
from openalert.storage import Database, events
from openalert.usecases import api_keys, second_factors, setup, signin, teams, users
from openalert.web import listener, live
from openalert.web.guards import Access
from tests.web.live_client import as_bea, connected, happen, listeners, opened, populate, until

pytestmark = pytest.mark.anyio


@pytest.fixture
async def cast(app: OpenAlert) -> dict[str, str]:
    """See `populate`."""
    return await populate(app)


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
    monkeypatch.setattr(listener, "AUTH_SECONDS", 0.1)
    async with connected(app) as socket:
        assert (await socket.frame())["type"] == "websocket.accept"
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
    monkeypatch.setattr(listener, "HOLD_SECONDS", 60.0)
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


@pytest.mark.proves("WS-1")
@pytest.mark.parametrize("by", ["address", "message"])
async def test_whoever_says_by_coming_what_was_heard_last_hears_the_rest_in_order(
    app: OpenAlert, cast: dict[str, str], monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    """What was missed comes before anything else, however little news wait; then what happens, without any wait."""
    monkeypatch.setattr(listener, "HOLD_SECONDS", 0.0 if by == "address" else 60.0)
    await happen(app, cast, "a", "b", "a")
    async with app.database.read() as reader:
        newest = await events.last(reader)
    query, headers = f"after={newest - 3}", as_bea(cast)
    async with connected(app, **({"query": query} | headers if by == "address" else {})) as bea:
        assert (await bea.frame())["type"] == "websocket.accept"
        expected = [newest - 2, newest]
        if by == "message":
            bea.say({"type": "auth", "token": cast["key"], "after": newest - 3})
            assert await bea.hear() == {"type": "ready", "seq": newest}
            expected.insert(1, newest - 1)
        await happen(app, cast, "a", "a")
        assert [(await bea.hear())["seq"] for _ in expected] == expected
        assert [(await bea.hear())["seq"] for _ in range(2)] == [newest + 1, newest + 2]
        assert await bea.silent()


@pytest.mark.parametrize(
    ("after", "answer"),
    [("-1", "error"), ("x", "error"), ("1" * 19, "error"), ("\u0665", "error"), ("9" * 18, "resync")],
)
async def test_who_says_by_coming_what_is_no_number_is_told_so(
    app: OpenAlert, cast: dict[str, str], after: str, answer: str
) -> None:
    """An error, or to read anew where there is no such event; and news come all the same."""
    await happen(app, cast, "a")
    async with connected(app, query=f"after={quote(after)}", **as_bea(cast)) as bea:
        assert (await bea.frame())["type"] == "websocket.accept"
        first = await bea.hear()
        assert (first["type"], first.get("code")) == (
            answer,
            "VALIDATION_ERROR" if answer == "error" else None,
        )
        await happen(app, cast, "a")
        assert (await bea.hear())["type"] == "incident.created"


@pytest.mark.proves("WS-1")
async def test_whoever_resumes_late_is_told_what_was_missed_and_nothing_twice(
    app: OpenAlert, cast: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """News did not wait any longer: what was told as it happened is not told by `resume`; who asks again gets all."""
    monkeypatch.setattr(listener, "HOLD_SECONDS", 0.0)
    await happen(app, cast, "a", "a", "a")
    async with app.database.read() as reader:
        newest = await events.last(reader)
    async with connected(app, **as_bea(cast)) as bea:
        assert (await bea.frame())["type"] == "websocket.accept"
        await until(lambda: listeners() == 1)
        await happen(app, cast, "a", "b", "a")
        assert [(await bea.hear())["seq"] for _ in range(2)] == [newest + 1, newest + 3]
        for told in ([newest - 1, newest], [newest - 1, newest, newest + 1, newest + 3]):
            bea.say({"type": "resume", "after": newest - 2})
            bea.say({"type": "ping"})
            assert [(await bea.hear())["seq"] for _ in told] == told
            assert await bea.hear() == {"type": "pong"}
        await happen(app, cast, "a")
        assert (await bea.hear())["seq"] == newest + 4
        assert await bea.silent()


@pytest.mark.proves("WS-1", "HA-1")
async def test_what_the_log_tells_first_is_not_told_again_when_word_of_it_comes(
    app: OpenAlert, cast: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another node has committed: the log has it already, word of it is still on its way here, and both are told."""
    on_the_way: list[list[Event]] = []
    monkeypatch.setattr(app.database, "_tell", on_the_way.append)
    await happen(app, cast, "a", "a")
    async with app.database.read() as reader:
        newest = await events.last(reader)
    async with connected(app, **as_bea(cast)) as bea, connected(app) as machine:
        await opened(bea)
        bea.say({"type": "resume", "after": newest - 1})
        assert (await bea.hear())["seq"] == newest
        assert (await machine.frame())["type"] == "websocket.accept"
        machine.say({"type": "auth", "token": cast["key"]})
        assert await machine.hear() == {"type": "ready", "seq": newest}
        monkeypatch.undo()
        for word in on_the_way:
            app.bus.publish(word)
        await happen(app, cast, "a")
        for socket in (bea, machine):
            assert (await socket.hear())["seq"] == newest + 1
            assert await socket.silent()


@pytest.mark.proves("WS-1", "F-39")
async def test_what_was_read_of_a_log_that_then_lost_its_end_is_read_anew(
    app: OpenAlert, cast: dict[str, str]
) -> None:
    """A standby takes over while one is told what was missed: the numbers do not hold any more."""
    await happen(app, cast, "a", "a", "a")
    async with app.database.read() as reader:
        newest = await events.last(reader)
    async with connected(app, **as_bea(cast)) as bea:
        await opened(bea)
        bea.reads.clear()
        bea.say({"type": "resume", "after": newest - 2})
        await until(lambda: bea.is_stuck)
        app.live.broadcast.missed()
        bea.reads.set()
        assert [(await bea.hear())["seq"] for _ in range(2)] == [newest - 1, newest]
        assert await bea.hear() == {"type": "resync", "seq": newest}
        await happen(app, cast, "a")
        assert (await bea.hear())["seq"] == newest + 1


async def test_a_client_that_says_nothing_is_told_all_the_same(app: OpenAlert, cast: dict[str, str]) -> None:
    """Nothing is held back for long from who does not resume."""
    async with connected(app, **as_bea(cast)) as bea:
        await happen(app, cast, "a")
        assert (await bea.frame())["type"] == "websocket.accept"
        await until(lambda: listeners() == 1)
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


@pytest.mark.parametrize("leaves_after", [1, 2], ids=["greeting", "pong"])
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
    assert listeners() == 0
