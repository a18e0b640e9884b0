"""openalert backup --list and --drill"""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from openalert.config import Config
from openalert.domain.backup import BackupJob, JobName
from openalert.domain.errors import Invalid, OpenAlertError
from openalert.domain.instant import DAY, HOUR, MINUTE, Instant, rfc3339

if TYPE_CHECKING:
    from openalert.usecases.backups import Standing
    from openalert.usecases.restore_drill import Rehearsed

_NAMES = {JobName.BACKUP: "nightly backup", JobName.COPY: "copy elsewhere", JobName.DRILL: "restore drill"}


def show(config: Config) -> None:
    """Print the nightly backups, the newest first, and how each job stands; fails where one does."""
    from openalert.engine.backups import plan_of
    from openalert.storage import backup_folder, sqlite_file, wall_clock

    if sqlite_file(config.database_url) is None:
        raise _of_postgres()
    folder, now = plan_of(config).folder, wall_clock()
    files = backup_folder.kept(folder)
    for each in files:
        click.echo(
            f"{rfc3339(each.made_at)}\t{_span(now - each.made_at)} old\t{each.size:,} bytes\t{each.path}"
        )
    if not files:
        click.echo(f"There are no backups in {folder}.")
    if not config.backup.enabled:
        click.echo("Nightly backups are switched off (backup.enabled).")
        return
    stands = asyncio.run(_standing(config))
    if stands is None or not stands.is_on:
        click.echo("The server has not run with nightly backups yet.")
        return
    for job in (stands.last, stands.copy, stands.drill):
        if job is not None:
            click.echo(f"{_NAMES[job.name]}: {_state(job, now)}")
    if stands.is_late or stands.drill_is_late or stands.failing:
        raise OpenAlertError("Backups need somebody to look at them.")


def _state(job: BackupJob, now: Instant) -> str:
    last = "never yet" if job.done_at is None else f"last done {rfc3339(job.done_at)}"
    if job.failing_since is not None:
        return f"{last}; failing since {rfc3339(job.failing_since)}: {job.error}"
    return f"{last}; next {rfc3339(job.due_at)}" if job.due_at > now else last


async def _standing(config: Config) -> "Standing | None":
    from openalert.storage import open_reading
    from openalert.usecases import backups

    try:
        database = await open_reading(config.database_url)
    except OpenAlertError as error:
        click.echo(f"How they stand cannot be read: {error.message}", err=True)
        return None
    try:
        async with database.read() as reader:
            return await backups.standing(reader)
    finally:
        await database.close()


def rehearse(config: Config, wanted: str) -> None:
    """Restore a file into a copy and print what was found; fails where something does not hold."""
    from openalert.engine.backups import plan_of
    from openalert.storage import backup_folder, keyring, sqlite_file
    from openalert.usecases import restore_drill

    if sqlite_file(config.database_url) is None:
        raise _of_postgres()
    folder = plan_of(config).folder
    file = Path(wanted)
    if wanted == "latest":
        files = backup_folder.kept(folder)
        if not files:
            raise OpenAlertError(f"There are no backups in {folder}.")
        file, scratch = files[0].path, folder
    else:
        scratch = folder if folder.is_dir() else file.absolute().parent
    if not file.is_file():
        raise OpenAlertError(f"There is no file {file}.")
    found = asyncio.run(restore_drill.rehearse(file, scratch, keyring.of(config)))
    for line in _told(found):
        click.echo(line)
    if found.broken:
        raise OpenAlertError(f"{file} would not be whole after a restore: {found.broken[0].words}.")
    if found.unreadable:
        raise OpenAlertError(
            f"{found.unreadable} stored secret(s) in {file} are sealed with a key that is not here, and would have to "
            "be given anew: keep that key."
        )


def _told(found: "Rehearsed") -> list[str]:
    of = "" if found.moment is None else f", of {rfc3339(found.moment)}, {_span(found.age)} ago"
    held = f"{found.held.incidents} held because their next step was due in the past, {found.waiting} with a step ahead"
    lines = [
        f"{found.file} can be restored{of}." if not found.broken else f"{found.file}{of}:",
        f"{found.incidents} incidents, {found.rows} rows, schema {found.schema}; it took {found.seconds:.1f} s.",
        f"Restored now, {found.open_incidents} incident(s) would be open: {held}.",
        f"{found.held.messages} message(s) would not be sent.",
    ]
    lines += [f"{'ok  ' if each.holds else 'FAIL'}  {each.about}: {each.words}" for each in found.findings]
    return lines


def _span(length: Instant) -> str:
    for unit, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
        if length >= 2 * unit or unit is MINUTE:
            return f"{max(0, length) // unit} {name}"
    return ""


def _of_postgres() -> Invalid:
    return Invalid(
        "With Postgres OpenAlert makes no nightly backups of its own: use those of your Postgres, or run "
        "`openalert backup FILE`, which calls pg_dump; see docs/backup.md."
    )
