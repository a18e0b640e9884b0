"""What every channel must do: the engine treats them all alike."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any, Protocol

import pytest

from openalert.notifiers import NOTIFIERS, NotifierSettings, build, web_push
from openalert.notifiers.apprise import AppriseNotifier
from openalert.notifiers.email import EmailNotifier, EmailSettings
from openalert.notifiers.http import OutgoingSettings
from openalert.notifiers.mattermost import MattermostNotifier
from openalert.notifiers.mattermost_api import MattermostSettings
from openalert.notifiers.notifier import LostAnswer, Message, Notifier, NotifierError, Reason
from openalert.notifiers.push import PushNotifier
from openalert.notifiers.slack import SlackNotifier
from openalert.notifiers.sms import SmsNotifier
from openalert.notifiers.teams import TeamsNotifier
from openalert.notifiers.telegram import TelegramNotifier
from openalert.notifiers.telegram_api import TelegramSettings
from openalert.notifiers.twilio import TwilioSettings
from openalert.notifiers.voice import VoiceNotifier
from openalert.notifiers.webhook import WebhookNotifier, new_secret
from tests.fakes.apprise import FakeServices
from tests.fakes.mattermost import TOKEN as MATTERMOST_TOKEN
from tests.fakes.mattermost import FakeMattermost
from tests.fakes.push_service import FakeBrowser, FakePushService
from tests.fakes.slack import FakeSlack
from tests.fakes.smtp import FakeSmtp, SmtpMode
from tests.fakes.teams import FakeTeams
from tests.fakes.telegram import TOKEN as BOT_TOKEN
from tests.fakes.telegram import FakeTelegram
from tests.fakes.twilio import ACCOUNT, NUMBER, TOKEN, FakeTwilio
from tests.fakes.webhook import FakeWebhook, Fault
from tests.notifiers import messages
from tests.notifiers.messages import BASE_URL, NOW

pytestmark = pytest.mark.anyio

DEADLINE = 1.0
HOSTILE = [
    "line one\r\nBcc: everybody@example.com\r\n\r\nbody",
    "NUL \x00 bell \x07 escape \x1b[31m",
    "\u202egnp.exe \u2066isolate\u2069 \u200b\ufeffzero",
    "half a pair \ud83d and \udc00",
    "<script>alert(1)</script><img src=x onerror=alert(1)>'\"`",
    "{{ 7 * 7 }} {% for x in y %} ${x} %s %(a)s",
    "emoji 🔥👩‍🚒 \u0600 العربية 漢字 é́́́",
    "x" * 70_000,
    "=?utf-8?B?SGFjaw==?= .\n.\n..",
    "a" * 200 + "\u2028" + "é" * 300,
    "",
    " \n\t ",
]


class Rig(Protocol):
    """One channel with its other side."""

    notifier: Notifier

    def message(self, **changes: Any) -> Message:
        """A page to the other side."""
        ...

    async def down(self) -> None: ...
    def lose_answers(self) -> None: ...
    def hang(self) -> None: ...
    def arrived(self) -> int: ...


class EmailRig:
    """E-mail and a mail server."""

    def __init__(self, server: FakeSmtp) -> None:
        self.server = server
        settings = EmailSettings(
            host=server.host,
            port=server.port,
            security="none",
            sender="alerts@example.com",
            deadline=DEADLINE,
        )
        self.notifier: Notifier = EmailNotifier(settings, base_url=BASE_URL)

    def message(self, **changes: Any) -> Message:
        return messages.page(**changes)

    async def down(self) -> None:
        await self.server.down()

    def lose_answers(self) -> None:
        self.server.mode = SmtpMode.LOST_ANSWER

    def hang(self) -> None:
        self.server.mode, self.server.delay = SmtpMode.TARPIT, 60

    def arrived(self) -> int:
        return len(self.server.mails)


class SlackRig:
    """Slack and a workspace; Slack names a message itself, and finds it again by what we wrote into it."""

    names_its_own = True

    def __init__(self, workspace: FakeSlack) -> None:
        self.workspace = workspace
        settings = OutgoingSettings(deadline=DEADLINE)
        self.notifier: Notifier = SlackNotifier(workspace.settings, settings)

    def message(self, **changes: Any) -> Message:
        return messages.page(**({"to": "C0ALERTS001"} | changes))

    async def down(self) -> None:
        await self.workspace.down()

    def lose_answers(self) -> None:
        self.workspace.faults["chat.postMessage"] = Fault.LOST_ANSWER

    def hang(self) -> None:
        self.workspace.faults["chat.postMessage"] = Fault.HANG

    def arrived(self) -> int:
        return sum(len(channel.messages) for channel in self.workspace.channels.values())


class WebhookRig:
    """Webhooks and a receiver."""

    def __init__(self, receiver: FakeWebhook) -> None:
        self.receiver = receiver
        settings = OutgoingSettings(allowed_networks=["127.0.0.0/8"], deadline=DEADLINE)
        self.notifier: Notifier = WebhookNotifier(settings, base_url=BASE_URL)
        self.config = {"secret": new_secret()}

    def message(self, **changes: Any) -> Message:
        return messages.page(to=self.receiver.url, channel_config=self.config, **changes)

    async def down(self) -> None:
        await self.receiver.down()

    def lose_answers(self) -> None:
        self.receiver.fault = Fault.LOST_ANSWER

    def hang(self) -> None:
        self.receiver.fault = Fault.HANG

    def arrived(self) -> int:
        return len(self.receiver.requests)


class TeamsRig:
    """Teams and a workflow."""

    def __init__(self, workflow: FakeTeams) -> None:
        self.workflow = workflow
        self.notifier: Notifier = TeamsNotifier(
            OutgoingSettings(allowed_networks=["127.0.0.0/8"], deadline=DEADLINE)
        )

    def message(self, **changes: Any) -> Message:
        return messages.page(to=self.workflow.url, **changes)

    async def down(self) -> None:
        await self.workflow.down()

    def lose_answers(self) -> None:
        self.workflow.fault = Fault.LOST_ANSWER

    def hang(self) -> None:
        self.workflow.fault = Fault.HANG

    def arrived(self) -> int:
        assert self.workflow.problems == []
        return len(self.workflow.cards)


class MattermostRig:
    """Mattermost and a bot, whose posts Mattermost names; nothing finds one of them again."""

    names_its_own = True
    knows_repeats = False

    def __init__(self, server: FakeMattermost) -> None:
        self.server = server
        server.accounts["bea"] = "b" * 26
        self.notifier: Notifier = MattermostNotifier(
            MattermostSettings(url=server.base_url, bot_token=MATTERMOST_TOKEN),
            OutgoingSettings(deadline=DEADLINE),
            base_url=BASE_URL,
        )

    def message(self, **changes: Any) -> Message:
        self.server.channels.add("c" * 26)
        return messages.page(to="c" * 26, channel_config={"channel": "c" * 26}, **changes)

    async def down(self) -> None:
        await self.server.down()

    def lose_answers(self) -> None:
        self.server.fault = Fault.LOST_ANSWER

    def hang(self) -> None:
        self.server.fault = Fault.HANG

    def arrived(self) -> int:
        assert self.server.problems == []
        return len(self.server.posts)


class TelegramRig:
    """Telegram and a bot, whose messages Telegram names; nothing finds one of them again."""

    names_its_own = True
    knows_repeats = False

    def __init__(self, telegram: FakeTelegram) -> None:
        self.telegram = telegram
        telegram.chats.add(4711)
        self.notifier: Notifier = TelegramNotifier(
            TelegramSettings(bot_token=BOT_TOKEN, base_url=telegram.base_url),
            OutgoingSettings(deadline=DEADLINE),
        )

    def message(self, **changes: Any) -> Message:
        return messages.page(to="4711", **changes)

    async def down(self) -> None:
        await self.telegram.down()

    def lose_answers(self) -> None:
        self.telegram.fault = Fault.LOST_ANSWER

    def hang(self) -> None:
        self.telegram.fault = Fault.HANG

    def arrived(self) -> int:
        assert self.telegram.problems == []
        return len(self.telegram.shown)


class PushRig:
    """Pushes, a push service and a browser."""

    def __init__(self, service: FakePushService) -> None:
        self.service = service
        service.answer(200)
        settings = OutgoingSettings(allowed_networks=["127.0.0.0/8"], deadline=DEADLINE)
        self.notifier: Notifier = PushNotifier(
            None, settings, base_url=BASE_URL, tls=service.certificate.client
        )
        self.config = service.browser.keys | {"vapid_key": web_push.new_private_key()}

    def message(self, **changes: Any) -> Message:
        return messages.page(to=self.service.endpoint, channel_config=self.config, **changes)

    async def down(self) -> None:
        await self.service.down()

    def lose_answers(self) -> None:
        self.service.fault = Fault.LOST_ANSWER

    def hang(self) -> None:
        self.service.fault = Fault.HANG

    def arrived(self) -> int:
        return len(self.service.pushes(NOW // 1000))


class AppriseRig:
    """Apprise and an ntfy."""

    def __init__(self, services: FakeServices) -> None:
        self.services = services
        self.notifier: Notifier = AppriseNotifier(
            OutgoingSettings(deadline=DEADLINE), allowed_hosts=(services.host,), base_url=BASE_URL
        )

    def message(self, **changes: Any) -> Message:
        return messages.page(to=self.services.ntfy, **changes)

    async def down(self) -> None:
        await self.services.down()

    def lose_answers(self) -> None:
        self.services.fault = Fault.LOST_ANSWER

    def hang(self) -> None:
        self.services.fault = Fault.HANG

    def arrived(self) -> int:
        assert self.services.problems == []
        return len(self.services.shown)


class TwilioRig:
    """Text messages or calls, and Twilio."""

    names_its_own = True

    def __init__(self, twilio: FakeTwilio, kind: type[SmsNotifier] | type[VoiceNotifier]) -> None:
        self.twilio = twilio
        self.notifier: Notifier = kind(
            TwilioSettings(
                account_sid=ACCOUNT,
                auth_token=TOKEN,
                from_number=NUMBER,
                base_url=twilio.base_url,
                outgoing=OutgoingSettings(deadline=DEADLINE),
            ),
            base_url=BASE_URL,
        )

    def message(self, **changes: Any) -> Message:
        return messages.page(to="+4915112345678", reply_code=12, **changes)

    async def down(self) -> None:
        await self.twilio.down()

    def lose_answers(self) -> None:
        self.twilio.loses(Fault.LOST_ANSWER)

    def hang(self) -> None:
        self.twilio.loses(Fault.HANG)

    def arrived(self) -> int:
        return len(self.twilio.messages) + len(self.twilio.calls)

    def reported_to(self) -> set[str]:
        return {sent.form["StatusCallback"] for sent in (*self.twilio.messages, *self.twilio.calls)}


@pytest.fixture(params=sorted(NOTIFIERS))
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    """Every channel in turn."""
    async with AsyncExitStack() as stack:
        made: Rig
        if request.param == "email":
            made = EmailRig(await stack.enter_async_context(FakeSmtp()))
        elif request.param == "slack":
            made = SlackRig(await stack.enter_async_context(FakeSlack()))
        elif request.param == "webhook":
            made = WebhookRig(await stack.enter_async_context(FakeWebhook()))
        elif request.param == "apprise":
            made = AppriseRig(await stack.enter_async_context(FakeServices()))
        elif request.param == "teams":
            made = TeamsRig(await stack.enter_async_context(FakeTeams()))
        elif request.param == "mattermost":
            made = MattermostRig(await stack.enter_async_context(FakeMattermost()))
        elif request.param == "telegram":
            made = TelegramRig(await stack.enter_async_context(FakeTelegram()))
        elif request.param == "push":
            made = PushRig(await stack.enter_async_context(FakePushService(FakeBrowser())))
        elif request.param in ("sms", "voice"):
            kind = SmsNotifier if request.param == "sms" else VoiceNotifier
            made = TwilioRig(await stack.enter_async_context(FakeTwilio(clock=lambda: NOW)), kind)
        else:
            raise AssertionError(f"the channel {request.param} has no rig: the contract is not proven for it")
        yield made
        await made.notifier.close()


async def test_success_gives_a_receipt(rig: Rig) -> None:
    """A message that arrives is settled by a receipt that names it to the provider."""
    receipt = await rig.notifier.send(rig.message(), NOW)
    assert receipt.provider_id
    if not getattr(rig, "names_its_own", False):
        assert rig.message().notification_id in receipt.provider_id
    assert any(status in receipt.detail for status in ("200", "201", "202", "250", "queued"))
    assert rig.arrived() == 1


async def test_a_retry_names_the_same_thing(rig: Rig) -> None:
    """The provider's key does not change between attempts, so that it can tell a repeat from a new message.

    Where the provider cannot be asked what it has, only the words of the second say that it may be a repeat.
    """
    first = await rig.notifier.send(rig.message(), NOW)
    second = await rig.notifier.send(rig.message(attempt=2, possible_repeat=True), NOW + 30_000)
    if isinstance(rig, TwilioRig):  # which has no keys: a repeat is known by where it is reported to
        assert len(rig.reported_to()) == 1
    else:
        assert (first.provider_id == second.provider_id) is getattr(rig, "knows_repeats", True)


async def test_down_may_be_tried_again(rig: Rig) -> None:
    """A provider that is not there certainly has nothing, and may have it later."""
    await rig.down()
    with pytest.raises(NotifierError) as failure:
        await rig.notifier.send(rig.message(), NOW)
    assert (failure.value.reason, failure.value.permanent) == (Reason.UNREACHABLE, False)


async def test_lost_answer_is_neither_success_nor_failure(rig: Rig) -> None:
    """The provider has the message and never says so."""
    rig.lose_answers()
    with pytest.raises(LostAnswer):
        await rig.notifier.send(rig.message(), NOW)
    assert rig.arrived() == 1


async def test_hanging_ends_at_the_deadline(rig: Rig) -> None:
    """A provider that never answers costs one deadline and no more."""
    rig.hang()
    async with asyncio.timeout(5 * DEADLINE):
        with pytest.raises((NotifierError, LostAnswer)):
            await rig.notifier.send(rig.message(), NOW)


async def test_hanging_sends_do_not_hold_one_another_up(rig: Rig) -> None:
    """Twenty sends that hang take as long as one."""
    rig.hang()
    sends = [rig.notifier.send(rig.message(), NOW) for _ in range(20)]
    async with asyncio.timeout(5 * DEADLINE):
        outcomes = await asyncio.gather(*sends, return_exceptions=True)
    assert all(isinstance(outcome, NotifierError | LostAnswer) for outcome in outcomes)


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_texts_go_out(rig: Rig, text: str) -> None:
    """No words of an alert, a person or a team can stop the message that carries them."""
    incident = messages.incident(
        title=text, service_name=text, description=text, labels={text: text, "b": text}
    )
    message = rig.message(
        incident=incident,
        organization=text,
        recipient_name=text,
        headline=text,
        body=text,
        reason=text,
        escalation_note=text,
        bundle=[text, text],
    )
    await rig.notifier.send(message, NOW)
    assert rig.arrived() == 1


async def test_cancelling_a_send_leaves_nothing_behind(rig: Rig) -> None:
    """A send that is cancelled when the program stops says so, and the channel can be closed."""
    rig.hang()
    task = asyncio.create_task(rig.notifier.send(rig.message(), NOW))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_probe_answers_in_one_sentence(rig: Rig) -> None:
    """`openalert check` prints it as it is."""
    sentence = await rig.notifier.probe()
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert rig.arrived() == 0


async def test_every_channel_is_built() -> None:
    """The registry makes every notifier under its own name from one set of settings."""
    built = build(NotifierSettings(base_url=BASE_URL))
    assert {name: notifier.channel for name, notifier in built.items()} == {name: name for name in NOTIFIERS}
    for notifier in built.values():
        await notifier.close()
