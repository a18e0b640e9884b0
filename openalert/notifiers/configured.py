"""What the configuration says, in the words of this room: which servers, accounts and buckets messages leave by."""

from openalert.config import Config
from openalert.config.sections import BucketSection, MailServer, Twilio
from openalert.notifiers import NotifierSettings
from openalert.notifiers.email import EmailSettings
from openalert.notifiers.http import OutgoingSettings
from openalert.notifiers.last_resort import LastResortSettings
from openalert.notifiers.mattermost_api import MattermostSettings
from openalert.notifiers.push import WebPushSettings
from openalert.notifiers.s3 import S3Settings
from openalert.notifiers.slack_api import SlackSettings
from openalert.notifiers.telegram_api import TelegramSettings
from openalert.notifiers.twilio import TwilioSettings


def outgoing_settings(config: Config) -> OutgoingSettings:
    """Where requests of ours may go."""
    return OutgoingSettings(
        allow_private_networks=config.outgoing.allow_private_networks,
        allowed_networks=list(config.outgoing.allowed_networks),
    )


def notifier_settings(config: Config) -> NotifierSettings:
    """What the channels need."""
    outgoing = outgoing_settings(config)
    return NotifierSettings(
        base_url=config.base_url,
        email=mail_server(config.smtp),
        email_backup=mail_server(config.smtp_backup) if config.smtp_backup.host else None,
        slack=SlackSettings(
            bot_token=config.slack.bot_token,
            signing_secret=config.slack.signing_secret,
            app_token=config.slack.app_token,
            base_url=config.slack.base_url,
        ),
        mattermost=MattermostSettings(url=config.mattermost.url, bot_token=config.mattermost.bot_token),
        telegram=TelegramSettings(bot_token=config.telegram.bot_token, base_url=config.telegram.base_url),
        twilio=_twilio(config.twilio, outgoing),
        twilio_backup=_twilio(config.twilio_backup, outgoing) if config.twilio_backup.account_sid else None,
        apprise_hosts=config.apprise.allowed_hosts,
        web_push=WebPushSettings(private_key=config.web_push.private_key, subject=config.web_push.subject),
        outgoing=outgoing,
    )


def mail_server(server: MailServer) -> EmailSettings:
    """The server that a section names."""
    return EmailSettings(
        host=server.host,
        port=server.port,
        username=server.username,
        password=server.password,
        security=server.security,
        sender=server.sender,
    )


def last_resort_settings(config: Config) -> LastResortSettings:
    """Who is told when nothing else is left, and how; by the usual mail server unless it has one of its own."""
    own = config.last_resort
    return LastResortSettings(
        mail_to=own.mail_to,
        mail_server=mail_server(own if own.host else config.smtp),
        command=own.command,
        command_seconds=own.command_seconds,
        webhook=own.webhook,
        outgoing=outgoing_settings(config),
        base_url=config.base_url,
        node=config.server.node_name,
    )


def bucket_settings(place: BucketSection) -> S3Settings:
    """The bucket that a section names; at AWS unless it says where."""
    return S3Settings(
        endpoint=place.endpoint or f"https://s3.{place.region}.amazonaws.com",
        region=place.region,
        bucket=place.bucket,
        prefix=place.prefix,
        access_key_id=place.access_key_id,
        secret_access_key=place.secret_access_key,
        path_style=place.path_style,
    )


def _twilio(account: Twilio, outgoing: OutgoingSettings) -> TwilioSettings:
    return TwilioSettings(
        account_sid=account.account_sid,
        auth_token=account.auth_token,
        from_number=account.from_number,
        messaging_service_sid=account.messaging_service_sid,
        voice_number=account.voice_number,
        base_url=account.base_url,
        outgoing=outgoing,
    )
