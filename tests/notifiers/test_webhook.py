"""Webhooks: the signature as receivers check it, the body, and what each status means."""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from openalert.domain.instant import SECOND
from openalert.domain.notification import NotificationKind
from openalert.notifiers.http import OutgoingSettings
from openalert.notifiers.notifier import Message, NotifierError, Reason, Receipt
from openalert.notifiers.webhook import WebhookNotifier, body, new_secret
from tests.fakes.webhook import FakeWebhook
from tests.notifiers.messages import BASE_URL, NOW, incident, page, proof, resolved

pytestmark = pytest.mark.anyio

SECRET = new_secret()


@pytest.fixture
async def receiver() -> AsyncIterator[FakeWebhook]:
    """A receiver without encryption."""
    async with FakeWebhook() as fake:
        yield fake


@pytest.fixture
async def notifier() -> AsyncIterator[WebhookNotifier]:
    """The channel, allowed to reach loopback."""
    made = WebhookNotifier(OutgoingSettings(allow_private_networks=True, deadline=30.0), base_url=BASE_URL)
    yield made
    await made.close()


def to(receiver: FakeWebhook, **changes: Any) -> Message:
    """A page for the receiver."""
    return page(**({"to": receiver.url, "channel_config": {"secret": SECRET}} | changes))


def real_now() -> int:
    """The verifier compares with the machine's clock, so these sends must too."""
    return int(time.time()) * SECOND


async def test_receivers_can_verify_it(receiver: FakeWebhook, notifier: WebhookNotifier) -> None:
    """The reference library accepts what we send, and nothing that was changed on the way."""
    receipt = await notifier.send(to(receiver), real_now())
    (request,) = receiver.requests
    verified = Webhook(SECRET).verify(request.body, request.headers)
    assert verified["data"]["incident"]["number"] == 42
    assert receipt == Receipt(provider_id=to(receiver).notification_id, detail='200 {"ok":true}')
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(request.body.replace(b"42", b"43"), request.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(request.body, request.headers | {"webhook-id": "another"})
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(request.body, request.headers)


async def test_two_secrets_while_receivers_change_over(
    receiver: FakeWebhook, notifier: WebhookNotifier
) -> None:
    """Both the new and the old one verify."""
    new = new_secret()
    await notifier.send(to(receiver, channel_config={"secret": new, "previousSecret": SECRET}), real_now())
    (request,) = receiver.requests
    for secret in (new, SECRET):
        assert Webhook(secret).verify(request.body, request.headers)


async def test_retries_carry_the_same_id_and_body(receiver: FakeWebhook, notifier: WebhookNotifier) -> None:
    """Only the time and the signature over it change."""
    await notifier.send(to(receiver), NOW)
    await notifier.send(to(receiver, attempt=2), NOW + 30 * SECOND)
    first, second = receiver.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == to(receiver).notification_id
    assert first.body == second.body
    assert int(second.headers["webhook-timestamp"]) == int(first.headers["webhook-timestamp"]) + 30
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]


async def test_body_of_a_page(receiver: FakeWebhook, notifier: WebhookNotifier) -> None:
    """Exactly the members that docs/channels/webhook.md names."""
    await notifier.send(to(receiver), NOW)
    assert receiver.requests[0].headers["content-type"] == "application/json"
    assert receiver.requests[0].json == {
        "type": "incident.page",
        "timestamp": "2026-10-16T01:04:00.000Z",
        "data": {
            "notificationId": "0199e000-0000-7000-8000-000000000001",
            "organization": "Example Org",
            "headline": "",
            "body": "",
            "reason": "You are on call for Core until 08:00 (schedule Core weekly, level 1 of policy Core).",
            "escalationNote": "Ana is paged at 03:09 unless someone acknowledges.",
            "possibleRepeat": False,
            "incident": {
                "id": "0199e000-0000-7000-8000-00000000002a",
                "number": 42,
                "title": "Disk almost full on db-1",
                "status": "triggered",
                "severity": "critical",
                "priority": "P1",
                "serviceName": "Checkout database",
                "description": "/var/lib/postgresql is 97 % full and grows by 1 GiB an hour.\n"
                "Writes stop in about 2 h.",
                "labels": {
                    "instance": "db-1.example.com:9100",
                    "job": "node",
                    "mountpoint": "/var/lib/postgresql",
                },
                "links": [
                    {
                        "label": "Graph in Prometheus",
                        "href": "https://prometheus.example.com/graph?g0.expr=x",
                    },
                    {"label": "Runbook", "href": "https://wiki.example.com/disk"},
                ],
                "alertCount": 3,
                "startedAt": "2026-10-16T01:00:00.000Z",
                "url": "https://alerts.example.com/incidents/42",
            },
            "actions": [
                {
                    "verb": "acknowledge",
                    "label": "Acknowledge",
                    "url": "https://alerts.example.com/a/tok3n-ack",
                },
                {"verb": "resolve", "label": "Resolve", "url": "https://alerts.example.com/a/tok3n-resolve"},
            ],
            "bundle": [],
        },
    }


@pytest.mark.parametrize(
    ("message", "kind"),
    [(resolved(), "incident.update"), (proof(), "test"), (proof(kind=NotificationKind.NOTICE), "notice")],
)
def test_types(message: Message, kind: str) -> None:
    """A receiver can tell the kinds apart by one member."""
    assert msgspec.json.decode(body(message))["type"] == kind


def test_possible_repeat_is_said() -> None:
    """On this channel too."""
    assert msgspec.json.decode(body(page(possible_repeat=True)))["data"]["possibleRepeat"] is True


def test_texts_arrive_as_they_are() -> None:
    """JSON needs no cleaning: only what UTF-8 cannot carry is replaced."""
    title = "a\r\nb\x00 \u202e <b> 🔥"
    sent = msgspec.json.decode(body(page(incident=incident(title=title, labels={"\ud800": "x\udc00"}))))
    assert sent["data"]["incident"]["title"] == title
    assert sent["data"]["incident"]["labels"] == {"?": "x?"}


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_success(receiver: FakeWebhook, notifier: WebhookNotifier, status: int) -> None:
    """Any 2xx, whatever the body says."""
    receiver.answer(status, body=b"" if status == 204 else b"<html>whatever")
    assert (await notifier.send(to(receiver), NOW)).detail.startswith(str(status))


@pytest.mark.parametrize(
    ("status", "reason", "permanent"),
    [
        (301, Reason.BAD_RESPONSE, True), (302, Reason.BAD_RESPONSE, True), (307, Reason.BAD_RESPONSE, True),
        (400, Reason.REFUSED, True), (401, Reason.AUTH_FAILED, True), (403, Reason.AUTH_FAILED, True),
        (404, Reason.REFUSED, True), (405, Reason.REFUSED, True), (408, Reason.REFUSED, False),
        (410, Reason.GONE, True), (413, Reason.REFUSED, True), (422, Reason.REFUSED, True),
        (425, Reason.REFUSED, False), (429, Reason.RATE_LIMITED, False), (500, Reason.PROVIDER_FAILED, False),
        (502, Reason.PROVIDER_FAILED, False), (503, Reason.PROVIDER_FAILED, False),
        (504, Reason.PROVIDER_FAILED, False), (599, Reason.PROVIDER_FAILED, False),
    ],
)  # fmt: skip
async def test_refusals(
    receiver: FakeWebhook, notifier: WebhookNotifier, status: int, reason: Reason, permanent: bool
) -> None:
    """What each status means for the next attempt."""
    receiver.answer(status, {"Location": "/elsewhere"}, b"No such hook")
    with pytest.raises(NotifierError) as caught:
        await notifier.send(to(receiver), NOW)
    assert (caught.value.reason, caught.value.permanent) == (reason, permanent)
    assert f"{status} No such hook" in caught.value.detail
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503])
@pytest.mark.parametrize(
    ("value", "expected"), [("7", 7.0), ("Fri, 16 Oct 2026 01:05:00 GMT", 60.0), ("x", None)]
)
async def test_retry_after_is_passed_on(
    receiver: FakeWebhook, notifier: WebhookNotifier, status: int, value: str, expected: float | None
) -> None:
    """The engine waits as long as the receiver asks."""
    receiver.answer(status, {"Retry-After": value})
    with pytest.raises(NotifierError) as caught:
        await notifier.send(to(receiver), NOW)
    assert caught.value.retry_after == expected


async def test_news_stops_after_three_instances(receiver: FakeWebhook, notifier: WebhookNotifier) -> None:
    """Two OpenAlerts that tell each other everything fall silent."""
    for hop in range(3):
        await notifier.send(to(receiver, hop=hop), NOW)
    assert [request.headers["x-openalert-hop"] for request in receiver.requests] == ["1", "2", "3"]
    with pytest.raises(NotifierError) as caught:
        await notifier.send(to(receiver, hop=3), NOW)
    assert (caught.value.reason, caught.value.permanent) == (Reason.LOOP, True)
    assert len(receiver.requests) == 3


async def test_never_to_ourselves(receiver: FakeWebhook) -> None:
    """An instance that pages itself about paging would never stop."""
    own = WebhookNotifier(
        OutgoingSettings(allow_private_networks=True), base_url=f"http://127.0.0.1:{receiver.port}"
    )
    with pytest.raises(NotifierError) as caught:
        await own.send(to(receiver), NOW)
    assert caught.value.reason is Reason.LOOP
    assert receiver.requests == []
    await own.close()


@pytest.mark.parametrize("secret", [None, "", "whsec_", "whsec_not base64!", "whsec_é", "whsec_url-safe_AAA"])
async def test_unsigned_is_not_sent(
    receiver: FakeWebhook, notifier: WebhookNotifier, secret: str | None
) -> None:
    """A receiver that checks signatures would throw it away, and one that does not should begin to."""
    with pytest.raises(NotifierError) as caught:
        await notifier.send(to(receiver, channel_config={"secret": secret}), NOW)
    assert (caught.value.reason, caught.value.permanent) == (Reason.MISCONFIGURED, True)
    assert receiver.requests == []


async def test_own_headers(receiver: FakeWebhook, notifier: WebhookNotifier) -> None:
    """A channel may send a token along, but not speak for us."""
    config = {"secret": SECRET, "headers": {"Authorization": "Bearer t0ken"}}
    await notifier.send(to(receiver, channel_config=config), NOW)
    assert receiver.requests[0].headers["authorization"] == "Bearer t0ken"
    for name in ("Webhook-Signature", "X-OpenAlert-Hop", "Host", "content-length", "Transfer-Encoding"):
        with pytest.raises(NotifierError) as caught:
            await notifier.send(to(receiver, channel_config=config | {"headers": {name: "1"}}), NOW)
        assert caught.value.reason is Reason.MISCONFIGURED
    assert len(receiver.requests) == 1


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (OutgoingSettings(), "public networks only"),
        (OutgoingSettings(allow_private_networks=True), "private networks"),
        (OutgoingSettings(allowed_networks=["10.0.0.0/8"]), "10.0.0.0/8"),
    ],
)
async def test_probe_says_where_webhooks_may_go(settings: OutgoingSettings, words: str) -> None:
    """`openalert check` shows the rule in force."""
    notifier = WebhookNotifier(settings, base_url=BASE_URL)
    assert words in await notifier.probe()
    await notifier.close()


def test_a_message_does_not_print_its_secrets() -> None:
    """Tracebacks and debug logs show enough to find the row and no more."""
    shown = repr(page(to="https://x/s3cret", channel_config={"secret": SECRET}))
    assert "s3cret" not in shown
    assert SECRET not in shown
    assert "tok3n" not in shown
    assert "0199e000-0000-7000-8000-000000000001" in shown


async def test_the_documented_check_works(receiver: FakeWebhook, notifier: WebhookNotifier) -> None:
    """The code that receivers copy from the manual accepts what we send and refuses the rest."""
    manual = Path(__file__).parents[2].joinpath("docs", "channels", "webhook.md").read_text()
    sample: dict[str, Any] = {}
    exec(manual.split("```python\n")[1].split("```")[0], sample)  # the sample is the thing under test
    await notifier.send(
        to(receiver, channel_config={"secret": new_secret(), "previousSecret": SECRET}), real_now()
    )
    (request,) = receiver.requests
    sample["verify"](SECRET, request.headers, request.body)
    with pytest.raises(ValueError, match="wrong signature"):
        sample["verify"](new_secret(), request.headers, request.body)
    with pytest.raises(ValueError, match="too old"):
        sample["verify"](SECRET, request.headers | {"webhook-timestamp": "1"}, request.body)
