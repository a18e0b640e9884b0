"""openalert incident list|ack|resolve|escalate|snooze|hand-on"""

import click

from openalert.cli.settings import configured, of_organization, options


@click.group()
def incident() -> None:
    """List what is open, and answer it."""


@incident.command("list")
@click.option("--all", "everything", is_flag=True, help="What is over too; the newest 200.")
@of_organization
@options
def list_(
    everything: bool,
    organization: str | None,
    config_file: str | None,
    data_dir: str | None,
    database_url: str | None,
) -> None:
    """Number, severity, status, age, service and title, the newest first."""
    from openalert.cli import admin

    config = configured(config_file, data_dir, database_url)
    admin.say(admin.run(config, "incident list", everything=everything, organization=organization))


def _answering(name: str, verb: str, words: str) -> None:
    """Add the command that gives this answer."""

    @incident.command(name, help=words)
    @click.argument("number", type=click.IntRange(1))
    @click.option("--as", "person", metavar="EMAIL", help="As this person, with their rights.")
    @of_organization
    @options
    def answer(
        number: int,
        person: str | None,
        organization: str | None,
        config_file: str | None,
        data_dir: str | None,
        database_url: str | None,
        length: str | None = None,
    ) -> None:
        from openalert.cli import admin

        config = configured(config_file, data_dir, database_url)
        lines = admin.run(
            config,
            "incident answer",
            verb=verb,
            number=number,
            person=person,
            length=length,
            organization=organization,
        )
        admin.say(lines)

    if verb == "snooze":
        length = click.Option(["--for", "length"], metavar="TIME", help="30m, 2h, 1d; without it an hour.")
        answer.params.insert(1, length)


_answering("ack", "acknowledge", "Somebody has it: nobody else is paged.")
_answering("resolve", "resolve", "It is over, with all its alerts.")
_answering("escalate", "escalate", "Page the next level now.")
_answering("snooze", "snooze", "Silent for a while; then it pages again if it is still open.")
_answering("hand-on", "hand_on", "Whoever it is cannot take it: the next level now.")
