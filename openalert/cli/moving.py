"""openalert migrate --from … --to …: all data moves to another database, and is proven to have arrived."""

from pathlib import Path

import click

from openalert.domain.errors import OpenAlertError
from openalert.storage.move import Place, Progress
from openalert.telemetry import redact


async def move(source_url: str, target_url: str) -> None:
    """Move, telling how far it is; MoveRefused or DatabaseInUse when it cannot be done."""
    from openalert.storage import move as moves

    source, target = _place(source_url, "--from"), _place(target_url, "--to")
    click.echo(f"Moving everything from {redact(source_url)} to {redact(target_url)}")
    done = await moves.move(source, target, _tell)
    rows = sum(table.done for table in done)
    click.echo(
        f"Moved {len(done)} tables, {rows:,} rows: count and checksum of each are the same on both sides."
    )
    await _note(source_url, target_url)
    click.echo(
        "Now set database.url to the new one, and keep encryption.key and secret.key: stored secrets and links still "
        "need them.\nThe old database is as it was. Never run a server on it beside the new one: both would page."
    )


def _place(url: str, option: str) -> Place:
    from openalert.storage import sqlite_file

    file = sqlite_file(url)
    if file is not None:
        return Path(file)
    if not url.startswith(("postgres://", "postgresql://")):
        raise OpenAlertError(f"{option} takes sqlite:///path/to/file or postgres://user@host/name.")
    return url


def _tell(progress: Progress) -> None:
    if progress.proven is not None:
        if progress.done:
            click.echo(f"  {progress.table:32} {progress.done:>12,} rows  sum {progress.proven.words}")
    else:
        click.echo(f"  {progress.table:32} {progress.done:>12,} of {progress.of:,} …")


async def _note(source_url: str, target_url: str) -> None:
    """Tell the audit log of the new database; a log that cannot be written does not take back what was moved."""
    from openalert.storage import open_database
    from openalert.usecases import console

    try:
        database = await open_database(target_url, migrated=False)
        try:
            await console.data_moved(database, source=redact(source_url), target=redact(target_url))
        finally:
            await database.close()
    except OpenAlertError as error:
        click.echo(f"The audit log has no note of it: {error.message}", err=True)
