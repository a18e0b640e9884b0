"""Memory runs out under a running server: new events get 503 before anything breaks, pages go on, and it heals."""

import asyncio
import os
import resource
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from openalert.storage.memory import MIB, OF_THREADS, SHORT
from tests.fakes.smtp import FakeSmtp
from tests.processes.server import House, Server, settle_in, until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

ROOM = 48 * MIB
GROUPS = Path("/sys/fs/cgroup/memory")


def _virtual(server: Server) -> int:
    """Bytes of address space that it has."""
    pages = Path(f"/proc/{server.pid}/statm").read_text().split()[0]
    return int(pages) * resource.getpagesize()


async def _mailed(smtp: FakeSmtp, who: str, title: str) -> bool:
    return any(who in str(mail.recipients) and title in mail.subject + mail.text for mail in smtp.mails)


async def _is_short(server: Server) -> bool:
    """Whether it has looked since."""
    told = (await server.client.get("/health/deep")).json()["memory"]
    return told["refusesEvents"] is True


async def _sheds(house: House) -> None:
    """New events are refused as promised, before their bodies are read, and people see why."""
    answer = await house.post("not taken", text="x" * 900_000)
    assert answer.status_code == 503, answer.text
    assert int(answer.headers["Retry-After"]) >= 1
    assert "Memory is short" in answer.json()["message"]
    deep = await house.server.client.get("/health/deep")
    told = deep.json()["memory"]
    assert (told["refusesEvents"], told["limitOf"]) == (True, "RLIMIT_AS")
    assert told["leftBytes"] < SHORT < told["limitBytes"]
    metrics = (await house.server.client.get("/metrics")).text
    assert "openalert_memory_short 1.0" in metrics
    event = {
        "routing_key": house.key,
        "event_action": "trigger",
        "payload": {"summary": "not taken", "source": "x" * 900_000, "severity": "error"},
    }
    dialect = await house.server.client.post("/v2/enqueue", json=event)
    assert (dialect.status_code, int(dialect.headers["Retry-After"]) >= 1) == (503, True)
    await house.server.says("memory is short")


@pytest.mark.proves("F-27", "IN-2", "LC-2", "ES-1")
async def test_new_events_are_refused_before_memory_is_gone(server: Server, smtp: FakeSmtp) -> None:
    """The limit comes down to what it has: events get 503, acknowledges and the next level go on; with more of it
    events are taken again, and nothing that was answered is lost.
    """
    server.afresh = True  # what it has is its own
    house = await settle_in(server, delay_minutes=0.1)
    for title in ("rises", "answered"):
        assert (await house.post(title)).status_code == 202
    most = _virtual(server) + OF_THREADS + SHORT // 2
    resource.prlimit(server.pid, resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))
    await until(lambda: _is_short(server))
    await _sheds(house)
    (incident,) = [each for each in await server.items("/incidents") if each["title"] == "answered"]
    await server.call("POST", f"/incidents/{incident['id']}/acknowledge", {})
    await until(lambda: _mailed(smtp, "jun@", "rises"))
    assert (await server.client.get("/ready")).status_code == 200
    resource.prlimit(server.pid, resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    async def heals() -> bool:
        return (await house.post("after")).status_code == 202

    await until(heals)
    assert {each["title"] for each in await server.items("/alerts")} == {"rises", "answered", "after"}
    assert "Traceback" not in server.log.read_text()


async def _flood(house: House, senders: int, shed: int) -> tuple[Counter[int], list[str]]:
    """Giant bodies from many at once until so many were refused; what was answered how often, and which were taken."""
    codes: Counter[int] = Counter()
    taken: list[str] = []
    end = asyncio.get_running_loop().time() + 30

    async def send(number: int) -> None:
        async with httpx2.AsyncClient(base_url=house.server.url, timeout=60.0) as client:
            turn = 0
            while codes[503] < shed and asyncio.get_running_loop().time() < end:
                title = f"giant {number} {turn}"
                body = {"title": title, "dedup_key": title, "text": "x" * 990_000}
                try:
                    answer = await client.post(f"/webhooks/generic/{house.key}", json=body)
                except httpx2.TransportError:
                    codes[0] += 1
                    await asyncio.sleep(0.2)
                    continue
                codes[answer.status_code] += 1
                if answer.status_code == 202:
                    taken.append(title)
                turn += 1

    await asyncio.gather(*(send(number) for number in range(senders)))
    return codes, taken


@contextmanager
def _group(pid: int, more: int) -> Iterator[Path]:
    """A cgroup with the process in it, that may have so much more than it has."""
    folder = GROUPS / f"openalert-test-{os.getpid()}"
    try:
        folder.mkdir()
        (folder / "cgroup.procs").write_text(str(pid))
    except OSError as error:
        pytest.skip(f"NO TEST OF A CGROUP'S MEMORY: none can be made here: {error}")
    try:
        # What it took before it came here is charged elsewhere, so this is all that it may take from now on.
        (folder / "memory.limit_in_bytes").write_text(str(more))
        yield folder
    finally:
        for line in (folder / "cgroup.procs").read_text().split():
            (GROUPS / "cgroup.procs").write_text(line)
        subprocess.run(["rmdir", str(folder)], check=False)


@pytest.mark.proves("F-27", "F-32", "IN-1", "IN-2", "LC-2")
async def test_giants_in_a_small_cgroup_are_shed_and_not_killed(
    server: Server, measured: Callable[..., None]
) -> None:
    """A cgroup with room for a little more and a flood of one-megabyte bodies: 202 or 503, nobody is killed, and
    all that was taken is there.
    """
    server.afresh = True  # what it has is its own
    house = await settle_in(server)
    with _group(server.pid, ROOM) as folder:
        codes, taken = await _flood(house, senders=24, shed=60)
        most = int((folder / "memory.max_usage_in_bytes").read_text())
        assert set(codes) == {202, 503}, codes
        assert server.process is not None
        assert server.process.poll() is None
        assert "oom_kill 0" in (folder / "memory.oom_control").read_text()
    stored = {each["title"] for each in await server.items("/alerts")}
    assert set(taken) <= stored
    measured(taken=codes[202], shed=codes[503], most_mib=most // MIB, of_mib=ROOM // MIB, lost=0)
