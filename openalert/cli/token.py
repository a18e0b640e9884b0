"""openalert token create|list|revoke"""

import click

from openalert.cli.settings import configured, of_organization, options
from openalert.cli.user import ROLES

SCOPES = click.Choice(["read", "respond", "configure", "admin", "watch"])


@click.group()
def token() -> None:
    """Create, list and revoke API keys."""


@token.command()
@click.argument("name")
@click.option("--role", type=ROLES, default="admin", show_default=True)
@click.option(
    "--scope", "scopes", type=SCOPES, multiple=True, help="What it may be used for; repeat it for several."
)
@click.option("--team", metavar="SLUG", help="The only team in which it acts.")
@click.option("--expires-days", type=click.IntRange(1, 3650), help="Without it the key does not expire.")
@of_organization
@options
def create(
    name: str,
    role: str,
    scopes: tuple[str, ...],
    team: str | None,
    expires_days: int | None,
    organization: str | None,
    config_file: str | None,
    data_dir: str | None,
    database_url: str | None,
) -> None:
    """Print a new API key, which cannot be shown again."""
    from openalert.cli import admin

    config = configured(config_file, data_dir, database_url)
    lines = admin.run(
        config,
        "token create",
        name=name,
        role=role,
        scopes=list(scopes),
        team=team,
        expires_days=expires_days,
        organization=organization,
    )
    admin.say(lines)


@token.command("list")
@of_organization
@options
def list_(
    organization: str | None, config_file: str | None, data_dir: str | None, database_url: str | None
) -> None:
    """List the keys: id, role, name, end, scopes, last use."""
    from openalert.cli import admin

    config = configured(config_file, data_dir, database_url)
    admin.say(admin.run(config, "token list", organization=organization))


@token.command()
@click.argument("key_id")
@options
def revoke(key_id: str, config_file: str | None, data_dir: str | None, database_url: str | None) -> None:
    """Revoke a key by its id."""
    from openalert.cli import admin

    admin.say(admin.run(configured(config_file, data_dir, database_url), "token revoke", key_id=key_id))
