"""A connection on which nothing is on its way: how long it is waited for, and what is left of one that is gone."""

import asyncio
import gc
import time
import weakref
from types import SimpleNamespace
from typing import Any

import pytest

from openalert.cli import connection
from openalert.cli.connection import Connection
from tests.cli.test_connection import HOST, answered, echo, serving
from tests.processes.server import until

pytestmark = pytest.mark.anyio


async def asks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *paths: bytes) -> list[bytes]:
    """The bodies that come back when these are asked for in one packet."""
    writer.write(b"".join(b"GET " + path + b" HTTP/1.1\r\n" + HOST + b"\r\n" for path in paths))
    bodies = []
    for _ in paths:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.partition(b"content-length: ")[2].partition(b"\r")[0])
        bodies.append(await reader.readexactly(length))
    return bodies


class Watched:
    """The connections that were made, the looks that they planned (in seconds from then), and their clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: list[weakref.ref[Connection]] = []
        self.planned: list[float] = []
        self.later = 0.0
        begins, plans = Connection.connection_made, Connection._look_after

        def connection_made(of: Connection, transport: asyncio.Transport) -> None:
            self.made.append(weakref.ref(of))
            begins(of, transport)

        def look_after(of: Connection, seconds: float) -> None:
            self.planned.append(round(seconds, -2))
            plans(of, seconds)

        monkeypatch.setattr(Connection, "connection_made", connection_made)
        monkeypatch.setattr(Connection, "_look_after", look_after)
        clock = SimpleNamespace(monotonic=lambda: time.monotonic() + self.later)
        monkeypatch.setattr(connection, "time", clock)

    def looks(self) -> list[float]:
        """What was planned comes about; what is planned by that."""
        (of,) = self.made
        before, known = len(self.planned), of()
        assert known is not None
        assert known.timeout_keep_alive_task is not None
        known.timeout_keep_alive_task.cancel()
        known.timeout_keep_alive_handler()
        return self.planned[before:]


async def test_only_a_connection_that_is_idle_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not while a request is answered, however long that takes, nor sooner after any answer than after the first."""
    watched, goes_on, begun = Watched(monkeypatch), asyncio.Event(), asyncio.Event()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/slow":
            begun.set()
            await goes_on.wait()
        await echo(scope, receive, send)

    async with serving(app=slow, idle=9000) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await asks(reader, writer, b"/")
        watched.later = 4000
        await asks(reader, writer, b"/")
        assert watched.planned == [9000], "one timer for all answers"
        watched.later = 9000
        assert watched.looks() == [4000], "so long after the last one"
        asked = asyncio.create_task(asks(reader, writer, b"/slow"))
        await begun.wait()
        watched.later = 90000
        assert watched.looks() == [], "while it is busy nobody looks"
        goes_on.set()
        await asked
        assert watched.planned == [9000, 4000, 9000]
        watched.later = 99000
        assert watched.looks() == []
        assert await reader.read() == b""
        writer.close()


async def test_who_is_idle_is_hung_up_on_in_time() -> None:
    """By the clock of the machine, and not sooner."""
    async with serving(idle=1) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        asked = time.monotonic()
        await asks(reader, writer, b"/")
        assert await reader.read() == b""
        assert time.monotonic() - asked >= 1
        writer.close()


async def test_whoever_asks_ahead_is_answered_in_order_and_heard_again() -> None:
    """While answers are due nothing more is read; when the last one has left it is, also where no body was wanted."""
    async with serving() as port, asyncio.timeout(60):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for paths in ([b"/a", b"/b", b"/c"], [b"/early"] * 3, [b"/d"]):
            told = await asks(reader, writer, *paths)
            assert [body.split(b" ")[1] for body in told] == paths
        writer.close()


async def test_what_is_asked_behind_the_last_answer_is_not_done() -> None:
    """The server said that it hangs up after that one: nobody would hear what came of the rest, and would ask again."""
    asked: list[str] = []

    async def last(scope: Any, receive: Any, send: Any) -> None:
        asked.append(scope["path"])
        headers = [(b"content-length", b"2"), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"OK"})

    async with serving(app=last) as port:
        for path in (b"/a", b"/b"):
            ask = b"GET %b HTTP/1.1\r\n" + HOST + b"\r\n"
            told = await answered(port, ask % path + ask % b"/more")
            assert told.count(b"HTTP/1.1 200 OK") == 1
    assert asked == ["/a", "/b"]


async def test_nothing_holds_a_connection_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A timer of an idle one would do so, and hold its last request too, long after its client has hung up."""
    watched = Watched(monkeypatch)

    async def is_gone() -> bool:
        gc.collect()
        return watched.made[0]() is None

    async with serving(idle=9000) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(2):
            await asks(reader, writer, b"/")
        assert not await is_gone()
        writer.close()
        await until(is_gone)
