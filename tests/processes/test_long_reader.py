"""Another program reads one moment of the database for long: SQLite's log grows, and people are told who that is."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.smtp import FakeSmtp
from tests.processes.conftest import mailing
from tests.processes.server import House, Server, hurting, settle_in, until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

MIB = 1024 * 1024
LONG_HERE = 20 * MIB
"""More than the log usually has, 4,000 pages, so that it is long only because of the reader."""
READS = """
import sqlite3, sys
reading = sqlite3.connect("file:" + sys.argv[1] + "?mode=ro", uri=True, isolation_level=None)
reading.execute("BEGIN")
print(reading.execute("SELECT count(*) FROM alerts").fetchone()[0], flush=True)
sys.stdin.read()
print(reading.execute("SELECT count(*) FROM alerts").fetchone()[0], flush=True)
"""


@contextmanager
def one_who_reads(server: Server) -> Iterator[subprocess.Popen[str]]:
    """A process that holds a snapshot until the end, and saw nothing of what came meanwhile."""
    reader = subprocess.Popen(
        [sys.executable, "-c", READS, str(server.data / "openalert.db")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert reader.stdin is not None
    assert reader.stdout is not None
    before = reader.stdout.readline()
    try:
        yield reader
        reader.stdin.close()
        assert reader.stdout.readline() == before
    finally:
        reader.stdin.close()
        reader.stdout.close()
        reader.wait(30)


@pytest.fixture
async def server(tmp_path: Path, smtp: FakeSmtp) -> AsyncIterator[Server]:
    """A server for which a log is long from 20 MiB on."""
    running = mailing(tmp_path, smtp, database_reserve_mib="4", log_level="info")
    hurting(running, {"HURT_LONG_LOG": str(LONG_HERE)})
    yield running
    await running.close()


def _log_size(server: Server) -> int:
    return (server.data / "openalert.db-wal").stat().st_size


async def _writes(house: House, enough: Callable[[int], bool]) -> int:
    """Alerts with much to say until that much of the log was written; how many."""
    sent = 0
    while not enough(_log_size(house.server)):
        answers = await asyncio.gather(*(house.post(f"a{sent + n}", text="x" * 60_000) for n in range(8)))
        assert {each.status_code for each in answers} == {202}
        sent += 8
    return sent


async def _disk(server: Server) -> dict[str, Any]:
    found: dict[str, Any] = (await server.client.get("/health/deep")).json()["disk"]
    return found


@pytest.mark.proves("F-13")
async def test_a_reader_that_stays_is_named_and_nothing_is_lost(server: Server) -> None:
    """All is taken while the log grows; who reads is named where people look; when it ends the log is short again."""
    house = await settle_in(server)
    with one_who_reads(server) as reader:
        taken = await _writes(house, lambda size: size > LONG_HERE)

        async def is_named() -> bool:
            found = await _disk(server)
            return found["walIsLong"] and any(str(reader.pid) in each for each in found["walReaders"])

        await until(is_named)
        assert (await server.client.get("/ready")).status_code == 200
        await server.says(f"{reader.pid} (python")
        text = (await server.client.get("/metrics")).text
        size = next(
            float(line.split()[1]) for line in text.splitlines() if line.startswith("openalert_wal_bytes ")
        )
        assert size >= LONG_HERE

    async def is_short_again() -> bool:
        assert (await house.post("afterwards")).status_code == 202
        found = await _disk(server)
        return not found["walIsLong"] and found["walReaders"] == [] and _log_size(server) < LONG_HERE

    await until(is_short_again)
    await server.says("SQLite's log is used again")
    # The control: as many alerts without a reader leave the log as short as ever.
    more = 0
    while more < taken:
        await asyncio.gather(*(house.post(f"b{more + n}", text="x" * 60_000) for n in range(8)))
        more += 8
        assert _log_size(server) < LONG_HERE
    assert await _count(server) == taken + more + await _afterwards(server)


async def _count(server: Server) -> int:
    return len(await server.items("/alerts"))


async def _afterwards(server: Server) -> int:
    return len([each for each in await server.items("/alerts") if each["title"] == "afterwards"])


@pytest.mark.campaign
@pytest.mark.proves("F-13")
async def test_a_reader_that_stays_for_minutes(
    tmp_path: Path, smtp: FakeSmtp, measured: Callable[..., None]
) -> None:
    """Three minutes of load against a reader, as the product is: said at 256 MiB; answers and pages go on."""
    server = mailing(tmp_path, smtp)
    try:
        house = await settle_in(server, delay_minutes=0.1)
        end = asyncio.get_running_loop().time() + 180
        with one_who_reads(server) as reader:
            sent = await _writes(house, lambda size: size > 260 * MIB)

            async def is_named() -> bool:
                return any(str(reader.pid) in each for each in (await _disk(server))["walReaders"])

            await until(is_named)
            while asyncio.get_running_loop().time() < end:
                assert (await house.post(f"c{sent}")).status_code == 202
                sent += 1
                await asyncio.sleep(0.2)
            largest = _log_size(server)
            incident = (await server.items("/incidents"))[0]
            await server.call("POST", f"/incidents/{incident['id']}/acknowledge", {})

            async def paged() -> bool:
                return any("jun@" in str(mail.recipients) for mail in smtp.mails)

            await until(paged)

        async def is_short_again() -> bool:
            return not (await _disk(server))["walIsLong"] and _log_size(server) <= 68 * MIB

        await until(is_short_again)
        assert await _count(server) == sent
        measured(log_mib=largest // MIB, lost=0)
    finally:
        await server.close()
