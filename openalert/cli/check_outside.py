"""What `openalert check` tries outside: names of servers, certificates, the dead-man's switch, and backups."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from openalert.config import Config
from openalert.domain.errors import OpenAlertError
from openalert.domain.instant import DAY, HOUR, Instant, rfc3339

if TYPE_CHECKING:
    from openalert.usecases.backups import Standing

Finding = tuple[str, bool | None, str]
"""As in `check`."""

SLOW_NAME = 1.0
"""Seconds from which on a page is felt to wait for the name server."""
LONGEST_NAME = 10.0
"""Seconds; then a name counts as not resolved."""
Resolve = Callable[[str, int | None], Any]


async def of_any_host(config: Config) -> AsyncIterator[Finding]:
    """Names and certificates, also of a host that only watches."""
    async for finding in dns(config):
        yield finding
    async for finding in certificates(config):
        yield finding


async def findings(config: Config) -> AsyncIterator[Finding]:
    """All that is about a server."""
    yield await switch(config)
    async for finding in backups(config):
        yield finding


# --- names ----------------------------------------------------------------------------------------


def names(config: Config) -> dict[str, str]:
    """The names that have to be resolved for all that is configured, and what each is for; no addresses."""
    found: dict[str, str] = {}
    for host, purpose in _hosts(config):
        if host and not _is_address(host):
            found.setdefault(host.casefold(), purpose)
    return found


def _hosts(config: Config) -> Iterator[tuple[str, str]]:
    last, backup, mattermost = config.last_resort, config.backup, config.mattermost
    yield config.smtp.host, "mail"
    yield config.smtp_backup.host, "the second mail server"
    yield last.host, "mail of the last resort"
    for url, purpose in (
        (config.slack.base_url if config.slack.bot_token else "", "Slack"),
        (config.twilio.base_url if config.twilio.account_sid else "", "Twilio"),
        (config.twilio_backup.base_url if config.twilio_backup.account_sid else "", "the second Twilio"),
        (config.telegram.base_url if config.telegram.bot_token else "", "Telegram"),
        (mattermost.url if mattermost.bot_token else "", "Mattermost"),
        (config.oidc.issuer, "single sign-on"),
        (config.self_monitor.url, "the dead-man's switch"),
        (last.webhook, "the webhook of the last resort"),
        (backup.endpoint if backup.bucket else "", "copies of backups"),
        *((mirror.endpoint, f"the mirror {mirror.name}") for mirror in config.status_pages.mirror),
        (config.redis.url, "Valkey or Redis"),
        (config.watch.url, "the server that is watched from here"),
        ("" if config.database_url.startswith("sqlite") else config.database_url, "the database"),
    ):
        yield _host_of(url), purpose


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


async def dns(config: Config, resolve: Resolve = socket.getaddrinfo) -> AsyncIterator[Finding]:
    """One line where all is well, else one for each name that is not resolved, or only slowly."""
    wanted = names(config)
    if not wanted:
        yield "dns", None, "no server is configured by a name"
        return
    asked = await asyncio.gather(*(_look_up(host, resolve) for host in wanted))
    slowest, took = "", 0.0
    is_well = True
    for host, (seconds, problem) in zip(wanted, asked, strict=True):
        if problem:
            is_well = False
            yield (
                "dns",
                False,
                f"{host}, for {wanted[host]}, is not resolved: {problem}. Look at its spelling and at /etc/resolv.conf",
            )
        elif seconds >= SLOW_NAME:
            is_well = False
            words = "every message would wait so long: a cache such as systemd-resolved or unbound helps"
            yield "dns", None, f"{host}, for {wanted[host]}, takes {seconds:.1f} s; {words}"
        elif seconds >= took:
            slowest, took = host, seconds
    if is_well:
        count = "1 name resolves" if len(wanted) == 1 else f"{len(wanted)} names resolve"
        yield "dns", True, f"{count}; the slowest, {slowest}, in {took * 1000:.0f} ms"


async def _look_up(host: str, resolve: Resolve) -> tuple[float, str]:
    """How long it took, and why it failed."""
    begun = time.monotonic()
    try:
        async with asyncio.timeout(LONGEST_NAME):
            await asyncio.to_thread(resolve, host, None)
    except TimeoutError:
        return LONGEST_NAME, f"no name server answers within {LONGEST_NAME:.0f} s"
    except (OSError, UnicodeError) as error:
        return time.monotonic() - begun, getattr(error, "strerror", None) or str(error)
    return time.monotonic() - begun, ""


# --- certificates ---------------------------------------------------------------------------------


async def certificates(config: Config) -> AsyncIterator[Finding]:
    """One line where all last, else one for each that ends soon, has ended, or cannot be seen."""
    from openalert.domain.certificate import CertificateState
    from openalert.notifiers.certificates import look, places
    from openalert.storage import wall_clock

    name, now = "certificates", wall_clock()
    seen = await asyncio.gather(*(look(each, now) for each in places(config)))
    if not seen:
        yield name, None, "nothing that is configured is encrypted by one"
        return
    lasting = []
    for each in seen:
        state, ends = each.state(now), each.ends_at
        if ends is None:
            yield (
                name,
                None,
                f"that of {each.words} ({each.where}) cannot be looked at: {_shown(each.problem)}",
            )
        elif state is CertificateState.ENDED:
            yield name, False, f"that of {each.words} ({each.where}) ended {rfc3339(ends)}: renew it"
        elif state is CertificateState.GOOD:
            lasting.append(each)
        else:
            well = False if state is CertificateState.VERY_SOON else None
            yield (
                name,
                well,
                f"that of {each.words} ({each.where}) ends {rfc3339(ends)}, in {_span(ends - now)}",
            )
    if lasting:
        first = min(lasting, key=lambda each: each.ends_at or 0)
        count = "1 lasts" if len(lasting) == 1 else f"{len(lasting)} last"
        words = f"that of {first.words}, ends in {_span((first.ends_at or now) - now)}"
        yield name, True, f"{count}; {'it' if len(lasting) == 1 else 'the first to end'}, {words}"


# --- the dead-man's switch ------------------------------------------------------------------------


async def switch(config: Config) -> Finding:
    """Whether anybody elsewhere would notice, and whether that was ever proven."""
    from openalert.cli import admin
    from openalert.domain.switch_proof import switch_of

    name, own = "dead-man's switch", config.self_monitor
    if not own.url:
        words = "self_monitor.url is not configured: nobody notices when this server is gone; see docs/self-watch.md"
        return name, None, words
    if not own.canary:
        return name, False, "self_monitor.canary is off, so the switch is told nothing, ever: switch it on"
    try:
        state, words = await asyncio.to_thread(
            admin.run, config, "self-monitor state", switch=switch_of(own.url)
        )
    except (OpenAlertError, ValueError) as error:
        return (
            name,
            None,
            f"is told once a minute that all is well; whether it is proven is not known: {error}",
        )
    return name, {"proven": True, "missed": False}.get(state), words


# --- backups --------------------------------------------------------------------------------------


async def backups(config: Config) -> AsyncIterator[Finding]:
    """When the last one was made and read back, and whether it is kept elsewhere."""
    from openalert.storage import open_reading, sqlite_file
    from openalert.usecases import backups as known

    name, file = "backups", sqlite_file(config.database_url)
    if file is None:
        yield name, None, "of Postgres are made by its own programs; try a restore of one now and then"
        return
    if not config.backup.enabled:
        yield name, None, "are switched off (backup.enabled): does another program copy the database?"
        return
    if not file.exists():
        yield name, None, "there is no database yet"
        return
    try:
        database = await open_reading(config.database_url)
        try:
            async with database.read() as reader:
                stands, now = await known.standing(reader), reader.now
        finally:
            await database.close()
    except OpenAlertError as error:
        yield name, None, f"how they stand cannot be read: {error.message}"
        return
    for finding in judged(config, stands, now):
        yield finding


def judged(config: Config, stands: "Standing", now: Instant) -> Iterator[Finding]:
    """What there is to say of them."""
    name, last = "backups", stands.last
    if last is None:
        yield name, None, "none yet: the server has not run with nightly backups"
    elif stands.failing:
        for job in stands.failing:
            since = rfc3339(job.failing_since or now)
            yield name, False, f"{job.name.value} fails since {since}: {_shown(job.error)}"
    elif stands.is_late:
        yield (
            name,
            False,
            f"the last good one is {_span(stands.age)} old: is the server running at {config.backup.at}?",
        )
    elif last.done_at is None:
        yield name, None, f"none yet; the first comes {rfc3339(last.due_at)}"
    else:
        yield name, True, f"the last one, made {_span(now - last.done_at)} ago, was read back and found whole"
    if not (config.backup.command or config.backup.bucket):
        yield "backups elsewhere", None, "they lie on this machine alone: set backup.bucket or backup.command"
    elif stands.copy is None or stands.copy.done_at is None:
        yield "backups elsewhere", None, "none was copied yet"
    elif stands.copy.failing_since is None:
        yield "backups elsewhere", True, f"the last copy arrived {_span(now - stands.copy.done_at)} ago"
    if stands.drill is not None and stands.drill_is_late and stands.drill.failing_since is None:
        words = f"none was restored for a trial for {_span(stands.drill.age(now))}: openalert backup --drill latest"
        yield "restore drill", False, words


def _shown(words: str) -> str:
    return "".join(each if each.isprintable() else " " for each in words)


def _span(length: Instant) -> str:
    return f"{length // DAY} days" if length >= 2 * DAY else f"{max(0, length) // HOUR} h"
