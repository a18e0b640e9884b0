"""A disk for backups that is full: what is said, what stays, who hears of it, and how it heals by itself."""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from openalert.storage import wall_clock
from tests.fakes.smtp import FakeSmtp
from tests.processes.conftest import mailing, small_disk
from tests.processes.nightly import Nightly, titles
from tests.processes.server import House, settle_in, until
from tests.processes.strace import from_its_beginning, injected, is_dead, let_go

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.proves("DB-4", "F-09", "F-41")]

ROOM = 26 * 1024 * 1024
KEPT = 2


class Disk:
    """A server whose backups go to a small disk of their own, and what an owner hears by mail."""

    def __init__(self, nightly: Nightly, house: House, smtp: FakeSmtp) -> None:
        self.nightly, self.house, self.smtp = nightly, house, smtp
        self._ballast = nightly.folder / "ballast"

    def fill(self) -> None:
        """Somebody else takes all the room that there is."""
        with self._ballast.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"\0" * 65_536)
            except OSError:
                return

    def free(self) -> None:
        """They are gone."""
        self._ballast.unlink()

    async def makes(self) -> None:
        """One more, and nothing half made lies there."""
        before = self.nightly.job().done_at or 0
        await self.nightly.be_due()

        async def is_made() -> bool:
            return (self.nightly.job().done_at or 0) > before

        await until(is_made)
        assert self.nightly.leftovers == []

    async def fails(self) -> str:
        """One fails: why, in its own words; those before are all there, and whole."""
        before, failures = self.nightly.files, self._failures()
        await self.nightly.be_due()

        async def has_failed() -> bool:
            return self._failures() > failures and self.nightly.job().failing_since is not None

        await until(has_failed)
        assert self.nightly.files == before
        assert all("first" in titles(path) for path in before)
        assert self.nightly.leftovers == []
        return self.nightly.job().error

    def _failures(self) -> int:
        return self.nightly.server.log.read_text().count('"backup job failed"')

    async def warned(self) -> dict[str, str]:
        """The warnings about backups that the API shows: kind to what is wrong."""
        found = (await self.nightly.server.call("GET", "/warnings"))["items"]
        return {each["kind"]: str(each) for each in found if "backup_fails" in each["kind"]}

    async def metric(self, name: str) -> float:
        """Its value now."""
        text = (await self.nightly.server.client.get("/metrics")).text
        return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(f"{name} "))

    def mails(self) -> list[str]:
        """Subjects of those that say that no backup was made."""
        return [mail.subject for mail in self.smtp.mails if "backup was not made" in mail.subject]


@pytest.fixture
async def disk(tmp_path: Path, smtp: FakeSmtp) -> AsyncIterator[Disk]:
    """Two good backups lie there, as many as are kept."""
    with small_disk(tmp_path / "backups", ROOM):
        server = mailing(tmp_path, smtp, backup_folder=str(tmp_path / "backups"), backup_keep=str(KEPT))
        nightly = Nightly(server, tmp_path / "backups")
        try:
            added = await asyncio.to_thread(
                server.run, "user", "add", "ana@example.org", "--name", "Ana", "--role", "owner"
            )
            assert added.returncode == 0, added.stderr
            one = Disk(nightly, await settle_in(server), smtp)
            assert (await one.house.post("first")).status_code == 202
            for _ in range(KEPT):
                await one.makes()
            yield one
        finally:
            await server.close()


async def test_a_full_disk_for_backups_costs_no_backup_and_no_page(disk: Disk) -> None:
    """Refused before it begins, and again as it fills up in the midst of one: told once, with what to do; the good ones
    stay, alerts page, and with room again the next try succeeds by itself and everything is well.
    """
    nightly, server = disk.nightly, disk.nightly.server
    disk.fill()
    error = await disk.fails()
    assert "There is not enough space for a copy of the database in" in error
    assert "keep fewer than 2 backups (backup.keep), or name a larger disk in backup.folder" in error

    async def is_told() -> bool:
        return bool(disk.mails()) and "not enough space" in str(await disk.warned())

    await until(is_told)

    async def is_measured() -> bool:
        return await disk.metric('openalert_backup_failing_seconds{job="backup"}') > 0

    await until(is_measured)
    assert await disk.metric("openalert_backup_verified") == 0
    listed = await asyncio.to_thread(server.run, "backup", "--list")
    assert listed.returncode == 1
    assert "not enough space" in listed.stdout
    assert all(str(path) in listed.stdout for path in nightly.files)
    assert (await disk.house.post("while it is full")).status_code == 202

    async def is_paged() -> bool:
        return any("while it is full" in mail.subject for mail in disk.smtp.mails)

    await until(is_paged)
    assert len(await disk.fails()) > 0, "an hour later"
    assert len(disk.mails()) == 1

    disk.free()
    with injected(server.pid, "pwrite64:error=ENOSPC:when=100+", paths=nightly.paths_ahead(wall_clock())):
        error = await disk.fails()
    assert "became full while the copy was written, and nothing of it is left" in error
    assert "name a larger disk in backup.folder" in error

    await disk.makes()
    assert len(nightly.files) == KEPT
    assert "while it is full" in titles(nightly.files[-1])
    assert await disk.warned() == {}

    async def is_well() -> bool:
        return await disk.metric("openalert_backup_verified") == 1

    await until(is_well)
    assert (await asyncio.to_thread(server.run, "backup", "--list")).returncode == 0
    assert len(disk.mails()) == 1


@pytest.mark.proves("F-15")
async def test_a_folder_for_backups_that_does_not_answer_holds_up_no_page(disk: Disk) -> None:
    """As a share whose server is gone: whoever looks into it waits a minute; alerts are taken and page meanwhile."""
    server, nightly = disk.nightly.server, disk.nightly
    record = server.folder / "strace"
    record.touch()
    rule = "openat,getdents64,newfstatat:delay_enter=60000000"
    with injected(server.pid, rule, paths=[nightly.folder], record=record):
        await nightly.be_due("drill")

        async def waits() -> bool:
            return str(nightly.folder) in record.read_text()

        await until(waits)
        assert (await disk.house.post("while it hangs")).status_code == 202

        async def is_paged() -> bool:
            return any("while it hangs" in mail.subject for mail in disk.smtp.mails)

        await until(is_paged)
        assert nightly.job("drill").due_at == 0, "it was not looked into yet"


@pytest.mark.proves("F-15")
async def test_a_server_starts_and_ends_while_the_folder_for_backups_does_not_answer(
    tmp_path: Path, smtp: FakeSmtp
) -> None:
    """The share's server is gone before ours begins: it says so, takes an alert and pages; asked to end, it does."""
    share, record = tmp_path / "share", tmp_path / "strace"
    share.mkdir()
    server = mailing(tmp_path, smtp, backup_folder=str(share))
    calls = "openat,getdents64,newfstatat,statx"
    try:
        added = await asyncio.to_thread(
            server.run, "user", "add", "ana@example.org", "--name", "Ana", "--role", "owner"
        )
        assert added.returncode == 0, added.stderr
        server.program = [
            *from_its_beginning(f"{calls}:delay_enter=600000000", path=share, record=record),
            *server.program,
        ]
        house = await settle_in(server)
        await server.says('"the folder of backups does not answer')
        assert (await house.post("while it hangs")).status_code == 202

        async def is_paged() -> bool:
            return any("while it hangs" in mail.subject for mail in smtp.mails)

        await until(is_paged)
        assert server.process is not None
        server.process.send_signal(signal.SIGTERM)

        async def has_ended() -> bool:
            assert server.process is not None
            return is_dead(server.process)

        await until(has_ended)
        let_go(server.pid)
        assert await asyncio.to_thread(server.process.wait, 60) == 0
        assert "does not end and is left behind" in server.log.read_text()
        assert str(share) in record.read_text()
    finally:
        if server.process is not None:
            let_go(server.pid)
        await server.close()
