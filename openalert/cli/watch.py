"""openalert watch"""

import asyncio
import ipaddress
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click
import msgspec

from openalert.cli.settings import CannotStart, configured
from openalert.config import Config, make_data_dir
from openalert.domain.instant import SECOND

if TYPE_CHECKING:
    from openalert.domain.absence import Rules
    from openalert.engine.watch_memory import WatchMemory
    from openalert.engine.watcher import Watcher
    from openalert.notifiers import NotifierSettings
    from openalert.notifiers.last_resort import LastResort
    from openalert.notifiers.notifier import Notifier

AWAY = 6
"""The server is silent, says that it might page nobody, or refuses the key."""
CUT_OFF = 7
"""This host is cut off, and cannot tell."""


@click.command()
@click.argument("url", required=False)
@click.option("--key-file", metavar="FILE", help="Holds an API key with the scope watch.")
@click.option("--once", is_flag=True, help="Look once, tell whoever is to be told now, and end: for cron.")
@click.option("--test", "is_test", is_flag=True, help="Send a test to whoever would be called now, and end.")
@click.option("--who", is_flag=True, help="Say whom it would call, and by which ways, and end.")
@click.option("--seen", is_flag=True, help="You look after it: the running watcher calls nobody else.")
@click.option("--plain-http", is_flag=True, help="Take an http:// address although others can read along.")
@click.option("--data-dir", metavar="DIR", help="Where what it knows is kept; ./openalert-data by default.")
@click.option("--config", "config_file", metavar="FILE", help="The configuration file.")
def watch(
    url: str | None,
    key_file: str | None,
    once: bool,
    is_test: bool,
    who: bool,
    seen: bool,
    plain_http: bool,
    data_dir: str | None,
    config_file: str | None,
) -> None:
    """Watch another server, and page who is on call there when it is silent.

    0: all is well; 6: the server is silent, ill or refuses the key; 7: this host is cut off.
    """
    further = {"watch_url": url.rstrip("/") if url else None, "watch_key": _read(key_file)}
    config = configured(config_file, data_dir, None, **further)
    _check(config, plain_http=plain_http)
    if seen:
        if not _memory(config).say_seen():
            raise CannotStart(f"No watcher of {config.watch.url} keeps what it knows in {config.data_dir}.")
        click.echo("Noted. The running watcher calls nobody else until the server was back.")
        return
    if not who and not is_test:
        make_data_dir(config)
    from openalert import telemetry
    from openalert.cli import process

    writer = telemetry.configure_logs(config.log.level, config.log.format)
    process.keep_to_ourselves()
    try:
        sys.exit(asyncio.run(_run(config, once=once, is_test=is_test, who=who)))
    finally:
        if writer is not None:
            writer.flush()


def _read(key_file: str | None) -> str | None:
    if key_file is None:
        return None
    try:
        return Path(key_file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CannotStart(
            f"{key_file} cannot be read: {getattr(error, 'strerror', None) or error}."
        ) from None


def _check(config: Config, *, plain_http: bool) -> None:
    own = config.watch
    if not own.url:
        raise CannotStart("Say what to watch: openalert watch https://oncall.example.org, or watch.url.")
    if not own.key:
        raise CannotStart(
            "Give the key that was made for this watcher: --key-file, watch.key_file or watch.key."
        )
    parts = urlsplit(own.url)
    if parts.scheme == "http" and not plain_http and not _is_here(parts.hostname or ""):
        raise CannotStart(
            f"{own.url} is not encrypted: whoever reads along has the key and the telephone numbers. Use https://, or "
            "say --plain-http."
        )


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _memory(config: Config) -> "WatchMemory":
    from openalert.engine.watch_memory import WatchMemory

    return WatchMemory(config.data_dir, config.watch.url, config.watch.key)


async def _run(config: Config, *, once: bool, is_test: bool, who: bool) -> int:
    from openalert.engine.watch_memory import AlreadyWatched
    from openalert.storage.clock import uptime, wall_clock

    memory = _memory(config)
    if not who and not is_test:
        try:
            memory.open(wall_clock(), uptime())
        except AlreadyWatched as error:
            raise CannotStart(error.message) from None
    rules, watcher = _watcher(config, memory)
    try:
        if who:
            return await _say_who(watcher, rules)
        if is_test:
            return await _test(watcher, rules)
        if once:
            await watcher.turn()
            click.echo(watcher.words())
            return _code(watcher)
        await _serve(config, watcher)
        return 0
    finally:
        await watcher.close()


def _watcher(config: Config, memory: "WatchMemory") -> "tuple[Rules, Watcher]":
    from openalert.domain.absence import Rules
    from openalert.engine.watch_pages import WatchPages
    from openalert.engine.watcher import Watcher
    from openalert.notifiers.configured import notifier_settings, outgoing_settings
    from openalert.notifiers.watched import References, Watched
    from openalert.storage.clock import uptime, wall_clock

    own, settings, host = config.watch, notifier_settings(config), socket.gethostname()
    notifiers = _notifiers(config, msgspec.structs.replace(settings, base_url=own.url))
    resort = _last_resort(config, host)
    rules = Rules(
        after=own.after_seconds * SECOND,
        escalate_after=own.escalate_after_seconds * SECOND,
        repeat_after=own.repeat_after_seconds * SECOND,
        teams=own.teams,
        channels=tuple(notifiers),
        has_last_resort=resort is not None,
    )
    references = own.references or tuple(
        each.where for each in (settings.email, settings.email_backup) if each is not None and each.host
    )
    watcher = Watcher(
        memory,
        Watched(own.url, own.key, outgoing_settings(config)),
        References(references),
        WatchPages(notifiers, resort, host=host, server=own.url),
        rules,
        clock=wall_clock,
        up=uptime,
    )
    return rules, watcher


def _notifiers(config: Config, settings: "NotifierSettings") -> "dict[str, Notifier]":
    """The channels that are set up on this host, as far as they reach people."""
    from openalert.domain.contact import CONTACT_KINDS
    from openalert.domain.watcher import NOT_FROM_AFAR
    from openalert.notifiers import NOTIFIERS
    from openalert.usecases.channel_states import missing

    unset = missing(config)
    # Twilio is to ask nothing of a server that is silent.
    alone = msgspec.structs.replace(settings, base_url="")
    return {
        name: NOTIFIERS[name](alone if name in ("sms", "voice") else settings)
        for name in CONTACT_KINDS
        if name not in unset and name not in NOT_FROM_AFAR
    }


def _last_resort(config: Config, host: str) -> "LastResort | None":
    from openalert.notifiers.configured import last_resort_settings
    from openalert.notifiers.last_resort import LastResort

    own = config.last_resort
    if not (own.mail_to or own.command or own.webhook):
        return None
    settings = last_resort_settings(config)
    return LastResort(msgspec.structs.replace(settings, base_url=config.watch.url, node=host))


async def _serve(config: Config, watcher: "Watcher") -> None:
    import structlog

    from openalert.cli import systemd

    log = structlog.get_logger(__name__)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    watchdog = systemd.Watchdog()
    log.info("watching", server=config.watch.url, after_seconds=config.watch.after_seconds)
    if not config.watch.references and not config.smtp.host:
        log.warning("no other address is known: a fault of this host's network is taken for the server's")
    systemd.notify("READY=1")

    def alive(words: str) -> None:
        watchdog.feed()
        systemd.notify(f"STATUS={words}")

    await watcher.run(stopping, config.watch.every_seconds, alive)
    systemd.notify("STOPPING=1")
    log.info("no longer watching", server=config.watch.url)


def _code(watcher: "Watcher") -> int:
    from openalert.domain.absence import Sight

    return {Sight.WELL: 0, Sight.CUT_OFF: CUT_OFF}.get(watcher.look.sight, AWAY)


async def _test(watcher: "Watcher", rules: "Rules") -> int:
    """By every way of everybody who would be called now; nothing is kept, so that it may run beside the watcher."""
    from openalert.domain.absence import Mark, test_calls
    from openalert.storage.clock import wall_clock

    look, word = await watcher.ask()
    if word is None:
        click.echo(f"FAIL {watcher.memory.server}: {look.words}")
        return AWAY
    watcher.memory.word, watcher.memory.received_at = word, wall_clock()
    told = test_calls(watcher.memory, rules, wall_clock())
    await watcher.pages.test(told, watcher.memory, wall_clock())
    for each in told:
        mark = "ok  " if each.mark is Mark.SENT else "FAIL"
        click.echo(f"{mark} {each.channel} to {_shown(each.name)}{': ' if each.why else ''}{each.why}")
    if not told:
        click.echo("FAIL nobody is on call who could be reached from here; openalert watch --who says more")
    return 0 if told and all(each.mark is Mark.SENT for each in told) else 1


async def _say_who(watcher: "Watcher", rules: "Rules") -> int:
    from openalert.domain.absence import usable
    from openalert.domain.watcher import calls
    from openalert.notifiers.letter import moment
    from openalert.storage.clock import wall_clock

    look, word = await watcher.ask()
    if word is None or word.snapshot is None:
        click.echo(f"{watcher.memory.server}: {look.words}")
        return AWAY
    first, further = calls(word.snapshot, word.at, rules.teams)
    for title, some in (("At first", first), ("Later, or when those cannot be told", further)):
        click.echo(f"{title}:" if some else f"{title}: nobody")
        for called in some:
            ways = ", ".join(each.channel for each in usable(called.person, rules.channels))
            left = sorted({each.channel for each in called.person.ways} - set(rules.channels))
            unused = f" (not from this host: {', '.join(left)})" if left else ""
            click.echo(
                f"  {_shown(called.person.name)} by {ways or 'no way'}{unused}. {_shown(called.reason)}"
            )
    click.echo(f"Known until {moment(word.snapshot.until, 'UTC', seen=wall_clock())}.")
    return 0


def _shown(words: str) -> str:
    """Names come from people: nothing of them acts on a terminal."""
    return "".join(each if each.isprintable() else " " for each in words)
