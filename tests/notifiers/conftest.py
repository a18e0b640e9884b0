"""Every channel in turn, with its whole other side; one without a rig fails whatever asks for it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from openalert.notifiers import NOTIFIERS
from openalert.notifiers.sms import SmsNotifier
from openalert.notifiers.voice import VoiceNotifier
from tests.fakes.apprise import FakeServices
from tests.fakes.mattermost import FakeMattermost
from tests.fakes.push_service import FakeBrowser, FakePushService
from tests.fakes.slack import FakeSlack
from tests.fakes.smtp import FakeSmtp
from tests.fakes.teams import FakeTeams
from tests.fakes.telegram import FakeTelegram
from tests.fakes.twilio import FakeTwilio
from tests.fakes.webhook import FakeWebhook
from tests.notifiers.messages import NOW
from tests.notifiers.rigs import (
    AppriseRig,
    EmailRig,
    MattermostRig,
    PushRig,
    Rig,
    SlackRig,
    TeamsRig,
    TelegramRig,
    TwilioRig,
    WebhookRig,
)


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
