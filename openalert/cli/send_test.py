"""openalert send-test"""

import json
import time
import urllib.error
import urllib.request

import click

from openalert.cli.settings import configured, of_organization, options
from openalert.domain.errors import OpenAlertError


@click.command()
@click.option("--service", required=True, metavar="SLUG", help="The service that the alert is for.")
@click.option(
    "--severity",
    type=click.Choice(["critical", "high", "medium", "low", "info"]),
    default="critical",
    show_default=True,
)
@of_organization
@options
def send_test(
    service: str,
    severity: str,
    organization: str | None,
    config_file: str | None,
    data_dir: str | None,
    database_url: str | None,
) -> None:
    """Send one test alert to the running server, the way a monitoring system does."""
    from openalert.cli import admin

    config = configured(config_file, data_dir, database_url)
    where = admin.ask(config, "where", fact="listens")
    if where is None:
        raise OpenAlertError("No server runs on this database. Start one with `openalert serve`.")
    (key,) = admin.ask(config, "test key", service=service, organization=organization) or [""]
    alert = {
        "title": f"Test alert for {service}",
        "description": "Sent by `openalert send-test`. Acknowledge it, or resolve it.",
        "severity": severity,
        "status": "firing",
        "dedup_key": f"openalert-send-test-{int(time.time())}",
    }
    answer = _post(f"{where[0]}/webhooks/generic/{key}", alert)
    numbers = ", ".join(f"#{incident['number']}" for incident in answer.get("incidents", []))
    click.echo(f"Accepted: incident {numbers or '(none)'} at {where[0]}/incidents")


def _post(url: str, body: dict[str, str]) -> dict[str, list[dict[str, int]]]:
    request = urllib.request.Request(  # noqa: S310 - the address comes from our own server
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=15) as answer:  # noqa: S310 - as above
            accepted: dict[str, list[dict[str, int]]] = json.load(answer)
            return accepted
    except urllib.error.HTTPError as error:
        raise OpenAlertError(f"The server refused the alert: {error.code} {error.reason}.") from error
    except OSError as error:
        raise OpenAlertError(f"The server did not answer: {error}.") from error
