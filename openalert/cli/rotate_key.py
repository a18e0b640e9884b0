"""openalert rotate-key"""

import click

from openalert.cli import admin
from openalert.cli.settings import configured, options


@click.command("rotate-key")
@options
def rotate_key(config_file: str | None, data_dir: str | None, database_url: str | None) -> None:
    """Seal every stored secret with a fresh key; the server may go on running, and a broken-off run goes on."""
    admin.say(admin.run(configured(config_file, data_dir, database_url), "rotate key"))
