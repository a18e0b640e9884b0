"""Subscribing a webhook or a channel on the public page: what is offered, asked, refused and shown."""

import hashlib
import hmac
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from openalert.config import Config, Server, Smtp
from openalert.config.sections import Outgoing, StatusPages
from openalert.domain.status_subscriber import SubscriberKind
from openalert.usecases import status_subscriber_lists
from openalert.web.status.subscribe import Forms
from tests.fakes.smtp import FakeSmtp
from tests.fakes.webhook import FakeWebhook
from tests.web.status.conftest import Told

pytestmark = pytest.mark.anyio

OPS = "ops@customer.example"
SLACK = "https://hooks.slack.com/services/T0/B0/s3cret"


@pytest.fixture
async def server(anyio_backend: str) -> AsyncIterator[FakeSmtp]:
    """A mail server of this machine."""
    async with FakeSmtp() as running:
        yield running


@pytest.fixture
async def receiver(anyio_backend: str) -> AsyncIterator[FakeWebhook]:
    """A receiver of webhooks on this machine."""
    async with FakeWebhook() as running:
        yield running


@pytest.fixture
def config(tmp_path: Path, server: FakeSmtp) -> Config:
    """An appliance that sends mail and may post to this machine."""
    return Config(
        server=Server(data_dir=str(tmp_path), base_url="http://127.0.0.1"),
        outgoing=Outgoing(allowed_networks=("127.0.0.0/8",)),
        status_pages=StatusPages(mails_per_second=0),
        smtp=Smtp(
            host=server.host, port=server.port, security="none", sender="OpenAlert <status@acme.example>"
        ),
    )


async def _posts(acme: Told, path: str = "subscribe", status: int = 200, **fields: Any) -> httpx2.Response:
    answer = await acme.client.post(f"/status/acme/{path}", data=fields)
    assert answer.status_code == status, answer.text[-600:]
    return answer


async def _link(acme: Told, server: FakeSmtp, what: str) -> str:
    """The path of a link in the mail that came."""
    await acme.app.engine.run_until_idle()
    (mail,) = await server.received(1)
    server.mails = []
    found = re.search(rf"http://127\.0\.0\.1/status/acme/({what}/\S+)", mail.text)
    assert found, mail.text
    return found[1]


async def test_a_webhook_is_subscribed_confirmed_told_and_shown_its_secret(
    acme: Told, server: FakeSmtp, receiver: FakeWebhook
) -> None:
    """The whole way in the browser; the secret on its own page verifies what it is sent."""
    await _posts(
        acme, kind="webhook", url=receiver.url, contact=OPS, what="some", component=acme.api.public_id
    )
    confirm = await _link(acme, server, "confirm")
    await acme.gets(confirm)
    await acme.tells("Too early")
    await acme.app.engine.run_until_idle()
    assert receiver.requests == []
    confirmed = await _posts(acme, confirm)
    manage = re.search(r'href="http://127\.0\.0\.1(/status/acme/subscription/[^"]+)"', confirmed.text)
    assert manage
    own = await acme.gets(manage[1])
    secret = re.search(r"<code>(whsec_[A-Za-z0-9+/=]+)</code>", own.text)
    assert secret
    assert receiver.url not in own.text
    await acme.tells()
    await acme.app.engine.run_until_idle()
    got = receiver.requests[0]
    expected = hmac.new(secret[1].encode(), got.body, hashlib.sha256).hexdigest()
    assert got.headers["x-openalert-signature"] == f"sha256={expected}"


async def test_a_channel_is_asked_where_it_is(acme: Told, server: FakeSmtp) -> None:
    """No mail is sent for it; the page says where to look."""
    answer = await _posts(acme, kind="slack", url=SLACK)
    assert "Look into the channel" in answer.text
    async with acme.app.database.read() as reader:
        rows = await reader.rows("SELECT kind, state, contact FROM status_subscribers")
        ways = await reader.rows("SELECT channel FROM status_deliveries")
    assert [tuple(row) for row in rows] == [("slack", "pending", "")]
    assert [tuple(row) for row in ways] == [("slack",)]
    assert not server.mails


async def test_a_channel_needs_no_mail_and_a_webhook_does(
    acme: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a server that sends none a channel is asked all the same, where nobody could confirm a webhook."""
    promises = Forms._check_mail

    def without(forms: Forms, words: str) -> None:
        forms._sends_mail = False
        promises(forms, words)

    monkeypatch.setattr(Forms, "_check_mail", without)
    await _posts(acme, kind="slack", url=SLACK)
    await _posts(acme, status=503, kind="webhook", url="https://x.example/hook", contact=OPS)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"kind": "slack", "url": "https://evil.example/services/T0/B0/X"}, "That address cannot be used"),
        ({"kind": "webhook", "url": "ftp://x.example", "contact": OPS}, "That address cannot be used"),
        ({"kind": "webhook", "url": "https://x.example/hook"}, "needs an e-mail address that confirms it"),
        ({"kind": "fax", "url": "https://x.example/hook"}, "This way is not offered here."),
    ],
)
async def test_what_cannot_be_subscribed_is_said(acme: Told, fields: dict[str, str], words: str) -> None:
    """With the form open and what was typed still in it."""
    answer = await _posts(acme, status=400, **fields)
    assert words in answer.text
    assert f'value="{fields["url"]}"' in answer.text


async def test_what_is_switched_off_is_not_offered(acme: Told) -> None:
    """Neither on the form nor to whoever posts all the same."""
    before = (await acme.gets("subscribe")).text
    assert 'name="kind" value="webhook"' in before
    await acme.does(status_subscriber_lists.switch_kinds, acme.page.id, [SubscriberKind.SLACK])
    form = (await acme.gets("subscribe")).text
    assert 'value="slack"' in form
    assert 'name="kind" value="webhook"' not in form
    assert 'id="email"' not in form
    await _posts(acme, status=400, kind="webhook", url="https://x.example/hook", contact=OPS)
    await _posts(acme, status=400, email=OPS)


async def test_programs_made_for_statuspage_subscribe_a_webhook(acme: Told) -> None:
    """`endpoint` beside `email`, as a form or as JSON."""
    sent = {"subscriber": {"email": OPS, "endpoint": "https://x.example/hook"}}
    answer = await acme.client.post("/status/acme/api/v2/subscribers.json", json=sent)
    assert answer.status_code == 201
    shown = answer.json()["subscriber"]
    assert (shown["mode"], shown["endpoint"], shown["email"]) == ("webhook", "https://x.example/hook", OPS)
    await _posts(
        acme,
        "api/v2/subscribers.json",
        201,
        **{"subscriber[email]": OPS, "subscriber[endpoint]": "https://y.example/hook"},
    )
    async with acme.app.database.read() as reader:
        rows = await reader.rows("SELECT kind, contact FROM status_subscribers")
    assert [tuple(row) for row in rows] == [("webhook", OPS)] * 2


async def test_a_flood_of_hooks_is_limited_and_a_trap_is_silent(acme: Told) -> None:
    """Five in ten minutes from one address; whoever fills in the hidden field is told yes and kept nowhere."""
    await _posts(acme, kind="slack", url=SLACK, website="http://spam.example")
    async with acme.app.database.read() as reader:
        assert await reader.value("SELECT count(*) FROM status_subscribers") == 0
    for number in range(5):
        await _posts(acme, kind="slack", url=f"{SLACK}{number}")
    await _posts(acme, status=429, kind="slack", url=f"{SLACK}x")
