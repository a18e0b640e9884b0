"""openalert oncall"""

import click

from openalert.cli.settings import configured, of_organization, options


@click.command()
@click.argument("schedule", required=False)
@click.option("--at", metavar="TIME", help="2026-01-31T18:00:00Z; without it, now.")
@of_organization
@options
def oncall(
    schedule: str | None,
    at: str | None,
    organization: str | None,
    config_file: str | None,
    data_dir: str | None,
    database_url: str | None,
) -> None:
    """Say who is on call, for all schedules or the one with this name or id."""
    from openalert.cli import admin

    config = configured(config_file, data_dir, database_url)
    admin.say(admin.run(config, "oncall", schedule=schedule, at=at, organization=organization))
