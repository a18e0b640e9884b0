"""Who watches the watcher, on a real server: what each fault changes for those who look from outside.

Two servers live through all of it side by side, for most of it is waiting for the next word. Beside each fault stands
which of {/health, /ready, the word to the dead-man's switch} must change; and that it is well again afterwards.
"""

import asyncio
import json
import os
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from openalert.domain.canary import HOME
from tests.fakes.smtp import FakeSmtp
from tests.fakes.webhook import FakeWebhook, Received
from tests.processes.conftest import mailing
from tests.processes.server import Server, settle_in, until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
EVERY = 2


class Life(msgspec.Struct):
    """A server, and all around it."""

    server: Server
    switch: FakeWebhook
    smtp: FakeSmtp
    bell: FakeSmtp


@asynccontextmanager
async def _watched(folder: Path) -> AsyncIterator[Life]:
    """A server that sends canaries every two seconds, and has a last resort that is soon told; it is not started."""
    folder.mkdir()
    async with FakeSmtp() as smtp, FakeSmtp() as bell, FakeWebhook() as switch:
        running = mailing(
            folder,
            smtp,
            self_monitor_canary="true",
            self_monitor_every_seconds=str(EVERY),
            self_monitor_url=f"http://127.0.0.1:{switch.port}/ping/uuid",
            last_resort_mail_to="boss@example.org",
            last_resort_host=bell.host,
            last_resort_port=str(bell.port),
            last_resort_security="none",
            last_resort_from="OpenAlert <bell@example.org>",
            last_resort_command=f"{folder / 'ring'},kept",
            last_resort_after_seconds="60",
        )
        try:
            yield Life(running, switch, smtp, bell)
        finally:
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


@pytest.mark.proves("SM-1", "ES-7", "ES-9", "NO-6")
async def test_what_each_fault_changes_for_those_who_look_from_outside(
    tmp_path: Path, anyio_backend: str
) -> None:
    """Green means that an alert arriving now would page, and every way of not paging turns it."""
    async with (
        _watched(tmp_path / "within") as one,
        _watched(tmp_path / "without") as other,
        asyncio.TaskGroup() as both,
    ):
        both.create_task(_one_step_is_broken(one))
        both.create_task(_all_around_it_is_broken(other))


async def _one_step_is_broken(life: Life) -> None:
    """On the way from an alert to its page, in the database."""
    watched, switch = life.server, life.switch
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


async def _all_around_it_is_broken(life: Life) -> None:
    """The process, its mail, its database, its people; and its last resort hears of it."""
    watched, switch, smtp, bell = life.server, life.switch, life.smtp, life.bell
    ring = watched.folder / "ring"
    ring.write_text('#!/bin/sh\ncat >> "$1"\n')
    ring.chmod(0o700)
    house = await settle_in(watched)
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
    await until(lambda: _only_well(switch))
    await smtp.up()
    await smtp.received(1)

    # Somebody else writes for long: nothing is taken in, and all but the question whether it lives say so.
    with closing(sqlite3.connect(watched.data / "openalert.db", timeout=10, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        await _ill(switch, "canary did not come through")
        await until(lambda: _answers(watched, (200, 503)))
        await until(lambda: _deep(watched, 503))
        other.execute("ROLLBACK")
    await until(lambda: _answers(watched, (200, 200)))
    await _well(switch)

    # Nobody can be told of an incident: the last resort hears of it by both ways, once, and it stands in its story.
    assert bell.connections == 0
    smtp.refused |= dict.fromkeys(("bea@example.org", "jun@example.org"), "550 5.1.1 No such user")
    await house.post("nobody hears of this", severity="critical")
    mail = (await bell.received(1))[0]
    assert mail.subject == "OpenAlert reaches nobody"
    assert "critical: nobody hears of this" in mail.text
    await _ill(switch, "Nobody could be told of 1 open incident(s)")
    told = await until(lambda: _kept(watched.folder / "kept"))
    assert [each["title"] for each in told["incidents"]] == ["nobody hears of this"]
    incident = next(
        each for each in await watched.items("/incidents") if each["title"] == "nobody hears of this"
    )
    ways = await until(lambda: _two_ways(watched, incident["id"]))
    assert ways == [{"way": "command", "failed": False}, {"way": "mail", "failed": False}]
    await watched.call("POST", f"/incidents/{incident['id']}/resolve", {})
    smtp.refused.clear()
    await _well(switch)

    # A kill loses nothing, and what was under way is cleared by the one that follows.
    await watched.kill()
    watched.environment["OPENALERT_LAST_RESORT_AFTER_SECONDS"] = "2"
    await watched.start()
    await _well(switch)

    # Nothing is taken in for longer: the last resort hears that nobody can be paged, though no page was owed.
    _trigger(watched, "no_alerts", "BEFORE INSERT ON alerts")
    assert "An alert arriving now might page nobody." in (await bell.received(2))[1].text
    _trigger(watched, "no_alerts", None)

    # The command that tries everything sends a test, on demand alone.
    tried = await asyncio.to_thread(watched.run, "check", "--last-resort")
    assert "ok   last resort: mail: took the test" in tried.stdout, tried.stdout
    assert "ok   last resort: command: took the test" in tried.stdout
    assert (await bell.received(3))[2].subject == "OpenAlert: a test of the last resort"


async def _kept(file: Path) -> Any:
    """What the command was told, once it has all of it: its last word may come after the mail."""
    with suppress(json.JSONDecodeError, FileNotFoundError):
        return json.loads(file.read_text())
    return None


async def _two_ways(server: Server, incident_id: str) -> list[Any]:
    """By which the last resort was told, as the incident's story has them, once there are two or more."""
    story = await server.items(f"/incidents/{incident_id}/timeline")
    ways = [each["data"] for each in story if each["kind"] == "last_resort"]
    return ways if len(ways) >= 2 else []


async def _answers(server: Server, wanted: tuple[int, int]) -> bool:
    return await _asked(server) == wanted


async def _deep(server: Server, status: int) -> bool:
    return (await server.client.get("/health/deep")).status_code == status


async def _only_well(switch: FakeWebhook) -> bool:
    """Whether the next four words are good; asked again: a busy machine may be too slow for a canary."""
    switch.requests.clear()

    async def four() -> bool:
        return len(switch.requests) >= 4

    await until(four)
    return {each.path for each in switch.requests} == {"/ping/uuid"}
