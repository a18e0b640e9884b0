"""openalert incident list|ack|resolve|escalate|snooze|hand-on|responders|ask|merge|unmerge"""

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
    lines = admin.run(config, "incident list", everything=everything, organization=organization)
    admin.say(lines)
    if not lines:
        # Beside the output, which programs read line by line.
        click.echo("There was no incident yet." if everything else "Nothing is open.", err=True)


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


@incident.command("responders")
@click.argument("number", type=click.IntRange(1))
@of_organization
@options
def responders(number: int, **given: str | None) -> None:
    """Who helps or was asked to, and what they answered."""
    _run("incident responders", given, number=number)


@incident.command("ask")
@click.argument("number", type=click.IntRange(1))
@click.argument("emails", metavar="EMAIL...", nargs=-1, required=True)
@click.option("--message", default="", help="With what; the page says it.")
@click.option("--as", "person", metavar="EMAIL", help="As this person, with their rights.")
@of_organization
@options
def ask(number: int, emails: tuple[str, ...], message: str, person: str | None, **given: str | None) -> None:
    """Ask people to help: they are paged at once."""
    _run("incident ask", given, number=number, emails=list(emails), message=message, person=person)


@incident.command("merge")
@click.argument("number", type=click.IntRange(1))
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True, type=click.IntRange(1))
@click.option("--as", "person", metavar="EMAIL", help="As this person, with their rights.")
@of_organization
@options
def merge(number: int, sources: tuple[int, ...], person: str | None, **given: str | None) -> None:
    """Let the SOURCE incidents go on as parts of NUMBER."""
    _run("incident merge", given, number=number, sources=list(sources), person=person)


@incident.command("unmerge")
@click.argument("number", type=click.IntRange(1))
@click.option("--as", "person", metavar="EMAIL", help="As this person, with their rights.")
@of_organization
@options
def unmerge(number: int, person: str | None, **given: str | None) -> None:
    """Take an incident out of the one it was merged into."""
    _run("incident unmerge", given, number=number, person=person)


def _run(words: str, given: dict[str, str | None], **arguments: object) -> None:
    from openalert.cli import admin

    config = configured(given["config_file"], given["data_dir"], given["database_url"])
    admin.say(admin.run(config, words, organization=given["organization"], **arguments))
