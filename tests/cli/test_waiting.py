"""A start that waits for its database answers on its port: alive, not ready, and why; it goes when the server comes."""

import asyncio
import socket
import struct
from contextlib import suppress

import msgspec
import pytest

from openalert.cli import waiting
from openalert.cli.waiting import LONGEST_HEAD, WaitingRoom

pytestmark = pytest.mark.anyio
CAUSE = "Postgres waits for its standby"


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is not cut off."""
    monkeypatch.setattr(waiting, "REQUEST_SECONDS", 120.0)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], list[str]]:
    """What whoever started it reads, and what the service manager is told."""
    people: list[str] = []
    manager: list[str] = []
    monkeypatch.setattr(waiting.telemetry, "say", people.append)
    monkeypatch.setattr(waiting.systemd, "notify", manager.append)
    return people, manager


async def _asks(port: int, said: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the answer to what is said; status 0: there was none."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(said)
    writer.write_eof()
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    lines = head.decode().split("\r\n")
    status = int(lines[0].split(" ")[1]) if lines[0] else 0
    return status, dict(line.split(": ", 1) for line in lines[1:]), body


async def test_it_says_how_it_is() -> None:
    """In the words of the server itself, with the cause; whatever else is asked for is refused for now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        async with WaitingRoom(listener) as room:
            room.tell(CAUSE)
            room.tell(f"{CAUSE} still")
            for path in ("/health", "/health/live?x=1"):
                status, headers, body = await _asks(port, f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
                assert (status, msgspec.json.decode(body)["waits"]) == (200, f"{CAUSE} still")
                assert (headers["cache-control"], headers["connection"]) == ("no-store", "close")
            for path in ("/ready", "/health/ready"):
                status, headers, body = await _asks(port, f"GET {path} HTTP/1.1\r\n\r\n".encode())
                assert (status, headers["retry-after"]) == (503, "5")
                assert msgspec.json.decode(body)["status"] == "unavailable"
            assert await _asks(port, b"HEAD /ready HTTP/1.1\r\n\r\n") == (status, headers, b"")
            status, headers, body = await _asks(
                port, b"POST /webhooks/generic/k HTTP/1.1\r\n\r\n" + b"x" * 1_000_000
            )
            assert (status, headers["content-type"]) == (503, "application/problem+json")
            assert CAUSE in msgspec.json.decode(body)["detail"]
            assert int(headers["content-length"]) == len(body)


async def test_what_is_no_request_is_dropped() -> None:
    """Nothing at all, half a request, an endless one: no answer, and the next one is answered as ever."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        async with WaitingRoom(listener) as room:
            room.tell(CAUSE)
            for said in (b"", b"GET /ready HTTP/1.1\r\n", b"x" * (LONGEST_HEAD + 1) * 4):
                with suppress(ConnectionResetError):
                    assert (await _asks(port, said))[0] == 0
            assert (await _asks(port, b"\r\n\r\n"))[0] == 503
            assert (await _asks(port, b"GET /health HTTP/1.1\r\n\r\n"))[0] == 200


async def test_who_asks_and_is_gone_at_once_disturbs_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """A broken connection is no fault, whenever it breaks."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with WaitingRoom(listener) as room:
            room.tell(CAUSE)
            for pause in (0.0, 0.0, 0.001, 0.01):
                for _ in range(10):
                    with socket.create_connection(listener.getsockname()) as gone:
                        gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        gone.sendall(b"GET /ready HTTP/1.1\r\n\r\n")
                    await asyncio.sleep(pause)
            assert (await _asks(listener.getsockname()[1], b"GET /health HTTP/1.1\r\n\r\n"))[0] == 200
            waiting_for = asyncio.all_tasks() - {asyncio.current_task()}
            assert not [task for task in waiting_for if "_answer" in str(task.get_coro())]
    assert [record.message for record in caplog.records if record.name == "asyncio"] == []


async def test_nobody_is_told_where_nothing_is_waited_for() -> None:
    """Then the port is the server's alone: what connects meanwhile waits for it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with WaitingRoom(listener):
            _, writer = await asyncio.open_connection(*listener.getsockname())
            await asyncio.sleep(0)
        taken, _ = listener.accept()
        taken.close()
        writer.close()


async def test_who_neither_ends_nor_hangs_up_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """An endless head at once, a slow one when its time is over; whoever waits for our end after the answer sees it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with WaitingRoom(listener) as room, asyncio.timeout(60):
            room.tell(CAUSE)
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            writer.write(b"GET /health HTTP/1.1\r\n\r\n")
            assert (await reader.read()).startswith(b"HTTP/1.1 200 OK")
            writer.close()
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            writer.write(b"x" * 4 * LONGEST_HEAD)
            with suppress(ConnectionResetError):
                assert await reader.read() == b""
            writer.close()
            monkeypatch.setattr(waiting, "REQUEST_SECONDS", 0.05)
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            writer.write(b"GET /health HTTP/1.1\r\n")
            assert await reader.read() == b""
            writer.close()


@pytest.mark.parametrize("fails", [True, False])
async def test_people_and_the_service_manager_hear_that_it_waits_and_that_it_goes_on(
    said: tuple[list[str], list[str]], fails: bool
) -> None:
    """People once, the manager each time, which gives it more time; that it goes on only where it does."""
    people, manager = said
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with suppress(OSError):
            async with WaitingRoom(listener) as room:
                room.tell(CAUSE)
                room.tell(CAUSE)
                assert manager == [f"STATUS=waits: {CAUSE}\nEXTEND_TIMEOUT_USEC=60000000"] * 2
                assert people == [f"OpenAlert waits: {CAUSE}. It starts by itself when commits are answered."]
                if fails:
                    raise OSError("the database is gone")
        assert len(people) == (1 if fails else 2)
        assert room._opening is not None
        assert not (await room._opening).is_serving()
        _, writer = await asyncio.open_connection(*listener.getsockname())
        taken, _ = listener.accept()
        taken.close()
        writer.close()
