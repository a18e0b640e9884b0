"""The dead-man's switch of a real server is proven by real silence, through a kill in the middle of it."""

import asyncio
import re
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.fakes.smtp import FakeSmtp
from tests.fakes.webhook import FakeWebhook
from tests.processes.conftest import mailing
from tests.processes.server import Server, settle_in, until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
EVERY = 2
WELL = "/ping/uuid"


@pytest.fixture
async def watched(tmp_path: Path, smtp: FakeSmtp, switch: FakeWebhook) -> AsyncIterator[Server]:
    """A server that looks at itself every two seconds."""
    running = mailing(
        tmp_path,
        smtp,
        self_monitor_canary="true",
        self_monitor_every_seconds=str(EVERY),
        self_monitor_url=f"http://127.0.0.1:{switch.port}{WELL}",
    )
    yield running
    await running.close()


async def _hears(switch: FakeWebhook) -> float:
    """When it next hears that all is well, in seconds since 1970."""
    switch.requests.clear()

    async def said() -> bool:
        return any(each.path == WELL for each in switch.requests)

    await until(said)
    return time.time()


async def _has_looked(server: Server) -> None:
    """It has tried itself twice more from now on: what it said before is said, and it would have said so since."""

    async def tries() -> float:
        text = (await server.client.get("/metrics")).text
        return sum(float(each) for each in re.findall(r"^openalert_canaries_total\{.*\} (\S+)$", text, re.M))

    before = await tries()

    async def twice_more() -> bool:
        return await tries() >= before + 2

    await until(twice_more)


async def _run(server: Server, *arguments: str) -> str:
    done = await asyncio.to_thread(server.run, "self-monitor", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.proves("SM-1")
async def test_silence_on_purpose_ends_whoever_is_killed_meanwhile(
    watched: Server, switch: FakeWebhook, smtp: FakeSmtp
) -> None:
    """Nothing is heard while it lasts, alerts page as ever, and the word comes back by itself after a kill -9."""
    house = await settle_in(watched)
    await _hears(switch)
    assert "Never proven" in await _run(watched, "status")

    assert "openalert self-monitor came" in await _run(watched, "prove", "--minutes", "2")
    await _has_looked(watched)  # a word that was on its way
    switch.requests.clear()
    await house.post("disk full", severity="critical")
    await smtp.received(1)
    await _has_looked(watched)
    assert switch.requests == []

    await watched.kill()
    ends = time.time() + 6
    with closing(sqlite3.connect(watched.data / "openalert.db", timeout=10)) as database:
        database.execute("UPDATE switch_proofs SET until = ?", (round(ends * 1000),))
        database.commit()
    await watched.start()
    if time.time() < ends - EVERY:  # a machine that starts so slowly has nothing to be silent for
        told = (await watched.client.get("/health/deep")).json()["switch"]
        assert told["silentUntil"] is not None
    heard = await _hears(switch)
    assert heard >= ends - 0.1

    await _run(watched, "prove", "--minutes", "60")
    refused = await asyncio.to_thread(watched.run, "self-monitor", "came", "--as", "bea@example.org")
    assert (refused.returncode, "needs an admin" in refused.stderr) == (1, True)
    await watched.call("PATCH", f"/users/{house.bea_id}", {"role": "admin"})
    assert "Proven" in await _run(watched, "came", "--as", "bea@example.org")
    await _hears(switch)
    told = (await watched.client.get("/health/deep")).json()["switch"]
    assert (told["provenAt"] is not None, told["silentUntil"]) == (True, None)
    assert "by Bea." in await _run(watched, "status")
    acts = [each["act"] for each in await watched.items("/audit-log")]
    assert acts.count("self_monitor.silenced") == 2
    assert acts.count("self_monitor.proven") == 1
