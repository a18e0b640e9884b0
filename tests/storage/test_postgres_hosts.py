"""Several Postgres servers in one URL: the right one is found, and a commit is answered when the other one has it."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from openalert.config.postgres_url import hosts_of, readable
from openalert.domain.errors import Unavailable
from openalert.storage import Database, open_database
from openalert.storage.postgres_hosts import PostgresHosts
from openalert.storage.transaction import Transaction
from tests.conftest import StoppedClock
from tests.processes.cutting_proxy import cutting
from tests.processes.postgres_cluster import Cluster, Pair, room
from tests.processes.server import until

pytestmark = [pytest.mark.anyio, pytest.mark.proves("F-37")]


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("postgres://u:p@one/name", []),
        ("postgres://u@/name?host=/run/postgresql", []),
        ("postgres://u:a%40b@one,two/name", [{"host": "one"}, {"host": "two"}]),
        ("postgres://one:5433,[::1]:5434,[fe80::2]/name", [
            {"host": "one", "port": 5433}, {"host": "::1", "port": 5434}, {"host": "fe80::2"}]),
        ("postgres://u@/name?host=/run/a,two&port=5433,5434", [
            {"host": "/run/a", "port": 5433}, {"host": "two", "port": 5434}]),
        ("postgres://u@one,two:6000/name?port=5433", [{"host": "one", "port": 5433}, {"host": "two", "port": 6000}]),
    ],
)  # fmt: skip
def test_the_servers_of_a_url(url: str, hosts: list[dict[str, object]]) -> None:
    """Each as the driver takes it alone; nothing to choose where there is one."""
    assert hosts_of(url) == hosts


@pytest.mark.parametrize(
    ("url", "same"),
    [
        ("postgres://u:p@[::1]:5433/name", "postgres://u:p@[::1]:5433/name"),
        ("postgres://u:p@one,two:5433/name?host=three", "postgres://u:p@one,two:5433/name?host=three"),
        ("postgres://one:5433,[::1]/name", "postgres:///name?host=one:5433,[::1]"),
        ("postgres://u@[::1],two/name?port=5433#x", "postgres://u@/name?port=5433&host=[::1],two"),
    ],
)
def test_several_servers_by_number_are_named_where_every_python_looks_for_them(url: str, same: str) -> None:
    """Newer ones take brackets in an address only around the one server that is named."""
    assert readable(url) == same
    assert hosts_of(url) == hosts_of(same)


@pytest.fixture
def pair() -> Iterator[Pair]:
    """A primary that answers a commit when its standby has it too, and that standby."""
    with room() as folder:
        yield Pair(folder)


async def _put(tx: Transaction, name: str) -> str:
    await tx.execute("INSERT INTO settings (name, value) VALUES (:name, '1')", name=name)
    return name


async def _act(database: Database, name: str) -> str:
    return await database.act(lambda tx: _put(tx, name))


def _stored(cluster: Cluster) -> set[str]:
    return set(cluster.sql("SELECT name FROM settings", "openalert").splitlines())


async def test_a_machine_that_does_not_answer_does_not_hide_the_next(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first of two takes connections and is silent, as behind a dead switch: the second one is used at once."""
    monkeypatch.setattr("openalert.storage.postgres_hosts.CONNECT_SECONDS", 300.0)
    held: list[asyncio.StreamWriter] = []
    silent = await asyncio.start_server(lambda _, writer: held.append(writer), "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    async with cutting(postgres_url) as proxy:
        hosts = PostgresHosts(proxy.url.replace("@", f"@127.0.0.1:{port},"))
        for survey in (False, True):
            async with asyncio.timeout(60):
                raw = await hosts.connect(survey=survey)
            assert await raw.fetchval("SELECT 1") == 1
            raw.terminate()
    for writer in held:
        writer.transport.abort()
    silent.close()


@pytest.fixture
async def database(
    pair: Pair, clock: StoppedClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Database]:
    """The database of the pair, whose URL names both; its patience is short."""
    monkeypatch.setattr("openalert.storage.postgres.LOOK_SECONDS", 0.2)
    both = await open_database(pair.url(pair.one, pair.two))
    yield both
    await both.close()


@pytest.mark.proves("ST-1", "IN-1")
async def test_what_waits_for_the_standby_is_not_answered(
    pair: Pair, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The standby is away, so a commit is on one server alone: it is refused. With the standby back all goes on.

    Asked without care Postgres would call it done: the control shows that.
    """
    monkeypatch.setattr("openalert.storage.postgres.COMMAND_SECONDS", 5.0)
    monkeypatch.setattr("openalert.storage.postgres.DOUBT_SECONDS", 4.0)
    await database.clear_writer()  # type: ignore[attr-defined]
    await _act(database, "before")
    await asyncio.to_thread(pair.two.stop)
    with pytest.raises(Unavailable):
        await _act(database, "alone")
    assert "alone" in _stored(pair.one), "it is there, for as long as this server is"
    with monkeypatch.context() as careless:
        careless.setattr(
            "openalert.storage.postgres._KEPT", "SELECT receipt FROM commit_receipts WHERE writer = $1"
        )
        assert await _act(database, "careless") == "careless"
    await asyncio.to_thread(pair.two.start)

    async def back() -> bool:
        try:
            return bool(await _act(database, "after"))
        except Unavailable:
            return False

    await until(back)
    assert _stored(pair.one) == {"before", "alone", "careless", "after"}


@pytest.mark.proves("HA-1", "ST-1")
async def test_whoever_was_promoted_last_is_written_to(pair: Pair, database: Database) -> None:
    """Nobody stops the old primary: connections to it live, and it takes writes. The new one is used all the same,
    by writers and readers, and the events of the old one are doubted.
    """
    missed: list[bool] = []
    database.when_missed(lambda: missed.append(True))
    await database.follow()
    await _act(database, "before")
    pair.one.configure("synchronous_standby_names = ''")
    pair.one.reload()
    await asyncio.to_thread(pair.two.promote)

    async def noticed() -> bool:
        return bool(missed)

    await until(noticed)
    await _act(database, "after")
    async with database.read() as reader:
        assert {row[0] for row in await reader.rows("SELECT name FROM settings")} == {"before", "after"}
    assert _stored(pair.two) == {"before", "after"}
    assert _stored(pair.one) == {"before"}
    await database.unfollow()
