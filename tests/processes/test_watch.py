"""Two hosts: a server, and `openalert watch` beside it as a process of its own with its own mail server."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from openalert.domain.instant import DAY, HOUR, MINUTE, rfc3339
from openalert.domain.watcher import Person, Roster, Snapshot, Span, TeamRosters, Way
from openalert.storage import wall_clock
from tests.fakes.smtp import FakeSmtp, Mail
from tests.fakes.watched import FakeWatched, Manner
from tests.ports import free_port
from tests.processes.conftest import mailing
from tests.processes.nursery import completed
from tests.processes.server import SECONDS, House, Server, settle_in, until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
AFTER = 2
LATER = """
import sys
from openalert.storage import clock
wall, up, later = clock.wall_clock, clock.uptime, int(sys.argv.pop(1))
clock.wall_clock, clock.uptime = lambda: wall() + later, lambda: up() + later
from openalert.cli import main
main(sys.argv[1:])
"""
"""The program in a time to come: so many milliseconds have passed by every clock of the host."""


class Host:
    """The second host: what runs there, and what is kept there."""

    def __init__(self, folder: Path, url: str, bell: FakeSmtp, key: str) -> None:
        self.folder, self.data, self.log = folder, folder / "data", folder / "watch.log"
        folder.mkdir()
        self.url, self.bell = url, bell
        (folder / "watch.key").write_text(key + "\n")
        clean = {name: value for name, value in os.environ.items() if not name.startswith("OPENALERT_")}
        self.environment = clean | {
            "OPENALERT_SMTP_HOST": bell.host,
            "OPENALERT_SMTP_PORT": str(bell.port),
            "OPENALERT_SMTP_SECURITY": "none",
            "OPENALERT_SMTP_FROM": "Watcher <watch@example.net>",
            "OPENALERT_WATCH_EVERY_SECONDS": "1",
            "OPENALERT_WATCH_AFTER_SECONDS": str(AFTER),
            "OPENALERT_WATCH_ESCALATE_AFTER_SECONDS": "0",
        }
        self.process: subprocess.Popen[bytes] | None = None

    def command(self, *options: str) -> list[str]:
        """What is run."""
        return [
            sys.executable, "-m", "openalert", "watch", self.url, "--key-file", str(self.folder / "watch.key"),
            "--data-dir", str(self.data), *options,
        ]  # fmt: skip

    def start(self, *, later: int = 0) -> None:
        """Begin to watch, when so many milliseconds have passed."""
        program, _, _, *arguments = self.command()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [program, "-c", LATER, str(later), *arguments],
                stdout=log, stderr=log, cwd=self.folder, env=self.environment,
            )  # fmt: skip

    def end(self, number: signal.Signals) -> int:
        """End it; the exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(SECONDS)

    async def run(self, *options: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """A command that ends by itself."""
        given = {f"OPENALERT_{name.upper()}": value for name, value in settings.items()}
        return await asyncio.to_thread(
            completed, self.command(*options), self.environment | given, self.folder, "", SECONDS
        )

    def said(self, words: str) -> int:
        """How often the log says it."""
        return len(re.findall(words, self.log.read_text()))

    def mails(self, to: str, words: str = "") -> list[Mail]:
        """What the mail server of this host took for somebody."""
        return [each for each in self.bell.mails if to in each.recipients and words in each.subject]


@pytest.fixture
async def server(tmp_path: Path, smtp: FakeSmtp) -> AsyncIterator[Server]:
    """The first host."""
    folder = tmp_path / "first"
    folder.mkdir()
    running = mailing(folder, smtp)
    yield running
    await running.close()


@pytest.fixture
async def host(tmp_path: Path, server: Server, bell: FakeSmtp) -> AsyncIterator[Host]:
    """The second host with a key; nothing runs there yet."""
    made = await asyncio.to_thread(server.run, "token", "create", "second host", "--scope", "watch")
    assert made.returncode == 0, made.stderr
    second = Host(tmp_path / "second", server.url, bell, made.stdout.split()[-1])
    yield second
    if second.process is not None and second.process.poll() is None:
        second.end(signal.SIGKILL)


async def _shifts(house: House, server: Server) -> None:
    """Bea is on call for an hour from now, then Jun for a day; the policy calls whoever is."""
    made = await server.call("POST", "/schedules", {"name": "Primary", "teamId": house.team_id})
    now = wall_clock()
    change = now + HOUR
    for person, start, end in ((house.bea_id, now - HOUR, change), (house.jun_id, change, now + DAY)):
        turn = {"startTime": rfc3339(start), "endTime": rfc3339(end), "userId": person}
        await server.call("POST", f"/schedules/{made['id']}/overrides", turn)
    levels = [{"delayMinutes": 0, "targets": [{"type": "schedule", "id": made["id"]}]}]
    await server.call("PATCH", f"/escalation-policies/{house.policy_id}", {"levels": levels})


@pytest.mark.proves("SM-1")
async def test_a_silent_server_pages_who_is_on_call_and_who_comes_on_call(
    server: Server, host: Host, bell: FakeSmtp
) -> None:
    """Killed: Bea once, whatever happens to the watcher; Jun when her turn begins; both hear when it is back."""
    house = await settle_in(server)
    await _shifts(house, server)
    host.start()

    async def knows() -> bool:
        return any(host.data.glob("watch-*.state"))

    await until(knows)
    await server.kill()

    async def bea() -> list[Mail]:
        return host.mails("bea@example.org")

    (page,) = await until(bea)
    assert page.subject == "OpenAlert is silent"
    assert page.message["Importance"] == "high"
    assert f"OpenAlert at {server.url} has been silent for" in page.text
    assert "You are on call for Primary (Core)." in page.text
    assert "Other addresses answer from here" in page.text

    # What is kept is for its own eyes, and says nothing to others.
    assert (host.data.stat().st_mode & 0o777) == 0o700
    for path in host.data.iterdir():
        assert (path.stat().st_mode & 0o777) == 0o600, path
        assert b"example.org" not in path.read_bytes()
    other = await host.run("--once")
    assert (other.returncode, "Another process watches" in other.stderr) == (3, True), other

    # Killed and stopped in the silence: nobody is told again.
    host.end(signal.SIGKILL)
    host.start()

    async def again() -> bool:
        return host.said("the server is") >= 3

    await until(again)
    assert host.end(signal.SIGTERM) == 0
    assert host.said("no longer watching") == 1
    host.start(later=HOUR + MINUTE)

    async def jun() -> list[Mail]:
        return host.mails("jun@example.org")

    (relief,) = await until(jun)
    assert "Called as well: Bea." in relief.text

    await server.start()

    async def both() -> bool:
        return bool(host.mails("bea@example.org", "is back") and host.mails("jun@example.org", "is back"))

    await until(both)
    await asyncio.sleep(3)
    assert sorted((each.recipients[0], each.subject) for each in bell.mails) == [
        ("bea@example.org", "OpenAlert is back"),
        ("bea@example.org", "OpenAlert is silent"),
        ("jun@example.org", "OpenAlert is back"),
        ("jun@example.org", "OpenAlert is silent"),
    ]
    # No address stands in the log, and no key.
    log = host.log.read_text()
    assert "example.org" not in log
    assert "oak_" not in log


async def test_one_look_for_cron_says_by_its_code_how_it_is(tmp_path: Path, bell: FakeSmtp) -> None:
    """Well, cut off (nobody is paged), silent (counted over runs, paged once), refused; and a test."""
    now = wall_clock()
    on = Span(start=now - HOUR, end=now + DAY, people=("bea",))
    people = (
        Person(
            id="bea", name="Bea", timezone="UTC", ways=(Way("email", "bea@example.org"), Way("sms", "+49151"))
        ),
    )
    roster = Roster(name="Primary", level=1, spans=(on,))
    team = TeamRosters(id="t", name="Core", slug="core", rosters=(roster,))
    key = "oak_0123_" + "a" * 64
    async with FakeWatched(key, Snapshot(until=now + DAY, people=people, teams=(team,))) as first:
        host = Host(tmp_path / "second", first.url, bell, key)
        tested = await host.run("--test")
        assert (tested.returncode, tested.stdout) == (0, "ok   email to Bea\n"), tested
        (test,) = host.mails("bea@example.org", "A test of the watcher")
        assert "Nothing is wrong" in test.text
        who = await host.run("--who")
        line = "At first:\n  Bea by email (not from this host: sms). You are on call for Primary (Core)."
        assert line in who.stdout, who
        bell.mails.clear()

        well = await host.run("--once")
        assert (well.returncode, "well" in well.stdout) == (0, True), well
        await first.down()
        cut_off = await host.run("--once", watch_references=f"127.0.0.1:{free_port()}")
        assert (cut_off.returncode, "cut_off" in cut_off.stdout) == (7, True), cut_off
        silent = await host.run("--once", watch_after_seconds="300")
        assert silent.returncode == 6, silent
        assert bell.mails == [], "it has to last, and what was seen while cut off does not count"

        async def paged() -> list[Mail]:
            assert (await host.run("--once")).returncode == 6
            return list(bell.mails)

        (page,) = await until(paged)
        assert page.recipients == ["bea@example.org"]
        await paged()
        assert len(bell.mails) == 1

        first.manner = Manner.UNKNOWN_KEY
        await first.up()
        refused = await host.run("--once")
        assert (refused.returncode, "refused" in refused.stdout) == (6, True), refused


async def test_what_cannot_be_watched_is_said_before_it_begins(tmp_path: Path, bell: FakeSmtp) -> None:
    """Codes and words for whoever sets it up."""
    host = Host(tmp_path / "second", "http://192.0.2.1", bell, "oak_0123_" + "a" * 64)
    plain = await host.run()
    assert (plain.returncode, "is not encrypted" in plain.stderr) == (3, True), plain
    host.url = "https://192.0.2.1"
    (host.folder / "watch.key").unlink()
    without = await host.run()
    assert (without.returncode, "watch.key cannot be read" in without.stderr) == (3, True), without
