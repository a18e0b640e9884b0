"""openalert demo"""

import asyncio
import json
import random
import shutil
import sys
import tempfile
import urllib.request
from typing import Any

import click

from openalert.app import OpenAlert
from openalert.cli import demo_status
from openalert.config import load
from openalert.domain.instant import Instant
from openalert.notifiers.notifier import Message, Receipt

PASSWORD = "demo demo demo 1"  # noqa: S105 - it is printed, and opens an instance that is thrown away
PEOPLE = (
    ("ana@demo.example", "Ana Souza", "owner"),
    ("bea@demo.example", "Bea Lindqvist", "member"),
    ("jun@demo.example", "Jun Watanabe", "member"),
)
TEAMS = (
    ("one_team_weekly", "Platform", "Checkout", "Europe/Berlin"),
    ("business_hours_backup", "Data", "Warehouse", "America/New_York"),
)
STORIES = (
    ("HighErrorRate", "critical", "5xx answers above 5% for 5 minutes"),
    ("DiskFillsUp", "warning", "Less than 10% left on /var"),
    ("QueueGrows", "high", "Jobs wait longer than 10 minutes"),
    ("CertificateExpires", "info", "The certificate ends in 14 days"),
)
JOBS = (("Ledger export", 0), ("Warehouse sync", 6))
"""Jobs that beat, and how often each of them fails: never, or every sixth time."""
BEAT_SECONDS = 15.0
EVERY_SECONDS = 20.0
LASTS_SECONDS = 90.0


class Terminal:
    """Stands in for the mail server: what would be mailed is written to the terminal, with its link."""

    channel = "email"

    async def send(self, message: Message, now: Instant) -> Receipt:  # noqa: ARG002 - the protocol of notifiers
        """One line for the reader."""
        what = f"[#{message.incident.number}] {message.incident.title}" if message.incident else ""
        said = message.headline or (message.incident.severity.upper() if message.incident else "")
        link = f"  acknowledge: {message.actions[0].url}" if message.actions else ""
        click.echo(f"mail to {message.recipient_name}: {said} {what}{link}", err=True)
        return Receipt(provider_id=f"terminal-{message.notification_id}", detail="Written to the terminal.")

    async def probe(self) -> str:
        """Always there."""
        return "Mail is written to the terminal."

    async def close(self) -> None:
        """Nothing to give back."""


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True)
@click.option("--keep", is_flag=True, help="Keep the temporary folder at the end.")
def demo(port: int, keep: bool) -> None:
    """Run a living example: teams, schedules, a status page, alerts that fire and resolve. Ends with Ctrl-C."""
    from openalert.cli import server

    folder = tempfile.mkdtemp(prefix="openalert-demo-")
    try:
        config = load(None, {}, {"server.data_dir": folder, "server.port": port, "log.level": "warning"})
        server.serve(config, _live, {"email": Terminal()})
    finally:
        if keep:
            click.echo(f"The data is in {folder}", err=True)
        else:
            shutil.rmtree(folder, ignore_errors=True)


async def _live(openalert: OpenAlert, listens: str) -> None:
    """Set everything up, then let alerts come and go by the webhooks, as a monitoring system would."""
    keys, beats = await _set_up(openalert)
    click.echo(f"Sign in as {PEOPLE[0][0]} with the password: {PASSWORD}", err=True)
    click.echo(f"Customers read {listens}/status/{demo_status.SLUG}", err=True)
    sys.stderr.flush()
    number = 0
    async with asyncio.TaskGroup() as tasks:
        for beat, (_, fails_every) in zip(beats, JOBS, strict=True):
            tasks.create_task(_job(f"{listens}/heartbeats/{beat}", fails_every))
        while True:
            story, key = STORIES[number % len(STORIES)], keys[number % len(keys)]
            tasks.create_task(_story(f"{listens}/webhooks/prometheus/{key}", story, number))
            number += 1
            await asyncio.sleep(EVERY_SECONDS * random.uniform(0.5, 1.5))  # noqa: S311 - a rhythm, not a secret


async def _set_up(openalert: OpenAlert) -> tuple[list[str], list[str]]:
    """The teams, their services, jobs and status page; the keys of integrations and of heartbeats."""
    from openalert.domain.access import Role
    from openalert.domain.instant import MINUTE
    from openalert.usecases import heartbeats, presets, setup, users

    hashed = await users.new_password_hash(PASSWORD)
    keys, beats = [], []
    async with openalert.database.transaction() as tx:
        await setup.ensure_organization(tx, "Demo")
        ids, at_home = [], []
        for email, name, role in PEOPLE:
            user = await users.create(tx, email=email, name=name, role=Role(role), password_hash=hashed)
            ids.append(user.id)
        for (preset, team, service, zone), (job, _) in zip(TEAMS, JOBS, strict=True):
            made = await presets.apply(
                tx, preset, team_name=team, service_name=service, member_ids=ids, timezone=zone
            )
            keys.append(made.key)
            at_home.append((made.team.id, made.service.id))
            _, beat = await heartbeats.create(
                tx, service_id=made.service.id, name=job, period=MINUTE, grace=MINUTE
            )
            beats.append(beat)
        team_id, service_id = at_home[0]
        await demo_status.set_up(tx, team_id=team_id, service_id=service_id, user_id=ids[0])
    return keys, beats


async def _job(url: str, fails_every: int) -> None:
    """A job that begins, works for some seconds, ends, and says what it did."""
    number = 0
    while True:
        number += 1
        await asyncio.to_thread(_send, f"{url}/start", b"")
        await asyncio.sleep(random.uniform(1, 6))  # noqa: S311 - as above
        failed = fails_every and number % fails_every == 0
        said = b"error: the connection was reset" if failed else f"{number * 117} rows written".encode()
        await asyncio.to_thread(_send, f"{url}/{int(bool(failed))}", said)
        await asyncio.sleep(BEAT_SECONDS)


def _send(url: str, body: bytes) -> None:
    request = urllib.request.Request(url, body, method="POST")  # noqa: S310 - our own server
    urllib.request.urlopen(request, timeout=15).close()  # noqa: S310 - as above


async def _story(url: str, story: tuple[str, str, str], number: int) -> None:
    name, severity, summary = story
    labels = {"alertname": name, "severity": severity, "instance": f"demo-{number % 7}"}
    alert: dict[str, Any] = {
        "status": "firing",
        "labels": labels,
        "annotations": {"summary": summary},
        "startsAt": "",
        "generatorURL": "https://prometheus.demo.example/graph",
    }
    from openalert.domain.instant import rfc3339
    from openalert.storage import wall_clock

    alert["startsAt"] = rfc3339(wall_clock())
    await asyncio.to_thread(_post, url, "firing", alert)
    await asyncio.sleep(LASTS_SECONDS * random.uniform(0.5, 1.5))  # noqa: S311 - as above
    alert |= {"status": "resolved", "endsAt": rfc3339(wall_clock())}
    await asyncio.to_thread(_post, url, "resolved", alert)


def _post(url: str, status: str, alert: dict[str, Any]) -> None:
    body = {
        "version": "4",
        "status": status,
        "receiver": "openalert",
        "groupKey": f"{{}}:{{alertname={alert['labels']['alertname']!r}}}",
        "groupLabels": {"alertname": alert["labels"]["alertname"]},
        "commonLabels": alert["labels"],
        "commonAnnotations": alert["annotations"],
        "externalURL": "https://alertmanager.demo.example",
        "truncatedAlerts": 0,
        "alerts": [alert],
    }
    request = urllib.request.Request(  # noqa: S310 - our own server
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    urllib.request.urlopen(request, timeout=15).close()  # noqa: S310 - as above
