"""SIGTERM under load: what has begun is answered and stored, what comes later is told to come back."""

import asyncio

import httpx2
import pytest

from tests.processes.server import Server, settle_in, until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.mark.proves("LC-1", "IN-1", "F-04")
async def test_a_request_in_flight_is_answered_and_stored(server: Server) -> None:
    """Its body ends after SIGTERM; it gets its 202, the process leaves with 0, and the next one has the alert."""
    house = await settle_in(server)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    body = b'{"title": "half a body", "dedup_key": "half"}'
    head = (
        f"POST /webhooks/generic/{house.key} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n"
        "Expect: 100-continue\r\n\r\n"
    )
    writer.write(head.encode())
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100")  # it waits for the body now
    writer.write(body[:10])
    await writer.drain()
    stopping = asyncio.create_task(server.stop())
    await asyncio.sleep(0.5)
    writer.write(body[10:])
    await writer.drain()
    answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 202"), answer
    assert await stopping == 0
    writer.close()

    await server.start()
    assert "half a body" in [alert["title"] for alert in await server.items("/alerts")]


@pytest.mark.proves("LC-1", "IN-1", "F-04")
async def test_under_load_every_answer_is_true(server: Server) -> None:
    """Each 202 given before, during and after SIGTERM is an alert that the next process has."""
    house = await settle_in(server)
    answered, statuses = [], set()

    async def post(number: int) -> None:
        try:
            answer = await house.post(f"alert-{number}")
        except httpx2.TransportError:
            return
        statuses.add(answer.status_code)
        if answer.status_code == 202:
            answered.append(f"alert-{number}")

    posts: list[asyncio.Task[None]] = []

    async def so_many(more: int) -> None:
        for _ in range(more):
            posts.append(asyncio.create_task(post(len(posts))))
            await asyncio.sleep(0.004)

    async def enough() -> bool:
        await so_many(20)
        return len(answered) > 50

    await until(enough)
    stopping = asyncio.create_task(server.stop())
    await so_many(180)
    await asyncio.gather(*posts)
    assert await stopping == 0
    assert statuses <= {202, 503}

    await server.start()
    stored = {alert["title"] for alert in await server.items("/alerts")}
    assert set(answered) - stored == set()


@pytest.mark.proves("LC-1", "F-04")
async def test_whoever_was_let_in_is_answered(server: Server) -> None:
    """A connection without a request yet, and half a head: both go on after SIGTERM, get an answer and are closed."""
    await server.start()
    fresh = await asyncio.open_connection("127.0.0.1", server.port)
    half = await asyncio.open_connection("127.0.0.1", server.port)
    half[1].write(b"GET /health HTTP/1.1\r\n")
    await half[1].drain()
    assert (
        await server.client.get("/health")
    ).status_code == 200  # by a later connection: both are known now
    stopping = asyncio.create_task(server.stop())

    async def stops() -> bool:
        return "stopping" in server.log.read_text()

    await until(stops)
    for (reader, writer), rest in ((fresh, b"GET /health HTTP/1.1\r\n"), (half, b"")):
        writer.write(rest + b"Host: 127.0.0.1\r\n\r\n")
        answer = await reader.read()
        assert answer.startswith((b"HTTP/1.1 200", b"HTTP/1.1 503")), answer
        assert b"connection: close" in answer
        writer.close()
    assert await stopping == 0
