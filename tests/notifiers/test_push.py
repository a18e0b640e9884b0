"""Pushes: what the browser gets, how the push service is to carry it, and what each of its answers means."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from openalert.domain.instant import MINUTE, SECOND
from openalert.domain.notification import NotificationKind
from openalert.notifiers import web_push
from openalert.notifiers.http import OutgoingSettings
from openalert.notifiers.notifier import LostAnswer, Message, NotifierError, Reason
from openalert.notifiers.push import MOST_BYTES, PushNotifier, WebPushSettings, encoded
from tests.fakes.push_service import FakeBrowser, FakePushService, Push
from tests.fakes.webhook import Fault
from tests.notifiers.messages import BASE_URL, NOW, incident, page, proof, resolved

pytestmark = pytest.mark.anyio

KEY = web_push.new_private_key()
LOOPBACK = OutgoingSettings(allowed_networks=["127.0.0.0/8"], deadline=30.0)
HURRIED = msgspec.structs.replace(LOOPBACK, deadline=4.0)
"""For what nothing but the deadline ends."""


@pytest.fixture
async def service() -> AsyncIterator[FakePushService]:
    """A push service with a browser behind it."""
    async with FakePushService(FakeBrowser()) as fake:
        yield fake


@pytest.fixture
async def notifier(service: FakePushService) -> AsyncIterator[PushNotifier]:
    """The channel, allowed to reach loopback."""
    made = PushNotifier(None, LOOPBACK, base_url=BASE_URL, tls=service.certificate.client)
    yield made
    await made.close()


def to(service: FakePushService, made: Any = page, **changes: Any) -> Message:
    """A message for the browser behind that service."""
    config = service.browser.keys | {"vapid_key": KEY, "proof": "pr00f"}
    message: Message = made(**({"to": service.endpoint, "channel_config": config} | changes))
    return message


def pushed(service: FakePushService) -> Push:
    """The newest push, checked."""
    return service.pushes(NOW // SECOND)[-1]


async def test_what_the_browser_gets_of_a_page(service: FakePushService, notifier: PushNotifier) -> None:
    """Exactly what the service worker knows how to show, and nothing that the lock screen should not have."""
    await notifier.send(to(service), NOW)
    assert pushed(service).payload == {
        "id": "0199e000-0000-7000-8000-000000000001",
        "proof": "pr00f",
        "kind": "page",
        "title": "CRITICAL #42 Disk almost full on db-1 (Checkout database)",
        "body": "Ana is paged at 03:09 unless someone acknowledges.",
        "tag": "0199e000-0000-7000-8000-00000000002a",
        "at": NOW,
        "severity": "critical",
        "url": "/incidents/42",
        "answer": "/a/tok3n-ack",
        "actions": [
            {"action": "acknowledge", "title": "Acknowledge"},
            {"action": "resolve", "title": "Resolve"},
        ],
    }


async def test_news_replace_the_page(service: FakePushService, notifier: PushNotifier) -> None:
    """The same tag in the browser and the same topic at the service, so that the newest stands alone in both."""
    await notifier.send(to(service), NOW)
    await notifier.send(to(service, resolved), NOW)
    page_, news = service.pushes(NOW // SECOND)
    assert page_.topic == news.topic != ""
    assert page_.payload["tag"] == news.payload["tag"]
    assert news.payload["title"] == "#42 Resolved by Bea Núñez: Disk almost full on db-1 (Checkout database)"
    assert "actions" not in news.payload


async def test_messages_about_different_things_do_not_replace_each_other(
    service: FakePushService, notifier: PushNotifier
) -> None:
    """Neither another incident, nor two messages about none."""
    other = {"thread_key": "another"}
    await notifier.send(to(service), NOW)
    await notifier.send(to(service, **other), NOW)
    await notifier.send(to(service, proof), NOW)
    await notifier.send(to(service, proof, notification_id="a second test"), NOW)
    sent = service.pushes(NOW // SECOND)
    assert len({push.payload["tag"] for push in sent}) == 4
    assert [push.topic != "" for push in sent] == [True, True, False, False]
    assert sent[0].topic != sent[1].topic


@pytest.mark.parametrize(
    ("kind", "urgency", "minutes"),
    [
        (NotificationKind.PAGE, "high", 240),
        (NotificationKind.UPDATE, "normal", 240),
        (NotificationKind.NOTICE, "high", 240),
        (NotificationKind.TEST, "high", 10),
        (NotificationKind.FOLLOW, "normal", 240),
        (NotificationKind.HANDOFF, "normal", 1440),
        (NotificationKind.DIGEST, "low", 1440),
    ],
)
async def test_how_it_is_carried(
    service: FakePushService, notifier: PushNotifier, kind: NotificationKind, urgency: str, minutes: int
) -> None:
    """A page wakes a sleeping phone, a digest does not; none is kept for longer than it makes sense."""
    await notifier.send(to(service, kind=kind), NOW)
    assert (pushed(service).urgency, pushed(service).ttl) == (urgency, minutes * MINUTE // SECOND)


async def test_who_we_are(service: FakePushService) -> None:
    """The key of the configuration comes before the one in the database; the subject is ours or the address."""
    own = web_push.new_private_key()
    for settings, base_url, subject in (
        (WebPushSettings(), "http://localhost:8080", None),
        (WebPushSettings(), BASE_URL, BASE_URL),
        (
            WebPushSettings(private_key=own, subject="mailto:ops@example.com"),
            BASE_URL,
            "mailto:ops@example.com",
        ),
    ):
        made = PushNotifier(settings, LOOPBACK, base_url=base_url, tls=service.certificate.client)
        await made.send(to(service), NOW)
        await made.close()
        assert pushed(service).key == web_push.public_key(settings.private_key or KEY)
        assert pushed(service).claims.get("sub") == subject


def test_a_payload_is_short_whatever_it_tells() -> None:
    """3 KB at most, and still JSON, of the longest texts with the widest letters."""
    for sign in ("x", "🔥", '"', "\\", "\u0600漢"):
        long = sign * 4_000
        facts = incident(title=long, service_name=long)
        message = page(incident=facts, escalation_note=long, reason=long, bundle=[long] * 50)
        assert len(encoded(message)) <= MOST_BYTES
        assert len(encoded(proof(headline=long, body=long))) <= MOST_BYTES


async def test_a_tap_on_a_test_page_answers_it(service: FakePushService, notifier: PushNotifier) -> None:
    """It has no incident to open, so it leads to the page that says it was seen."""
    await notifier.send(to(service, proof), NOW)
    assert pushed(service).payload["url"] == "/a/tok3n-proof"


async def test_a_possible_repeat_is_said(service: FakePushService, notifier: PushNotifier) -> None:
    """On this channel too."""
    await notifier.send(to(service, possible_repeat=True), NOW)
    assert "repeat" in pushed(service).payload["body"]


@pytest.mark.parametrize("status", [200, 201, 202, 204])
async def test_success(service: FakePushService, notifier: PushNotifier, status: int) -> None:
    """Any 2xx: push services differ."""
    service.answer(status, body=b"")
    assert (await notifier.send(to(service), NOW)).detail.startswith(str(status))


@pytest.mark.parametrize(
    ("status", "reason", "permanent"),
    [
        (301, Reason.BAD_RESPONSE, True), (307, Reason.BAD_RESPONSE, True), (400, Reason.REFUSED, True),
        (401, Reason.AUTH_FAILED, True), (403, Reason.AUTH_FAILED, True), (404, Reason.GONE, True),
        (408, Reason.REFUSED, False), (410, Reason.GONE, True), (413, Reason.REFUSED, True),
        (429, Reason.RATE_LIMITED, False), (500, Reason.PROVIDER_FAILED, False),
        (502, Reason.PROVIDER_FAILED, False), (503, Reason.PROVIDER_FAILED, False),
    ],
)  # fmt: skip
async def test_refusals(
    service: FakePushService, notifier: PushNotifier, status: int, reason: Reason, permanent: bool
) -> None:
    """What each status means for the next attempt; nothing is followed."""
    service.answer(status, {"Location": "/elsewhere", "Retry-After": "7"}, b"<html>No")
    with pytest.raises(NotifierError) as caught:
        await notifier.send(to(service), NOW)
    assert (caught.value.reason, caught.value.permanent) == (reason, permanent)
    assert f"{status} <html>No" in caught.value.detail
    assert "s3cret" not in caught.value.detail
    assert caught.value.retry_after == (7.0 if status in (408, 429, 500, 502, 503) else None)
    assert len(service.requests) == 1


@pytest.mark.parametrize(
    "fault", [Fault.LOST_ANSWER, Fault.RESET, Fault.HALF_RESPONSE, Fault.NOT_HTTP, Fault.HANG, Fault.TRICKLE]
)
async def test_a_broken_answer_leaves_it_open(service: FakePushService, fault: Fault) -> None:
    """The service may have the message, so it is neither sent nor failed."""
    service.fault = fault
    settings = HURRIED if fault in (Fault.HANG, Fault.TRICKLE) else LOOPBACK
    notifier = PushNotifier(None, settings, base_url=BASE_URL, tls=service.certificate.client)
    with pytest.raises(LostAnswer) as caught:
        await notifier.send(to(service), NOW)
    await notifier.close()
    assert "s3cret" not in caught.value.detail
    assert len(service.requests) == 1


@pytest.mark.parametrize("fault", [Fault.ENDLESS_BODY, Fault.WRONG_LENGTH])
async def test_a_status_stands_however_its_body_ends(
    service: FakePushService, notifier: PushNotifier, fault: Fault
) -> None:
    """What comes after it is not waited for."""
    service.fault = fault
    assert (await notifier.send(to(service), NOW)).detail.startswith("200")


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"p256dh": "x", "auth": "y", "vapid_key": KEY},
        FakeBrowser().keys,
        FakeBrowser().keys | {"vapid_key": "no key"},
    ],
    ids=["no keys", "keys of no browser", "no key of ours", "a key that is none"],
)
async def test_without_keys_nothing_is_sent(
    service: FakePushService, notifier: PushNotifier, config: dict[str, str]
) -> None:
    """Trying again cannot help."""
    with pytest.raises(NotifierError) as caught:
        await notifier.send(to(service, channel_config=config), NOW)
    assert (caught.value.reason, caught.value.permanent) == (Reason.MISCONFIGURED, True)
    assert service.requests == []


@pytest.mark.parametrize(
    ("endpoint", "reason"),
    [
        ("http://127.0.0.1:1/push", Reason.MISCONFIGURED),
        ("https://10.0.0.1/push", Reason.BLOCKED_ADDRESS),
        ("https://169.254.169.254/latest/meta-data", Reason.BLOCKED_ADDRESS),
        ("https://[::1]/push", Reason.BLOCKED_ADDRESS),
        ("https://user@127.0.0.1/push", Reason.MISCONFIGURED),
        ("ftp://127.0.0.1/push", Reason.MISCONFIGURED),
    ],
)
async def test_never_to_addresses_of_ours(service: FakePushService, endpoint: str, reason: Reason) -> None:
    """Endpoints are told by browsers, so anybody can write one: no plain HTTP, and nothing inside of the network."""
    notifier = PushNotifier(None, OutgoingSettings(deadline=1.0), base_url=BASE_URL)
    with pytest.raises(NotifierError) as caught:
        await notifier.send(to(service, to=endpoint), NOW)
    assert (caught.value.reason, caught.value.permanent) == (reason, True)
    await notifier.close()


async def test_a_service_without_a_valid_certificate_gets_nothing(service: FakePushService) -> None:
    """Whoever stands in between is not told who is paged."""
    notifier = PushNotifier(None, LOOPBACK, base_url=BASE_URL)
    with pytest.raises(NotifierError) as caught:
        await notifier.send(to(service), NOW)
    assert caught.value.reason is Reason.TLS_FAILED
    assert service.requests == []
    await notifier.close()
