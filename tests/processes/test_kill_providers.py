"""kill -9 between claim, send and settle, over providers of every sort.

A text message and a message in Slack are found at their provider afterwards. Nothing can be asked whether a call was
placed or a push was shown: these go out once more, and say so.
"""

import asyncio
import re
import socket
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest

from tests.fakes.push_service import FakeBrowser, FakePushService
from tests.fakes.slack import BOT, FakeSlack
from tests.fakes.smtp import FakeSmtp
from tests.fakes.twilio import ACCOUNT, NUMBER, TOKEN, FakeTwilio
from tests.fakes.webhook import FakeWebhook, Fault
from tests.processes.conftest import mailing
from tests.processes.server import House, Server, settle_in, until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

BEAS = "+4915112345678"
PASSWORD = "a long night at the sea"
REPEATED = re.compile(r"possible repeat|may have heard this before", re.IGNORECASE)


class Providers(msgspec.Struct):
    """All that a page may go to, and the server that sends it there."""

    server: Server
    first: FakeTwilio
    second: FakeTwilio
    slack: FakeSlack
    push: FakePushService
    calls_before: int = 0
    """Calls that are not for the page: one reads out a code."""

    async def told(self, name: str) -> list[str]:
        """The copies of the page that this provider has taken, the oldest first, as their readers have them."""
        if name == "voice":
            return [await self.first.plays(call) for call in self.first.calls[self.calls_before :]]
        told = {
            "first": lambda: [each.body for each in self.first.messages],
            "second": lambda: [each.body for each in self.second.messages],
            "slack": lambda: [each.words() for each in self.slack.channel("#alerts").messages],
            "push": lambda: [
                f"{each.payload['title']} {each.payload['body']}"
                for each in self.push.pushes(time.time_ns() // 1_000_000_000)
            ],
        }[name]()
        return [text for text in told if "disk full" in text]

    async def has(self, name: str) -> bool:
        """Whether this provider has taken a copy; nobody answers a call to find out."""
        if name == "voice":
            return len(self.first.calls) > self.calls_before
        return bool(await self.told(name))

    def behind(self, name: str) -> FakeWebhook:
        """Who takes what goes to this provider."""
        return {
            "first": self.first,
            "voice": self.first,
            "second": self.second,
            "slack": self.slack,
            "push": self.push,
        }[name]


@pytest.fixture
async def providers(tmp_path: Path, smtp: FakeSmtp) -> AsyncIterator[Providers]:
    """Two accounts at Twilio, a workspace in Slack, a push service, and a server that knows them."""

    def now() -> int:
        return time.time_ns() // 1_000_000

    async with (
        FakeTwilio(clock=now) as first,
        FakeTwilio(clock=now) as second,
        FakeSlack() as slack,
        FakePushService(FakeBrowser()) as push,
    ):
        second._given = 1000
        account = {"account_sid": ACCOUNT, "auth_token": TOKEN, "from_number": NUMBER}
        settings = {f"twilio_{name}": value for name, value in account.items()}
        settings |= {f"twilio_backup_{name}": value for name, value in account.items()}
        settings |= {"twilio_base_url": first.base_url, "twilio_backup_base_url": second.base_url}
        settings |= {"slack_bot_token": BOT, "slack_base_url": slack.base_url}
        server = mailing(tmp_path, smtp, **settings)
        server.environment["OPENALERT_SERVER_BASE_URL"] = server.url
        authorities = tmp_path / "authorities.pem"
        authorities.write_bytes(push.certificate.pem[push.certificate.pem.index(b"-----BEGIN CERTIFICATE") :])
        server.environment["SSL_CERT_FILE"] = str(authorities)
        async with httpx2.AsyncClient(base_url=server.url, timeout=30.0) as first.web:
            yield Providers(server, first, second, slack, push)
        await server.close()


async def _paged_by_text(providers: Providers, house: House) -> None:
    """Bea has a telephone; that she has proven it is written for her, since she alone could."""
    await _telephone(providers, house, "sms")


async def _paged_by_call(providers: Providers, house: House) -> None:
    """The same, and she is called at once."""
    method_id = await _telephone(providers, house, "voice")
    rule = {"contactMethodId": method_id, "delayMinutes": 0}
    await providers.server.call("POST", f"/users/{house.bea_id}/notification-rules", rule)

    async def code_is_read() -> bool:
        return len(providers.first.calls) == 1

    await until(code_is_read)
    providers.calls_before = 1


async def _telephone(providers: Providers, house: House, kind: str) -> str:
    mine = f"/users/{house.bea_id}/contact-methods"
    method = await providers.server.call("POST", mine, {"type": kind, "address": BEAS})
    with closing(sqlite3.connect(providers.server.data / "openalert.db", timeout=10)) as raw, raw:
        raw.execute("UPDATE contact_methods SET verified_at = created_at WHERE id = ?", (method["id"],))
    return str(method["id"])


async def _paged_by_push(providers: Providers, house: House) -> None:
    """Bea signs in and connects her browser, as its page does."""
    server = providers.server
    command = ("user", "passwd", "bea@example.org", "--password-stdin")
    done = await asyncio.to_thread(lambda: server.run(*command, stdin=f"{PASSWORD}\n"))
    assert done.returncode == 0, done.stderr
    async with httpx2.AsyncClient(base_url=server.url, headers={"Origin": server.url}) as bea:
        typed = {"email": "bea@example.org", "password": PASSWORD}
        assert (await bea.post("/auth/login", data=typed)).status_code == 303
        subscription = providers.push.browser.subscription(providers.push.endpoint)
        answer = await bea.post("/api/v1/users/me/push-subscriptions", json=subscription)
        assert answer.status_code == 201, answer.text


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
    can_be_asked: bool = True
    """Whether the provider says afterwards what it has; if not, what it had taken goes out once more."""
    refusing: str = ""
    """The provider that does not take it before."""

    @property
    def copies(self) -> int:
        """How often the page is there in the end."""
        return 2 if self.is_taken and not self.can_be_asked else 1


CASES = [
    Case("first", "sms", _paged_by_text, is_taken=False),
    Case("first", "sms", _paged_by_text, is_taken=True),
    Case("second", "sms", _paged_by_text, is_taken=True, refusing="first"),
    Case("slack", "slack", _paged_in_slack, is_taken=True),
    Case("voice", "voice", _paged_by_call, is_taken=False, can_be_asked=False),
    Case("voice", "voice", _paged_by_call, is_taken=True, can_be_asked=False),
    Case("push", "push", _paged_by_push, is_taken=False, can_be_asked=False),
    Case("push", "push", _paged_by_push, is_taken=True, can_be_asked=False),
]


@pytest.mark.proves("NO-2", "F-02", "F-03")
@pytest.mark.parametrize(
    "case", CASES, ids=lambda case: f"{case.name} {'has' if case.is_taken else 'lacks'} it"
)
async def test_kill_9_on_the_way_to_a_provider_neither_loses_nor_doubles(
    providers: Providers, case: Case
) -> None:
    """What nobody had arrives, marked; what was taken is found at the provider and stays alone, or is marked too."""
    server = providers.server
    house = await settle_in(server)
    await case.prepare(providers, house)
    fake = providers.behind(case.name)
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
        reached = not case.is_taken or await providers.has(case.name)
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

    await until(is_sent)
    told = await providers.told(case.name)
    assert len(told) == case.copies, told
    assert bool(REPEATED.search(told[-1])) == (not case.is_taken or case.copies > 1)
    for other in {"first", "second", "slack", "push"} - {case.name}:
        assert await providers.told(other) == []


def _hangs(fake: FakeWebhook, fault: Fault) -> None:
    """From now on the provider does what it is asked and does not say so; or says it again."""
    if isinstance(fake, FakeSlack):
        fake.faults["chat.postMessage"] = fault
    elif isinstance(fake, FakeTwilio):
        fake.loses(fault, "POST")
    else:
        fake.fault = fault
