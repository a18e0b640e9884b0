"""openalert organization add|list"""

import click

from openalert.cli.settings import configured, options


@click.group()
def organization() -> None:
    """Several organizations on one installation, each a world of its own.

    Once there is a second one, the other commands want to know which is meant: --organization NAME.
    """


@organization.command()
@click.argument("name")
@click.option("--owner", required=True, metavar="EMAIL", help="Who owns it: somebody who is nowhere else.")
@click.option("--owner-name", help="How others see the owner; the part before the @ by default.")
@options
def add(
    name: str,
    owner: str,
    owner_name: str | None,
    config_file: str | None,
    data_dir: str | None,
    database_url: str | None,
) -> None:
    """Add an organization and its first owner."""
    from openalert.cli import admin

    config = configured(config_file, data_dir, database_url)
    called = owner_name or owner.partition("@")[0]
    admin.say(admin.run(config, "organization add", name=name, owner=owner, owner_name=called))


@organization.command("list")
@options
def list_(config_file: str | None, data_dir: str | None, database_url: str | None) -> None:
    """List the organizations: id and name."""
    from openalert.cli import admin

    admin.say(admin.run(configured(config_file, data_dir, database_url), "organization list"))
