"""Backups that are made by themselves: how they stand, and what owners are told when they fail."""

from collections.abc import Mapping
from typing import Any

import msgspec

from openalert.domain.backup import DRILL_LATE_AFTER, LATE_AFTER, BackupJob, JobName
from openalert.domain.instant import Instant
from openalert.storage import audit as chain
from openalert.storage import backup_jobs, open_reading, organizations
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import audit, owner_notices

_FAILED = {
    JobName.BACKUP: "The nightly backup was not made",
    JobName.COPY: "The backup could not be copied to its other place",
    JobName.DRILL: "The restore drill failed",
}
_LATER = {
    JobName.BACKUP: "It is tried again every hour. Older backups are still there.",
    JobName.COPY: "It is tried again every hour. The backup itself is in its folder.",
    JobName.DRILL: "A backup that cannot be restored is none: make one with `openalert backup` and try that one.",
}


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How backups stand, for pages and metrics."""

    is_on: bool
    """False: switched off, or the database is no file of ours."""
    age: Instant = 0
    """Of the last good one; if there is none, for how long there should have been one."""
    is_late: bool = False
    """Whether a night was missed, or no backup was ever made although there was a night for it."""
    is_verified: bool = False
    """Whether the last one that was tried was made and found whole."""
    last: BackupJob | None = None
    copy: BackupJob | None = None
    """None: it goes nowhere else."""
    drill: BackupJob | None = None
    drill_is_late: bool = False

    @property
    def failing(self) -> list[BackupJob]:
        """The jobs that fail."""
        jobs = (self.last, self.copy, self.drill)
        return [each for each in jobs if each is not None and each.failing_since is not None]


async def standing(reader: Reader) -> Standing:
    """How they stand now."""
    return stands(await backup_jobs.every(reader), reader.now)


def stands(jobs: Mapping[JobName, BackupJob], now: Instant) -> Standing:
    """The same, of jobs that were read."""
    last, drill = jobs.get(JobName.BACKUP), jobs.get(JobName.DRILL)
    if last is None:
        return Standing(is_on=False)
    return Standing(
        is_on=True,
        age=last.age(now),
        is_late=last.age(now) > LATE_AFTER,
        is_verified=last.done_at is not None and last.failing_since is None,
        last=last,
        copy=jobs.get(JobName.COPY),
        drill=drill,
        drill_is_late=drill is not None and drill.age(now) > DRILL_LATE_AFTER,
    )


async def opens(path: str) -> None:
    """Prove that a restore could open the file: its schema is ours, its audit log has a head. Raises what it meets."""
    opened = await open_reading(f"sqlite:///{path}")
    try:
        async with opened.read() as reader:
            await chain.head(reader)
    finally:
        await opened.close()


async def made(tx: Transaction, job: BackupJob, file: str) -> None:
    """A backup was made by itself."""
    await backup_jobs.put(tx, job)
    await audit.record_installation(
        tx, "database.backed_up", kind="database", name="the database", after={"file": file}
    )


async def failed(tx: Transaction, job: BackupJob, *, is_new: bool) -> None:
    """A job did not work; owners hear of it once until it works again."""
    await backup_jobs.put(tx, job)
    first = await organizations.first(tx)
    if not is_new or first is None:
        return
    await owner_notices.tell(
        tx,
        first.id,
        headline=_FAILED[job.name],
        body=f"{job.error}\n\n{_LATER[job.name]} You hear of it once, until it works again.",
        opens=("See the warnings", "/warnings"),
        prefers="email",
    )


def facts_of(counts: Mapping[str, int], **further: Any) -> dict[str, Any]:
    """What is kept of one that was made: how much is in it."""
    return {"incidents": counts.get("incidents", 0), "rows": sum(counts.values()), **further}
