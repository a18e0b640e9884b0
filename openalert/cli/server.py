"""The web server inside the program: uvicorn with one socket of ours, a quick start and an orderly end."""

import asyncio
import gc
import signal
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import structlog
import uvicorn

from openalert import __version__, telemetry
from openalert.app import OpenAlert
from openalert.cli import process, systemd
from openalert.cli.connection import connections
from openalert.cli.live_socket import LiveSocket
from openalert.cli.loop_guard import LoopGuard
from openalert.cli.replacing import Replacing
from openalert.cli.settings import CannotStart
from openalert.cli.waiting import WaitingRoom
from openalert.config import Config, make_data_dir
from openalert.domain.errors import Unavailable
from openalert.engine.backups import plan_of
from openalert.engine.node import here
from openalert.notifiers.notifier import Notifier
from openalert.storage import keyring, open_database, permissions, sqlite_file
from openalert.storage.database import Database
from openalert.usecases import configuration, console, nodes, restore, vault
from openalert.web.admin import AdminSocket, socket_path
from openalert.web.listener import LARGEST_FRAME

log = structlog.get_logger(__name__)

GRACE_SECONDS = 10
"""How long a request that has begun may take after the stop was asked for."""
_INVITATIONS = 3
"""Tries at it; each waits for the database as long as any other write."""
FOLDER_SECONDS = 3.0
"""So long a start waits for the folder of backups to answer."""
LOCKED_SECONDS = 60.0
"""So long a start waits for another program to let go of the database; whoever watches over us then sees that it ended.
Less than the 90 s that systemd gives a start."""
Background = Callable[[OpenAlert, str], Awaitable[None]]


def serve(
    config: Config, background: Background | None = None, channels: Mapping[str, Notifier] | None = None
) -> None:
    """Run until SIGTERM or SIGINT; CannotStart, DatabaseInUse or Unavailable say why it did not begin.

    `background` runs beside it with the address that it listens on, and is cancelled at the end;
    `channels` stand in for those of the configuration.
    """
    writer = telemetry.configure_logs(config.log.level, config.log.format)
    process.keep_to_ourselves()
    guard = LoopGuard(writer.flush if writer else None, watches=config.server.loop_guard)
    watchdog = systemd.Watchdog()
    if process.is_root():
        log.warning("running as root: give OpenAlert a user of its own, see docs/security.md")
    make_data_dir(config)
    keep_private(config)
    listener = _listen(config.server.host, config.server.port)
    try:
        values = configuration.texts(config)
        port = listener.getsockname()[1]
        config = msgspec.structs.replace(config, server=msgspec.structs.replace(config.server, port=port))
        replacing = Replacing(sqlite_file(config.database_url))
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.get_loop().call_soon(guard.start)
            while runner.run(_serve(config, values, listener, replacing, watchdog, background, channels)):
                runner.run(replacing.carry_out())
                gc.unfreeze()  # what this run made may go
    finally:
        guard.stop()
        listener.close()
        if writer is not None:
            writer.flush()


def keep_private(config: Config) -> None:
    """Nobody else reads keys, database and backups; `Exposed` says where that cannot be had."""
    folder, file, access = config.data_dir, sqlite_file(config.database_url), config.server.file_access
    keys = [each for each in (folder / keyring.FILE, folder / keyring.SIGNING_FILE) if each.is_file()]
    permissions.keep(folder, [*keys, *(permissions.beside(file) if file else ())], access)
    copies = plan_of(config).folder
    # Aside, as it may be a share that does not answer: whoever looks into it may hang for ever.
    aside = threading.Thread(target=_keep_copies_private, args=(copies, access), daemon=True)
    aside.start()
    aside.join(FOLDER_SECONDS)
    if aside.is_alive():
        log.warning(
            "the folder of backups does not answer; the start goes on, and nobody has looked who may read them",
            folder=str(copies),
        )


def _keep_copies_private(folder: Path, access: str) -> None:
    """They may be on another disk, which may know no modes or be broken: that keeps nobody from being paged."""
    try:
        permissions.keep(folder, [each for each in folder.glob("openalert-*.db") if each.is_file()], access)
    except permissions.Exposed as error:
        log.warning("backups are not private", reason=error.message)
    except OSError as error:
        log.warning("the folder of backups cannot be looked into", folder=str(folder), reason=str(error))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    import uvloop

    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, proto)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
    except OSError as error:
        reason = "another program uses it" if error.errno == 98 else error.strerror or str(error)
        raise CannotStart(
            f"Cannot listen on {host} port {port}: {reason}. Choose another with --port or server.port."
        ) from None
    listener.setblocking(False)
    return listener


async def _serve(
    config: Config,
    values: Mapping[str, str],
    listener: socket.socket,
    replacing: Replacing,
    watchdog: systemd.Watchdog,
    background: Background | None,
    channels: Mapping[str, Notifier] | None,
) -> bool:
    """One run; whether it ended only for a backup to take the place of its database."""
    async with WaitingRoom(listener) as room:
        database = await open_database(
            config.database_url, keys=keyring.of(config), patience=LOCKED_SECONDS, tell=room.tell
        )
    try:
        database.leave = process.leave_at_once
        await database.keep_reserve(config.database.reserve_mib * 1024 * 1024)
        await database.own()
        await _notice_the_past(config, database)
        await _miss_keys(database)
        key = keyring.signing_key(config)
        where = here(config.server.port, config.server.node_name)
        where.keys = await _check_keys(database, key, where.place)
        await configuration.seen(database, key, values, where.node if database.dialect != "sqlite" else "")
        openalert = OpenAlert(config, database, key, channels, where)
        listens = _address(config)
        path = socket_path(config.database_url, config.data_dir)
        facts = {"listens": listens, "restored": msgspec.json.encode(replacing.outcome).decode()}
        admin = AdminSocket(path, database, openalert.bus, facts, {"restore": replacing.ask})
        await admin.start()
        _calm_the_collector()
        try:
            server = _Server(openalert, listens, watchdog, invites=background is None)
            replacing.stop, replacing.keys = server.make_way, database.keys
            async with _beside(background, server, openalert, listens):
                # A copy, which uvicorn closes: ours goes on listening while a backup is put in place.
                await server.serve(sockets=[listener.dup()])
            if not server.started:
                raise CannotStart("OpenAlert could not start; the log above says why.")
            return replacing.is_wanted and not server.is_told_to_end
        finally:
            await admin.stop()
    finally:
        await database.close()


async def _notice_the_past(config: Config, database: Database) -> None:
    """A file that was put back by hand pages nobody for what was due since."""
    file = sqlite_file(config.database_url)
    held = await restore.notice(database, file) if file is not None else None
    if held is not None:
        log.warning("the database was put back to an earlier time", **msgspec.structs.asdict(held))
        telemetry.say(
            "The database is older than it was when OpenAlert last ran: somebody put it back. What was due since is "
            f"held: {held.incidents} open incident(s) page nobody by themselves. Look at them."
        )


async def _check_keys(database: Database, signing_key: bytes, place: str) -> str:
    """The marks of the keys of this node; CannotStart when those of others that share the database differ."""
    keys = nodes.keys_of(database, signing_key)
    try:
        await nodes.check_keys(database, keys, place)
    except nodes.WrongKeys as error:
        raise CannotStart(error.message) from None
    return nodes.in_words(keys)


async def _miss_keys(database: Database) -> None:
    """Say at once which key is missing: everything else works, and who pages by such a channel must know."""
    async with database.read() as reader:
        missing = await vault.lost(reader)
    if missing:
        telemetry.say(
            f"{missing} stored secret(s) cannot be read: {database.keys.where} is not the key they were sealed "
            "with. Put that key back, or give the secrets anew; everything that needs none of them works."
        )
        log.error("stored secrets cannot be read", count=missing, keys=database.keys.where)


def _calm_the_collector() -> None:
    """What start-up made stays for ever: let the garbage collector not look through it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    gc.enable()


@asynccontextmanager
async def _beside(
    background: Background | None, server: "_Server", openalert: OpenAlert, listens: str
) -> AsyncIterator[None]:
    if background is None:
        yield
        return

    async def begin() -> None:
        await server.is_up.wait()
        try:
            await background(openalert, listens)
        except Exception:
            log.exception("background work failed")
            server.should_exit = True

    task = asyncio.create_task(begin(), name="background")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _address(config: Config) -> str:
    """The address that this machine reaches it by, whatever base_url says."""
    bare = msgspec.structs.replace(config, server=msgspec.structs.replace(config.server, base_url=""))
    return bare.base_url


async def _tokens(database: Database) -> list[str]:
    """The token of the first owner's invitation; on a machine that is slow today that may wait, and pages go out.

    Nobody is invited where the database gives no turn for long: the next start does it.
    """
    for _ in range(_INVITATIONS):
        try:
            return await console.setup_token(database)
        except Unavailable as error:
            log.warning("the invitation waits for the database", reason=error.message)
    return []


class _Server(uvicorn.Server):
    """uvicorn that says when it is up, and ends with code 0 when it is asked to."""

    def __init__(
        self, openalert: OpenAlert, listens: str, watchdog: systemd.Watchdog, *, invites: bool
    ) -> None:
        super().__init__(
            uvicorn.Config(
                openalert.asgi,
                http=connections(process.most_connections(), openalert.asgi),
                ws=LiveSocket,
                ws_max_size=LARGEST_FRAME,
                ws_per_message_deflate=False,
                ws_ping_interval=30.0,
                ws_ping_timeout=30.0,
                lifespan="on",
                interface="asgi3",
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=True,
                proxy_headers=False,
                timeout_graceful_shutdown=GRACE_SECONDS,
                timeout_keep_alive=65,
                reset_contextvars=True,
            )
        )
        self._openalert = openalert
        self._listens = listens
        self._watchdog = watchdog
        self._invites = invites
        self.is_up = asyncio.Event()
        self.is_told_to_end = False
        self._makes_way = False

    def make_way(self) -> None:
        """End in order, for the next run of this same process."""
        self._makes_way = True
        self._watchdog.bridge()
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Then say where it is, and how to begin."""
        await super().startup(sockets=sockets)
        if self.started:
            tokens = await _tokens(self._openalert.database) if self._invites else []
            log.info(
                "started", version=__version__, listens=self._listens, store=self._openalert.database.dialect
            )
            _greet(self._openalert.config, self._listens)
            _invite(self._openalert.config, tokens)
            self._watchdog.follow(self._openalert.engine.health)
            systemd.notify("READY=1")
            self._openalert.listens(self._listens)
            process.give_back_memory()
            self.is_up.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """First let nothing new in and send live listeners to whoever follows."""
        if not self._makes_way:
            systemd.notify("STOPPING=1")
        log.info("stopping")
        began = time.monotonic()
        await self._openalert.drain()
        await super().shutdown(sockets=sockets)
        log.info("stopped", seconds=round(time.monotonic() - began, 1))

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """A signal ends it in order and then with code 0; a second one at once."""
        loop = asyncio.get_running_loop()
        signals = (signal.SIGINT, signal.SIGTERM)
        for number in signals:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in signals:
                loop.remove_signal_handler(number)

    def handle_exit(self, sig: int, frame: Any) -> None:  # noqa: ARG002 - uvicorn's signature
        """The first asks, the second insists."""
        if self.is_told_to_end:
            self.force_exit = True
        elif drain := self._openalert.config.server.drain_seconds:
            self.is_told_to_end = self._openalert.engine.health.leaving = True
            log.info("serving on until proxies have noticed", seconds=drain)
            asyncio.get_running_loop().call_later(drain, self._end)
            return
        self.is_told_to_end = True
        self.should_exit = True

    def _end(self) -> None:
        self.should_exit = True


def _greet(config: Config, listens: str) -> None:
    telemetry.say(f"OpenAlert is running at {config.base_url}")
    if config.base_url != listens and config.server.base_url:
        telemetry.say(f"It listens on {listens}")


def _invite(config: Config, tokens: Iterable[str]) -> None:
    """While there is nobody, whoever reads this console may become the owner."""
    for token in tokens:
        telemetry.say(f"Set it up here, once, within the hour: {config.base_url}/setup?token={token}")
