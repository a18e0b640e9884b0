"""openalert migrate, backup and restore"""

import asyncio
import os
import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit, urlunsplit

import click
import msgspec

from openalert.cli.settings import configured, options
from openalert.config import Config, make_data_dir
from openalert.domain.errors import Conflict, OpenAlertError

if TYPE_CHECKING:
    from openalert.cli.replacing import Outcome


@click.command()
@click.option(
    "--from", "source", metavar="URL", help="With --to: the database to move from; else the usual one."
)
@click.option("--to", "target", metavar="URL", help="Move all data there: sqlite:///path or postgres://…")
@options
def migrate(
    source: str | None,
    target: str | None,
    config_file: str | None,
    data_dir: str | None,
    database_url: str | None,
) -> None:
    """Bring the schema up to date; the server does it by itself when it starts.

    With --to: move all data to another, empty database, while no server runs. Nothing is changed in the old one.
    """
    if target is not None:
        from openalert.cli import moving

        source = source or configured(config_file, data_dir, database_url).database_url
        asyncio.run(moving.move(source, target))
        return
    if source is not None:
        raise click.UsageError("--from says where data moves from; --to, where it moves to, is missing.")
    done = asyncio.run(_migrate(configured(config_file, data_dir, database_url)))
    click.echo(f"Applied: {', '.join(done)}." if done else "The schema is up to date.")


async def _migrate(config: Config) -> list[str]:
    from openalert.storage import open_database, upgrade

    make_data_dir(config)
    database = await open_database(config.database_url, migrated=False)
    try:
        return await upgrade(database)
    finally:
        await database.close()


@click.command()
@click.argument("file", type=click.Path(path_type=Path, readable=False), required=False)
@click.option(
    "--list", "is_list", is_flag=True, help="What lies in the folder of nightly backups, and how they stand."
)
@click.option(
    "--drill", metavar="FILE", help="Restore FILE, or the `latest` one, into a copy that is thrown away."
)
@options
def backup(
    file: Path | None,
    is_list: bool,
    drill: str | None,
    config_file: str | None,
    data_dir: str | None,
    database_url: str | None,
) -> None:
    """Copy the database to FILE and prove the copy; the server may go on running."""
    from openalert.cli import backups

    config = configured(config_file, data_dir, database_url)
    if [file is not None, is_list, drill is not None].count(True) != 1:
        raise click.UsageError("Give the FILE to copy the database to, or --list, or --drill FILE.")
    if drill is not None:
        backups.rehearse(config, drill)
    elif file is None:
        backups.show(config)
    else:
        _save(config, file)


def _save(config: Config, file: Path) -> None:
    from openalert.storage import sqlite_file

    folder = file.absolute().parent
    if not folder.is_dir():
        raise OpenAlertError(f"There is no folder {folder}: make it first, or choose another.")
    source = sqlite_file(config.database_url)
    if source is None:
        _dump_postgres(config.database_url, file)
        click.echo(f"Saved to {file}.")
        _note_backup(config, file)
        return
    if not source.exists():
        raise OpenAlertError(f"There is no database at {source}.")
    from openalert.storage import backup as copies

    counts = copies.save(source, file.absolute())
    click.echo(f"Saved to {file}: {counts['incidents']} incidents, {sum(counts.values())} rows, checked.")
    _note_backup(config, file)


def _note_backup(config: Config, file: Path) -> None:
    """Tell the audit log; a log that cannot be written does not take back a backup that was made."""
    from openalert.cli import admin

    try:
        if admin.ask(config, "backup made", file=str(file.absolute())) is None:
            asyncio.run(_note_directly(config, str(file.absolute())))
    except OpenAlertError as error:
        click.echo(f"The audit log has no note of it: {error.message}", err=True)


async def _note_directly(config: Config, file: str) -> None:
    from openalert.storage import migrate as migrations
    from openalert.storage import open_database
    from openalert.usecases import console

    database = await open_database(config.database_url, migrated=False)
    try:
        if await migrations.pending(database):
            raise OpenAlertError("the schema is older than this program, and a backup does not change it.")
        await console.backup_made(database, file=file)
    finally:
        await database.close()


@click.command()
@click.argument("file", type=click.Path(path_type=Path, readable=False), required=False)
@click.option(
    "--in-place",
    "is_there",
    is_flag=True,
    help="The database was put back by other means; only hold what is past in it. No server may run.",
)
@click.option(
    "--without-secrets",
    is_flag=True,
    help="Restore FILE although secrets in it are sealed with a key that is lost; they have to be given anew.",
)
@options
def restore(
    file: Path | None,
    is_there: bool,
    without_secrets: bool,
    config_file: str | None,
    data_dir: str | None,
    database_url: str | None,
) -> None:
    """Put the backup FILE in the place of the database; a running server does it itself, and goes on with it."""
    from openalert.cli import admin, replacing
    from openalert.storage import keyring, sqlite_file
    from openalert.usecases.restore import restore as put_in_place

    config = configured(config_file, data_dir, database_url)
    if (file is None) is not is_there:
        raise click.UsageError("Give the FILE to restore, or --in-place.")
    if is_there and without_secrets:
        raise click.UsageError("--without-secrets is about a FILE; --in-place keeps everything as it is.")
    if file is None:
        admin.say(asyncio.run(_hold_here(config)))
        return
    target = sqlite_file(config.database_url)
    if target is None:
        raise replacing.postgres()
    if not file.is_file():
        raise OpenAlertError(f"There is no file {file}.")
    wanted = {"file": str(file.absolute()), "without_secrets": without_secrets}
    asked = admin.ask(config, "restore", patience=None, **wanted)
    if asked is not None:
        admin.say(_outcome(config, number=int(asked[0]), server=int(asked[1])).lines)
        return
    make_data_dir(config)
    keys = keyring.of(config)
    try:
        done = asyncio.run(put_in_place(file, target, keys, without_secrets=without_secrets))
    except OpenAlertError:
        keys.forget_new()  # made by this command: so that the right one can be put there
        raise
    admin.say(replacing.told(file, done))


async def _hold_here(config: Config) -> list[str]:
    from openalert.storage import open_database
    from openalert.usecases.restore import hold_here

    database = await open_database(config.database_url)
    try:
        held = await hold_here(database, "in place")
    finally:
        await database.close()
    held_back = f"{held.incidents} open incident(s), {held.alerts} held alert(s), {held.messages} message(s)"
    return [f"Held, because they were due in the past: {held_back}.", "Everybody has to sign in again."]


def _outcome(config: Config, *, number: int, server: int) -> "Outcome":
    """Wait until the server runs again and says what became of the restore; raises what it was refused for."""
    from openalert.cli import admin
    from openalert.cli.replacing import Outcome

    while True:
        with suppress(admin.GoneAway, ConnectionError, TimeoutError):
            told = admin.ask(config, "where", fact="restored")
            outcome = msgspec.json.decode(told[0], type=Outcome | None) if told else None
            if outcome is not None and outcome.number == number:
                break
        try:
            os.kill(server, 0)
        except ProcessLookupError:
            raise OpenAlertError("The server ended while it restored; its log says why.") from None
        time.sleep(0.1)
    if outcome.error:
        raise OpenAlertError(outcome.error, code=outcome.code)
    return outcome


def _dump_postgres(url: str, target: Path) -> None:
    program = shutil.which("pg_dump")
    if program is None:
        raise OpenAlertError(
            "pg_dump is not installed here; install Postgres' client programs, or run it yourself."
        )
    if target.exists():
        raise Conflict(f"{target} exists already; choose another name.")
    parts = urlsplit(url)
    # The password goes by the environment: arguments can be read by everybody on the machine.
    bare = parts._replace(scheme="postgresql", netloc=parts.netloc.replace(f":{parts.password}@", "@"))
    environment = os.environ | ({"PGPASSWORD": unquote(parts.password)} if parts.password else {})
    partial = target.with_name(f".{target.name}.partial-{os.getpid()}")
    try:
        done = subprocess.run(  # noqa: S603 - found on the path, called without a shell
            [program, "--format=custom", f"--file={partial}", urlunsplit(bare)],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[0]
            raise OpenAlertError(f"pg_dump failed: {reason}")
        partial.chmod(0o600)
        partial.rename(target)
    finally:
        partial.unlink(missing_ok=True)
