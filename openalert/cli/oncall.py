"""openalert oncall"""

import click

from openalert.cli.settings import configured, of_organization, options


@click.command()
@click.argument("schedule", required=False)
@click.option("--at", metavar="TIME", help="2026-01-31T18:00:00Z; without it, now.")
@click.option("--person", metavar="EMAIL", help="When this person is on call in the four weeks from then on.")
@click.option(
    "--load",
    "days",
    type=click.IntRange(-400, 400),
    metavar="DAYS",
    help="Who carries how much in so many days to come; -30: in the last thirty.",
)
@of_organization
@options
def oncall(
    schedule: str | None,
    at: str | None,
    person: str | None,
    days: int | None,
    organization: str | None,
    config_file: str | None,
    data_dir: str | None,
    database_url: str | None,
) -> None:
    """Say who is on call and who follows, for all schedules or the one with this name or id."""
    from openalert.cli import admin

    if person is not None and (schedule is not None or days is not None):
        raise click.UsageError("--person goes with all schedules, and without --load.")
    if days is not None and at is not None:
        raise click.UsageError("--load counts from now; leave --at out.")
    config = configured(config_file, data_dir, database_url)
    if person is not None:
        lines = admin.run(config, "oncall user", person=person, at=at, organization=organization)
    elif days is not None:
        lines = admin.run(config, "oncall load", days=days, schedule=schedule, organization=organization)
    else:
        lines = admin.run(config, "oncall", schedule=schedule, at=at, organization=organization)
    admin.say(lines)
