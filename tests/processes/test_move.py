"""`openalert migrate --from --to` as people run it: killed in the middle, beside a server, and what follows it."""

import asyncio
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import Postgres
from tests.fakes.smtp import FakeSmtp
from tests.processes.conftest import mailing
from tests.processes.server import Server, settle_in, until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
ROWS = 60_000
"""Events: half way one is told how far it is."""


@pytest.fixture
async def empty(postgres: Postgres, anyio_backend: str) -> AsyncIterator[str]:
    """A Postgres database in which there is nothing at all."""
    name = await postgres.create()
    yield postgres.url(name)
    await postgres.drop(name)


def move(server: Server, *arguments: str) -> subprocess.Popen[str]:
    """The command at work."""
    return subprocess.Popen(
        [sys.executable, "-m", "openalert", "migrate", *arguments, *server.where],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=server.environment | {"PYTHONUNBUFFERED": "1"},
    )  # fmt: skip


def killed_on_the_way(server: Server, *arguments: str) -> None:
    """The command, killed while a large table goes over."""
    process = move(server, *arguments)
    assert process.stdout is not None
    for line in process.stdout:
        if "50,000 of " in line:
            process.kill()
            break
    process.stdout.read()
    assert process.wait() == -9, "it was done, or failed, before it could be killed"


def finished(server: Server, *arguments: str) -> str:
    """What the whole command says; it has to succeed."""
    process = move(server, *arguments)
    said, _ = process.communicate(timeout=240)
    assert process.returncode == 0, said
    return said


@pytest.mark.proves("HA-1", "DB-6")
async def test_data_moves_and_pages_go_on(tmp_path: Path, smtp: FakeSmtp, empty: str) -> None:
    """Refused beside a server, killed half way, done again: the server on Postgres pages who was due; then back."""
    server = mailing(tmp_path, smtp)
    try:
        house = await settle_in(server, delay_minutes=0.4)
        file = server.data / "openalert.db"
        urls = ("--from", f"sqlite:///{file}", "--to", empty)
        refused = move(server, *urls)
        assert "in use by process" in refused.communicate(timeout=240)[0]
        assert refused.returncode == 3
        assert (await house.post("DiskFull")).status_code == 202
        await until(lambda: _mailed(smtp, "DiskFull", 1))
        assert await server.stop() == 0
        assert len(smtp.mails) == 1
        _grow(file)
        killed_on_the_way(server, *urls)
        said = finished(server, *urls)
        assert "count and checksum of each are the same" in said
        assert f"{ROWS:,} rows" in said
        server.environment["OPENALERT_DATABASE_URL"] = empty
        verdict = await asyncio.to_thread(server.run, "verify")
        assert verdict.returncode == 0, verdict.stdout + verdict.stderr
        await server.start()
        await until(lambda: _mailed(smtp, "DiskFull", 2))
        assert (await house.post("CacheFull")).status_code == 202
        await server.stop()
        back = tmp_path / "back" / "openalert.db"
        killed_on_the_way(server, "--from", empty, "--to", f"sqlite:///{back}")
        assert not back.exists()
        finished(server, "--from", empty, "--to", f"sqlite:///{back}")
        assert not list(back.parent.glob("*.moving*"))
        server.environment["OPENALERT_DATABASE_URL"] = f"sqlite:///{back}"
        verdict = await asyncio.to_thread(server.run, "verify")
        assert verdict.returncode == 0, verdict.stdout + verdict.stderr
        with closing(sqlite3.connect(back)) as raw:
            assert {title for (title,) in raw.execute("SELECT title FROM incidents")} == {
                "DiskFull",
                "CacheFull",
            }
    finally:
        await server.close()


async def _mailed(smtp: FakeSmtp, words: str, times: int) -> bool:
    return sum(words in str(mail.subject) for mail in smtp.mails) >= times


def _grow(file: Path) -> None:
    """As many events as take a while to move."""
    with closing(sqlite3.connect(file)) as raw:
        (last,) = raw.execute("SELECT value FROM counters WHERE name = 'event'").fetchone()
        now = time.time_ns() // 1_000_000
        wanted = ROWS - raw.execute("SELECT count(*) FROM events").fetchone()[0]
        raw.executemany(
            "INSERT INTO events (seq, at, type, organization_id, data) VALUES (?, ?, 'test', 'o', '{}')",
            ((seq, now) for seq in range(last + 1, last + 1 + wanted)),
        )
        raw.execute("UPDATE counters SET value = ? WHERE name = 'event'", (last + wanted,))
        raw.commit()
