"""Heartbeats of a process that is killed, away or stopped: what is late is told once, what was unheard not at all."""

import asyncio
import random
import signal
from collections import Counter
from datetime import datetime
from typing import Any

import pytest

from openalert.domain.instant import SECOND, from_datetime
from openalert.engine.engine import DEAF_SECONDS
from openalert.storage import wall_clock
from tests.processes.server import House, Server, settle_in, until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

JOBS = 20
KILLS = 3


async def made(server: Server, house: House, name: str, interval: float, grace: float) -> dict[str, Any]:
    """A new heartbeat of the house's service, with its key."""
    body = {"name": name, "serviceId": house.service_id, "intervalSeconds": interval, "graceSeconds": grace}
    return await server.call("POST", "/heartbeats", body)  # type: ignore[no-any-return]


async def beat(server: Server, heartbeat: dict[str, Any]) -> None:
    """A beat that was answered."""
    answer = await server.client.get(f"/heartbeats/{heartbeat['key']}")
    assert (answer.status_code, answer.text) == (200, "OK")


async def statuses(server: Server) -> Counter[str]:
    """How many heartbeats are in each state."""
    return Counter([each["status"] for each in await server.items("/heartbeats")])


@pytest.mark.proves("ES-2", "F-03")
async def test_kill_9_during_due_checks_tells_each_that_is_late_once(server: Server) -> None:
    """Killed again and again while their time runs out: one alert and one incident each, none lost, none doubled."""
    house = await settle_in(server)
    jobs = [await made(server, house, f"Job {number}", 1 + number / 10, 1) for number in range(JOBS)]
    for job in jobs:
        await beat(server, job)
    for seed in range(KILLS):
        await asyncio.sleep(random.Random(seed).uniform(0.2, 1.5))
        await server.kill()
        await server.start()

    async def all_late() -> bool:
        return (await statuses(server))["late"] == JOBS

    await until(all_late)
    alerts = Counter([alert["fingerprint"] for alert in await server.items("/alerts")])
    assert alerts == Counter([job["id"] for job in jobs])
    assert len(await server.items("/incidents")) == JOBS
    for job in jobs:  # on a busy machine the first would be late again before the last is heard
        await server.call("PATCH", f"/heartbeats/{job['id']}", {"intervalSeconds": 3600})
        await beat(server, job)
    assert {alert["status"] for alert in await server.items("/alerts")} == {"resolved"}


@pytest.mark.proves("IN-1", "F-03")
async def test_beats_that_were_answered_before_a_kill_are_not_late_after_it(server: Server) -> None:
    """Senders that beat without a pause through kill after kill; nobody is paged for any of them."""
    house = await settle_in(server)
    jobs = [await made(server, house, f"Job {number}", 5, 5) for number in range(5)]
    running = True

    async def send(job: dict[str, Any]) -> None:
        while running:
            try:
                await server.client.get(f"/heartbeats/{job['key']}")
            except Exception:
                await asyncio.sleep(0.05)
            await asyncio.sleep(0.1)

    senders = [asyncio.create_task(send(job)) for job in jobs]
    for seed in range(KILLS):
        await asyncio.sleep(random.Random(seed).uniform(0.5, 2))
        await server.kill()
        await server.start()
    running = False
    await asyncio.gather(*senders)
    assert await server.items("/alerts") == []


@pytest.mark.parametrize("how", ["killed", "stopped in order", "suspended"])
async def test_being_away_longer_than_everything_blames_nobody(server: Server, how: str) -> None:
    """What stays away then is told, and not before a whole interval and grace after the server is back."""
    house = await settle_in(server)
    await beat(server, await made(server, house, "Job", 3, 3))
    if how == "suspended":
        assert server.process is not None
        server.process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(DEAF_SECONDS + 4)
        back = wall_clock()
        server.process.send_signal(signal.SIGCONT)
    else:
        await (server.kill() if how == "killed" else server.stop())
        await asyncio.sleep(7)
        back = wall_clock()
        await server.start()

    async def late() -> bool:
        return (await statuses(server))["late"] == 1

    await until(late)
    (alert,) = await server.items("/alerts")
    assert alert["title"] == "Job has not been heard of"
    assert from_datetime(datetime.fromisoformat(alert["firedAt"])) - back >= 6 * SECOND
