"""openalert user add|list|passwd"""

import sys

import click

from openalert.cli.settings import configured, of_organization, options

ROLES = click.Choice(["owner", "admin", "member", "viewer"])


@click.group()
def user() -> None:
    """Add people, list them, change a password."""


@user.command()
@click.argument("email")
@click.option("--name", required=True, help="How others see them.")
@click.option("--role", type=ROLES, default="member", show_default=True)
@click.option("--password-stdin", is_flag=True, help="Read the password as one line from standard input.")
@of_organization
@options
def add(
    email: str,
    name: str,
    role: str,
    password_stdin: bool,
    organization: str | None,
    config_file: str | None,
    data_dir: str | None,
    database_url: str | None,
) -> None:
    """Add a person."""
    from openalert.cli import admin

    config = configured(config_file, data_dir, database_url)
    password = _password(password_stdin, optional=True)
    person = {"email": email, "name": name, "role": role, "password": password}
    admin.say(admin.run(config, "user add", **person, organization=organization))


@user.command("list")
@of_organization
@options
def list_(
    organization: str | None, config_file: str | None, data_dir: str | None, database_url: str | None
) -> None:
    """List everybody: address, role, name."""
    from openalert.cli import admin

    config = configured(config_file, data_dir, database_url)
    admin.say(admin.run(config, "user list", organization=organization))


@user.command()
@click.argument("email")
@click.option("--password-stdin", is_flag=True, help="Read the password as one line from standard input.")
@options
def passwd(
    email: str,
    password_stdin: bool,
    config_file: str | None,
    data_dir: str | None,
    database_url: str | None,
) -> None:
    """Set a new password and end the person's sessions."""
    from openalert.cli import admin

    config = configured(config_file, data_dir, database_url)
    password = _password(password_stdin, optional=False)
    admin.say(admin.run(config, "user passwd", email=email, password=password))


def _password(from_stdin: bool, *, optional: bool) -> str | None:
    if from_stdin:
        line = sys.stdin.readline().rstrip("\r\n")
        if not line:
            raise click.UsageError("--password-stdin was given, but standard input held no password.")
        return line
    if not sys.stdin.isatty():
        if optional:
            return None
        raise click.UsageError("Give the password on standard input with --password-stdin.")
    text: str = click.prompt(
        "Password (empty: none yet)" if optional else "New password",
        hide_input=True,
        default="" if optional else None,
        show_default=False,
        confirmation_prompt=True,
    )
    return text or None
