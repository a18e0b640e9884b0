"""openalert self-monitor status|prove|came|missed|resume"""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from openalert.cli.settings import configured, options
from openalert.domain.switch_proof import LONGEST, SHORTEST, USUAL

F = TypeVar("F", bound=Callable[..., Any])


@click.group("self-monitor")
def self_monitor() -> None:
    """Prove the dead-man's switch by real silence, and see how it stands."""


def _as(command: F) -> F:
    return click.option("--as", "person", metavar="EMAIL", help="As this person, with their rights.")(command)


@self_monitor.command()
@options
def status(config_file: str | None, data_dir: str | None, database_url: str | None) -> None:
    """Say when the switch was last proven, and whether it is silent on purpose now."""
    _run(config_file, data_dir, database_url, "self-monitor status")


@self_monitor.command()
@click.option(
    "--minutes",
    type=click.IntRange(SHORTEST, LONGEST),
    default=USUAL,
    show_default=True,
    help="Longer than the period and the grace of the switch together.",
)
@_as
@options
def prove(
    minutes: int,
    person: str | None,
    config_file: str | None,
    data_dir: str | None,
    database_url: str | None,
) -> None:
    """Tell the switch nothing for a while: its service should page somebody."""
    _run(config_file, data_dir, database_url, "self-monitor prove", minutes=minutes, person=person)


def _answering(name: str, outcome: str, words: str) -> None:
    """Add the command that says this of the silence."""

    @self_monitor.command(name, help=words)
    @_as
    @options
    def answer(
        person: str | None, config_file: str | None, data_dir: str | None, database_url: str | None
    ) -> None:
        _run(config_file, data_dir, database_url, "self-monitor answer", outcome=outcome, person=person)


_answering("came", "came", "The page from outside came: the switch is proven.")
_answering("missed", "missed", "The page from outside did not come.")
_answering("resume", "stopped", "End the silence before its time.")


def _run(
    config_file: str | None, data_dir: str | None, database_url: str | None, command: str, **further: Any
) -> None:
    from openalert.cli import admin
    from openalert.domain.switch_proof import switch_of

    config = configured(config_file, data_dir, database_url)
    admin.say(admin.run(config, command, switch=switch_of(config.self_monitor.url), **further))
