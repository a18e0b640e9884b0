"""Backups of every age, restored at a real server: the mail server is the judge, and nobody is paged for the past."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from openalert.storage.witness import path_of
from tests.fakes.smtp import FakeSmtp
from tests.processes.clock import given_a_clock
from tests.processes.conftest import mailing
from tests.processes.server import House, Server, settle_in, until

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.proves("DB-5", "F-25", "F-41")]

OLD = [f"old-{number}" for number in range(4)]


class Past:
    """A data folder with open incidents of an hour that is over, and its backup."""

    def __init__(self, server: Server, house: House, backup: Path, smtp: FakeSmtp) -> None:
        self.server, self.house, self.backup, self.smtp = server, house, backup, smtp

    def age(self, seconds: int) -> None:
        """What is started from now on lives so much later."""
        given_a_clock(self.server, seconds, slept=True)

    def told_of(self, *titles: str) -> list[str]:
        """The subjects of mails about any of these, and the ledger begins anew."""
        found = [
            mail.subject
            for mail in self.smtp.mails
            if any(each in mail.subject + mail.text for each in titles)
        ]
        self.smtp.mails.clear()
        return found

    async def pages(self, title: str) -> None:
        """What comes in now pages as ever."""
        answer = await self.house.post(title)
        assert answer.status_code == 202, answer.text
        await until(lambda: self._came(title))

    async def _came(self, title: str) -> bool:
        return any(title in mail.subject + mail.text for mail in self.smtp.mails)

    def restore(self) -> str:
        """The backup, by the command; what it said."""
        done = self.server.run("restore", str(self.backup))
        assert done.returncode == 0, done.stderr
        return done.stdout

    async def ticked(self) -> None:
        """Everything that was due at the start has been looked at: the engine has gone around twice."""
        for _ in range(2):
            await self.pages(f"probe {len(self.smtp.mails)} {asyncio.get_running_loop().time()}")


@asynccontextmanager
async def past(folder: Path, smtp: FakeSmtp) -> AsyncIterator[Past]:
    """Four incidents: two wait for Jun, one is snoozed, one acknowledged; then the backup, and the server stops."""
    server = mailing(folder, smtp, backup_enabled="false", self_monitor_canary="false")
    try:
        house = await settle_in(server, delay_minutes=20)
        for title in OLD:
            assert (await house.post(title)).status_code == 202
        await until(lambda: _all_told(smtp))
        numbers = {each["title"]: each["id"] for each in await server.items("/incidents")}
        await server.call("POST", f"/incidents/{numbers['old-0']}/acknowledge", {})
        await server.call("POST", f"/incidents/{numbers['old-1']}/snooze", {"durationMinutes": 30})
        backup = folder / "past.db"
        done = await asyncio.to_thread(server.run, "backup", str(backup))
        assert done.returncode == 0, done.stderr
        await server.stop()
        smtp.mails.clear()
        yield Past(server, house, backup, smtp)
    finally:
        await server.close()


async def _all_told(smtp: FakeSmtp) -> bool:
    said = " ".join(mail.subject + mail.text for mail in smtp.mails)
    return all(title in said for title in OLD)


async def _under_load(house: House, stop: asyncio.Event) -> None:
    """Posts alerts until told otherwise; a server that makes way may refuse with 503 or end a connection."""
    number = 0
    while not stop.is_set():
        number += 1
        try:
            answer = await house.post(f"load-{number}")
            assert answer.status_code in (202, 503), answer.text
        except httpx2.TransportError:
            pass
        await asyncio.sleep(0.05)


async def _nobody_hears_of_the_past(one: Past, seconds: int) -> None:
    """Restored without a server, which is then started."""
    one.age(seconds)
    said = await asyncio.to_thread(one.restore)
    assert "held" in said
    await one.server.start()
    await one.ticked()
    assert one.told_of(*OLD) == []


async def _nor_beside_a_server_under_load(one: Past) -> None:
    """Restored once more, by the running server."""
    stop = asyncio.Event()
    load = asyncio.create_task(_under_load(one.house, stop))
    await asyncio.to_thread(one.restore)
    await one.ticked()
    stop.set()
    await load
    assert one.told_of(*OLD) == []
    incidents = {each["title"]: each for each in await one.server.items("/incidents")}
    assert {incidents[title]["status"] for title in OLD} <= {"triggered", "acknowledged"}


async def test_a_backup_of_some_hours_ago_pages_nobody_and_a_file_put_back_by_hand_neither(
    tmp_path: Path, smtp: FakeSmtp
) -> None:
    """The last phase is the control: the same file without its witness is taken for an outage, and pages, late."""
    async with past(tmp_path, smtp) as one:
        await _nobody_hears_of_the_past(one, 2 * 3600)
        await one.server.stop()

        file = one.server.data / "openalert.db"
        assert path_of(file).exists()
        shutil.copyfile(one.backup, file)
        await one.server.start()
        await one.ticked()
        assert one.told_of(*OLD) == []
        await one.server.says("somebody put it back")
        await one.server.stop()

        shutil.copyfile(one.backup, file)
        path_of(file).unlink()
        await one.server.start()
        await until(lambda: _told(one, "old-2"))


async def _told(one: Past, title: str) -> bool:
    return any(title in mail.subject + mail.text for mail in one.smtp.mails)


@pytest.mark.campaign
@pytest.mark.parametrize("seconds", [47 * 60, 3600, 86_400, 8 * 86_400, 40 * 86_400, 400 * 86_400])
async def test_backups_of_every_age_page_nobody(tmp_path: Path, smtp: FakeSmtp, seconds: int) -> None:
    """From the moment at which the last step is stale to more than a year."""
    async with past(tmp_path, smtp) as one:
        await _nobody_hears_of_the_past(one, seconds)
        await _nor_beside_a_server_under_load(one)


@pytest.mark.campaign
@pytest.mark.parametrize("seconds", [0, 60, 10 * 60])
async def test_a_young_backup_goes_on_where_it_stopped(tmp_path: Path, smtp: FakeSmtp, seconds: int) -> None:
    """Nothing is stale: nobody who was told is told again, also when it is put back once more while alerts come in;
    these page, and Jun is paged when the twenty minutes are over.
    """
    async with past(tmp_path, smtp) as one:
        one.age(seconds)
        await asyncio.to_thread(one.restore)
        await one.server.start()
        await one.ticked()
        assert one.told_of(*OLD) == []
        await _nor_beside_a_server_under_load(one)
        await one.server.stop()
        one.age(25 * 60)
        await one.server.start()
        await until(lambda: _told(one, "old-2"))
