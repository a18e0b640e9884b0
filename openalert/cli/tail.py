"""openalert tail"""

import json

import click

from openalert.cli.settings import configured, options
from openalert.domain.errors import OpenAlertError


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@options
def tail(as_json: bool, config_file: str | None, data_dir: str | None, database_url: str | None) -> None:
    """Show live events of the running server until interrupted, each once, also over its restarts."""
    from openalert.cli import admin

    def away() -> None:
        click.echo("The server is away. What happens from then on is shown when it is back.", err=True)

    events = admin.follow(configured(config_file, data_dir, database_url), away)
    if events is None:
        raise OpenAlertError("No server runs on this database. Start one with `openalert serve`.")
    for event in events:
        if as_json:
            click.echo(json.dumps(event, separators=(",", ":")))
        elif event["type"] == "resync":
            click.echo(
                f"Events were lost, or are not kept any more: what follows is after number {event['seq']}."
            )
        else:
            about = event["incidentId"] or event["teamId"] or ""
            facts = " ".join(f"{name}={value}" for name, value in event["data"].items())
            # What a sender wrote must not steer this terminal.
            line = f"{event['at']}  {event['type']:<24} {about} {facts}"
            click.echo("".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in line))
