"""Who watches the watcher, on a real server: what each fault changes for those who look from outside.

One server lives through all of it. Beside each fault stands which of {/health, /ready, the word to the dead-man's
switch} must change; and that it is well again afterwards.
"""

import asyncio
import os
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from openalert.domain.canary import HOME
from tests.fakes.smtp import FakeSmtp
from tests.fakes.webhook import FakeWebhook, Received
from tests.processes.conftest import mailing
from tests.processes.server import Server, settle_in, until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
EVERY = 2


@pytest.fixture
async def switch(anyio_backend: str) -> AsyncIterator[FakeWebhook]:
    """A dead-man's switch that keeps what it hears."""
    async with FakeWebhook() as watcher:
        yield watcher


@pytest.fixture
async def watched(tmp_path: Path, smtp: FakeSmtp, switch: FakeWebhook) -> AsyncIterator[Server]:
    """A server that sends canaries every two seconds."""
    running = mailing(
        tmp_path,
        smtp,
        self_monitor_canary="true",
        self_monitor_every_seconds=str(EVERY),
        self_monitor_url=f"http://127.0.0.1:{switch.port}/ping/uuid",
    )
    yield running
    await running.close()


async def _hears(switch: FakeWebhook, path: str, words: str = "") -> Received:
    """The next word of this kind that the switch hears from now on."""
    switch.requests.clear()

    async def said() -> Received | None:
        fit = (each for each in switch.requests if each.path == path and words in each.body.decode())
        return next(fit, None)

    found = await until(said)
    assert found is not None
    return found


async def _well(switch: FakeWebhook) -> None:
    assert (await _hears(switch, "/ping/uuid")).method == "GET"


async def _ill(switch: FakeWebhook, words: str) -> None:
    assert (await _hears(switch, "/ping/uuid/fail", words)).method == "POST"


async def _asked(server: Server) -> tuple[int, int]:
    return (
        (await server.client.get("/health")).status_code,
        (await server.client.get("/ready")).status_code,
    )


def _trigger(server: Server, name: str, sql: str | None) -> None:
    """Break one thing in the database from outside, or mend it."""
    with closing(sqlite3.connect(server.data / "openalert.db", timeout=10)) as database:
        database.execute(f"DROP TRIGGER IF EXISTS {name}")
        if sql is not None:
            database.execute(
                f"CREATE TRIGGER {name} {sql} BEGIN SELECT RAISE(ABORT, 'broken by a test'); END"
            )
        database.commit()


@pytest.mark.proves("SM-1", "ES-9", "F-08")
async def test_what_each_fault_changes_for_those_who_look_from_outside(
    watched: Server, switch: FakeWebhook, smtp: FakeSmtp
) -> None:
    """Green means that an alert arriving now would page, and every way of not paging turns it."""
    house = await settle_in(watched)
    await _well(switch)

    # Nobody inside sees canaries.
    assert await watched.items("/incidents") == []
    listed = await asyncio.to_thread(watched.run, "organization", "list")
    assert HOME not in listed.stdout, listed.stdout
    metrics = (await watched.client.get("/metrics")).text
    assert "openalert_incidents_open 0.0" in metrics
    assert 'openalert_canaries_total{outcome="green"}' in metrics
    assert "openalert_would_page 1.0" in metrics
    assert (await house.post("disk full", severity="critical")).status_code == 202
    assert [each["number"] for each in await watched.items("/incidents")] == [1]

    # Only the code that claims is broken: alerts come in, and nobody would be paged.
    _trigger(watched, "no_claims", "BEFORE UPDATE OF status ON notifications WHEN new.status = 'sending'")
    await _ill(switch, "no sender claimed its page")
    assert await _asked(watched) == (200, 200)
    _trigger(watched, "no_claims", None)
    await _well(switch)

    # Only escalations do not run.
    _trigger(watched, "no_pages", "BEFORE INSERT ON notifications WHEN new.kind = 'page'")
    await _ill(switch, "its escalation did not run")
    assert await _asked(watched) == (200, 200)
    _trigger(watched, "no_pages", None)
    await _well(switch)

    # Nothing is taken in: senders get 503 and come again, and the switch knows.
    _trigger(watched, "no_alerts", "BEFORE INSERT ON alerts")
    await _ill(switch, "The ingestion address answered 503")
    _trigger(watched, "no_alerts", None)
    await _well(switch)

    # The process stands still: silence, which is all that a switch needs; it goes on by itself.
    os.kill(watched.pid, signal.SIGSTOP)
    await asyncio.sleep(0.2)
    switch.requests.clear()
    await asyncio.sleep(3 * EVERY)
    assert switch.requests == []
    os.kill(watched.pid, signal.SIGCONT)
    await _well(switch)

    # Harmless: one mail server away, while its pages are tried again, does not turn it.
    await smtp.down()
    await house.post("mail is down", severity="critical")
    await _only_well(switch, 4 * EVERY)
    await smtp.up()
    await smtp.received(1)

    # A kill loses nothing, and what was under way is cleared by the one that follows.
    await watched.kill()
    await watched.start()
    await _well(switch)


async def _only_well(switch: FakeWebhook, seconds: float) -> None:
    switch.requests.clear()
    await asyncio.sleep(seconds)
    assert {each.path for each in switch.requests} == {"/ping/uuid"}
