"""WebSockets by the hundreds, real ones: all are told, and those that misbehave cost the others nothing."""

import asyncio
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.bench import listeners, sockets
from tests.bench.sockets import Crowd, Listening
from tests.processes.server import House, Server, settle_in, until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

CLIENTS = 400
EACH = 20
ABUSERS = 40


async def _crowd(
    stack: ExitStack, house: House, clients: int, behave: str, *, back: bool = False
) -> Listening:
    """As many clients with keys of their own, in another process."""
    made = [
        await house.server.call("POST", "/api-keys", {"name": f"{behave} {n}", "role": "viewer"})
        for n in range(clients // EACH)
    ]
    keys = [each["key"] for each in made]
    crowd = Crowd(port=house.server.port, keys=keys, clients=clients, behave=behave, back=back)
    return await asyncio.to_thread(stack.enter_context, sockets.crowd(crowd))


async def _hear(listening: Listening, name: str, clients: int) -> None:
    async def all_of_them() -> bool:
        heard = (await asyncio.to_thread(listening.tell)).heard
        return heard.get(f"mark {name}", (0, 0.0))[0] == clients

    await until(all_of_them)


@pytest.mark.proves("WS-1", "F-29", "LC-2")
async def test_hundreds_listen_and_some_misbehave(tmp_path: Path, anyio_backend: str) -> None:
    """Everybody hears of every alert, once; floods are cut off; who never reads is not waited for, all come back."""
    del anyio_backend
    server = Server(tmp_path)
    with ExitStack() as stack:
        try:
            house = await settle_in(server)
            good = await _crowd(stack, house, CLIENTS, "read", back=True)
            assert (await house.post("mark one")).status_code == 202
            await _hear(good, "one", CLIENTS)
            bad = {
                kind: await _crowd(stack, house, ABUSERS, kind)
                for kind in ("never", "drip", "ping", "huge", "half")
            }

            async def floods_are_over() -> bool:
                told = [await asyncio.to_thread(bad[kind].tell) for kind in ("ping", "huge")]
                return all(each.open == 0 for each in told)

            await until(floods_are_over)
            assert (await house.post("mark two")).status_code == 202
            await _hear(good, "two", CLIENTS)
            assert (await asyncio.to_thread(good.tell)).lost == 0
            # All at once are sent away, and come back at once to the server that follows.
            assert await server.stop() == 0
            await server.start()

            async def all_are_back() -> bool:
                return (await asyncio.to_thread(good.tell)).open == CLIENTS

            await until(all_are_back)
            assert (await house.post("mark three")).status_code == 202
            await _hear(good, "three", CLIENTS)
        finally:
            await server.close()


@pytest.mark.campaign
@pytest.mark.proves("WS-1", "F-29")
@pytest.mark.timeout(1_200)
def test_ten_thousand_listen() -> None:
    """All of them hear within two seconds and take less than 400 MB, among two thousand that misbehave."""
    figures = {figure.what: figure for figure in listeners.measure()}
    for what, figure in figures.items():
        if "last told" in what or "memory" in what:
            assert figure.verdict != "MISSED", (what, figure.value)
