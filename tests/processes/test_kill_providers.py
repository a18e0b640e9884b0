"""kill -9 between claim, send and settle, with providers that can be asked afterwards what they have."""

import socket
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.fakes.slack import BOT, FakeSlack
from tests.fakes.smtp import FakeSmtp
from tests.fakes.twilio import ACCOUNT, NUMBER, TOKEN, FakeTwilio
from tests.fakes.webhook import FakeWebhook, Fault
from tests.processes.conftest import mailing
from tests.processes.server import House, Server, settle_in, until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

BEAS = "+4915112345678"
MARK = "possible repeat"


class Providers(msgspec.Struct):
    """All that a page may go to, and the server that sends it there."""

    server: Server
    first: FakeTwilio
    second: FakeTwilio
    slack: FakeSlack

    def texts(self, name: str) -> list[str]:
        """What this provider has taken of the page, as its readers see it."""
        told = {
            "first": lambda: [each.body for each in self.first.messages],
            "second": lambda: [each.body for each in self.second.messages],
            "slack": lambda: [each.words() for each in self.slack.channel("#alerts").messages],
        }[name]()
        return [text for text in told if "disk full" in text]


@pytest.fixture
async def providers(tmp_path: Path, smtp: FakeSmtp) -> AsyncIterator[Providers]:
    """Two accounts at Twilio, a workspace in Slack, and a server that knows them."""

    def now() -> int:
        return time.time_ns() // 1_000_000

    async with FakeTwilio(clock=now) as first, FakeTwilio(clock=now) as second, FakeSlack() as slack:
        second._given = 1000
        account = {"account_sid": ACCOUNT, "auth_token": TOKEN, "from_number": NUMBER}
        settings = {f"twilio_{name}": value for name, value in account.items()}
        settings |= {f"twilio_backup_{name}": value for name, value in account.items()}
        settings |= {"twilio_base_url": first.base_url, "twilio_backup_base_url": second.base_url}
        settings |= {"slack_bot_token": BOT, "slack_base_url": slack.base_url}
        server = mailing(tmp_path, smtp, **settings)
        server.environment["OPENALERT_SERVER_BASE_URL"] = server.url
        yield Providers(server, first, second, slack)
        await server.close()


async def _paged_by_text(providers: Providers, house: House) -> None:
    """Bea has a telephone; that she has proven it is written for her, since she alone could."""
    mine = f"/users/{house.bea_id}/contact-methods"
    method = await providers.server.call("POST", mine, {"type": "sms", "address": BEAS})
    with closing(sqlite3.connect(providers.server.data / "openalert.db", timeout=10)) as raw, raw:
        raw.execute("UPDATE contact_methods SET verified_at = created_at WHERE id = ?", (method["id"],))


async def _paged_in_slack(providers: Providers, house: House) -> None:
    """The first level is a channel of the team."""
    call = providers.server.call
    config = {
        "type": "slack",
        "name": "Alerts",
        "teamId": house.team_id,
        "config": {"channel": "C0ALERTS001"},
    }
    channel = await call("POST", "/channels", config)
    levels = [{"delayMinutes": 0, "targets": [{"type": "channel", "id": channel["id"]}]}]
    await call("PATCH", f"/escalation-policies/{house.policy_id}", {"levels": levels})


class Case(msgspec.Struct, frozen=True):
    """To whom a page goes when the server is killed."""

    name: str
    """The provider that has to have it in the end."""
    channel: str
    prepare: Callable[[Providers, House], Any]
    is_taken: bool
    """Whether the provider has taken it before the kill, and only its answer is missing."""
    refusing: str = ""
    """The provider that does not take it before."""


CASES = [
    Case("first", "sms", _paged_by_text, is_taken=False),
    Case("first", "sms", _paged_by_text, is_taken=True),
    Case("second", "sms", _paged_by_text, is_taken=True, refusing="first"),
    Case("slack", "slack", _paged_in_slack, is_taken=True),
]


@pytest.mark.parametrize(
    "case", CASES, ids=lambda case: f"{case.name} {'has' if case.is_taken else 'lacks'} it"
)
async def test_kill_9_on_the_way_to_a_provider_neither_loses_nor_doubles(
    providers: Providers, case: Case
) -> None:
    """What nobody had arrives, marked; what was taken is found at the provider, and stays alone."""
    server = providers.server
    house = await settle_in(server)
    await case.prepare(providers, house)
    fake: FakeWebhook = getattr(providers, case.name)
    if case.refusing:
        getattr(providers, case.refusing).cans(503)
    silent = None
    if case.is_taken:
        _hangs(fake, Fault.HANG)
    else:
        await fake.down()
        silent = socket.create_server((fake.host, fake.port))

    assert (await house.post("disk full", severity="critical")).status_code == 202

    async def on_the_way() -> bool:
        rows = [
            row for row in await server.items("/notifications?kind=page") if row["channel"] == case.channel
        ]
        reached = not case.is_taken or bool(providers.texts(case.name))
        tries = 2 if case.refusing else 1
        return reached and any(row["status"] == "sending" and row["attempts"] == tries for row in rows)

    await until(on_the_way)
    await server.kill()
    if silent is not None:
        silent.close()
        await fake.up()
    _hangs(fake, Fault.NONE)
    await server.start()

    async def is_sent() -> bool:
        rows = await server.items("/notifications?kind=page&status=sent")
        return any(row["channel"] == case.channel for row in rows)

    await until(is_sent, 30)
    (told,) = providers.texts(case.name)
    assert (MARK in told.lower()) == (not case.is_taken)
    for other in {"first", "second", "slack"} - {case.name}:
        assert providers.texts(other) == []


def _hangs(fake: FakeWebhook, fault: Fault) -> None:
    """From now on the provider does what it is asked and does not say so; or says it again."""
    if isinstance(fake, FakeSlack):
        fake.faults["chat.postMessage"] = fault
    elif isinstance(fake, FakeTwilio):
        fake.loses(fault, "POST")
