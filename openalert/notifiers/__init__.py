"""Notifiers: one file per outbound channel, all behind the protocol in `notifier`."""

from collections.abc import Callable, Container

import msgspec

from openalert.notifiers.apprise import AppriseNotifier
from openalert.notifiers.email import EmailNotifier, EmailSettings
from openalert.notifiers.failover import one_or_more
from openalert.notifiers.http import OutgoingSettings
from openalert.notifiers.mattermost import MattermostNotifier
from openalert.notifiers.mattermost_api import MattermostSettings
from openalert.notifiers.notifier import Notifier
from openalert.notifiers.push import PushNotifier, WebPushSettings
from openalert.notifiers.slack import SlackNotifier
from openalert.notifiers.slack_api import SlackSettings
from openalert.notifiers.sms import SmsNotifier
from openalert.notifiers.teams import TeamsNotifier
from openalert.notifiers.telegram import TelegramNotifier
from openalert.notifiers.telegram_api import TelegramSettings
from openalert.notifiers.twilio import TwilioSettings
from openalert.notifiers.voice import VoiceNotifier
from openalert.notifiers.webhook import WebhookNotifier


class NotifierSettings(msgspec.Struct, kw_only=True, frozen=True):
    """What the channels need from the configuration."""

    base_url: str
    """Where people reach this installation, without a slash at the end."""
    email: EmailSettings = EmailSettings()
    slack: SlackSettings = SlackSettings()
    email_backup: EmailSettings | None = None
    """A second mail server, which takes over when the first fails."""
    twilio: TwilioSettings = TwilioSettings()
    twilio_backup: TwilioSettings | None = None
    """A second account at Twilio, which takes over when the first fails."""
    telegram: TelegramSettings = TelegramSettings()
    mattermost: MattermostSettings = MattermostSettings()
    outgoing: OutgoingSettings = OutgoingSettings()
    apprise_hosts: tuple[str, ...] = ()
    """Servers of services behind Apprise that may lie in a private network."""
    web_push: WebPushSettings = WebPushSettings()


NOTIFIERS: dict[str, Callable[[NotifierSettings], Notifier]] = {
    EmailNotifier.channel: lambda settings: one_or_more(
        EmailNotifier(each, base_url=settings.base_url)
        for each in (settings.email, settings.email_backup)
        if each is not None
    ),
    SlackNotifier.channel: lambda settings: SlackNotifier(settings.slack, settings.outgoing),
    PushNotifier.channel: lambda settings: PushNotifier(
        settings.web_push, settings.outgoing, base_url=settings.base_url
    ),
    SmsNotifier.channel: lambda settings: one_or_more(
        SmsNotifier(each, base_url=settings.base_url)
        for each in (settings.twilio, settings.twilio_backup)
        if each is settings.twilio or (each is not None and each.sends_sms)
    ),
    VoiceNotifier.channel: lambda settings: one_or_more(
        VoiceNotifier(each, base_url=settings.base_url)
        for each in (settings.twilio, settings.twilio_backup)
        if each is settings.twilio or (each is not None and each.calls)
    ),
    WebhookNotifier.channel: lambda settings: WebhookNotifier(settings.outgoing, base_url=settings.base_url),
    TeamsNotifier.channel: lambda settings: TeamsNotifier(settings.outgoing),
    AppriseNotifier.channel: lambda settings: AppriseNotifier(
        settings.outgoing, allowed_hosts=settings.apprise_hosts, base_url=settings.base_url
    ),
    MattermostNotifier.channel: lambda settings: MattermostNotifier(
        settings.mattermost, settings.outgoing, base_url=settings.base_url
    ),
    TelegramNotifier.channel: lambda settings: TelegramNotifier(settings.telegram, settings.outgoing),
}
"""Every channel by name. A new channel is a file in this room and a line here."""


def build(settings: NotifierSettings) -> dict[str, Notifier]:
    """All notifiers by the name of their channel; ValueError when a network in `outgoing` cannot be read."""
    return {name: make(settings) for name, make in NOTIFIERS.items()}


PROBED = ("email", "mattermost", "slack", "sms", "telegram", "voice")
"""Channels whose provider can be asked whether it would take a message; the others have nobody to ask but receivers."""


def probed(settings: NotifierSettings, unset: Container[str]) -> dict[str, Notifier]:
    """Notifiers of their own to ask providers by, for channels that are configured: pages wait for none of them."""
    return {name: NOTIFIERS[name](settings) for name in PROBED if name not in unset}
