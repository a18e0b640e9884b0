"""openalert check"""

import asyncio
import os
import shutil
import time
import zoneinfo
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import click

from openalert.cli import check_last_resort, check_machine, check_outside, check_watch
from openalert.cli.settings import configured, options
from openalert.config import Config, make_data_dir, redacted
from openalert.domain.errors import OpenAlertError

if TYPE_CHECKING:
    from openalert.notifiers.twilio import TwilioSettings

Finding = tuple[str, bool | None, str]
"""What was tried, whether it is well (None: nothing to try), and in words what was found."""

FREE_BYTES = 200 * 1024 * 1024
MOST_WARNINGS = 20
_TRIAL = "openalert check"
"""A setting that is written and taken away again."""
BUILT = 1_780_000_000
"""Seconds since 1970 before this program was written: an earlier clock is wrong."""


@click.command()
@click.option("--show", is_flag=True, help="Print the configuration in effect, without its secrets.")
@click.option("--last-resort", is_flag=True, help="Send a test by every way of [last_resort].")
@options
def check(
    show: bool, last_resort: bool, config_file: str | None, data_dir: str | None, database_url: str | None
) -> None:
    """Try everything that paging depends on; exit code 0 only if all is well."""
    config = configured(config_file, data_dir, database_url)
    if show:
        click.echo(redacted(config) + "\n")
    good = asyncio.run(_check(config, last_resort=last_resort))
    if not good:
        raise OpenAlertError("Not all is well; see the lines marked FAIL.")


async def _check(config: Config, *, last_resort: bool = False) -> bool:
    good = True
    async for name, well, words in _findings(config, last_resort=last_resort):
        mark = {True: "ok  ", False: "FAIL", None: "--  "}[well]
        click.echo(f"{mark} {name}: {words}")
        good = good and well is not False
    return good


async def _findings(config: Config, *, last_resort: bool) -> AsyncIterator[Finding]:
    watches_alone = check_watch.only_watches(config)
    where = "this host only watches" if watches_alone else f"people reach it at {config.base_url}"
    yield "configuration", True, f"understood; {where}"
    if not watches_alone:
        yield await _database(config)
        if config.redis.url:
            yield await _redis(config)
    yield await _mail(config)
    yield await _slack(config)
    yield await _twilio(config)
    async for finding in _second_providers(config):
        yield finding
    yield await _telegram(config)
    yield await _mattermost(config)
    if not watches_alone:
        yield await _single_sign_on(config)
    async for finding in check_last_resort.findings(config, sends=last_resort):
        yield finding
    yield _clock()
    async for finding in check_outside.of_any_host(config):
        yield finding
    async for finding in check_watch.findings(config):
        yield finding
    if watches_alone:
        yield check_machine.time_service()
        return
    yield _outgoing(config)
    yield _disk(config)
    async for finding in check_machine.findings(config):
        yield finding
    async for finding in check_outside.findings(config):
        yield finding
    async for finding in _warnings(config):
        yield finding


async def _database(config: Config) -> Finding:
    from openalert.cli import admin
    from openalert.storage import keyring, open_database, settings
    from openalert.usecases import vault

    name = "database"
    try:
        running = admin.ask(config, "where", fact="listens")
        if running is not None:
            return name, True, f"in use by the server at {running[0]}"
        make_data_dir(config)
        database = await open_database(config.database_url, keys=keyring.of(config))
        try:
            async with database.transaction() as tx:
                await settings.put(tx, _TRIAL, "")
                await settings.remove(tx, _TRIAL)
                lost = await vault.lost(tx)
        finally:
            await database.close()
    except OpenAlertError as error:
        return name, False, error.message
    if lost:
        return name, False, f"{lost} stored secret(s) cannot be read: {database.keys.where} is not their key"
    return name, True, f"{database.dialect} opens, is up to date and takes writes"


async def _redis(config: Config) -> Finding:
    """Only pages decide what is well, and none waits for it: so it is told, and never fails."""
    from openalert.storage import redis

    trouble = await redis.trouble(config.redis.url)
    if trouble:
        return "redis", None, f"is away, nodes go on without: {_shown(trouble)}"
    return "redis", True, "counts and answers"


async def _warnings(config: Config) -> AsyncIterator[Finding]:
    """What would keep a page from arriving in the coming 30 days; only what is critical makes the command fail."""
    from openalert.cli import admin
    from openalert.domain.severity import Severity
    from openalert.usecases.channel_states import missing

    try:
        lines = await asyncio.to_thread(admin.run, config, "warnings", unset=missing(config))
    except OpenAlertError as error:
        yield "warnings", None, f"could not be looked for: {error.message}"
        return
    for line in lines[:MOST_WARNINGS]:
        severity, _, words = line.partition("\t")
        yield f"warning ({severity})", False if severity == Severity.CRITICAL else None, _shown(words)
    if len(lines) > MOST_WARNINGS:
        yield "warnings", None, f"{len(lines) - MOST_WARNINGS} more, see {config.base_url}/warnings"


def _shown(words: str) -> str:
    """Names come from people: nothing of them acts on a terminal."""
    return "".join(each if each.isprintable() else " " for each in words)


async def _mail(config: Config) -> Finding:
    from openalert.notifiers.configured import notifier_settings
    from openalert.notifiers.email import EmailNotifier

    if not config.smtp.host:
        return "mail", None, "smtp.host is not configured: nobody gets e-mail"
    settings = notifier_settings(config)
    try:
        return "mail", True, await EmailNotifier(settings.email, base_url=settings.base_url).probe()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what the person wants to know
        return "mail", False, str(error)


async def _slack(config: Config) -> Finding:
    """Whether Slack knows the bot, and whether the bot may do what it has to."""
    from openalert.notifiers.configured import notifier_settings
    from openalert.notifiers.slack import SlackNotifier

    if not config.slack.bot_token:
        return "slack", None, "slack.bot_token is not configured: nothing goes to Slack"
    settings = notifier_settings(config)
    notifier = SlackNotifier(settings.slack, settings.outgoing)
    try:
        said = await notifier.probe()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what the person wants to know
        return "slack", False, str(error)
    finally:
        await notifier.close()
    if not config.slack.signing_secret and not config.slack.app_token:
        return "slack", False, f"{said} But it cannot answer: set slack.app_token or slack.signing_secret"
    return "slack", True, said


async def _twilio(config: Config) -> Finding:
    """Whether Twilio accepts the credentials; nobody is called for it."""
    from openalert.notifiers.configured import notifier_settings

    settings = notifier_settings(config)
    if not settings.twilio.account_sid:
        return "twilio", None, "twilio.account_sid is not configured: no text messages and no calls"
    return await _twilio_account("twilio", settings.twilio, settings.base_url)


async def _second_providers(config: Config) -> AsyncIterator[Finding]:
    """Those that take over when the first fails: they are in use too seldom to notice otherwise."""
    from openalert.notifiers.configured import notifier_settings
    from openalert.notifiers.email import EmailNotifier

    settings = notifier_settings(config)
    if settings.email_backup is not None:
        name, notifier = (
            "second mail server",
            EmailNotifier(settings.email_backup, base_url=settings.base_url),
        )
        try:
            yield name, True, await notifier.probe()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what the person wants to know
            yield name, False, str(error)
    if settings.twilio_backup is not None:
        yield await _twilio_account("second twilio", settings.twilio_backup, settings.base_url)


async def _twilio_account(name: str, account: "TwilioSettings", base_url: str) -> Finding:
    from openalert.notifiers.sms import SmsNotifier
    from openalert.notifiers.voice import VoiceNotifier

    notifier = (SmsNotifier if account.sends_sms else VoiceNotifier)(account, base_url=base_url)
    try:
        return name, True, await notifier.probe()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what the person wants to know
        return name, False, str(error)
    finally:
        await notifier.close()


async def _mattermost(config: Config) -> Finding:
    """Whether Mattermost knows the bot."""
    from openalert.app import mattermost

    notifier = mattermost(config)
    if notifier is None:
        return "mattermost", None, "mattermost.url is not configured: nothing goes to Mattermost"
    try:
        return "mattermost", True, await notifier.probe()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what the person wants to know
        return "mattermost", False, str(error)
    finally:
        await notifier.close()


async def _telegram(config: Config) -> Finding:
    """Whether Telegram knows the bot."""
    from openalert.notifiers.configured import notifier_settings
    from openalert.notifiers.telegram import TelegramNotifier

    if not config.telegram.bot_token:
        return "telegram", None, "telegram.bot_token is not configured: nothing goes to Telegram"
    settings = notifier_settings(config)
    notifier = TelegramNotifier(settings.telegram, settings.outgoing)
    try:
        return "telegram", True, await notifier.probe()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what the person wants to know
        return "telegram", False, str(error)
    finally:
        await notifier.close()


async def _single_sign_on(config: Config) -> Finding:
    """Whether the provider describes itself, is the one that is configured, and gives out its keys."""
    from openalert.app import single_sign_on
    from openalert.storage import wall_clock

    name, sso = "single sign-on", single_sign_on(config)
    if sso is None:
        return name, None, "auth.oidc.issuer is not configured: people sign in with passwords"
    try:
        metadata = await sso.provider.metadata(wall_clock())
        keys = await sso.provider.keys(wall_clock())
    except OpenAlertError as error:
        return name, False, error.message
    finally:
        await sso.provider.close()
    return name, True, f"{metadata.issuer} answers and has {len(keys)} keys; redirect URI {sso.redirect_uri}"


def _outgoing(config: Config) -> Finding:
    if config.outgoing.allow_private_networks:
        return "webhooks", True, "may go to public and private addresses"
    allowed = ", ".join(config.outgoing.allowed_networks)
    return "webhooks", True, "may go to public addresses" + (f" and to {allowed}" if allowed else "")


def _clock() -> Finding:
    if time.time() < BUILT:
        return "clock", False, "the machine's clock is years behind; set it"
    try:
        zoneinfo.ZoneInfo("Europe/Berlin")
    except zoneinfo.ZoneInfoNotFoundError:
        return "clock", False, "there is no time zone database; install tzdata"
    return "clock", True, time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()) + ", time zones are known"


def _disk(config: Config) -> Finding:
    folder = config.data_dir
    if not os.access(folder, os.W_OK):
        return "disk", False, f"{folder} cannot be written"
    free = shutil.disk_usage(folder).free
    words = f"{free // (1024 * 1024)} MiB free at {folder}"
    return "disk", free >= FREE_BYTES, words
