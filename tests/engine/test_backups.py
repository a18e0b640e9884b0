"""Backups by themselves: proven before they count, tried again, told of when they fail, and restored for a trial."""

import asyncio
import gc
import os
import shutil
import sqlite3
import stat
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from openalert.domain.backup import BackupJob, JobName
from openalert.domain.instant import DAY, HOUR, MINUTE
from openalert.domain.notification import NotificationKind
from openalert.domain.warning import WarningKind
from openalert.engine import backups as engine
from openalert.engine.backups import BackupPlan, Backups, Carry
from openalert.notifiers import mirror_command, s3
from openalert.notifiers.http import OutgoingSettings
from openalert.notifiers.notifier import NotifierError, Reason
from openalert.notifiers.s3 import Bucket, S3Settings
from openalert.storage import Database, backup, backup_folder, backup_jobs
from openalert.usecases import backups, restore_drill, warnings
from tests.cast import World
from tests.conftest import StoppedClock
from tests.fakes import s3 as fake
from tests.fakes.s3 import FakeS3
from tests.processes.server import until

pytestmark = [pytest.mark.anyio, pytest.mark.proves("DB-4", "F-41")]


class Nights:
    """A world on SQLite whose backups are made when told."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.folder = world, folder
        self.file = Path(world.db.url.removeprefix("sqlite:///"))
        self.run = self.with_(keep=3)

    def with_(self, *carriers: Carry, keep: int = 3) -> Backups:
        """A run of the program."""
        plan = BackupPlan(folder=self.folder, zone=ZoneInfo("UTC"), at=3 * HOUR, keep=keep)
        return Backups(self.world.db, self.file, plan, carriers)

    @property
    def files(self) -> list[str]:
        """Everything in the folder, by name."""
        return sorted(path.name for path in self.folder.iterdir()) if self.folder.exists() else []

    async def night(self, days: float = 1) -> int:
        """Time passes, then what is due is done; how many jobs."""
        self.world.clock.advance(int(days * DAY))
        did = await self.run.run_due()
        await self.world.engine.run_until_idle()
        return did

    async def job(self, name: JobName = JobName.BACKUP) -> BackupJob:
        """How it stands."""
        return (await self.world.db.look(backup_jobs.every))[name]

    async def found(self) -> dict[str, str]:
        """The warnings about backups: kind to what is wrong."""
        outlook = await warnings.look(self.world.db, self.world.as_(self.world.alice))
        kinds = (WarningKind.NO_BACKUP, WarningKind.BACKUP_FAILS)
        return {
            each.kind.value: f"{each.words}. {each.detail}" for each in outlook.findings if each.kind in kinds
        }

    def mails(self) -> list[str]:
        """The notices that the owner got since the last look."""
        self.world._sort()
        box = self.world._boxes[self.world.alice.email]
        told = [each.headline for each in box if each.kind is NotificationKind.NOTICE]
        box.clear()
        return told


@pytest.fixture
async def nights(sqlite_db: Database, clock: StoppedClock, tmp_path: Path) -> AsyncIterator[Nights]:
    """Nothing was backed up yet."""
    made = Nights(await World.build(sqlite_db, clock), tmp_path / "backups")
    assert await made.run.run_due() == 0
    yield made
    await made.run.stop()


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Lets the disk seem full, or no more."""
    real = shutil.disk_usage

    def switch(is_full: bool) -> None:
        def usage(path: Any) -> Any:
            return real(path)._replace(free=1_000_000) if is_full else real(path)

        monkeypatch.setattr("openalert.storage.backup.shutil.disk_usage", usage)

    return switch


async def test_every_night_one_is_made_and_the_oldest_go(nights: Nights) -> None:
    """Three of six are left, each whole, for its owner alone; a second look in the same night makes none."""
    for _ in range(6):
        assert await nights.night() >= 1
        assert await nights.run.run_due() == 0
    assert len(nights.files) == 3
    for name in nights.files:
        path = nights.folder / name
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert backup.check(path)["users"] == 3
    assert stat.S_IMODE(nights.folder.stat().st_mode) == 0o700
    job = await nights.job()
    assert job.facts["file"] == nights.files[-1]
    assert job.facts["rows"] > 10
    acts = await nights.world.value("SELECT count(*) FROM audit_log WHERE act = 'database.backed_up'")
    assert acts == 6
    assert await nights.found() == {}


async def test_what_others_put_into_the_folder_stays(nights: Nights) -> None:
    """Only files of ours go, and what a process that died left half made."""
    nights.folder.mkdir()
    for name in ("notes.txt", "openalert.db", ".openalert-20260101T030000Z.db.partial-999999999"):
        (nights.folder / name).write_text("mine")
    (nights.folder / ".openalert-20260101T030000Z.db.partial-999999999-journal").write_text("half")
    for _ in range(5):
        await nights.night()
    assert [name for name in nights.files if not name.startswith("openalert-2")] == [
        "notes.txt",
        "openalert.db",
    ]
    assert len(nights.files) == 5


async def test_too_little_space_is_refused_before_it_begins_and_told_once(
    nights: Nights, full: Callable[[bool], None]
) -> None:
    """The owner hears of it once, the older backups stay, and an hour after there is space again there is one."""
    await nights.night()
    before = nights.files
    full(True)
    await nights.night()
    assert nights.mails() == ["The nightly backup was not made"]
    assert nights.files == before
    for _ in range(3):
        await nights.night(1 / 23)
    assert nights.mails() == []
    assert "not enough space" in (await nights.found())["backup_fails"]
    await nights.night(2)
    assert "old" in (await nights.found())["backup_missing"]
    full(False)
    await nights.night(1 / 23)
    assert len(nights.files) == 2
    assert await nights.found() == {}


async def test_none_at_all_is_warned_of_after_two_days(nights: Nights, full: Callable[[bool], None]) -> None:
    """A new installation is not told on its first day that it has no backup."""
    full(True)
    await nights.night(0.9)
    assert "backup_missing" not in await nights.found()
    await nights.night(1.2)
    assert "There is no backup" in (await nights.found())["backup_missing"]
    stands = await nights.world.db.look(backups.standing)
    assert (stands.is_on, stands.is_late, stands.is_verified) == (True, True, False)


async def test_a_copy_that_is_not_whole_does_not_count(
    nights: Nights, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It never gets its name, those before stay, and the night counts as missed."""
    await nights.night()
    before = nights.files
    real = backup._copy

    def torn(original: Any, copy: Any, stop: Any) -> None:
        real(original, copy, stop)
        copy.execute("DELETE FROM users")

    with monkeypatch.context() as patched:
        patched.setattr(backup, "_copy", torn)
        await nights.night()
    assert nights.files == before
    assert (await nights.job()).failing_since is not None

    def unreadable(path: Path) -> None:
        raise backup.BrokenBackup("It cannot be opened.")

    with monkeypatch.context() as patched:
        patched.setattr(engine, "_prove", unreadable)
        await nights.night()
    assert nights.files == before
    assert "cannot be opened" in (await nights.job()).error


class Killed(BaseException):
    """What a process that is killed hears: nothing that anything catches."""


def killed(*_: object, **__: object) -> None:
    """Die here."""
    raise Killed


async def test_a_process_that_dies_while_it_copies_tries_again(
    nights: Nights, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was begun and never ended is due an hour later: no night is lost, and no start does nothing else."""
    with monkeypatch.context() as patched:
        patched.setattr(backup_folder, "make", killed)
        with pytest.raises(Killed):
            await nights.night()
    assert await nights.run.run_due() == 0
    assert await nights.night(61 / 1440) >= 1
    assert len(nights.files) == 1


async def test_a_process_that_dies_at_it_twice_in_a_row_is_told(
    nights: Nights, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody was there to say that it failed: the next one does, tries again, and all is well if that works."""
    for days in (1, 61 / 1440):
        assert nights.mails() == []
        with monkeypatch.context() as patched, pytest.raises(Killed):
            patched.setattr(backup_folder, "make", killed)
            await nights.night(days)
        nights.run._under_way = None  # as in a process that knows nothing of the one before
    assert await nights.found() == {}
    with monkeypatch.context() as patched:
        patched.setattr(backup_folder, "make", killed)
        with pytest.raises(Killed):
            await nights.night(61 / 1440)
    await nights.world.engine.run_until_idle()
    assert nights.mails() == ["The nightly backup was not made"]
    assert "2 times in a row" in (await nights.found())["backup_fails"]
    nights.run._under_way = None
    await nights.night(61 / 1440)
    assert (await nights.found(), len(nights.files)) == ({}, 1)


async def test_a_stop_in_order_is_no_failure(nights: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often it comes while one is made: the try does not count."""
    began = threading.Event()

    def slow(*_: object, stop: threading.Event, **__: object) -> None:
        began.set()
        assert stop.wait(60)
        raise backup.BrokenOff("The backup was broken off.")

    nights.world.clock.advance(DAY)
    for _ in range(3):
        with monkeypatch.context() as patched:
            patched.setattr(backup_folder, "make", slow)
            began.clear()
            nights.run = nights.with_()
            await nights.run.start()
            assert await asyncio.to_thread(began.wait, 60)
            await nights.run.stop()
        assert (await nights.job()).attempts == 0
        nights.world.clock.advance(2 * HOUR)
    nights.run = nights.with_()


async def test_what_a_killed_process_left_goes_with_the_next_start(nights: Nights) -> None:
    """Half copies, half drills and half restores, each as large as the database; what others work at stays."""
    nights.folder.mkdir()
    half, of_others = (
        nights.folder / f".openalert-20260101T030000Z.db.partial-{pid}" for pid in (999_999_999, 1)
    )
    for path in (half, of_others, half.with_name(f"{half.name}-journal")):
        path.write_text("half")
    drill = nights.folder / "openalert-drill-999999999-x"
    drill.mkdir()
    staged = nights.file.with_name("openalert.db.restoring")
    staged.write_text("half")
    same, kept = (nights.file.with_name(f"openalert.db.before-restore-{number}") for number in (1, 2))
    os.link(nights.file, same)
    kept.write_text("another database")
    await nights.run.start()

    async def is_clear() -> bool:
        return not any(path.exists() for path in (half, drill, staged, same))

    await until(is_clear)
    await nights.run.stop()
    assert [path.exists() for path in (of_others, kept, nights.file)] == [True, True, True]
    assert nights.files == [of_others.name]


async def test_where_one_more_does_not_fit_the_oldest_goes_first_and_never_the_last(
    nights: Nights, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk for three holds three night after night; what would not be enough, or is the last one, stays."""
    real, room = shutil.disk_usage, 0

    def usage(path: Any) -> Any:
        taken = sum(each.stat().st_size for each in nights.folder.iterdir())
        return real(path)._replace(free=max(0, room - taken))

    monkeypatch.setattr("openalert.storage.backup.shutil.disk_usage", usage)
    room = backup.room_for(nights.file) + 4_000_000
    for _ in range(6):
        await nights.night()
    before, size = nights.files, (nights.folder / nights.files[0]).stat().st_size
    assert (len(before), await nights.found()) == (3, {})
    room = backup.MARGIN
    await nights.night()
    assert nights.files == before, "what would not be enough is not removed"
    assert "keep fewer than 3 backups (backup.keep)" in (await nights.job()).error

    nights.run, room = nights.with_(keep=1), backup.room_for(nights.file) + size + size // 2
    await nights.night(61 / 1440)
    assert (len(nights.files), await nights.found()) == (1, {})
    before, room = nights.files, backup.room_for(nights.file) + size - 1
    await nights.night()
    assert nights.files == before, "the last one stays until the next one is proven"
    assert "not enough space" in (await nights.found())["backup_fails"]


async def test_a_stop_breaks_it_off_and_leaves_nothing(nights: Nights) -> None:
    """Whoever stops the server does not wait for a large copy."""
    nights.run._stop.set()
    with pytest.raises(backup.BrokenOff):
        backup_folder.make(
            nights.file,
            nights.folder,
            nights.world.clock(),
            keep=3,
            stop=nights.run._stop,
            prove=lambda _: None,
        )
    assert nights.files == []


async def test_every_week_the_newest_is_restored_for_a_trial(nights: Nights) -> None:
    """Nothing of the trial is left; what it found is kept; a backup that cannot be restored is told of."""
    await nights.night()
    first = (await nights.job(JobName.DRILL)).done_at
    assert first is not None
    await nights.night(3)
    assert (await nights.job(JobName.DRILL)).done_at == first
    await nights.night(4)
    drill = await nights.job(JobName.DRILL)
    assert drill.done_at is not None
    assert drill.done_at > first
    assert drill.facts["file"] == nights.files[-1]
    assert all(name.startswith("openalert-2") for name in nights.files)

    newest = nights.folder / nights.files[-1]
    with closing(sqlite3.connect(newest)) as raw:
        raw.execute("DROP TRIGGER audit_log_keeps")
        raw.execute("UPDATE audit_log SET target_name = 'something else' WHERE seq = 1")
        raw.commit()
    job = await nights.job(JobName.DRILL)
    job.due_at = 0
    await nights.world.db.act(lambda tx: backup_jobs.put(tx, job))
    await nights.run.run_due()
    await nights.world.engine.run_until_idle()
    assert nights.mails() == ["The restore drill failed"]
    assert "audit log" in (await nights.found())["backup_fails"]


async def test_a_trial_says_what_would_be_held(nights: Nights) -> None:
    """Two incidents open, one due long ago, one just now: one would be held, one would go on; the file is untouched."""
    world = nights.world
    await world.policy(*[_level(number, world) for number in (1, 2)])
    await world.fires("Old")
    world.clock.advance(90 * MINUTE)
    await world.fires("Young", since=90 * 60)
    target = nights.file.with_name("save.db")
    backup.save(nights.file, target)
    body = target.read_bytes()
    found = await restore_drill.rehearse(target, target.parent, world.db.keys)
    assert found.broken == []
    # The clock of the trial is the machine's, and that of the test stands in another year.
    assert (found.open_incidents, found.held.incidents + found.waiting) == (2, 2)
    assert found.unreadable == 0
    assert target.read_bytes() == body
    assert not list(target.parent.glob("openalert-drill-*"))


def _level(number: int, world: World) -> Any:
    from tests.make import level

    return level(number, world.alice, minutes=30 * (number - 1))


@pytest.fixture
async def store() -> AsyncIterator[FakeS3]:
    """A store in which no request may have a wrong form."""
    async with FakeS3() as running:
        yield running
        assert running.problems == []


async def test_each_new_file_is_copied_to_the_bucket_once(
    nights: Nights, store: FakeS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In parts where it is large; one that did not arrive is told of once, and sent again until it does."""
    monkeypatch.setattr(s3, "PART", 256 * 1024)
    settings = S3Settings(
        endpoint=store.endpoint, region=fake.REGION, bucket=fake.BUCKET, prefix="nights",
        access_key_id=fake.ACCESS_KEY, secret_access_key=fake.SECRET_KEY,
    )  # fmt: skip
    bucket = Bucket(settings, OutgoingSettings())

    async def carry(file: Path) -> None:
        await bucket.put_file(file.name, file, nights.world.db.clock)

    nights.run = nights.with_(carry)
    await nights.night()
    (name,) = nights.files
    assert store.objects[f"nights/{name}"].body == (nights.folder / name).read_bytes()
    assert len([each for each in store.log if each[0] == "PUT"]) > 2
    asked = len(store.log)
    await nights.run.run_due()
    assert len(store.log) == asked

    store.answers = [(200, ""), (503, "SlowDown")]
    await nights.night()
    assert nights.mails() == ["The backup could not be copied to its other place"]
    assert "SlowDown" in (await nights.found())["backup_fails"]
    store.answers.clear()
    await nights.night(1 / 23)
    assert set(store.objects) == {f"nights/{name}" for name in nights.files}
    assert await nights.found() == {}
    await bucket.close()


async def test_a_command_gets_each_new_file(nights: Nights, tmp_path: Path) -> None:
    """The file is its last argument; one that fails is told with its last words."""
    target = tmp_path / "elsewhere"
    target.mkdir()
    script = "import shutil, sys; shutil.copy(sys.argv[2], sys.argv[1])"

    async def carry(file: Path) -> None:
        await mirror_command.run([sys.executable, "-c", script, str(target)], file, 30)

    nights.run = nights.with_(carry)
    await nights.night()
    assert [path.name for path in target.iterdir()] == nights.files

    async def fails(file: Path) -> None:
        raise NotifierError(Reason.REFUSED, "scp ended with 255. Connection refused")

    nights.run = nights.with_(fails)
    await nights.night()
    assert "Connection refused" in (await nights.found())["backup_fails"]
    assert len(nights.files) == 2


async def test_switched_off_nothing_is_made_or_warned_of(nights: Nights) -> None:
    """Whoever has other means is left alone; switched on again, it begins anew."""
    off = Backups(nights.world.db, nights.file, None)
    await off.run_due()
    await nights.night(0)
    nights.run = off
    await nights.night(5)
    assert nights.files == []
    assert await nights.found() == {}
    assert not (await nights.world.db.look(backups.standing)).is_on


async def test_a_clock_that_was_years_ahead_does_not_stop_backups(nights: Nights) -> None:
    """What was planned for another decade is done tonight."""
    job = await nights.job()
    job.due_at = nights.world.clock() + 3650 * DAY
    await nights.world.db.act(lambda tx: backup_jobs.put(tx, job))
    assert await nights.run.run_due() >= 1
    assert len(nights.files) == 1


async def test_a_folder_that_cannot_be_written_to_is_told(nights: Nights) -> None:
    """A file in the place of the folder: the reason names it."""
    nights.folder.write_text("in the way")
    await nights.world.db.act(lambda tx: _due_now(tx, nights))
    await nights.run.run_due()
    assert str(nights.folder) in (await nights.job()).error
    nights.folder.unlink()


async def _due_now(tx: Any, nights: Nights) -> None:
    job = (await backup_jobs.every(tx))[JobName.BACKUP]
    job.due_at = tx.now
    await backup_jobs.put(tx, job)


@pytest.mark.proves("F-15")
@pytest.mark.parametrize("nights_of_silence", [(1,), (1, 0.1, 1)], ids=["moments", "days"])
async def test_a_folder_that_does_not_answer_is_told_and_hangs_nobody(
    nights: Nights, monkeypatch: pytest.MonkeyPatch, nights_of_silence: tuple[float, ...]
) -> None:
    """Asked once, however often it would be time: owners hear why there is no backup; as soon as it answers one is
    made.
    """
    monkeypatch.setattr(engine, "ANSWER_SECONDS", 0.05)
    answers, real, asked = threading.Event(), backup_folder.kept, []

    def hanging(folder: Path) -> list[backup_folder.Kept]:
        asked.append(folder)
        assert answers.wait(120)
        return real(folder)

    monkeypatch.setattr(backup_folder, "kept", hanging)
    for days in nights_of_silence:
        assert await nights.night(days) == 0
    assert asked == [nights.folder]
    assert nights.mails() == ["The nightly backup was not made"]
    assert "does not answer within" in (await nights.found())["backup_fails"]
    monkeypatch.setattr(engine, "ANSWER_SECONDS", 60.0)  # in which it answers on any machine
    answers.set()

    async def is_made() -> bool:
        await nights.run.run_due()
        return (await nights.job()).failing_since is None

    await until(is_made)
    assert len(nights.files) == 1
    assert await nights.found() == {}


async def test_an_end_waits_for_no_folder_that_does_not_answer(
    nights: Nights, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What hangs is left behind with its thread, which keeps no process from ending."""
    monkeypatch.setattr(engine, "END_SECONDS", 0.05)
    monkeypatch.setattr(engine, "ANSWER_SECONDS", 0.05)
    answers = threading.Event()
    monkeypatch.setattr(backup_folder, "kept", lambda _: answers.wait(120))
    others = {each for each in threading.enumerate() if each.name == "backups"}
    tasks = asyncio.all_tasks()
    assert await nights.night() == 0
    await nights.run.stop()
    await asyncio.wait_for(asyncio.gather(*(asyncio.all_tasks() - tasks), return_exceptions=True), 60)
    (left,) = {each for each in threading.enumerate() if each.name == "backups"} - others
    assert left.daemon
    answers.set()
    await asyncio.to_thread(left.join, 60)
    assert not left.is_alive()


@pytest.mark.proves("F-15")
async def test_a_start_whose_folder_does_not_answer_tells_so_too(
    nights: Nights, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another run left there is for later to clear away."""
    monkeypatch.setattr(engine, "ANSWER_SECONDS", 0.05)
    monkeypatch.setattr(engine, "LOOK_SECONDS", 0.01)
    answers = threading.Event()

    def hanging(*_: object) -> list[backup_folder.Kept]:
        assert answers.wait(600)
        return []

    for name in ("kept", "clear"):
        monkeypatch.setattr(backup_folder, name, hanging)
    await nights.run.start()

    async def is_told() -> bool:
        return (await nights.job()).failing_since is not None

    await until(is_told)
    answers.set()
    await nights.run.stop()


async def test_an_end_begins_nothing_more(nights: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes while a backup is made: no drill follows, though it is due."""
    await nights.night()
    rehearsed: list[Path] = []

    def ends(*_: object, stop: threading.Event, **__: object) -> None:
        stop.set()
        raise backup.BrokenOff("The backup was broken off.")

    async def rehearse(file: Path, *_: object) -> None:
        rehearsed.append(file)
        raise backup.BrokenOff("The drill was broken off.")

    monkeypatch.setattr(backup_folder, "make", ends)
    monkeypatch.setattr(restore_drill, "rehearse", rehearse)
    assert await nights.night(8) == 1
    assert rehearsed == []
    nights.run = nights.with_()
    monkeypatch.setattr(backup_folder, "make", lambda *_, **__: ends(stop=threading.Event()))
    await nights.night(8)
    assert len(rehearsed) == 1


async def test_a_folder_that_answers_with_an_error_is_asked_again(
    nights: Nights, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That is an answer; whoever looks into it next hears it, and nobody is told of one that no one waited for."""
    unheard: list[Any] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: unheard.append(context))

    def broken(_: Path) -> list[backup_folder.Kept]:
        raise PermissionError("not yours")

    with monkeypatch.context() as patched:
        patched.setattr(backup_folder, "kept", broken)
        assert await nights.run._answers(await nights.run._jobs())
    assert await nights.run._answers(await nights.run._jobs())
    gc.collect()
    loop.set_exception_handler(None)
    assert unheard == []
