"""Writers and readers under faults: cancelled anywhere, killed connections, failing commits, two nodes."""

import asyncio
import random
from typing import Any

import pytest

from openalert.domain.errors import OpenAlertError, Unavailable
from openalert.domain.event import Event
from openalert.storage import Database, open_database
from openalert.storage.transaction import Transaction
from tests.cast import World, level
from tests.conftest import StoppedClock
from tests.invariants import broken

pytestmark = pytest.mark.anyio


async def _put(tx: Transaction, name: str) -> None:
    await tx.execute("INSERT INTO settings (name, value) VALUES (:name, '1')", name=name)


async def _store(db: Database, name: str) -> str:
    async with db.transaction() as tx:
        await _put(tx, name)
        await tx.value("SELECT count(*) FROM settings")
    return name


async def _names(db: Database) -> set[str]:
    async with db.read() as reader:
        return {row[0] for row in await reader.rows("SELECT name FROM settings")}


async def _look(db: Database) -> None:
    async with db.read() as reader:
        await reader.rows("SELECT name FROM settings")
        await reader.value("SELECT count(*) FROM settings")


@pytest.mark.parametrize("act", [_look, None], ids=["read", "write"])
async def test_cancelling_at_any_moment_leaves_the_database_usable(db: Database, act: Any) -> None:
    """Two hundred readers or writers are cancelled at random moments; afterwards everything works as before."""
    chance = random.Random(7)
    tasks: list[asyncio.Task[Any]] = []
    for number in range(200):
        tasks.append(asyncio.create_task(_store(db, f"w{number}") if act is None else act(db)))
        await asyncio.sleep(chance.choice((0, 0, 0.0002, 0.001)))
        chance.choice(tasks[-4:]).cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert not [each for each in ended if isinstance(each, Exception)]
    for _ in range(20):
        await asyncio.gather(*(_look(db) for _ in range(20)))
    await _store(db, "after")
    assert {each for each in ended if isinstance(each, str)} | {"after"} <= await _names(db)


@pytest.mark.proves("ST-1")
async def test_a_commit_that_fails_is_told_to_every_member_and_to_nobody_else(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of the group is there, all its members hear Unavailable, and the next group goes through."""
    connection: Any = await db.writer()
    run = connection.run
    heard: list[Event] = []
    db.listen(heard.extend)

    async def failing(*statements: str) -> None:
        if "COMMIT" in statements:
            monkeypatch.undo()
            raise TimeoutError("the disk does not answer")
        await run(*statements)

    monkeypatch.setattr(connection, "run", failing)
    monkeypatch.setattr(
        "openalert.storage.group_commit.GROUP_SECONDS", 60.0
    )  # one group, on a slow machine too

    async def one(number: int) -> None:
        async with db.transaction() as tx:
            await _put(tx, f"w{number}")
            tx.emit(Event(type="test", organization_id="o", team_id=None, incident_id=None, data={}))

    ended = await asyncio.gather(*(one(number) for number in range(5)), return_exceptions=True)
    assert {type(each) for each in ended} == {Unavailable}
    assert not heard
    assert await _names(db) == set()
    await _store(db, "after")
    assert await _names(db) == {"after"}


async def test_a_listener_that_breaks_does_not_stop_the_writer(db: Database) -> None:
    """Telling somebody goes wrong: the commit stands, the others are told, and the next one is taken."""
    heard: list[Event] = []

    def breaks(events: list[Event]) -> None:
        raise RuntimeError("a listener of ours is broken")

    db.listen(breaks)
    db.listen(heard.extend)
    for _ in range(2):
        async with db.transaction() as tx:
            tx.emit(Event(type="test", organization_id="o", team_id=None, incident_id=None, data={}))
    assert [event.seq for event in heard] == [1, 2]


async def test_closing_lets_the_queue_finish_and_refuses_the_rest(
    database_url: str, clock: StoppedClock
) -> None:
    """What waited for its turn is stored; what comes after is told to come back; nobody hangs."""
    db = await open_database(database_url, clock, migrated=False)
    waiting = [asyncio.create_task(_store(db, f"w{number}")) for number in range(20)]
    await asyncio.sleep(0)
    await db.close()
    assert len(await asyncio.gather(*waiting)) == 20
    with pytest.raises(Unavailable):
        await _store(db, "late")
    again = await open_database(database_url, clock, migrated=False)
    assert len(await _names(again)) == 20
    await again.close()


async def _kill_writers(db: Any) -> None:
    """As an administrator or a failover would: every connection of this database but our own ends."""
    import asyncpg

    killer = await asyncpg.connect(db.url)
    await killer.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await killer.close()


@pytest.fixture
async def postgres_db(postgres_url: str, clock: StoppedClock, anyio_backend: str) -> Any:
    """As `db`, on Postgres alone."""
    database = await open_database(postgres_url, clock, migrated=False)
    yield database
    await database.close()


@pytest.mark.proves("F-37")
async def test_a_killed_connection_is_unavailable_once_and_then_replaced(postgres_db: Database) -> None:
    """Postgres ends our connections in the middle of a transaction: that one is refused, the next ones work."""
    with pytest.raises(Unavailable):
        async with postgres_db.transaction() as tx:
            await _put(tx, "lost")
            await tx.value("SELECT count(*) FROM settings")
            await _kill_writers(postgres_db)
            await tx.value("SELECT count(*) FROM settings")
    await _store(postgres_db, "after")
    await asyncio.gather(*(_look(postgres_db) for _ in range(20)))
    assert await _names(postgres_db) == {"after"}


@pytest.mark.proves("ST-1", "F-37")
async def test_killing_connections_under_load_loses_nothing_that_was_answered(postgres_db: Database) -> None:
    """Ten kills among two hundred writers: whoever was told "stored" is stored, whoever was not was told so."""
    tasks = []
    for number in range(200):
        tasks.append(asyncio.create_task(_store(postgres_db, f"w{number}")))
        await asyncio.sleep(0.001)
        if number % 20 == 10:
            await _kill_writers(postgres_db)
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert not [
        each for each in ended if isinstance(each, Exception) and not isinstance(each, OpenAlertError)
    ]
    stored = {each for each in ended if isinstance(each, str)}
    assert len(stored) > 50
    assert stored <= await _names(postgres_db)


@pytest.mark.proves("HA-1", "F-39")
async def test_a_node_that_stands_still_does_not_hold_the_others_up_for_ever(
    usual_limits: None, postgres_db: Any
) -> None:
    """Postgres itself ends a transaction of ours that does nothing for three seconds, and its turn with it."""
    connection = await postgres_db.writer()
    assert await connection.raw.fetchval("SHOW idle_in_transaction_session_timeout") == "3s"


@pytest.mark.proves("HA-1", "F-35")
async def test_two_nodes_write_at_once_as_if_they_were_one(
    postgres_url: str, clock: StoppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two nodes take in the same storm: one incident a group, numbers and events without gaps or doubles."""
    monkeypatch.setattr(
        "openalert.storage.group_commit.WAIT_SECONDS", 60.0
    )  # whoever waits is not refused here
    nodes = [await open_database(postgres_url, clock, migrated=False) for _ in range(2)]
    world = await World.build(nodes[0], clock)
    await world.policy(level(1, world.alice))
    other = World(nodes[1], clock, world.cast)
    bodies = [world.group(world.alert(f"Alert {number % 7}", host=str(number % 5))) for number in range(60)]

    async def post(node: World, body: Any) -> None:
        await node.post_all([(body, "A")])

    await asyncio.gather(*(post(node, body) for body in bodies for node in (world, other)))
    assert await world.value("SELECT count(*) FROM incidents") == 7
    assert await world.value("SELECT count(*) FROM alerts") == 35
    assert not await broken(nodes[0])
    for node in nodes:
        await node.close()
