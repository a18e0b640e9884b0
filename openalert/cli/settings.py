"""The options that every command takes, and the Config they make."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from openalert.config import Config, load
from openalert.domain.errors import OpenAlertError

F = TypeVar("F", bound=Callable[..., Any])


class CannotStart(OpenAlertError):
    """The server cannot start; exit code 3."""


def options(command: F) -> F:
    """Add --config, --data-dir and --database-url."""
    for option in (
        click.option("--database-url", metavar="URL", help="sqlite:///path or postgres://…"),
        click.option("--data-dir", metavar="DIR", help="Where the data is; ./openalert-data by default."),
        click.option("--config", "config_file", metavar="FILE", help="The configuration file."),
    ):
        command = option(command)
    return command


def of_organization(command: F) -> F:
    """Add --organization; its help is that of `openalert organization`, as most installations have one."""
    option = click.option("--organization", metavar="NAME", hidden=True)
    return option(command)


def configured(
    config_file: str | None, data_dir: str | None, database_url: str | None, **further: str | int | None
) -> Config:
    """The Config of these options; `further` are `section_key` options such as server_port."""
    given: dict[str, str | int | None] = {"server.data_dir": data_dir, "database.url": database_url}
    given |= {name.replace("_", ".", 1): value for name, value in further.items()}
    return load(Path(config_file) if config_file else None, None, given)
