"""SQL for what is done about backups by itself: how each job stands."""

from collections.abc import Mapping

from openalert.domain.backup import BackupJob, JobName
from openalert.domain.instant import Instant
from openalert.storage.transaction import Reader, Transaction


async def every(reader: Reader) -> dict[JobName, BackupJob]:
    """The jobs that are on, by name."""
    found = await reader.all(BackupJob, "SELECT * FROM backup_jobs ORDER BY name")
    return {each.name: each for each in found}


async def put(tx: Transaction, job: BackupJob) -> None:
    """It stands so now."""
    await tx.insert_with(
        "backup_jobs",
        [job],
        {},
        " ON CONFLICT (name) DO UPDATE SET due_at = excluded.due_at, done_at = excluded.done_at, "
        "failing_since = excluded.failing_since, attempts = excluded.attempts, error = excluded.error, "
        "facts = excluded.facts",
    )


async def only(tx: Transaction, wanted: Mapping[JobName, Instant]) -> None:
    """These are on, others are not; one that was not is due at its instant."""
    known = await every(tx)
    for name in known.keys() - wanted.keys():
        await tx.execute("DELETE FROM backup_jobs WHERE name = :name", name=name.value)
    for name, due_at in wanted.items():
        if name not in known:
            await put(tx, BackupJob(name=name, since=tx.now, due_at=due_at))
