"""openalert verify"""

import asyncio

import click

from openalert.cli.settings import configured, options
from openalert.config import Config
from openalert.domain.errors import OpenAlertError


@click.command()
@click.option("--expect", metavar="HASH", help="The head that an earlier verify printed, noted elsewhere.")
@options
def verify(
    expect: str | None, config_file: str | None, data_dir: str | None, database_url: str | None
) -> None:
    """Prove that the audit log is one unbroken chain and the database keeps its promises; exit code 0 only if so.

    Nothing is written, and the server may go on running. Note the head that is printed in another place: with
    --expect it proves later that nothing before it was changed.
    """
    config = configured(config_file, data_dir, database_url)
    if not asyncio.run(_verify(config, expect)):
        raise OpenAlertError("Not everything holds; see the lines marked FAIL, and docs/audit.md.")


async def _verify(config: Config, expect: str | None) -> bool:
    from openalert.storage import open_reading
    from openalert.usecases import verify as proofs

    database = await open_reading(config.database_url)
    good = True
    try:
        proven = await proofs.extent(database)
        async for finding in proofs.verify(database, expect, proven):
            click.echo(f"{'ok  ' if finding.holds else 'FAIL'} {finding.about}: {finding.words}")
            good = good and finding.holds
        click.echo(f"head {proven.head.seq} {proven.head.hash}")
    finally:
        await database.close()
    return good
