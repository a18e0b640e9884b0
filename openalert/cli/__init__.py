"""The `openalert` command. Only click is imported until a command runs, so that help and version answer at once."""

import importlib
import sys
from typing import Any

import click
from click.exceptions import NoSuchCommand

from openalert import __version__

_COMMANDS = {
    "serve": ("openalert.cli.serve", "Run the whole appliance."),
    "user": ("openalert.cli.user", "Add people, list them, change a password."),
    "token": ("openalert.cli.token", "Create, list and revoke API keys."),
    "organization": (
        "openalert.cli.organization",
        "Add and list organizations, where there is more than one.",
    ),
    "check": ("openalert.cli.check", "Try configuration, database, mail, clock and disk."),
    "migrate": ("openalert.cli.data", "Bring the schema up to date, or move all data to another database."),
    "backup": ("openalert.cli.data", "Copy the database to a file, also beside a running server."),
    "restore": ("openalert.cli.data", "Put a backup in the place of the database."),
    "verify": (
        "openalert.cli.verify",
        "Prove the audit log and the database, also beside a running server.",
    ),
    "rotate-key": (
        "openalert.cli.rotate_key",
        "Seal stored secrets with a fresh key, also beside a running server.",
    ),
    "send-test": ("openalert.cli.send_test", "Send a test alert through the real HTTP path."),
    "demo": ("openalert.cli.demo", "Run a living example in a temporary folder."),
    "incident": ("openalert.cli.incident", "List what is open, and answer it."),
    "watch": (
        "openalert.cli.watch",
        "Watch another server, and page who is on call there when it is silent.",
    ),
    "oncall": ("openalert.cli.oncall", "Say who is on call."),
    "status": (
        "openalert.cli.status",
        "Copy status pages to where they live without this server, and see how copies stand.",
    ),
    "self-monitor": (
        "openalert.cli.self_monitor",
        "Prove the dead-man's switch by real silence, and see how it stands.",
    ),
    "tail": ("openalert.cli.tail", "Show live events of the running server."),
    "version": ("openalert.cli", "Print the version."),
}

_MEANT = {
    "start": "serve",
    "run": "serve",
    "doctor": "check",
    "upgrade": "migrate",
    "dump": "backup",
    "logs": "tail",
}
"""What other programs call it, where the letters alone would lead elsewhere."""


class Lazy(click.Group):
    """A group whose commands are imported when they run."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """In the order in which one needs them."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import the module that has the command."""
        if cmd_name not in _COMMANDS:
            return None
        if cmd_name != "version":
            _import_structlog()
        module = importlib.import_module(_COMMANDS[cmd_name][0])
        found: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with what may have been meant: of the table, as it would only look at what is imported."""
        try:
            return super().resolve_command(ctx, args)
        except NoSuchCommand as error:
            meant = _MEANT.get(error.command_name)
            if meant is not None:
                message = f"No such command {error.command_name!r}. Did you mean {meant!r}?"
                raise NoSuchCommand(error.command_name, message, ctx=ctx) from None
            raise NoSuchCommand(error.command_name, possibilities=_COMMANDS, ctx=ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """From the table, so that help imports nothing."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, words) for name, (_, words) in _COMMANDS.items()])


def _import_structlog() -> None:
    """Without `rich`, which it imports where that is installed, for tracebacks in colour that nothing here prints.

    It costs 70 ms of a start and 7 MB as long as the process lives.
    """
    found = sys.modules.get("rich")
    sys.modules["rich"] = None  # type: ignore[assignment]  # as the language has it: an import fails
    try:
        importlib.import_module("structlog")
    finally:
        if found is None:
            del sys.modules["rich"]
        else:
            sys.modules["rich"] = found


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="openalert", message="%(prog)s %(version)s")
def openalert() -> None:
    """The on-call appliance a small team installs in two minutes and trusts at three in the morning."""


@click.command()
def version() -> None:
    """Print the version."""
    click.echo(f"openalert {__version__}")


def main(arguments: list[str] | None = None) -> None:
    """Run a command and leave with its code: 0 done, 1 refused, 2 wrong usage, 3 could not start, 5 damaged.

    6 and 7 are of `openalert watch`: the server is away, or this host cannot tell.
    """
    try:
        code: Any = openalert.main(arguments, prog_name="openalert", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        code = 1
    except Exception as error:  # noqa: BLE001 - a person reads it: one sentence, never a traceback
        code = _explain(error)
    sys.exit(code if isinstance(code, int) else 0)


def _explain(error: Exception) -> int:
    """Say what is wrong in at most four lines; the exit code."""
    from openalert.config import ConfigError
    from openalert.domain.errors import OpenAlertError

    if not isinstance(error, OpenAlertError):
        from openalert.telemetry import redact

        words = (redact(str(error)).splitlines() or [""])[0]
        click.echo(f"openalert: {type(error).__name__}: {words}", err=True)
        return 1
    click.echo("\n".join(f"openalert: {error.message}".splitlines()[:4]), err=True)
    from openalert.cli.settings import CannotStart

    if isinstance(error, (ConfigError, CannotStart)):
        return 3
    from openalert.storage.lock_file import DatabaseInUse
    from openalert.storage.migrate import SchemaError
    from openalert.storage.permissions import Inaccessible
    from openalert.storage.soundness import Damaged

    if isinstance(error, Damaged):
        return 5

    return 3 if isinstance(error, (SchemaError, DatabaseInUse, Inaccessible)) else 1
