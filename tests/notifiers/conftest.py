"""Every channel in turn, with its whole other side; one without a rig fails whatever asks for it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

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
    HURRY,
    PATIENCE,
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


@asynccontextmanager
async def rigged(channel: str, deadline: float = PATIENCE) -> AsyncIterator[Rig]:
    """The channel, with its other side listening; it gives a send up after so many seconds."""
    async with AsyncExitStack() as stack:
        made: Rig
        if channel == "email":
            made = EmailRig(await stack.enter_async_context(FakeSmtp()), deadline=deadline)
        elif channel == "slack":
            made = SlackRig(await stack.enter_async_context(FakeSlack()), deadline=deadline)
        elif channel == "webhook":
            made = WebhookRig(await stack.enter_async_context(FakeWebhook()), deadline=deadline)
        elif channel == "apprise":
            made = AppriseRig(await stack.enter_async_context(FakeServices()), deadline=deadline)
        elif channel == "teams":
            made = TeamsRig(await stack.enter_async_context(FakeTeams()), deadline=deadline)
        elif channel == "mattermost":
            made = MattermostRig(await stack.enter_async_context(FakeMattermost()), deadline=deadline)
        elif channel == "telegram":
            made = TelegramRig(await stack.enter_async_context(FakeTelegram()), deadline=deadline)
        elif channel == "push":
            made = PushRig(await stack.enter_async_context(FakePushService(FakeBrowser())), deadline=deadline)
        elif channel in ("sms", "voice"):
            kind = SmsNotifier if channel == "sms" else VoiceNotifier
            made = TwilioRig(
                await stack.enter_async_context(FakeTwilio(clock=lambda: NOW)), kind, deadline=deadline
            )
        else:
            raise AssertionError(f"the channel {channel} has no rig: the contract is not proven for it")
        yield made
        await made.notifier.close()


@pytest.fixture(params=sorted(NOTIFIERS))
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    """Every channel in turn."""
    async with rigged(request.param) as made:
        yield made


@pytest.fixture(params=sorted(NOTIFIERS))
async def hurried(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    """Every channel in turn, for what nothing but the deadline ends."""
    async with rigged(request.param, HURRY) as made:
        yield made
