"""Webhooks and channels that follow a status page: asked before they are told, told once, left alone when they fail."""

import re
import time
from collections.abc import AsyncIterator
from email.message import EmailMessage
from typing import Any

import msgspec
import pytest
from standardwebhooks.webhooks import Webhook

from openalert.domain.access import stranger
from openalert.domain.errors import Invalid, NotFound, RateLimited
from openalert.domain.instant import HOUR, MINUTE, Instant
from openalert.domain.status_letter import Letter
from openalert.domain.status_page import Component, ComponentStatus, StatusPage
from openalert.domain.status_subscriber import Subscriber, SubscriberKind, SubscriberState
from openalert.engine.engine import Engine
from openalert.engine.status_mail import Budget
from openalert.notifiers.courier import Courier
from openalert.notifiers.email import EmailSettings
from openalert.notifiers.http import OutgoingSettings
from openalert.notifiers.notifier import Receipt
from openalert.notifiers.status_mail import StatusMailCourier
from openalert.notifiers.status_slack import StatusSlackCourier
from openalert.notifiers.status_webhook import StatusWebhookCourier, secret_of
from openalert.storage import status_subscribers
from openalert.usecases import status_components, status_incidents, status_subscriber_lists
from openalert.usecases import status_pages as pages
from openalert.usecases import status_subscribers as acts
from openalert.usecases.status_subscribers import Choice
from openalert.usecases.status_targets import Target, hook
from openalert.web import markdown
from tests.cast import LINKS_BACK, World
from tests.fakes.slack_hook import FakeSlackHook
from tests.fakes.smtp import FakeSmtp
from tests.fakes.webhook import FakeWebhook

pytestmark = pytest.mark.anyio

OPS = "ops@customer.example"
SLACK = "https://hooks.slack.com/services/T0000/B0000/s3cret"
_NOWHERE = OutgoingSettings()
_LOOPBACK = OutgoingSettings(allowed_networks=["127.0.0.0/8"], deadline=30)


class ToFake:
    """A courier whose letters come to a fake, wherever they were addressed to."""

    def __init__(self, courier: Courier, url: str) -> None:
        self.channel, self._courier, self._url = courier.channel, courier, url
        self.addressed: list[str] = []

    async def send(self, letter: Letter, now: Instant) -> Receipt:
        """As the courier does it."""
        self.addressed.append(letter.to)
        return await self._courier.send(msgspec.structs.replace(letter, to=self._url), now)

    async def close(self) -> None:
        """Ends what is open."""
        await self._courier.close()


class Square:
    """A page, the mail server, a receiver of webhooks and a channel of Slack."""

    def __init__(self, world: World, page: StatusPage, api: Component, web: Component) -> None:
        self.world, self.page, self.api, self.web = world, page, api, web
        self.server, self.receiver, self.slack = FakeSmtp(), FakeWebhook(), FakeSlackHook()
        self.to_slack: ToFake

    def runs(self, outgoing: OutgoingSettings = _LOOPBACK) -> None:
        """The engine, which may post to these networks."""
        mail = EmailSettings(
            host=self.server.host,
            port=self.server.port,
            security="none",
            sender="OpenAlert <status@acme.example>",
        )
        self.to_slack = ToFake(StatusSlackCourier(_LOOPBACK), self.slack.url)
        couriers: list[Courier] = [
            StatusMailCourier(mail, markdown=markdown.html),
            StatusWebhookCourier(outgoing, base_url=LINKS_BACK.base_url, key=LINKS_BACK.secret),
            self.to_slack,
        ]
        self.world.engine = Engine(
            self.world.db,
            {"email": self.world.email, "webhook": self.world.webhook},
            LINKS_BACK,
            couriers=(
                {each.channel: each for each in couriers},
                {each.channel: Budget(per_second=0, at_once=4) for each in couriers},
            ),
        )

    async def signs_up(self, target: Target, address: str = "198.51.100.7", **options: Any) -> None:
        """A stranger names an address; then the engine runs."""
        async with self.world.db.transaction(stranger(address, "")) as tx:
            await acts.sign_up(tx, self.page.id, target=target, **options)
        await self.world.engine.run_until_idle()

    async def adds(self, target: Target, **options: Any) -> Subscriber:
        """An admin brings in somebody who has confirmed elsewhere."""
        known = await self.world.does(acts.add, self.page.id, target=target, is_confirmed=True, **options)
        found: Subscriber = known.subscriber
        return found

    async def confirms(self, token: str) -> None:
        """Somebody presses the button behind the link."""
        async with self.world.db.transaction(stranger("198.51.100.9", "")) as tx:
            await acts.confirm(tx, LINKS_BACK.secret, token)

    async def tells(self, title: str = "API is slow", **options: Any) -> Any:
        """Something is told on the page; then the engine runs."""
        return await self.world.does(
            status_incidents.create, self.page.id, title=title, message="We look.", **options
        )

    async def now(self, subscriber: Subscriber) -> Subscriber:
        """The subscriber as they are now."""
        async with self.world.db.read() as reader:
            found = await status_subscribers.get(reader, subscriber.id)
        assert found is not None
        return found

    def mails(self) -> list[tuple[str, str, str]]:
        """The mails that came, as recipient, subject and text; then they are forgotten."""
        got = [each.message for each in self.server.mails]
        self.server.mails = []
        return [(str(each["To"]), str(each["Subject"]), _plain(each)) for each in got]


def _plain(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert isinstance(part, EmailMessage)
    return str(part.get_content())


@pytest.fixture
async def square(world: World) -> AsyncIterator[Square]:
    """Everything runs; a post that Slack would not show fails the test."""
    page = await world.does(pages.create, team_id=world.core.id, name="Acme Status", slug="acme")
    api = await world.does(status_components.add_component, page.id, name="API")
    web = await world.does(status_components.add_component, page.id, name="Web")
    made = Square(world, page, api, web)
    async with made.server, made.receiver, made.slack:
        made.runs()
        yield made
    assert made.slack.problems == []


def _token(text: str, what: str = "confirm") -> str:
    found = re.search(rf"/status/acme/{what}/([^\s|)\"]+)", text)
    assert found, text
    return found[1]


async def test_a_webhook_is_told_once_its_contact_has_confirmed(square: Square) -> None:
    """The mailbox is asked, the URL gets nothing before; then updates are posted, signed, in Statuspage's shape."""
    square.world.clock.advance(int(time.time() * 1000) - square.world.clock())
    await square.signs_up(hook(SubscriberKind.WEBHOOK, square.receiver.url, OPS))
    ((to, subject, text),) = square.mails()
    assert (to, subject) == (OPS, "Confirm your subscription to Acme Status")
    await square.tells("Too early")
    assert square.receiver.requests == []
    await square.confirms(_token(text))
    await square.world.advance(minutes=1)
    await square.tells(components={square.api.id: ComponentStatus.PARTIAL_OUTAGE})
    incident, component = square.receiver.requests
    async with square.world.db.read() as reader:
        ((subscriber_id, address),) = await reader.rows("SELECT id, address FROM status_subscribers")
    for got in (incident, component):
        assert hmac_of(got, secret_of(LINKS_BACK.secret, subscriber_id))
    assert incident.json["incident"]["name"] == "API is slow"
    assert incident.json["meta"]["unsubscribe"].startswith(
        "https://oncall.example.org/status/acme/unsubscribe/"
    )
    assert component.json["component_update"]["new_status"] == "partial_outage"
    assert "s3cret" not in address
    assert not square.mails(), "the contact is not written to about every update"
    async with square.world.db.transaction(stranger("198.51.100.9", "")) as tx:
        await acts.leave(tx, LINKS_BACK.secret, _token(incident.json["meta"]["unsubscribe"], "unsubscribe"))
    await square.tells("After")
    assert len(square.receiver.requests) == 2


def hmac_of(got: Any, secret: str) -> bool:
    """Whether a receiver's library takes it; it raises otherwise."""
    return bool(Webhook(secret).verify(got.body, got.headers))


async def test_a_webhook_that_takes_nothing_is_left_alone_and_its_contact_told(square: Square) -> None:
    """Three tries each; what works in between begins the count anew; after five in a row it is over, with one mail."""
    subscriber = await square.adds(hook(SubscriberKind.WEBHOOK, square.receiver.url, OPS))

    async def fails(times: int) -> None:
        square.receiver.answer(500)
        for _ in range(times):
            await square.tells()
            await square.world.advance(minutes=2)
            await square.world.advance(minutes=12)

    await fails(4)
    assert len(square.receiver.requests) == 12
    square.receiver.answer(204, body=b"")
    await square.tells()
    assert (await square.now(subscriber)).failures == 0
    await fails(4)
    assert (await square.now(subscriber)).state is SubscriberState.ACTIVE
    assert not square.mails()
    await fails(1)
    after = await square.now(subscriber)
    assert (after.state, after.quarantine_reason) == (SubscriberState.QUARANTINED, "provider_failed")
    assert [(to, subject) for to, subject, _ in square.mails()] == [
        (OPS, "Acme Status cannot reach your webhook")
    ]
    before = len(square.receiver.requests)
    await square.tells()
    assert len(square.receiver.requests) == before


async def test_a_webhook_that_is_gone_is_left_alone_at_once(square: Square) -> None:
    """410 is a word of the receiver; its contact hears of it, and may subscribe it anew."""
    target = hook(SubscriberKind.WEBHOOK, square.receiver.url, OPS)
    subscriber = await square.adds(target)
    square.receiver.answer(410)
    await square.tells()
    assert (await square.now(subscriber)).state is SubscriberState.QUARANTINED
    assert len(square.mails()) == 1
    await square.signs_up(target)
    ((_, _, text),) = square.mails()
    await square.confirms(_token(text))
    assert (await square.now(subscriber)).state is SubscriberState.ACTIVE


async def test_a_webhook_into_our_network_is_posted_nothing(square: Square) -> None:
    """Whatever was confirmed: the address is checked at each attempt."""
    square.runs(_NOWHERE)
    subscriber = await square.adds(hook(SubscriberKind.WEBHOOK, square.receiver.url, OPS))
    for _ in range(5):
        await square.tells()
    assert square.receiver.requests == []
    after = await square.now(subscriber)
    assert (after.state, after.quarantine_reason) == (SubscriberState.QUARANTINED, "blocked_address")


async def test_a_channel_confirms_by_a_post_in_it(square: Square) -> None:
    """Nobody owns a channel that we know: who reads it is asked there, however often the address is typed."""
    await square.signs_up(hook(SubscriberKind.SLACK, SLACK, "somebody@else.example"))
    assert square.to_slack.addressed == [SLACK]
    assert not square.mails()
    ((words, url),) = square.slack.links().items()
    assert words == "Confirm subscription"
    await square.signs_up(hook(SubscriberKind.SLACK, SLACK))
    assert len(square.slack.posts) == 1
    await square.confirms(_token(url))
    await square.world.advance(minutes=1)
    await square.tells()
    assert "API is slow" in square.slack.words()
    assert len(square.slack.posts) == 2
    manage = next(url for words, url in square.slack.links().items() if "Change" in words)
    async with square.world.db.read() as reader:
        page, known = await acts.by_link(reader, LINKS_BACK.secret, _token(manage, "subscription"))
    assert (page.id, known.subscriber.kind) == (square.page.id, SubscriberKind.SLACK)


async def test_a_channel_chooses_components(square: Square) -> None:
    """As mailboxes do."""
    await square.adds(hook(SubscriberKind.SLACK, SLACK), choice=Choice(component_ids=(square.web.id,)))
    await square.tells(components={square.api.id: ComponentStatus.PARTIAL_OUTAGE})
    assert not square.slack.posts
    await square.tells("Web is slow", components={square.web.id: ComponentStatus.PARTIAL_OUTAGE})
    assert "Web is slow" in square.slack.words()


async def test_a_link_that_was_forged_or_is_old_confirms_nothing(square: Square) -> None:
    """Nor does the link to another address, after a new question was asked."""
    await square.signs_up(hook(SubscriberKind.WEBHOOK, square.receiver.url, OPS))
    ((_, _, first),) = square.mails()
    square.world.clock.advance(HOUR + MINUTE)
    await square.signs_up(hook(SubscriberKind.WEBHOOK, square.receiver.url, "other@customer.example"))
    ((to, _, second),) = square.mails()
    assert to == "other@customer.example"
    for token in (_token(first), _token(second)[:-2] + "AA"):
        with pytest.raises(NotFound):
            await square.confirms(token)
    await square.confirms(_token(second))


async def test_a_kind_that_is_switched_off_is_refused_and_goes_on_for_others(square: Square) -> None:
    """Whoever is told already goes on."""
    await square.adds(hook(SubscriberKind.WEBHOOK, square.receiver.url, OPS))
    await square.world.does(
        status_subscriber_lists.switch_kinds, square.page.id, [SubscriberKind.EMAIL, SubscriberKind.SLACK]
    )
    with pytest.raises(Invalid, match="no new subscriptions of this kind"):
        await square.signs_up(hook(SubscriberKind.WEBHOOK, "https://other.example/hook", OPS))
    await square.signs_up(hook(SubscriberKind.SLACK, SLACK))
    await square.tells()
    assert len(square.receiver.requests) == 1


@pytest.mark.parametrize(
    ("kind", "url", "contact", "field"),
    [
        (SubscriberKind.SLACK, "https://evil.example/services/T0/B0/X", "", "url"),
        (SubscriberKind.TEAMS, SLACK, "", "url"),
        (SubscriberKind.WEBHOOK, "ftp://x.example/", OPS, "url"),
        (SubscriberKind.WEBHOOK, "https://u:p@x.example/", OPS, "url"),
        (SubscriberKind.WEBHOOK, "https://x.example/", "", "contact"),
        (SubscriberKind.WEBHOOK, "https://x.example/", "nobody", "contact"),
    ],
)
def test_what_cannot_be_told_is_refused(kind: SubscriberKind, url: str, contact: str, field: str) -> None:
    """Beside the field that is wrong; a channel must be of its vendor."""
    with pytest.raises(Invalid) as refused:
        hook(kind, url, contact)
    assert refused.value.details["field"] == field


@pytest.mark.parametrize(
    "url",
    [
        "https://HOOKS.slack.com/services/T0000/B0000/s3cret",
        "https://hooks.slack.com:443/services/T0000/B0000/s3cret",
        "https://hooks.slack.com/services/T0000/B0000/s3cret/",
    ],
)
def test_spellings_of_one_channel_are_one_subscriber(url: str) -> None:
    """So that it is told once, and asked no oftener."""
    assert hook(SubscriberKind.SLACK, url).key == hook(SubscriberKind.SLACK, SLACK).key
    other = hook(SubscriberKind.SLACK, f"{SLACK}2")
    assert other.key != hook(SubscriberKind.SLACK, SLACK).key


async def test_nobody_is_flooded_with_questions_by_invented_addresses(square: Square) -> None:
    """Three webhooks an hour may name one mailbox, from however many networks; so may three spellings a channel."""
    for number in range(3):
        target = hook(SubscriberKind.WEBHOOK, f"https://x{number}.example/hook", OPS)
        await square.signs_up(target, address=f"198.51.{number}.7")
    with pytest.raises(RateLimited):
        await square.signs_up(
            hook(SubscriberKind.WEBHOOK, "https://x9.example/hook", OPS.upper()), address="198.51.9.7"
        )
    assert len(square.mails()) == 3
    workflow = "https://a.logic.azure.com/workflows/x"
    for number in range(3):
        await square.signs_up(
            hook(SubscriberKind.TEAMS, f"{workflow}?n={number}"), address=f"203.0.{number}.7"
        )
    with pytest.raises(RateLimited):
        await square.signs_up(hook(SubscriberKind.TEAMS, f"{workflow}?n=9"), address="203.0.9.7")


def test_nothing_shows_the_url() -> None:
    """It is a secret of whoever gave it."""
    target = hook(SubscriberKind.SLACK, SLACK)
    assert "s3cret" not in repr(target) + target.address
