"""The wall clock of a real server jumps about: what pages people goes by the time that passes."""

import asyncio
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes.smtp import FakeSmtp
from tests.processes.clock import Clock, given_a_clock
from tests.processes.conftest import mailing
from tests.processes.server import Server, settle_in, until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

DELAY = 6.0
"""Seconds between the two levels."""
HOUR, DAY, YEAR = 3_600, 86_400, 31_557_600
STEPS = [2 * HOUR, 2 * HOUR - DAY, 300]
MORE_STEPS = [1, 301, 300, 7_500, DAY, 10 * YEAR, 10 * YEAR - 1, 0, -HOUR, -DAY, -DAY + 1, 0]


@pytest.fixture
async def set_server(tmp_path: Path, smtp: FakeSmtp) -> AsyncIterator[Server]:
    """A server, not started, that may be given a clock."""
    server = mailing(tmp_path, smtp)
    yield server
    await server.close()


async def _steps(server: Server, smtp: FakeSmtp, steps: list[int]) -> list[float]:
    """Set the clock in the middle of each delay; the seconds after which the second level was really paged."""
    clock = given_a_clock(server)
    house = await settle_in(server, delay_minutes=DELAY / 60)
    taken: list[float] = []
    seen: set[str] = set()
    once = await _once(server)
    for number, step in enumerate(steps):
        title = f"step {number}"
        begun = time.monotonic()
        answer = await house.post(title)
        assert answer.status_code == 202, answer.text
        await until(lambda title=title: _mailed(smtp, "bea@", title))
        await asyncio.sleep(1.5)
        clock.set(step)
        await until(lambda title=title: _mailed(smtp, "jun@", title))
        taken.append(time.monotonic() - begun)
        ids = {each["id"] for each in await server.items("/incidents")}
        assert len(ids) == number + 1, "ids and numbers do not depend on the order of the clock"
        assert seen < ids
        seen = ids
        assert await server.is_ready()
        assert await _once(server) == once, "the answer to a repeat is kept by the time that passes"
    numbers = [each["number"] for each in await server.items("/incidents")]
    assert sorted(numbers) == list(range(1, len(steps) + 1))
    return taken


async def _once(server: Server) -> str:
    """The team that is made when this is asked for the first time, and answered with whenever it is asked again."""
    made = await server.client.post(
        "/api/v1/teams", json={"name": "Once"}, headers={"Idempotency-Key": "clocks-once-0001"}
    )
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


async def _mailed(smtp: FakeSmtp, to: str, words: str) -> bool:
    return any(mail.recipients[0].startswith(to) and words in mail.subject + mail.text for mail in smtp.mails)


@pytest.mark.parametrize(
    "steps", [STEPS, pytest.param(MORE_STEPS, marks=[pytest.mark.campaign, pytest.mark.timeout(900)])]
)
@pytest.mark.proves("F-20", "F-25", "ES-1", "ES-5", "IN-7")
async def test_a_delay_is_the_time_that_passes(set_server: Server, smtp: FakeSmtp, steps: list[int]) -> None:
    """Hours on, a day back, and more: six seconds stay six, the API key stays good, nobody is paged twice."""
    taken = await _steps(set_server, smtp, steps)
    # Early is wrong on any machine; a slow one is late.
    assert min(taken) > DELAY - 2.5, taken
    assert max(taken) < DELAY + 240, taken  # the next larger step is an hour
    text = (await set_server.client.get("/metrics")).text
    found = re.search(r"^openalert_clock_steps_total (\S+)", text, re.MULTILINE)
    assert found is not None
    assert float(found[1]) >= len([step for step in steps if abs(step) > 2]) // 2
    assert "were not looked over for" not in set_server.log.read_text(), "nobody is alarmed by a clock"
    subjects = [mail.subject for mail in smtp.mails if "(possible repeat)" in mail.subject]
    assert subjects == []


@pytest.mark.proves("F-21", "ES-1", "ES-5")
async def test_a_machine_that_wakes_up_in_1970_waits_for_its_clock(
    set_server: Server, smtp: FakeSmtp
) -> None:
    """Killed with a page pending, started with a clock that knows nothing: put right, the page goes out at once."""
    server = set_server
    clock = given_a_clock(server)
    house = await settle_in(server, delay_minutes=3 * DELAY / 60)
    assert (await house.post("pending")).status_code == 202
    await until(lambda: _mailed(smtp, "bea@", "pending"))
    await asyncio.sleep(1)
    await server.kill()
    boot_id = server.folder / "boot_id"
    boot_id.write_text("another start of the machine")
    server.program = [*server.program[:1], "-m", "tests.processes.hurt"]
    server.environment |= {"HURT_BOOT_ID": str(boot_id)}
    clock.set(1_000 - int(time.time()))
    await server.start()
    await server.says("the clock is behind")
    assert (await house.post("meanwhile")).status_code == 202
    await asyncio.sleep(3 * DELAY)
    assert not await _mailed(smtp, "jun@", "pending")
    clock.set(0)
    await until(lambda: _mailed(smtp, "jun@", "pending"))
    await until(lambda: _mailed(smtp, "bea@", "meanwhile"))
    await server.says("the clock was put right")


LOOKS = """
import json, sys, time
from openalert.storage.clock import uptime, wall_clock
import apscheduler.schedulers.base as scheduler, structlog

def looks():
    stamp = structlog.processors.TimeStamper(fmt="%s", utc=True)(None, "", {})["timestamp"]
    lied = [
        time.time(), time.time_ns() / 1e9, time.clock_gettime(time.CLOCK_REALTIME), wall_clock() / 1000,
        time.mktime(time.localtime()), float(time.strftime("%s")), scheduler.datetime.now().timestamp(), float(stamp),
    ]
    return lied, [time.monotonic(), uptime() / 1000]

for line in sys.stdin:
    before = time.monotonic()
    time.sleep(0.01)
    print(json.dumps([*looks(), time.monotonic() - before]), flush=True)
"""
"""What a process takes for the time, whenever it is asked: of day, in many ways, and elapsed."""


@pytest.mark.parametrize("slept", [False, True])
async def test_a_lying_clock_lies_about_the_time_of_day_alone(tmp_path: Path, slept: bool) -> None:
    """In every way in which the program asks for it, from one look to the next; time itself goes on as it does, unless
    so much of it is to have passed.
    """
    clock = Clock(tmp_path, slept=slept)
    with subprocess.Popen(
        [sys.executable, "-c", LOOKS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, **clock.environment},
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        for offset in (0, 7_200, 1_000 - int(time.time()), 10 * YEAR, -DAY):
            clock.set(offset)
            earliest = [
                int(time.time()) + offset - 1,
                time.monotonic(),
                time.clock_gettime(time.CLOCK_BOOTTIME),
            ]
            process.stdin.write("look\n")
            process.stdin.flush()
            lied, elapsed, pause = json.loads(process.stdout.readline())
            latest = [time.time() + offset + 1, time.monotonic(), time.clock_gettime(time.CLOCK_BOOTTIME)]
            assert all(earliest[0] <= each <= latest[0] for each in lied), (offset, lied)
            assert earliest[1] <= elapsed[0] <= latest[1]
            gone = elapsed[1] - (offset if slept else 0)
            assert earliest[2] - 0.001 <= gone <= latest[2] + 0.001
            assert pause >= 0.01
        process.stdin.close()
