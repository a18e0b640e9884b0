"""Backups by themselves: every night a copy of the SQLite database, carried elsewhere, and every week a restore drill.

What is due is a row. A try that is broken off, by a kill too, is made again an hour later. The work is done in a
thread: nothing that pages anybody waits for it. Beside that it keeps the witness, by which a start finds out that the
file was put back by other hands.
"""

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import structlog

from openalert import telemetry
from openalert.config import Config
from openalert.domain import backup as rules
from openalert.domain.backup import BackupJob, JobName
from openalert.domain.errors import OpenAlertError
from openalert.domain.instant import HOUR, SECOND, Instant
from openalert.domain.walltime import Wall, parse_time, zone_named
from openalert.engine.aside import Aside
from openalert.notifiers import mirror_command
from openalert.notifiers.configured import bucket_settings, outgoing_settings
from openalert.notifiers.notifier import NotifierError
from openalert.notifiers.s3 import Bucket
from openalert.storage import backup_folder, backup_jobs, leftovers, runs, sqlite_file, witness
from openalert.storage.backup import BrokenOff
from openalert.storage.backup_folder import Kept
from openalert.storage.database import Database
from openalert.supervisor import Watched
from openalert.usecases import backups, restore_drill, vault

log = structlog.get_logger(__name__)

FOLDER = "backups"
"""In the data folder, unless another one is configured."""
LOOK_SECONDS = 10.0
ANSWER_SECONDS = 30.0
"""So long its folder has to answer."""
END_SECONDS = 5.0
"""So long the end waits for what is under way, which knows that it is to end."""
_NICE = 10
_CUT_OFF = (
    "The server was gone before this was done, {} times in a row: killed, or without power. The times when it was not "
    "running are on the System page, and the system's log says who ended it; too little memory is the usual reason."
)
_NO_ANSWER = (
    "The folder {} does not answer within {:.0f} s. It may lie on a share whose server is gone: look there, or name "
    "another folder in backup.folder. A backup is made as soon as it answers."
)
Carry = Callable[[Path], Awaitable[None]]


class BackupPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What the configuration wants."""

    folder: Path
    zone: ZoneInfo
    at: Wall
    """Milliseconds since midnight."""
    keep: int

    def next_night(self, now: Instant) -> Instant:
        """When the next one is due."""
        return rules.next_night(self.zone, self.at, now)


class Backups:
    """The backups of this process."""

    def __init__(
        self,
        database: Database,
        file: Path | None,
        plan: BackupPlan | None,
        carriers: tuple[Carry, ...] = (),
        close: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """`file`: the database's; None with Postgres. `plan` None: switched off. `carriers` take files elsewhere."""
        self._database = database
        self._file = file
        self._plan = plan if file is not None else None
        self._carriers = carriers if self._plan else ()
        self._close = close
        self._stop = threading.Event()
        self._under_way: BackupJob | None = None
        self._aside = Aside("backups", _be_gentle)
        self._question: asyncio.Task[list[Kept]] | None = None
        self._is_silent = False
        self._task: Watched | None = None

    async def start(self) -> None:
        """From now on do what is due; what a process that was killed left half made goes first."""
        if self._file is not None:
            self._task = self._database.supervisor.start("backups", lambda _: self._follow())

    async def stop(self) -> None:
        """Break off what is under way: it is made again later."""
        self._stop.set()
        if self._task is not None:
            await self._database.supervisor.stop(self._task)
            self._task = None
        if self._question is not None:
            self._question.cancel()
        if not await self._aside.ended(END_SECONDS):
            log.warning("what the backups were doing does not end and is left behind", folder=self._folder)
        if self._under_way is not None:
            await self._end_in_order(self._under_way)
        if self._close is not None:
            await self._close()

    async def run_due(self) -> int:
        """Do what is due; how many jobs that were."""
        jobs = await self._jobs()
        did = 0
        for name, work in (
            (JobName.BACKUP, self._backup),
            (JobName.COPY, self._copy),
            (JobName.DRILL, self._drill),
        ):
            job = jobs.get(name)
            if job is None or not _is_due(job, jobs, self._database.clock()):
                continue
            if not await self._answers(jobs):
                break
            if (name is not JobName.DRILL or await self._kept()) and not self._stop.is_set():
                await self._try(job, work)
                did += 1
        self._measure(jobs)
        return did

    async def _follow(self) -> None:
        await self._clear()
        while not self._stop.is_set():
            try:
                await self._testify()
                await self.run_due()
            except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
                log.warning("backups could not be looked after", reason=str(error))
            await asyncio.sleep(LOOK_SECONDS)

    async def _clear(self) -> None:
        """It may be as large as the database, and where backups were switched off nobody else would take it away."""
        assert self._file is not None  # noqa: S101 - nobody follows without one
        try:
            await self._aside.run(partial(leftovers.clear_restores, self._file))
            # What a folder holds that does not answer the next backup takes away, or the next start.
            if self._plan is not None and await self._answers(await self._jobs()):
                await self._aside.run(partial(backup_folder.clear, self._plan.folder))
                await self._aside.run(partial(restore_drill.clear, self._plan.folder))
        except (OSError, OpenAlertError) as error:
            log.warning("what is left of a broken-off backup could not be removed", reason=str(error))

    async def _testify(self) -> None:
        """Note beside the database how far it has come; read from it, so that the note never runs ahead."""
        last = await self._database.look(runs.last)
        if last is not None and self._file is not None:
            await asyncio.to_thread(witness.note, self._file, last)

    async def _jobs(self) -> dict[JobName, BackupJob]:
        jobs = await self._database.look(backup_jobs.every)
        wanted = self._wanted(self._database.clock())
        if jobs.keys() != wanted.keys():
            await self._database.act(partial(backup_jobs.only, wanted=wanted))
            jobs = await self._database.look(backup_jobs.every)
        return jobs

    def _wanted(self, now: Instant) -> dict[JobName, Instant]:
        """The jobs that are on, with when one that was not is first due: copies and drills when there is a file."""
        if self._plan is None:
            return {}
        copies = {JobName.COPY: now} if self._carriers else {}
        return {JobName.BACKUP: self._plan.next_night(now), **copies, JobName.DRILL: now}

    async def _try(self, job: BackupJob, work: Callable[[BackupJob], Awaitable[None]]) -> None:
        if job.is_cut_off:
            await self._failed(job, _CUT_OFF.format(job.attempts))
        job.begin(self._database.clock())
        await self._database.act(partial(backup_jobs.put, job=job))
        self._under_way = job
        try:
            await work(job)
        except BrokenOff:
            return
        except (OpenAlertError, NotifierError) as error:
            await self._failed(job, error.detail if isinstance(error, NotifierError) else error.message)
        except Exception:
            log.exception("backup job broke", job=job.name.value)
            await self._failed(job, "It broke; the server's log says how.")
        self._under_way = None

    async def _end_in_order(self, job: BackupJob) -> None:
        log.info("broken off", job=job.name.value)
        job.broken_off()
        with suppress(OpenAlertError):
            await self._database.act(partial(backup_jobs.put, job=job))

    async def _failed(self, job: BackupJob, why: str) -> None:
        is_new = job.failed(why, self._database.clock())
        log.error("backup job failed", job=job.name.value, reason=why, attempts=job.attempts)
        async with self._database.transaction() as tx:
            await backups.failed(tx, job, is_new=is_new)

    async def _backup(self, job: BackupJob) -> None:
        assert self._plan is not None  # noqa: S101 - it has a job only then
        assert self._file is not None  # noqa: S101 - as before
        now, plan = self._database.clock(), self._plan
        done = await self._aside.run(
            partial(
                backup_folder.make,
                self._file,
                plan.folder,
                now,
                keep=plan.keep,
                stop=self._stop,
                prove=_prove,
            )
        )
        facts = backups.facts_of(done.counts, file=done.path.name, bytes=done.size)
        job.succeeded(now, plan.next_night(self._database.clock()), **facts)
        log.info("backup made", removed=done.removed, **facts)
        async with self._database.transaction() as tx:
            await backups.made(tx, job, str(done.path))

    async def _copy(self, job: BackupJob) -> None:
        newest = await self._kept()
        if not newest:
            raise OpenAlertError("There is no backup in the folder any more.")
        for carry in self._carriers:
            await carry(newest[0].path)
        now = self._database.clock()
        job.succeeded(now, now, file=newest[0].path.name, bytes=newest[0].size)
        await self._database.act(partial(backup_jobs.put, job=job))

    async def _drill(self, job: BackupJob) -> None:
        assert self._plan is not None  # noqa: S101 - it has a job only then
        newest = (await self._kept())[0]
        keys = self._database.keys
        rehearsing = partial(restore_drill.rehearse, newest.path, self._plan.folder, keys, self._stop)
        found = await self._aside.run(partial(_in_a_loop, rehearsing))
        if found.broken:
            raise OpenAlertError(
                f"{found.file} was restored, but it does not hold: {found.broken[0].about}: {found.broken[0].words}."
            )
        if found.unreadable > await self._database.look(vault.lost):
            raise OpenAlertError(
                f"{found.unreadable} stored secret(s) in {found.file} are sealed with a key that is not here any more: "
                "keep that key, or make a new backup."
            )
        now = self._database.clock()
        job.succeeded(
            now,
            now + rules.DRILL_EVERY - HOUR,
            file=found.file,
            seconds=round(found.seconds, 1),
            rows=found.rows,
            held=found.held.incidents,
            unreadable=found.unreadable,
        )
        log.info("restore drill passed", **job.facts)
        await self._database.act(partial(backup_jobs.put, job=job))

    async def _answers(self, jobs: dict[JobName, BackupJob]) -> bool:
        """Whether the folder can be looked into within `ANSWER_SECONDS`; one that cannot makes the backup a failed one.

        It is asked once and no second time while that goes on, so that one thread hangs and not one for each look.
        """
        assert self._plan is not None  # noqa: S101 - nothing is due without one
        if self._question is None or self._question.done():
            self._question = asyncio.create_task(
                self._aside.run(partial(backup_folder.kept, self._plan.folder))
            )
        await asyncio.wait([self._question], timeout=ANSWER_SECONDS)
        if self._question.done():
            self._question.exception()  # that it cannot be read is an answer, which whoever reads it next hears
        if self._question.done() is not self._is_silent:
            return not self._is_silent
        job, self._is_silent = jobs[JobName.BACKUP], not self._is_silent
        if self._is_silent:
            await self._failed(job, _NO_ANSWER.format(self._plan.folder, ANSWER_SECONDS))
        else:
            log.info("the folder of backups answers again", folder=self._folder)
            job.due_at = self._database.clock()  # what was missed is made up for, and the warning goes
            await self._database.act(partial(backup_jobs.put, job=job))
        return not self._is_silent

    @property
    def _folder(self) -> str:
        return str(self._plan.folder) if self._plan is not None else ""

    async def _kept(self) -> list[Kept]:
        """Aside: the folder may lie on a share that does not answer, and pages go out all the same."""
        return await self._aside.run(partial(backup_folder.kept, self._plan.folder)) if self._plan else []

    def _measure(self, jobs: dict[JobName, BackupJob]) -> None:
        now = self._database.clock()
        stands = backups.stands(jobs, now)
        telemetry.BACKUP_AGE.set(stands.age / SECOND)
        telemetry.BACKUP_VERIFIED.set(int(stands.is_verified))
        telemetry.BACKUP_FAILING.clear()
        for job in jobs.values():
            since = job.failing_since
            telemetry.BACKUP_FAILING.labels(job=job.name.value).set(
                0 if since is None else max(0, now - since) / SECOND
            )


def _is_due(job: BackupJob, jobs: dict[JobName, BackupJob], now: Instant) -> bool:
    """Whether it is time, and as far as is known without a look into the folder there is something to do."""
    # A clock that was set back far leaves a day that nobody lives to see.
    if now < job.due_at <= now + 2 * rules.DRILL_EVERY:
        return False
    if job.name is not JobName.COPY:
        return True
    newest = jobs[JobName.BACKUP].facts.get("file")
    return newest is not None and newest != job.facts.get("file")


def _prove(path: Path) -> None:
    _in_a_loop(partial(backups.opens, str(path)))


def _in_a_loop(begin: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """The result of a coroutine, in a thread that has no event loop."""
    return asyncio.run(begin())


def _be_gentle() -> None:
    """Take what the processor has left: on Linux a thread, and those it starts, have a niceness of their own."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)


def configured_backups(config: Config, database: Database) -> Backups:
    """The backups that the configuration wants."""
    wanted = config.backup
    carriers: list[Carry] = []
    bucket = Bucket(bucket_settings(wanted), outgoing_settings(config)) if wanted.bucket else None
    if bucket is not None:
        carriers.append(partial(_to_bucket, bucket, database))
    if wanted.command:
        carriers.append(lambda file: mirror_command.run(wanted.command, file, wanted.command_seconds))
    return Backups(
        database,
        sqlite_file(config.database_url),
        plan_of(config) if wanted.enabled else None,
        tuple(carriers),
        bucket.close if bucket is not None else None,
    )


def plan_of(config: Config) -> BackupPlan:
    """When backups are made and where they lie."""
    wanted = config.backup
    return BackupPlan(
        folder=Path(wanted.folder) if wanted.folder else config.data_dir / FOLDER,
        zone=zone_named(wanted.time_zone),
        at=parse_time(wanted.at),
        keep=wanted.keep,
    )


async def _to_bucket(bucket: Bucket, database: Database, file: Path) -> None:
    await bucket.put_file(file.name, file, database.clock)
