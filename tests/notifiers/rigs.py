"""Every channel with its whole other side, as the tests that are about all of them drive it."""

import re
from typing import Any, Protocol
from xml.etree import ElementTree as ET

from openalert.notifiers import voice, web_push
from openalert.notifiers.apprise import AppriseNotifier
from openalert.notifiers.email import EmailNotifier, EmailSettings
from openalert.notifiers.http import OutgoingSettings
from openalert.notifiers.mattermost import MattermostNotifier
from openalert.notifiers.mattermost_api import MattermostSettings
from openalert.notifiers.notifier import Message, Notifier
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
from tests.fakes.push_service import FakePushService
from tests.fakes.slack import FakeSlack, Posted
from tests.fakes.smtp import FakeSmtp, SmtpMode
from tests.fakes.teams import FakeTeams
from tests.fakes.telegram import TOKEN as BOT_TOKEN
from tests.fakes.telegram import FakeTelegram
from tests.fakes.twilio import ACCOUNT, NUMBER, TOKEN, FakeTwilio
from tests.fakes.webhook import FakeWebhook, Fault
from tests.notifiers import messages
from tests.notifiers.messages import BASE_URL, NOW

PATIENCE = 30.0
"""Seconds until a send is given up: on a busy machine, what goes well takes its time."""
HURRY = 0.5


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

    def shown(self, message: Message) -> str:
        """All that its reader reads or hears of the message, which came last."""
        ...

    def answers(self, message: Message) -> list[str]:
        """The ways to answer it: buttons, links, a code, a key."""
        ...


class EmailRig:
    """E-mail and a mail server."""

    def __init__(self, server: FakeSmtp, deadline: float = PATIENCE) -> None:
        self.server = server
        settings = EmailSettings(
            host=server.host,
            port=server.port,
            security="none",
            sender="alerts@example.com",
            deadline=deadline,
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

    def shown(self, message: Message) -> str:
        return self.server.mails[-1].subject + self.server.mails[-1].text

    def answers(self, message: Message) -> list[str]:
        return [action.url for action in message.actions if action.url in self.server.mails[-1].html]


class SlackRig:
    """Slack and a workspace; Slack names a message itself, and finds it again by what we wrote into it."""

    names_its_own = True

    def __init__(self, workspace: FakeSlack, deadline: float = PATIENCE) -> None:
        self.workspace = workspace
        settings = OutgoingSettings(deadline=deadline)
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

    @property
    def _last(self) -> Posted:
        return self.workspace.channel("C0ALERTS001").messages[-1]

    def shown(self, message: Message) -> str:
        return self._last.words()

    def answers(self, message: Message) -> list[str]:
        return list(self._last.buttons())


class WebhookRig:
    """Webhooks and a receiver."""

    def __init__(self, receiver: FakeWebhook, deadline: float = PATIENCE) -> None:
        self.receiver = receiver
        settings = OutgoingSettings(allowed_networks=["127.0.0.0/8"], deadline=deadline)
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

    def shown(self, message: Message) -> str:
        return self.receiver.requests[-1].body.decode()

    def answers(self, message: Message) -> list[str]:
        return [action["url"] for action in self.receiver.requests[-1].json["data"]["actions"]]


class TeamsRig:
    """Teams and a workflow."""

    def __init__(self, workflow: FakeTeams, deadline: float = PATIENCE) -> None:
        self.workflow = workflow
        self.notifier: Notifier = TeamsNotifier(
            OutgoingSettings(allowed_networks=["127.0.0.0/8"], deadline=deadline)
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

    def shown(self, message: Message) -> str:
        return self.workflow.texts()

    def answers(self, message: Message) -> list[str]:
        told = self.workflow.buttons().values()
        return [action.url for action in message.actions if action.url in told]


class MattermostRig:
    """Mattermost and a bot, whose posts Mattermost names; nothing finds one of them again."""

    names_its_own = True
    knows_repeats = False

    def __init__(self, server: FakeMattermost, deadline: float = PATIENCE) -> None:
        self.server = server
        server.accounts["bea"] = "b" * 26
        self.notifier: Notifier = MattermostNotifier(
            MattermostSettings(url=server.base_url, bot_token=MATTERMOST_TOKEN),
            OutgoingSettings(deadline=deadline),
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

    def shown(self, message: Message) -> str:
        return self.server.words(self.server.posts[-1])

    def answers(self, message: Message) -> list[str]:
        return list(self.server.buttons(self.server.posts[-1]))


class TelegramRig:
    """Telegram and a bot, whose messages Telegram names; nothing finds one of them again."""

    names_its_own = True
    knows_repeats = False

    def __init__(self, telegram: FakeTelegram, deadline: float = PATIENCE) -> None:
        self.telegram = telegram
        telegram.chats.add(4711)
        self.notifier: Notifier = TelegramNotifier(
            TelegramSettings(bot_token=BOT_TOKEN, base_url=telegram.base_url),
            OutgoingSettings(deadline=deadline),
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

    def shown(self, message: Message) -> str:
        return self.telegram.last(4711).text

    def answers(self, message: Message) -> list[str]:
        return self.telegram.last(4711).labels


class PushRig:
    """Pushes, a push service and a browser."""

    def __init__(self, service: FakePushService, deadline: float = PATIENCE) -> None:
        self.service = service
        service.answer(200)
        settings = OutgoingSettings(allowed_networks=["127.0.0.0/8"], deadline=deadline)
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

    def shown(self, message: Message) -> str:
        shown = self.service.pushes(NOW // 1000)[-1].payload
        return f"{shown['title']} {shown['body']}"

    def answers(self, message: Message) -> list[str]:
        shown = self.service.pushes(NOW // 1000)[-1].payload
        pages = [shown["url"]] if shown["url"].startswith("/proof/") else []
        pages += [shown["answer"]] if "answer" in shown else []
        return [each["title"] for each in shown.get("actions", [])] + pages


class AppriseRig:
    """Apprise and an ntfy."""

    def __init__(self, services: FakeServices, deadline: float = PATIENCE) -> None:
        self.services = services
        self.notifier: Notifier = AppriseNotifier(
            OutgoingSettings(deadline=deadline), allowed_hosts=(services.host,), base_url=BASE_URL
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

    def shown(self, message: Message) -> str:
        shown = self.services.shown[-1][1]
        return f"{shown.get('title', '')} {shown['message']}"

    def answers(self, message: Message) -> list[str]:
        return list(self.services.shown[-1][1]["buttons"])


class TwilioRig:
    """Text messages or calls, and Twilio."""

    names_its_own = True

    def __init__(
        self, twilio: FakeTwilio, kind: type[SmsNotifier] | type[VoiceNotifier], deadline: float = PATIENCE
    ) -> None:
        self.twilio = twilio
        self.notifier: Notifier = kind(
            TwilioSettings(
                account_sid=ACCOUNT,
                auth_token=TOKEN,
                from_number=NUMBER,
                base_url=twilio.base_url,
                outgoing=OutgoingSettings(deadline=deadline),
            ),
            base_url=BASE_URL,
        )

    def message(self, **changes: Any) -> Message:
        return messages.page(**({"to": "+4915112345678", "reply_code": 12} | changes))

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

    def shown(self, message: Message) -> str:
        if self.twilio.messages:
            return self.twilio.messages[-1].body
        return " ".join(ET.fromstring(voice.opening(message, BASE_URL, 1)).itertext())

    def answers(self, message: Message) -> list[str]:
        return re.findall(r"\b1 12\b|\bjoin 12\b|[Pp]ress 4\b|https://\S+/proof/\S+", self.shown(message))
