"""openalert token create|list|revoke"""

import click

from openalert.cli.settings import configured, options
from openalert.cli.user import ROLES


@click.group()
def token() -> None:
    """Create, list and revoke API keys."""


@token.command()
@click.argument("name")
@click.option("--role", type=ROLES, default="admin", show_default=True)
@click.option("--expires-days", type=click.IntRange(1, 3650), help="Without it the key does not expire.")
@options
def create(
    name: str,
    role: str,
    expires_days: int | None,
    config_file: str | None,
    data_dir: str | None,
    database_url: str | None,
) -> None:
    """Print a new API key, which cannot be shown again."""
    from openalert.cli import admin

    config = configured(config_file, data_dir, database_url)
    admin.say(admin.run(config, "token create", name=name, role=role, expires_days=expires_days))


@token.command("list")
@options
def list_(config_file: str | None, data_dir: str | None, database_url: str | None) -> None:
    """List the keys: id, role, name, end."""
    from openalert.cli import admin

    admin.say(admin.run(configured(config_file, data_dir, database_url), "token list"))


@token.command()
@click.argument("key_id")
@options
def revoke(key_id: str, config_file: str | None, data_dir: str | None, database_url: str | None) -> None:
    """Revoke a key by its id."""
    from openalert.cli import admin

    admin.say(admin.run(configured(config_file, data_dir, database_url), "token revoke", key_id=key_id))
